"""Which images of SVHN are held out for validation: a list that everybody can compute.

Ba et al. (2014), section 4.3, after Goodfellow et al.: 5,000 images sampled from train and extra.
Nobody has published which, so these are chosen by a hash of the picture's number. Without extra the
validation split has 5,000 images of train; with it the first 3,333 of these and 1,667 of extra.
All 5,000 stay out of training in either case: whatever a model was trained on, no validation split
shows it an image again. (With extra, training so has 1,667 images fewer than it could, of 229,087.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glimpse_env.backend import counter_hash

NUM_PICTURES = {"train": 33_402, "test": 13_068, "extra": 202_353}
SIX_DIGITS = 29_930
"""The one picture of train with six digits, which is no validation image."""
NUM_HELD_OUT, NUM_WITH_EXTRA, NUM_FROM_EXTRA = 5_000, 3_333, 1_667

_KEYS = {"train": 0x5356_484E, "extra": 0x6578_7472}  # any numbers; "SVHN" and "extr" in ASCII


def held_out(part: str) -> NDArray[np.int64]:
    """Numbers of the pictures that no training split has, in the order of their hashes.

    Args:
        part: "train" (5,000 numbers) or "extra" (1,667).
    """
    numbers = np.arange(1, NUM_PICTURES[part] + 1)
    if part == "train":
        numbers = numbers[numbers != SIX_DIGITS]
    order = np.argsort(counter_hash.mix(numbers ^ _KEYS[part]), kind="stable")
    return numbers[order][: NUM_HELD_OUT if part == "train" else NUM_FROM_EXTRA]


def in_split(numbers: NDArray[np.int64], part: str, split: str, extra: bool) -> NDArray[np.bool_]:
    """Which pictures of a part belong to a split.

    Args:
        numbers: (M,) numbers of pictures.
        part: "train", "test" or "extra".
        split: "train", "validation" or "test".
        extra: Whether the split draws on `extra` too.
    """
    if split == "test":
        return np.ones(len(numbers), bool)
    chosen = held_out(part)
    if split == "train":
        return ~np.isin(numbers, chosen)
    return np.isin(numbers, chosen[:NUM_WITH_EXTRA] if part == "train" and extra else chosen)
