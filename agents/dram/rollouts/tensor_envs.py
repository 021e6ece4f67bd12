"""Environments that an agent plays with tensors on its own device, whatever their backend is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glimpse_env.envs.gaze.vector_env import GazeVectorEnv

Tensors = dict[str, Tensor]
Stepped = tuple[Tensors, Tensors, Tensor, Tensor]  # observation, info, rewards and ends, of B rows
_TOLD = ("target", "sequence_correct")  # what rollouts need of an info


class TensorEnvs:
    """B environments, of which all that rollouts need comes as tensors.

    Args:
        envs: The environments, with `autoreset_mode="disabled"`.
        device: Of the agent.
        watch: Called after the reset and after every step.
    """

    def __init__(
        self,
        envs: GazeVectorEnv,
        device: torch.device,
        watch: Callable[[], object] | None = None,
    ) -> None:
        self._envs, self._device, self._watch = envs, device, watch or (lambda: None)

    def reset(
        self, index: np.ndarray[Any, np.dtype[np.int64]], seed: int
    ) -> tuple[Tensors, Tensors]:
        """Begin with images or games `index` (B,); returns observation and info."""
        observation, info = self._envs.reset(seed=seed, options={"index": index})
        self._watch()
        return self._known(observation, info)

    def step(self, rows: Tensor, gaze: Tensor, choice: Tensor | None) -> Stepped:
        """One step of the running rows; the others take an action that nobody reads.

        Args:
            rows: int64 (R,), those that are running.
            gaze: (R, D).
            choice: int64 (R,), labels or moves; None where no label is due.

        Returns:
            Observation, info, rewards and ends of all B rows.
        """
        envs = self._envs
        gazes = gaze.new_zeros(envs.num_envs, gaze.shape[1])
        gazes[rows] = gaze
        choices = torch.zeros(envs.num_envs, dtype=torch.int64, device=self._device)
        if choice is not None:
            choices[rows] = choice
        action: dict[str, Any] = {"gaze": gazes, envs.choice: choices}
        if envs.backend_name == "numpy":
            action = {key: value.cpu().numpy() for key, value in action.items()}
        observation, reward, over, _, info = envs.step(action)
        self._watch()
        return (*self._known(observation, info), self._tensor(reward), self._tensor(over))

    def _known(self, observation: dict[str, Any], info: dict[str, Any]) -> tuple[Tensors, Tensors]:
        return (
            {key: self._tensor(value) for key, value in observation.items()},
            {key: self._tensor(info[key]) for key in _TOLD if key in info},
        )

    def _tensor(self, array: Any) -> Tensor:
        """On the agent's device; a NumPy array on a CPU is not copied."""
        return torch.as_tensor(array, device=self._device)
