"""What `render` needs to know of the rows, and where its frames go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glimpse_env.backend import Array
from glimpse_env.envs.gaze.episodes import Episodes, Said
from glimpse_env.frames.trace import Trace

RENDER_MODES = (None, "rgb_array", "human")

if TYPE_CHECKING:
    from glimpse_env.frames.window import Window

Frame = np.ndarray[Any, np.dtype[np.uint8]]


class Viewer:
    """Follows episodes for people; it changes nothing about them.

    Args:
        episodes: The rows.
        number: B.
        mode: "rgb_array" or "human".
        fps: Frames a second of the window.
    """

    def __init__(self, episodes: Episodes, number: int, mode: str, fps: float) -> None:
        self.trace = Trace(number)
        self.window: Window | None = None
        self._episodes, self._number, self._mode, self._fps = episodes, number, mode, fps

    def turn_to(self, episodes: Episodes) -> None:
        """Follow other episodes from here on; all of them are yet to begin."""
        self._episodes = episodes

    def begin(self, mask: Array, name: str) -> None:
        """The rows in `mask` have begun an episode."""
        began, gaze = self._on_host(mask, self._episodes.rows.gaze)
        self.trace.begin(began, gaze, seen=self._episodes.sees_at_reset)
        self.show(name)

    def follow(self, said: Said | None, name: str) -> None:
        """Something was said or done, and eyes have moved."""
        if said is not None:
            self.trace.say(*self._on_host(*said))
        self.trace.look(*self._on_host(self._episodes.looked, self._episodes.rows.gaze))
        self.show(name)

    def show(self, name: str) -> None:
        """Bring the window called `name` up to date, if there is to be one."""
        if self._mode == "human":
            from glimpse_env.frames import window  # loads OpenCV

            self.window = self.window or window.Window(name)
            self.window.show(self.frames(min(self._number, window.MOST_FRAMES)), self._fps)

    def frames(self, number: int | None = None) -> list[Frame]:
        """The frames of the first rows, or of all."""
        from glimpse_env.frames.frame import draw_frames  # loads OpenCV

        episodes = self._episodes
        (images,) = self._on_host(episodes.images(number))
        observation = episodes.observe()
        seen = dict(zip(observation, self._on_host(*observation.values()), strict=True))
        (squares,) = self._on_host(episodes.eye.squares(episodes.rows.gaze))
        return draw_frames(
            images,
            seen,
            squares=squares,
            paths=[self.trace.path(row) for row in range(len(images))],
            labels=episodes.truths(number),
            said=[episodes.captions(self.trace.said(row)) for row in range(len(images))],
            captions=episodes.strip,
        )

    def close(self) -> None:
        """Close the window, if there is one."""
        if self.window:
            self.window.close()

    def _on_host(self, *arrays: Array) -> list[np.ndarray[Any, np.dtype[Any]]]:
        return [self._episodes.backend.to_numpy(array) for array in arrays]
