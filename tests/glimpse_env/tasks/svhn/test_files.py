"""Archives and unpacked folders: what is found, what is refused, and that nothing is written."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.svhn_files import contents, png, some_photos, write_archive, write_folder
from glimpse_env.errors import CorruptedData, MissingData
from glimpse_env.tasks.svhn.files import Archive, UnpackedFolder, find_files

PHOTOS = some_photos(4)
NAMES = [photo.name for photo in PHOTOS]
FILES = dict(contents(PHOTOS))
Archives = Callable[..., Path]
Republish = Callable[..., None]


def named(tmp_path: Path) -> str:
    return str(tmp_path / "named")


def scratch_of(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "scratch"


def files_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_archive_is_read_without_being_unpacked(archives: Archives, tmp_path: Path) -> None:
    archives(files=FILES.items())
    before = files_below(tmp_path)
    files = find_files("train", named(tmp_path))
    assert isinstance(files, Archive)
    with files.digit_struct(scratch_of(tmp_path)) as stream:
        assert stream.read() == FILES["digitStruct.mat"]
    assert dict(files.pictures(NAMES)) == {name: FILES[name] for name in NAMES}
    assert files_below(tmp_path) == before


def test_a_folder_is_read(tmp_path: Path) -> None:
    write_folder(tmp_path / "named" / "svhn" / "train", FILES.items())
    before = files_below(tmp_path)
    files = find_files("train", named(tmp_path))
    assert isinstance(files, UnpackedFolder)
    with files.digit_struct(scratch_of(tmp_path)) as stream:
        assert stream.read() == FILES["digitStruct.mat"]
    assert dict(files.pictures(NAMES)) == {name: FILES[name] for name in NAMES}
    assert files_below(tmp_path) == before


def test_the_archive_that_can_be_verified_comes_first(archives: Archives, tmp_path: Path) -> None:
    write_folder(tmp_path / "named" / "svhn" / "train", FILES.items())
    assert isinstance(find_files("train", named(tmp_path)), UnpackedFolder)
    archives(files=FILES.items())
    assert isinstance(find_files("train", named(tmp_path)), Archive)


def test_a_folder_without_annotations_is_none(tmp_path: Path) -> None:
    (tmp_path / "named" / "svhn" / "train").mkdir(parents=True)
    assert isinstance(find_files("train", named(tmp_path)), Archive)
    assert isinstance(find_files("train", None), Archive)


def test_the_variable_names_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "named" / "svhn" / "test", FILES.items())
    monkeypatch.setenv("GLIMPSE_DATA", named(tmp_path))
    assert isinstance(find_files("test"), UnpackedFolder)
    assert isinstance(find_files("train"), Archive)


def test_finding_reads_and_downloads_nothing(tmp_path: Path) -> None:
    for part in ("train", "test", "extra"):
        assert len(find_files(part, named(tmp_path)).key) == 16
    assert not (tmp_path / "named").exists()


def test_keys_tell_apart(archives: Archives, tmp_path: Path) -> None:
    folder = tmp_path / "named" / "svhn" / "train"
    write_folder(folder, FILES.items())

    def key() -> str:
        return find_files("train", named(tmp_path)).key

    keys = [key()]
    assert key() == keys[0]
    (folder / "2.png").write_bytes(FILES["3.png"])
    keys.append(key())
    os.utime(folder / "1.png", ns=(1, 1))
    keys.append(key())
    (folder / "digitStruct.mat").write_bytes(FILES["digitStruct.mat"] + b"\0")
    keys.append(key())
    (folder / "4.png").unlink()
    keys.append(key())
    archives(files=FILES.items())
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_a_picture_that_is_not_in_the_archive(archives: Archives, tmp_path: Path) -> None:
    path = archives(files=[item for item in FILES.items() if item[0] not in ("2.png", "3.png")])
    before = path.read_bytes()
    files = find_files("train", named(tmp_path))
    with pytest.raises(CorruptedData, match=r"lacks train/2\.png and 1 more of the 4") as raised:
        dict(files.pictures(NAMES))
    assert str(path) in str(raised.value)
    assert path.read_bytes() == before


def test_a_picture_that_is_not_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "named" / "svhn" / "train"
    write_folder(folder, FILES.items())
    (folder / "3.png").unlink()
    with pytest.raises(MissingData, match=r"3\.png.*No such file.*Unpack train\.tar\.gz again"):
        dict(find_files("train", named(tmp_path)).pictures(NAMES))


def test_an_archive_without_annotations(archives: Archives, tmp_path: Path) -> None:
    path = archives(files=[("1.png", FILES["1.png"])])
    with pytest.raises(CorruptedData, match=r"has no train/digitStruct\.mat") as raised:
        find_files("train", named(tmp_path)).digit_struct(scratch_of(tmp_path))
    assert str(path) in str(raised.value)


def read_all(tmp_path: Path) -> None:
    files = find_files("train", named(tmp_path))
    files.digit_struct(scratch_of(tmp_path)).close()
    dict(files.pictures(NAMES))


@pytest.mark.parametrize("part", [0.0, 0.02, 0.3, 0.6, 0.97])
def test_an_archive_that_is_cut_short(
    archives: Archives, republish: Republish, tmp_path: Path, part: float
) -> None:
    """Even one whose checksum is that of the cut file."""
    path = archives(files=FILES.items())
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    republish(path)
    with pytest.raises(CorruptedData) as raised:
        read_all(tmp_path)
    assert str(path) in str(raised.value)
    assert [*tmp_path.joinpath("cache").rglob("*.*")] == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        gzip.compress(b"no archive", mtime=0),
        gzip.compress(bytes(100), mtime=0)[:-9] + b"x" * 9,
    ],
    ids=["empty", "text", "compressed text", "wrong checksum"],
)
def test_what_is_no_archive(
    archives: Archives, republish: Republish, tmp_path: Path, content: bytes
) -> None:
    path = archives(files=FILES.items())
    path.write_bytes(content)
    republish(path)
    with pytest.raises(CorruptedData, match=r"cannot be unpacked|has no train/digitStruct"):
        read_all(tmp_path)
    assert path.read_bytes() == content


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "stranger",
    [
        member("../x"),
        member("train/../../x"),
        member("/etc/x"),
        member("train/5.png", tarfile.SYMTYPE, "/etc/passwd"),
        member("train/5.png", tarfile.SYMTYPE, "1.png"),
        member("train/5.png", tarfile.LNKTYPE, "train/1.png"),
        member("train/5.png", tarfile.FIFOTYPE),
        member("train/5.png", tarfile.CHRTYPE),
        member("../train", tarfile.DIRTYPE),
    ],
    ids=lambda stranger: f"{stranger.name}-{stranger.type.decode()}",
)
def test_a_member_that_reaches_out(
    archives: Archives, republish: Republish, tmp_path: Path, stranger: tarfile.TarInfo
) -> None:
    path = archives(files=FILES.items())
    plain = gzip.decompress(path.read_bytes())
    extra = io.BytesIO()
    with tarfile.open(fileobj=extra, mode="w") as archive:
        archive.addfile(stranger)
    path.write_bytes(gzip.compress(extra.getvalue()[:512] + plain, mtime=0))
    republish(path)
    before = files_below(tmp_path)
    with pytest.raises(CorruptedData, match="link or reaches out of its folder") as raised:
        read_all(tmp_path)
    assert repr(stranger.name) in str(raised.value) and str(path) in str(raised.value)
    assert files_below(tmp_path) == before


def test_other_files_are_passed_over(archives: Archives, tmp_path: Path) -> None:
    """The originals hold a MATLAB script too; nor is a picture of another folder one of ours."""
    path = archives(files=[("see_bboxes.m", b"%"), *FILES.items(), ("99.png", png(PHOTOS[0]))])
    write_archive(tmp_path / "other.tar.gz", [("1.png", b"another")])
    content = gzip.decompress((tmp_path / "other.tar.gz").read_bytes())[: 3 * 512]
    path.write_bytes(gzip.compress(content + gzip.decompress(path.read_bytes()), mtime=0))
    files = Archive("train", find_files("train").source, None)  # type: ignore[attr-defined]
    files.__dict__["path"] = path
    assert dict(files.pictures(NAMES)) == {name: FILES[name] for name in NAMES}


def test_names_may_begin_with_a_dot(
    archives: Archives, republish: Republish, tmp_path: Path
) -> None:
    path = archives(files=FILES.items())
    with tarfile.open(path, "w:gz") as archive:
        for name, content in FILES.items():
            info = member(f"./train/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    republish(path)
    files = find_files("train", named(tmp_path))
    assert dict(files.pictures(NAMES)) == {name: FILES[name] for name in NAMES}
