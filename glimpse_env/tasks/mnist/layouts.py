"""Where the digits of an image lie.

Each layout turns an image's random numbers into pixels x and y, int64 (m, D), of the top left
corners of the squares that its D digits fill. All are wholly inside the canvas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from glimpse_env.backend import Array, Backend, counter_hash
from glimpse_env.errors import InvalidArgument

DIGIT = 28  # pixels, the side of an MNIST image


class Layout(Protocol):
    """One of `LAYOUTS`, for canvases of one size."""

    def corners(self, line: Array, place: Array, present: Array) -> tuple[Array, Array]:
        """Top left corners of digits, in pixels; of one that is not there, some place inside.

        Args:
            line: int64 (m, 3) in [0, 2**32), three numbers for all digits together.
            place: int64 (m, D, 2) in [0, 2**32), two for each digit.
            present: bool (m, D), which digits are there.

        Returns:
            x and y, int64 (m, D) each.
        """


class Independent:
    """Each digit anywhere, so that they may overlap.

    Args:
        backend: Where the arrays live.
        side: Of the canvas, pixels.
        digits: D.

    Raises:
        InvalidArgument: The canvas is too small.
    """

    def __init__(self, backend: Backend, side: int, digits: int) -> None:
        del backend, digits
        _require_room(side, DIGIT, "a digit")
        self._places = side - DIGIT + 1

    def corners(self, line: Array, place: Array, present: Array) -> tuple[Array, Array]:
        """Top left corners of digits, in pixels; of one that is not there, some place inside.

        Args:
            line: int64 (m, 3) in [0, 2**32), three numbers for all digits together.
            place: int64 (m, D, 2) in [0, 2**32), two for each digit.
            present: bool (m, D), which digits are there.

        Returns:
            x and y, int64 (m, D) each.
        """
        corner = counter_hash.below(place, self._places)
        return corner[..., 0], corner[..., 1]


class Apart:
    """Two digits whose squares share no pixel; every such placement is equally likely.

    Args:
        backend: Where the arrays live.
        side: Of the canvas, pixels.
        digits: Two.

    Raises:
        InvalidArgument: Not two digits, or the canvas is too small.
    """

    def __init__(self, backend: Backend, side: int, digits: int) -> None:
        """Count how many places there are for every shift of one digit against the other."""
        if digits != 2:
            raise InvalidArgument(
                f"max_digits={digits}: layout='apart' is for two digits, not more or less"
            )
        _require_room(side, 2 * DIGIT, "two digits with layout='apart'")
        self._places = side - DIGIT + 1
        shift = np.arange(1 - self._places, self._places)
        ways = (self._places - abs(shift)).astype(np.float64)
        far = abs(shift) >= DIGIT
        # Shifted sideways by less than a digit, they must be a digit or more apart downwards; else
        # any shift downwards will do.
        across = ways * np.where(far, ways.sum(), ways[far].sum())
        self._across = backend.asarray(_thresholds(across), "int64")
        self._down = backend.asarray(_thresholds(ways), "int64")
        self._far_down = backend.asarray(_thresholds(ways * far), "int64")
        self._backend = backend

    def corners(self, line: Array, place: Array, present: Array) -> tuple[Array, Array]:
        """Top left corners of digits, in pixels; of one that is not there, some place inside.

        Args:
            line: int64 (m, 3) in [0, 2**32), three numbers for all digits together.
            place: int64 (m, D, 2) in [0, 2**32), two for each digit.
            present: bool (m, D), which digits are there.

        Returns:
            x and y, int64 (m, D) each.
        """
        # The first digit's numbers say how far apart the two are, the second's where both lie.
        shift_x = self._shift(self._across, place[:, 0, 0])
        any_y, far_y = (self._shift(t, place[:, 0, 1]) for t in (self._down, self._far_down))
        shift_y = self._backend.xp.where(abs(shift_x) < DIGIT, far_y, any_y)
        return self._both(shift_x, place[:, 1, 0]), self._both(shift_y, place[:, 1, 1])

    def _shift(self, thresholds: Array, number: Array) -> Array:
        number = self._backend.copy(number)  # contiguous, or torch warns
        entry = self._backend.xp.searchsorted(thresholds, number, side="right")
        return entry - (self._places - 1)

    def _both(self, shift: Array, number: Array) -> Array:
        """Two coordinates (m, 2) that differ by `shift` (m,)."""
        first = counter_hash.below(number, self._places - abs(shift))
        first = first - self._backend.xp.clip(shift, None, 0)
        return self._backend.xp.stack((first, first + shift), 1)


class Slope:
    """Left to right along a straight line of at most 45 degrees, not overlapping.

    Args:
        backend: Where the arrays live.
        side: Of the canvas, pixels.
        digits: D, the most in an image.

    Raises:
        InvalidArgument: The canvas is too small.
    """

    def __init__(self, backend: Backend, side: int, digits: int) -> None:
        _require_room(side, digits * DIGIT, f"{digits} digits with layout='slope'")
        self._room, self._position = side - DIGIT, backend.arange(digits)

    def corners(self, line: Array, place: Array, present: Array) -> tuple[Array, Array]:
        """Top left corners of digits, in pixels; of one that is not there, some place inside.

        Args:
            line: int64 (m, 3) in [0, 2**32), three numbers for all digits together.
            place: int64 (m, D, 2) in [0, 2**32), two for each digit.
            present: bool (m, D), which digits are there.

        Returns:
            x and y, int64 (m, D) each.
        """
        below, room, position = counter_hash.below, self._room, self._position
        gaps = present.sum(1) - 1
        width = gaps * DIGIT  # and the most that a line rises or falls
        rise = below(line[:, 0], 2 * width + 1) - width
        left = below(line[:, 1], room - width + 1)
        top = below(line[:, 2], room - abs(rise) + 1)
        start = top - rise.clip(None, 0)
        x = left[:, None] + position * DIGIT
        y = start[:, None] + rise[:, None] * position // gaps.clip(1)[:, None]
        # digits that are not there are drawn in black; keep them inside the canvas
        return x.clip(None, room), y.clip(0, room)


LAYOUTS: dict[str, Callable[[Backend, int, int], Layout]] = {
    "independent": Independent,
    "apart": Apart,
    "slope": Slope,
}


def _require_room(side: int, needed: int, what: str) -> None:
    if side < needed:
        raise InvalidArgument(
            f"canvas_size={side} is too small for {what}: at least {needed} pixels"
        )


def _thresholds(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Where [0, 2**32) is cut so that entry i gets its share, int64 of the same length."""
    total = np.cumsum(weights)
    cuts: NDArray[np.int64] = np.floor(total / total[-1] * 2.0**32).astype(np.int64)
    return cuts
