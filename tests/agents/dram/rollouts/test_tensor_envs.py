from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.rollouts.tensor_envs import TensorEnvs
from agents.trainer.envs import make_envs

CPU = torch.device("cpu")


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])  # NumPy, and torch
def test_the_running_rows_act_and_all_are_told(stripes_config: Config, device: str) -> None:
    envs, moments = make_envs(stripes_config, "test", 4, device), []
    played = TensorEnvs(envs, CPU, watch=lambda: moments.append(envs._episodes.rows.seen.tolist()))
    seen, info = played.reset(np.array([5, 7, 9, 11]), seed=3)
    assert seen["glimpse"].shape == (4, 1, 4, 4) and info["target"].dtype == torch.int64
    rows, gaze = torch.tensor([3, 1]), torch.tensor([[0.5, 0.25], [-0.5, 0.0]])
    for _ in range(2):
        seen, info, reward, over = played.step(rows, gaze, None)
        assert seen["location"].tolist() == [[0, 0], [-0.5, 0], [0, 0], [0.5, 0.25]]
        assert not reward.any() and not over.any()
    due = info["target"]
    _, info, reward, over = played.step(rows, gaze, torch.stack([due[3], 1 - due[1]]))
    assert (reward[3], reward[1]) == (1, 0) and over.all()
    assert info["sequence_correct"][[3, 1]].tolist() == [True, False]
    assert moments == [[0] * 4, [1] * 4, [2] * 4, [2] * 4]


def test_moves_are_chosen_too(catch_config: Config) -> None:
    envs, taken = make_envs(catch_config, "test", 2), []
    step = envs.step

    def watched(actions: Any) -> Any:
        taken.append(actions)
        return step(actions)

    envs.step = watched  # type: ignore[method-assign]
    played = TensorEnvs(envs, CPU)
    played.reset(np.arange(2), seed=0)
    played.step(torch.arange(2), torch.zeros(2, 2), torch.tensor([2, 0]))
    assert taken[0].keys() == {"gaze", "move"} and taken[0]["move"].tolist() == [2, 0]
