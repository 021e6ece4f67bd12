"""The seam between NumPy and torch: the few operations that the two libraries spell differently.

Everything else is written once against `backend.xp`, the `numpy` or the `torch` module itself.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from glimpse_env.errors import InvalidAction, InvalidArgument, require_choice

Array = Any  # numpy.ndarray or torch.Tensor; the two share no common type
Layer = tuple[Array, Array, Array]  # see Backend.collage


class Backend(Protocol):
    """Where arrays live and how they are made.

    Attributes:
        xp: The `numpy` or the `torch` module.
        name: "numpy" or "torch".
        device: "cpu", or the torch device as it was given.
        eager: Whether a Python branch on a value is allowed. It is not with torch: on a GPU it
            would wait for the device at every step.
        float_reward: Dtype of rewards.
    """

    xp: ModuleType
    name: str
    device: str
    eager: bool
    float_reward: str

    def asarray(self, values: Any, dtype: str) -> Array:
        """`values` as an array of `dtype` on the device, sharing memory where possible."""

    def reals(self, values: Any) -> Array:
        """Real numbers as a float32 array on the device; TypeError for anything else."""

    def integers(self, values: Any) -> Array:
        """Integers as an int64 array on the device; TypeError for anything else."""

    def to_numpy(self, array: Array) -> np.ndarray[Any, np.dtype[Any]]:
        """The array on the host; for code outside of `step`."""

    def cast(self, array: Array, dtype: str) -> Array:
        """A copy of `array` with another dtype."""

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of zeros on the device."""

    def empty(self, shape: tuple[int, ...], dtype: str) -> Array:
        """An array on the device with whatever lies there, to be written to."""

    def lookup_table(self, size: int, dtype: str) -> Array:
        """An array of zeros (size,) on the device, to be read here and there."""

    def strided(self, flat: Array, shape: tuple[int, ...], steps: tuple[int, ...]) -> Array:
        """A view of `flat` in which neighbours on each axis lie so many numbers apart."""

    def ones(self, shape: tuple[int, ...], dtype: str) -> Array:
        """An array of ones on the device."""

    def arange(self, stop: int) -> Array:
        """The int64 numbers 0 .. stop - 1 on the device."""

    def copy(self, array: Array) -> Array:
        """A copy that shares no memory."""

    def windows(self, images: Array, side: int) -> Array:
        """All squares of images (M, C, S, S), without a copy: (M, C, y, x, side, side)."""

    def box_means(self, images: Array, size: int) -> Array:
        """Means of boxes over 255, (m, C, H, W) to float32 (m, C, size, size); see CoarseView."""

    def rows(self, mask: Array) -> Array:
        """The rows to compute when those in `mask` change: just these, if asking does not wait."""

    def collage(self, number: int, side: int, layers: list[Layer]) -> Array:
        """Squares added up on black and clipped at white (255): uint8 (number, side, side).

        Args:
            number: Of images, m.
            side: Of an image, S.
            layers: Of each: uint8 (m, p, s, s), the p squares of every image, then x and y, int64
                (m, p), of their top left corners; all are wholly inside the image.
        """

    def require(self, condition: Array, message: str, values: Array) -> None:
        """Raise InvalidAction, naming the first of `values` for which `condition` does not hold.

        Args:
            condition: bool, of the shape of `values`.
            message: What must hold.
            values: What is held to it.
        """

    def sum_dtype(self, largest: int) -> str:
        """The dtype for sums up to `largest`, at most 2**24, that holds every integer exactly."""


# NumPy takes longer to read a dtype's name than to make a small array of it.
_DTYPES = {
    name: np.dtype(name) for name in ("bool", "uint8", "uint16", "int64", "float32", "float64")
}


@functools.cache
def _pooling(height: int, width: int, size: int) -> tuple[Array, Array, Array]:
    """What adds up boxes, from left (size, H) and right (W, size), and their largest sums."""
    rows, columns = _boxes(height, size), _boxes(width, size)
    return rows, columns.T, 255 * rows.sum(1)[:, None] * columns.sum(1)


def _boxes(length: int, size: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Which of `length` pixels each of `size` boxes covers, float32 (size, length) of 0 and 1."""
    edges = np.arange(size + 1) * length
    first, last = edges[:-1] // size, -(-edges[1:] // size)
    pixel = np.arange(length)
    return ((pixel >= first[:, None]) & (pixel < last[:, None])).astype(np.float32)


class NumpyBackend:
    """Arrays are NumPy arrays."""

    xp: ModuleType = np
    name = "numpy"
    device = "cpu"
    eager = True
    float_reward = "float64"  # what Gymnasium's own vector environments return

    def asarray(self, values: Any, dtype: str) -> Array:
        return np.asarray(values, _DTYPES[dtype])

    def reals(self, values: Any) -> Array:
        """See Backend; numbers beyond float32 become infinite."""
        array = np.asarray(values)
        if array.dtype == np.float32:
            return array
        if array.dtype.kind not in "fiu":
            raise TypeError(f"dtype {array.dtype} is not real")
        with np.errstate(over="ignore"):
            return array.astype(np.float32)

    def integers(self, values: Any) -> Array:
        array = np.asarray(values)
        if array.dtype.kind not in "iu":
            raise TypeError(f"dtype {array.dtype} is not integer")
        return array.astype(np.int64, copy=False)

    def to_numpy(self, array: Array) -> np.ndarray[Any, np.dtype[Any]]:
        return np.asarray(array)

    def cast(self, array: Array, dtype: str) -> Array:
        return array.astype(_DTYPES[dtype])

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Array:
        return np.zeros(shape, _DTYPES[dtype])

    def empty(self, shape: tuple[int, ...], dtype: str) -> Array:
        return np.empty(shape, _DTYPES[dtype])

    def lookup_table(self, size: int, dtype: str) -> Array:
        """See Backend; NumPy asks for huge pages, but not for memory it gets as zeros."""
        return np.full(size, 0, _DTYPES[dtype])

    def strided(self, flat: Array, shape: tuple[int, ...], steps: tuple[int, ...]) -> Array:
        strides = tuple(step * flat.itemsize for step in steps)
        return np.lib.stride_tricks.as_strided(flat, shape, strides, writeable=False)

    def ones(self, shape: tuple[int, ...], dtype: str) -> Array:
        return np.ones(shape, _DTYPES[dtype])

    def arange(self, stop: int) -> Array:
        return np.arange(stop)

    def copy(self, array: Array) -> Array:
        return array.copy()

    def windows(self, images: Array, side: int) -> Array:
        return np.lib.stride_tricks.sliding_window_view(images, (side, side), (2, 3))

    def box_means(self, images: Array, size: int) -> Array:
        """See Backend; two products of matrices of 0 and 1 are the fastest way to add boxes."""
        rows, columns, largest = _pooling(*images.shape[2:], size)
        return (rows @ (images.astype(np.float32) @ columns)) / largest

    def rows(self, mask: Array) -> Array:
        rows: Array = mask.nonzero()[0]
        return rows

    def collage(self, number: int, side: int, layers: list[Layer]) -> Array:
        """See Backend; one square of each image at a time, so that no two overlap."""
        images, every = np.zeros((number, side, side), np.uint8), np.arange(number)
        for squares, x, y in layers:
            windows = np.lib.stride_tricks.sliding_window_view(
                images, squares.shape[2:], (1, 2), writeable=True
            )
            for p in range(squares.shape[1]):
                place = every, y[:, p], x[:, p]
                below = windows[place]
                windows[place] = below + np.minimum(squares[:, p], 255 - below)
        return images

    def require(self, condition: Array, message: str, values: Array) -> None:
        if not condition.all():
            raise InvalidAction(f"{message}, not {_first_wrong(condition, values)}")

    def sum_dtype(self, largest: int) -> str:
        """See Backend; the fewer bits, the less memory traffic."""
        if largest < 2**8:
            return "uint8"
        return "uint16" if largest < 2**16 else "float32"


class TorchBackend:
    """Arrays are torch tensors that never leave `device`."""

    name = "torch"
    eager = False
    float_reward = "float32"

    def __init__(self, device: str) -> None:
        """Import torch, which nothing else here does.

        Raises:
            InvalidArgument: torch is not installed, or has no such device.
        """
        try:
            import torch
        except ImportError as error:
            raise InvalidArgument(
                "backend='torch' needs torch: pip install torch, or use backend='numpy'"
            ) from error
        try:
            torch.zeros(1, device=torch.device(device))
        except (RuntimeError, AssertionError, TypeError) as error:
            raise InvalidArgument(f"torch cannot use device={device!r} here: {error}") from error
        self.xp: ModuleType = torch
        self.device = str(device)
        self._torch = torch

    def _tensor(self, values: Any) -> Array:
        """Share memory where torch can: it may be written to, and read from first to last."""
        if isinstance(values, np.ndarray):
            values = np.require(values, values.dtype.newbyteorder("="), ["C", "W"])
        tensor = self._torch.as_tensor(values, device=self.device)
        if tensor.layout is not self._torch.strided:
            raise TypeError(f"a tensor of layout {tensor.layout} is no array")
        return tensor

    def asarray(self, values: Any, dtype: str) -> Array:
        return self._tensor(values).to(getattr(self._torch, dtype))

    def reals(self, values: Any) -> Array:
        """See Backend; numbers beyond float32 become infinite."""
        array = self._tensor(values)
        if array.is_complex() or array.dtype == self._torch.bool:
            raise TypeError(f"dtype {array.dtype} is not real")
        return array.detach().to(self._torch.float32)  # no gradient flows through an environment

    def integers(self, values: Any) -> Array:
        array = self._tensor(values)
        if array.is_floating_point() or array.is_complex() or array.dtype == self._torch.bool:
            raise TypeError(f"dtype {array.dtype} is not integer")
        return array.to(self._torch.int64)

    def to_numpy(self, array: Array) -> np.ndarray[Any, np.dtype[Any]]:
        if array.is_meta:
            raise InvalidArgument("device='meta' has shapes and no values: choose one that has")
        return np.asarray(array.cpu())

    def cast(self, array: Array, dtype: str) -> Array:
        return array.to(getattr(self._torch, dtype), copy=True)

    def zeros(self, shape: tuple[int, ...], dtype: str) -> Array:
        return self._torch.zeros(shape, dtype=getattr(self._torch, dtype), device=self.device)

    def empty(self, shape: tuple[int, ...], dtype: str) -> Array:
        return self._torch.empty(shape, dtype=getattr(self._torch, dtype), device=self.device)

    def lookup_table(self, size: int, dtype: str) -> Array:
        return self.zeros((size,), dtype)

    def strided(self, flat: Array, shape: tuple[int, ...], steps: tuple[int, ...]) -> Array:
        return flat.as_strided(shape, steps)

    def ones(self, shape: tuple[int, ...], dtype: str) -> Array:
        return self._torch.ones(shape, dtype=getattr(self._torch, dtype), device=self.device)

    def arange(self, stop: int) -> Array:
        return self._torch.arange(stop, device=self.device)

    def copy(self, array: Array) -> Array:
        return array.clone()

    def windows(self, images: Array, side: int) -> Array:
        return images.unfold(2, side, 1).unfold(3, side, 1)

    def box_means(self, images: Array, size: int) -> Array:
        """See Backend; products of matrices would round if their precision is not "highest".

        One axis at a time: a sum over both may be beyond the integers that float32 holds.
        """
        pool = self._torch.nn.functional.adaptive_avg_pool2d
        return pool(pool(images.float(), (images.shape[2], size)), (size, size)) / 255

    def rows(self, mask: Array) -> Array:
        return self.arange(mask.shape[0])

    def collage(self, number: int, side: int, layers: list[Layer]) -> Array:
        """See Backend; all squares at once, which takes the fewest kernels."""
        sums = self.zeros((number * side * side,), "float32")
        top = self.arange(number)[:, None] * side
        for squares, x, y in layers:
            across = self.arange(squares.shape[2])
            row = ((top + y) * side + x)[:, :, None] + across * side
            place = row[..., None] + across
            sums.scatter_add_(0, place.reshape(-1), squares.reshape(-1).float())
        return sums.clamp(max=255).to(self._torch.uint8).reshape(number, side, side)

    def require(self, condition: Array, message: str, values: Array) -> None:
        """See Backend; on a GPU the error comes with the next synchronisation, from torch."""
        try:
            self._torch._assert_async(condition.all(), message)
        except RuntimeError as error:
            wrong = _first_wrong(self.to_numpy(condition), self.to_numpy(values))
            raise InvalidAction(f"{message}, not {wrong}") from error

    def sum_dtype(self, largest: int) -> str:
        """See Backend; torch does not add unsigned integers of 16 bits."""
        if largest < 2**8:
            return "uint8"
        return "int16" if largest < 2**15 else "float32"


def _first_wrong(condition: Array, values: Array) -> str:
    """The first of `values` for which `condition` does not hold, and where it stands."""
    place = tuple(np.argwhere(~condition)[0].tolist())
    return f"{values[place]} at {list(place)}"


def make_backend(name: str, device: str) -> Backend:
    """The backend called `name`.

    Args:
        name: "numpy" or "torch".
        device: A torch device such as "cpu" or "cuda:0"; NumPy knows "cpu" alone.

    Raises:
        InvalidArgument: No such backend, or no such device.
    """
    name, device = check_backend(name, device)
    if name == "numpy":
        if device != "cpu":
            raise InvalidArgument(
                f"backend='numpy' runs on device='cpu', not {device!r}; use backend='torch'"
            )
        return NumpyBackend()
    return TorchBackend(device)


def check_backend(name: Any, device: Any) -> tuple[str, str]:
    """Both by name: a device may be an object of torch's.

    Raises:
        InvalidArgument: No such backend, or what names no device.
    """
    require_choice("backend", name, ("numpy", "torch"))
    if not (isinstance(device, str) or type(device).__module__ == "torch"):
        raise InvalidArgument(f"device={device!r} must be a name, such as 'cpu' or 'cuda:0'")
    return str(name), str(device)
