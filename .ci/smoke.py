"""An installed package plays at once: every kind of environment that needs no files."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

import glimpse_env
from glimpse_env.testing import check_vector_env

IMAGES = np.random.default_rng(0).integers(256, size=(8, 30, 40), dtype=np.uint8)
KEYWORDS = {
    "GlimpseHouseNumbers-v0": {"num_images": 8},
    "GlimpseCatch-v0": {},
    "Glimpse-v0": {"images": IMAGES, "labels": np.arange(8) % 3, "num_classes": 3},
}

for name, keywords in KEYWORDS.items():
    envs = gym.make_vec(name, num_envs=3, **keywords)
    check_vector_env(envs)
    env = gym.make(name, render_mode="rgb_array", **keywords)
    env.reset(seed=0)
    *_, info = env.step(env.action_space.sample())
    print(f"{name}: a frame {env.render().shape}, infos {sorted(info)}")
print(f"glimpse_env {glimpse_env.__file__}: passed")
