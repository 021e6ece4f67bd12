"""From an archive to crops that are kept, with every fault on the way."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

from benchmarks.svhn_files import contents, digit_struct, some_photos, write_folder
from glimpse_env.errors import CacheUnavailable, CorruptedData, MissingData, MissingPackage
from glimpse_env.tasks.files import cache, downloads
from glimpse_env.tasks.svhn import annotations, prepared
from glimpse_env.tasks.svhn.crops import cut
from glimpse_env.tasks.svhn.prepared import Crops, Look, load_annotations, load_crops
from glimpse_env.tasks.svhn.validation import held_out

PHOTOS = some_photos(12)
FILES = dict(contents(PHOTOS))
GREY = Look(64, "clamp", False)
Archives = Callable[..., Path]
Republish = Callable[..., None]


@pytest.fixture
def named(tmp_path: Path) -> str:
    return str(tmp_path / "named")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where prepared files are kept."""
    return tmp_path / "cache" / "glimpse-env" / "svhn" / "prepared"


def load(named: str | None, split: str = "train", look: Look = GREY, **keywords: Any) -> Crops:
    """Load as a new process would."""
    prepared._load.cache_clear()
    return load_crops(split, look, data_dir=named, **keywords)


def everything(named: str, look: Look = GREY) -> Crops:
    """Crops of all pictures of the archive, held out or not."""
    return prepared._crops(prepared.find_files("train", named), look)


def same(first: Crops, second: Crops) -> None:
    for one, other in zip(first, second, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def below(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# What comes out.


@pytest.mark.parametrize("border", ["clamp", "replicate", "zero"])
@pytest.mark.parametrize("side", [64, 176])
def test_crops_and_labels(archives: Archives, named: str, side: int, border: str) -> None:
    archives()
    color = everything(named, Look(side, border, True))
    grey = everything(named, Look(side, border, False))
    assert color.pixels.shape == (12, 3, side, side) and grey.pixels.shape == (12, 1, side, side)
    assert color.pixels.dtype == np.uint8 and color.digits.dtype == np.int64
    assert color.numbers.tolist() == list(range(1, 13))
    for row, photo in enumerate(PHOTOS):
        coded = np.frombuffer(FILES[photo.name], np.uint8)
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)
        expected = cut(picture, photo.boxes, side, border)
        np.testing.assert_array_equal(color.pixels[row], np.moveaxis(expected, -1, 0))
        weights = np.array([0.299, 0.587, 0.114])
        np.testing.assert_allclose(grey.pixels[row, 0], expected @ weights, atol=0.51)
        padding = [-1] * (5 - len(photo.digits))
        assert grey.digits[row].tolist() == [*photo.digits, *padding]


def test_the_order_of_the_archive_does_not_matter(
    archives: Archives, named: str, kept: Path
) -> None:
    archives()
    first = everything(named)
    archives(files=sorted(FILES.items(), reverse=True))
    same(first, everything(named))
    assert len(below(kept)) == 4  # two archives, two files each


def test_a_folder_gives_the_same_as_its_archive(
    archives: Archives, named: str, tmp_path: Path
) -> None:
    archives()
    write_folder(tmp_path / "unpacked" / "svhn" / "train", FILES.items())
    same(everything(named), everything(str(tmp_path / "unpacked")))


def test_splits(archives: Archives, named: str) -> None:
    archives("train", contents(some_photos(40)))
    archives("test", contents(some_photos(7)))
    archives("extra", contents(some_photos(300)))
    train, validation, test = (load(named, split) for split in ("train", "validation", "test"))
    assert len(train.numbers) + len(validation.numbers) == 40
    assert len(validation.numbers) and not set(train.numbers) & set(validation.numbers)
    assert test.numbers.tolist() == list(range(1, 8))
    more, held = load(named, extra=True), load(named, "validation", extra=True)
    np.testing.assert_array_equal(more.numbers[: len(train.numbers)], train.numbers)
    np.testing.assert_array_equal(more.pixels[: len(train.numbers)], train.pixels)
    beyond = more.numbers[len(train.numbers) :]
    from_train, from_extra = set(held_out("train")[:3333].tolist()), set(held_out("extra").tolist())
    assert from_extra & set(range(301))
    assert beyond.tolist() == [number for number in range(1, 301) if number not in from_extra]
    assert held.numbers.tolist() == [
        *(number for number in range(1, 41) if number in from_train),
        *(number for number in range(1, 301) if number in from_extra),
    ]
    same(load(named, "test", extra=True), test)


def test_parts_with_numbers_of_other_lengths(archives: Archives, named: str) -> None:
    archives("train", contents(some_photos(2)))
    archives("extra", contents(some_photos(5)))
    assert load(named).digits.shape == (2, 2)
    digits = load(named, extra=True).digits
    assert digits.shape == (7, 5)
    assert digits[:2, 2:].tolist() == [[-1] * 3] * 2


# Between runs.


def test_once_prepared_neither_archive_nor_h5py_is_needed(
    archives: Archives, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archives()
    first = load(named)
    assert load_crops("train", GREY, data_dir=named) is load_crops("train", GREY, data_dir=named)
    path.unlink()
    monkeypatch.setitem(sys.modules, "h5py", None)
    same(first, load(named))
    same(first, load(None))


def test_annotations_are_read_once_for_all_looks(
    archives: Archives, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives()
    load(named)
    monkeypatch.setitem(sys.modules, "h5py", None)
    for look in (Look(64, "zero", False), Look(176, "clamp", True)):
        assert len(load(named, look=look).numbers)
    assert len(load_annotations("train", named).digits) == sum(len(p.digits) for p in PHOTOS)


def test_what_is_kept_is_told_apart(archives: Archives, named: str, kept: Path) -> None:
    archives()
    looks = [Look(s, b, c) for s in (64, 66) for b in ("clamp", "zero") for c in (False, True)]
    for look in looks:
        load(named, look=look)
    assert len(below(kept)) == len(looks) + 1


@pytest.mark.parametrize("what", ["crops", "annotations"])
@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "other", "shape", "names", "number"])
def test_what_was_kept_and_is_damaged_is_made_again(
    archives: Archives, named: str, kept: Path, what: str, harm: str
) -> None:
    archives()
    first = everything(named)
    intact = below(kept)
    [path] = kept.glob(f"*-{what}*")
    content = bytearray(path.read_bytes())
    if harm == "flip":
        content[len(content) // 3] ^= 4
    path.write_bytes({"cut": content[:-99], "empty": b"", "other": b"no zip"}.get(harm, content))
    if harm in ("shape", "names", "number"):  # whole, but of something else
        with np.load(io.BytesIO(content)) as arrays:
            others = {name: arrays[name] for name in arrays.files}
        key = next(iter(others))
        others |= {"shape": {key: others[key][:5]}, "number": {key: np.array(3)}}.get(harm, {})
        np.savez(path, **{name + "s" * (harm == "names"): one for name, one in others.items()})
    if what == "annotations":
        next(kept.glob("*-crops*")).unlink()
    same(first, everything(named))
    assert below(kept).keys() == intact.keys()
    with np.load(path) as again:
        assert all(len(again[name]) for name in again.files)


def test_two_processes_may_prepare_at_once(archives: Archives, named: str, kept: Path) -> None:
    path = archives()
    known = downloads.SOURCES["svhn"]
    script = (
        "import sys\n"
        "from glimpse_env.tasks.files import downloads\n"
        "from glimpse_env.tasks.files.downloads import RemoteFile, Source\n"
        "from glimpse_env.tasks.svhn.prepared import Look, load_crops\n"
        f"files = tuple(RemoteFile(*file) for file in {[tuple(file) for file in known.files]!r})\n"
        "downloads.SOURCES['svhn'] = Source('svhn', (), files)\n"
        "print('ready', flush=True); sys.stdin.read(1)\n"
        f"crops = load_crops('train', Look(64, 'clamp', False), data_dir={named!r})\n"
        "print(int(crops.pixels.sum()))\n"
    )
    root = Path(downloads.__file__).parents[3]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("\n")
        racer.stdin.flush()
    sums = {int(racer.communicate()[0]) for racer in racers}
    before = path.read_bytes()
    assert sums == {int(load(named).pixels.sum())}
    assert len(below(kept)) == 2 and path.read_bytes() == before


def test_a_process_that_is_killed_leaves_nothing_half_done(
    archives: Archives, named: str, kept: Path
) -> None:
    archives()
    known = downloads.SOURCES["svhn"]
    script = (
        "import os\n"
        "from glimpse_env.tasks.files import downloads\n"
        "from glimpse_env.tasks.files.downloads import RemoteFile, Source\n"
        "from glimpse_env.tasks.svhn.prepared import Look, load_crops\n"
        f"files = tuple(RemoteFile(*file) for file in {[tuple(file) for file in known.files]!r})\n"
        "downloads.SOURCES['svhn'] = Source('svhn', (), files)\n"
        "os.replace = lambda *paths: os.kill(os.getpid(), 9)\n"
        f"load_crops('train', Look(64, 'clamp', False), data_dir={named!r})\n"
    )
    root = Path(downloads.__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", script], cwd=root, check=False).returncode == -9
    assert [*kept.glob("train-*")] == []
    assert len(load(named).numbers)
    assert len([*kept.glob("train-*")]) == 2


# Downloads.


def test_a_split_downloads_what_it_needs(
    archives: Archives, mirror: Any, tmp_path: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part, count in (("train", 12), ("test", 3), ("extra", 9)):
        path = archives(part, contents(some_photos(count)), mirrors=(mirror.url("good"),))
        mirror.files[path.name] = path.read_bytes()
        path.unlink()
    assert len(load(None, "test").numbers) == 3
    assert len(mirror.asked) == 1 and "100%" in capsys.readouterr().err
    load(None, "train"), load(None, "validation")
    assert len(mirror.asked) == 2
    load(None, "train", extra=True)
    assert len(mirror.asked) == 3
    assert {path.name for path in kept.parent.glob("*.gz")} == set(mirror.files)


@pytest.mark.parametrize("fault", ["missing", "cut", "altered"])
def test_a_download_that_fails(archives: Archives, mirror: Any, kept: Path, fault: str) -> None:
    path = archives(mirrors=(mirror.url(fault),))
    mirror.files[path.name] = path.read_bytes()
    path.unlink()
    with pytest.raises(MissingData, match=r"train\.tar\.gz.*cannot be downloaded"):
        load(None)
    assert below(kept.parent) == {}


def test_h5py_is_asked_for_before_the_download(
    archives: Archives, mirror: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archives(mirrors=(mirror.url("good"),))
    mirror.files[path.name] = path.read_bytes()
    path.unlink()
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingPackage, match="pip install h5py"):
        load(None)
    assert mirror.asked == []


# Files that are not what they must be.


def test_an_archive_with_another_checksum(archives: Archives, named: str, kept: Path) -> None:
    path = archives()
    damaged = path.read_bytes()[:-1] + b"!"
    path.write_bytes(damaged)
    with pytest.raises(CorruptedData, match="is not the original file") as raised:
        load(named)
    assert str(path) in str(raised.value) and "Replace the file" in str(raised.value)
    assert path.read_bytes() == damaged
    assert below(kept) == {}


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", FILES["5.png"][:60], FILES["5.png"][: len(FILES["5.png"]) // 2]]
)
def test_a_picture_that_cannot_be_read(
    archives: Archives, named: str, kept: Path, content: bytes
) -> None:
    path = archives(files=(FILES | {"5.png": content}).items())
    before = path.read_bytes()
    with pytest.raises(CorruptedData, match=rf"5\.png \({len(content):,} bytes\) is no readable"):
        load(named)
    assert path.read_bytes() == before
    assert [name.split("-")[2] for name in below(kept)] == ["annotations"]
    archives()
    assert len(load(named).numbers)


def test_annotations_that_cannot_be_read(archives: Archives, named: str, kept: Path) -> None:
    path = archives(files=(FILES | {"digitStruct.mat": b"MATLAB 5.0"}).items())
    with pytest.raises(CorruptedData, match=r"digitStruct\.mat is no MATLAB 7\.3") as raised:
        load(named)
    assert str(path) in str(raised.value)
    assert below(kept) == {}


def test_annotations_of_a_picture_that_is_missing(
    archives: Archives, named: str, kept: Path
) -> None:
    mat = digit_struct(some_photos(13))
    archives(files=(FILES | {"digitStruct.mat": mat}).items())
    with pytest.raises(CorruptedData, match=r"lacks train/13\.png"):
        load(named)
    assert [name.split("-")[2] for name in below(kept)] == ["annotations"]


# A cache that cannot be written.


class Usage(NamedTuple):
    free: int


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the disk have so many bytes free."""
    return lambda free: monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(free))


def test_no_room_for_the_download(
    archives: Archives, mirror: Any, tmp_path: Path, room: Callable[[int], None]
) -> None:
    path = archives(mirrors=(mirror.url("good"),))
    size = path.stat().st_size
    mirror.files[path.name] = path.read_bytes()
    path.unlink()
    room(size - 1)
    message = rf"Downloading train\.tar\.gz needs {size:,} bytes in .*, where {size - 1:,} are free"
    with pytest.raises(CacheUnavailable, match=message) as raised:
        load(None)
    assert "XDG_CACHE_HOME" in str(raised.value)
    assert mirror.asked == [] and below(tmp_path) == {}


def test_no_room_for_the_annotations(
    archives: Archives, named: str, kept: Path, room: Callable[[int], None]
) -> None:
    archives()
    room(1000)
    needed = f"{len(FILES['digitStruct.mat']):,}"
    with pytest.raises(CacheUnavailable, match=f"digitStruct.mat needs {needed} bytes.*1,000 are"):
        load(named)
    assert below(kept) == {}


def test_no_room_for_the_crops(
    archives: Archives,
    named: str,
    kept: Path,
    room: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archives()
    load_annotations("train", named)
    room(12 * 64 * 64 - 1)
    monkeypatch.setattr(prepared, "_cut_each", None)  # which is not begun
    with pytest.raises(CacheUnavailable, match=r"needs 49,152 bytes .* where 49,151 are free"):
        load(named)
    assert len(below(kept)) == 1


@pytest.fixture
def full_after_all(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The disk fills up while arrays are being written."""

    def savez(stream: Any, **arrays: Any) -> None:
        stream.write(b"PK and so on")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", savez)
    yield


@pytest.mark.usefixtures("full_after_all")
def test_a_disk_that_is_full_after_all(archives: Archives, named: str, kept: Path) -> None:
    path = archives()
    before = path.read_bytes()
    with pytest.raises(CacheUnavailable, match=r"No space left on device.*XDG_CACHE_HOME"):
        load(named)
    assert below(kept) == {} and path.read_bytes() == before


def test_a_cache_that_is_no_folder(archives: Archives, named: str, kept: Path) -> None:
    archives()
    kept.parent.mkdir(parents=True)
    kept.write_text("a file")
    with pytest.raises(CacheUnavailable, match="prepared cannot be written"):
        load(named)
    assert kept.read_text() == "a file"


def test_an_interrupt_leaves_nothing(
    archives: Archives, named: str, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives()

    def interrupt(*paths: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cache.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load(named)
    assert below(kept) == {}


def test_reading_does_not_load_h5py_at_import() -> None:
    assert "h5py" not in vars(annotations)


def test_prepared_files_are_readable_for_all_who_share_the_cache(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        cache.save(tmp_path / "kept.npz", {"numbers": np.arange(3)})
    finally:
        os.umask(before)
    assert (tmp_path / "kept.npz").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["kept.npz"]


def test_a_cache_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "kept.npz").touch()
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CacheUnavailable, match="cannot be read"):
        cache.load(tmp_path / "kept.npz")
