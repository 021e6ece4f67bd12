from __future__ import annotations

import numpy as np

from benchmarks.two_sample import two_sample_accuracy


def noise(number: int, seed: int, step: float = 0.0) -> np.ndarray:
    images = np.random.default_rng(seed).normal(128, 30, (number, 24, 24))
    images[:, :, 12:] += step
    return np.clip(images, 0, 255).astype(np.uint8)


def test_sets_of_one_distribution_are_not_told_apart() -> None:
    # 300 images are judged: four standard errors are 12 %.
    assert 38 < two_sample_accuracy(noise(300, 0), noise(300, 1)) < 62


def test_sets_that_differ_are_told_apart() -> None:
    first, second = noise(300, 0), noise(300, 1, step=40.0)
    assert two_sample_accuracy(first, second) > 90
    assert two_sample_accuracy(first, second) == two_sample_accuracy(first, second)
