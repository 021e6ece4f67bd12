"""What the pixels of house numbers are like: measures of grey 54 x 54 crops, real or rendered.

Every measure is taken of single images, without their labels, so that it means the same for
photographs, of which nothing is known but the annotators' boxes. The ink is found by its
brightness (Otsu's threshold): the class of pixels that takes less of the image's rim is the ink.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from glimpse_env.opencv import cv2

Images = NDArray[np.uint8]
Measures = dict[str, NDArray[np.float64]]

_RINGS = 4
"""Bands of spatial frequency, each twice as high as the one before."""
_DIRECTIONS = 8
"""Sectors of gradient directions, opposite ones together: the first is around horizontal."""
_STRONG_GRADIENT = 0.25
"""Gradients count from this part of an image's strongest."""


def measure_pixels(images: Images) -> Measures:
    """Measure images one by one.

    Args:
        images: (M, 54, 54), grey.

    Returns:
        Name of a measure to its M values, NaN where an image has none (no ink, no gap).
    """
    rows = [_measure_one(image) for image in images]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _measure_one(image: Images) -> dict[str, float]:
    return {
        "contrast (standard deviation)": float(image.std()),
        "sharpness (variance of the Laplacian)": float(cv2.Laplacian(image, cv2.CV_64F).var()),
        "brightness (mean)": float(image.mean()),
        **_of_ink(image),
        **_spectrum(image),
        **_directions(image),
    }


def _of_ink(image: Images) -> dict[str, float]:
    """Where the ink is, how bold, and whether it is lighter than the ground."""
    _, light = cv2.threshold(image, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    rim = np.concatenate([light[0], light[-1], light[1:-1, 0], light[1:-1, -1]])
    is_light = rim.mean() < 0.5
    ink = light if is_light else np.asarray(1 - light, np.uint8)
    top, bottom = _extent(ink.sum(axis=1))
    left, right = _extent(ink.sum(axis=0))
    # In a band of width w the distance to its edge is w / 4 on average.
    depth = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    stroke = 4 * float(depth[ink > 0].mean()) if ink.any() else np.nan
    digit, gap = _runs(ink[:, left:right].max(axis=0) > 0)
    return {
        "light digits (share)": float(is_light),
        "stroke width / height of the ink": stroke / max(1, bottom - top),
        "gap / width of connected ink": gap / digit if gap and digit else np.nan,
        "margin left (pixels)": float(left),
        "margin right (pixels)": float(image.shape[1] - right),
        "margin above (pixels)": float(top),
        "margin below (pixels)": float(image.shape[0] - bottom),
    }


def _extent(profile: NDArray[np.int64]) -> tuple[int, int]:
    """First and last place but for a fiftieth of the ink at each end."""
    part = np.cumsum(profile) / max(1, profile.sum())
    return int(np.searchsorted(part, 0.02)), int(np.searchsorted(part, 0.98)) + 1


def _runs(inked: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean lengths of runs of columns with ink, and of those without."""
    edges = np.flatnonzero(np.diff(inked)) + 1
    runs = np.split(inked, edges)
    lengths = [[len(run) for run in runs if len(run) and run[0] == kind] for kind in (True, False)]
    digit, gap = (float(np.mean(values)) if values else 0.0 for values in lengths)
    return digit, gap


def _spectrum(image: Images) -> dict[str, float]:
    """Share of the variance in each band of spatial frequency, per cent."""
    size = image.shape[0]
    window = np.outer(np.hanning(size), np.hanning(size))
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2
    frequency = np.fft.fftfreq(size) * size
    radius = np.hypot(frequency[:, None], frequency)
    edges = [0.0, *(2.0 ** np.arange(2, 2 + _RINGS - 1)), np.inf]
    total = power.sum() or 1.0
    return {
        f"spectrum, {low:.0f} to {high:.0f} periods (%)": float(
            100 * power[(radius > low) & (radius <= high)].sum() / total
        )
        for low, high in itertools.pairwise(edges)
    }


def _directions(image: Images) -> dict[str, float]:
    """Share of the strong gradients that point in each sector, per cent."""
    across = cv2.Sobel(image, cv2.CV_64F, 1, 0)
    down = cv2.Sobel(image, cv2.CV_64F, 0, 1)
    strength = np.hypot(across, down)
    strength[strength < _STRONG_GRADIENT * strength.max()] = 0
    angle = np.arctan2(down, across) % np.pi
    sector = np.rint(angle / np.pi * _DIRECTIONS).astype(int) % _DIRECTIONS
    shares = np.bincount(sector.ravel(), strength.ravel(), _DIRECTIONS) / (strength.sum() or 1.0)
    return {
        f"gradients at {180 * i / _DIRECTIONS:.0f} degrees (%)": 100 * float(share)
        for i, share in enumerate(shares)
    }
