"""No figure of a table is typed: README and docs show those of runs.csv."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from agents.runs.provenance import ROOT
from benchmarks import tables
from benchmarks.kept_runs import Result, read_results
from benchmarks.result_rows import Row
from benchmarks.run_results import results_of
from benchmarks.tables import Arguments, Tables
from glimpse_env.errors import InvalidArgument, MissingData
from tests.benchmarks.conftest import RunMaker

RUN = re.compile(r"[\w-]+-seed\d+-\d{8}-\d{6}")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/results.md"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_pages_show_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert tables.main(Arguments(check=True)) == 0, capsys.readouterr().out
    pages = (ROOT / "README.md").read_text() + (ROOT / "docs" / "results.md").read_text()
    assert sorted(re.findall(r"<!-- generated: (\w+) -->", pages)) == [
        "agents",
        "gaps",
        "networks",
        "readme",
    ]


def test_a_figure_that_was_typed_is_found_and_mended(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = checkout / "README.md"
    right = page.read_text()
    figure = re.search(r"\| (\d+\.\d\d %) \(", right)
    assert figure
    page.write_text(right.replace(figure[1], "0.01 %", 1))
    assert tables.main(Arguments(root=checkout, check=True)) == 1
    difference = capsys.readouterr().out
    assert "0.01 %" in difference and figure[1] in difference and "results.md" not in difference
    assert tables.main(Arguments(root=checkout)) == 0
    assert page.read_text() == right


ROW = Row(
    table="agents",
    name="catch",
    task="Catch, {glimpses:.1f} glimpses, {images:,} games",
    command="`train_dram.py --preset ram_catch`",
    took="12 minutes",
    paper="about 15 %",
    run="ram_catch-seed0-a",
    reader="",
    trained_at_random="ram_catch-seed0-b",
    readme="",
)


@pytest.fixture
def results(make_run: RunMaker) -> list[Result]:
    counted = {"error": 0.341, "interval": [0.244, 0.475], "glimpses_per_image": 6.78}
    run = make_run(
        ROW.run,
        result=[
            counted,
            counted | {"samples": 10, "error": 0.333},
            {"gaze": "random", "error": 89.054},
            counted | {"reader": "forward-backward with x", "error": 0.12, "interval": [0.1, 0.2]},
        ],
    )
    control = make_run(ROW.trained_at_random, result=[{"gaze": "random", "error": 70.731}])
    return [*results_of(run), *results_of(control)]


def test_cells_are_evaluations_of_the_rows_run(results: list[Result]) -> None:
    both = ROW._replace(name="both", reader="forward-backward", trained_at_random="")
    nothing = ROW._replace(name="svhn", task="SVHN", took="", run="", trained_at_random="")
    lines = Tables([ROW, both, nothing], results).agents().splitlines()
    assert lines[2:] == [
        "| Catch, 6.8 glimpses, 3,000 games | `train_dram.py --preset ram_catch`, 12 minutes "
        "| about 15 % | 0.34 % (0.24 .. 0.47) | 0.33 % (0.24 .. 0.47) "
        "| 89.05 % at test, 70.73 % when trained so |",
        "| Catch, 6.8 glimpses, 3,000 games | `train_dram.py --preset ram_catch`, 12 minutes "
        "| about 15 % | 0.12 % (0.10 .. 0.20) |  |  |",
        "| SVHN | `train_dram.py --preset ram_catch` | about 15 % | not yet measured |  |  |",
    ]


def test_what_is_missing_is_named(results: list[Result]) -> None:
    with pytest.raises(MissingData, match=r"'catch'.*ram_catch-seed0-a"):
        Tables([ROW], []).mean_gaze(ROW)
    with pytest.raises(MissingData, match="ram_catch-seed0-b"):
        Tables([ROW], results[:-1]).at_random(ROW)
    with pytest.raises(InvalidArgument, match="generated: tabel"):
        Tables([], []).filled("<!-- generated: tabel -->\n<!-- end -->")


def test_a_text_takes_errors_from_the_rows_it_names(results: list[Result]) -> None:
    shown = Tables([ROW], results)
    assert shown.told("{catch} and {catch_averaged}") == "0.34 % and 0.33 %"
    with pytest.raises(InvalidArgument, match="'cacth'"):
        shown.told("{cacth}")


def test_runs_that_pages_quote_are_kept() -> None:
    pages = [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *tables.ROOT.glob("benchmarks/**/*.md"),
    ]
    kept = {result.run for result in read_results()}
    quoted = set(RUN.findall(" ".join(path.read_text(encoding="utf-8") for path in pages)))
    assert quoted and quoted <= kept, quoted - kept


def test_every_note_is_listed_and_links_lead_somewhere() -> None:
    lab = ROOT / "docs" / "lab"
    notes = {path.name for path in lab.glob("*.md")} - {"README.md"}
    assert (
        set(re.findall(r"\]\((\d{4}-\d\d-\d\d-[\w-]+\.md)\)", (lab / "README.md").read_text()))
        == notes
    )
    for path in lab.glob("*.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (lab / target).exists(), (path.name, target)


def test_every_picture_is_shown_somewhere() -> None:
    pages = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
    for picture in (ROOT / "docs" / "pictures").iterdir():
        assert f"pictures/{picture.name}" in pages, picture.name
