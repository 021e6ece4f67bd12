from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("sb3_contrib")

from agents.dram.model.build import load_agent
from agents.dram.readers.information import KnownBy
from benchmarks.compare import shaped
from benchmarks.compare.contenders import training_envs
from benchmarks.compare.entrants import takes_part
from benchmarks.compare.tasks import TASKS, task_named
from glimpse_env.errors import InvalidArgument


@pytest.fixture(autouse=True)
def digits(synthetic_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn digits in the place of MNIST."""
    monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_mnist))


def test_glimpses_earn_what_they_tell_the_reader() -> None:
    """An episode that says a wrong label adds up to the weight times what was learned."""
    keywords: dict[str, Any] = {"num_envs": 8, "autoreset_mode": "disabled"}
    made = gym.make_vec("GlimpseMNIST-v0", **keywords)
    paid = shaped.informed(made, weight=0.25)  # type: ignore[arg-type]
    plain = gym.make_vec("GlimpseMNIST-v0", **keywords)
    known = KnownBy(load_agent(shaped.READER)[0], sees_at_reset=True)
    everyone, nobody = np.ones(8, bool), np.zeros(8, bool)
    paid.reset(seed=0)
    first = last = known(*plain.reset(seed=0), everyone, everyone)
    earned, over = np.zeros(8), nobody
    rng = np.random.default_rng(0)
    while not over.any():
        target = plain.episodes.target  # type: ignore[attr-defined]
        action = {"gaze": rng.uniform(-1, 1, (8, 2)), "label": (target + 1) % 10}
        earned += paid.step(action)[1]
        observation, _, over, _, info = plain.step(action)
        if not over.any():
            last = known(observation, info, nobody, everyone)
    np.testing.assert_allclose(earned, 0.25 * (last - first), atol=1e-6)
    assert np.abs(earned).max() > 0.05


def test_distractors_come_one_by_one() -> None:
    task = task_named("cluttered60")
    learner = shaped.curriculum(task, 0, 8000)
    envs = training_envs(task, learner)
    found: list[tuple[int, int]] = []
    learner.learn(envs, 8000, lambda taken: found.append((taken, envs.recipe["num_distractors"])))
    assert {present for _, present in found} == {0, 1, 2, 3, 4}
    for taken, present in found:
        assert present == min(taken // 1000, 4)
    assert task.env_options() == {}  # it is tested with all of them


def test_numbers_of_one_digit_come_before_those_of_two() -> None:
    task = task_named("house-numbers-2")
    learner = shaped.curriculum(task, 0, 4000, num_envs=64)
    envs = training_envs(task, learner)
    found: list[tuple[int, int]] = []

    def noted(taken: int) -> None:
        digits = (envs.episodes.rows.labels >= 0).sum(1)  # type: ignore[attr-defined]
        found.append((taken, int(digits.max())))

    learner.learn(envs, 4000, noted)
    seen = {(taken >= 2000, longest) for taken, longest in found}
    assert seen == {(False, 1), (True, 2)}


def test_a_task_without_stages_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="cluttered60"):
        shaped.curriculum(task_named("mnist"), 0, 1000)


def test_each_is_for_its_task() -> None:
    for name, where in (("ppo-informed", {"mnist"}), ("reinforce-curriculum", {*shaped.STAGES})):
        for task in TASKS.values():
            assert takes_part(name, task) == (task.name in where)
