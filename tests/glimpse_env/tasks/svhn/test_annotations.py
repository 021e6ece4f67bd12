"""digitStruct.mat in the layout that MATLAB 7.3 writes, and everything that can be wrong in it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest

from benchmarks.svhn_files import Photo, digit_struct, some_photos
from glimpse_env.errors import CorruptedData, MissingPackage
from glimpse_env.tasks.svhn.annotations import read_digit_struct

PHOTOS = some_photos(12)


def read(content: bytes) -> Any:
    return read_digit_struct(io.BytesIO(content), "here")


def altered(change: Callable[[Any], None]) -> bytes:
    """A file of twelve pictures after a change to it."""
    stream = io.BytesIO(digit_struct(PHOTOS))
    with h5py.File(stream, "r+") as file:
        change(file)
    return stream.getvalue()


def declare(file: Any, name: str, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """A data set that says it is so large, and holds nothing."""
    dtype = dtype or h5py.ref_dtype
    return file.create_dataset(name, shape, dtype, chunks=tuple(min(side, 9) for side in shape))


def many_images(file: Any) -> None:
    for field in ("name", "bbox"):
        del file[f"digitStruct/{field}"]
        declare(file, f"digitStruct/{field}", (10**9, 1))


def many_characters(file: Any) -> None:
    file["digitStruct/name"][3, 0] = declare(file, "long", (10**9, 1), np.uint16).ref


def many_digits(file: Any) -> None:
    group = group_of(file, 2)
    for field in list(group):
        del group[field]
        declare(group, field, (10**9, 1))


def groups_for_names(file: Any) -> None:
    file["digitStruct/name"][3, 0] = group_of(file, 3).ref


def groups_for_numbers(file: Any) -> None:
    group_of(file, 2)["left"][0, 0] = group_of(file, 3).ref


@pytest.mark.parametrize(
    "change",
    [many_images, many_characters, many_digits, groups_for_names, groups_for_numbers],
)
def test_what_is_declared_is_not_believed(change: Callable[[Any], None]) -> None:
    with pytest.raises(CorruptedData, match=r"here.*(in the place of)"):
        read(altered(change))


def group_of(file: Any, image: int) -> Any:
    return file[file["digitStruct/bbox"][image, 0]]


def test_the_files_of_the_tests_are_laid_out_as_matlab_does() -> None:
    content = digit_struct(PHOTOS)
    assert content.startswith(b"MATLAB 7.3 MAT-file")
    assert content[512:520] == b"\x89HDF\r\n\x1a\n"
    with h5py.File(io.BytesIO(content)) as file:
        names, boxes = file["digitStruct/name"], file["digitStruct/bbox"]
        assert names.shape == boxes.shape == (12, 1)
        assert names.dtype == boxes.dtype == object
        assert "".join(map(chr, file[names[9, 0]][:, 0])) == "10.png"
        one, three = group_of(file, 0), group_of(file, 2)
        assert sorted(one) == sorted(three) == ["height", "label", "left", "top", "width"]
        assert one["left"].shape == (1, 1) and one["left"].dtype == np.float64
        assert three["left"].shape == (3, 1) and three["left"].dtype == object
        assert file[three["left"][1, 0]].shape == (1, 1)
        assert group_of(file, 0)["label"][0, 0] == 10  # the digit 0


def test_digits_and_boxes_are_read_in_their_order() -> None:
    annotations = read(digit_struct(PHOTOS))
    assert annotations.numbers.tolist() == list(range(1, 13))
    assert annotations.lengths.tolist() == [len(photo.digits) for photo in PHOTOS]
    for photo, first, last in zip(
        PHOTOS, annotations.first[:-1], annotations.first[1:], strict=True
    ):
        assert annotations.digits[first:last].tolist() == list(photo.digits)
        np.testing.assert_array_equal(annotations.boxes[first:last], photo.boxes)
    assert 0 in annotations.digits and 10 not in annotations.digits


def test_sequences_are_padded() -> None:
    assert read(digit_struct(PHOTOS[:3])).sequences().tolist() == [
        [0, -1, -1],
        [3, 0, -1],
        [6, 3, 0],
    ]


def test_no_order_is_improved() -> None:
    """Neither that of the pictures nor that of digits that do not stand from left to right."""
    photo = Photo(7, (90, 40), (1, 2), np.array([[50.0, 5, 9, 20], [20, 5, 9, 20]]))
    annotations = read(digit_struct([photo, PHOTOS[0]]))
    assert annotations.numbers.tolist() == [7, 1]
    assert annotations.digits.tolist() == [1, 2, 0]
    assert annotations.boxes[:2, 0].tolist() == [50, 20]


@pytest.mark.parametrize("field", ["label", "left", "top", "width", "height"])
@pytest.mark.parametrize("image", [0, 3])
def test_a_field_that_is_not_there(field: str, image: int) -> None:
    def remove(file: Any) -> None:
        del group_of(file, image)[field]

    with pytest.raises(CorruptedData, match=rf"here: the boxes of {image + 1}\.png.*{field}"):
        read(altered(remove))


@pytest.mark.parametrize("field", ["name", "bbox"])
def test_a_column_that_is_not_there(field: str) -> None:
    def remove(file: Any) -> None:
        del file["digitStruct"][field]

    with pytest.raises(CorruptedData, match=r"here has no readable digitStruct/name and"):
        read(altered(remove))


def set_value(image: int, field: str, value: float) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        group_of(file, image)[field][...] = value

    return change


@pytest.mark.parametrize("label", [0, 11, -1, 2.5, np.nan])
def test_a_label_that_is_no_digit(label: float) -> None:
    with pytest.raises(CorruptedData, match=rf"6\.png has the label {label:g}"):
        read(altered(set_value(5, "label", label)))


def test_a_box_without_a_place() -> None:
    with pytest.raises(CorruptedData, match=r"6\.png has the label .*\[nan, "):
        read(altered(set_value(5, "left", np.nan)))


def shorten(file: Any) -> None:
    column = group_of(file, 2)["top"][:2]
    del group_of(file, 2)["top"]
    group_of(file, 2).create_dataset("top", data=column, dtype=h5py.ref_dtype)


def empty(file: Any) -> None:
    for field in list(group_of(file, 2)):
        del group_of(file, 2)[field]
        group_of(file, 2).create_dataset(field, shape=(0, 1), dtype=h5py.ref_dtype)


def two_in_one(file: Any) -> None:
    del group_of(file, 0)["left"]
    group_of(file, 0).create_dataset("left", data=np.zeros((2, 1)))


def lead_nowhere(file: Any) -> None:
    column = file["digitStruct/bbox"][...]
    column[2, 0] = h5py.Reference()
    file["digitStruct/bbox"][...] = column


def nameless(file: Any) -> None:
    column = file["digitStruct/name"][...]
    column[2, 0] = h5py.Reference()
    file["digitStruct/name"][...] = column


def fewer_names(file: Any) -> None:
    column = file["digitStruct/name"][:3]
    del file["digitStruct/name"]
    file["digitStruct"].create_dataset("name", data=column, dtype=h5py.ref_dtype)


def named_twice(file: Any) -> None:
    column = file["digitStruct/name"][...]
    column[2, 0] = column[1, 0]
    file["digitStruct/name"][...] = column


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shorten, r"the boxes of 3\.png have fields of other lengths"),
        (empty, r"the boxes of 3\.png have fields of other lengths"),
        (two_in_one, r"the boxes of 1\.png: shape \(2, 1\)"),
        (lead_nowhere, r"the boxes of 3\.png: "),
        (nameless, r"the name of image 3: "),
        (fewer_names, r"3 names for 12 groups"),
        (named_twice, r"names a picture twice"),
    ],
)
def test_annotations_that_make_no_sense(change: Callable[[Any], None], message: str) -> None:
    with pytest.raises(CorruptedData, match=message):
        read(altered(change))


@pytest.mark.parametrize("name", ["../1.png", "one.png", "1.jpg", "1", "01.png", "²3.png", ""])
def test_a_name_that_is_no_picture(name: str) -> None:
    class Misnamed(Photo):
        @property
        def name(self) -> str:
            return name or "\0"

    with pytest.raises(CorruptedData, match=r"names '.*'; pictures are 1\.png, 2\.png"):
        read(digit_struct([Misnamed(*PHOTOS[0])]))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MATLAB 5.0 MAT-file".ljust(128) + bytes(1000),
        digit_struct(PHOTOS)[:3000],
        digit_struct(PHOTOS)[512:1024],
    ],
)
def test_what_is_not_hdf5(content: bytes) -> None:
    with pytest.raises(CorruptedData, match=r"here is no MATLAB 7\.3 \(HDF5\) file"):
        read(content)


def test_damaged_bytes_give_no_other_error() -> None:
    """Whatever byte is hit, the result is an annotation or CorruptedData."""
    content = digit_struct(PHOTOS)
    rng = np.random.default_rng(0)
    errors = 0
    for _ in range(300):
        damaged = bytearray(content)
        start = int(rng.integers(512, len(content) - 64))
        damaged[start : start + 64] = rng.bytes(64)
        try:
            read(bytes(damaged))
        except CorruptedData:
            errors += 1
    assert errors > 30


def test_h5py_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingPackage, match="pip install h5py"):
        read(b"")
