"""The last glimpses as one observation: what learners without a memory can put together.

SB3's own `VecFrameStack` takes no dictionary with a `Discrete` in it.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

STACKED = {"glimpse": 0, "location": 0}  # parts of an observation, and along which axis of a row
Observation = dict[str, NDArray[Any]]


class Stack:
    """The last glimpses of B rows and where they were taken, the newest last.

    Args:
        number: n, glimpses; of those before the first of an episode all is 0.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._last: deque[Observation] = deque(maxlen=number)

    def push(self, observation: Observation, begins: NDArray[np.bool_]) -> Observation:
        """What was seen until now.

        Args:
            observation: The newest, glimpses (B, C, g, g) and locations (B, d).
            begins: bool (B,), where it is the first of an episode.

        Returns:
            Observations with glimpses (B, n * C, g, g) and locations (B, n * d).
        """
        newest = {key: observation[key] for key in STACKED}
        nothing = {key: np.zeros_like(value) for key, value in newest.items()}
        while len(self._last) < self.number:
            self._last.append(nothing)
        for earlier in self._last:
            for value in earlier.values():
                value[begins] = 0
        self._last.append({key: value.copy() for key, value in newest.items()})
        return observation | {key: self._stacked(key) for key in STACKED}

    def after(self, row: int, observation: Observation) -> Observation:
        """What a row sees when its episode ends, which is not kept; asked before the next `push`.

        Args:
            row: Which of B.
            observation: Its last, with a glimpse (C, g, g) and a location (d,).

        Returns:
            An observation with a glimpse (n * C, g, g) and a location (n * d,).
        """
        before = list(self._last)[1:]
        stacked = {
            key: np.concatenate([*(one[key][row] for one in before), observation[key]], axis)
            for key, axis in STACKED.items()
        }
        return observation | stacked

    def _stacked(self, key: str) -> NDArray[Any]:
        return np.concatenate([one[key] for one in self._last], STACKED[key] + 1)


class StackedGlimpses(VecEnvWrapper):
    """Environments whose observations hold the last glimpses.

    Args:
        venv: Environments of SB3 with glimpses and locations.
        number: n, glimpses.
    """

    def __init__(self, venv: VecEnv, number: int) -> None:
        assert isinstance(venv.observation_space, spaces.Dict)
        parts = dict(venv.observation_space.spaces)
        for key, axis in STACKED.items():
            one = parts[key]
            assert isinstance(one, spaces.Box)
            low, high = (np.concatenate([bound] * number, axis) for bound in (one.low, one.high))
            parts[key] = spaces.Box(low, high, dtype=one.dtype.type)
        super().__init__(venv, spaces.Dict(parts))
        self._stack = Stack(number)

    def reset(self) -> Any:
        """Begin an episode in every row."""
        return self._stack.push(_dictionary(self.venv.reset()), np.ones(self.num_envs, bool))

    def step_wait(self) -> VecEnvStepReturn:
        """Do what is chosen; what is seen of new episodes holds nothing of those before.

        The `terminal_observation` in the info of what has ended holds the last glimpses, too.
        """
        observation, reward, over, infos = self.venv.step_wait()
        for row in np.flatnonzero(over).tolist():
            last = infos[row]["terminal_observation"]
            infos[row]["terminal_observation"] = self._stack.after(row, last)
        return self._stack.push(_dictionary(observation), over), reward, over, infos


def _dictionary(observation: Any) -> Observation:
    assert isinstance(observation, dict)
    return observation
