from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.dram.readers.shown_images import envs_of_images
from tests.agents.conftest import NUMBERS


@pytest.mark.parametrize("channels", [1, 3])
def test_the_images_are_seen_by_the_agents_eye(channels: int) -> None:
    """A glimpse as large as the image, in its middle, is the image."""
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(5, channels, 8, 8), dtype=np.uint8)
    labels = np.array([[1, 2], [3, -1], [4, 5], [6, -1], [7, 8]])
    config = replace(NUMBERS, glimpse_size=8, num_scales=1, context_size=0, initial_gaze="center")
    envs = envs_of_images(config, images, labels, 10, num_envs=5, device="cpu")
    observation, info = envs.reset(options={"index": np.arange(5)})
    assert set(observation) == {"glimpse", "location", "emit"}
    np.testing.assert_allclose(observation["glimpse"], images / 255, atol=1e-6)
    np.testing.assert_array_equal(info["labels"], labels)
    assert envs.rules.glimpses_per_label == 3 and not envs.rules.stop_on_mistake


def test_single_labels_have_no_end() -> None:
    images = np.zeros((2, 1, 18, 18), np.uint8)
    envs = envs_of_images(NUMBERS, images, np.array([0, 1]), 2, num_envs=2, device="cpu")
    assert not envs.rules.has_end and envs.rules.max_labels == 1
