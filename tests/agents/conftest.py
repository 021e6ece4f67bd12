"""A world small enough to learn in seconds."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import glimpse_env  # noqa: F401
from agents.dram.config import Config
from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.build import make_agent
from agents.dram.model.gazes import GaussianGazes, likeliest_gaze
from agents.dram.model.noise import RowNoise
from agents.dram.rollouts.rollout import Rollout
from agents.trainer.envs import make_envs, set_precision

NUMBERS = Config(
    env_id="GlimpseHouseNumbers-v0", num_images=32, features=16, units=16, standardize=True
)
STRIPES_ID = "Stripes-v0"
GAZES = GaussianGazes(2)
mean_gaze = likeliest_gaze(GAZES)


@pytest.fixture(autouse=True)
def highest_precision() -> None:
    """A training sets what the whole process computes products in, and leaves it so."""
    set_precision("highest")


def fresh_agent(config: Config) -> GlimpseAgent:
    """An agent that has learned nothing."""
    torch.manual_seed(0)
    return make_agent(config, make_envs(config, "validation", 1))


def noise(rows: int) -> RowNoise:
    """The same for all tests."""
    return RowNoise(torch.Generator().manual_seed(0), rows)


def stripes(number: int = 2000, side: int = 24) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A patch of stripes somewhere in the dark: which way do they run?

    Both ways look alike in the coarse context, which only says where the patch is.
    """
    rng = np.random.default_rng(0)
    images = np.zeros((number, side, side), np.uint8)
    labels = rng.integers(2, size=number)
    rows = np.where(np.arange(8)[:, None] % 2, 255, 0).repeat(8, 1)
    for image, label, corner in zip(
        images, labels, rng.integers(side - 8, size=(number, 2)), strict=True
    ):
        y, x = corner
        image[y : y + 8, x : x + 8] = rows if label else rows.T
    return images, labels


def partial_rollout(**parts: torch.Tensor) -> Rollout:
    """Episodes of which only these parts are known; the others are empty."""
    required = [name for name in Rollout._fields if name not in Rollout._field_defaults]
    return Rollout(**(dict.fromkeys(required, torch.zeros(0)) | parts))


@pytest.fixture
def stripes_id() -> Iterator[str]:
    """An id whose images are `stripes`."""
    images, labels = stripes()
    gym.register(
        STRIPES_ID,
        vector_entry_point="glimpse_env.envs.reading.env:GlimpseVectorEnv",
        kwargs={
            "images": images,
            "labels": labels,
            "num_classes": 2,
            "glimpse_size": 4,
            "num_scales": 1,
            "glimpses_per_label": 2,
            "context_size": 6,
            "initial_gaze": "none",
        },
    )
    yield STRIPES_ID
    del gym.registry[STRIPES_ID]


@pytest.fixture
def stripes_config(stripes_id: str) -> Config:
    """A small DRAM for it."""
    return Config(
        env_id=stripes_id,
        features=32,
        units=32,
        sigma_pixels=2.0,
        learning_rate=5e-3,
        images=20_480,
        epoch_images=10_000,
        validation_images=500,
    )


CATCH_ID = "SmallCatch-v0"


@pytest.fixture
def catch_id() -> Iterator[str]:
    """Catch on a small screen, through a retina that does not see all of it."""
    gym.register(
        CATCH_ID,
        vector_entry_point="glimpse_env.envs.catch.env:CatchVectorEnv",
        kwargs={"screen_size": 8, "glimpse_size": 4, "num_scales": 2, "initial_gaze": "center"},
    )
    yield CATCH_ID
    del gym.registry[CATCH_ID]


@pytest.fixture
def catch_config(catch_id: str) -> Config:
    """A small RAM for it."""
    return Config(
        env_id=catch_id,
        layers=1,
        features=64,
        units=64,
        standardize=True,
        sigma_pixels=1.0,
        reinforce_weight=1.0,
        entropy_weight=0.02,
        num_envs=128,
        learning_rate=2e-3,
        images=50_000,
        epoch_images=10_000,
        validation_images=500,
    )


@contextlib.contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file can be longer than so many bytes: writing fails on the way, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
