"""Files of results: each is written whole, or not at all, and read whole."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glimpse_env.errors import CorruptedData, GlimpseError, MissingData

_PARTIAL = ".partial"


class FolderUnwritable(GlimpseError, OSError):
    """A folder for results cannot take a file: its disk is full, or it cannot be written."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say what it was that the system would not take.

    Raises:
        FolderUnwritable: From whatever the system says, such as a disk that is full.
    """
    try:
        yield
    except GlimpseError:
        raise
    except OSError as error:
        raise FolderUnwritable(
            f"{path} cannot be written: {error}. Make room there, or name another folder; files "
            "written before are as they were"
        ) from error


def read_whole(path: Path, remedy: str) -> bytes:
    """What is in a file of a run.

    Args:
        path: The file.
        remedy: What to do if it is not there.

    Raises:
        MissingData: It is not there.
        CorruptedData: It is no file, or cannot be read.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise CorruptedData(f"{path} is no file: move it away")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingData(f"no {path.name} in {path.parent}; {remedy}") from error
    except OSError as error:
        raise CorruptedData(f"{path} cannot be read: {error}") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file by another in one step: a reader, or a crash, finds the old or the new one.

    Raises:
        FolderUnwritable: There is no room, or the folder cannot be written; the old file stays.
    """
    # The process id keeps two processes that write the same file apart.
    partial = path.with_name(f"{path.name}.{os.getpid()}{_PARTIAL}")
    with writing(path):
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise


def write_json(path: Path, content: Any) -> None:
    """Write numbers, strings, lists and dictionaries as JSON: the whole file, or nothing."""
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def remove_partial(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left behind."""
    for partial in folder.glob(f"*{_PARTIAL}"):
        with writing(partial):
            partial.unlink(missing_ok=True)
