"""The window of `render_mode="human"`.

This module loads OpenCV; import it where a frame is shown.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np

from glimpse_env.errors import DisplayUnavailable
from glimpse_env.frames.drawing import Frame, shrink, tile
from glimpse_env.opencv import cv2

MOST_FRAMES = 16  # shown at a time; with more, none could be made out
_LARGEST = (900, 1600)  # height and width of the window, pixels
_TRIAL = """
import sys, cv2
try:
    cv2.namedWindow("glimpse_env")
except cv2.error as error:
    sys.exit(str(error))
"""
_PATIENCE = 30  # seconds that the display has to answer
_ADVICE = (
    'use render_mode="rgb_array", or run under `xvfb-run`, with opencv-python in the place of '
    "opencv-python-headless, which has no windows; `check_env` leaves windows out with "
    "skip_render_check=True"
)

_numbers = itertools.count(1)


class Window:
    """A window that shows frames side by side.

    Args:
        name: What the title begins with; a number makes it unique in the process.

    Raises:
        DisplayUnavailable: There is no display, or none that OpenCV can use.
    """

    def __init__(self, name: str) -> None:
        """Make sure that a window can be opened; the first `show` opens it."""
        require_display()
        self._title = f"{name} ({next(_numbers)})"
        self._shown: Frame | None = None

    def show(self, frames: Sequence[Frame], fps: float) -> None:
        """Show frames of one size, for as long as one lasts at `fps` frames a second."""
        picture = arrange(frames)
        if self._shown is not None and np.array_equal(picture, self._shown):
            return  # nothing happened, so there is nothing to wait for
        try:
            cv2.imshow(self._title, np.ascontiguousarray(picture[..., ::-1]))
        except cv2.error as error:
            raise DisplayUnavailable(f"OpenCV cannot open a window ({error}): {_ADVICE}") from error
        self._shown = picture
        cv2.waitKey(max(1, round(1000 / fps)))

    def close(self) -> None:
        """Close the window, if it is open."""
        if self._shown is not None:
            self._shown = None
            with contextlib.suppress(cv2.error):  # the user may have closed it
                cv2.destroyWindow(self._title)


def arrange(frames: Sequence[Frame]) -> Frame:
    """One picture of frames of one size, row by row, no larger than a screen."""
    return shrink(tile(frames, columns=math.ceil(math.sqrt(len(frames)))), *_LARGEST)


def require_display() -> None:
    """Find out whether a window can be opened.

    Raises:
        DisplayUnavailable: It cannot.
    """
    displays = {name: os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")}
    if sys.platform.startswith("linux"):
        if not any(displays.values()):
            raise DisplayUnavailable(
                "there is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is "
                f"set): {_ADVICE}"
            )
        _try_in_another_process(tuple(displays.items()))


@functools.cache
def _try_in_another_process(displays: tuple[tuple[str, str | None], ...]) -> None:
    """Open a window elsewhere: where a display does not answer, Qt aborts the whole process."""
    command = [sys.executable, "-c", _TRIAL]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_PATIENCE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = error.stderr.strip() if isinstance(error.stderr, str) else ""
        reason = said.splitlines()[0] if said else str(error)
        names = ", ".join(f"{name}={value!r}" for name, value in displays if value)
        raise DisplayUnavailable(
            f"OpenCV cannot open a window on {names} ({reason}): {_ADVICE}"
        ) from error
