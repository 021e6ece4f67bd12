"""What one environment shows and takes: the spaces of a single row."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces


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
