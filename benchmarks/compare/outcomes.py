"""What is kept of a comparison: `results/algorithms.csv`, a row a run, and the runs' curves."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from agents.runs.files import write_atomically
from benchmarks import reporting
from benchmarks.kept_runs import Curve, read_curves, write_curves
from glimpse_env.errors import CorruptedData

OUTCOMES = reporting.RESULTS / "algorithms.csv"
CURVES = reporting.RESULTS / "algorithm_curves.csv.xz"


class Run(NamedTuple):
    """What is to be run: no two runs are alike in all of this."""

    task: str
    learner: str
    budget: int  # environment steps that were asked for
    seed: int

    @property
    def name(self) -> str:
        """A name for its folder and its curve."""
        learner = self.learner.replace(":", ".")
        return f"{self.task}-{learner}-{self.budget}-seed{self.seed}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run: a row of algorithms.csv, its fields the columns."""

    task: str
    """Name in tasks.py."""
    env_id: str
    """The environment."""
    env_options: str
    """Its keywords over its own defaults, `name=value`."""
    learner: str
    """Name in entrants.py."""
    options: str
    """Those of the learner's configuration that differ from its defaults, `name=value`."""
    seed: int
    """Of weights, images and noise."""
    budget: int
    """Environment steps that were asked for."""
    steps: int
    """Those that were taken: the last update goes to its end."""
    cpu_seconds: float
    """Processor time of the learning, without the evaluations."""
    seconds: float
    """The same on the clock."""
    n: int
    """Test images, or games, read once, after the last step."""
    wrong: int
    """Those with any label wrong, or lost."""
    error: float
    """Percent."""
    low: float
    """Lower end of the 95 % interval that the number of images leaves, percent."""
    high: float
    """Upper end."""
    parameters: int
    """Numbers that were learned."""
    date: str
    """Day."""
    commit: str
    """Commit of the code."""
    machine: str
    """CPU, cores and threads."""

    @property
    def run(self) -> Run:
        """Which run it was."""
        return Run(self.task, self.learner, self.budget, self.seed)


_TYPES = {
    field.name: {"int": int, "float": float}.get(str(field.type), str)
    for field in dataclasses.fields(Outcome)
}


def read_outcomes(path: Path = OUTCOMES) -> list[Outcome]:
    """All rows of such a file; none if there is no file.

    Raises:
        CorruptedData: A column is missing, unknown, or has something else than its numbers.
    """
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        try:
            return [
                Outcome(**{name: _TYPES[name](text) for name, text in row.items()})
                for row in csv.DictReader(file)
            ]
        except (TypeError, ValueError, KeyError) as error:
            raise CorruptedData(f"{path}: {error}; take it from git again") from error


def write_outcomes(outcomes: Iterable[Outcome], path: Path = OUTCOMES) -> None:
    """Write such a file, by task, learner, budget and seed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(_TYPES), lineterminator="\n")
    writer.writeheader()
    writer.writerows(dataclasses.asdict(one) for one in sorted(outcomes, key=lambda one: one.run))
    write_atomically(path, text.getvalue().encode())


def keep(
    found: Iterable[tuple[dict[str, Any], Curve]], outcomes: Path = OUTCOMES, curves: Path = CURVES
) -> None:
    """Put runs into both files, in the place of what was there of them.

    Args:
        found: Rows and curves of runs; a curve's `images` are steps.
        outcomes: File of rows.
        curves: File of curves.
    """
    kept = {one.run: one for one in read_outcomes(outcomes)}
    lines = read_curves(curves)
    for row, curve in found:
        outcome = Outcome(**row)
        kept[outcome.run] = outcome
        lines[outcome.run.name] = curve
    write_outcomes(kept.values(), outcomes)
    write_curves(lines, curves)
