"""What one environment shows and takes: the spaces of a single row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from glimpse_env.backend import Array, Backend
from glimpse_env.errors import InvalidAction


def observation_space(
    glimpse_shape: tuple[int, int, int], context_shape: tuple[int, int, int], *, emits: bool
) -> spaces.Dict:
    """The observation of one row.

    Args:
        glimpse_shape: (K * C, g, g).
        context_shape: (C, c, c); with c = 0 there is no context.
        emits: Whether it says when a label is due.
    """
    parts: dict[str, spaces.Space[object]] = {
        "glimpse": spaces.Box(0.0, 1.0, glimpse_shape, np.float32),
        "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
    }
    if emits:
        parts["emit"] = spaces.Discrete(2)
    if context_shape[-1]:
        parts["context"] = spaces.Box(0.0, 1.0, context_shape, np.float32)
    return spaces.Dict(parts)


def action_space(choice: str, number: int) -> spaces.Dict:
    """The action of one row: where to look next, and one of `number` things to say or do."""
    return spaces.Dict(
        {"gaze": spaces.Box(-1.0, 1.0, (2,), np.float32), choice: spaces.Discrete(number)}
    )


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
