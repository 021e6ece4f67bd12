"""Rows of a batch and single environments, made comparable."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np


class Counted(gym.wrappers.RecordEpisodeStatistics[Any, Any]):
    """A single environment with returns and lengths as Gymnasium counts them."""

    def step(self, action: Any) -> Any:
        *values, info = super().step(action)
        if "episode" in info:
            del info["episode"]["t"]  # the time on the clock
        return *values, info


def info_row(infos: dict[str, Any], row: int) -> dict[str, Any]:
    """The info of one row: keys that hold for it, without their masks."""
    return {
        key: info_row(value, row) if isinstance(value, dict) else np.asarray(value)[row]
        for key, value in infos.items()
        if key[0] != "_" and np.asarray(infos[f"_{key}"])[row]
    }
