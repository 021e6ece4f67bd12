"""The strip below the image: the labels that were said, right or wrong, and the true ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from glimpse_env.frames import drawing
from glimpse_env.frames.drawing import Colour, Frame
from glimpse_env.frames.layout import LABEL_GAP, LABEL_HEIGHT, MARGIN
from glimpse_env.frames.trace import Word

RIGHT: Colour = (35, 145, 75)
WRONG: Colour = (205, 55, 60)
_NEUTRAL: Colour = (52, 57, 64)
_CAPTION = 48  # width of the words at the left
_PADDING = 8  # left and right of a label's text
_LEAST_WIDTH = 36
_SIZE = 16
_MEDIUM, _BOLD = 500, 700  # font weights


def draw_labels(
    frame: Frame,
    top: int,
    said: Sequence[Word],
    labels: Sequence[str],
    captions: tuple[str, str] = ("said", "true"),
) -> None:
    """Write what was said above what is true, label under label.

    Args:
        frame: What to draw on.
        top: Where the strip begins.
        said: The labels said, oldest first, each with whether it was right.
        labels: The right labels.
        captions: What stands before the two lines.
    """
    lines = (top + LABEL_HEIGHT // 2, top + LABEL_HEIGHT + LABEL_GAP + LABEL_HEIGHT // 2)
    for y, caption in zip(lines, captions, strict=True):
        drawing.write(frame, caption, (MARGIN, y), colour=drawing.QUIET_TEXT, size=15)
    left, end = MARGIN + _CAPTION, frame.shape[1] - MARGIN
    widths = _column_widths(said, labels)
    first = _first_shown(widths, len(said), end - left)
    for i in range(first, len(widths)):
        if i > first and left + widths[i] > end:
            break
        if i < len(said):
            name, right = said[i]
            latest, colour = i + 1 == len(said), _colour(right)
            _draw_label(frame, name, (left, lines[0]), widths[i], colour, latest)
        if i < len(labels):
            _draw_label(frame, labels[i], (left, lines[1]), widths[i], _NEUTRAL)
        left += widths[i] + LABEL_GAP


def _colour(right: bool | None) -> Colour:
    return _NEUTRAL if right is None else RIGHT if right else WRONG


def _column_widths(said: Sequence[Word], labels: Sequence[str]) -> list[int]:
    def width(name: str) -> int:
        return max(_LEAST_WIDTH, drawing.text_width(name, _SIZE, _BOLD) + 2 * _PADDING)

    columns = itertools.zip_longest([name for name, _ in said], labels, fillvalue="")
    return [max(map(width, column)) for column in columns]


def _first_shown(widths: Sequence[int], number_said: int, room: int) -> int:
    """The first column to show, so that there is room for the label said last."""
    first = 0
    while (
        first < number_said - 1
        and sum(width + LABEL_GAP for width in widths[first:number_said]) > room + LABEL_GAP
    ):
        first += 1
    return first


def _draw_label(
    frame: Frame,
    text: str,
    at: tuple[int, int],
    width: int,
    colour: Colour,
    latest: bool = False,
) -> None:
    """Draw a label whose left end is at (x, y)."""
    left, top = at[0], at[1] - LABEL_HEIGHT // 2
    frame[top : top + LABEL_HEIGHT, left : left + width] = colour
    if latest:
        drawing.outline(frame, (left - 1, top - 1, width + 2, LABEL_HEIGHT + 2), drawing.TEXT)
    weight = _BOLD if latest else _MEDIUM
    middle = (left + width / 2, at[1])
    drawing.write(frame, text, middle, size=_SIZE, weight=weight, centred=True)
