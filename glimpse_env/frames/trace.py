"""What a frame shows beyond the present moment: where each row has looked, and what it has said."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Word = tuple[str, bool | None]  # below a frame, and whether it was right; None where it is neither


class Trace:
    """The gazes and the judged labels of the running episode of each of B rows.

    Args:
        num_envs: B.
    """

    def __init__(self, num_envs: int) -> None:
        self._paths: list[list[tuple[float, float]]] = [[] for _ in range(num_envs)]
        self._said: list[list[tuple[int, bool]]] = [[] for _ in range(num_envs)]

    def begin(self, mask: NDArray[np.bool_], gaze: NDArray[np.float32], *, seen: bool) -> None:
        """Forget the last episode of some rows.

        Args:
            mask: bool (B,), the rows that begin an episode.
            gaze: float32 (B, d), where each row looks: x, y, and maybe a zoom.
            seen: Whether the reset already shows the glimpse at `gaze`.
        """
        for row in np.flatnonzero(mask):
            self._paths[row] = []
            self._said[row] = []
        if seen:
            self.look(mask, gaze)

    def look(self, mask: NDArray[np.bool_], gaze: NDArray[np.float32]) -> None:
        """The rows in `mask` (B,) have looked at `gaze` (B, d), of which (x, y) is the path."""
        for row in np.flatnonzero(mask):
            self._paths[row].append((float(gaze[row, 0]), float(gaze[row, 1])))

    def say(self, mask: NDArray[np.bool_], label: NDArray[Any], right: NDArray[np.bool_]) -> None:
        """The rows in `mask` (B,) have said `label` (B,), which was `right` (B,) or not."""
        for row in np.flatnonzero(mask):
            self._said[row].append((int(label[row]), bool(right[row])))

    def path(self, row: int) -> NDArray[np.float32]:
        """Where the row has looked, oldest first: float32 (n, 2), (x, y) in [-1, 1]."""
        return np.asarray(self._paths[row], np.float32).reshape(-1, 2)

    def said(self, row: int) -> list[tuple[int, bool]]:
        """The labels the row has said, oldest first, each with whether it was right."""
        return list(self._said[row])
