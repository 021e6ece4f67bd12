"""The zoom: a third number of a gaze chooses how fine a glimpse is.

Shapes: B rows, K scales a glimpse, L = K + E scales held, C channels, g glimpse side in cells.
"""

from __future__ import annotations

import math

from glimpse_env.backend import Array, Backend
from glimpse_env.errors import InvalidArgument
from glimpse_env.sight.retina import MAX_SCALES


def zoom_steps(image_shape: tuple[int, int, int], glimpse_size: int, num_scales: int) -> int:
    """E: how often the scales of a glimpse can be doubled.

    So often that the coarsest scale is at least as wide as the image, but once at the least, and
    no more often than a retina has scales.

    Args:
        image_shape: (C, H, W).
        glimpse_size: g.
        num_scales: K.

    Raises:
        InvalidArgument: No scale is left to zoom out to.
    """
    if num_scales >= MAX_SCALES:
        raise InvalidArgument(
            f"num_scales={num_scales} must be in 1 .. {MAX_SCALES - 1} with zoom=True, so that "
            "there is a coarser one"
        )
    coarsest = glimpse_size * 2 ** (num_scales - 1)
    covering = math.ceil(math.log2(max(image_shape[1:]) / coarsest))
    return min(max(covering, 1), MAX_SCALES - num_scales)


class Zoom:
    """Which K of L scales each eye uses.

    Args:
        backend: Where the arrays live.
        number: B.
        num_scales: K.
        steps: E; 0 for eyes without a zoom, whose gazes have no third number.
    """

    def __init__(self, backend: Backend, number: int, num_scales: int, steps: int) -> None:
        """All are zoomed in."""
        self._backend, self.steps = backend, steps
        self.gaze_size = 3 if steps else 2
        self._row = backend.arange(number)[:, None]
        self._finest = backend.arange(num_scales)

    def zoomed_in(self, place: Array) -> Array:
        """Gazes (m, 2) at `place`, float32 (m, 2), or (m, 3) at the finest scale."""
        if not self.steps:
            return place
        return self._backend.xp.hstack([place, 0 * place[:, :1] - 1])

    def scales(self, gaze: Array) -> Array:
        """Which scales gazes, float32 (m, d), use: int64 (m, K)."""
        if not self.steps:
            return 0 * self._row[: len(gaze)] + self._finest
        # E + 1 equal parts of -1 .. 1; the last holds its upper end, too
        part = self._backend.cast((gaze[:, 2] + 1) * ((self.steps + 1) / 2), "int64")
        return part.clip(0, self.steps)[:, None] + self._finest

    def choose(self, scales: Array, gaze: Array) -> Array:
        """The scales that gazes (B, 3) use: (B, K * C, g, g) of (B, L * C, g, g)."""
        number, _, *cells = scales.shape
        held = scales.reshape(number, len(self._finest) + self.steps, -1)
        return held[self._row, self.scales(gaze)].reshape(number, -1, *cells)
