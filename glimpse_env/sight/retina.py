"""What the eye sees: square patches at several scales around a gaze, and the coarse whole image.

Shapes: B rows, K scales, C channels, g glimpse side in cells, H x W image, c context side.

The mean of 2^k x 2^k pixels at every position of the image is computed once, when a row gets its
image, by doubling: a block of side 2s is four blocks of side s. A glimpse is then one gather of
K * C * g * g numbers: its cost does not depend on the size of the image, nor on k.
"""

from __future__ import annotations

import math

import numpy as np

from glimpse_env.backend import Array, Backend
from glimpse_env.backend.memory import require_memory
from glimpse_env.errors import InvalidArgument, require_at_least

_CACHE = 2**25  # bytes; a table larger than this lies in main memory
MAX_SCALES = 9  # 255 * 4**8 is the last sum that float32 holds exactly
_MAX_GLIMPSE = 2**24  # numbers
GLIMPSE_BYTES = 26  # that a number of a glimpse costs: index, sum, mean, and the bounds of a space


class Retina:
    """The images that the rows look at, ready to be looked at anywhere.

    Scale k of a glimpse at gaze (x, y) covers the square of side g * 2^k pixels whose top left
    pixel is floor(p - side / 2 + 0.5) with p = (gaze + 1) / 2 * (W, H); each of its g x g cells is
    the exact mean of 2^k x 2^k pixels, and pixels outside the image are 0.

    Args:
        backend: Where the arrays live.
        capacity: Number of images held at a time.
        channels: C, 1 (grey) or 3 (colour).
        height: H, pixels.
        width: W, pixels.
        glimpse_size: g, cells.
        num_scales: K.
        beside: Bytes that a row needs beside the table and its glimpse, to be estimated together.

    Raises:
        InvalidArgument: A size or a number of scales that cannot work, or no room in memory.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        capacity: int,
        channels: int,
        height: int,
        width: int,
        glimpse_size: int,
        num_scales: int,
        beside: int = 0,
    ) -> None:
        """Allocate the tables; every image is black until it is written."""
        glimpse_size = require_at_least("glimpse_size", glimpse_size, 1)
        num_scales = require_at_least("num_scales", num_scales, 1)
        if num_scales > MAX_SCALES:
            raise InvalidArgument(f"num_scales={num_scales} must be in 1 .. {MAX_SCALES}")
        self.shape = (num_scales * channels, glimpse_size, glimpse_size)
        if math.prod(self.shape) > _MAX_GLIMPSE:
            raise InvalidArgument(
                f"glimpse_size={glimpse_size} with num_scales={num_scales} and {channels} channels "
                f"are {math.prod(self.shape)} numbers a glimpse: at most {_MAX_GLIMPSE} can be"
            )
        self._backend = backend
        self._size = (height, width)
        self._num_scales = num_scales
        # Zeros left of a row serve as the zeros right of the row above; likewise between images.
        # A block of the coarsest scale fits into them, so a clipped position reads an empty block.
        self._pad = 2 ** (num_scales - 1)
        self._padded = (channels, height + self._pad, width + self._pad)
        self._stride = width + self._pad
        cells = int(np.prod(self._padded))
        self._tail = self._pad * (self._stride + 1)
        self._dtype = backend.sum_dtype(255 * 4 ** (num_scales - 1))
        each = num_scales * cells * np.dtype(self._dtype).itemsize
        each += GLIMPSE_BYTES * math.prod(self.shape) + beside
        require_memory(backend, "num_envs", capacity, each, "images and glimpses")
        self._table = backend.lookup_table(num_scales * capacity * cells + self._tail, self._dtype)
        self._large = backend.eager and self._table.nbytes > _CACHE
        self._levels = self._table[: num_scales * capacity * cells].reshape(
            num_scales, capacity, cells
        )
        self._prepare_lattice(capacity, glimpse_size)

    def _prepare_lattice(self, capacity: int, g: int) -> None:
        backend, (channels, padded_height, _) = self._backend, self._padded
        scale = 2 ** np.arange(self._num_scales)  # (K,) pixels a cell
        image = channels * padded_height * self._stride
        asarray = backend.asarray
        # floor(p - side / 2 + 0.5) is floor(p + 0.5) - side / 2 for an even side, and
        # floor(p) - (side - 1) / 2 for an odd one. Cells of each scale, axes (K, x/y, cell).
        side = g * scale
        self._round = asarray(0.5 * (side % 2 == 0), "float32")[:, None]
        cells = scale[:, None] * np.arange(g) - side[:, None] // 2
        self._lattice = asarray(cells[:, None, :], "int64")
        height, width = self._size
        self._half = asarray([width / 2, height / 2], "float32")
        self._lowest = asarray(-scale[:, None, None], "int64")
        self._highest = asarray([[width], [height]], "int64")
        # position in the flat table: (K, 1) for the scale, (C, 1, 1) for the channel
        origin = self._pad * (self._stride + 1)
        self._level_start = asarray(
            np.arange(self._num_scales)[:, None] * capacity * image + origin, "int64"
        )
        self._channel_start = None
        if channels > 1:
            start = np.arange(channels)[:, None, None] * padded_height * self._stride
            self._channel_start = asarray(start, "int64")
        self._image_start = backend.arange(capacity) * image
        self._mean = asarray(1 / (255 * 4.0 ** np.arange(self._num_scales)), "float32")
        self._mean = self._mean.reshape(-1, 1, 1)

    def write(self, images: Array, slots: Array | None = None, keep: Array | None = None) -> None:
        """Put images into slots.

        Args:
            images: integers in 0 .. 255, (m, C, H, W).
            slots: int64 (m,), which of the held images to replace; None for all, in order. All are
                written where they are held, some are made beside it and then copied.
            keep: bool (m,), only for all: where False the slot stays as it is; None to write all.
        """
        levels = self._levels.reshape(self._num_scales, -1)
        if slots is None:
            level = levels[0]
        else:
            shape = (len(slots), math.prod(self._padded))
            level = self._backend.zeros(shape, self._dtype).reshape(-1)
        inside = level.reshape(-1, *self._padded)[:, :, self._pad :, self._pad :]
        if keep is not None:
            images = self._backend.xp.where(keep[:, None, None, None], images, inside)
        inside[...] = images
        for k in range(self._num_scales):
            if k > 0:
                level = self._coarser(level, k, levels[k] if slots is None else None)
            if slots is not None:
                self._levels[k, slots] = level.reshape(len(slots), -1)

    def _coarser(self, level: Array, k: int, out: Array | None = None) -> Array:
        """Scale k from scale k - 1, each of all its images in flat order."""
        side = 2 ** (k - 1)
        columns = _double(self._backend, level, side)
        return _double(self._backend, columns, side * self._stride, out)

    def places(self, slots: Array) -> Array:
        """Where the images in `slots`, int64 (B,), lie: the first argument of `glimpse`."""
        return self._image_start[slots][:, None, None] + self._level_start

    def glimpse(self, places: Array, gaze: Array) -> Array:
        """Look at images.

        Args:
            places: int64 (B, K, 1), from `places`: which image each row looks at.
            gaze: float32 (B, 2), (x, y) in [-1, 1].

        Returns:
            float32 (B, K * C, g, g) in [0, 1], finest scale first, row by row within a scale.
        """
        backend, xp = self._backend, self._backend.xp
        pixel = (gaze + 1) * self._half
        # a pixel is never negative, so that truncation rounds down
        pixel = backend.cast(pixel[:, None, :] + self._round, "int64")  # (B, K, 2)
        cell = pixel[..., None] + self._lattice  # (B, K, 2, g)
        cell = xp.minimum(xp.maximum(cell, self._lowest), self._highest)
        row = cell[:, :, 1] * self._stride + places  # (B, K, g)
        index = row[..., None] + cell[:, :, 0][:, :, None]  # (B, K, g, g), one number a cell
        if self._large:
            # Touch the first and last cell of every row of cells. Their cache lines are then
            # fetched many at a time; the gather alone would wait for one after the other.
            self._table.take(index[..., :: max(self.shape[1] - 1, 1)])
        if self._channel_start is None:
            return self._table.take(index) * self._mean
        sums = self._table.take(index[:, :, None] + self._channel_start)  # (B, K, C, g, g)
        return (sums * self._mean[:, None]).reshape(len(gaze), *self.shape)


def _double(backend: Backend, blocks: Array, distance: int, out: Array | None = None) -> Array:
    """Sums of neighbours at `distance` in flat order, in `out`; beyond the end there are zeros."""
    total = backend.xp.empty_like(blocks) if out is None else out
    backend.xp.add(blocks[:-distance], blocks[distance:], out=total[:-distance])
    total[-distance:] = blocks[-distance:]
    return total


class CoarseView:
    """The whole image box-averaged to c x c: DRAM's context image (Ba et al. 2014, section 3).

    Cell i covers the pixels floor(i * H / c) .. ceil((i + 1) * H / c) - 1 of its axis, as torch's
    adaptive average pooling does; where c divides H these are disjoint boxes.

    Args:
        backend: Where the arrays live.
        height: H, pixels.
        width: W, pixels.
        size: c, cells.

    Raises:
        InvalidArgument: More cells than pixels.
    """

    def __init__(self, backend: Backend, height: int, width: int, size: int) -> None:
        """Check the size."""
        if not 1 <= size <= min(height, width):
            raise InvalidArgument(
                f"context_size={size} must be 0 (no context) or at most the image's side "
                f"{min(height, width)}"
            )
        self._backend, self._size = backend, size

    def __call__(self, images: Array) -> Array:
        """Images (m, C, H, W), integers in 0 .. 255, to float32 (m, C, c, c) in [0, 1]."""
        return self._backend.box_means(images, self._size)
