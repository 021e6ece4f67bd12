"""The user's cache: where it is, whether there is room, and arrays that are kept there.

A file appears under its name only when it is whole: it is written under another name and moved.
So two processes may make the same file at once, and a reader never meets half of one.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from glimpse_env.errors import CacheUnavailable
from glimpse_env.tasks.files.regular import open_regular

Arrays = dict[str, Any]  # of NumPy arrays

_WRITTEN_WITHIN = 3600  # seconds, between two writes to a file that will be finished
_REMEDY = "Make room, or name another folder for the cache by XDG_CACHE_HOME=<folder>."


def folder() -> Path:
    """The folder of this package in the user's cache; it may not exist yet."""
    import pooch

    return Path(pooch.os_cache("glimpse-env"))


def require_space(where: Path, needed: int, purpose: str) -> None:
    """Refuse to begin what would fill the disk.

    Args:
        where: The folder to be written to; it need not exist yet.
        needed: Bytes.
        purpose: What needs them, as the beginning of a sentence.

    Raises:
        CacheUnavailable: Fewer bytes are free.
    """
    existing = next(path for path in (where, *where.parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise CacheUnavailable(
            f"{purpose} needs {needed:,} bytes in {where}, where {free:,} are free. {_REMEDY}"
        )


@contextlib.contextmanager
def writing(where: Path) -> Iterator[None]:
    """Make a folder to write to, and say so where it, or anything in it, cannot be written.

    Raises:
        CacheUnavailable: From whatever the system says, such as a disk that is full after all.
    """
    try:
        where.mkdir(parents=True, exist_ok=True)
        yield
    except CacheUnavailable:
        raise
    except OSError as error:
        raise CacheUnavailable(f"{where} cannot be written: {error}. {_REMEDY}") from error


def save(path: Path, arrays: Arrays) -> None:
    """Keep arrays; all of them, or on an error none.

    Raises:
        CacheUnavailable: There is no room, or the folder cannot be written.
    """
    size = sum(array.nbytes for array in arrays.values())
    require_space(path.parent, size, f"Writing {path.name}")
    with writing(path.parent):
        remove_leftovers(path.parent, f".{glob.escape(path.stem)}-*")
        unfinished = path.with_name(f".{path.stem}-{secrets.token_hex(8)}")
        try:
            with unfinished.open("xb") as stream:
                np.savez(stream, **arrays)
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def remove_leftovers(where: Path, pattern: str) -> None:
    """Remove what killed processes have left of files that they were writing.

    Args:
        where: The folder.
        pattern: Of the names of unfinished files. One that has been written to lately may belong to
            a process that lives.
    """
    for path in where.glob(pattern):
        with contextlib.suppress(OSError):  # another process has removed it
            if time.time() - path.stat().st_mtime > _WRITTEN_WITHIN:
                path.unlink()


def load(path: Path) -> Arrays | None:
    """Read arrays that were kept.

    Returns:
        The arrays, or None if there are none or a checksum in the file (zip has one for each
        array) is wrong: then they are to be made again.

    Raises:
        CacheUnavailable: They are there, but not for this user to read.
    """
    try:
        with open_regular(path) as stream, np.load(stream) as kept:
            return {name: kept[name] for name in kept.files}
    except PermissionError as error:
        raise CacheUnavailable(f"{path} cannot be read: {error.strerror}. {_REMEDY}") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
