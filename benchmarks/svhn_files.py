"""Files laid out as SVHN's (format 1), with drawn digits in the place of photographs.

For tests, and for measurements where the real archives cannot be had.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from glimpse_env.backend import counter_hash
from glimpse_env.opencv import cv2

FIELDS = ("height", "label", "left", "top", "width")  # MATLAB's order
_MATLAB_HEADER = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan 01 2011 HDF5"


class Photo(NamedTuple):
    """A picture that is to be drawn, with its annotation."""

    number: int  # of the file: 1, 2, ...
    size: tuple[int, int]  # width and height, pixels
    digits: Sequence[int]  # 0 .. 9
    boxes: NDArray[np.float64]  # (n, 4) left, top, width, height

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.number}.png"


def some_photos(count: int) -> list[Photo]:
    """House numbers of one to five digits, of many sizes, some cut off by the picture's edge."""
    photos = []
    for i in range(count):
        digits = [(3 * i + 7 * k) % 10 for k in range(1 + i % 5)]
        wide, high, left, top = 8 + i % 9, 14 + i % 23, i * 5 % 13, i * 3 % 11
        boxes = [(left + k * wide, top + k % 2, wide, high) for k in range(len(digits))]
        size = (left + wide * len(digits) + i * 7 % 17 - 1, top + high + i * 11 % 19)
        photos.append(Photo(i + 1, size, digits, np.array(boxes, np.float64)))
    return photos


def annotated_photos(path: Path, split: str) -> list[Photo]:
    """The true sizes, boxes and labels of a split, from a file as `house_numbers_statistics`."""
    with np.load(path) as data:
        sizes, first = data[f"{split}_size_wh"].tolist(), data[f"{split}_first_digit"].tolist()
        digits, boxes = data[f"{split}_label"].tolist(), data[f"{split}_box_ltwh"]
    return [
        Photo(i + 1, (size[0], size[1]), digits[a:b], boxes[a:b].astype(np.float64))
        for i, (size, a, b) in enumerate(zip(sizes, first[:-1], first[1:], strict=True))
    ]


def digit_struct(photos: Iterable[Photo]) -> bytes:
    """The content of `digitStruct.mat`, object by object as MATLAB 7.3 writes it."""
    photos = list(photos)
    stream = io.BytesIO()
    with h5py.File(stream, "w", userblock_size=512, libver="earliest") as file:
        references = file.create_group("#refs#")
        names, boxes = [], []
        for i, photo in enumerate(photos):
            codes = np.frombuffer(photo.name.encode("utf-16-le"), np.uint16)[:, None]
            names.append(references.create_dataset(f"n{i}", data=codes).ref)
            boxes.append(_write_boxes(references, f"b{i}", photo).ref)
        group = file.create_group("digitStruct")
        for field, values in (("bbox", boxes), ("name", names)):
            column = np.array(values, dtype=h5py.ref_dtype)[:, None]
            group.create_dataset(field, data=column, dtype=h5py.ref_dtype)
    return _MATLAB_HEADER.ljust(512) + stream.getvalue()[512:]


def _write_boxes(references: Any, name: str, photo: Photo) -> Any:
    """One digit: the values themselves. Several: references to a data set for each value."""
    group = references.create_group(name)
    labels = np.array([digit or 10 for digit in photo.digits], np.float64)
    left, top, width, height = photo.boxes.T
    columns = (height, labels, left, top, width)
    for field, column in zip(FIELDS, columns, strict=True):
        if len(column) == 1:
            group.create_dataset(field, data=column[:, None])
            continue
        pointers = [
            references.create_dataset(f"{name}{field[0:2]}{k}", data=value.reshape(1, 1)).ref
            for k, value in enumerate(column)
        ]
        values = np.array(pointers, dtype=h5py.ref_dtype)[:, None]
        group.create_dataset(field, data=values, dtype=h5py.ref_dtype)
    return group


def png(photo: Photo) -> bytes:
    """Draw the digits into their boxes on a wall whose noise packs about as badly as a photo's."""
    width, height = photo.size
    across, down = np.arange(width) / width, np.arange(height)[:, None] / height
    wall = np.stack(
        [60 + 50 * across + 0 * down, 70 + 60 * down + 0 * across, 90 + 0 * down * across], -1
    )
    for digit, box in zip(photo.digits, photo.boxes.tolist(), strict=True):
        glyph = np.zeros((28, 20), np.uint8)
        cv2.putText(glyph, str(digit), (0, 25), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255,), 3)
        left, top = max(0, round(box[0])), max(0, round(box[1]))
        window = wall[top : round(box[1] + box[3]), left : round(box[0] + box[2])]
        if window.size:
            ink = cv2.resize(glyph, (window.shape[1], window.shape[0]))
            window += 0.45 * ink[..., None]
    grain = counter_hash.mix(np.arange(wall.size) + (photo.number << 16)) % 4
    noisy = np.clip(wall + grain.reshape(wall.shape), 0, 255).astype(np.uint8)
    _, coded = cv2.imencode(".png", noisy)
    return coded.tobytes()


def contents(photos: Sequence[Photo]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files of an archive's folder, the mat file amid the pictures."""
    middle = len(photos) // 2
    yield from ((photo.name, png(photo)) for photo in photos[:middle])
    yield "digitStruct.mat", digit_struct(photos)
    yield from ((photo.name, png(photo)) for photo in photos[middle:])


def write_archive(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write `<part>.tar.gz` with a folder `<part>` of these files."""
    part = path.name.split(".")[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        folder = tarfile.TarInfo(part)
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files:
            member = tarfile.TarInfo(f"{part}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_folder(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write what an archive of these files would unpack to."""
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files:
        (path / name).write_bytes(content)
