"""Environments that show an agent whatever images they are given."""

from __future__ import annotations

from typing import cast

import gymnasium as gym
import numpy as np

from agents.dram.config import Config
from agents.runs.config import OWN_IMAGES
from agents.trainer.envs import IndexArray, PixelArray, env_keywords
from glimpse_env.envs.reading.env import GlimpseVectorEnv

_EYE = (
    "glimpse_size",
    "num_scales",
    "zoom",
    "glimpses_per_label",
    "max_glimpses",
    "context_size",
    "initial_gaze",
)


def envs_of_images(
    config: Config,
    images: PixelArray,
    labels: IndexArray,
    num_classes: int,
    *,
    num_envs: int,
    device: str,
) -> GlimpseVectorEnv:
    """Environments that show these images to the eye that an agent was trained with.

    Args:
        config: Of the agent.
        images: (M, C, H, W).
        labels: (M,), or (M, L) padded with -1.
        num_classes: Object classes.
        num_envs: Rows.
        device: Torch device, or "cpu".
    """
    known = env_keywords(config)
    eye = {name: known[name] for name in _EYE if name in known}
    if device != "cpu":
        eye |= {"backend": "torch", "device": device}
    pixels = np.moveaxis(images, 1, -1)
    envs = gym.make_vec(
        OWN_IMAGES,
        num_envs=num_envs,
        images=pixels if pixels.shape[-1] == 3 else pixels[..., 0],
        labels=labels,
        num_classes=num_classes,
        **eye,
        autoreset_mode="disabled",
        stop_on_mistake=False,
    )
    return cast(GlimpseVectorEnv, envs)
