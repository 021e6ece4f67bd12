"""Observations as one array of float32, for learners that take no dictionaries.

Gymnasium's own `FlattenObservation` makes float64 of them, because `emit` is an integer of 64 bits,
and in vector form refuses `autoreset_mode="same_step"` and tensors.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from glimpse_env.backend import Array, Backend, NumpyBackend
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.errors import InvalidArgument


class FlatObservation(gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """See one array, float32 (n,): the parts of an observation, flat and in the order of its space.

    `emit` becomes two numbers, of which one is 1.

    Args:
        env: A single glimpse environment, wrapped or not.

    Raises:
        InvalidArgument: Observations that are no dictionaries of arrays and choices.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self._parts = env.observation_space
        self.observation_space = flat_space(env.observation_space)

    def observation(self, observation: dict[str, Any]) -> Any:
        """The array."""
        batch = {key: np.asarray(value)[None] for key, value in observation.items()}
        return flat(NumpyBackend(), self._parts, batch)[0]


class VectorFlatObservation(VectorWrapper):
    """See one array, float32 (B, n), in every autoreset mode; a tensor where observations are.

    Args:
        env: A vector of glimpse environments, wrapped or not.

    Raises:
        InvalidArgument: Observations that are no dictionaries of arrays and choices.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        self._parts = env.single_observation_space
        self.single_observation_space = flat_space(env.single_observation_space)
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)
        inner = env.unwrapped
        self._arrays: Backend = NumpyBackend()
        if isinstance(inner, GazeVectorEnv):
            self._arrays = inner.backend

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Reset, and flatten what is seen."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return flat(self._arrays, self._parts, observations), infos

    def step(self, actions: Any) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Step, and flatten what is seen, last observations of ended episodes among it."""
        observations, *others, infos = self.env.step(actions)
        if "final_obs" in infos:
            infos = infos | {"final_obs": self._final(infos["final_obs"])}
        reward, terminated, truncated = others
        seen = flat(self._arrays, self._parts, observations)
        return seen, reward, terminated, truncated, infos

    def _final(self, last: Any) -> Any:
        """A batch, or an object array with an observation or None a row."""
        if isinstance(last, dict):
            return flat(self._arrays, self._parts, last)
        result = np.full(len(last), None, dtype=object)
        for row, seen in enumerate(last):
            if seen is not None:
                batch = {key: np.asarray(value)[None] for key, value in seen.items()}
                result[row] = flat(NumpyBackend(), self._parts, batch)[0]
        return result


def flat_space(space: spaces.Space[Any]) -> spaces.Box:
    """The space of flat observations, float32.

    Raises:
        InvalidArgument: It is no dictionary of arrays and choices.
    """
    parts = space.spaces.values() if isinstance(space, spaces.Dict) else ()
    if not parts or not all(isinstance(part, spaces.Box | spaces.Discrete) for part in parts):
        raise InvalidArgument(
            f"{type(space).__name__} observations are no dictionary of arrays and choices: give a "
            "glimpse environment whose observations are not flat yet"
        )
    whole = spaces.flatten_space(space)
    assert isinstance(whole, spaces.Box)
    return spaces.Box(whole.low.astype(np.float32), whole.high.astype(np.float32), dtype=np.float32)


def flat(backend: Backend, space: spaces.Space[Any], observations: dict[str, Array]) -> Array:
    """A batch of observations in one array, float32 (B, n), as `gymnasium.spaces` orders it.

    Args:
        backend: Where the arrays live.
        space: Of one observation.
        observations: A batch, (B, ...) each.
    """
    assert isinstance(space, spaces.Dict)
    columns = []
    for key, part in space.spaces.items():
        values = observations[key]
        if isinstance(part, spaces.Discrete):  # one number a choice, of which one is 1
            values = values[:, None] - int(part.start) == backend.arange(int(part.n))
        columns.append(backend.cast(values.reshape(len(values), -1), "float32"))
    return backend.xp.concatenate(columns, 1)
