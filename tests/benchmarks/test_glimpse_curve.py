from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest

from benchmarks import glimpse_curve
from benchmarks.kept_runs import Result
from benchmarks.run_results import results_of
from glimpse_env.errors import InvalidArgument, MissingData
from tests.benchmarks.conftest import RunMaker


def kept(make_run: RunMaker, name: str, error: float, glimpses: float, **config: object) -> Result:
    whole = {"env_id": "GlimpseHouseNumbers-v0", "images": 600_000, "reward": "label"} | config
    row = {"error": error, "interval": [error - 0.5, error + 0.5], "glimpses_per_image": glimpses}
    (result,) = results_of(make_run(name, whole, result=[row]))
    return result


def test_the_curve_is_drawn_and_told(
    make_run: RunMaker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results: Sequence[Result] = [
        kept(make_run, "b", 5.25, 6.4, glimpses_per_label=2),
        kept(make_run, "a", 9.0, 3.2, glimpses_per_label=0, glimpse_cost=0.01),
        kept(make_run, "c", 6.0, 4.5, glimpses_per_label=0, start_from="a"),
        kept(make_run, "d", 5.0, 9.6),
        kept(make_run, "e", 4.0, 5.1, glimpses_per_label=0, reward="information"),
    ]
    monkeypatch.setattr(glimpse_curve, "read_results", lambda: results)
    output = tmp_path / "curve.png"
    monkeypatch.setattr(sys, "argv", ["benchmarks/glimpse_curve.py", "a", "b"])
    glimpse_curve.main(glimpse_curve.Arguments(runs=tuple("abcde"), output=output))
    printed = capsys.readouterr().out
    wanted = [
        "| a fixed number for each label | 2 | 600,000 | 6.40 | 5.25 % (4.75 .. 5.75) |",
        "| a fixed number for each label | 3 | 600,000 | 9.60 | 5.00 % (4.50 .. 5.50) |",
        "| decides when to speak | cost 0.01 | 600,000 | 3.20 | 9.00 % (8.50 .. 9.50) |",
        "| decides when to speak | cost 0 | 600,000 more | 4.50 | 6.00 % (5.50 .. 6.50) |",
        "| decides when to speak, credited with information | cost 0 | 600,000 | 5.10 | "
        "4.00 % (3.50 .. 4.50) |",
    ]
    assert printed.splitlines()[2:] == wanted
    told = (tmp_path / "curve.md").read_text()
    assert printed in told and "`python benchmarks/glimpse_curve.py a b`" in told
    picture = cv2.imread(str(output))
    assert picture is not None and (picture < 250).mean() > 0.01


def test_a_run_that_was_not_evaluated_is_named() -> None:
    with pytest.raises(MissingData, match=r"agents/evaluate\.py runs/ram_x"):
        glimpse_curve.point([], "ram_x")


def test_without_runs_nothing_is_overwritten(tmp_path: Path) -> None:
    output = tmp_path / "curve.png"
    with pytest.raises(InvalidArgument, match="name runs"):
        glimpse_curve.main(glimpse_curve.Arguments(runs=(), output=output))
    assert not list(tmp_path.iterdir())
