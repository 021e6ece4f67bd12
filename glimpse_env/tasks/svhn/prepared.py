"""Crops and labels, ready in memory, and kept in the user's cache between runs.

Two files are kept for each part of SVHN: the annotations, and the crops for one choice of size,
border and colour. Their names carry the checksum of what they were made from.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from glimpse_env.backend.memory import require_memory
from glimpse_env.errors import CorruptedData
from glimpse_env.tasks.files import cache
from glimpse_env.tasks.svhn.annotations import Annotations, read_digit_struct, require_h5py
from glimpse_env.tasks.svhn.files import MAT, Files, find_files
from glimpse_env.tasks.svhn.validation import in_split

VERSION = 1
"""Part of the names: goes up when the same choices make other pixels."""


class Crops(NamedTuple):
    """M house numbers. Not to be written to: they are shared."""

    pixels: NDArray[np.uint8]  # (M, C, S, S), S = `crop_side(image_size)`
    digits: NDArray[np.int64]  # (M, L), 0 .. 9 in the order of the annotation, padded with -1
    numbers: NDArray[np.int64]  # (M,), N of the picture "N.png" in its part


class Look(NamedTuple):
    """How the crops are made."""

    side: int  # of a crop
    border: str
    color: bool

    @property
    def channels(self) -> int:
        """C."""
        return 3 if self.color else 1


def load_crops(
    split: str, look: Look, *, extra: bool = False, data_dir: str | None = None
) -> Crops:
    """Load the house numbers of one split, fetching and preparing only what it needs.

    Args:
        split: "train", "validation" or "test".
        look: How the crops are made.
        extra: Whether training and validation draw on `extra` too.
        data_dir: Folder that holds `svhn/`; by default the one named by `GLIMPSE_DATA`, if any.

    Raises:
        MissingData: A file is in no folder and cannot be downloaded.
        CorruptedData: A file is not what it must be.
        CacheUnavailable: What is made does not fit into the user's cache.
        MissingPackage: h5py is needed, and is not installed.
    """
    parts = ("test",) if split == "test" else ("train", "extra") if extra else ("train",)
    files = tuple(find_files(part, data_dir) for part in parts)
    return _load(files, split, look, extra)


# The checksums are part of the key, so equal keys always mean equal crops.
@functools.lru_cache(maxsize=4)
def _load(files: tuple[Files, ...], split: str, look: Look, extra: bool) -> Crops:
    parts = []
    for part in files:
        crops = _crops(part, look)
        mine = in_split(crops.numbers, part.part, split, extra)
        parts.append(Crops(crops.pixels[mine], crops.digits[mine], crops.numbers[mine]))
    if len(parts) == 1:
        return parts[0]
    longest = max(part.digits.shape[1] for part in parts)
    digits = [fit_length(part.digits, longest) for part in parts]
    return Crops(
        np.concatenate([part.pixels for part in parts]),
        np.concatenate(digits),
        np.concatenate([part.numbers for part in parts]),
    )


def fit_length(digits: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """The first `length` digits of each image, padded with -1."""
    padding = np.full((len(digits), max(0, length - digits.shape[1])), -1)
    return np.concatenate([digits, padding], axis=1)[:, :length]


def _crops(files: Files, look: Look) -> Crops:
    border = f"{look.border}-{'color' if look.color else 'grey'}"
    path = _path(files, f"crops{look.side}-{border}")
    kept = cache.load(path)
    if kept is None or not _are_crops(kept, look):
        crops = _cut_all(files, look)
        cache.save(path, crops._asdict())
        return crops
    return Crops(**kept)


def _are_crops(kept: cache.Arrays, look: Look) -> bool:
    """Whether arrays from the cache are what would be made anew."""
    number = _length(kept, "numbers")
    pixels = (number, look.channels, look.side, look.side)
    shapes = {"pixels": pixels, "digits": (number, None), "numbers": (number,)}
    return _fit(kept, shapes) and kept["pixels"].dtype == np.uint8


def _length(kept: cache.Arrays, name: str) -> int:
    return int((*kept[name].shape, 0)[0]) if name in kept else 0


def _fit(kept: cache.Arrays, shapes: dict[str, tuple[int | None, ...]]) -> bool:
    """Whether arrays of numbers are there in these shapes, and no others; None is any length."""
    return kept.keys() == shapes.keys() and all(
        kept[name].dtype.kind in "iuf"
        and len(kept[name].shape) == len(shape)
        and all(want in (None, side) for want, side in zip(shape, kept[name].shape, strict=True))
        for name, shape in shapes.items()
    )


def load_annotations(part: str, data_dir: str | None = None) -> Annotations:
    """Load the digits and boxes of a part, in the order of its file, reading it the first time.

    Args:
        part: "train", "test" or "extra".
        data_dir: As for `load_crops`; so are the errors.
    """
    return _annotations(find_files(part, data_dir))


def _annotations(files: Files) -> Annotations:
    path = _path(files, "annotations")
    kept = cache.load(path)
    if kept is None or not _are_annotations(kept):
        require_h5py()  # before a download of half an hour
        with files.digit_struct(path.parent) as stream:
            annotations = read_digit_struct(stream, f"{files.place}: {MAT}")
        cache.save(path, annotations._asdict())
        return annotations
    return Annotations(**kept)


def _are_annotations(kept: cache.Arrays) -> bool:
    images, digits = _length(kept, "numbers"), _length(kept, "digits")
    return _fit(
        kept,
        {"numbers": (images,), "first": (images + 1,), "digits": (digits,), "boxes": (digits, 4)},
    )


def _path(files: Files, what: str) -> Path:
    folder = cache.folder() / "svhn" / "prepared"
    return folder / f"{files.part}-{files.key}-{what}-v{VERSION}.npz"


def _cut_all(files: Files, look: Look) -> Crops:
    annotations = _annotations(files)
    number = len(annotations.numbers)
    shape = (number, look.channels, look.side, look.side)
    # Asked again when it is written; but who lacks the room should know before the work.
    cache.require_space(_path(files, "").parent, int(np.prod(shape)), f"Cutting {files.part}")
    require_memory(None, "images", number, int(np.prod(shape[1:])), f"crops of side {look.side}")
    pixels = np.empty(shape, np.uint8)
    with tqdm(total=number, desc=f"cutting {files.part}", leave=False, disable=None) as progress:
        for row, crop in _cut_each(files, annotations, look):
            pixels[row] = crop
            progress.update()
    return Crops(pixels, annotations.sequences(), annotations.numbers)


def _cut_each(
    files: Files, annotations: Annotations, look: Look
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Row and crop (C, S, S) of each image, in the order of the archive."""
    from glimpse_env.opencv import cv2
    from glimpse_env.tasks.svhn.crops import cut

    row_of = {f"{number}.png": row for row, number in enumerate(annotations.numbers.tolist())}
    for name, content in files.pictures(list(row_of)):
        row = row_of[name]
        coded = np.frombuffer(content, np.uint8)
        picture = cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB) if content else None
        if picture is None:
            raise CorruptedData(
                f"{files.place}: {name} ({len(content):,} bytes) is no readable picture. Replace "
                f"it by the one in the original {files.part}.tar.gz."
            )
        boxes = annotations.boxes[annotations.first[row] : annotations.first[row + 1]]
        crop = cut(np.asarray(picture, np.uint8), boxes, look.side, look.border)
        if look.color:
            yield row, np.moveaxis(crop, -1, 0)
        else:
            yield row, np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)[None]
