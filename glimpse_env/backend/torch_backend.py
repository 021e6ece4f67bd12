"""The operations on torch's tensors, on any of its devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from glimpse_env.backend.protocol import Array, Backend, Layer, first_wrong
from glimpse_env.errors import InvalidAction, InvalidArgument


class TorchBackend(Backend):
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
        self.xp = torch
        self.device = str(device)
        self._torch = torch
        names = ("bool", "uint8", "int16", "int64", "float32")
        self.dtypes = {name: getattr(torch, name) for name in names}

    def _tensor(self, values: Any) -> Array:
        """Share memory where torch can: it may be written to, and read from first to last."""
        if isinstance(values, np.ndarray):
            values = np.require(values, values.dtype.newbyteorder("="), ["C", "W"])
        tensor = self._torch.as_tensor(values, device=self.device)
        if tensor.layout is not self._torch.strided:
            raise TypeError(f"a tensor of layout {tensor.layout} is no array")
        return tensor

    def asarray(self, values: Any, dtype: str) -> Array:
        return self._tensor(values).to(self.dtypes[dtype])

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
        return array.to(self.dtypes[dtype], copy=True)

    def strided(self, flat: Array, shape: tuple[int, ...], steps: tuple[int, ...]) -> Array:
        return flat.as_strided(shape, steps)

    def copy(self, array: Array) -> Array:
        return array.clone()

    def windows(self, images: Array, side: int) -> Array:
        return images.unfold(2, side, 1).unfold(3, side, 1)

    def pair_sums(self, flat: Array, distance: int) -> Array:
        sums = self._torch.empty_like(flat)
        self._torch.add(flat[:-distance], flat[distance:], out=sums[:-distance])
        sums[-distance:] = flat[-distance:]
        return sums

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
        return sums.clamp_(max=255).to(self._torch.uint8).reshape(number, side, side)

    def require(self, condition: Array, message: str, values: Array) -> None:
        """See Backend; on a GPU the error comes with the next synchronisation, from torch."""
        try:
            self._torch._assert_async(condition.all(), message)
        except RuntimeError as error:
            wrong = first_wrong(self.to_numpy(condition), self.to_numpy(values))
            raise InvalidAction(f"{message}, not {wrong}") from error

    def sum_dtype(self, largest: int) -> str:
        """See Backend; torch does not add unsigned integers of 16 bits."""
        if largest < 2**8:
            return "uint8"
        return "int16" if largest < 2**15 else "float32"
