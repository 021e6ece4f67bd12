"""What the eye sees: square patches at several scales around a gaze, and the coarse whole image.

Shapes: B rows, K scales, C channels, g glimpse side in cells, H x W image, c context side.

The sum of 2^k x 2^k pixels at every position of the image is computed once, when a row gets its
image, by doubling: a block of side 2s is four blocks of side s. The g x g cells of a glimpse lie in
that table at regular distances, so that it is read as one window of it: its cost does not depend on
the size of the image, nor on k.

Zeros left of a row serve as the zeros right of the row above; likewise between images.
"""

from __future__ import annotations

import math

import numpy as np

from glimpse_env.backend import Array, Backend
from glimpse_env.backend.memory import require_memory
from glimpse_env.errors import InvalidArgument, require_at_least

MAX_SCALES = 9  # 255 * 4**8 is the last sum that float32 holds exactly
_MAX_GLIMPSE = 2**24  # numbers
GLIMPSE_BYTES = 26  # that a number of a glimpse costs, at most: sum, mean, bounds of a space


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
        # Arrays of as many axes as gazes, or of none: NumPy takes twice as long for others, and for
        # numbers, where there is one row.
        self._half = backend.asarray([[width / 2, height / 2]], "float32")
        self._one, self._up = (backend.asarray(number, "float32") for number in (1, 0.5))
        images = (capacity, channels, height, width)
        # The finest level has room for the blocks of all: from it the others are added up.
        coarsest = 2 ** (num_scales - 1)
        sizes = [(2**k, 2**k if k else coarsest) for k in range(num_scales)]
        each = sum(_bytes(backend, images, glimpse_size, *size) for size in sizes)
        each += GLIMPSE_BYTES * math.prod(self.shape) + beside
        require_memory(backend, "num_envs", capacity, each, "images and glimpses")
        self._levels = [_Level(backend, images, glimpse_size, *size) for size in sizes]
        self._dtype = self._levels[-1].dtype
        self._new = backend.zeros if self._levels[-1].hidden else backend.empty

    def write(self, images: Array, slots: Array | None = None, keep: Array | None = None) -> None:
        """Put images into slots.

        Args:
            images: integers in 0 .. 255, (m, C, H, W).
            slots: int64 (m,), which of the held images to replace; None for all, in order.
            keep: bool (m,), only for all: where False the slot stays as it is; None to write all.
        """
        where = slice(None) if slots is None else slots
        finest, *coarser = self._levels
        if keep is not None:
            images = self._backend.xp.where(keep[:, None, None, None], images, finest.blocks)
        finest.blocks[where] = self._backend.asarray(images, finest.dtype)
        padded = self._backend.cast(finest.held[where], self._dtype) if coarser else images
        sums = padded.reshape(-1)
        for level in coarser:
            side = level.cell // 2
            sums = self._backend.pair_sums(sums, side)
            sums = self._backend.pair_sums(sums, side * padded.shape[-1])
            first = finest.pad - level.cell + 1
            blocks = sums.reshape(padded.shape)[:, :, first:, first:]
            level.blocks[where] = self._backend.asarray(blocks, level.dtype)

    def glimpse(self, slots: Array, gaze: Array) -> Array:
        """Look at images.

        Args:
            slots: int64 (B,), which image each row looks at.
            gaze: float32 (B, 2), (x, y) in [-1, 1].

        Returns:
            float32 (B, K * C, g, g) in [0, 1], finest scale first, row by row within a scale.
        """
        cast, multiply = self._backend.cast, self._backend.xp.multiply
        pixel = (gaze + self._one) * self._half
        # floor(p - side / 2 + 0.5) is floor(p + 0.5) - side / 2 for an even side, and
        # floor(p) - (side - 1) / 2 for an odd one, which only the finest scale can have.
        # A pixel is never negative, so that truncation rounds down.
        nearest = cast(pixel + self._up, "int64")
        seen = self._new((len(gaze), *self.shape), "float32")
        for level in self._levels:
            middle = cast(pixel, "int64") if level.odd else nearest
            sums = level.windows[slots, middle[:, 1], middle[:, 0]]
            multiply(sums, level.mean, out=seen[level.shown])
        return seen


class _Level:
    """The blocks of one size in all images: where their sums are written, and where they are read.

    Args:
        backend: Where the arrays live.
        images: (capacity, C, H, W).
        g: Side of a glimpse, cells.
        cell: Side of a block, pixels.
        room: Zeros that there must be above and left of an image; at least `cell`.

    Attributes:
        held: (capacity, C, pad + H, pad + W), the sum of the block that begins at each pixel.
        blocks: (capacity, C, H + cell - 1, W + cell - 1), the sum of each block that overlaps the
            image.
        windows: (capacity, H + 1, W + 1, C, n, n), the cells of a glimpse with its middle at each
            pixel: a view of `blocks` and of zeros around them. n is g, but for huge glimpses, some
            cells of which are outside the image from everywhere in it.
        odd: Whether the side of a glimpse is an odd number of pixels.
        hidden: How many cells of a glimpse there are on every side of a window.
        shown: Where the others are in glimpses (B, K * C, g, g).
        mean: What makes a sum a mean in [0, 1].
    """

    def __init__(
        self, backend: Backend, images: tuple[int, int, int, int], g: int, cell: int, room: int
    ) -> None:
        capacity, channels, height, width = images
        self.cell, self.dtype = cell, backend.sum_dtype(255 * cell**2)
        self.odd = g * cell % 2 == 1
        self.hidden, pad = _margins(images, g, cell, room)
        self.pad = pad
        first, cells = (cell.bit_length() - 1) * channels, slice(self.hidden, g - self.hidden)
        self.shown = (slice(None), slice(first, first + channels), cells, cells)
        number = g - 2 * self.hidden
        before = number * cell // 2  # pixels of a window that precede its middle
        rows, columns = pad + height, pad + width
        plane, start = rows * columns, pad * (columns + 1)
        numbers = capacity * channels * plane
        table = backend.lookup_table(numbers + start, self.dtype)
        self.held = table[:numbers].reshape(capacity, channels, rows, columns)
        self.blocks = self.held[:, :, pad - cell + 1 :, pad - cell + 1 :]
        self.windows = backend.strided(
            table[(pad - before) * (columns + 1) :],
            (capacity, height + 1, width + 1, channels, number, number),
            (channels * plane, columns, 1, plane, cell * columns, cell),
        )
        self.mean = backend.asarray(1 / (255 * cell**2), "float32")


def _margins(images: tuple[int, int, int, int], g: int, cell: int, room: int) -> tuple[int, int]:
    """Cells of a glimpse that never show the image, on every side, and the zeros beside an image.

    Args:
        images: (capacity, C, H, W).
        g: Side of a glimpse, cells.
        cell: Side of a cell, pixels.
        room: Zeros that there must be.

    Returns:
        Cells, and pixels.
    """
    hidden = max(g // 2 - math.ceil(max(images[2:]) / cell), 0)
    return hidden, max(math.ceil((g - 2 * hidden) * cell / 2), room)


def _bytes(
    backend: Backend, images: tuple[int, int, int, int], g: int, cell: int, room: int
) -> int:
    """What the blocks of one size take of memory for each image."""
    _, channels, height, width = images
    _, pad = _margins(images, g, cell, room)
    each = np.dtype(backend.sum_dtype(255 * cell**2)).itemsize
    return each * channels * (pad + height) * (pad + width)


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
        if not 1 <= size <= min(height, width):
            raise InvalidArgument(
                f"context_size={size} must be 0 (no context) or at most the image's side "
                f"{min(height, width)}"
            )
        self._backend, self._size = backend, size

    def __call__(self, images: Array) -> Array:
        """Images (m, C, H, W), integers in 0 .. 255, to float32 (m, C, c, c) in [0, 1]."""
        return self._backend.box_means(images, self._size)
