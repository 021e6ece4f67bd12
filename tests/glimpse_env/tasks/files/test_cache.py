"""What is kept, and what killed processes leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from glimpse_env.errors import MissingData
from glimpse_env.tasks.files import cache
from glimpse_env.tasks.files.downloads import RemoteFile, Source, find_file

KILLED = """
import os, pathlib, signal, sys, numpy
from glimpse_env.tasks.files import cache


def half(stream, **arrays):
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)


numpy.savez = half
cache.save(pathlib.Path(sys.argv[1]), {"numbers": numpy.arange(3)})
"""


def grow_old(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_leftovers_of_killed_writers_go_with_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "crops[64].npz"
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
        assert done.returncode == -signal.SIGKILL
    leftovers = sorted(tmp_path.iterdir())
    assert len(leftovers) == 2 and all(one.name.startswith(".") for one in leftovers)
    grow_old(leftovers[0], 7200)
    other = tmp_path / ".other-0123456789abcdef"
    other.touch()
    grow_old(other, 7200)
    cache.save(path, {"numbers": np.arange(3)})
    # The younger one may belong to a process that is still writing, the other to another file.
    assert set(tmp_path.iterdir()) == {path, leftovers[1], other}
    kept = cache.load(path)
    assert kept is not None and kept["numbers"].tolist() == [0, 1, 2]


def test_leftovers_of_killed_downloads_go_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache.folder() / "mnist"
    folder.mkdir(parents=True)
    for name, age in (("tmpab12cd34", 7200), ("tmpzzzzzzzz", 5), ("tmpfile.gz", 7200)):
        (folder / name).touch()
        grow_old(folder / name, age)
    source = Source("mnist", (), (RemoteFile("a.gz", 10, "0" * 64),))
    with pytest.raises(MissingData):
        find_file(source, "a.gz")
    assert sorted(path.name for path in folder.iterdir()) == ["tmpfile.gz", "tmpzzzzzzzz"]
