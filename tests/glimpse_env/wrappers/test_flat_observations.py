"""Observations in one array, as Gymnasium orders them, and in float32."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces.utils import flatten

import envs_registry
from glimpse_env.errors import InvalidArgument
from glimpse_env.testing import check_vector_env
from glimpse_env.wrappers import FlatMultiDiscreteAction, FlatObservation, VectorFlatObservation


@pytest.mark.parametrize("name", envs_registry.TABLE)
def test_every_id_is_flattened_as_gymnasium_does(name: str, keywords_of: Any) -> None:
    plain = gym.make(name, **keywords_of(name))
    env = FlatObservation(gym.make(name, **keywords_of(name)))
    theirs = gym.wrappers.FlattenObservation(gym.make(name, **keywords_of(name)))
    assert env.observation_space.dtype == np.float32
    assert env.observation_space.shape == theirs.observation_space.shape
    plain.action_space.seed(0)
    seen, expected = env.reset(seed=3)[0], plain.reset(seed=3)[0]
    for _ in range(8):
        assert seen.dtype == np.float32 and seen in env.observation_space
        np.testing.assert_array_equal(seen, flatten(plain.observation_space, expected))
        action = plain.action_space.sample()
        seen, _, over, *_ = env.step(action)
        expected = plain.step(action)[0]
        if over:
            seen, expected = env.reset()[0], plain.reset()[0]


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_batches_in_every_mode(mode: str, backend: str, ragged: dict[str, Any]) -> None:
    keywords = {"autoreset_mode": mode, "backend": backend, "context_size": 3, **ragged}
    keywords |= {"glimpses_per_label": 1, "initial_gaze": "none"}
    envs = VectorFlatObservation(gym.make_vec("Glimpse-v0", 3, **keywords))
    plain = gym.make_vec("Glimpse-v0", 3, **keywords)
    space = plain.single_observation_space
    check_vector_env(envs, steps=16)

    def flattened(batch: dict[str, Any]) -> Any:
        rows = [{key: np.asarray(value[row]) for key, value in batch.items()} for row in range(3)]
        return np.stack([flatten(space, row) for row in rows])

    plain.action_space.seed(0)
    envs.reset(seed=0), plain.reset(seed=0)
    ends = 0
    for _ in range(20):
        action = plain.action_space.sample()
        seen, *_, info = envs.step(action)
        expected, *_, known = plain.step(action)
        assert (type(seen).__module__ == "torch") == (backend == "torch")
        assert "float32" in str(seen.dtype)
        np.testing.assert_array_equal(np.asarray(seen), flattened(expected))
        for row in np.flatnonzero(np.asarray(known.get("_final_obs", []))):
            ends += 1
            last = known["final_obs"]
            last = flattened(last)[row] if backend == "torch" else flatten(space, last[row])
            np.testing.assert_array_equal(np.asarray(info["final_obs"][row]), last)
    assert (ends > 5) == (mode == "same_step")


def test_with_flat_actions_and_from_a_spec() -> None:
    env = FlatObservation(FlatMultiDiscreteAction(gym.make("GlimpseCatch-v0")))
    again = gym.make(env.spec)  # type: ignore[arg-type]
    assert again.observation_space == env.observation_space
    assert again.action_space == env.action_space
    again.reset(seed=0)
    again.step(again.action_space.sample())


def test_what_cannot_be_flattened_is_named() -> None:
    flat = FlatObservation(gym.make("GlimpseCatch-v0"))
    for other in (flat, gym.make("CartPole-v1")):
        with pytest.raises(InvalidArgument, match="Box observations are no dictionary"):
            FlatObservation(other)
    with pytest.raises(InvalidArgument, match="are no dictionary"):
        VectorFlatObservation(gym.make_vec("CartPole-v1", 2))
