from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor

from agents.dram.config import Config
from agents.dram.learning.objectives import hybrid_loss
from agents.dram.learning.training import Training
from agents.dram.model.build import make_agent
from agents.dram.model.gazes import sampled_gaze
from agents.dram.model.noise import RowNoise
from agents.dram.rollouts.collect import collect
from agents.dram.rollouts.rollout import Rollout
from agents.dram.rollouts.rows import Leaving, Staying
from agents.trainer.envs import make_reading_envs
from glimpse_env.errors import InvalidArgument
from tests.agents import conftest
from tests.agents.conftest import GAZES, noise
from tests.device_alone import device_alone

NUMBERS = replace(conftest.NUMBERS, num_envs=16, warmup=0.1, images=1000)
TORCH = "cpu:0"  # a device beside "cpu": environments on torch, where nothing may wait


def both(config: Config, samples: int) -> tuple[Rollout, Rollout]:
    """The same episodes, which rows that have ended leave, and in which they stay."""
    torch.manual_seed(3)
    leaving = make_reading_envs(config, "train", 16)
    staying = make_reading_envs(config, "train", 16, TORCH)
    agent = make_agent(config, leaving)
    with torch.no_grad():  # right now and then, so that episodes differ in length
        agent.classification.layers[0].bias[:3] += 2
    index = np.repeat(np.arange(16 // samples), samples)
    both = Leaving(leaving, index, 9), Staying(staying, torch.as_tensor(index), torch.arange(9, 25))
    with torch.no_grad():
        one, other = (
            collect(agent, rows, sampled_gaze(GAZES, noise(16), 0.3), samples, guess=True)
            for rows in both
        )
    return one, other


@pytest.mark.parametrize(
    "changes, samples",
    [
        ({}, 1),
        ({"initial_gaze": "random"}, 1),
        ({}, 4),
        ({"env_id": "Glimpse-v0", "layers": 1}, 1),
    ],
)
def test_what_counts_is_what_would_not_have_left(
    changes: dict[str, Any], samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "env_id" in changes:  # one label an episode
        make, rng = gym.make_vec, np.random.default_rng(0)
        images = rng.integers(0, 256, (20, 16, 16), dtype=np.uint8)
        own = {"images": images, "labels": np.arange(20) % 10, "num_classes": 10}
        monkeypatch.setattr(gym, "make_vec", lambda *args, **keys: make(*args, **keys, **own))
        changes = changes | {"num_images": None}
    one, other = both(replace(NUMBERS, **changes), samples)
    gazes, labels = other.gaze_counts, other.label_counts
    assert gazes is not None and labels is not None
    assert gazes.all() == ("env_id" in changes) and labels[:16].all()
    for name in ("gaze", "params", "baseline", "place"):
        found = getattr(other, name)
        torch.testing.assert_close(found[gazes], getattr(one, name), rtol=1e-5, atol=1e-6)
        if name != "place":
            assert not found[~gazes].any()
    for name in ("logits", "logits_at", "targets"):
        found = getattr(other, name)[labels]
        torch.testing.assert_close(found, getattr(one, name), rtol=1e-5, atol=1e-6)
    assert (other.targets[~labels] == -1).all()
    for name in ("returns", "right", "labels_right"):
        assert torch.equal(getattr(other, name), getattr(one, name))
    ours, theirs = one.guesses, other.guesses
    assert ours is not None and theirs is not None and one.max_glimpses == other.max_glimpses
    right = theirs.targets >= 0
    assert torch.equal(theirs.place[right], ours.place)
    torch.testing.assert_close(theirs.logits[right], ours.logits, rtol=1e-5, atol=1e-6)


CASES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "dropout": {"dropout": 0.3},
    "random first gaze": {"initial_gaze": "random"},
    "probability": {"credit": "probability"},
    "information": {"credit": "information", "glimpses_per_label": 3},
    "information of samples": {"credit": "information", "samples": 4},
    "samples": {"samples": 4},
    "random gaze": {"gaze": "random"},
    "sgd": {"optimizer": "sgd"},
    "grid": {"gazes": "grid", "grid_size": 3},
}


@pytest.mark.parametrize("case", CASES)
def test_updates_are_those_of_batches_that_rows_leave(case: str) -> None:
    trainings = [Training(replace(NUMBERS, **CASES[case]), device) for device in ("cpu", TORCH)]
    for training in trainings:
        with torch.no_grad():
            training.agent.classification.layers[0].bias[:3] += 2
    for _ in range(3):
        leaving, staying = (training.update() for training in trainings)
        assert leaving.keys() == staying.keys()
        for name, value in leaving.items():
            torch.testing.assert_close(staying[name], value, rtol=1e-5, atol=1e-6, msg=name)
    for ours, theirs in zip(*(training.agent.parameters() for training in trainings), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_single_glimpse_at_reset_leaves_nothing_to_look_at(stripes_config: Config) -> None:
    config = replace(stripes_config, glimpses_per_label=1, initial_gaze="random")
    trainings = [Training(config, device) for device in ("cpu", TORCH)]
    leaving, staying = (training.update() for training in trainings)
    for name, value in staying.items():
        assert torch.isfinite(value)
        torch.testing.assert_close(value, leaving[name], rtol=1e-5, atol=1e-6, msg=name)
    assert staying["gradients/classification"] > 0


class Zeros(RowNoise):
    """Noise that needs no generator."""

    def _fill(self, numbers: Tensor, kind: str) -> Tensor:
        return numbers.zero_()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dropout": 0.3, "credit": "probability"},
        {"credit": "information"},
        {"gazes": "grid"},
    ],
)
def test_neither_rollout_nor_loss_nor_gradient_waits(changes: dict[str, Any]) -> None:
    config = replace(NUMBERS, convolutions=(4,), **changes)
    envs = make_reading_envs(config, "train", 16, "meta")
    agent = make_agent(config, envs)
    zeros = Zeros(SimpleNamespace(device="meta"), 16)  # type: ignore[arg-type]
    agent.dropout.noise = zeros
    index, seeds = (torch.zeros(16, dtype=torch.int64, device="meta") for _ in range(2))
    std = torch.zeros((), device="meta")
    with device_alone():
        guess = config.credit == "information"
        rollout = collect(
            agent, Staying(envs, index, seeds), sampled_gaze(agent.gazes, zeros, std), guess=guess
        )
        loss, _ = hybrid_loss(rollout, config, agent.gazes)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(agent.parameters(), 1.0)
    assert norm.device.type == "meta"
    assert all(weight.grad is not None for weight in agent.parameters())


def test_a_label_must_come_after_a_fixed_number_of_glimpses() -> None:
    training = Training(NUMBERS, TORCH)
    training.envs.episodes.rules = replace(training.envs.rules, glimpses_per_label=0)  # type: ignore[attr-defined]
    with pytest.raises(InvalidArgument, match="glimpses_per_label=0"):
        training.update()


def test_a_batch_that_rows_leave_waits() -> None:
    """Or the test above would prove nothing."""
    envs = make_reading_envs(NUMBERS, "train", 4, "meta")
    agent = make_agent(NUMBERS, envs)
    policy = sampled_gaze(GAZES, Zeros(SimpleNamespace(device="meta"), 4), 0.1)  # type: ignore[arg-type]
    with pytest.raises((AssertionError, RuntimeError)):
        collect(agent, Leaving(envs, np.zeros(4, np.int64)), policy)


def test_bfloat16_is_for_networks_that_learn() -> None:
    fine, coarse = (
        Training(replace(NUMBERS, precision=precision), TORCH)  # type: ignore[arg-type]
        for precision in ("float32", "bfloat16")
    )
    ours, theirs = (
        torch.cat([weight.grad.flatten() for weight in training.agent.parameters()])
        for training in (fine, coarse)
        if training.update()
    )
    assert ours.dtype == theirs.dtype == torch.float32
    difference = float((ours - theirs).norm() / ours.norm())
    assert 1e-5 < difference < 0.05
    location, glimpse = torch.rand(4, 2), torch.rand(4, 2, 12, 12)
    context = torch.rand(4, *fine.envs.single_observation_space["context"].shape)  # type: ignore[index,misc]
    state = coarse.agent.look(coarse.agent.begin(location, context), glimpse, location)
    assert {part.dtype for part in (*state.bottom, *state.top)} == {torch.float32}
    fine.agent.eval()
    coarse.agent.eval()
    coarse.agent.load_state_dict(fine.agent.state_dict())
    means = [
        agent.where_next(agent.look(agent.begin(location, context), glimpse, location))[0]
        for agent in (fine.agent, coarse.agent)
    ]
    assert torch.equal(*means)
