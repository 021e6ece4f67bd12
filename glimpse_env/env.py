"""The single environment in which labels are read."""

from __future__ import annotations

from glimpse_env.gaze_env import GazeEnv
from glimpse_env.vector_env import GlimpseVectorEnv


class GlimpseEnv(GazeEnv):
    """One image at a time; see `GlimpseVectorEnv` for what it shows, takes and rewards."""

    vector_class = GlimpseVectorEnv
