from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sb3_contrib")

from benchmarks.compare import tuning
from benchmarks.compare.contenders import Player
from benchmarks.compare.entrants import ENTRANTS, takes_part
from benchmarks.compare.tasks import task_named
from benchmarks.compare.tuned import RANGES, TUNED, Options
from benchmarks.compare.tuning import Arguments, Trial, best_options, main, one_round, read_trials


def trial(name: str, options: Options, error: float) -> Trial:
    words = " ".join(f"{option}={value:g}" for option, value in options.items())
    usual: dict[str, Any] = {"budget": 100, "seed": 0, "cpu_seconds": 1.0, "date": "", "commit": ""}
    return Trial(learner=name, options=words, error=error, **usual)


@pytest.fixture(autouse=True)
def digits(synthetic_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn digits in the place of MNIST."""
    monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_mnist))


@pytest.fixture
def bowl(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """Learners that are best with b=2 where a=1, and with b=3 where a=5; a=5 is better."""
    tried: list[Options] = []

    def measured(name: str, task: str, budget: int, seed: int, options: Options) -> Trial:
        tried.append(dict(options))
        wanted = {1: 2, 5: 3, 0.25: 2}[options["a"]]
        return trial(name, options, 10 * (options["a"] != 5) + abs(options["b"] - wanted))

    monkeypatch.setattr(tuning, "_try", measured)
    monkeypatch.setitem(RANGES, "one", {"a": (1, 0.25, 5), "b": (1, 2, 3)})
    return tried


def test_a_round_keeps_the_best_of_each_option_in_turn(bowl: list[Options]) -> None:
    trials = one_round("one", "mnist", 100, 0)
    pairs = [(one["a"], one["b"]) for one in bowl]
    assert pairs == [(1, 1), (0.25, 1), (5, 1), (5, 2), (5, 3)]  # b is tried where a is best
    assert [one.options for one in trials][1] == "a=0.25 b=1"
    best = best_options(trials)
    assert best == {"a": 5, "b": 3} and isinstance(best["a"], int)


def test_options_reach_the_learner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(RANGES, "hybrid", {"learning_rate": (5e-4,), "num_envs": (8,)})
    arguments = Arguments(("hybrid",), budget=256, workers=1, trials=tmp_path / "trials.csv")
    found = one_round("hybrid", "mnist", 256, 3)
    assert found[0].options == "learning_rate=0.0005 num_envs=8" and 0 <= found[0].error <= 100
    tuning.write_csv(Trial, found, arguments.trials)
    main(arguments)  # it is there: nothing is run
    assert read_trials(arguments.trials) == found
    for name, ranges in RANGES.items():
        last = {option: values[-1] for option, values in ranges.items()}
        config = Player(name, task_named("mnist"), 0, 10_000, **last).learner.config  # type: ignore[attr-defined]
        assert {option: getattr(config, option) for option in last} == last


def test_learners_take_part_with_what_was_found() -> None:
    """And those that are a learner with something else, with the options of that learner."""
    trials = read_trials()
    found = {name: best_options(rows) for name, rows in groupby(trials, lambda one: one.learner)}
    assert found == TUNED
    mnist, game = task_named("mnist"), task_named("catch12")
    for name, entrant in ENTRANTS.items():
        options = TUNED.get(entrant.like or name, {})
        if entrant.make and takes_part(name, mnist):
            config = Player(name, mnist, 0, 10_000).learner.config  # type: ignore[attr-defined]
            assert {option: getattr(config, option) for option in options} == options
    starts = {option: values[0] for option, values in RANGES["ppo"].items()}
    config = Player("ppo", game, 0, 10_000).learner.config  # type: ignore[attr-defined]
    assert {option: getattr(config, option) for option in starts} == starts


def test_the_table_says_what_was_tried(bowl: list[Options]) -> None:
    row = tuning.tuning_table(one_round("one", "mnist", 100, 0)).splitlines()[2]
    assert row == "| `one` | a 1, 0.25, 5; b 1, 2, 3 | 11.0 | a 5; b 3 | 0.0 |"
