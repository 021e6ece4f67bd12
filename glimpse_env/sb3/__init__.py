"""A batch as a Stable-Baselines3 `VecEnv`, and a features extractor for what it shows."""

from glimpse_env.sb3.features import GlimpseExtractor
from glimpse_env.sb3.vec_env import GlimpseVecEnv

__all__ = ["GlimpseExtractor", "GlimpseVecEnv"]
