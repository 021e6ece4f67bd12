"""House numbers drawn to look like photographs: the embedded stand-in for SVHN.

An image is a pure function of (split, index): the digits and their boxes follow SVHN's statistics
(`layout`), the shapes come from typefaces and a pen (`glyphs`), bent, weighed and coloured by
chance (`ink`); what is behind them is painted in `painting`, and `camera` takes the picture, as
coarse, blurred and faint as SVHN's are. `styles` says how often and how strongly. As in
Goodfellow's crops of SVHN, the box around all digits, enlarged by 30 %, is stretched to 64 x 64
whatever its shape, and the 54 x 54 pixels in the middle are cut out of that (`task` cuts elsewhere
in training). Larger images show the same number, with digits of the same size, anywhere in
more of the wall.

Test differs from training in its seeds and in styles that it alone shows (two thirds of its images
have at least one): `HELD_OUT_FACES`, `HELD_OUT_TINTS` and `HELD_OUT_TEXTURES`. Validation has the
styles of training and other seeds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glimpse_env.errors import InvalidArgument
from glimpse_env.opencv import cv2
from glimpse_env.tasks.house_numbers.layout import MAX_DIGITS, Scene, draw_layout, place
from glimpse_env.tasks.house_numbers.painting import paint
from glimpse_env.tasks.house_numbers.styles import NOISE_SIZE
from glimpse_env.tasks.svhn.crops import CROP_SIZE
from glimpse_env.tasks.task import SPLITS


def render_house_numbers(
    split: str,
    indices: NDArray[np.int64],
    *,
    image_size: int = CROP_SIZE,
    color: bool = False,
    min_digits: int = 1,
    max_digits: int = MAX_DIGITS,
    margin: int = 0,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw the house numbers of the given indices.

    Args:
        split: "train", "validation" or "test".
        indices: (M,) which images; any integers from 0.
        image_size: Side of the images, 54 to 512; digits keep their size.
        color: Whether the images have red, green and blue.
        min_digits: Length of the shortest number.
        max_digits: Length of the longest number, at most 5.
        margin: Pixels to draw beyond each side of the images, to cut them out elsewhere later.

    Returns:
        Images (M, H, W) or (M, H, W, 3), of side `image_size` + 2 `margin`, and
        labels (M, 5), left to right, padded with -1.
    """
    _check(split, indices, image_size, min_digits, max_digits, margin)
    side = image_size + 2 * margin
    shape = (len(indices), side, side)
    images = np.empty((*shape, 3) if color else shape, np.uint8)
    labels = np.full((len(indices), MAX_DIGITS), -1, np.int64)
    for row, index in enumerate(indices.tolist()):
        picture, scene = photograph(split, index, image_size, min_digits, max_digits, margin)
        images[row] = picture if color else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        labels[row, : len(scene.layout.digits)] = scene.layout.digits
    return images, labels


def _check(
    split: str,
    indices: NDArray[np.int64],
    image_size: int,
    min_digits: int,
    max_digits: int,
    margin: int,
) -> None:
    if split not in SPLITS:
        raise InvalidArgument(f"split={split!r} is unknown: choose one of {', '.join(SPLITS)}.")
    if indices.ndim != 1 or not np.issubdtype(indices.dtype, np.integer):
        raise InvalidArgument(
            f"indices of shape {indices.shape} and type {indices.dtype}: pass integers (M,)."
        )
    if indices.size and indices.min() < 0:
        raise InvalidArgument(f"index {indices.min()} is negative: count images from 0.")
    largest = NOISE_SIZE - 2 * margin
    if margin < 0 or not CROP_SIZE <= image_size <= largest:
        raise InvalidArgument(
            f"image_size={image_size}, margin={margin}: digits keep their size, so pass {CROP_SIZE}"
            f" (less would cut them off) to {largest}, and a margin of 0 or more."
        )
    if not 1 <= min_digits <= max_digits <= MAX_DIGITS:
        raise InvalidArgument(
            f"min_digits={min_digits}, max_digits={max_digits}: pass 1 <= min_digits <= max_digits"
            f" <= {MAX_DIGITS}."
        )


def photograph(
    split: str, index: int, image_size: int, min_digits: int, max_digits: int, margin: int = 0
) -> tuple[NDArray[np.uint8], Scene]:
    """Draw one image in colour, and tell where its digits are."""
    rng = np.random.default_rng([SPLITS.index(split), index])
    layout = draw_layout(rng, min_digits, max_digits)
    scene = place(rng, layout, image_size, margin)
    return paint(rng, scene, held_out=split == "test"), scene
