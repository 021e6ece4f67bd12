"""Digits of typefaces in MNIST's format, so that an agent of MNIST can be shown without MNIST."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glimpse_env.opencv import cv2
from glimpse_env.tasks.house_numbers.glyphs import Face, glyph

SIDE, BOX = 28, 20  # pixels of an image, and of the square that the digit fills, as in MNIST


def typeset(face: Face, digit: int) -> NDArray[np.uint8]:
    """A digit, white on black, its centre of mass in the middle: uint8 (28, 28)."""
    aspect, (mask, *_) = glyph(face, digit)
    height = BOX if aspect <= 1 else round(BOX / aspect)
    ink = cv2.resize(mask, (max(1, round(height * aspect)), height), interpolation=cv2.INTER_AREA)
    image = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (_corner(ink.sum(axis)) for axis in (1, 0))
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image


def _corner(weight: NDArray[np.uint64]) -> int:
    """Where ink begins that weighs so much line by line, if its middle is that of the image."""
    middle = float(weight @ np.arange(0.5, len(weight)) / weight.sum())
    return min(max(0, round(SIDE / 2 - middle)), SIDE - len(weight))
