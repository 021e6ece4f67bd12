"""An array that copies of whatever holds it share."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse_env.errors import InvalidArgument, MissingData


class SharedArray:
    """An array that nobody writes to any more; copies of an environment and of its spec share it.

    `gym.make` copies what it is given, and a wrapper the spec below it: hundreds of megabytes of
    images each time. So this is what environments hold. Pass one yourself where several
    environments, or a registered id, are to share their images:
    `images = SharedArray("images", images)`.

    An array that could be written to is copied once. One that lies in a mapped file
    (`numpy.load(..., mmap_mode="r")`) stays there and is sent to other processes by the file's
    name: do not change the file.

    Args:
        name: What it is, for messages.
        values: An array, or what can be one.

    Raises:
        InvalidArgument: The values cannot be an array.
    """

    def __init__(self, name: str, values: Any) -> None:
        """Copy the values, unless nobody can write to them."""
        array = as_array(name, values)
        self.array: NDArray[Any] = array.copy() if _may_change(values, array) else array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The array itself for `numpy.asarray`, not to be written to."""
        if dtype is not None and dtype != self.array.dtype:
            return self.array.astype(dtype)
        return self.array.copy() if copy else self.array

    def __copy__(self) -> SharedArray:
        """Itself."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedArray:
        """Itself."""
        return self

    def __reduce__(self) -> tuple[Callable[..., SharedArray], tuple[Any, ...]]:
        """The array, or the name of the file in which it lies."""
        place = _place_in_file(self.array)
        return (_received, (self.array,)) if place is None else (_mapped, place)

    def __eq__(self, other: object) -> bool:
        """Whether the other is a shared array of the same values, as specs compare them."""
        if not isinstance(other, SharedArray):
            return NotImplemented
        mine, yours = self.array, other.array
        return mine is yours or (mine.dtype == yours.dtype and np.array_equal(mine, yours))

    __hash__ = None  # type: ignore[assignment]  # equal by its values, of which there are many

    def __repr__(self) -> str:
        """Dtype and shape."""
        return f"SharedArray({self.array.dtype}, {self.array.shape})"


def as_array(name: str, values: Any) -> NDArray[Any]:
    """The values as an array, itself if they are one.

    Raises:
        InvalidArgument: They cannot be one.
    """
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InvalidArgument(f"{name} must be an array: {error}") from error


def _may_change(values: Any, array: NDArray[Any]) -> bool:
    """Whether somebody else might write to the array made of the values."""
    if isinstance(values, SharedArray) or is_mapped(array):
        return False
    step: Any = array
    while isinstance(step, np.ndarray):
        if step.flags.writeable:
            return True
        step = step.base
    return not isinstance(step, bytes | None)


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether an array lies in a mapped file instead of in memory of its own."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(owner, mmap.mmap)


def _place_in_file(array: NDArray[Any]) -> tuple[Any, ...] | None:
    """Name, dtype, offset and shape of an array that lies whole in a mapped file."""
    root: Any = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    named = isinstance(root, np.memmap) and isinstance(root.base, mmap.mmap) and root.filename
    if not (named and array.flags.c_contiguous):
        return None
    offset = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    return str(root.filename), array.dtype, root.offset + offset, array.shape


def _received(array: NDArray[Any]) -> SharedArray:
    """What was sent, without another copy: nobody else has it, or nobody can write to it."""
    shared = SharedArray.__new__(SharedArray)
    shared.array = array
    return shared


def _mapped(file: str, dtype: Any, offset: int, shape: tuple[int, ...]) -> SharedArray:
    """What lies in a file.

    Raises:
        MissingData: The file is not here, or shorter.
    """
    try:
        return _received(np.memmap(file, dtype, "r", offset, shape))
    except (OSError, ValueError) as error:
        raise MissingData(f"{file}, in which the array lies, cannot be mapped: {error}") from error
