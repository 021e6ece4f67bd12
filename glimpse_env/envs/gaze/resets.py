"""Reading what users pass to `reset`: seeds, pinned images, masks; each fault is typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse_env.errors import InvalidArgument, InvalidType, require_at_least, require_known


def refuse_time_limit(keywords: Iterable[str]) -> None:
    """Refuse the limit that `gym.make_vec` passes on if the caller or a specification has one."""
    if "max_episode_steps" in keywords:
        raise InvalidArgument(
            "max_episode_steps: episodes end by themselves, and these batches truncate none; "
            'gym.make_vec(..., vectorization_mode="sync") puts a TimeLimit around each environment'
        )


def parse_seeds(seed: int | Sequence[int | None] | None, num_envs: int) -> list[int | None]:
    """One seed a row: `seed + i` from a number, the list itself; None goes on as before.

    Of seeds beyond 63 bits, as Gymnasium draws them for itself, the lowest 63 count.
    """
    if seed is None:
        return [None] * num_envs
    if isinstance(seed, int | np.integer):
        first = parse_seed(seed)
        return [(first + row) % 2**63 for row in range(num_envs)]
    if not isinstance(seed, Iterable) or getattr(seed, "ndim", 1) == 0:
        raise InvalidArgument(f"seed={seed!r} must be an integer, a sequence of integers, or None")
    seeds: list[Any] = list(seed)
    if len(seeds) != num_envs:
        raise InvalidArgument(f"seed: {len(seeds)} seeds for {num_envs} environments")
    return [value if value is None else parse_seed(value) % 2**63 for value in seeds]


def parse_seed(value: Any) -> int:
    """The seed of one row."""
    return require_at_least("seed", value, 0)


def parse_options(options: Any, changeable: Sequence[str]) -> dict[str, Any]:
    """The options of a reset, all of them known, `changeable` keywords among them; None is none."""
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise InvalidType(f"options={options!r} must be a dictionary")
    require_known("options", options, ("index", "reset_mask", *changeable))
    return dict(options)


def parse_index(index: Any, num_envs: int, size: int) -> NDArray[np.int64] | None:
    """The pinned image of every row: one number for all rows or one a row, each below `size`."""
    if index is None:
        return None
    try:
        array = np.asarray(index)
    except (ValueError, TypeError, RuntimeError) as error:
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
        raise InvalidType(f"options['reset_mask'] must be a NumPy array, not {type(mask).__name__}")
    if mask.dtype != np.bool_:
        raise InvalidType(f"options['reset_mask'] must have dtype bool, not {mask.dtype}")
    if mask.shape != (num_envs,):
        raise InvalidArgument(
            f"options['reset_mask'] of shape {mask.shape} must have shape ({num_envs},)"
        )
    if not mask.any():
        raise InvalidArgument("options['reset_mask'] must be True for at least one environment")
    return mask
