"""The digits of a house number: their shapes as a mask, and the paint or metal they are made of."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from glimpse_env.opencv import cv2
from glimpse_env.tasks.house_numbers import styles
from glimpse_env.tasks.house_numbers.glyphs import Face, Mask, glyph
from glimpse_env.tasks.house_numbers.layout import Box, Scene, places

Picture: TypeAlias = NDArray[np.float32]
Colour: TypeAlias = NDArray[np.float64]
Pair: TypeAlias = tuple[float, float]

_MOST_TILT = 12.0
_LEAST_SQUEEZE = 0.8
"""A leaning digit is made narrower to stay in its box, to this part of its width at most."""
_NARROWEST = 0.6
"""A digit takes at least this part of the width there is for it, whatever its face."""
_WOBBLE_STEP = 14
"""Pixels between the points that a wobbling number is bent at."""


def draw_ink(rng: np.random.Generator, scene: Scene, face: Face) -> Mask:
    """Draw the digits, and with them any neighbour cut off at the edge."""
    mask = np.zeros((scene.size, scene.size), np.uint8)
    tilt = styles.TILT_DEVIATION * rng.standard_normal()
    if rng.random() < styles.TILT_FOLLOWS_SLOPE_SHARE:
        tilt += min(max(scene.slope, -_MOST_TILT), _MOST_TILT)
    shear = styles.SHEAR_DEVIATION * rng.standard_normal()
    stretch = math.exp(styles.STRETCH_DEVIATION * rng.standard_normal())
    boxes = _in_perspective(rng, scene.layout.ink)
    tilts = tilt + styles.DIGIT_TILT_DEVIATION * rng.standard_normal(len(boxes))
    for digit, box, angle in zip(scene.layout.digits, boxes, tilts.tolist(), strict=True):
        _stamp(mask, scene, face, digit, box, angle, shear, stretch)
    if rng.random() < styles.NEIGHBOUR_SHARE:
        _stamp_neighbour(rng, mask, scene, face, tilt, shear)
    if rng.random() < styles.WOBBLE_SHARE:
        mask = _wobble(rng, mask)
    return _weigh(rng, mask) if rng.random() < styles.WEIGHT_SHARE else mask


def _in_perspective(rng: np.random.Generator, boxes: NDArray[np.float64]) -> list[Box]:
    """Shrink the digits towards one end."""
    strength = styles.PERSPECTIVE_STRENGTH * rng.standard_normal()
    last, shrunk = max(1, len(boxes) - 1), []
    for number, (left, top, width, height) in enumerate(boxes.tolist()):
        size = 1 + strength * (2 * number / last - 1) - abs(strength)
        corner = left + width * (1 - size) / 2, top + height * (1 - size) / 2
        shrunk.append((*corner, width * size, height * size))
    return shrunk


def _stamp(
    mask: Mask,
    scene: Scene,
    face: Face,
    digit: int,
    box: Box,
    angle: float,
    shear: float,
    stretch: float,
) -> None:
    """Draw a digit so that, leaning, it fills its box (a narrow one stays narrow)."""
    aspect, masks = glyph(face, digit)
    left, top, width, height = box
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    own_width = stretch * aspect * height
    least = _NARROWEST * width if digit != 1 else 0.0
    glyph_width = min(width, max(own_width, least))
    across = cosine * glyph_width, (cosine * shear - sine) * height
    down = sine * glyph_width, (sine * shear + cosine) * height
    squeeze = max(_LEAST_SQUEEZE, min(1.0, width / (abs(across[0]) + abs(across[1]))))
    x = squeeze * scene.scale[0]
    y = height / (abs(down[0]) + abs(down[1])) * scene.scale[1]
    unit = (x * across[0], x * across[1]), (y * down[0], y * down[1])
    centre = (
        (left + width / 2) * scene.scale[0] + scene.origin[0],
        (top + height / 2) * scene.scale[1] + scene.origin[1],
    )
    _stamp_mask(mask, masks[_level(masks, abs(unit[0][0]))], unit, centre)


def _level(masks: Sequence[Mask], width: float) -> int:
    """The smallest mask that is not narrower than the drawing."""
    fitting = [level for level, mask in enumerate(masks) if mask.shape[1] >= width]
    return fitting[-1] if fitting else 0


def _stamp_mask(mask: Mask, source: Mask, unit: tuple[Pair, Pair], centre: Pair) -> None:
    """Draw a glyph whose box is mapped by `unit` (2 x 2, pixels per box) and centred."""
    size, (rows, columns) = mask.shape[0], source.shape
    low, high, matrix = [0, 0], [0, 0], np.empty((2, 3))
    for axis in (0, 1):
        reach = (abs(unit[axis][0]) + abs(unit[axis][1])) / 2 + 1
        low[axis] = min(max(math.floor(centre[axis] - reach), 0), size)
        high[axis] = min(max(math.ceil(centre[axis] + reach), 0), size)
        a, b = unit[axis][0] / columns, unit[axis][1] / rows
        # Pixel i covers [i, i + 1): its middle is at i + 0.5 in both pictures.
        offset = centre[axis] - low[axis] - 0.5
        matrix[axis] = a, b, offset - a * (columns / 2 - 0.5) - b * (rows / 2 - 0.5)
    if high[0] <= low[0] or high[1] <= low[1]:
        return
    drawn = cv2.warpAffine(source, matrix, (high[0] - low[0], high[1] - low[1]))
    window = mask[low[1] : high[1], low[0] : high[0]]
    np.maximum(window, drawn, out=window)


def _stamp_neighbour(
    rng: np.random.Generator, mask: Mask, scene: Scene, face: Face, tilt: float, shear: float
) -> None:
    """Draw less than half of a further digit at the left or right edge of the image."""
    at_left = rng.random() < 0.5
    left, top, width, height = scene.layout.ink[0 if at_left else -1].tolist()
    edge = ((0.0 if at_left else scene.size) - scene.origin[0]) / scene.scale[0]
    room = left - edge if at_left else edge - left - width
    shown = min(rng.uniform(0.15, 0.45) * width, room - 0.1)
    if shown * scene.scale[0] < 1.5:
        return
    top += rng.normal(0, 0.08)
    new_left = edge + shown - width if at_left else edge - shown
    box = new_left, top, width, height
    _stamp(mask, scene, face, int(rng.integers(10)), box, tilt, shear, 1.0)


@functools.cache
def _identity(size: int) -> Picture:
    """Where each pixel is: (size, size, 2), x and y."""
    rows, columns = np.indices((size, size), np.float32)
    return np.stack([columns, rows], axis=-1)


def _wobble(rng: np.random.Generator, mask: Mask) -> Mask:
    """Bend the digits smoothly, as a hand or a cheap casting does: a face of their own."""
    size = mask.shape[0]
    points = size // _WOBBLE_STEP + 2
    strength = styles.WOBBLE_STRENGTH * rng.random()
    bends = (strength * rng.standard_normal((points, points, 2))).astype(np.float32)
    shifts = cv2.resize(bends, (size, size), interpolation=cv2.INTER_CUBIC)
    across, down = cv2.split(_identity(size) + shifts)
    return np.asarray(cv2.remap(mask, across, down, cv2.INTER_LINEAR), np.uint8)


def _weigh(rng: np.random.Generator, mask: Mask) -> Mask:
    """Make strokes bolder or finer, not everywhere alike, and round their corners."""
    least, most = styles.WEIGHT_THRESHOLDS
    soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(*styles.WEIGHT_BLUR_RANGE))
    slope = (styles.WEIGHT_SLOPE * rng.uniform(-1, 1, 2)).astype(np.float32)
    threshold = np.float32(rng.uniform(least, most)) + places(mask.shape[0]) @ slope
    return np.asarray(((soft - threshold) * np.float32(2.5) + 128).clip(0, 255), np.uint8)


def lay_ink(
    rng: np.random.Generator,
    picture: Picture,
    scene: Scene,
    ink: Mask,
    colours: tuple[Colour, Colour, Colour],
) -> None:
    """Lay the digits on the wall, with shadow, glow, edge, relief and wear.

    Args:
        rng: Source of chance.
        picture: float32 (size, size, 3), changed in place.
        scene: Where the number is.
        ink: Mask of the digits.
        colours: Of the ground, of the digits, and of whatever else is there.
    """
    ground, colour, third = colours
    shadow, glow, edge, inner, relief, wear = rng.random(6).tolist()
    if glow < styles.GLOW_SHARE:
        _add_glow(rng, picture, ink, third if glow < styles.GLOW_SHARE / 2 else ground)
    if shadow < styles.DROP_SHADOW_SHARE:
        _add_shadow(rng, picture, scene, ink)
    if edge < styles.OUTLINE_SHARE:
        blend(picture, _grown(rng, ink), third)
    if wear < styles.WEAR_SHARE:
        ink = _worn(rng, ink)
    blend(picture, ink, _shaded(rng, scene.size, colour, ground))
    if inner < styles.INLINE_SHARE:
        blend(picture, _core(ink), third if inner < styles.INLINE_SHARE / 2 else ground)
    if relief < styles.RELIEF_SHARE:
        _add_relief(rng, picture, ink)


def blend(picture: Picture, mask: Mask, colour: NDArray[np.floating], opacity: float = 1.0) -> None:
    """Lay a colour, or a picture of colours, over the picture where the mask says so."""
    share = in_grey(mask * np.float32(opacity / 255))
    above = colour if colour.ndim > 1 else in_one_colour(len(mask), colour, np.float32)
    picture += share * (above - picture)


def in_grey(field: NDArray[Any]) -> NDArray[Any]:
    """Repeat a field (size, size) for red, green and blue: (size, size, 3).

    NumPy computes with it several times as fast as with an axis of one in the place of three.
    """
    return np.asarray(cv2.cvtColor(field, cv2.COLOR_GRAY2RGB))


def in_one_colour(size: int, colour: NDArray[np.floating], dtype: type[np.generic]) -> NDArray[Any]:
    """Make a picture (size, size, 3) of one colour, (3,): rows are copied faster than pixels."""
    picture = np.empty((size, size, 3), dtype)
    picture[0] = colour
    picture[1:] = picture[0]
    return picture


def _shaded(
    rng: np.random.Generator, size: int, colour: Colour, ground: Colour
) -> NDArray[np.floating]:
    """Let the digits fade towards the ground's colour and away, softly or at a line."""
    if rng.random() >= styles.TWO_TONE_SHARE:
        return colour
    slope = rng.uniform(-1, 1, 2).astype(np.float32)
    sharpness, depth = rng.uniform(0.3, 3), styles.TWO_TONE_DEPTH * rng.random()
    tone = (sharpness * (places(size) @ slope)).clip(-1, 1)
    fading = in_grey(depth * tone) * in_one_colour(size, ground - colour, np.float64)
    return np.asarray(in_one_colour(size, colour, np.float64) + fading, np.float32)


def _add_glow(rng: np.random.Generator, picture: Picture, ink: Mask, colour: Colour) -> None:
    """Surround the digits with a halo as broad as a stroke."""
    soft = cv2.GaussianBlur(_grown(rng, ink), (0, 0), rng.uniform(0.8, 3))
    blend(picture, np.asarray(soft, np.uint8), colour, rng.uniform(0.2, 0.8))


def _add_shadow(rng: np.random.Generator, picture: Picture, scene: Scene, ink: Mask) -> None:
    """Shift the digits and soften them; a solid shadow is the side of a thick digit."""
    x, y = (styles.DROP_SHADOW_REACH * rng.uniform(-1, 1, 2) * scene.scale).tolist()
    solid, lit, softness, opacity = rng.random(4).tolist()
    steps = (0.33, 0.67, 1.0) if solid < styles.SOLID_SHADOW_SHARE else (1.0,)
    size = (scene.size, scene.size)
    shadow = np.zeros_like(ink)
    for part in steps:
        matrix = np.array([[1, 0, part * x], [0, 1, part * y]])
        shadow = np.maximum(shadow, cv2.warpAffine(ink, matrix, size))
    soft = np.asarray(cv2.GaussianBlur(shadow, (0, 0), 0.3 + 2.2 * softness**2), np.uint8)
    brightness = 230.0 if lit < styles.LIT_SHADOW_SHARE else 10.0
    blend(picture, soft, np.full(3, brightness), 0.2 + 0.6 * opacity)


def _grown(rng: np.random.Generator, ink: Mask) -> Mask:
    """Widen the digits by a pixel or two."""
    side = 3 + 2 * int(rng.random() * 2)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(ink, kernel), np.uint8)


def _core(ink: Mask) -> Mask:
    """The inside of the strokes."""
    return np.asarray(cv2.erode(ink, np.ones((3, 3), np.uint8)), np.uint8)


def _worn(rng: np.random.Generator, ink: Mask) -> Mask:
    """Let the paint come off here and there."""
    size = ink.shape[0]
    x, y = (rng.random(2) * (styles.TEXTURE_SIZE - size)).astype(int).tolist()
    blotches = styles.texture("stucco")[y : y + size, x : x + size] / 0.09
    return np.asarray(ink * np.clip(1.3 + 0.8 * blotches, 0.1, 1), np.uint8)


def _add_relief(rng: np.random.Generator, picture: Picture, ink: Mask) -> None:
    """Light one side of the strokes and shade the other, as of cast metal."""
    strength = rng.uniform(*styles.RELIEF_RANGE)
    kernel = np.rot90(np.array([[1, 1, 0], [1, 0, -1], [0, -1, -1]]), int(rng.random() * 4))
    picture += in_grey(cv2.filter2D(ink, cv2.CV_32F, kernel * strength))
