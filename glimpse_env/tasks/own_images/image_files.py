"""Pictures from files, and pictures of any size made to fit one size."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from glimpse_env.errors import CorruptedData, InvalidArgument, MissingData
from glimpse_env.opencv import cv2
from glimpse_env.tasks.files.regular import read_regular
from glimpse_env.tasks.own_images.decoding import (
    MAX_PIXELS,
    WHITE,
    Decoded,
    Image,
    Wanted,
    decode,
)


def read_image(
    path: Path, color: bool = False, *, background: int = WHITE, max_pixels: int = MAX_PIXELS
) -> Image:
    """Read a PNG, or any other picture that OpenCV knows, as `image_folder` reads it.

    A photograph that EXIF says is turned is turned upright. Transparent pixels show the background.
    Values of 16 bits become 8: by the bits that the file declares, else by the fewest of 8, 10, 12,
    14 and 16 that hold its largest value, of which a warning tells.

    Args:
        path: The file.
        color: RGB instead of grey.
        background: Grey level seen through transparent pixels, 0 (black) to 255 (white).
        max_pixels: The most that it may have.

    Returns:
        uint8 (H, W), or (H, W, 3) in colour.

    Raises:
        MissingData: There is no such file.
        CorruptedData: It is no picture, or cut short.
        InvalidArgument: It has too many pixels.
    """
    found = load_image(path, Wanted(color, background, max_pixels))
    if found.guessed_bits:
        warnings.warn(guess_of(path, found.guessed_bits), stacklevel=2)
    return found.pixels


def guess_of(path: Path, bits: int) -> str:
    """What to tell of a file whose depth had to be guessed."""
    return (
        f"{path} has 16 bits a value, but its values end below {2**bits}: it is taken for one of "
        f"{bits} bits; save images with 8 bits, all scaled alike, to have them as you mean them"
    )


def load_image(path: Path, wanted: Wanted) -> Decoded:
    """Read a picture, and tell what was guessed about it.

    Args:
        path: The file.
        wanted: What it is read as.

    Raises:
        MissingData: There is no such file.
        CorruptedData: It is no picture.
        InvalidArgument: It has too many pixels.
    """
    try:
        content = read_regular(path)
    except OSError as error:
        raise MissingData(
            f"{path} cannot be read ({error.strerror}): put the image there"
        ) from error
    try:
        return decode(content, wanted)
    except (CorruptedData, InvalidArgument) as error:
        raise type(error)(f"{path} {error}") from error


def fit(image: Image, height: int, width: int) -> Image:
    """A picture made as large as fits, its shape kept, in the middle of black.

    Args:
        image: (H, W) or (H, W, 3).
        height: Of the result, pixels.
        width: Of the result, pixels.

    Returns:
        (height, width) or (height, width, 3); the picture itself if it has this size.
    """
    if image.shape[:2] == (height, width):
        return image
    scale = min(height / image.shape[0], width / image.shape[1])
    rows, columns = (max(1, round(scale * side)) for side in image.shape[:2])
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled: Any = cv2.resize(image, (columns, rows), interpolation=smooth)
    result = np.zeros((height, width, *image.shape[2:]), np.uint8)
    top, left = (height - rows) // 2, (width - columns) // 2
    result[top : top + rows, left : left + columns] = scaled
    return result
