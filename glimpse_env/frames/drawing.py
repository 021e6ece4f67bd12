"""The pencils of `rendering`: text, pixels made larger, outlines and gaze paths, in RGB.

This module loads OpenCV; import it where a frame is drawn, not where an environment is made.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse_env.opencv import cv2

Frame = NDArray[np.uint8]  # (height, width, 3)
Colour = tuple[int, int, int]

BACKGROUND: Colour = (24, 27, 31)
FRAME_LINE: Colour = (68, 74, 82)
QUIET_TEXT: Colour = (150, 158, 168)
TEXT: Colour = (233, 236, 240)
DARK: Colour = (12, 14, 16)

_SUBPIXEL_BITS = 4
_CAPITAL_HEIGHT = 0.7  # of the font size
_DOT_RADIUS = 8  # pixels
_FADING = 0.82  # each fixation is drawn that much fainter than the one after it
_FAINTEST = 0.35


def as_rgb(picture: NDArray[Any]) -> Frame:
    """A (C, H, W) picture, integers in 0 .. 255, grey or colour, as (H, W, 3)."""
    colour = np.broadcast_to(picture, (3, *picture.shape[1:]))
    return np.ascontiguousarray(np.moveaxis(colour, 0, -1), np.uint8)


def resize(picture: Frame, height: int, width: int) -> Frame:
    """Enlarge to squares of one colour, or average to fewer pixels."""
    shrinks = height < picture.shape[0] or width < picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)


def tile(frames: Sequence[Frame], columns: int) -> Frame:
    """Frames of one size side by side, `columns` in a row; where there is none is background."""
    height, width, _ = frames[0].shape
    rows = -(-len(frames) // columns)
    picture = np.full((rows * height, columns * width, 3), BACKGROUND, np.uint8)
    for i, frame in enumerate(frames):
        top, left = i // columns * height, i % columns * width
        picture[top : top + height, left : left + width] = frame
    return picture


def shrink(picture: Frame, height: float, width: float) -> Frame:
    """The picture, no higher and no wider than so many pixels; its shape stays."""
    scale = min(1.0, height / picture.shape[0], width / picture.shape[1])
    return resize(picture, round(scale * picture.shape[0]), round(scale * picture.shape[1]))


@functools.cache
def _font() -> cv2.FontFace:
    return cv2.FontFace("sans")  # OpenCV 5 carries it: no font file is needed


@functools.lru_cache(maxsize=1024)
def text_width(text: str, size: int, weight: int) -> int:
    """Width of a text in pixels."""
    return int(cv2.getTextSize((0, 0), text, (0, 0), _font(), size, weight)[2])


def write(
    frame: Frame,
    text: str,
    at: tuple[float, float],
    *,
    colour: Colour = TEXT,
    size: int = 13,
    weight: int = 400,
    centred: bool = False,
) -> None:
    """Write a text whose left end, or middle if `centred`, is at the point (x, y)."""
    x = at[0] - text_width(text, size, weight) / 2 if centred else at[0]
    baseline = at[1] + _CAPITAL_HEIGHT * size / 2
    cv2.putText(frame, text, (round(x), round(baseline)), colour, _font(), size, weight)


def outline(frame: Frame, place: tuple[int, int, int, int], colour: Colour) -> None:
    """Mark the border of a rectangle, two pixels inside it, with a dark line on either side.

    Args:
        frame: What to draw on.
        place: Left, top, width and height.
        colour: Of the border.
    """
    left, top, width, height = place
    right, bottom = left + width - 1, top + height - 1
    for inset, line in ((-1, DARK), (2, DARK), (0, colour), (1, colour)):
        if min(width, height) > 2 * inset:
            corner = (right - inset, bottom - inset)
            cv2.rectangle(frame, (left + inset, top + inset), corner, line, 1)


def draw_path(frame: Frame, points: NDArray[np.floating[Any]]) -> None:
    """Join fixations by a line and number them; the older, the fainter.

    Args:
        frame: What to draw on.
        points: (n, 2), x and y in pixels of the frame, (0, 0) the top left corner of the top left
            pixel, oldest first.
    """
    # OpenCV counts from the middle of the top left pixel.
    fixed = np.rint((points - 0.5) * 2**_SUBPIXEL_BITS).astype(int).tolist()
    for i, layer in _layers(frame, len(points)):
        for colour, width in ((DARK, 3), (TEXT, 1)) if i else ():
            cv2.line(layer, fixed[i - 1], fixed[i], colour, width, cv2.LINE_AA, _SUBPIXEL_BITS)
    for i, layer in _layers(frame, len(points)):
        for colour, radius in ((DARK, _DOT_RADIUS + 1), (TEXT, _DOT_RADIUS)):
            round_dot = (radius << _SUBPIXEL_BITS, colour, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)
            cv2.circle(layer, fixed[i], *round_dot)
        middle = (points[i, 0], points[i, 1])
        write(layer, str(i + 1), middle, colour=DARK, size=11, weight=600, centred=True)


def _layers(frame: Frame, number: int) -> Iterator[tuple[int, Frame]]:
    """Sheets to draw on, one after the other, which are laid over the frame; the last is opaque."""
    for i in range(number):
        layer = frame.copy()
        yield i, layer
        strength = max(_FAINTEST, _FADING ** (number - 1 - i))
        cv2.addWeighted(layer, strength, frame, 1 - strength, 0, dst=frame)
