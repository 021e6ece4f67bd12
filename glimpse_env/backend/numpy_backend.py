"""The operations on NumPy's arrays."""

from __future__ import annotations

import functools
import math
from types import MappingProxyType
from typing import Any

import numpy as np

from glimpse_env.backend.protocol import Array, Backend, Layer, first_wrong
from glimpse_env.errors import InvalidAction


@functools.cache
def _pooling(height: int, width: int, size: int) -> tuple[Array, Array, Array]:
    """What adds up boxes of a stretch, from left (b, h) and right (w, a), and their largest sums.

    An image is cut into equal stretches, h pixels high or w wide, in which boxes lie alike.
    """
    down, across = (_stretches(size, math.gcd(size, length)) for length in (height, width))
    rows = _boxes(height // down, size // down)
    columns = _boxes(width // across, size // across)
    pixels = np.tile(rows.sum(1), down)[:, None] * np.tile(columns.sum(1), across)
    return rows, columns.T, 255 * pixels


def _stretches(size: int, most: int) -> int:
    """How many stretches, a divisor of `most`, for `size` boxes in all.

    A product of matrices multiplies by zeros for boxes that do not cover a pixel: the fewer boxes
    in a stretch the better, down to six, below which the calls take longer than what they do.
    """
    return max(n for n in range(1, most + 1) if most % n == 0 and (n == 1 or size // n >= 6))


def _boxes(length: int, size: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Which of `length` pixels each of `size` boxes covers, float32 (size, length) of 0 and 1."""
    edges = np.arange(size + 1) * length
    first, last = edges[:-1] // size, -(-edges[1:] // size)
    pixel = np.arange(length)
    return ((pixel >= first[:, None]) & (pixel < last[:, None])).astype(np.float32)


class NumpyBackend(Backend):
    """Arrays are NumPy arrays."""

    xp = np
    name = "numpy"
    device = "cpu"
    eager = True
    float_reward = "float64"  # what Gymnasium's own vector environments return
    dtypes = MappingProxyType(  # NumPy takes longer to read a name than to make a small array of it
        {
            name: np.dtype(name)
            for name in ("bool", "uint8", "uint16", "int64", "float32", "float64")
        }
    )

    def asarray(self, values: Any, dtype: str) -> Array:
        return np.asarray(values, self.dtypes[dtype])

    def reals(self, values: Any) -> Array:
        """See Backend; numbers beyond float32 become infinite."""
        array = np.asarray(values)
        if array.dtype == np.float32:
            return array
        if array.dtype.kind not in "fiu":
            raise TypeError(f"dtype {array.dtype} is not real")
        with np.errstate(over="ignore"):
            return array.astype(np.float32)

    def integers(self, values: Any) -> Array:
        array = np.asarray(values)
        if array.dtype.kind not in "iu":
            raise TypeError(f"dtype {array.dtype} is not integer")
        return array.astype(np.int64, copy=False)

    def to_numpy(self, array: Array) -> np.ndarray[Any, np.dtype[Any]]:
        return np.asarray(array)

    def cast(self, array: Array, dtype: str) -> Array:
        return array.astype(self.dtypes[dtype])

    def strided(self, flat: Array, shape: tuple[int, ...], steps: tuple[int, ...]) -> Array:
        strides = tuple(step * flat.itemsize for step in steps)
        return np.lib.stride_tricks.as_strided(flat, shape, strides, writeable=False)

    def copy(self, array: Array) -> Array:
        return array.copy()

    def windows(self, images: Array, side: int) -> Array:
        return np.lib.stride_tricks.sliding_window_view(images, (side, side), (2, 3))

    def pair_sums(self, flat: Array, distance: int) -> Array:
        """See Backend; in place, since NumPy reads ahead of where it writes."""
        flat[:-distance] += flat[distance:]
        return flat

    def box_means(self, images: Array, size: int) -> Array:
        """See Backend; two products of matrices of 0 and 1 are the fastest way to add boxes."""
        rows, columns, largest = _pooling(*images.shape[2:], size)
        stretches = images.reshape(-1, rows.shape[1], images.shape[3]).astype(np.float32)
        tall = rows @ stretches  # (m C H / h, b, W)
        sums = tall.reshape(-1, len(columns)) @ columns
        return sums.reshape(*images.shape[:2], size, size) / largest

    def rows(self, mask: Array) -> Array:
        rows: Array = mask.nonzero()[0]
        return rows

    def collage(self, number: int, side: int, layers: list[Layer]) -> Array:
        """See Backend; one square of each image at a time, so that no two overlap."""
        images, first = np.zeros((number, side, side), np.uint8), np.arange(number) * side**2
        for squares, x, y in layers:
            size = squares.shape[2]
            windows = np.lib.stride_tricks.as_strided(  # by the pixel at which they begin
                images, (max(images.size - (size - 1) * (side + 1), 0), size, size), (1, side, 1)
            )
            places = (first[:, None] + y * side + x).T
            for square, place in zip(squares.swapaxes(0, 1), places, strict=True):
                below = windows[place]
                windows[place] = below + np.minimum(square, ~below)  # 255 - below
        return images

    def require(self, condition: Array, message: str, values: Array) -> None:
        if not condition.all():
            raise InvalidAction(f"{message}, not {first_wrong(condition, values)}")

    def sum_dtype(self, largest: int) -> str:
        """See Backend; the fewer bits, the less memory traffic."""
        if largest < 2**8:
            return "uint8"
        return "uint16" if largest < 2**16 else "float32"
