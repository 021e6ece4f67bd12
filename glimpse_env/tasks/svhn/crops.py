"""House numbers cut out of photographs as Goodfellow et al. (2013) did, section 5.1.

The box around all digits grows by 30 % in width and in height and is stretched to 64 x 64 whatever
its shape; images of 54 x 54 are cut out of that later. A larger image keeps the digits' size and
shows more around them: for an image of side s the crop has s - 54 pixels more on each side, so that
the 54 x 54 pixels with the number may lie anywhere in the image.

In 45 % of the training pictures (11 % of test) the grown box leaves the picture, if only by a part
of a pixel; rounded to whole pixels as here, in 40 % (9 %). `BORDERS` says what then happens.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse_env.opencv import cv2

CROP_SIZE, STRETCHED_SIZE, GROWTH = 54, 64, 0.3
"""What is cut, out of what, in pixels; and by how much the box grows."""

SLACK = STRETCHED_SIZE - CROP_SIZE

BORDERS = ("clamp", "replicate", "zero")
"""What becomes of a box that leaves the picture.

"clamp": it ends where the picture ends, and what is left is stretched a little more. "replicate"
and "zero": it stays, and what lies outside repeats the picture's edge or is black. What a crop
larger than 64 x 64 shows outside the picture repeats the edge with "clamp" too: were it clamped
as a whole, the digits would not keep their size.
"""


class Box(NamedTuple):
    """A rectangle of whole pixels; right and bottom are the first pixels outside."""

    left: int
    top: int
    right: int
    bottom: int


def crop_side(image_size: int) -> int:
    """Side of the crop that images of side `image_size` are cut out of, pixels."""
    return STRETCHED_SIZE + 2 * (image_size - CROP_SIZE)


def goodfellow_box(boxes: NDArray[np.float64]) -> Box:
    """The box around all digits, grown by 30 %: 15 % on each side.

    Args:
        boxes: (n, 4) left, top, width, height of the digits in pixels; they may leave the picture.
    """
    low = boxes[:, :2].min(axis=0)
    high = (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    margin = GROWTH / 2 * (high - low)
    left, top = np.floor(low - margin + 0.5).astype(int).tolist()
    right, bottom = np.floor(high + margin + 0.5).astype(int).tolist()
    return Box(left, top, max(right, left + 1), max(bottom, top + 1))


def cut(
    picture: NDArray[np.uint8], boxes: NDArray[np.float64], side: int, border: str
) -> NDArray[np.uint8]:
    """Cut a house number out of its photograph.

    Args:
        picture: (H, W, 3).
        boxes: (n, 4) left, top, width, height of the digits.
        side: Of the crop; Goodfellow's box becomes the 64 x 64 pixels in its middle.
        border: One of `BORDERS`.

    Returns:
        (side, side, 3).
    """
    box = goodfellow_box(boxes)
    height, width = picture.shape[:2]
    if border == "clamp":
        box = _inside(box, width, height)
    across = _axis(box.left, box.right, width, side)
    down = _axis(box.top, box.bottom, height, side)
    seen = picture[down.first : down.last, across.first : across.last]
    scaled = _resize(seen, across.scaled, down.scaled)
    columns, rows = np.arange(side) - across.start, np.arange(side) - down.start
    crop = scaled[np.clip(rows, 0, down.scaled - 1)][:, np.clip(columns, 0, across.scaled - 1)]
    if border == "zero":
        crop[(rows < 0) | (rows >= down.scaled)] = 0
        crop[:, (columns < 0) | (columns >= across.scaled)] = 0
    return crop


def _inside(box: Box, width: int, height: int) -> Box:
    """The part of a box in the picture; a pixel at its edge where there is none."""
    left, top = min(max(box.left, 0), width - 1), min(max(box.top, 0), height - 1)
    right, bottom = min(max(box.right, left + 1), width), min(max(box.bottom, top + 1), height)
    return Box(left, top, right, bottom)


class _Axis(NamedTuple):
    """One axis of a crop: which pixels of the picture are seen, and where they come to lie."""

    first: int
    last: int
    scaled: int  # pixels of the crop that they become
    start: int  # the pixel of the crop where they begin, which may lie before it


def _axis(low: int, high: int, length: int, side: int) -> _Axis:
    """Map the pixels low .. high of a picture to the 64 in the middle of the crop."""
    scale = STRETCHED_SIZE / (high - low)
    margin = (side - STRETCHED_SIZE) / 2
    first = min(max(int(np.floor(low - margin / scale)), 0), length - 1)
    last = max(min(int(np.ceil(high + margin / scale)), length), first + 1)
    start, end = (round((pixel - low) * scale + margin) for pixel in (first, last))
    return _Axis(first, last, max(1, end - start), start)


def _resize(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Shrink by averaging, enlarge by interpolating; one axis may do this and the other that."""
    rows, columns = picture.shape[:2]
    smaller = min(width, columns), min(height, rows)
    if smaller != (columns, rows):
        picture = np.asarray(cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    if smaller != (width, height):
        size = (width, height)
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return picture
