"""Data files: where they are looked for, how they are fetched, and how they are checked.

A file is looked for in the folder named by `data_dir`, or else by the environment variable
`GLIMPSE_DATA` (`<folder>/mnist/train-images-idx3-ubyte.gz`, ...). If it is not there, the user's
cache is used, and a file that the cache lacks is downloaded into it. Falling through to the cache
cannot change what is loaded: wherever a file lies, its sha256 is checked before it is used.

Files in a named folder belong to the user and are never written, moved or deleted.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse_env import cache
from glimpse_env.errors import CorruptedData, InvalidArgument, MissingData

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


class Digits(NamedTuple):
    """Digits and their classes, both read-only."""

    images: NDArray[np.uint8]  # (M, 28, 28)
    labels: NDArray[np.int64]  # (M,)


class DigitSplit(NamedTuple):
    """Which rows of which pair of files make up a split."""

    prefix: str  # of both file names
    total: int  # digits in the file
    start: int
    stop: int


MNIST_SPLITS: dict[str, DigitSplit] = {
    "train": DigitSplit("train", total=60_000, start=0, stop=50_000),
    "validation": DigitSplit("train", total=60_000, start=50_000, stop=60_000),
    "test": DigitSplit("t10k", total=10_000, start=0, stop=10_000),
}


def load_mnist(split: str, data_dir: str | None = None) -> Digits:
    """Load the MNIST digits of one split, fetching only the files that it needs.

    Args:
        split: "train" (the first 50,000 training digits), "validation" (the last 10,000 of the
            training file) or "test" (the 10,000 test digits).
        data_dir: Folder that holds `mnist/`; by default the one named by `GLIMPSE_DATA`, if any.

    Returns:
        The digits in file order. Loading a split again returns the same arrays.

    Raises:
        InvalidArgument: There is no such split.
        MissingData: A file is in no folder and cannot be downloaded.
        CorruptedData: A file in the named folder is not the original.
    """
    if split not in MNIST_SPLITS:
        raise InvalidArgument(f"split={split!r} is none of {', '.join(map(repr, MNIST_SPLITS))}")
    return _load_digits(SOURCES["mnist"], MNIST_SPLITS[split], named_folder(data_dir))


# The checksums are part of the key, so equal keys always mean equal digits.
@functools.lru_cache(maxsize=8)
def _load_digits(source: Source, split: DigitSplit, folder: Path | None) -> Digits:
    images_path = find_file(source, f"{split.prefix}-images-idx3-ubyte.gz", folder)
    labels_path = find_file(source, f"{split.prefix}-labels-idx1-ubyte.gz", folder)
    # Copies, so that a split does not keep the rest of its file in memory.
    images = _read_idx(images_path, (split.total, 28, 28))[split.start : split.stop].copy()
    labels = _read_idx(labels_path, (split.total,))[split.start : split.stop].astype(np.int64)
    if labels.max() > 9:
        raise CorruptedData(f"{labels_path} holds the label {labels.max()}; digits end at 9")
    images.setflags(write=False)
    labels.setflags(write=False)
    return Digits(images, labels)


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
    with path.open("rb") as stream:
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


def _read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read a gzipped IDX file of bytes that must have exactly this shape."""
    import gzip
    import zlib

    try:
        with gzip.open(path) as stream:
            content = stream.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptedData(f"{path} cannot be unpacked: {error}") from error
    # Type 0x08 (unsigned bytes) and the number of axes, then the length of each axis.
    header = np.array([0x0800 | len(shape), *shape], dtype=">u4").tobytes()
    found = content[: len(header)]
    if found != header:
        raise CorruptedData(f"{path} starts with {found.hex(' ', 4)}, not {header.hex(' ', 4)}")
    values = np.frombuffer(content, dtype=np.uint8, offset=len(header))
    if len(values) != np.prod(shape):
        raise CorruptedData(f"{path} holds {len(values):,} bytes, not {np.prod(shape):,}")
    return values.reshape(shape)
