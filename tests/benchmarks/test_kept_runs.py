from __future__ import annotations

import dataclasses
import lzma
from pathlib import Path

import pytest

from benchmarks import kept_runs
from benchmarks.kept_runs import Result, find
from glimpse_env.errors import CorruptedData

ABOUT = Result(
    run="x-seed0-20260101-000000",
    trainer="dram",
    preset="x",
    options="units=128 convolutions=64,64 'image_folder=my photos, new'",
    train_env="GlimpseMNIST-v0",
    seed=0,
    published='RAM table 1a, "6 glimpses": 1.12 %',
    date="2026-01-01",
    commit="",
    machine="",
    images=3000,
    seconds=None,
)
TESTED = dataclasses.replace(
    ABOUT, split="test", test_env="GlimpseMNIST-v0", reader="one agent", gaze="policy", samples=1
)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    measured = dataclasses.replace(TESTED, n=900, error=5.222, low=3.949, high=6.875, glimpses=6.0)
    kept_runs.write_results([measured, dataclasses.replace(ABOUT, run="a")], path)
    assert kept_runs.read_results(path) == [dataclasses.replace(ABOUT, run="a"), measured]
    assert kept_runs.options_of(measured) == {
        "units": "128",
        "convolutions": "64,64",
        "image_folder": "my photos, new",
    }
    assert kept_runs.read_results(tmp_path / "none.csv") == []


@pytest.mark.parametrize(("old", "new"), [("images", "pictures"), (",3000,", ",many,")])
def test_a_damaged_file_is_named(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "runs.csv"
    kept_runs.write_results([ABOUT], path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(CorruptedData, match=r"runs\.csv"):
        kept_runs.read_results(path)


def test_curves_are_read_as_they_were_written_but_for_rounding(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv.xz"
    curves = {
        "b": [{"images": 45_000_704, "validation/error": 0.0615, "train/error": 1 / 3}],
        "a": [{"images": 100, "validation/error": 0.5}, {"images": 200}],
    }
    kept_runs.write_curves(curves, path)
    read = kept_runs.read_curves(path)
    assert list(read) == ["a", "b"] and read["a"] == curves["a"]
    assert read["b"] == [{"images": 45_000_704, "validation/error": 0.0615, "train/error": 0.33333}]
    head, *rows = lzma.decompress(path.read_bytes()).decode().splitlines()
    assert head == "run,images,train/error,validation/error" and len(rows) == 3
    once = path.read_bytes()
    kept_runs.write_curves(read, path)
    assert path.read_bytes() == once  # what git sees does not change by being read and written


def test_the_evaluation_after_most_images_is_found_and_of_those_the_first() -> None:
    early, end, again = (
        dataclasses.replace(TESTED, images=images, error=error)
        for images, error in ((100, 9.0), (3000, 5.0), (3000, 5.1))
    )
    both = dataclasses.replace(end, reader="forward-backward", images=6000)
    random = dataclasses.replace(end, gaze="random", error=90.0)
    ten = dataclasses.replace(end, samples=10, error=4.0)
    validation = dataclasses.replace(end, split="validation", images=9000)
    results = [early, end, again, both, random, ten, validation, ABOUT]
    assert find(results, ABOUT.run) is end
    assert find(results, ABOUT.run, reader="forward-backward") is both
    assert find(results, ABOUT.run, gaze="random") is random
    assert find(results, ABOUT.run, samples=10) is ten
    assert find(results, "other") is None
    network = dataclasses.replace(end, reader="whole images", gaze="none")
    assert find([network], ABOUT.run) is network


def test_what_is_kept_is_one_piece() -> None:
    """Every run has its curve, no evaluation stands there twice, and intervals hold errors."""
    results, curves = kept_runs.read_results(), kept_runs.read_curves()
    assert {result.run for result in results} == set(curves)
    assert len(set(results)) == len(results)
    for result in results:
        if result.split:
            assert result.error is not None and result.wrong is not None and result.n
            assert result.error == pytest.approx(100 * result.wrong / result.n, abs=6e-4)
            assert (result.low or 0) <= result.error <= (result.high or 0)
        assert not {"reward", "label"} & set(kept_runs.options_of(result))
