"""What the fields of a configuration may hold: what their types say, and nothing else."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glimpse_env.errors import InvalidArgument, is_integer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_LARGEST = 2**60  # of an integer; a few times that is what torch can be told


def settle_fields(config: DataclassInstance) -> None:
    """Hold every field to its type, and make Python's own numbers of NumPy's.

    The command line does the first; code that builds a run, and the file of one, need not have.

    Raises:
        InvalidArgument: A value that its field cannot have.
    """
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        value = _settled(field.name, getattr(config, field.name), hints[field.name])
        object.__setattr__(config, field.name, value)  # also of a frozen one


def require_text(name: str, value: Any) -> str:
    """Refuse anything but a string that can be written, and be part of the name of a file.

    Raises:
        InvalidArgument: Such a value.
    """
    if not isinstance(value, str):
        raise InvalidArgument(f"{name}={value!r} must be a string")
    try:
        usable = b"\0" not in value.encode()
    except UnicodeEncodeError:  # half a character, as the names of some files have
        usable = False
    if not usable:
        raise InvalidArgument(f"{name}={value!r} has a character that cannot be written")
    return value


def expanded(name: str, value: str | Path) -> Path:
    """A path with the home folder in the place of `~`.

    Args:
        name: Of the option, for the error.
        value: What was given.

    Raises:
        InvalidArgument: It can be no path, or there is no such home folder.
    """
    require_text(name, str(value))
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise InvalidArgument(f"{name}={str(value)!r}: {error}") from error


def is_row(row: object) -> bool:
    """Whether these are numbers by name, as metrics are, that of the images among them."""
    if not isinstance(row, dict) or "images" not in row:
        return False
    return all(type(name) is str and type(number) in (int, float) for name, number in row.items())


def _settled(name: str, value: Any, hint: Any) -> Any:
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _settled_union(name, value, inside)
    if origin is Literal:
        return _settled_choice(name, value, inside)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise InvalidArgument(f"{name}={value!r} must be a tuple")
        return tuple(_settled(name, entry, inside[0]) for entry in value)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise InvalidArgument(f"{name}={value!r} must be a dictionary")
        return {
            require_text(name, key): _settled(f"{name}[{key!r}]", entry, inside[1])
            for key, entry in value.items()
        }
    return {bool: _settled_flag, int: _settled_integer, float: _settled_real, str: require_text}[
        hint
    ](name, value)


def _settled_union(name: str, value: Any, hints: tuple[Any, ...]) -> Any:
    if value is None and type(None) in hints:
        return None
    kinds = [hint for hint in hints if hint is not type(None)]
    for hint in kinds[:-1]:
        try:
            return _settled(name, value, hint)
        except InvalidArgument:
            continue
    return _settled(name, value, kinds[-1])


def _settled_choice(name: str, value: Any, choices: tuple[Any, ...]) -> Any:
    value = int(value) if is_integer(value) else value
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
    raise InvalidArgument(f"{name}={value!r} is unknown; choose one of {list(choices)}")


def _settled_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise InvalidArgument(f"{name}={value!r} must be True or False")
    return bool(value)


def _settled_integer(name: str, value: Any) -> int:
    if not is_integer(value) or not -_LARGEST <= value <= _LARGEST:
        raise InvalidArgument(f"{name}={value!r} must be an integer of at most 60 bits")
    return int(value)


def _settled_real(name: str, value: Any) -> float:
    real = is_integer(value) or isinstance(value, float | np.floating)
    if not real or not np.isfinite(number := _float(value)):
        raise InvalidArgument(f"{name}={value!r} must be a finite number")
    return number


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond all floats
        return float("inf")
