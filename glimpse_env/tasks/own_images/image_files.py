"""Pictures from files, and pictures of any size made to fit one size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from glimpse_env.errors import CorruptedData, MissingData

Image = NDArray[np.uint8]


def read_image(path: Path, color: bool = False) -> Image:
    """Read a PNG, or any other picture that OpenCV knows.

    Args:
        path: The file.
        color: RGB instead of grey. Transparency is dropped; 16 bits become 8.

    Returns:
        uint8 (H, W), or (H, W, 3) in colour.

    Raises:
        MissingData: There is no such file.
        CorruptedData: It is no picture, or cut short.
    """
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise MissingData(
            f"{path} cannot be read ({error.strerror}): put the image there"
        ) from error
    mode = cv2.IMREAD_COLOR_RGB if color else cv2.IMREAD_GRAYSCALE
    pixels = cv2.imdecode(content, mode) if len(content) else None
    if pixels is None:
        raise CorruptedData(
            f"{path} ({len(content):,} bytes) is no picture that can be read: save it as PNG anew"
        )
    return np.asarray(pixels, np.uint8)


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
