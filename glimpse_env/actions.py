"""Reading actions: what users pass to `step`, checked and brought to the backend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from glimpse_env.backend import Array, Backend
from glimpse_env.errors import InvalidAction


def read(
    backend: Backend, actions: Mapping[str, Any], num_envs: int, choice: str
) -> tuple[Array, Array]:
    """The gazes, float32 (B, 2), and the choices, int64 (B,), of a batch of actions.

    Args:
        backend: Where the arrays live.
        actions: `gaze`: real numbers (B, 2). Under the name in `choice`: integers (B,).
        num_envs: B.
        choice: What is chosen beside the gaze, "label" or "move".

    Raises:
        InvalidAction: A missing key, a wrong shape or dtype, or a gaze that is not finite.
    """
    try:
        gaze, chosen = backend.reals(actions["gaze"]), backend.integers(actions[choice])
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InvalidAction(
            "an action is a dictionary with 'gaze', real numbers of shape (num_envs, 2), and "
            f"{choice!r}, integers of shape (num_envs,): {error}"
        ) from error
    if gaze.shape != (num_envs, 2) or chosen.shape != (num_envs,):
        raise InvalidAction(
            f"action['gaze'] of shape {tuple(gaze.shape)} and action[{choice!r}] of shape "
            f"{tuple(chosen.shape)} must have shapes ({num_envs}, 2) and ({num_envs},)"
        )
    # With NumPy one cheap number tells whether a closer look is needed.
    if not (backend.eager and math.isfinite(np.vdot(gaze, gaze))):
        backend.require(backend.xp.isfinite(gaze), "action['gaze'] must be finite", gaze)
    return gaze, chosen
