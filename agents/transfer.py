"""Arrays of the host on their way to a device."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.rollout import IndexArray
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv


def send(array: IndexArray, device: str | torch.device) -> Tensor:
    """An array on the device; the host waits neither for the copy nor for what is computed there.

    Args:
        array: int64, of any shape.
        device: Torch device.
    """
    tensor = torch.from_numpy(array)
    if torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def for_task(envs: GazeVectorEnv, index: IndexArray) -> IndexArray | Tensor:
    """Numbers of images, int64 (B,), where the task of these environments takes them."""
    return index if envs.backend_name == "numpy" else send(index, envs.device)
