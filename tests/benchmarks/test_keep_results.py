from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import keep_results
from benchmarks.kept_runs import read_curves, read_results
from benchmarks.run_results import results_of
from glimpse_env.errors import InvalidArgument
from tests.benchmarks.conftest import RunMaker


def arguments(tmp_path: Path, *runs: Path, **given: Any) -> keep_results.Arguments:
    files = {"results": tmp_path / "runs.csv", "curves": tmp_path / "curves.csv.xz"}
    return keep_results.Arguments(runs=runs, **files, **given)


def test_runs_are_kept_once_and_their_tables_are_printed(
    make_run: RunMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = [
        {"images": 100 * (i + 1), "validation/error": 0.5 - 0.01 * i, "train/error": 0.5}
        for i in range(30)
    ]
    one = make_run("dram_x-seed0-20260101-000000", {"units": 8}, metrics, result=[{}])
    other = make_run("convnet_y-seed0-20260101-000001", {"network": "plain"}, metrics[:2])
    first = arguments(tmp_path, one, other)
    keep_results.main(first)
    capsys.readouterr()
    kept = [first.results.read_bytes(), first.curves.read_bytes()]
    keep_results.main(first)
    printed = capsys.readouterr().out
    assert kept == [first.results.read_bytes(), first.curves.read_bytes()]
    assert [row.run for row in read_results(first.results)] == [other.name, one.name]
    assert len(read_curves(first.curves)[one.name]) == 30
    assert (
        "| dram_x-seed0-20260101-000000 | 3,000 | one agent | policy | 1 | 900 | 5.22 % |"
        in printed
    )
    curve = printed.split("### convnet_y")[0]
    assert "| 3,000 | 21.00 | 50.0 |" in curve  # the last row is always there
    assert "emission" not in curve and "images=3000 units=8" in curve
    # One of them has been evaluated since; the other stays as it is.
    (other / "result.json").write_text((one / "result.json").read_text())
    keep_results.main(arguments(tmp_path, other))
    rows = read_results(first.results)
    assert [(row.run, row.error) for row in rows] == [(other.name, 5.222), (one.name, 5.222)]


def test_a_picture_is_kept_small(make_run: RunMaker, tmp_path: Path, monkeypatch: Any) -> None:
    run = make_run("ram_x-seed0-20260101-000000")
    picture = np.zeros((30, 40, 3), np.uint8)
    picture[:, 20:] = 200
    Image.fromarray(picture).save(run / "gazes.png")
    monkeypatch.setattr(keep_results, "PICTURES", tmp_path)
    keep_results.main(arguments(tmp_path, run, picture="mnist"))
    seen = np.asarray(Image.open(tmp_path / "mnist.webp")).astype(int)
    assert seen.shape == picture.shape and abs(seen - picture).mean() < 5
    with pytest.raises(InvalidArgument, match="one run"):
        keep_results.main(arguments(tmp_path, run, run, picture="mnist"))


def test_runs_that_differ_in_their_seeds_alone_are_averaged(make_run: RunMaker) -> None:
    def tested(name: str, seed: int, error: float, samples: int = 1, **config: Any) -> Path:
        row = {"samples": samples, "error": error, "interval": [0.0, 99.0], "wrong": seed}
        file = "result" if seed else "evaluation_test_samples1"
        return make_run(name, {"seed": seed} | config, **{file: [row]})

    start = "a/dram_y-seed0-20260101-000000"
    runs = [tested("ram_x-seed0-a", 0, 4.0, start_from=start, published_error="2 %")]
    runs += [tested("ram_x-seed1-b", 1, 7.0, start_from="dram_y-seed1-b")]
    runs += [tested("ram_x-seed1-c", 1, 4.0, start_from="dram_y-seed1-b")]
    runs += [tested("ram_x-seed3-d", 3, 9.0, samples=10, start_from="dram_y-seed1-b")]
    runs += [tested("ram_x-seed1-e", 1, 50.0, units=9), make_run("ram_x-seed4-f")]
    rows = [row for run in runs for row in results_of(run)]
    assert keep_results.over_seeds(rows).splitlines()[2:] == [
        "| ram_x | 3,000 | one agent | policy | 1 | 900 | 0, 1, 1 | 5.00 % | 1.73 | 4.00 .. 7.00 |"
    ]
    assert keep_results.over_seeds([rows[0], rows[0], *rows[3:]]) == ""


def test_what_an_older_checkpoint_read_is_not_taken_for_the_present_one(make_run: RunMaker) -> None:
    """A run that has gone on since an evaluation has two results, each with its own length."""
    rows = []
    for seed, early, late in ((0, 80.0, 40.0), (1, 82.0, 44.0)):
        run = make_run(
            f"x-seed{seed}-20260101-00000{seed}",
            {"seed": seed},
            evaluation_test_samples1=[{"error": early, "trained_images": 200}],
            result=[{"error": late, "trained_images": 900}],
        )
        rows += results_of(run)
    table = keep_results.over_seeds(rows)
    assert "| 200 | one agent | policy | 1 | 900 | 0, 1 | 81.00 % |" in table
    assert "| 900 | one agent | policy | 1 | 900 | 0, 1 | 42.00 % |" in table
