"""Gymnasium wrappers that let an agent act with one array of numbers instead of a dictionary.

```python
env = FlatMultiDiscreteAction(gym.make("GlimpseMNIST-v0"))
envs = VectorFlatBoxAction(gym.make_vec("GlimpseMNIST-v0", num_envs=128))
```

What the numbers mean is said in flat_actions.py.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorActionWrapper, VectorEnv
from gymnasium.vector.utils import batch_space

from glimpse_env.backend import Array, Backend, NumpyBackend
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.wrappers.flat_actions import GAZE_BINS, FlatActions, flat_actions


class _FlatAction(gym.ActionWrapper[Any, Any, Any], RecordConstructorArgs):
    """A single environment, with flat actions."""

    def __init__(self, env: gym.Env[Any, Any], flat: FlatActions, **arguments: Any) -> None:
        RecordConstructorArgs.__init__(self, **arguments)
        super().__init__(env)
        self._flat = flat
        self.action_space = flat.space

    def action(self, action: Any) -> dict[str, Any]:
        """The dictionary that the environment takes."""
        return self._flat.decode(NumpyBackend(), action, ())


class FlatBoxAction(_FlatAction):
    """Act with real numbers (d + n,): the gaze, and a score for each of n labels (or moves).

    Args:
        env: A single glimpse environment, wrapped or not.

    Raises:
        InvalidArgument: An environment without a gaze.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env, flat_actions("box", env.action_space))


class FlatMultiDiscreteAction(_FlatAction):
    """Act with integers (d + 1,): column and row of the gaze in a grid, and the label (or move).

    Args:
        env: A single glimpse environment, wrapped or not.
        gaze_bins: Columns and rows of the grid.

    Raises:
        InvalidArgument: An environment without a gaze, or a grid without cells.
    """

    def __init__(self, env: gym.Env[Any, Any], gaze_bins: int = GAZE_BINS) -> None:
        flat = flat_actions("multidiscrete", env.action_space, gaze_bins)
        super().__init__(env, flat, gaze_bins=int(gaze_bins))


class FlatDiscreteAction(_FlatAction):
    """Act with one integer, which numbers gazes in a grid and labels (or moves) through: for DQN.

    Args:
        env: A single glimpse environment, wrapped or not.
        gaze_bins: Columns and rows of the grid.

    Raises:
        InvalidArgument: An environment without a gaze, or a grid without cells.
    """

    def __init__(self, env: gym.Env[Any, Any], gaze_bins: int = GAZE_BINS) -> None:
        flat = flat_actions("discrete", env.action_space, gaze_bins)
        super().__init__(env, flat, gaze_bins=int(gaze_bins))


class _VectorFlatAction(VectorActionWrapper):
    """A vector environment, with flat actions; torch tensors too where it takes them."""

    def __init__(self, env: VectorEnv[Any, Any, Any], flat: FlatActions) -> None:
        super().__init__(env)
        self._flat = flat
        self.single_action_space = flat.space
        self.action_space = batch_space(flat.space, env.num_envs)

    @property
    def autoreset_mode(self) -> AutoresetMode:
        """How rows begin anew; TorchRL asks here."""
        return AutoresetMode(self.metadata["autoreset_mode"])

    def actions(self, actions: Array) -> dict[str, Array]:
        """The dictionary that the environment takes."""
        inner = self.unwrapped
        backend: Backend = inner.backend if isinstance(inner, GazeVectorEnv) else NumpyBackend()
        return self._flat.decode(backend, actions, (self.num_envs,))


class VectorFlatBoxAction(_VectorFlatAction):
    """Act with real numbers (B, d + n): gazes, and a score for each of n labels (or moves).

    Args:
        env: A vector of glimpse environments, wrapped or not.

    Raises:
        InvalidArgument: An environment without a gaze.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env, flat_actions("box", env.single_action_space))


class VectorFlatMultiDiscreteAction(_VectorFlatAction):
    """Act with integers (B, d + 1): column and row of the gaze in a grid, and the label (or move).

    Args:
        env: A vector of glimpse environments, wrapped or not.
        gaze_bins: Columns and rows of the grid.

    Raises:
        InvalidArgument: An environment without a gaze, or a grid without cells.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], gaze_bins: int = GAZE_BINS) -> None:
        super().__init__(env, flat_actions("multidiscrete", env.single_action_space, gaze_bins))


class VectorFlatDiscreteAction(_VectorFlatAction):
    """Act with one integer a row, (B,), which numbers gazes in a grid and labels (or moves).

    Args:
        env: A vector of glimpse environments, wrapped or not.
        gaze_bins: Columns and rows of the grid.

    Raises:
        InvalidArgument: An environment without a gaze, or a grid without cells.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], gaze_bins: int = GAZE_BINS) -> None:
        super().__init__(env, flat_actions("discrete", env.single_action_space, gaze_bins))
