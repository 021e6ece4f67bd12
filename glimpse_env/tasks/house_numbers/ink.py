"""The digits of a house number as a mask: each leaning and stretched into its box."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from glimpse_env.tasks.house_numbers import styles
from glimpse_env.tasks.house_numbers.glyphs import Face, Mask, glyph
from glimpse_env.tasks.house_numbers.layout import Scene

_INK_IN_BOX = 0.93
"""The annotators' boxes are a little larger than the digits."""
_SPACE_BETWEEN = 0.05
"""Least space between the ink of neighbouring digits, in heights of a digit."""
_MOST_TILT = 12.0
_LEAST_SQUEEZE = 0.8
"""A leaning digit is made narrower to stay in its box, to this part of its width at most."""


def draw_ink(rng: np.random.Generator, scene: Scene, face: Face) -> Mask:
    """Draw the digits, and with them any neighbour cut off at the edge."""
    mask = np.zeros((scene.size, scene.size), np.uint8)
    tilt = styles.TILT_DEVIATION * rng.standard_normal()
    if rng.random() < styles.TILT_FOLLOWS_SLOPE_SHARE:
        tilt += float(np.clip(scene.slope, -_MOST_TILT, _MOST_TILT))
    shear = styles.SHEAR_DEVIATION * rng.standard_normal()
    boxes = _ink_boxes(rng, scene)
    tilts = tilt + styles.DIGIT_TILT_DEVIATION * rng.standard_normal(len(boxes))
    for digit, box, angle in zip(scene.layout.digits, boxes.tolist(), tilts.tolist(), strict=True):
        _stamp(mask, scene, face, digit, box, angle, shear)
    if rng.random() < styles.NEIGHBOUR_SHARE:
        _stamp_neighbour(rng, mask, scene, face, tilt, shear)
    return mask


def _ink_boxes(rng: np.random.Generator, scene: Scene) -> NDArray[np.float64]:
    """Shrink the boxes to the ink: margins, no touching neighbours, perspective."""
    boxes = scene.layout.boxes.copy()
    gaps = boxes[1:, 0] - boxes[:-1, 0] - boxes[:-1, 2]
    overlap = np.clip(_SPACE_BETWEEN - gaps, 0, 0.3 * boxes[1:, 2])
    boxes[1:, 0] += overlap / 2
    boxes[1:, 2] -= overlap / 2
    boxes[:-1, 2] -= overlap / 2
    ends = np.linspace(-1, 1, len(boxes)) if len(boxes) > 1 else np.zeros(1)
    strength = styles.PERSPECTIVE_STRENGTH * rng.standard_normal()
    sizes = _INK_IN_BOX * (1 + strength * ends - abs(strength))
    boxes[:, :2] += boxes[:, 2:] * (1 - sizes[:, None]) / 2
    boxes[:, 2:] *= sizes[:, None]
    return boxes


def _stamp(
    mask: Mask,
    scene: Scene,
    face: Face,
    digit: int,
    box: list[float],
    angle: float,
    shear: float,
) -> None:
    """Draw a digit so that, leaning, it fills its box (a narrow one stays narrow)."""
    aspect, masks = glyph(face, digit)
    left, top, width, height = box
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    glyph_width = min(width, 1.4 * aspect * height)
    lean = np.array([[cosine, cosine * shear - sine], [sine, sine * shear + cosine]])
    lean *= (glyph_width, height)
    extent = np.abs(lean).sum(axis=1)
    squeeze = max(_LEAST_SQUEEZE, min(1.0, width / extent[0]))
    lean *= (np.array([squeeze, height / extent[1]]) * scene.scale)[:, None]
    centre = scene.pixels(np.array([left + width / 2, top + height / 2]))
    _stamp_mask(mask, masks[_level(masks, abs(lean[0, 0]))], lean, centre)


def _level(masks: Sequence[Mask], width: float) -> int:
    """The smallest mask that is not narrower than the drawing."""
    fitting = [level for level, mask in enumerate(masks) if mask.shape[1] >= width]
    return fitting[-1] if fitting else 0


def _stamp_mask(
    mask: Mask, source: Mask, unit: NDArray[np.float64], centre: NDArray[np.float64]
) -> None:
    """Draw a glyph whose box is mapped by `unit` (2 x 2, pixels per box) and centred."""
    size = mask.shape[0]
    reach = np.abs(unit).sum(axis=1) / 2 + 1
    low = np.clip(np.floor(centre - reach), 0, size).astype(int)
    high = np.clip(np.ceil(centre + reach), 0, size).astype(int)
    if (high <= low).any():
        return
    shape = np.array(source.shape[::-1])
    matrix = np.empty((2, 3))
    matrix[:, :2] = unit / shape
    # Pixel i covers [i, i + 1): its middle is at i + 0.5 in both pictures.
    matrix[:, 2] = centre - low - 0.5 - matrix[:, :2] @ (shape / 2 - 0.5)
    width, height = (high - low).tolist()
    drawn = cv2.warpAffine(source, matrix, (width, height))
    window = mask[low[1] : high[1], low[0] : high[0]]
    np.maximum(window, drawn, out=window)


def _stamp_neighbour(
    rng: np.random.Generator, mask: Mask, scene: Scene, face: Face, tilt: float, shear: float
) -> None:
    """Draw less than half of a further digit at the left or right edge of the image."""
    left, top, width, height = scene.layout.boxes[0 if rng.random() < 0.5 else -1].tolist()
    at_left = left == scene.layout.boxes[0, 0]
    edge = ((0.0 if at_left else scene.size) - scene.origin[0]) / scene.scale[0]
    room = left - edge if at_left else edge - left - width
    shown = min(rng.uniform(0.15, 0.45) * width, room - 0.15)
    if shown * scene.scale[0] < 1.5:
        return
    top += rng.normal(0, 0.08)
    new_left = edge + shown - width if at_left else edge - shown
    _stamp(mask, scene, face, int(rng.integers(10)), [new_left, top, width, height], tilt, shear)
