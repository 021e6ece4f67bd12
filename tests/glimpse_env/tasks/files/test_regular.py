from __future__ import annotations

import os
from pathlib import Path

import pytest

from glimpse_env.tasks.files.regular import read_regular


def test_content_or_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "file") == read_regular(tmp_path / "link") == b"content"
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (
        ("pipe", "Not a regular file"),
        (".", "Is a directory"),
        ("nothing", "No such file"),
        ("a\0b", "Not a name of a file"),
        ("\ud800", "Not a name of a file"),
    ):
        with pytest.raises(OSError) as caught:
            read_regular(tmp_path / name)
        assert reason in str(caught.value.strerror)
