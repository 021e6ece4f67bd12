"""The digits of MNIST: which file has them, and which of them each split draws from."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse_env.errors import CorruptedData, InvalidArgument
from glimpse_env.tasks.files.downloads import SOURCES, Source, find_file, named_folder


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
