"""MNIST from disk, from the cache and from (loopback) mirrors, with every fault on the way."""

from __future__ import annotations

import gzip
import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glimpse_env.errors import CorruptedData, InvalidArgument, MissingData
from glimpse_env.tasks.files import downloads
from glimpse_env.tasks.files.downloads import RemoteFile, Source, find_file
from glimpse_env.tasks.mnist.digits import load_mnist

NAME = "train-images-idx3-ubyte.gz"
GOOD = bytes(range(256)) * 3000  # several chunks
FILE = RemoteFile(NAME, len(GOOD), hashlib.sha256(GOOD).hexdigest())
Mirror = Any  # a server on the loopback, from conftest
FAULTS = ("missing", "cut", "altered", "empty", "longer", "error")


@pytest.fixture
def mirror(mirror: Mirror) -> Mirror:
    mirror.files = {NAME: GOOD}
    return mirror


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "glimpse-env" / "mnist"


def source(*mirrors: str) -> Source:
    return Source("mnist", mirrors, (FILE,))


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def put(folder: Path, content: bytes) -> Path:
    path = folder / "mnist" / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# Downloads.


def test_a_download_is_verified_and_kept(
    mirror: Mirror, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        path = find_file(source(mirror.url("good")), NAME)
        assert path == cache / NAME
        assert path.read_bytes() == GOOD
    assert mirror.asked == ["good"]
    assert files_below(cache) == [path]
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_download_leaves_nothing_behind(
    mirror: Mirror, cache: Path, tmp_path: Path, fault: str
) -> None:
    named = tmp_path / "named"
    first, second = mirror.url(fault), mirror.url("missing")
    with pytest.raises(MissingData) as raised:
        find_file(source(first, second), NAME, named)
    assert mirror.asked == [fault, "missing"]
    assert files_below(tmp_path) == []
    for told in (
        f"{named / 'mnist' / NAME}: No such file",
        f"{cache / NAME}: not there",
        f"{first}{NAME}: ",
        f"{second}{NAME}: 404",
        FILE.sha256,
        "GLIMPSE_DATA=",
        "data_dir=",
    ):
        assert told in str(raised.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_mirror_is_tried(mirror: Mirror, cache: Path, fault: str) -> None:
    path = find_file(source(mirror.url(fault), mirror.url("good")), NAME)
    assert mirror.asked == [fault, "good"]
    assert path.read_bytes() == GOOD
    assert files_below(cache) == [path]


def test_no_network(tmp_path: Path, mirror: Mirror) -> None:
    with type(mirror)() as closed:
        url = closed.url("good")
    with pytest.raises(MissingData, match="refused"):
        find_file(source(url), NAME)
    assert files_below(tmp_path) == []


def test_a_damaged_cache_is_downloaded_again(mirror: Mirror, cache: Path) -> None:
    put(cache.parent, GOOD[:-1])
    assert find_file(source(mirror.url("good")), NAME).read_bytes() == GOOD
    assert files_below(cache) == [cache / NAME]


def test_a_damaged_cache_is_not_used_when_it_cannot_be_downloaded(
    mirror: Mirror, cache: Path
) -> None:
    put(cache.parent, GOOD[:-1])
    with pytest.raises(MissingData, match="damaged"):
        find_file(source(mirror.url("missing")), NAME)


def test_a_cache_that_cannot_be_written(mirror: Mirror, cache: Path) -> None:
    cache.parent.parent.mkdir()
    cache.parent.write_text("a file where the folder should be")
    with pytest.raises(MissingData, match="glimpse-env"):
        find_file(source(mirror.url("good")), NAME)


def test_two_processes_may_download_at_once(mirror: Mirror, cache: Path) -> None:
    script = (
        "from glimpse_env.tasks.files.downloads import RemoteFile, Source, find_file\n"
        f"file = RemoteFile(*{tuple(FILE)!r})\n"
        f"print(find_file(Source('mnist', ({mirror.url('together')!r},), (file,)), file.name))\n"
    )
    root = Path(downloads.__file__).parents[3]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root
        )
        for _ in range(2)
    ]
    assert [racer.communicate()[0].strip() for racer in racers] == [str(cache / NAME)] * 2
    assert mirror.asked == ["together"] * 2
    assert (cache / NAME).read_bytes() == GOOD
    assert files_below(cache) == [cache / NAME]


def test_tests_stay_on_this_machine() -> None:
    for host in ("example.org", "192.0.2.1"):
        with pytest.raises(pytest.fail.Exception, match=host):
            socket.create_connection((host, 80), timeout=1)
    with socket.socket() as unconnected, pytest.raises(pytest.fail.Exception, match=r"192\.0"):
        unconnected.connect(("192.0.2.1", 80))


# Folders.


def test_the_variable_names_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "named", GOOD)
    monkeypatch.setenv("GLIMPSE_DATA", str(tmp_path / "named"))
    assert find_file(source(), NAME) == path


def test_the_argument_beats_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "variable", GOOD)
    path = put(tmp_path / "argument", GOOD)
    monkeypatch.setenv("GLIMPSE_DATA", str(tmp_path / "variable"))
    assert find_file(source(), NAME, str(tmp_path / "argument")) == path


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    path = put(tmp_path / "named", GOOD)
    assert find_file(source(), NAME, "~/named") == path


def test_an_empty_variable_names_nothing(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, GOOD)
    monkeypatch.setenv("GLIMPSE_DATA", "")
    with pytest.raises(MissingData, match="no folder named"):
        find_file(source(), NAME)


def test_a_file_not_in_the_folder_comes_from_the_cache(
    tmp_path: Path, mirror: Mirror, cache: Path
) -> None:
    path = find_file(source(mirror.url("good")), NAME, tmp_path / "nowhere")
    assert path == cache / NAME
    assert not (tmp_path / "nowhere").exists()


def test_a_damaged_file_of_the_users_is_reported_and_kept(tmp_path: Path, mirror: Mirror) -> None:
    damaged = GOOD[:-1] + b"!"
    path = put(tmp_path, damaged)
    with pytest.raises(CorruptedData) as raised:
        find_file(source(mirror.url("good")), NAME, tmp_path)
    for told in (str(path), FILE.sha256, hashlib.sha256(damaged).hexdigest(), "Replace"):
        assert told in str(raised.value)
    assert path.read_bytes() == damaged
    assert mirror.asked == []


# Digits.


@pytest.mark.parametrize("split", ["extra", "Train", "", None, 0])
def test_unknown_split(split: object) -> None:
    with pytest.raises(InvalidArgument, match=r"'train', 'validation', 'test'"):
        load_mnist(split)  # type: ignore[arg-type]


def test_synthetic_digits_look_like_mnist(synthetic_mnist: Path) -> None:
    for split, count in (("train", 50_000), ("validation", 10_000), ("test", 10_000)):
        digits = load_mnist(split)
        assert digits.images.shape == (count, 28, 28)
        assert digits.images.dtype == np.uint8
        assert digits.labels.shape == (count,)
        assert digits.labels.dtype == np.int64
        assert set(digits.labels[:100].tolist()) == set(range(10))
        assert digits.images[:100].any(axis=(1, 2)).all()


def test_splits_are_cached_and_read_only(synthetic_mnist: Path) -> None:
    digits = load_mnist("test")
    assert load_mnist("test", str(synthetic_mnist)) is digits
    for array in digits:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_only_the_files_of_the_split_are_needed(
    synthetic_files: tuple[Path, Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, table = synthetic_files
    monkeypatch.setitem(downloads.SOURCES, "mnist", table)
    (tmp_path / "mnist").mkdir()
    for path in folder.glob("mnist/t10k-*"):
        os.link(path, tmp_path / "mnist" / path.name)
    assert len(load_mnist("test", str(tmp_path)).labels) == 10_000
    with pytest.raises(MissingData, match="train-images"):
        load_mnist("train", str(tmp_path))


def labels_file(magic: int = 0x0801, count: int = 10_000, values: bytes = bytes(10_000)) -> bytes:
    return gzip.compress(np.array([magic, count], dtype=">u4").tobytes() + values, mtime=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (labels_file(magic=0x0803), "starts with 00000803 00002710, not 00000801 00002710"),
        (labels_file(magic=0x0901), "starts with"),
        (labels_file(count=9_999), "starts with"),
        (labels_file(values=bytes(9_999)), "holds 9,999 bytes, not 10,000"),
        (labels_file(values=bytes(10_001)), "holds 10,001 bytes, not 10,000"),
        (labels_file(values=bytes(9_999) + b"\x0a"), "holds the label 10"),
        (gzip.compress(b"", mtime=0), "starts with"),
        (b"", "starts with"),
        (b"not a gzip file", "cannot be unpacked"),
        (labels_file()[:-9], "cannot be unpacked"),
        (labels_file()[:20] + b"\xff" * 20, "cannot be unpacked"),
    ],
    ids=[
        "images",
        "other type",
        "other count",
        "too short",
        "too long",
        "no digit",
        "empty inside",
        "empty",
        "text",
        "cut",
        "damaged",
    ],
)
def test_the_format_is_checked(
    synthetic_files: tuple[Path, Source],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    message: str,
) -> None:
    folder, table = synthetic_files
    (tmp_path / "mnist").mkdir()
    images = next(file for file in table.files if file.name.startswith("t10k-images"))
    os.link(folder / "mnist" / images.name, tmp_path / "mnist" / images.name)
    name = "t10k-labels-idx1-ubyte.gz"
    (tmp_path / "mnist" / name).write_bytes(content)
    labels = RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(downloads.SOURCES, "mnist", table._replace(files=(images, labels)))
    with pytest.raises(CorruptedData, match=message):
        load_mnist("test", str(tmp_path))


@pytest.mark.requires_mnist
def test_the_real_digits() -> None:
    train, validation, test = (load_mnist(split) for split in ("train", "validation", "test"))
    assert [len(digits.images) for digits in (train, validation, test)] == [50_000, 10_000, 10_000]
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    # The published counts of each class over the whole training file.
    counts = np.bincount(train.labels) + np.bincount(validation.labels)
    assert counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    # The published mean of the training pixels; MNIST holds no digit twice.
    images = np.concatenate([train.images, validation.images])
    assert images.mean() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert len({image.tobytes() for image in images}) == 60_000


# Weight.


def test_importing_the_module_is_light() -> None:
    script = (
        "import sys, glimpse_env.tasks.files.downloads\n"
        "heavy = {'pooch', 'requests', 'tqdm', 'cv2', 'torch', 'h5py'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    root = Path(downloads.__file__).parents[3]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)
