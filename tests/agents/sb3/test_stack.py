from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

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
        seen, reward, over, _ = plain.step(action)
        found, rewards, _, _ = envs.step(action)
        np.testing.assert_array_equal(reward, rewards)
        for row, past in enumerate(history):
            if over[row]:
                past.clear()
                ends += 1
            past.append((seen["glimpse"][row], seen["location"][row]))
    assert ends >= 6
