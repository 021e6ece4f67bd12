from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents.convnets import presets as convnets
from agents.dram.presets import PRESETS
from benchmarks.kept_runs import find, read_results
from benchmarks.result_rows import ROWS, read_rows
from glimpse_env.errors import CorruptedData


def test_rows_show_runs_that_are_kept_and_presets_that_are_there() -> None:
    rows, results = read_rows(), read_results()
    assert {row.table for row in rows} == {"agents", "networks"}
    for row in rows:
        assert row.task and row.command and row.paper
        assert not row.run or find(results, row.run, reader=row.reader)
        presets = PRESETS if row.table == "agents" else convnets.CONVNET_PRESETS
        for preset in re.findall(r"--preset (\w+)", row.command):
            assert preset in presets, row.name


def test_errors_of_the_papers_are_those_of_the_presets() -> None:
    """Runs that were kept with a caption of their preset have its figure in their row."""
    captions, compared = {result.run: result.published for result in read_results()}, 0
    for row in read_rows():
        caption = captions.get(row.run, "")
        if "%" in row.paper and "%" in caption:
            error = re.escape(row.paper.removeprefix("about "))
            assert re.search(rf"(?<![\d.]){error}", caption), row.name
            compared += 1
    assert compared > 20


@pytest.mark.parametrize(
    ("old", "new"), [("paper", "error"), ("\nagents,mnist_2,", "\nagents,mnist,")]
)
def test_a_damaged_table_is_named(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS.read_text().replace(old, new, 1))
    with pytest.raises(CorruptedData, match=r"rows\.csv"):
        read_rows(path)
