"""Opening files that are files: a pipe in their place would be waited for without end."""

from __future__ import annotations

import errno
import stat
from pathlib import Path
from typing import IO


def open_regular(path: Path) -> IO[bytes]:
    """Open a file to read its bytes.

    Raises:
        OSError: As `open` does; for a pipe, a socket or a device, too, and for a name that no file
            can have, which Python calls a ValueError.
    """
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # of a folder, `open` says so
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        return path.open("rb")
    except ValueError as error:  # a zero byte, or what is no Unicode
        raise OSError(errno.EINVAL, f"Not a name of a file: {error}", str(path)) from error


def read_regular(path: Path) -> bytes:
    """The content of a file; see `open_regular` for errors."""
    with open_regular(path) as stream:
        return stream.read()
