from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from agents.sb3.config import Sb3Config
from agents.sb3.model import make_model, training_envs
from agents.sb3.stack import StackedGlimpses
from glimpse_env.sb3 import GlimpseVecEnv


def test_a_stack_holds_the_last_glimpses_of_its_own_episode(catch_id: str) -> None:
    """Against lists that are begun anew at every end."""
    keywords = {"screen_size": 6, "glimpse_size": 4, "num_scales": 2}  # games of five steps
    plain, stacked = (GlimpseVecEnv(catch_id, 3, **keywords) for _ in range(2))
    envs = StackedGlimpses(stacked, 3)
    assert envs.observation_space["glimpse"].shape == (6, 4, 4)
    assert envs.observation_space["location"].shape == (6,)
    plain.seed(0)
    envs.seed(0)
    seen, found = plain.reset(), envs.reset()
    history = [[one] for one in zip(seen["glimpse"], seen["location"], strict=True)]
    rng, ends = np.random.default_rng(0), 0
    for _ in range(12):
        for row, past in enumerate(history):
            nothing = tuple(np.zeros_like(part) for part in past[0])
            last = ([nothing] * 2 + past)[-3:]
            np.testing.assert_array_equal(
                found["glimpse"][row], np.concatenate([g for g, _ in last])
            )
            np.testing.assert_array_equal(
                found["location"][row], np.concatenate([p for _, p in last])
            )
            assert found["glimpse"][row] in envs.observation_space["glimpse"]
        action = np.stack([plain.action_space.sample() for _ in range(3)])
        action[:, 2] = rng.integers(3, size=3)
        seen, reward, over, plain_infos = plain.step(action)
        found, rewards, _, infos = envs.step(action)
        np.testing.assert_array_equal(reward, rewards)
        for row, past in enumerate(history):
            if over[row]:
                last, stack = (one[row]["terminal_observation"] for one in (plain_infos, infos))
                for part, key in enumerate(("glimpse", "location")):
                    shown = [*(one[part] for one in past[-2:]), last[key]]
                    np.testing.assert_array_equal(stack[key], np.concatenate(shown))
                past.clear()
                ends += 1
            past.append((seen["glimpse"][row], seen["location"][row]))
    assert ends >= 6


def test_what_is_replayed_ends_in_a_stack(catch_id: str) -> None:
    """DQN keeps the last observation of an episode beside the others."""
    keywords: dict[str, Any] = {"num_envs": 4, "steps": 1, "batch": 8, "epochs": 1, "stack": 2}
    small = {"features": 8, "channels": 2, "units": 8, "gaze_bins": 3, "replay": 400}
    config = Sb3Config(
        algo="dqn", action="discrete", env_id=catch_id, timesteps=80, **keywords, **small
    )
    model: Any = make_model(config, training_envs(config)).learn(80)
    kept = model.replay_buffer
    ended = kept.dones.astype(bool)
    assert ended.sum() >= 4
    before, after = kept.observations["location"][ended], kept.next_observations["location"][ended]
    assert after.shape[1] == 4
    np.testing.assert_array_equal(after[:, :2], before[:, 2:])  # the newest is now the one before
