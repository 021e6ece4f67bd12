"""Files are found as a label file names them, and no picture is in two splits."""

from __future__ import annotations

import os
import shutil
import unicodedata
import warnings
from pathlib import Path

import pytest

from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.own_images.disk_names import DiskNames, Placed, check_doubles
from glimpse_env.tasks.own_images.label_file import LabelledFile

NAME = "caf\u00e9/\u00fcber.png"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_either_normal_form_are_found(form: str, tmp_path: Path) -> None:
    on_disk = tmp_path / unicodedata.normalize(form, NAME)  # type: ignore[arg-type]
    on_disk.parent.mkdir()
    on_disk.write_bytes(b"here")
    names = DiskNames(tmp_path)
    assert names.find(NAME).read_bytes() == b"here"
    assert not names.find("caf\u00e9/other.png").exists()
    assert not names.find("nowhere/other.png").exists()


def placed(folder: Path, **splits: str) -> list[Placed]:
    """Files `name.png` in these splits, one a line from line 2 on."""
    files = [
        LabelledFile(line, f"{name}.png", (1,), split)
        for line, (name, split) in enumerate(splits.items(), start=2)
    ]
    return [(file, folder / file.name) for file in files]


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_one_file_in_two_splits_is_refused(link: object, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    (tmp_path / "c.png").write_bytes(b"another")
    assert callable(link)
    link(tmp_path / "a.png", tmp_path / "b.png")
    table = Path("labels.csv")
    message = r"labels.csv, line 4: b.png \(test\) is the same file as a.png \(train\) in line 2"
    with pytest.raises(InvalidArgument, match=message):
        check_doubles(table, placed(tmp_path, a="train", c="train", b="test"))
    check_doubles(table, placed(tmp_path, a="train", c="test", b="train"))


def test_one_content_in_two_splits_is_warned_of(tmp_path: Path) -> None:
    size = 20_000
    (tmp_path / "a.png").write_bytes(bytes(size))
    for name in ("b", "c", "d"):
        shutil.copy(tmp_path / "a.png", tmp_path / f"{name}.png")
    # Neither the size nor the ends tell this one from the others.
    (tmp_path / "e.png").write_bytes(bytes(size // 2) + b"1" + bytes(size // 2 - 1))
    table = Path("labels.csv")
    files = placed(tmp_path, a="train", b="validation", c="train", d="test", e="test", gone="test")
    message = r"a.png in line 2 \(train\) and b.png in line 3 \(validation\).*\(and 1 more\)"
    with pytest.warns(UserWarning, match=message):
        check_doubles(table, files)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_doubles(table, [files[0], files[2], files[4], files[5]])


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("a", "b"):
        os.mkfifo(tmp_path / f"{name}.png")
    check_doubles(Path("labels.csv"), placed(tmp_path, a="train", b="test"))
