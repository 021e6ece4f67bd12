from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import learning_report, reporting


def make_run(folder: Path, name: str, metrics: list[dict[str, float]], seed: int = 0) -> Path:
    run = folder / name
    run.mkdir()
    (run / "config.json").write_text(json.dumps({"images": 3000, "seed": seed}))
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metrics))
    (run / "checkpoint.pt").write_bytes(b"large")
    return run


def test_runs_are_copied_and_their_evaluations_stand_in_one_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = [
        {"images": 100 * (i + 1), "validation/error": 0.5 - 0.01 * i, "train/error": 0.5}
        for i in range(30)
    ]
    one = make_run(tmp_path, "dram_x-seed0-20260101-000000", metrics)
    other = make_run(tmp_path, "convnet_y-seed0-20260101-000001", metrics[:2])
    result = {"gaze": "policy", "samples": 1, "images": 900, "error": 5.25, "interval": [5.0, 5.5]}
    (one / "result.json").write_text(json.dumps([result]))
    both = result | {"reader": "forward-backward", "samples": 10, "error": 4.0}
    both |= {"parameters": 1234567, "flops_per_image": 3e6, "glimpses_per_image": 7.25}
    name = "evaluation_test_samples10_forward_backward.json"
    (one / name).write_text(json.dumps([both]))
    (other / "result.json").write_text(json.dumps([both | {"gaze": "none"}]))
    config = {"images": 3000, "seed": 0, "start_from": "/some/where/x"}
    (other / "config.json").write_text(json.dumps(config))
    past = {"command": "`python x.py`", "commit": "abc", "versions": "torch 3", "images": 0}
    (other / "provenance.jsonl").write_text(json.dumps(past) + "\n")
    picture = np.zeros((30, 40, 3), np.uint8)
    picture[:, 20:] = 200
    Image.fromarray(picture).save(one / "gazes.png")
    output = tmp_path / "kept"
    learning_report.main(learning_report.Arguments(runs=(one, other), output=output))
    kept = {path.name for path in (output / one.name).iterdir()}
    assert kept == {"config.json", "metrics.jsonl", "result.json", name, "gazes.webp"}
    seen = np.asarray(Image.open(output / one.name / "gazes.webp")).astype(int)
    assert seen.shape == picture.shape and abs(seen - picture).mean() < 5
    assert json.loads((output / other.name / "provenance.jsonl").read_text()) == past
    config = json.loads((output / other.name / "config.json").read_text())
    assert config == {"images": 3000, "seed": 0, "start_from": "x"}
    printed = capsys.readouterr().out
    table = printed.split("### All")[1]
    assert (
        "| dram_x | 3,000 | one agent | policy | 1 | 900 | 5.25 % | 5.00 .. 5.50 |  |  |  |"
        in table
    )
    assert (
        "| forward-backward | policy | 10 | 900 | 4.00 % | 5.00 .. 5.50 | 1,234,567 | 1.50 | 7.25 |"
        in table
    )
    assert "| convnet_y | 200 | forward-backward | none |" in table  # of 3,000 that it is to see
    curve = printed.split("### convnet_y")[0]
    assert "| 3,000 | 21.00 | 50.0 |" in curve  # the last row is always there
    assert "emission" not in curve and "not known" in curve
    assert "- `python x.py`, commit abc, torch 3, images 0" in printed


def test_runs_that_differ_in_their_seeds_alone_are_averaged(tmp_path: Path) -> None:
    def tested(name: str, seed: int, error: float, samples: int = 1, **config: Any) -> Path:
        run = make_run(tmp_path, name, [], seed)
        (run / "config.json").write_text(json.dumps({"seed": seed, "images": 3000} | config))
        row = {"gaze": "policy", "samples": samples, "images": 900, "error": error}
        row["interval"] = [0.0, 9.0]
        file = "result.json" if seed else "evaluation_test_samples1.json"
        (run / file).write_text(json.dumps([row]))
        return run

    runs = [tested("ram_x-seed0-a", 0, 4.0, start_from="a/dram_y-seed0-b", published_error="2 %")]
    runs += [tested("ram_x-seed1-b", 1, 7.0, start_from="dram_y-seed1-b")]
    runs += [tested("ram_x-seed1-c", 1, 4.0, start_from="dram_y-seed1-b")]
    runs += [tested("ram_x-seed3-d", 3, 9.0, samples=10, start_from="dram_y-seed1-b")]
    others = [tested("ram_x-seed1-e", 1, 50.0, images=9), make_run(tmp_path, "ram_x-seed4-f", [])]
    table = learning_report.over_seeds([*runs, *others])
    assert table.splitlines()[2:] == [
        "| ram_x | 3,000 | one agent | policy | 1 | 900 | 0, 1, 1 | 5.00 % | 1.73 | 4.00 .. 7.00 |"
    ]
    assert learning_report.over_seeds([runs[0], runs[0], *others]) == ""


def test_runs_that_are_quoted_are_kept() -> None:
    pages = [path.read_text(encoding="utf-8") for path in reporting.RESULTS.glob("*.md")]
    quoted = re.findall(r"[\w-]+-seed\d+-\d{8}-\d{6}", " ".join(pages))
    assert quoted
    for name in quoted:
        assert (reporting.RESULTS / "runs" / name).is_dir(), name


def test_what_an_older_checkpoint_read_is_not_taken_for_the_present_one(tmp_path: Path) -> None:
    """A run that has gone on since an evaluation has two results, each with its own length."""
    row = {"gaze": "policy", "samples": 1, "images": 900, "interval": [0.0, 9.0]}
    runs = []
    for seed, early, late in ((0, 80.0, 40.0), (1, 82.0, 44.0)):
        run = make_run(tmp_path, f"x-seed{seed}-20260101-00000{seed}", [], seed)
        for file, error, trained in (
            ("evaluation_test_samples1", early, 200),
            ("result", late, 900),
        ):
            content = [row | {"error": error, "trained_images": trained}]
            (run / f"{file}.json").write_text(json.dumps(content))
        runs.append(run)
    table = learning_report.over_seeds(runs)
    assert "| 200 | one agent | policy | 1 | 900 | 0, 1 | 81.00 % |" in table
    assert "| 900 | one agent | policy | 1 | 900 | 0, 1 | 42.00 % |" in table
