"""Rendered house numbers as a task: the embedded stand-in for SVHN."""

from __future__ import annotations

import math

import numpy as np
from tqdm import tqdm

from glimpse_env.backend import Array, Backend, counter_hash
from glimpse_env.backend.memory import require_memory
from glimpse_env.errors import require_between, require_flag
from glimpse_env.tasks.house_numbers.layout import MAX_DIGITS
from glimpse_env.tasks.house_numbers.render import render_house_numbers
from glimpse_env.tasks.house_numbers.styles import NOISE_SIZE
from glimpse_env.tasks.svhn.crops import CROP_SIZE, SLACK
from glimpse_env.tasks.task import GENERATED_IMAGES

_BLOCK = 1000  # images drawn between two movements of the progress bar
NUM_IMAGES = {"train": 60_000, "validation": 5_000, "test": 13_068}
LARGEST_IMAGE = NOISE_SIZE - SLACK  # pixels; the renderer's limit, and the room to cut from
_CUT_KEY = 0x2D0F73B5  # any number


class HouseNumberTask:
    """House numbers of one to five digits, rendered to look like the photographs of SVHN.

    Lengths, digits and boxes follow SVHN's statistics; the digits have dozens of typefaces, and
    walls, plates, light, blur and noise around them. Test images also have typefaces, colours and
    textures that no other split shows. Validation and test show the middle of Goodfellow's crops.
    Training image i shows house number i modulo their count M, cut out of its crop at a place drawn
    from a hash of i, as those of SVHN: 0 .. M - 1 are all numbers once, and each returns in other
    cuts (121 of them) without end. Each is drawn when it is first looked at, and then kept; on
    torch all are drawn at construction, since a step must not wait for the host.

    Args:
        backend: Where the arrays live.
        split: "train" (60,000 numbers), "validation" (5,000) or "test" (13,068, as in SVHN).
        data_dir: Not used: nothing is read from disk.
        image_size: 54, or 110 for the same digits in a wider crop.
        color: RGB instead of grey.
        min_digits: Fewest digits in a number.
        max_digits: Most digits in a number.
        num_images: Use only the first so many images of the split; 0 for all.

    Raises:
        InvalidArgument: A value that cannot work.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        split: str,
        data_dir: str | None = None,
        image_size: int = CROP_SIZE,
        color: bool = False,
        min_digits: int = 1,
        max_digits: int = MAX_DIGITS,
        num_images: int = 0,
    ) -> None:
        """Reserve memory; draw nothing yet, or all on torch."""
        del data_dir
        image_size = require_between("image_size", image_size, CROP_SIZE, LARGEST_IMAGE)
        min_digits = require_between("min_digits", min_digits, 1, MAX_DIGITS)
        max_digits = require_between("max_digits", max_digits, min_digits, MAX_DIGITS)
        num_images = require_between("num_images", num_images, 0, NUM_IMAGES[split])
        color = require_flag("color", color)
        self._split, self._image_size, self._color = split, image_size, color
        self._min_digits, self._max_digits = min_digits, max_digits
        self._number = num_images or NUM_IMAGES[split]
        self._backend, self._jitter = backend, split == "train"
        self._margin = SLACK // 2 if self._jitter else 0
        self.size = GENERATED_IMAGES if self._jitter else self._number
        self.image_shape = (3 if color else 1, image_size, image_size)
        self.num_classes = 10
        self.max_labels = max_digits
        self.has_end = True
        side = image_size + 2 * self._margin
        stored = (self.image_shape[0], side, side)
        purpose = f"images of side {side}"
        require_memory(None, "num_images", self._number, math.prod(stored), purpose)
        self._drawn = np.zeros(self._number, bool)
        self._host_images = np.zeros((self._number, *stored), np.uint8)
        self._host_labels = np.zeros((self._number, max_digits), np.int64)
        self._on_host = backend.eager
        self._draw(np.zeros(1, np.int64) if backend.eager else np.arange(self._number))
        self._windows = backend.windows(backend.asarray(self._host_images, "uint8"), image_size)
        self._labels = backend.asarray(self._host_labels, "int64")

    def _draw(self, index: Array) -> None:
        missing = index[~self._drawn[index]]
        if not missing.size:  # nearly always: even a silent bar takes longer than all the rest
            return
        missing = np.unique(missing)
        blocks = range(0, len(missing), _BLOCK)
        # Silent for the few of a reset; half a minute for a whole split deserves a bar.
        quiet = None if len(blocks) > 1 else True
        for first in tqdm(blocks, desc="drawing house numbers", leave=False, disable=quiet):
            self._draw_block(missing[first : first + _BLOCK])

    def _draw_block(self, index: Array) -> None:
        images, labels = render_house_numbers(
            self._split,
            index,
            image_size=self._image_size,
            color=self._color,
            min_digits=self._min_digits,
            max_digits=self._max_digits,
            margin=self._margin,
        )
        images = images if self._color else images[..., None]
        self._host_images[index] = np.moveaxis(images, -1, 1)
        self._host_labels[index] = labels[:, : self._max_digits]
        self._drawn[index] = True

    def images(self, index: Array) -> Array:
        """The images of int64 `index` (m,): integers in 0 .. 255, (m, C, H, W)."""
        number = self._drawn_number(index)
        if not self._jitter:
            return self._windows[number, :, 0, 0]
        key = counter_hash.mix(index ^ _CUT_KEY)
        corner = counter_hash.below(
            counter_hash.draws(key[:, None], self._backend.arange(2)), SLACK + 1
        )
        return self._windows[number, :, corner[:, 1], corner[:, 0]]

    def labels(self, index: Array) -> Array:
        """The labels of int64 `index` (m,): int64 (m, L), padded with -1."""
        return self._labels[self._drawn_number(index)]

    def _drawn_number(self, index: Array) -> Array:
        number = index % self._number
        if self._on_host:
            self._draw(number)
        return number
