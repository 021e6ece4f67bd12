"""Your own images and labels as a task."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse_env.backend import Array, Backend
from glimpse_env.errors import InvalidArgument, require_between
from glimpse_env.tasks.own_images.shared_array import as_array, is_mapped
from glimpse_env.tasks.task import MOST_CLASSES


class ArrayTask:
    """Images and labels held in memory.

    Args:
        backend: Where the arrays live.
        images: uint8 (M, H, W) grey or (M, H, W, 3) colour; not to be changed any more.
        labels: int (M,), one label an image, or (M, L), sequences padded with -1.
        num_classes: Number of object classes; labels lie in 0 .. num_classes - 1.

    Raises:
        InvalidArgument: Shapes, dtypes or values that do not fit together.
    """

    def __init__(self, backend: Backend, *, images: Any, labels: Any, num_classes: int) -> None:
        """Check the arrays and move them to the backend."""
        self.num_classes = num_classes = require_between(
            "num_classes", num_classes, 1, MOST_CLASSES
        )
        pixels, classes = as_array("images", images), as_array("labels", labels)
        _check_images(pixels)
        _check_labels(classes, len(pixels), num_classes)
        pixels = pixels[..., None] if pixels.ndim == 3 else pixels
        channel_first = np.moveaxis(pixels, -1, 1)
        if not is_mapped(pixels):  # which would be read into memory as a whole
            channel_first = np.ascontiguousarray(channel_first)
        self._images = backend.asarray(channel_first, "uint8")
        self.has_end = classes.ndim == 2
        self._labels = backend.asarray(classes.reshape(len(classes), -1), "int64")
        self.size = len(pixels)
        self.image_shape: tuple[int, int, int] = channel_first.shape[1:]
        self.max_labels = int(self._labels.shape[1])

    def images(self, index: Array) -> Array:
        """The images of int64 `index` (m,): integers in 0 .. 255, (m, C, H, W)."""
        return self._images[index]

    def labels(self, index: Array) -> Array:
        """The labels of int64 `index` (m,): int64 (m, L), padded with -1."""
        return self._labels[index]


def _check_images(images: NDArray[Any]) -> None:
    grey = images.ndim == 3
    colour = images.ndim == 4 and images.shape[-1] == 3
    if not (grey or colour) or 0 in images.shape:
        raise InvalidArgument(
            f"images of shape {images.shape} must be (M, H, W) or (M, H, W, 3), none of them 0"
        )
    if images.dtype != np.uint8:
        remedy = "images.astype(numpy.uint8), if that is where they lie"
        if images.dtype.kind == "f":
            remedy = "scale values in [0, 1] with (images * 255).round().astype(numpy.uint8)"
        raise InvalidArgument(f"images of dtype {images.dtype} must be uint8 in 0 .. 255; {remedy}")


def _check_labels(labels: NDArray[Any], number: int, num_classes: int) -> None:
    if labels.ndim not in (1, 2) or len(labels) != number or 0 in labels.shape:
        raise InvalidArgument(
            f"labels of shape {labels.shape} must be ({number},) or ({number}, L) for "
            f"{number} images"
        )
    if labels.dtype.kind not in "iu":
        raise InvalidArgument(f"labels of dtype {labels.dtype} must be integers")
    lowest = -1 if labels.ndim == 2 else 0
    outside = labels[(labels < lowest) | (labels >= num_classes)]
    if outside.size:
        raise InvalidArgument(
            f"label {outside.flat[0]} is outside 0 .. {num_classes - 1} (num_classes={num_classes})"
        )
    if labels.ndim == 2 and ((labels[:, :-1] < 0) & (labels[:, 1:] >= 0)).any():
        raise InvalidArgument("labels: the padding -1 must come after the last label of a sequence")
    if labels.shape[1:] == (1,) and (labels >= 0).all():
        warnings.warn(
            f"labels of shape {labels.shape} are sequences of one label and their end, which is a "
            "label of its own; for one label an image give labels[:, 0]",
            stacklevel=2,
        )
