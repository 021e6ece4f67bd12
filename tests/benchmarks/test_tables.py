"""No figure of a table is typed: README and docs show those of runs.csv."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

from agents.runs.provenance import ROOT
from benchmarks import tables
from benchmarks.kept_runs import read_results
from benchmarks.result_rows import read_rows
from benchmarks.tables import Arguments, Tables
from glimpse_env.errors import InvalidArgument, MissingData

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
        "networks",
        "readme",
    ]


def test_a_figure_that_was_typed_is_found_and_mended(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = checkout / "README.md"
    right = page.read_text()
    page.write_text(right.replace("| 0.99 % (0.81 .. 1.20) |", "| 0.89 % (0.81 .. 1.20) |"))
    assert page.read_text() != right
    assert tables.main(Arguments(root=checkout, check=True)) == 1
    difference = capsys.readouterr().out
    assert "0.89 %" in difference and "0.99 %" in difference and "results.md" not in difference
    assert tables.main(Arguments(root=checkout)) == 0
    assert page.read_text() == right


def test_a_cell_is_the_evaluation_of_its_row() -> None:
    shown = Tables(read_rows(), read_results())
    rows = {row.name: row for row in shown.rows}
    assert shown.mean_gaze(rows["mnist"]) == "0.99 % (0.81 .. 1.20)"
    assert shown.averaged(rows["mnist"]) == "0.50 % (0.38 .. 0.66)"
    assert shown.at_random(rows["mnist"]) == "35.93 % at test"
    assert shown.at_random(rows["catch"]) == "89.05 % at test, 70.73 % when trained so"
    both = rows["house_numbers_both_ways"]
    assert shown.mean_gaze(both) == "3.32 % (3.03 .. 3.64)" and shown.at_random(both) == ""
    assert (
        shown.mean_gaze(rows["svhn"]) == "not yet measured" and shown.averaged(rows["svhn"]) == ""
    )
    assert shown.averaged(rows["adaptive"]) == ""  # evaluated at the mean gaze alone
    assert "6.8 glimpses an image" in shown.task(rows["adaptive"])


def test_what_is_missing_is_named() -> None:
    row = next(row for row in read_rows() if row.name == "catch")
    with pytest.raises(MissingData, match=f"'catch'.*{row.run}"):
        Tables([row], []).mean_gaze(row)
    results = [result for result in read_results() if result.run == row.run]
    with pytest.raises(MissingData, match=row.trained_at_random):
        Tables([row], results).at_random(row)
    other = dataclasses.replace(results[0], gaze="random")
    assert (
        Tables([row._replace(trained_at_random="")], [other]).at_random(
            row._replace(trained_at_random="")
        )
        == "0.34 % at test"
    )
    with pytest.raises(InvalidArgument, match="generated: tabel"):
        Tables([], []).filled("<!-- generated: tabel -->\n<!-- end -->")


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
