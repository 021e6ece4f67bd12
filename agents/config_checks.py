"""Checks that every configuration makes of itself."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterable
from typing import Literal

from glimpse_env import errors
from glimpse_env.errors import InvalidArgument


def require_positive(config: object, names: Iterable[str]) -> None:
    """Refuse fields that are not greater than 0.

    Raises:
        InvalidArgument: Such a field.
    """
    for name in names:
        if not 0 < getattr(config, name) < math.inf:
            raise InvalidArgument(f"{name}={getattr(config, name)} must be finite, greater than 0")


def require_not_negative(config: object, names: Iterable[str]) -> None:
    """Refuse fields below 0.

    Raises:
        InvalidArgument: Such a field.
    """
    for name in names:
        errors.require_not_negative(name, getattr(config, name))


def require_positive_entries(config: object, names: Iterable[str]) -> None:
    """Refuse tuples with an entry below 1.

    Raises:
        InvalidArgument: Such a tuple.
    """
    for name in names:
        if any(number < 1 for number in getattr(config, name)):
            raise InvalidArgument(f"{name}={getattr(config, name)}: all must be at least 1")


def require_choices(config: object) -> None:
    """Hold fields to their literals: the command line does, code that builds a run does not.

    Raises:
        InvalidArgument: A value that its field does not offer.
    """
    for name, hint in typing.get_type_hints(type(config)).items():
        parts = (hint, *typing.get_args(hint))
        choices = [c for p in parts if typing.get_origin(p) is Literal for c in p.__args__]
        value = getattr(config, name)
        if choices and value is not None and value not in choices:
            raise InvalidArgument(f"{name}={value!r} is unknown; choose one of {choices}")
