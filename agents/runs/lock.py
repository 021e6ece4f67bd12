"""A run folder belongs to one process at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from agents.runs.files import writing
from glimpse_env.errors import InvalidArgument

# The note on who has the folder lies beside the locks: what is written into them is filelock's.
_LOCK, _SOFT_LOCK, _OWNER = ".lock", ".lock.soft", ".owner"
# What file systems that do not know flock, some NFS and containers, answer to it.
_NO_FLOCK = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextlib.contextmanager
def locked(run: Path) -> Iterator[None]:
    """Have a run folder for this process alone, until it lets go or dies.

    Raises:
        FolderUnwritable: It cannot be written.
        InvalidArgument: Another process has it.
    """
    owner = run / _OWNER
    with contextlib.ExitStack() as held:
        with writing(run):
            try:
                held.callback(_acquired(run).release)
            except Timeout as error:
                raise InvalidArgument(
                    f"{_named(owner)} is training in {run} at this moment: wait until it ends, or "
                    f"stop it{_left_behind(Path(error.lock_file))}"
                ) from error
            held.callback(_forget, owner)
            owner.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        yield


def _acquired(run: Path) -> BaseFileLock:
    """The system's lock, which ends with the process; where there is none, a file with its number.

    Such a file outlives a process that is killed; filelock takes it over once there is no such
    process on this machine any more.
    """
    lock: BaseFileLock = FileLock(run / _LOCK, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except OSError as error:
        if error.errno not in _NO_FLOCK:
            raise
        lock = SoftFileLock(run / _SOFT_LOCK, blocking=False)
        lock.acquire()
    return lock


def _named(owner: Path) -> str:
    try:
        return owner.read_text(errors="replace")
    except OSError:
        return "another process"


def _forget(owner: Path) -> None:
    with contextlib.suppress(OSError):  # a note without a lock says nothing
        owner.unlink()


def _left_behind(lock: Path) -> str:
    """What to do where a lock may be that of a process that cannot be asked."""
    if lock.name != _SOFT_LOCK:
        return ""
    return f". This file system has no locks that end with a process: if it is gone, remove {lock}"
