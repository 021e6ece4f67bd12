"""What a task is: a numbered collection of images, each with one label or a sequence of labels."""

from __future__ import annotations

from typing import Protocol

from glimpse_env.backend import Array

SPLITS = ("train", "validation", "test")

LARGEST_SIDE = 2**14  # pixels, of an image that is looked at
MOST_CLASSES = 2**31 - 1
GENERATED_IMAGES = 2**31  # size of a generated training split: practically without end


class Task(Protocol):
    """Images and labels as pure functions of an index.

    Attributes:
        size: Number of images in the split.
        image_shape: (C, H, W) of every image.
        num_classes: Number of object classes, the end label not counted.
        max_labels: L, the most objects in an image.
        has_end: Whether `num_classes` must be said after the last object (sequence tasks).
    """

    size: int
    image_shape: tuple[int, int, int]
    num_classes: int
    max_labels: int
    has_end: bool

    def images(self, index: Array) -> Array:
        """The images of int64 `index` (m,): integers in 0 .. 255, (m, C, H, W)."""

    def labels(self, index: Array) -> Array:
        """The labels of int64 `index` (m,): int64 (m, L), padded with -1."""
