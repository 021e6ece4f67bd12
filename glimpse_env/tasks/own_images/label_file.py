"""The label file of an image folder: which labels each image has, and in which split it is.

A CSV file with a first line of column names:

| column | what is in it |
|---|---|
| `file` | the image, relative to the image folder, such as `0001.png` or `door/3.png` |
| `labels` | whole numbers from 0, between them spaces or commas: `7`, `1 2 5` or `"1,2,5"` |
| `split` | "train", "validation" or "test"; without this column `split_of` decides |

Names are read alike wherever the table and the images were made: `normal_name` says how.
"""

from __future__ import annotations

import csv
import hashlib
import io
import posixpath
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from glimpse_env.errors import CorruptedData, InvalidArgument, MissingData
from glimpse_env.tasks.files.regular import read_regular
from glimpse_env.tasks.task import SPLITS

WANTED, OPTIONAL = ("file", "labels"), ("split",)
_LARGEST_LABEL = 99_999  # a classifier has an output for each label up to the largest


class LabelledFile(NamedTuple):
    """A line of a label file."""

    line: int  # counted from 1
    name: str  # of the image, relative to the image folder, as `normal_name` spells it
    labels: tuple[int, ...]
    split: str


def normal_name(written: str) -> str:
    r"""The one spelling of a name: that of `door\3.png` and of `./x/../door/3.png` is `door/3.png`.

    Letters with marks are single characters (Unicode's form NFC), which a Mac writes as two.
    """
    composed = unicodedata.normalize("NFC", written)
    return posixpath.normpath(composed.replace("\\", "/"))


def split_of(name: str) -> str:
    """The split of an image that no `split` column places: 8 of 10 train, 1 validation, 1 test.

    With h the first 8 hexadecimal digits of the sha256 of the name (UTF-8, as `normal_name` spells
    it), h modulo 10 is 0 for test, 1 for validation. So an image stays in its split whatever
    other images come or go.
    """
    tenth = int(hashlib.sha256(normal_name(name).encode()).hexdigest()[:8], 16) % 10
    return {0: "test", 1: "validation"}.get(tenth, "train")


def read_label_file(path: Path, *, outside: bool = False) -> list[LabelledFile]:
    """Read all lines of a label file, of every split.

    Args:
        path: The CSV file, UTF-8.
        outside: Whether names may lead out of the image folder.

    Returns:
        At least one line, in the order of the file.

    Raises:
        MissingData: There is no such file.
        CorruptedData: It is not UTF-8, or holds no images.
        InvalidArgument: A column, or what stands in a line, is not as described above.
    """
    try:
        text = read_regular(path).decode("utf-8-sig")  # spreadsheets put a mark before the text
    except UnicodeDecodeError as error:
        raise CorruptedData(f"{path} is not a text in UTF-8: {error}; save it as such") from error
    except OSError as error:
        raise MissingData(
            f"label_file={str(path)!r} cannot be read ({error.strerror}): name a CSV file with the "
            f"columns {' and '.join(WANTED)}"
        ) from error
    rows = _rows(path, text)
    _, header = next(rows, (0, []))
    columns = [name.strip() for name in header]
    _check_columns(path, columns)
    files: list[LabelledFile] = []
    lines: dict[str, int] = {}  # in which line a name came first
    for line, fields in rows:
        found = _labelled_file(f"{path}, line {line}", line, columns, fields, outside)
        if found.name in lines:
            raise InvalidArgument(
                f"{path}, line {line}: {found.name!r} has its labels in line {lines[found.name]} "
                "already; keep one of the two lines"
            )
        lines[found.name] = line
        files.append(found)
    if not files:
        raise CorruptedData(f"{path} names no images: write a line for each below the first")
    return files


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, each with its number."""
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield reader.line_num, fields
    except csv.Error as error:
        raise InvalidArgument(
            f"{path}, line {reader.line_num}: {error}; check the quotes in this line"
        ) from error


def _check_columns(path: Path, columns: list[str]) -> None:
    unknown = [name for name in columns if name not in (*WANTED, *OPTIONAL)]
    missing = [name for name in WANTED if name not in columns]
    if unknown or missing or len(set(columns)) != len(columns):
        what = f"column {unknown[0]!r} is unknown" if unknown else "a column is there twice"
        if missing:
            what = f"column {missing[0]!r} is missing" + (f" and {what}" if unknown else "")
        raise InvalidArgument(
            f"{path}, line 1: {what}. The first line must name the columns, separated by commas: "
            f"{','.join(WANTED)} or {','.join((*WANTED, *OPTIONAL))}"
        )


def _labelled_file(
    where: str, line: int, columns: list[str], fields: list[str], outside: bool
) -> LabelledFile:
    if len(fields) != len(columns):
        raise InvalidArgument(
            f"{where} has {len(fields)} fields, the first line {len(columns)}: put labels with "
            'commas between quotes ("1,2,5"), or spaces between them (1 2 5)'
        )
    named = dict(zip(columns, (field.strip() for field in fields), strict=True))
    if not named["file"]:
        raise InvalidArgument(f"{where} names no file; write one, or take the line out")
    name = _name(where, named["file"], outside)
    split = named["split"] if "split" in named else split_of(name)
    if split not in SPLITS:
        raise InvalidArgument(f"{where}: split {split!r} is unknown; write one of {SPLITS}")
    return LabelledFile(line, name, _labels(where, named["labels"]), split)


def _name(where: str, written: str, outside: bool) -> str:
    name = normal_name(written)
    if "\0" in name:
        raise InvalidArgument(f"{where}: {written!r} holds a zero byte, which no name can")
    leaves = name == ".." or re.match(r"\.\./|/|[A-Za-z]:/", name)
    if leaves and not outside:
        raise InvalidArgument(
            f"{where}: {written!r} leads out of the image folder: name files below it, or say "
            "outside_folder=True if that is meant"
        )
    return name


def _labels(where: str, text: str) -> tuple[int, ...]:
    parts = re.split(r"[\s,]+", text.strip(" \t,"))
    if parts == [""]:
        raise InvalidArgument(f"{where} has no labels; write some, or take the line out")
    for part in parts:
        if not (re.fullmatch("[0-9]{1,9}", part) and int(part) <= _LARGEST_LABEL):
            raise InvalidArgument(
                f"{where}: label {part!r} is no whole number in 0 .. {_LARGEST_LABEL}; number the "
                "classes from 0 and put spaces or commas between labels"
            )
        if part[0] == "0" and part != "0":
            raise InvalidArgument(
                f"{where}: label {part!r} begins with 0: write {' '.join(part)!r} for one label a "
                f"digit, or {str(int(part))!r} for the class of that number"
            )
    return tuple(map(int, parts))
