"""The seam between NumPy and torch: the few operations that the two libraries spell differently.

Everything else is written once against `backend.xp`, the `numpy` or the `torch` module itself: both
take `device=` and name their dtypes alike.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or torch.Tensor; the two share no common type
Layer = tuple[Array, Array, Array]  # see Backend.collage


class Backend(abc.ABC):
    """Where arrays live and how they are made.

    Attributes:
        xp: The `numpy` or the `torch` module.
        name: "numpy" or "torch".
        device: "cpu", or the torch device as it was given.
        eager: Whether a Python branch on a value is allowed. It is not with torch: on a GPU it
            would wait for the device at every step.
        float_reward: Dtype of rewards.
        dtypes: Dtypes by their names.
    """

    xp: ModuleType
    name: str
    device: str
    eager: bool
    float_reward: str
    dtypes: Mapping[str, Any]

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of zeros on the device."""
        return self.xp.zeros(shape, dtype=self.dtypes[dtype], device=self.device)

    def ones(self, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of ones on the device."""
        return self.xp.ones(shape, dtype=self.dtypes[dtype], device=self.device)

    def empty(self, shape: tuple[int, ...], dtype: str) -> Array:
        """An array on the device with whatever lies there, to be written to."""
        return self.xp.empty(shape, dtype=self.dtypes[dtype], device=self.device)

    def lookup_table(self, size: int, dtype: str) -> Array:
        """An array of zeros (size,) on the device, to be read here and there.

        NumPy asks for huge pages, but not for memory it gets as zeros.
        """
        return self.xp.full((size,), 0, dtype=self.dtypes[dtype], device=self.device)

    def arange(self, stop: int) -> Array:
        """The int64 numbers 0 .. stop - 1 on the device."""
        return self.xp.arange(stop, device=self.device)

    @abc.abstractmethod
    def asarray(self, values: Any, dtype: str) -> Array:
        """`values` as an array of `dtype` on the device, sharing memory where possible."""

    @abc.abstractmethod
    def reals(self, values: Any) -> Array:
        """Real numbers as a float32 array on the device; TypeError for anything else."""

    @abc.abstractmethod
    def integers(self, values: Any) -> Array:
        """Integers as an int64 array on the device; TypeError for anything else."""

    @abc.abstractmethod
    def to_numpy(self, array: Array) -> np.ndarray[Any, np.dtype[Any]]:
        """The array on the host; for code outside of `step`."""

    @abc.abstractmethod
    def cast(self, array: Array, dtype: str) -> Array:
        """A copy of `array` with another dtype."""

    @abc.abstractmethod
    def strided(self, flat: Array, shape: tuple[int, ...], steps: tuple[int, ...]) -> Array:
        """A view of `flat` in which neighbours on each axis lie so many numbers apart."""

    @abc.abstractmethod
    def copy(self, array: Array) -> Array:
        """A copy that shares no memory."""

    @abc.abstractmethod
    def windows(self, images: Array, side: int) -> Array:
        """All squares of images (M, C, S, S), without a copy: (M, C, y, x, side, side)."""

    @abc.abstractmethod
    def pair_sums(self, flat: Array, distance: int) -> Array:
        """What each number of `flat` (n,) makes with that at `distance` after it, or alone.

        The array may be `flat` itself, overwritten.
        """

    @abc.abstractmethod
    def box_means(self, images: Array, size: int) -> Array:
        """Means of boxes over 255, (m, C, H, W) to float32 (m, C, size, size); see CoarseView."""

    @abc.abstractmethod
    def rows(self, mask: Array) -> Array:
        """The rows to compute when those in `mask` change: just these, if asking does not wait."""

    @abc.abstractmethod
    def collage(self, number: int, side: int, layers: list[Layer]) -> Array:
        """Squares added up on black and clipped at white (255): uint8 (number, side, side).

        Args:
            number: Of images, m.
            side: Of an image, S.
            layers: Of each: uint8 (m, p, s, s), the p squares of every image, then x and y, int64
                (m, p), of their top left corners; all are wholly inside the image.
        """

    @abc.abstractmethod
    def require(self, condition: Array, message: str, values: Array) -> None:
        """Raise InvalidAction, naming the first of `values` for which `condition` does not hold.

        Args:
            condition: bool, of the shape of `values`.
            message: What must hold.
            values: What is held to it.
        """

    @abc.abstractmethod
    def sum_dtype(self, largest: int) -> str:
        """The dtype for sums up to `largest`, at most 2**24, that holds every integer exactly."""


def first_wrong(condition: Array, values: Array) -> str:
    """The first of `values` for which `condition` does not hold, and where it stands."""
    place = tuple(np.argwhere(~condition)[0].tolist())
    return f"{values[place]} at {list(place)}"
