"""Labels and boxes from `digitStruct.mat`: MATLAB 7.3, which is HDF5 full of references.

    /digitStruct/name   (M, 1) references, each to (length, 1) character codes: "1.png", ...
    /digitStruct/bbox   (M, 1) references, each to a group of label, left, top, width, height;
                        one digit: a (1, 1) number; n digits: (n, 1) references to (1, 1) numbers

These are half a million objects for the 33,402 images of `train`. The low-level interface of h5py
opens them three times as fast as the usual one.
"""

from __future__ import annotations

from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from glimpse_env.errors import CorruptedData, MissingPackage

_FIELDS = (b"label", b"left", b"top", b"width", b"height")
_UNREADABLE = (KeyError, ValueError, TypeError, IndexError, OSError, RuntimeError)
# What a file may declare: memory is taken by what it says, not by what is in it.
_MOST_IMAGES, _MOST_CHARACTERS, _MOST_DIGITS = 2**20, 20, 100


class Annotations(NamedTuple):
    """Digits and boxes of M images, D digits in all, in the order of the file."""

    numbers: NDArray[np.int64]  # (M,), N of the picture "N.png"
    first: NDArray[np.int64]  # (M + 1,), where each image's digits begin
    digits: NDArray[np.int64]  # (D,), 0 .. 9
    boxes: NDArray[np.float64]  # (D, 4): left, top, width, height in pixels of the picture

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(M,), how many digits each image shows."""
        return np.diff(self.first)

    def sequences(self) -> NDArray[np.int64]:
        """(M, L), the digits of each image, padded with -1."""
        place = np.arange(self.lengths.max())
        padded = np.full((len(self.numbers), len(place)), -1)
        padded[place < self.lengths[:, None]] = self.digits
        return padded


def require_h5py() -> Any:
    """The h5py module.

    Raises:
        MissingPackage: It is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingPackage(
            "SVHN's annotations need h5py: pip install h5py (or glimpse-env[svhn])"
        ) from error
    return h5py


def read_digit_struct(stream: IO[bytes], place: str) -> Annotations:
    """Read all annotations, in the order of the file; labels 10 become digits 0.

    Args:
        stream: The content of a `digitStruct.mat`.
        place: What messages call it.

    Raises:
        CorruptedData: It is no such file, lacks a field or holds what cannot be.
        MissingPackage: h5py is not installed.
    """
    h5py = require_h5py()
    try:
        file = h5py.File(stream, "r")
    except OSError as error:
        raise CorruptedData(f"{place} is no MATLAB 7.3 (HDF5) file: {error}") from error
    with file:
        try:
            names, groups = (_column(file[f"digitStruct/{field}"]) for field in ("name", "bbox"))
        except _UNREADABLE as error:
            raise CorruptedData(
                f"{place} has no readable digitStruct/name and digitStruct/bbox: {error}"
            ) from error
        if len(names) != len(groups) or not len(names):
            raise CorruptedData(f"{place}: {len(names)} names for {len(groups)} groups of boxes")
        reader = _Reader(h5py, file, place)
        progress = tqdm(names, desc=f"reading {place}", leave=False, disable=None)
        for name, group in zip(progress, groups, strict=True):
            reader.read_image(name, group)
        return reader.annotations()


def _column(dataset: Any) -> Any:
    """All references of a column."""
    _require_column(dataset, _MOST_IMAGES)
    return dataset[:, 0]


def _require_column(dataset: Any, most: int) -> None:
    shape = getattr(dataset, "shape", None)
    if shape is None:
        raise ValueError("a group in the place of numbers")
    if len(shape) != 2 or shape[1] != 1 or shape[0] > most:
        raise ValueError(f"shape {shape} in the place of (n, 1), with n at most {most}")


class _Reader:
    """Follows the references of one file."""

    def __init__(self, h5py: Any, file: Any, place: str) -> None:
        self._h5py, self._file, self._place = h5py, file.id, place
        self._numbers: list[int] = []
        self._first = [0]
        self._columns: dict[bytes, list[float]] = {field: [] for field in _FIELDS}

    def read_image(self, name: Any, group: Any) -> None:
        """Read what is behind a reference to a name and one to a group of boxes."""
        text = self._name(name)
        try:
            boxes = self._follow(group)
            for field, column in self._columns.items():
                column += self._values(boxes, field)
        except _UNREADABLE as error:
            raise CorruptedData(f"{self._place}: the boxes of {text}: {error}") from error
        lengths = {len(column) for column in self._columns.values()}
        if len(lengths) != 1 or self._first[-1] in lengths:
            raise CorruptedData(f"{self._place}: the boxes of {text} have fields of other lengths")
        self._first += lengths

    def _name(self, reference: Any) -> str:
        try:
            dataset = self._follow(reference)
            _require_column(dataset, _MOST_CHARACTERS)
            codes = np.empty(dataset.shape, np.uint16)
            dataset.read(self._h5py.h5s.ALL, self._h5py.h5s.ALL, codes)
            text = "".join(map(chr, codes[:, 0].tolist()))
        except _UNREADABLE as error:
            raise CorruptedData(
                f"{self._place}: the name of image {len(self._numbers) + 1}: {error}"
            ) from error
        number = text.removesuffix(".png")
        if not (number.isascii() and number.isdigit() and text == f"{int(number)}.png"):
            raise CorruptedData(f"{self._place} names {text!r}; pictures are 1.png, 2.png, ...")
        self._numbers.append(int(number))
        return text

    def _values(self, group: Any, field: bytes) -> list[float]:
        """One field of all digits of an image."""
        dataset = self._h5py.h5d.open(group, field)
        if dataset.get_type().get_class() != self._h5py.h5t.REFERENCE:
            return [self._number(dataset)]
        _require_column(dataset, _MOST_DIGITS)
        references = np.empty(dataset.shape, self._h5py.ref_dtype)
        dataset.read(self._h5py.h5s.ALL, self._h5py.h5s.ALL, references)
        return [self._number(self._follow(reference)) for reference in references[:, 0]]

    def _number(self, dataset: Any) -> float:
        _require_column(dataset, 1)
        value = np.empty((1, 1))
        dataset.read(self._h5py.h5s.ALL, self._h5py.h5s.ALL, value)
        return float(value[0, 0])

    def _follow(self, reference: Any) -> Any:
        found = self._h5py.h5r.dereference(reference, self._file)
        if found is None:
            raise ValueError("a reference leads nowhere")
        return found

    def annotations(self) -> Annotations:
        """All that was read, once it is known to make sense."""
        numbers, first = np.array(self._numbers), np.array(self._first)
        labels, *box = (np.array(column) for column in self._columns.values())
        boxes = np.stack(box, axis=1)
        if len(np.unique(numbers)) != len(numbers):
            raise CorruptedData(f"{self._place} names a picture twice")
        good = np.isin(labels, np.arange(1, 11)) & np.isfinite(boxes).all(axis=1)
        if not good.all():
            wrong = np.argmin(good)
            image = numbers[np.searchsorted(first, wrong, side="right") - 1]
            raise CorruptedData(
                f"{self._place}: {image}.png has the label {labels[wrong]:g} (1 .. 10 are digits) "
                f"in the box {boxes[wrong].tolist()}"
            )
        return Annotations(numbers, first, labels.astype(np.int64) % 10, boxes)
