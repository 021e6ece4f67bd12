"""What `render` needs to know of the rows, and where its frames go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glimpse_env.backend import Array
from glimpse_env.episode import Judgement
from glimpse_env.episodes import Episodes
from glimpse_env.trace import Trace

if TYPE_CHECKING:
    from glimpse_env.window import Window

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
        """Nothing has happened yet, and no window is open."""
        self.trace = Trace(number)
        self.window: Window | None = None
        self._episodes, self._number, self._mode, self._fps = episodes, number, mode, fps

    def begin(self, mask: Array, name: str) -> None:
        """The rows in `mask` have begun an episode."""
        rows, rules = self._episodes.rows, self._episodes.rules
        began, gaze = self._on_host(mask, rows.gaze)
        self.trace.begin(began, gaze, seen=rules.sees_at_reset)
        self.show(name)

    def follow(self, label: Array, verdict: Judgement | None, name: str) -> None:
        """Labels were said, and eyes have moved where the episode goes on."""
        rows = self._episodes.rows
        if verdict is not None:
            self.trace.say(*self._on_host(verdict.due, label, verdict.right))
        self.trace.look(*self._on_host(~rows.over, rows.gaze))
        self.show(name)

    def show(self, name: str) -> None:
        """Bring the window called `name` up to date, if there is to be one."""
        if self._mode == "human":
            from glimpse_env import window  # loads OpenCV

            self.window = self.window or window.Window(name)
            self.window.show(self.frames(min(self._number, window.MOST_FRAMES)), self._fps)

    def frames(self, number: int | None = None) -> list[Frame]:
        """The frames of the first rows, or of all."""
        from glimpse_env.rendering import draw_frames  # loads OpenCV

        episodes = self._episodes
        images = episodes.task.images(episodes.rows.index[:number])
        images, targets = self._on_host(images, episodes.rows.targets[:number])
        observation = episodes.observe()
        seen = dict(zip(observation, self._on_host(*observation.values()), strict=True))
        end = episodes.rules.num_classes
        return draw_frames(images, seen, self.trace, targets=targets, end=end)

    def close(self) -> None:
        """Close the window, if there is one."""
        if self.window:
            self.window.close()

    def _on_host(self, *arrays: Array) -> list[np.ndarray[Any, np.dtype[Any]]]:
        return [self._episodes.backend.to_numpy(array) for array in arrays]
