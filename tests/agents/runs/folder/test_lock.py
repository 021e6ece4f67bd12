from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from agents.dram.presets import PRESETS
from agents.runs.files import FolderUnwritable
from agents.runs.folder import RunFolder
from agents.runs.folder.lock import locked
from glimpse_env.errors import InvalidArgument
from tests.forked import CONTEXT

# What another process does: it says whether it got the folder, and keeps it until it is told.
KEEP = """
import fcntl
from pathlib import Path
from agents.runs.folder.lock import locked
from glimpse_env.errors import InvalidArgument
if without_flock:
    def flock(fd, operation):
        raise OSError(without_flock, "flock is missing")
    fcntl.flock = flock
try:
    with locked(Path(run)):
        pipe.send("mine")
        pipe.recv()
except InvalidArgument as error:
    pipe.send(str(error))
"""
NO_FLOCK = [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP]


class Another(NamedTuple):
    """A process beside this one, and the first that it said."""

    pid: int
    said: str


@contextmanager
def another(run: Path, without_flock: int) -> Iterator[Another]:
    """A process that wants the folder; it is killed at the end."""
    here, there = CONTEXT.Pipe()
    known = {"run": str(run), "without_flock": without_flock, "pipe": there}
    process = CONTEXT.Process(target=exec, args=(KEEP, known))
    process.start()
    there.close()
    try:
        assert here.poll(60)
        yield Another(int(process.pid or 0), here.recv())
    finally:
        process.kill()
        process.join()


@pytest.fixture(params=[0, *NO_FLOCK], ids=lambda number: errno.errorcode.get(number, "flock"))
def without_flock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """What the file system answers to flock, here and, as a number, in other processes."""

    def flock(fd: int, operation: int) -> None:
        raise OSError(request.param, "flock is missing")

    if request.param:
        monkeypatch.setattr(fcntl, "flock", flock)
    return int(request.param)


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path: Path, without_flock: int) -> None:
    message = f"process {os.getpid()} on .* is training in {tmp_path}"
    with locked(tmp_path):
        with pytest.raises(InvalidArgument, match=message), locked(tmp_path):
            pass
        with another(tmp_path, without_flock) as refused:
            assert f"process {os.getpid()} on" in refused.said
            assert bool(without_flock) == ("remove" in refused.said)
    with locked(tmp_path):
        pass


def test_a_folder_is_free_after_a_kill(tmp_path: Path, without_flock: int) -> None:
    (tmp_path / ".lock").touch()  # of times when the folder lay where there is flock
    with another(tmp_path, without_flock) as owner:
        assert owner.said == "mine"
        message = f"process {owner.pid} on"
        with pytest.raises(InvalidArgument, match=message), locked(tmp_path):
            pass
    with locked(tmp_path):
        assert str(os.getpid()) in (tmp_path / ".owner").read_text()
    assert not (tmp_path / ".owner").exists()


def test_a_note_that_cannot_be_read_is_not_needed(tmp_path: Path) -> None:
    with locked(tmp_path):
        (tmp_path / ".owner").write_bytes(b"\xff\xfe")
        with pytest.raises(InvalidArgument, match="is training in"), locked(tmp_path):
            pass
        (tmp_path / ".owner").unlink()
        with pytest.raises(InvalidArgument, match="another process is"), locked(tmp_path):
            pass


def test_a_run_folder_is_locked_while_it_is_open(tmp_path: Path) -> None:
    folder = RunFolder.new(tmp_path, "run", PRESETS["ram_mnist"]())
    with pytest.raises(InvalidArgument, match="is training in"):
        RunFolder(folder.path, 0)
    folder.close()
    RunFolder(folder.path, 0).close()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderUnwritable, match="file cannot be written"), locked(tmp_path / "file"):
        pass
