"""Frames for people: what the image is, where the eye went, what it saw and what was said.

Pure functions of arrays, on the host. This module loads OpenCV; import it where a frame is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glimpse_env.frames import drawing
from glimpse_env.frames.drawing import Colour, Frame
from glimpse_env.frames.labels import draw_labels
from glimpse_env.frames.layout import CAPTION, MARGIN, Layout, tile_side
from glimpse_env.frames.trace import Word

SCALE_COLOURS: tuple[Colour, ...] = (
    (255, 200, 60),  # amber, the finest
    (60, 200, 255),  # sky
    (190, 135, 255),  # violet
    (255, 125, 185),  # pink
    (255, 145, 70),  # orange
    (70, 225, 205),  # turquoise
    (120, 150, 255),  # blue
    (225, 205, 150),  # sand
    (200, 200, 210),  # silver
)
_SPILL = 10  # pixels around the image where boxes and path still show


def draw_frame(
    image: NDArray[Any],
    glimpse: NDArray[Any],
    context: NDArray[Any] | None = None,
    *,
    squares: ArrayLike,
    path: ArrayLike,
    labels: Sequence[str] = (),
    said: Sequence[Word] = (),
    captions: tuple[str, str] = ("said", "true"),
) -> Frame:
    """Draw a moment of an episode.

    The size of the frame follows from the shapes of the first three arguments alone.

    Args:
        image: Integers in 0 .. 255, (C, H, W), C of 1 (grey) or 3 (colour).
        glimpse: What the eye sees now, (K * C, g, g) in [0, 1], the finest of K scales first.
        context: The coarse whole image, (C, c, c) in [0, 1], if there is one.
        squares: What each scale covers of the image, (K, 3): left, top and side in pixels.
        path: Where the eye has looked, (n, 2), (x, y) in [-1, 1], oldest first; the last is where
            `glimpse` was taken. Empty before the first glimpse: then no box and no glimpse
            are shown.
        labels: The names of the right labels, in the order in which they are to be said.
        said: The names of what was said or done, oldest first, each with whether it was right;
            None where it is neither right nor wrong.
        captions: What stands before `said` and before `labels`.

    Returns:
        uint8 (height, width, 3), RGB, a new array.
    """
    gazes = np.asarray(path, np.float32).reshape(-1, 2)
    layout = Layout.of(image.shape, glimpse.shape, 0 if context is None else context.shape[-1])
    frame = np.full((layout.height, layout.width, 3), drawing.BACKGROUND, np.uint8)
    _draw_image(frame, layout, drawing.as_rgb(image))
    covered, seen = np.asarray(squares), bool(len(gazes))
    _draw_gaze(frame, layout, gazes, covered[: seen * len(covered)])
    _draw_tiles(frame, layout, _tiles(glimpse * seen, context, covered[:, 2].tolist()))
    draw_labels(frame, layout.labels_top, said, labels, captions)
    return frame


def draw_frames(
    images: NDArray[Any],
    observation: Mapping[str, NDArray[Any]],
    *,
    squares: NDArray[np.int64],
    paths: Sequence[ArrayLike],
    labels: Sequence[Sequence[str]],
    said: Sequence[Sequence[Word]],
    captions: tuple[str, str],
) -> list[Frame]:
    """Draw the present moment of the first m rows of a vector environment.

    Args:
        images: What they look at, integers in 0 .. 255, (m, C, H, W).
        observation: What they see: `glimpse` and maybe `context`, of m rows or more.
        squares: What each glimpse covers, (m, K, 3).
        paths: Where each has looked.
        labels: The right labels of each.
        said: What each has said or done.
        captions: What the two lines below a frame begin with, "" for none.
    """
    contexts = observation.get("context")
    return [
        draw_frame(
            image,
            observation["glimpse"][row],
            None if contexts is None else contexts[row],
            squares=squares[row],
            path=paths[row],
            labels=labels[row],
            said=said[row],
            captions=captions,
        )
        for row, image in enumerate(images)
    ]


def _draw_image(frame: Frame, layout: Layout, image: Frame) -> None:
    (left, top), (height, width) = layout.image_corner, layout.view
    frame[top - 1 : top + height + 1, left - 1 : left + width + 1] = drawing.FRAME_LINE
    frame[top : top + height, left : left + width] = drawing.resize(image, height, width)


def _draw_gaze(
    frame: Frame, layout: Layout, path: NDArray[np.float32], squares: NDArray[np.int64]
) -> None:
    """Draw boxes and path; what leaves the image is cut off a little beyond its border."""
    first = MARGIN - _SPILL
    view = frame[first : layout.labels_top - first, first : layout.tiles_left - first]
    corner = np.asarray(layout.image_corner) - first
    for scale, (left, top, side) in reversed(list(enumerate(squares))):
        edges = np.rint(np.array([left, top, left + side, top + side]) * layout.zoom).astype(int)
        x, y = (corner + edges[:2]).tolist()
        width, height = (edges[2:] - edges[:2]).tolist()
        drawing.outline(view, (x, y, width, height), _colour(scale))
    drawing.draw_path(view, corner + (path + 1) / 2 * np.array(layout.view[::-1]))


def _colour(scale: int) -> Colour:
    return SCALE_COLOURS[scale % len(SCALE_COLOURS)]


def _tiles(
    glimpse: NDArray[Any], context: NDArray[Any] | None, sides: Sequence[int]
) -> Iterator[tuple[str, Colour, Frame]]:
    """The pictures beside the image: caption, colour and pixels of each."""
    patches = np.split(glimpse, len(sides))
    for scale, (side, patch) in enumerate(zip(sides, patches, strict=True)):
        yield f"{side} px", _colour(scale), _quantize(patch)
    if context is not None:
        yield "context", drawing.QUIET_TEXT, _quantize(context)


def _quantize(picture: NDArray[Any]) -> Frame:
    return drawing.as_rgb(np.rint(picture * 255))


def _draw_tiles(frame: Frame, layout: Layout, tiles: Iterator[tuple[str, Colour, Frame]]) -> None:
    for number, (caption, colour, pixels) in enumerate(tiles):
        row, column = divmod(number, layout.grid[1])
        left = layout.tiles_left + column * layout.tile[1]
        top = MARGIN + row * layout.tile[0]
        drawing.write(frame, caption, (left, top + 6), colour=colour, size=13, weight=500)
        top += CAPTION - 4
        side = tile_side(len(pixels), layout.room)
        drawing.outline(frame, (left - 2, top - 2, side + 4, side + 4), colour)
        frame[top : top + side, left : left + side] = drawing.resize(pixels, side, side)
