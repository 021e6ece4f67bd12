"""Environments that need no data set: for pictures, and for spaces.

Handwritten digits are drawn in the shape of MNIST's, and rendered house numbers stand in for
photographed ones; `Glimpse-v0` shows three drawn shapes.
"""

from __future__ import annotations

from typing import Any
from unittest import mock

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

import glimpse_env  # noqa: F401  (registers the environment ids)
from glimpse_env.opencv import cv2
from glimpse_env.tasks.mnist.digits import Digits

DIGIT = 28  # pixels, the side of one of MNIST's
_LARGE = 4 * DIGIT
_FONT, _SIZE = cv2.FONT_HERSHEY_SIMPLEX, 3.2
SHAPES = ((18, 40), (41, 20), (36, 42))
"""Middles of a circle, a square and a triangle, pixels x and y, one an image of 60x60."""


def stand_in(env_id: str, num_envs: int, **keywords: Any) -> Any:
    """A batch of an environment, or of one with the same spaces, that needs no files."""
    if env_id == "Glimpse-v0":
        keywords |= drawn_shapes()
    elif "MNIST" in env_id:  # tasks are cached under what names their data
        keywords["data_dir"] = "drawn"
    with mock.patch("glimpse_env.tasks.mnist.task.load_mnist", drawn_digits):
        return gym.make_vec(env_id.replace("SVHN", "HouseNumbers"), num_envs, **keywords)


def drawn_digits(split: str, data_dir: str | None = None) -> Digits:
    """300 digits in the shape of MNIST's, whichever split is asked for."""
    del split, data_dir
    rng, labels = np.random.default_rng(0), np.arange(300) % 10
    return Digits(np.stack([_drawn(rng, str(label)) for label in labels]), labels)


def _drawn(rng: np.random.Generator, digit: str) -> NDArray[np.uint8]:
    large, thickness = np.zeros((_LARGE, _LARGE), np.uint8), int(rng.integers(8, 13))
    (width, height), _ = cv2.getTextSize(digit, _FONT, _SIZE, thickness)
    corner = ((_LARGE - width) // 2, (_LARGE + height) // 2)
    cv2.putText(large, digit, corner, _FONT, _SIZE, 255, thickness)
    slant, turn = rng.uniform(-0.3, 0.1), rng.uniform(-0.15, 0.15)
    bent = np.array([[1, slant - turn, 0], [turn, 1, 0]])
    bent[:, 2] = _LARGE / 2 - bent[:, :2] @ np.full(2, _LARGE / 2)
    turned = cv2.warpAffine(large, bent, large.shape)
    return np.asarray(cv2.resize(turned, (DIGIT, DIGIT), interpolation=cv2.INTER_AREA), np.uint8)


def drawn_shapes() -> dict[str, Any]:
    """Keywords of `Glimpse-v0`: a circle, a square and a triangle, in colour."""
    images = np.full((len(SHAPES), 60, 60, 3), 235, np.uint8)
    circle, square, triangle = images
    x, y = SHAPES[0]
    cv2.circle(circle, (x, y), 10, (200, 60, 60), cv2.FILLED, cv2.LINE_AA)
    x, y = SHAPES[1]
    cv2.rectangle(square, (x - 9, y - 9), (x + 9, y + 9), (60, 120, 200), cv2.FILLED)
    x, y = SHAPES[2]
    corners = np.array([[x, y - 11], [x - 11, y + 9], [x + 11, y + 9]])
    cv2.fillPoly(triangle, [corners], (60, 150, 80), cv2.LINE_AA)
    return {"images": images, "labels": np.arange(len(SHAPES)), "num_classes": len(SHAPES)}
