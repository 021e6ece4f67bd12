"""The files of SVHN: three archives, or the folders that were unpacked from them."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from glimpse_env.errors import CorruptedData, MissingData
from glimpse_env.tasks.files import cache
from glimpse_env.tasks.files.downloads import SOURCES, Source, find_file, named_folder, sha256
from glimpse_env.tasks.files.regular import read_regular

PARTS = ("train", "test", "extra")
MAT = "digitStruct.mat"
_KEY_LENGTH = 16  # hexadecimal digits


class Files(Protocol):
    """The pictures of a part of SVHN and the file that annotates them."""

    @property
    def part(self) -> str:
        """One of `PARTS`."""

    @property
    def key(self) -> str:
        """Differs where the content differs; known without reading an archive."""

    @property
    def place(self) -> str:
        """What messages call it; no more than a name until the files are needed."""

    def digit_struct(self, scratch: Path) -> IO[bytes]:
        """The content of `digitStruct.mat`; may use a nameless file in the folder `scratch`."""

    def pictures(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Name and content of each of these files, in any order."""


def find_files(part: str, data_dir: str | None = None) -> Files:
    """Say where a part of SVHN is, without reading or downloading it yet.

    Args:
        part: "train", "test" or "extra".
        data_dir: Folder with `svhn/<part>.tar.gz`, or else with `svhn/<part>/digitStruct.mat` and
            its pictures; by default the one named by `GLIMPSE_DATA`. Where it has neither, the
            archive is looked for in the user's cache and at last downloaded.
    """
    source, name = SOURCES["svhn"], f"{part}.tar.gz"
    folder = named_folder(data_dir)
    if folder:
        unpacked = folder / source.folder / part
        if not unpacked.with_name(name).exists() and (unpacked / MAT).is_file():
            return UnpackedFolder(part, unpacked, _fingerprint(unpacked))
    return Archive(part, source, folder)


@dataclass(frozen=True)
class Archive:
    """An archive that is verified, after a download if need be, when it is first read."""

    part: str
    source: Source
    folder: Path | None

    @property
    def name(self) -> str:
        """The name of the file."""
        return f"{self.part}.tar.gz"

    @property
    def key(self) -> str:
        """See Files: from the checksum that the archive must have."""
        return self.source.file(self.name).sha256[:_KEY_LENGTH]

    @property
    def place(self) -> str:
        """See Files."""
        return str(self.path)

    @functools.cached_property
    def path(self) -> Path:
        """The archive on disk, just verified.

        Raises:
            MissingData: It is nowhere and cannot be downloaded.
            CorruptedData: The one in the named folder is not the original.
            CacheUnavailable: There is no room to download it.
        """
        return find_file(self.source, self.name, self.folder)

    def digit_struct(self, scratch: Path) -> IO[bytes]:
        """See Files: HDF5 must be able to seek, so the content goes to a file without a name.

        Raises:
            CorruptedData: The archive cannot be unpacked or has no such file.
            CacheUnavailable: There is no room for it.
        """
        path = self.path
        with cache.writing(scratch), _unpacking(path) as archive:
            for name, member in _regular_files(archive, path):
                if name == f"{self.part}/{MAT}":
                    cache.require_space(scratch, member.size, f"Unpacking {MAT}")
                    return _copied(_content(archive, member), scratch)
        raise CorruptedData(f"{path} has no {self.part}/{MAT}; remove it to have it fetched anew.")

    def pictures(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """See Files.

        Raises:
            CorruptedData: The archive cannot be unpacked or lacks a picture.
        """
        missing = {f"{self.part}/{name}" for name in names}
        with _unpacking(self.path) as archive:
            for name, member in _regular_files(archive, self.path):
                if name in missing:
                    missing.remove(name)
                    yield PurePosixPath(name).name, _content(archive, member).read()
        if missing:
            raise CorruptedData(
                f"{self.path} lacks {min(missing)} and {len(missing) - 1} more of the "
                f"{len(names)} pictures that its {MAT} names; remove it to have it fetched anew."
            )


@dataclass(frozen=True)
class UnpackedFolder:
    """The files of an archive, unpacked by the user: read, never written."""

    part: str
    path: Path
    key: str

    @property
    def place(self) -> str:
        """See Files."""
        return str(self.path)

    def digit_struct(self, scratch: Path) -> IO[bytes]:
        """See Files."""
        return (self.path / MAT).open("rb")

    def pictures(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """See Files.

        Raises:
            MissingData: A picture is not there.
        """
        for name in names:
            try:
                yield name, read_regular(self.path / name)
            except OSError as error:
                raise MissingData(
                    f"{self.path / name}, which {MAT} names, cannot be read: {error.strerror}. "
                    f"Unpack {self.part}.tar.gz again, or put the archive itself at "
                    f"{self.path}.tar.gz."
                ) from error


def _fingerprint(folder: Path) -> str:
    """What changes when a file of the folder does: the annotations, and each picture's state.

    Raises:
        MissingData: A file cannot be read.
    """
    try:
        digest = hashlib.sha256(sha256(folder / MAT).encode())
        for path in sorted(folder.glob("*.png")):
            state = path.stat()
            digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    except OSError as error:
        raise MissingData(f"{error.filename} cannot be read: {error.strerror}") from error
    return digest.hexdigest()[:_KEY_LENGTH]


@contextlib.contextmanager
def _unpacking(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:gz") as archive:
            yield archive
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise CorruptedData(
            f"{path} cannot be unpacked: {error}. Remove it to have it fetched anew."
        ) from error


def _regular_files(archive: tarfile.TarFile, path: Path) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """The files of an archive; one that reaches out of its folder is no archive of SVHN."""
    for member in archive:
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
            raise CorruptedData(
                f"{path} holds {member.name!r}, which is a link or reaches out of its folder: this "
                "is not the original archive. Remove it to have it fetched anew."
            )
        if member.isfile():
            yield str(name), member  # "train/1.png" for "./train/1.png" too


def _copied(content: IO[bytes], folder: Path) -> IO[bytes]:
    """A copy in a file without a name, which is gone when it is closed or the process dies."""
    stream = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (the caller closes it)
    try:
        shutil.copyfileobj(content, stream)
        stream.seek(0)
    except BaseException:
        stream.close()
        raise
    return stream


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    assert stream is not None  # it is a regular file
    return stream
