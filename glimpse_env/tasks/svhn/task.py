"""Photographed house numbers as a task: the multi-digit SVHN of DRAM, section 4.3."""

from __future__ import annotations

import numpy as np

from glimpse_env.backend import Array, Backend, counter_hash
from glimpse_env.errors import (
    InvalidArgument,
    require_at_least,
    require_between,
    require_choice,
    require_flag,
)
from glimpse_env.tasks.svhn.crops import BORDERS, CROP_SIZE, SLACK, crop_side
from glimpse_env.tasks.svhn.prepared import Look, fit_length, load_crops
from glimpse_env.tasks.task import GENERATED_IMAGES

LARGEST_IMAGE = 256  # pixels; crops for larger ones would take 7 GB for `train` alone
_MOST_DIGITS = 20  # far more than there are in any picture
_SPLIT_KEY = {"train": 0x3B1E5D07, "validation": 0x1C64F2A9, "test": 0x50D9830B}  # any numbers


class SVHNTask:
    """House numbers of one to five digits from Street View, in the order of their annotations.

    Goodfellow's crops (see crops.py): the number fills 64 x 64 pixels, of which the image shows
    54 x 54. Validation and test show the middle. Training image i shows house number i modulo
    their count M, cut out at a place drawn from a hash of i: so 0 .. M - 1 are all numbers once,
    and each returns in other crops (121 of them) without end. In a larger image the 54 x 54 pixels
    lie anywhere, in a held-out split at a place that belongs to the image.

    M is 28,401 for training (229,087 with `extra`), 5,000 for validation and 13,068 for test. The
    picture with six digits, train/29930.png, is shown with `max_digits=6` alone.

    Args:
        backend: Where the arrays live: M crops of 4 kB (176 x 176 = 31 kB for images of 110; three
            times as much in colour).
        split: "train", "validation" or "test".
        data_dir: Folder with `svhn/train.tar.gz` ... or what was unpacked from it
            (`svhn/train/digitStruct.mat` and pictures), or None for `GLIMPSE_DATA` or the user
            cache, into which a missing archive is downloaded (train 404 MB, test 277 MB).
        image_size: 54, or 110 for the same digits in a wider crop; at most 256.
        color: RGB instead of grey.
        border: "clamp", "replicate" or "zero": what becomes of a box that leaves the picture (see
            `glimpse_env.tasks.svhn.crops.BORDERS`).
        extra: Train on the 202,353 images of `extra` too, as the paper does (a download of 2 GB),
            and take a third of the validation images from there.
        min_digits: Fewest digits in a number.
        max_digits: Most digits in a number.
        num_images: Use only the first so many house numbers of the split; 0 for all.

    Raises:
        InvalidArgument: A value that cannot work.
        MissingData: A file is neither on disk nor to be downloaded.
        CorruptedData: A file is not what it must be.
        CacheUnavailable: The prepared crops, or a download, do not fit into the user's cache.
        MissingPackage: h5py is needed, and is not installed.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        split: str,
        data_dir: str | None = None,
        image_size: int = CROP_SIZE,
        color: bool = False,
        border: str = "clamp",
        extra: bool = False,
        min_digits: int = 1,
        max_digits: int = 5,
        num_images: int = 0,
    ) -> None:
        """Load the crops of the split, preparing them first if that has not been done."""
        image_size = require_between("image_size", image_size, CROP_SIZE, LARGEST_IMAGE)
        require_choice("border", border, BORDERS)
        min_digits = require_between("min_digits", min_digits, 1, _MOST_DIGITS)
        max_digits = require_between("max_digits", max_digits, min_digits, _MOST_DIGITS)
        num_images = require_at_least("num_images", num_images, 0)
        extra = require_flag("extra", extra)
        look = Look(crop_side(image_size), border, require_flag("color", color))
        crops = load_crops(split, look, extra=extra, data_dir=data_dir)
        lengths = (crops.digits >= 0).sum(axis=1)
        chosen = np.flatnonzero((lengths >= min_digits) & (lengths <= max_digits))
        if not len(chosen):
            raise InvalidArgument(
                f"min_digits={min_digits}, max_digits={max_digits}: no house number of the "
                f"{split} split is so long"
            )
        if num_images > len(chosen):
            raise InvalidArgument(
                f"num_images={num_images} must be in 0 .. {len(chosen)} (0 for all)"
            )
        chosen = chosen[: num_images or None]
        self._backend = backend
        self._crops = backend.asarray(chosen, "int64")
        self._windows = backend.windows(backend.asarray(crops.pixels, "uint8"), image_size)
        self._labels = backend.asarray(fit_length(crops.digits[chosen], max_digits), "int64")
        self._split_key, self._jitter = _SPLIT_KEY[split], split == "train"
        self._reach = image_size - CROP_SIZE
        self._number = len(chosen)
        self.size = GENERATED_IMAGES if self._jitter else self._number
        self.image_shape = (look.channels, image_size, image_size)
        self.num_classes = 10
        self.max_labels = max_digits
        self.has_end = True

    def images(self, index: Array) -> Array:
        """The images of int64 `index` (m,): integers in 0 .. 255, (m, C, H, W)."""
        key = counter_hash.mix(index ^ self._split_key)
        numbers = counter_hash.draws(key[:, None], self._backend.arange(4))
        cut = counter_hash.below(numbers[:, :2], SLACK + 1) if self._jitter else SLACK // 2
        room = counter_hash.below(numbers[:, 2:], self._reach + 1)
        corner = self._reach + cut - room
        crop = self._crops[index % self._number]
        return self._windows[crop, :, corner[:, 1], corner[:, 0]]

    def labels(self, index: Array) -> Array:
        """The labels of int64 `index` (m,): int64 (m, L), padded with -1."""
        return self._labels[index % self._number]
