from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import pytest

from benchmarks import glimpse_curve
from glimpse_env.errors import InvalidArgument, MissingData

# As in a run that sets nothing.
CONFIG = {
    "env_id": "GlimpseHouseNumbers-v0",
    "images": 600_000,
    "glimpses_per_label": None,
    "glimpse_cost": None,
    "credit": "environment",
}


def make_run(folder: Path, name: str, error: float, glimpses: float, **config: object) -> Path:
    run = folder / name
    run.mkdir()
    (run / "config.json").write_text(json.dumps(CONFIG | config))
    found = {"error": error, "interval": [error - 0.5, error + 0.5], "glimpses_per_image": glimpses}
    (run / "evaluation_test_samples1_policy.json").write_text(json.dumps([found]))
    return run


def test_the_curve_is_drawn_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = (
        make_run(tmp_path, "b", 5.25, 6.4, glimpses_per_label=2),
        make_run(tmp_path, "a", 9.0, 3.2, glimpses_per_label=0, glimpse_cost=0.01),
        make_run(tmp_path, "c", 6.0, 4.5, glimpses_per_label=0, start_from="a"),
        make_run(tmp_path, "d", 5.0, 9.6),
        make_run(tmp_path, "e", 4.0, 5.1, glimpses_per_label=0, credit="information"),
    )
    output = tmp_path / "curve.png"
    monkeypatch.setattr(sys, "argv", ["benchmarks/glimpse_curve.py", "runs/a", "runs/b"])
    glimpse_curve.main(glimpse_curve.Arguments(runs=runs, output=output))
    printed = capsys.readouterr().out
    wanted = [
        "| a fixed number for each label | 2 | 600,000 | 6.40 | 5.25 % (4.75 .. 5.75) |",
        "| a fixed number for each label | 3 | 600,000 | 9.60 | 5.00 % (4.50 .. 5.50) |",
        "| decides when to speak | cost 0.01 | 600,000 | 3.20 | 9.00 % (8.50 .. 9.50) |",
        "| decides when to speak | cost 0 | 600,000 more | 4.50 | 6.00 % (5.50 .. 6.50) |",
        "| decides when to speak, rewarded by information | cost 0 | 600,000 | 5.10 | "
        "4.00 % (3.50 .. 4.50) |",
    ]
    assert printed.splitlines()[2:] == wanted
    told = (tmp_path / "curve.md").read_text()
    assert printed in told and "`python benchmarks/glimpse_curve.py runs/a runs/b`" in told
    picture = cv2.imread(str(output))
    assert picture is not None and (picture < 250).mean() > 0.01


def test_a_run_that_was_not_evaluated_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(MissingData, match=r"agents/evaluate\.py"):
        glimpse_curve.read(tmp_path)


def test_without_runs_nothing_is_overwritten(tmp_path: Path) -> None:
    output = tmp_path / "curve.png"
    with pytest.raises(InvalidArgument, match="name runs"):
        glimpse_curve.main(glimpse_curve.Arguments(runs=(), output=output))
    assert not list(tmp_path.iterdir())
