from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agents.dram.config import Config
from agents.dram.learning import training
from agents.dram.readers.agent_reader import evaluate
from agents.dram.readers.learner import DramLearner
from agents.evaluation.learner import evaluate_actor
from agents.trainer.envs import make_envs
from tests.agents.conftest import NUMBERS


def learned(config: Config, steps: int) -> tuple[DramLearner, list[int], int]:
    """A learner, what it was called back with, and the steps that its environments counted."""
    learner = DramLearner(config)
    envs = make_envs(config, "train", learner.num_envs)
    taken, inner, running = [0], envs.step, [learner.num_envs]

    def step(action: Any) -> Any:
        taken[0] += running[0]
        found = inner(action)
        running[0] = int((~found[2]).sum()) or learner.num_envs
        return found

    envs.step = step  # type: ignore[method-assign]
    called: list[int] = []
    learner.learn(envs, steps, called.append)
    return learner, called, taken[0]


@pytest.mark.parametrize("name", ["numbers", "rewards", "catch"])
def test_steps_are_those_of_rows_that_are_running(name: str, catch_config: Config) -> None:
    config = catch_config if name == "catch" else NUMBERS
    if name == "rewards":
        config = replace(config, classifier="reinforce", entropy_weight=0.02)
    config = replace(config, num_envs=16)
    _, called, taken = learned(config, 400)
    assert called[0] == 0 and called[-1] == taken and called == sorted(called)
    assert called[-2] < 400 <= called[-1]


def test_the_learning_rate_falls_to_the_last_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where most episodes end early, with more of them than the steps seem to be for."""
    steps, rates = 1600, []
    episodes = steps // 18  # of five digits and the end, three glimpses each
    inner = training.learning_rate

    def noted(config: Config, images: int) -> float:
        rates.append(inner(config, images))
        return rates[-1]

    monkeypatch.setattr(training, "learning_rate", noted)
    config = replace(NUMBERS, num_envs=16, images=episodes)
    learned(config, steps)
    assert len(rates) * 16 > episodes * 1.5  # they did end early
    assert rates == sorted(rates, reverse=True) and rates[0] == config.learning_rate
    assert 0 < rates[-1] < rates[0] / 20


@pytest.mark.parametrize("name", ["numbers", "stripes", "catch", "centre"])
def test_acting_step_by_step_reads_what_the_agent_reads(
    name: str, catch_config: Config, stripes_config: Config
) -> None:
    configs = {
        "numbers": NUMBERS,
        "stripes": stripes_config,
        "catch": catch_config,
        "centre": replace(stripes_config, initial_gaze="center"),
    }
    config = replace(configs[name], num_envs=16)
    learner, _, _ = learned(config, 600)
    found = evaluate_actor(learner, config, "validation", name=name, images=90, num_envs=40)
    expected = evaluate(learner._agent, config, "validation", images=90, num_envs=40)
    assert (found.wrong, found.images) == (expected.wrong, expected.images)
    assert found.mean_labels_right == expected.mean_labels_right
    assert found.parameters == expected.parameters
