from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_env.errors import CorruptedData, GlimpseError, InvalidArgument, MissingData
from glimpse_env.tasks.own_images.label_file import (
    LabelledFile,
    normal_name,
    read_label_file,
    split_of,
)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_what_a_spreadsheet_writes(tmp_path: Path) -> None:
    """A mark before the text, carriage returns, quotes, blank lines, columns in any order."""
    text = '\ufefflabels,split,file\r\n"1,2, 5",test,door/a b.png\r\n\r\n 7 ,train,./ü.png\r\n'
    assert read_label_file(written(tmp_path, text)) == [
        LabelledFile(2, "door/a b.png", (1, 2, 5), "test"),
        LabelledFile(4, "ü.png", (7,), "train"),
    ]


def test_labels_are_separated_by_spaces_or_commas(tmp_path: Path) -> None:
    text = 'file,labels\na.png,12 5\nb.png,"12,5"\nc.png,"12, 5"\nd.png,  12   5 \n'
    assert [row.labels for row in read_label_file(written(tmp_path, text))] == [(12, 5)] * 4


def test_the_published_rule_of_splits() -> None:
    """The rule as it stands in the documentation, worked out with `sha256sum`."""
    assert split_of("0001.png") == "train"  # 0x65bd923e ends with 8 in decimal digits
    assert split_of("5.png") == "validation"  # 0xed937825 with 1
    assert split_of("23.png") == "test"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=30, unique=True))
def test_every_name_has_one_split(names: list[str]) -> None:
    assert {split_of(name) for name in names} <= {"train", "validation", "test"}


def test_a_tenth_each_is_held_out() -> None:
    splits = [split_of(f"{number:05d}.png") for number in range(5000)]
    assert 420 < splits.count("test") < 580 and 420 < splits.count("validation") < 580


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("file,label\na.png,1\n", InvalidArgument, "line 1: column 'labels' is missing and column"),
        (
            "file,labels,colour\na.png,1,red\n",
            InvalidArgument,
            "line 1: column 'colour' is unknown",
        ),
        ("file;labels\na.png;1\n", InvalidArgument, "separated by commas: file,labels"),
        ("file,labels,labels\na.png,1,1\n", InvalidArgument, "line 1: a column is there twice"),
        ("", InvalidArgument, "line 1: column 'file' is missing"),
        ("file,labels\n", CorruptedData, "names no images"),
        ("file,labels\na.png,1,2\n", InvalidArgument, "line 2 has 3 fields.*between quotes"),
        ("file,labels\na.png\n", InvalidArgument, "line 2 has 1 fields, the first line 2"),
        ("file,labels\na.png,1\n\nb.png,\n", InvalidArgument, "line 4 has no labels"),
        ('file,labels\na.png,","\n', InvalidArgument, "line 2 has no labels"),
        ("file,labels\n,3\n", InvalidArgument, "line 2 names no file"),
        ("file,labels\na.png,1 x\n", InvalidArgument, "line 2: label 'x' is no whole number"),
        ("file,labels\na.png,-1\n", InvalidArgument, "label '-1' is no whole number"),
        ("file,labels\na.png,1.0\n", InvalidArgument, "label '1.0' is no whole number"),
        ("file,labels\na.png,0123\n", InvalidArgument, "line 2: label '0123'.*'0 1 2 3'.*'123'"),
        (
            'file,labels\na.png,"7,00"\n',
            InvalidArgument,
            "label '00' begins.*'0 0'.*'0' for the cl",
        ),
        ("file,labels\nx/../../a.png,1\n", InvalidArgument, "line 2: 'x/../../a.png' leads out"),
        ("file,labels\n/a.png,1\n", InvalidArgument, "'/a.png' leads out.*outside_folder=True"),
        ("file,labels\nC:\\a.png,1\n", InvalidArgument, "leads out of the image folder"),
        ("file,labels\n..,1\n", InvalidArgument, "'..' leads out of the image folder"),
        ("file,labels\na\0.png,1\n", InvalidArgument, "line 2.*zero byte"),
        ("file,labels\nx/a.png,1\nx/../x/a.png,2\n", InvalidArgument, "line 3: 'x/a.png' has its"),
        ("file,labels\nx\\a.png,1\nx/a.png,2\n", InvalidArgument, "line 3: 'x/a.png' has its"),
        ("file,labels\n\u00e9.png,1\ne\u0301.png,2\n", InvalidArgument, "line 3: '\u00e9.png' has"),
        ("file,labels\na.png,100000\n", InvalidArgument, "label '100000' is no whole number in 0"),
        ("file,labels\na.png,1\nb.png,2\n./a.png,1\n", InvalidArgument, "line 4: 'a.png'.*line 2"),
        ("file,labels,split\na.png,1,dev\n", InvalidArgument, "split 'dev' is unknown; write one"),
        ('file,labels\na.png,"1 2\n', InvalidArgument, "check the quotes"),
        (b"file,labels\n\xff.png,1\n", CorruptedData, "UTF-8"),
    ],
)
def test_every_mistake_is_named(
    tmp_path: Path, text: str | bytes, error: type[GlimpseError], message: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(error, match=message) as caught:
        read_label_file(path)
    assert str(path) in str(caught.value)


def test_a_name_has_one_spelling_and_one_split(tmp_path: Path) -> None:
    """Whether a table is made on Windows, Linux or a Mac."""
    for number in range(200):
        spellings = [
            f"caf\u00e9/{number}.png",
            f"caf\u00e9\\{number}.png",
            f"cafe\u0301/{number}.png",
            f"./cafe\u0301//x/../{number}.png",
        ]
        assert {normal_name(name) for name in spellings} == {spellings[0]}
        assert len({split_of(name) for name in spellings}) == 1
    table = written(tmp_path, "file,labels\ncafe\u0301\\3.png,0 10\n")
    assert read_label_file(table)[0].name == "caf\u00e9/3.png"


def test_names_may_lead_out_of_the_folder_where_that_is_meant(tmp_path: Path) -> None:
    table = written(tmp_path, "file,labels\n../a.png,1\n/b.png,2\n")
    found = read_label_file(table, outside=True)
    assert [file.name for file in found] == ["../a.png", "/b.png"]


def test_no_label_file(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"nothing.csv.*columns file and labels"):
        read_label_file(tmp_path / "nothing.csv")
    with pytest.raises(MissingData):
        read_label_file(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(MissingData, match="Not a regular file"):
        read_label_file(tmp_path / "pipe.csv")
