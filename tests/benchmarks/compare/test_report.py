from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare import report
from benchmarks.compare.groups import groups_of
from benchmarks.compare.outcomes import Outcome, Run, keep, read_outcomes, write_outcomes
from benchmarks.compare.plots import draw
from benchmarks.kept_runs import Curve, read_curves
from glimpse_env.errors import CorruptedData


def outcome(**given: Any) -> Outcome:
    """A run as it is kept."""
    usual: dict[str, Any] = {"task": "mnist", "env_id": "GlimpseMNIST-v0", "env_options": ""}
    usual |= {"learner": "ppo", "options": "algo=ppo", "seed": 0, "budget": 1000, "steps": 1024}
    usual |= {"cpu_seconds": 2.5, "seconds": 3.0, "n": 100, "wrong": 40, "error": 40.0}
    usual |= {"low": 31.0, "high": 50.0, "parameters": 12, "date": "2026-11-28"}
    return Outcome(**(usual | {"commit": "abc", "machine": "a CPU, 2 cores"} | given))


def curve(*errors: float) -> Curve:
    return [
        {"images": 500.0 * (place + 1), "validation/error": error}
        for place, error in enumerate(errors)
    ]


def kept(*outcomes: Outcome) -> tuple[list[Outcome], dict[str, Curve]]:
    return [*outcomes], {one.run.name: curve(0.9, one.error / 100) for one in outcomes}


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    path, curves = tmp_path / "a.csv", tmp_path / "c.csv.xz"
    first, second = outcome(), outcome(learner="hybrid", error=2.5)
    for one in (second, first):
        keep([(vars(one), curve(0.5))], path, curves)
    assert read_outcomes(path) == [second, first]  # by their names
    better = outcome(error=12.0)
    keep([(vars(better), curve(0.25))], path, curves)  # the same run: in its place
    assert read_outcomes(path) == [second, better]
    assert read_curves(curves)[better.run.name][0]["validation/error"] == 0.25
    assert len(read_curves(curves)) == 2 and read_outcomes(tmp_path / "none.csv") == []
    assert better.run == Run("mnist", "ppo", 1000, 0)
    path.write_text(path.read_text().replace("cpu_seconds", "cpu"))
    with pytest.raises(CorruptedData, match=re.escape(str(path))):
        read_outcomes(path)


def test_budgets_and_tasks_are_never_mixed() -> None:
    several = [outcome(seed=seed, error=error) for seed, error in ((1, 30.0), (0, 10.0), (2, 20.0))]
    others = [outcome(budget=9000, error=1.0), outcome(task="catch12", learner="ram", error=77.0)]
    groups = groups_of(*kept(*several, *others))
    found = [(one.task, one.budget, one.seeds) for one in groups]
    assert found == [("catch12", 1000, "0"), ("mnist", 1000, "0, 1, 2"), ("mnist", 9000, "0")]
    assert groups[1].middle == pytest.approx(20) and groups[1].interval == pytest.approx((10, 30))
    for group in groups:  # a run and its curve stand at the same place
        ends = [100 * one[-1]["validation/error"] for one in group.curves]
        assert ends == pytest.approx(group.errors)
    text = report.algorithms(*kept(*several, *others))
    assert text.index("**catch12**") < text.index("1,000 steps") < text.index("9,000 steps")
    assert "| 20.0 (10.0 .. 30.0) | 10.0 .. 30.0 |" in text
    assert "| 77.0 | 77.0 .. 77.0 |" in text  # one seed: no interval
    # from 90 % at 500 steps to 20 % at 1,000, and two of three seeds reach the goal of mnist
    assert "not reached" in text and "| 1,000 |" in text
    assert report.algorithms([], {}) == report.NOTHING


def test_plots_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from PIL import Image

    runs = [outcome(learner=name, seed=seed) for name in ("ppo", "hybrid") for seed in (0, 1)]
    path = draw(groups_of(*kept(*runs)), tmp_path)
    assert path.name == "algorithms_mnist_1000.webp"
    with Image.open(path) as picture:
        assert picture.size[0] > 1000


def test_files_are_sorted_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_outcomes([outcome(seed=2), outcome(seed=1)], path)
    assert [one.seed for one in read_outcomes(path)] == [1, 2]


def test_seeds_with_other_options_are_no_group() -> None:
    with pytest.raises(CorruptedData, match="1000 steps, ppo"):
        groups_of(*kept(outcome(seed=0), outcome(seed=1, options="algo=ppo steps=16")))
