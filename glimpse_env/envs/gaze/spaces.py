"""What one environment shows and takes: the spaces of a single row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from glimpse_env.backend import Array, Backend
from glimpse_env.errors import InvalidAction
from glimpse_env.sight.eye import Eye


def observation_space(eye: Eye, *, emits: bool) -> spaces.Dict:
    """The observation of one row.

    Args:
        eye: What it is seen with.
        emits: Whether it says when a label is due.
    """
    parts: dict[str, spaces.Space[object]] = {
        "glimpse": spaces.Box(0.0, 1.0, eye.glimpse_shape, np.float32),
        "location": _gazes(eye),
    }
    if emits:
        parts["emit"] = spaces.Discrete(2)
    if eye.has_context:
        parts["context"] = spaces.Box(0.0, 1.0, eye.context_shape, np.float32)
    return spaces.Dict(parts)


def action_space(eye: Eye, choice: str, number: int) -> spaces.Dict:
    """The action of one row: where to look next, and one of `number` things to say or do."""
    return spaces.Dict({"gaze": _gazes(eye), choice: spaces.Discrete(number)})


def _gazes(eye: Eye) -> spaces.Box:
    return spaces.Box(-1.0, 1.0, (eye.gaze_size,), np.float32)


def read(
    backend: Backend, actions: Mapping[str, Any], shape: tuple[int, int], choice: str
) -> tuple[Array, Array]:
    """The gazes of d numbers, float32 (B, d), and the choices, int64 (B,), of a batch of actions.

    Args:
        backend: Where the arrays live.
        actions: `gaze`: real numbers (B, d). Under the name in `choice`: integers (B,).
        shape: (B, d).
        choice: What is chosen beside the gaze, "label" or "move".

    Raises:
        InvalidAction: A missing key, a wrong shape or dtype, or a gaze that is not finite.
    """
    try:
        gaze, chosen = backend.reals(actions["gaze"]), backend.integers(actions[choice])
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InvalidAction(
            f"an action is a dictionary with 'gaze', real numbers of shape {shape}, and "
            f"{choice!r}, integers of shape {shape[:1]}: {error}"
        ) from error
    if gaze.shape != shape or chosen.shape != shape[:1]:
        raise InvalidAction(
            f"action['gaze'] of shape {tuple(gaze.shape)} and action[{choice!r}] of shape "
            f"{tuple(chosen.shape)} must have shapes {shape} and {shape[:1]}"
        )
    # With NumPy one cheap number tells whether a closer look is needed.
    if not (backend.eager and math.isfinite(np.vdot(gaze, gaze))):
        backend.require(backend.xp.isfinite(gaze), "action['gaze'] must be finite", gaze)
    return gaze, chosen
