"""The single game of Catch."""

from __future__ import annotations

from glimpse_env.catch_vector_env import CatchVectorEnv
from glimpse_env.gaze_env import GazeEnv


class CatchEnv(GazeEnv):
    """One game at a time; see `CatchVectorEnv` for what it shows, takes and rewards."""

    vector_class = CatchVectorEnv
