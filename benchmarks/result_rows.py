"""What the rows of the tables say beside their figures: `results/rows.csv`, kept by hand.

The figures are those of the row's run in `results/runs.csv`; `python benchmarks/tables.py` puts
both together. When a better run is kept, its name takes the place of the older one here.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from benchmarks import reporting
from glimpse_env.errors import CorruptedData

ROWS = reporting.RESULTS / "rows.csv"


class Row(NamedTuple):
    """A row of a table: what was trained, and which run has its figures."""

    table: str
    """"agents", or "networks" that see whole images."""
    name: str
    """One word for it; no other row has it."""
    task: str
    """In words; `{glimpses}` and `{images}` in it become those of the run."""
    command: str
    """What trains it, as Markdown; scripts are those of agents/."""
    took: str
    """How long that took, in words, where it is known."""
    paper: str
    """The paper's error, as it is printed there; "none" where there is none."""
    run: str
    """Run in runs.csv; empty where nothing has been measured."""
    reader: str
    """"forward-backward" where two agents read together; else empty."""
    trained_at_random: str
    """Run of the control that was trained with random gazes, if there is one."""
    readme: str
    """The task in the words of README.md; empty for rows that are not there."""
    pretrained: str = ""
    """Agent of the row that comes with the repository; empty where none does."""


def read_rows(path: Path = ROWS) -> list[Row]:
    """All rows, in the order of the tables.

    Raises:
        CorruptedData: The file has other columns, or two rows have one name.
    """
    with path.open(encoding="utf-8", newline="") as file:
        try:
            rows = [Row(**line) for line in csv.DictReader(file)]
        except TypeError as error:
            raise CorruptedData(f"{path}: {error}; its columns are {Row._fields}") from error
    names = [row.name for row in rows]
    for name in names:
        if names.count(name) > 1:
            raise CorruptedData(f"{path}: two rows are called {name!r}; rename one")
    return rows
