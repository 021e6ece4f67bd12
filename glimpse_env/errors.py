"""Typed errors, and the checks that raise them: each names the value and says what to do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


class GlimpseError(Exception):
    """Base class of every error that this package raises on purpose."""


class InvalidArgument(GlimpseError, ValueError):
    """A constructor argument or a reset option that cannot work."""


class UnknownKeyword(InvalidArgument, TypeError):
    """A keyword that nothing reads.

    A TypeError in Python's own words, "got an unexpected keyword argument", for libraries that try
    keywords out, as TorchRL's `GymEnv` does with "frameskip".
    """


class InvalidAction(GlimpseError, ValueError):
    """A wrong shape, a gaze that is not finite, or a label or move outside its space."""


class MissingData(GlimpseError, FileNotFoundError):
    """A data file that is neither on disk nor to be had by download."""


class CorruptedData(GlimpseError, ValueError):
    """A data file whose checksum, size or content is not what it must be."""


class CacheUnavailable(GlimpseError, OSError):
    """The user's cache cannot take a file: its disk is full, or it cannot be written."""


class MissingPackage(GlimpseError, ImportError):
    """An optional package that this task needs is not installed."""


class DisplayUnavailable(GlimpseError, RuntimeError):
    """`render_mode="human"` on a machine without a display."""


def require_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Refuse a value that is not among the choices."""
    try:
        known = value in choices
    except ValueError:  # an array is equal and unequal to a choice
        known = False
    if not known:
        raise InvalidArgument(f"{name}={value!r} is unknown; choose one of {tuple(choices)}")


def require_flag(name: str, value: Any) -> bool:
    """The value as a `bool`; refuse anything but True and False, and 1 and 0 that equal them."""
    require_choice(name, value, (False, True))
    return bool(value)


def require_known(name: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Refuse keys that nothing reads."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InvalidArgument(f"{name}: unknown key {unknown[0]!r}; known are {tuple(known)}")


def require_at_least(name: str, value: Any, least: int) -> int:
    """The value as an `int`; refuse anything but an integer of at least `least`.

    NumPy's integers wrap around, or become floats, in sums that Python's are good for.
    """
    if not is_integer(value) or value < least:
        raise InvalidArgument(f"{name}={value!r} must be an integer of at least {least}")
    return int(value)


def require_between(name: str, value: Any, least: int, most: int) -> int:
    """The value as an `int`; refuse anything but an integer in `least` .. `most`."""
    if not is_integer(value) or not least <= value <= most:
        raise InvalidArgument(f"{name}={value!r} must be an integer in {least} .. {most}")
    return int(value)


def require_not_negative(name: str, value: Any) -> None:
    """Refuse anything but a finite real number of at least 0."""
    real = is_integer(value) or isinstance(value, float | np.floating)
    if not (real and 0 <= value < math.inf):
        raise InvalidArgument(f"{name}={value!r} must be a finite number of at least 0")


def is_integer(value: Any) -> bool:
    """Whether a value is an integer, Python's or NumPy's, and no bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
