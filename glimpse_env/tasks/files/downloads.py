"""Data files: where they are looked for, how they are fetched, and how they are checked.

A file is looked for in the folder named by `data_dir`, or else by the environment variable
`GLIMPSE_DATA` (`<folder>/mnist/train-images-idx3-ubyte.gz`, ...). If it is not there, the user's
cache is used, and a file that the cache lacks is downloaded into it. Falling through to the cache
cannot change what is loaded: wherever a file lies, its sha256 is checked before it is used.

Files in a named folder belong to the user and are never written, moved or deleted.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from glimpse_env.errors import CorruptedData, MissingData
from glimpse_env.tasks.files import cache
from glimpse_env.tasks.files.regular import open_regular

DATA_VARIABLE = "GLIMPSE_DATA"
CHUNK_BYTES = 1 << 18


class RemoteFile(NamedTuple):
    """A file that is known down to the last bit."""

    name: str
    size: int  # bytes
    sha256: str


class Source(NamedTuple):
    """The files of one data set and the servers that carry them."""

    folder: str  # below the named folder, and below the user's cache
    mirrors: tuple[str, ...]  # tried in this order; the file's name is appended
    files: tuple[RemoteFile, ...]

    def file(self, name: str) -> RemoteFile:
        """The file of that name."""
        return next(file for file in self.files if file.name == name)


SOURCES: dict[str, Source] = {
    "mnist": Source(
        folder="mnist",
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        files=(
            RemoteFile(
                name="train-images-idx3-ubyte.gz",
                size=9_912_422,
                sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            RemoteFile(
                name="train-labels-idx1-ubyte.gz",
                size=28_881,
                sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            RemoteFile(
                name="t10k-images-idx3-ubyte.gz",
                size=1_648_877,
                sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            RemoteFile(
                name="t10k-labels-idx1-ubyte.gz",
                size=4_542,
                sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
    ),
    # Format 1, whole numbers, "for non-commercial use only". Plain http: the checksum is the guard.
    "svhn": Source(
        folder="svhn",
        mirrors=("http://ufldl.stanford.edu/housenumbers/",),
        files=(
            RemoteFile(
                name="train.tar.gz",
                size=404_141_560,
                sha256="4b17bb33b6cd8f963493168f80143da956f28ec406cc12f8e5745a9f91a51898",
            ),
            RemoteFile(
                name="test.tar.gz",
                size=276_555_967,
                sha256="57ac9ceb530e4aa85b55d991be8fc49c695b3d71c6f6a88afea86549efde7fb5",
            ),
            RemoteFile(
                name="extra.tar.gz",
                size=1_955_489_752,
                sha256="e857e27d1e65bd1e7d3959b094061777f6506bbc39889a0df3bba6a729d60f9c",
            ),
        ),
    ),
}


def find_file(source: Source, name: str, data_dir: str | Path | None = None) -> Path:
    """Return the path of a data file that has just passed its checksum, downloading it if need be.

    Args:
        source: The data set; one of `SOURCES`.
        name: The file's name, as in `source.files`.
        data_dir: Folder that holds `source.folder`; by default the one named by `GLIMPSE_DATA`.

    Returns:
        The path in the named folder, or else in the user's cache.

    Raises:
        MissingData: The file is in no folder and cannot be downloaded.
        CorruptedData: The file in the named folder is not the original.
        CacheUnavailable: The download would not fit on the disk.
    """
    file = source.file(name)
    folder = named_folder(data_dir)
    if folder is None:
        return _download(source, file, [f"no folder named: neither data_dir nor {DATA_VARIABLE}"])
    path = folder / source.folder / file.name
    try:
        found = sha256(path)
    except OSError as error:  # not there, a folder, or not ours to read
        return _download(source, file, [f"{path}: {error.strerror}"])
    if found != file.sha256:
        raise CorruptedData(
            f"{path} ({path.stat().st_size:,} bytes) is not the original file ({file.size:,} bytes)"
            f"\n  expected sha256 {file.sha256}\n  found sha256    {found}\n"
            "Replace the file, or remove it to have the original downloaded to the user's cache."
        )
    return path


def named_folder(data_dir: str | Path | None) -> Path | None:
    """Return the folder that the caller names, or else the environment, or else nobody."""
    folder = data_dir or os.environ.get(DATA_VARIABLE)
    return Path(folder).expanduser().resolve() if folder else None


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _download(source: Source, file: RemoteFile, looked: list[str]) -> Path:
    """Return the file's path in the user's cache, downloading what is missing or damaged there.

    `pooch` writes under a temporary name of its own, checks, then moves: two processes may
    download at once, and a failure leaves nothing behind.
    """
    import pooch

    path = cache.folder() / source.folder / file.name
    looked = [*looked, f"{path}: {'damaged' if os.path.exists(path) else 'not there'}"]
    cache.remove_leftovers(path.parent, "tmp????????")  # pooch's own names
    if not path.is_file():
        cache.require_space(path.parent, file.size, f"Downloading {file.name}")
    for mirror in source.mirrors:
        url = mirror + file.name
        try:
            pooch.retrieve(
                url,
                known_hash=f"sha256:{file.sha256}",
                fname=path.name,
                path=path.parent,
                downloader=pooch.HTTPDownloader(
                    progressbar=True,
                    chunk_size=CHUNK_BYTES,
                    # A server that takes .gz for an encoding would have it unpacked on the way.
                    headers={"Accept-Encoding": "identity"},
                ),
            )
        except (OSError, ValueError) as error:  # network, disk and status; then the checksum
            looked.append(f"{url}: {' '.join(str(error).split())}")
        else:
            return path
    places = "".join(f"\n  {place}" for place in looked)
    raise MissingData(
        f"{file.name} ({file.size:,} bytes) is not on this machine and cannot be downloaded:"
        f"{places}\nTo supply it yourself, put the file with the sha256 {file.sha256} at "
        f"<folder>/{source.folder}/{file.name} and name the folder by data_dir=<folder> or "
        f"{DATA_VARIABLE}=<folder>, or put it at {path}."
    )
