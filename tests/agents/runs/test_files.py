from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from agents.dram.readers.pictures import write_gif
from agents.runs.files import FolderUnwritable, remove_partial, write_atomically, write_json
from glimpse_env.errors import GlimpseError, MissingData
from tests.agents.conftest import small_disk


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    for content in (b"one", b"", b"two" * 100_000):
        write_atomically(tmp_path / "a", content)
        assert contents(tmp_path) == {"a": content}
    write_json(tmp_path / "b.json", {"x": [1, 2.5, "y"]})
    assert json.loads((tmp_path / "b.json").read_text()) == {"x": [1, 2.5, "y"]}


def test_a_disk_that_fills_up_on_the_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomically(path, b"old")
    with small_disk(1000), pytest.raises(FolderUnwritable, match=r"/a cannot be written: .*large"):
        write_atomically(path, b"n" * 5000)
    assert contents(tmp_path) == {"a": b"old"}
    noise = np.random.default_rng(0).integers(256, size=(2, 64, 64, 3)).astype(np.uint8)
    with small_disk(1000), pytest.raises(FolderUnwritable, match=r"a\.gif"):
        write_gif(tmp_path / "a.gif", list(noise))
    assert contents(tmp_path) == {"a": b"old"}


def test_an_interrupt_on_the_way_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    write_atomically(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", b"new")
    assert contents(tmp_path) == {"a": b"old"}


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FolderUnwritable, match="file/a cannot be written"):
        write_atomically(tmp_path / "file" / "a", b"new")
    assert contents(tmp_path) == {"file": b"mine"}


def test_a_read_only_folder(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"old")
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("this user may write everywhere")
    try:
        with pytest.raises(FolderUnwritable, match="Permission denied"):
            write_atomically(tmp_path / "a", b"new")
        assert contents(tmp_path) == {"a": b"old"}
    finally:
        tmp_path.chmod(0o700)


def test_other_errors_keep_their_names(tmp_path: Path) -> None:
    from agents.runs.files import writing

    with pytest.raises(MissingData), writing(tmp_path):
        raise MissingData("a file to be read")
    assert issubclass(FolderUnwritable, GlimpseError)


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    for name in ("a", "a.77.partial", "b.78.partial"):
        (tmp_path / name).write_text(name)
    remove_partial(tmp_path)
    assert contents(tmp_path) == {"a": b"a"}
