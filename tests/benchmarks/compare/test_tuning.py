from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sb3_contrib")

from benchmarks.compare import tuning
from benchmarks.compare.contenders import Player
from benchmarks.compare.entrants import ENTRANTS
from benchmarks.compare.tasks import task_named
from benchmarks.compare.tuned import RANGES, TUNED, Options
from benchmarks.compare.tuning import (
    Arguments,
    Trial,
    best_options,
    keep,
    main,
    one_round,
    read_trials,
)
from glimpse_env.errors import InvalidArgument

MNIST, GAME = task_named("mnist"), task_named("catch12")


@pytest.fixture(autouse=True)
def digits(synthetic_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn digits in the place of MNIST."""
    monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_mnist))


def trial(name: str, error: float, **options: float) -> Trial:
    words = " ".join(f"{option}={value:g}" for option, value in options.items())
    usual: dict[str, Any] = {"budget": 100, "seed": 0, "cpu_seconds": 1.0, "date": "", "commit": ""}
    return Trial(learner=name, options=words, error=error, **usual)


@pytest.fixture
def bowl(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """A learner that is best with b=2 where a=1, and with b=3 where a=5; a=5 is better."""
    tried: list[Options] = []

    def measured(name: str, budget: int, options: Options, code: str) -> Trial:
        tried.append(dict(options))
        wanted = {1: 2, 5: 3, 0.25: 2}[options["a"]]
        error = 10.0 * (options["a"] != 5) + abs(options["b"] - wanted)
        return trial(name, error, **options)

    monkeypatch.setattr(tuning, "_try", measured)
    monkeypatch.setitem(RANGES, "one", {"a": (1, 0.25, 5), "b": (1, 2, 3)})
    return tried


def options_of(learner: Any, names: Options) -> Options:
    return {name: getattr(learner.config, name) for name in names}


def test_a_round_keeps_the_best_of_each_option_in_turn(bowl: list[Options]) -> None:
    trials = one_round("one")
    pairs = [(one["a"], one["b"]) for one in bowl]
    assert pairs == [(1, 1), (0.25, 1), (5, 1), (5, 2), (5, 3)]  # b is tried where a is best
    assert trials[1].options == "a=0.25 b=1"
    best = best_options(trials)
    assert best == {"a": 5, "b": 3} and isinstance(best["a"], int)
    row = tuning.tuning_table(trials).splitlines()[2]
    assert row == "| `one` | a 1, 0.25, 5; b 1, 2, 3 | 11.0 | a 5; b 3 | 0.0 |"


def test_a_trial_learns_with_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RANGES, "hybrid", {"learning_rate": (5e-4,), "num_envs": (8,)})
    found = one_round("hybrid", budget=256)
    assert [one.options for one in found] == ["learning_rate=0.0005 num_envs=8"]
    assert 0 <= found[0].error <= 100 and found[0].cpu_seconds > 0


@pytest.mark.usefixtures("bowl")
def test_what_is_tuned_is_not_tuned_again(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    known = [trial("hybrid", 1, a=1), trial("ppo", 2, a=2)]
    keep(known, path)
    assert main(Arguments(("one", "hybrid", "one"), workers=0, trials=path)) == 0
    assert len(read_trials(path)) == len(known) + 5
    keep([trial("ppo", 3, a=3)], path)  # in the place of what was there of it
    kept = [(one.learner, one.options) for one in read_trials(path) if one.learner != "one"]
    assert kept == [("hybrid", "a=1"), ("ppo", "a=3")]
    with pytest.raises(InvalidArgument, match="nobody"):
        main(Arguments(("nobody",), trials=path))


def test_a_learner_that_fails_takes_none_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def apart(name: str, folder: Path) -> int:
        if name == "sac":
            return 3
        keep([trial(name, 1, a=1)], folder / f"{name}.csv")
        return 0

    monkeypatch.setattr(tuning, "_tuned_apart", apart)
    path = tmp_path / "trials.csv"
    arguments = Arguments(("sac", "ppo", "a2c"), workers=1, trials=path, runs=tmp_path)
    assert main(arguments) == 3
    assert [one.learner for one in read_trials(path)] == ["a2c", "ppo"]
    assert "sac: stopped (3)" in capsys.readouterr().out


@pytest.mark.parametrize("name", RANGES)
def test_options_reach_the_learner(name: str) -> None:
    last = {option: values[-1] for option, values in RANGES[name].items()}
    assert options_of(Player(name, MNIST, 0, 10_000, **last).learner, last) == last


@pytest.mark.parametrize("name", RANGES)
def test_a_round_starts_from_what_the_learner_has(name: str) -> None:
    make, first = ENTRANTS[name].make, {one: values[0] for one, values in RANGES[name].items()}
    assert make and options_of(make(MNIST, 0, 10_000), first) == first


def test_learners_take_part_with_what_was_found() -> None:
    found = {
        name: best_options(rows) for name, rows in groupby(read_trials(), lambda one: one.learner)
    }
    assert found == TUNED and set(TUNED) == set(RANGES)
    for name, options in TUNED.items():
        assert options_of(Player(name, MNIST, 0, 10_000).learner, options) == options


def test_some_share_the_options_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hybrid", "reinforce", "ppo", "ppo-stack"):
        monkeypatch.setitem(TUNED, name, {"learning_rate": len(name) / 1e4})
    for name, task, model in (
        ("random-gaze", "mnist", "hybrid"),
        ("center-gaze", "mnist", "hybrid"),
        ("reinforce-curriculum", "cluttered60", "reinforce"),
        ("ppo-informed", "mnist", "ppo"),
        ("ppo-stack-informed", "mnist", "ppo-stack"),
    ):
        learner: Any = Player(name, task_named(task), 0, 10_000).learner
        assert learner.config.learning_rate == len(model) / 1e4, name


def test_games_go_without(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hybrid", "ppo"):
        monkeypatch.setitem(TUNED, name, {"learning_rate": 0.5})
    for name in ("random-gaze", "ppo"):
        learner: Any = Player(name, GAME, 0, 10_000).learner
        assert learner.config.learning_rate < 0.5
