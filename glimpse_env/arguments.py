"""Checks of what users pass to constructors and to `reset`; every failure is an InvalidArgument."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse_env.errors import InvalidArgument

SPLITS = ("train", "validation", "test")
INITIAL_GAZES = ("none", "center", "random")
RENDER_MODES = (None, "rgb_array", "human")


def require_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Refuse a value that is not among the choices."""
    try:
        known = value in choices
    except ValueError:  # an array is equal and unequal to a choice
        known = False
    if not known:
        raise InvalidArgument(f"{name}={value!r} is unknown; choose one of {tuple(choices)}")


def refuse_time_limit(keywords: Iterable[str]) -> None:
    """Refuse the limit that `gym.make_vec` passes on if the caller or a specification has one."""
    if "max_episode_steps" in keywords:
        raise InvalidArgument(
            "max_episode_steps: episodes end by themselves, and these batches truncate none; "
            'gym.make_vec(..., vectorization_mode="sync") puts a TimeLimit around each environment'
        )


def require_known(name: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Refuse keys that nothing reads."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InvalidArgument(f"{name}: unknown key {unknown[0]!r}; known are {tuple(known)}")


def require_at_least(name: str, value: Any, least: int) -> None:
    """Refuse anything but an integer of at least `least`."""
    if not _is_integer(value) or value < least:
        raise InvalidArgument(f"{name}={value!r} must be an integer of at least {least}")


def require_not_negative(name: str, value: Any) -> None:
    """Refuse anything but a finite real number of at least 0."""
    real = _is_integer(value) or isinstance(value, float | np.floating)
    if not (real and 0 <= value < math.inf):
        raise InvalidArgument(f"{name}={value!r} must be a finite number of at least 0")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def parse_seeds(seed: int | Sequence[int | None] | None, num_envs: int) -> list[int | None]:
    """One seed a row: `seed + i` from a number, the list itself; None goes on as before.

    Of seeds beyond 63 bits, as Gymnasium draws them for itself, the lowest 63 count.
    """
    if seed is None:
        return [None] * num_envs
    if isinstance(seed, int | np.integer):
        _require_seed(seed)
        return [(int(seed) + row) % 2**63 for row in range(num_envs)]
    if not isinstance(seed, Iterable) or getattr(seed, "ndim", 1) == 0:
        raise InvalidArgument(f"seed={seed!r} must be an integer, a sequence of integers, or None")
    seeds: list[Any] = list(seed)
    if len(seeds) != num_envs:
        raise InvalidArgument(f"seed: {len(seeds)} seeds for {num_envs} environments")
    for value in seeds:
        if value is not None:
            _require_seed(value)
    return [value if value is None else int(value) % 2**63 for value in seeds]


def _require_seed(value: Any) -> None:
    if not (_is_integer(value) and value >= 0):
        raise InvalidArgument(f"seed={value!r} must be an integer of at least 0")


def parse_index(index: Any, num_envs: int, size: int) -> NDArray[np.int64] | None:
    """The pinned image of every row: one number for all rows or one a row, each below `size`."""
    if index is None:
        return None
    try:
        array = np.asarray(index)
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"options['index']={index!r} is no array: {error}") from error
    if array.dtype.kind not in "iu" or array.shape not in ((), (num_envs,)):
        raise InvalidArgument(
            f"options['index'] of dtype {array.dtype} and shape {array.shape} must be an integer "
            f"or ({num_envs},) integers"
        )
    outside = array[(array < 0) | (array >= size)]
    if outside.size:
        raise InvalidArgument(f"options['index']={outside.flat[0]} is outside 0 .. {size - 1}")
    return np.array(np.broadcast_to(array, (num_envs,)), np.int64)


def parse_reset_mask(mask: Any, num_envs: int) -> NDArray[np.bool_]:
    """Which rows to reset, with the errors that Gymnasium's own vector environments give."""
    if not isinstance(mask, np.ndarray):
        raise TypeError(f"options['reset_mask'] must be a NumPy array, not {type(mask).__name__}")
    if mask.dtype != np.bool_:
        raise TypeError(f"options['reset_mask'] must have dtype bool, not {mask.dtype}")
    if mask.shape != (num_envs,):
        raise InvalidArgument(
            f"options['reset_mask'] of shape {mask.shape} must have shape ({num_envs},)"
        )
    if not mask.any():
        raise InvalidArgument("options['reset_mask'] must be True for at least one environment")
    return mask
