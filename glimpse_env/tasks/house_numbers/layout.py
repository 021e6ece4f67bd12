"""Which digits a house number has, and how they stand: the statistics of SVHN as small tables.

The tables were taken from the boxes and labels of the 33,402 training images of SVHN (format 1);
every split uses them, so that the test split differs in style alone. Lengths here are in units of
the height of a digit's box, which SVHN's boxes share within a number. The annotators drew their
boxes with room to spare: the ink fills two thirds to all of them, and rarely stands in the middle.
`benchmarks/house_numbers_statistics.py` compares what comes out with the annotations.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from glimpse_env.tasks.svhn.crops import CROP_SIZE, GROWTH, STRETCHED_SIZE

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width and height."""

MAX_DIGITS = 5

_NUMBER_SIZE = STRETCHED_SIZE / (1 + GROWTH)  # pixels

LENGTH_COUNTS = (5137, 18130, 8691, 1434, 9)
"""Numbers with one to five digits (the one number with six is left out)."""

LEADING_COUNTS = (
    (54, 679, 683, 574, 622, 599, 527, 465, 480, 454),
    (20, 3929, 3095, 2738, 2261, 1738, 1335, 1187, 948, 879),
    (10, 4635, 2543, 1036, 628, 492, 291, 225, 157, 118),
)
"""First digits 0 to 9 of numbers with one, with two, and with three or more digits."""

OTHER_COUNTS = (4864, 4618, 4264, 4149, 3947, 4053, 3574, 3718, 3460, 3208)
"""Digits 0 to 9 in every other place."""

QUANTILE_LEVELS = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
"""The levels of the quantiles below; the outermost two are cut, as they hold mistaken boxes."""

PHOTO_HEIGHT_QUANTILES = (11.0, 12.0, 15.0, 22.0, 30.0, 42.0, 69.0, 102.0, 160.0)
"""Height of a digit in the photograph, in its pixels: how blurred the 64 x 64 crop is."""

ASPECT_QUANTILES = (0.24, 0.275, 0.337, 0.436, 0.512, 0.591, 0.721, 0.852, 0.95)
"""Width over height of a number's boxes, each relative to its own digit's `RELATIVE_WIDTH`."""

GAP_QUANTILES = (-0.27, -0.247, -0.133, -0.048, 0.0, 0.044, 0.135, 0.306, 0.45)
"""A number's mean space between neighbouring boxes (they often overlap)."""

STEP_QUANTILES = (-0.45, -0.364, -0.158, -0.044, 0.0, 0.03, 0.105, 0.211, 0.35)
"""A number's mean step downwards from a digit to the next: the slope."""

RELATIVE_WIDTH = (1.0, 0.73, 1.0, 0.98, 1.0, 1.0, 1.0, 0.97, 1.0, 1.0)
"""Width of the boxes of digits 0 to 9 relative to a number's typical box."""

WIDTH_DEVIATION, GAP_DEVIATION, STEP_DEVIATION = 0.14, 0.05, 0.05
"""How the digits of one number differ: log width, gap, and step (standard deviations)."""

LEAST_ADVANCE = 0.7
"""Least distance from the start of a digit to the next, in widths of its box."""

ZOOM_RANGES = ((0.62, 0.6), (1.0, 1.0))
"""How much of the box around all digits the ink fills, across and down: least and most."""

INK_WIDTH_RANGE = (0.82, 1.03)
"""Width of the room for a digit's ink in widths of its box, before the whole is made smaller."""

INK_SHIFT_DEVIATION = 0.05
"""How far a number stands from the middle of its boxes, in heights, across and down."""

INK_DEVIATION = 0.03
"""How the digits of one number differ in size and place, in heights."""

LEAST_INK_GAP = -0.02
"""Room for the ink of neighbouring digits overlaps by no more than this, in heights."""


@dataclass(frozen=True)
class Layout:
    """The digits of a house number and where they stand.

    Attributes:
        digits: From left to right.
        boxes: (n, 4) left, top, width and height as annotated, in heights of a box.
        ink: (n, 4) the room inside the boxes that the digits are drawn in.
        photo_height: Height of a box in the imagined photograph's pixels.
    """

    digits: tuple[int, ...]
    boxes: NDArray[np.float64]
    ink: NDArray[np.float64]
    photo_height: float

    @property
    def union(self) -> Box:
        """Left, top, width and height of the tight box around all boxes."""
        return _union(self.boxes.tolist())

    @property
    def ink_union(self) -> Box:
        """Left, top, width and height of the tight box around all digits' ink."""
        return _union(self.ink.tolist())


def _union(boxes: list[Box]) -> Box:
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right = max(box[0] + box[2] for box in boxes)
    bottom = max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top


@functools.cache
def _cumulative(counts: tuple[int, ...]) -> list[float]:
    return [part / sum(counts) for part in itertools.accumulate(counts)]


def draw_layout(rng: np.random.Generator, min_digits: int, max_digits: int) -> Layout:
    """Draw the digits of a house number and their boxes."""
    draws = rng.random(5 + MAX_DIGITS).tolist()
    counts = LENGTH_COUNTS[min_digits - 1 : max_digits]
    length = min_digits + bisect.bisect(_cumulative(counts), draws[0])
    tables = [LEADING_COUNTS[min(length, 3) - 1]] + [OTHER_COUNTS] * (length - 1)
    digits = tuple(
        bisect.bisect(_cumulative(table), draw)
        for table, draw in zip(tables, draws[5:], strict=False)
    )
    boxes = _draw_boxes(rng, digits, draws[1:4])
    photo_height = _quantile(PHOTO_HEIGHT_QUANTILES, draws[4])
    ink = _draw_ink_room(rng, boxes)
    return Layout(digits, np.array(boxes), np.array(ink), photo_height)


def _draw_boxes(rng: np.random.Generator, digits: tuple[int, ...], draws: list[float]) -> list[Box]:
    """Set the digits side by side along a slope."""
    aspect = _quantile(ASPECT_QUANTILES, draws[0])
    gap, step = _quantile(GAP_QUANTILES, draws[1]), _quantile(STEP_QUANTILES, draws[2])
    jitter = rng.standard_normal((len(digits), 3))
    # The tables hold each number's mean width, gap and step: its digits vary around these.
    jitter[:, 0] -= jitter[:, 0].mean()
    jitter[1:, 1:] -= jitter[1:, 1:].sum(axis=0) / max(1, len(digits) - 1)
    factors = np.exp(WIDTH_DEVIATION * jitter[:, 0]).tolist()
    left = top = width = 0.0
    boxes: list[Box] = []
    for digit, factor, (_, wider, lower) in zip(digits, factors, jitter.tolist(), strict=True):
        if boxes:
            # However the boxes overlap, the next digit starts well to the right of this one.
            left += max(width + gap + GAP_DEVIATION * wider, LEAST_ADVANCE * width)
            top += step + STEP_DEVIATION * lower
        width = aspect * RELATIVE_WIDTH[digit] * factor
        boxes.append((left, top, width, 1.0))
    return boxes


def _draw_ink_room(rng: np.random.Generator, boxes: list[Box]) -> list[Box]:
    """Shrink and shift the boxes to where the ink is."""
    ranges = zip(*ZOOM_RANGES, rng.random(2).tolist(), strict=True)
    zoom: list[float] = [least + (most - least) * draw for least, most, draw in ranges]
    narrower = rng.uniform(*INK_WIDTH_RANGE)
    shift: list[float] = (INK_SHIFT_DEVIATION * rng.standard_normal(2)).tolist()
    grown, lower = (INK_DEVIATION * rng.standard_normal((2, len(boxes)))).tolist()
    whole = _union(boxes)

    def inside(place: float, axis: int) -> float:
        """The boxes hold the ink wherever it stands, but for a hair."""
        corner, margin = whole[axis], (1 - zoom[axis]) / 2 * whole[2 + axis]
        room = margin + 0.02
        zoomed = corner + zoom[axis] * (place - corner) + margin
        return zoomed + min(max(shift[axis], -room), room)

    shared = [0.0, *(_overlap(*pair) / 2 for pair in itertools.pairwise(boxes)), 0.0]
    ink: list[Box] = []
    for number, (left, top, width, height) in enumerate(boxes):
        width = width - shared[number] - shared[number + 1]
        left = left + shared[number] + width * (1 - narrower) / 2
        top += lower[number] - grown[number] / 2
        width, height = width * narrower * zoom[0], (height + grown[number]) * zoom[1]
        ink.append((inside(left, 0), inside(top, 1), width, height))
    return ink


def _overlap(box: Box, following: Box) -> float:
    """How much of its width a digit and the next have to give up between them."""
    gap = following[0] - box[0] - box[2]
    return min(max(LEAST_INK_GAP - gap, 0.0), 0.3 * following[2])


def _quantile(table: tuple[float, ...], level: float) -> float:
    """Read a table between its levels: level is in [0, 1)."""
    above = bisect.bisect(QUANTILE_LEVELS, level)
    low, high = QUANTILE_LEVELS[above - 1 : above + 1]
    part = (level - low) / (high - low)
    return table[above - 1] + part * (table[above] - table[above - 1])


@dataclass(frozen=True)
class Scene:
    """A house number in an image: heights of a box -> pixels of the image.

    Attributes:
        layout: Digits and boxes, in heights of a box.
        size: Side of the image.
        scale: Pixels per height of a box, across and down.
        origin: Pixel of the layout's zero point.
        slope: Angle of the line the number stands on, in degrees, before stretching.
    """

    layout: Layout
    size: int
    scale: tuple[float, float]
    origin: tuple[float, float]
    slope: float

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn (n, 2) points of the layout to pixels."""
        return points * self.scale + self.origin

    def boxes(self) -> NDArray[np.float64]:
        """(n, 4) left, top, width and height of the digits in pixels of the image."""
        corners = self.pixels(self.layout.boxes[:, :2])
        return np.hstack([corners, self.layout.boxes[:, 2:] * self.scale])


@functools.cache
def places(size: int) -> NDArray[np.float32]:
    """Where the pixels of an image are: (size, size, 2), across and down from the middle.

    In halves of a crop: 1 is at the edge of the 54 pixels with the number, if they are the middle.
    """
    rows, columns = np.indices((size, size), np.float32) / (CROP_SIZE / 2) - size / CROP_SIZE
    return np.stack([columns, rows], axis=-1)


def place(rng: np.random.Generator, layout: Layout, image_size: int, margin: int) -> Scene:
    """Stretch the number as Goodfellow did for SVHN and cut the image out of the middle.

    Args:
        rng: Where in a larger image the number lies comes from it.
        layout: The number.
        image_size: Side of the image, pixels, without the margin.
        margin: Pixels more on each side of it.
    """
    left, top, width, height = layout.union
    scale = (_NUMBER_SIZE / width, _NUMBER_SIZE / height)
    room = np.floor(rng.random(2) * (image_size - CROP_SIZE + 1))
    x, y = ((CROP_SIZE - _NUMBER_SIZE) / 2 + margin + room).tolist()
    step = layout.boxes[-1] - layout.boxes[0]
    slope = math.degrees(math.atan2(step[1], step[0])) if len(layout.boxes) > 1 else 0.0
    origin = x - left * scale[0], y - top * scale[1]
    return Scene(layout, image_size + 2 * margin, scale, origin, slope)
