"""What is written is what is read, and what is no number is refused by its file's name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.csv_rows import read_csv, write_csv
from glimpse_env.errors import CorruptedData


@dataclasses.dataclass
class Row:
    name: str
    count: int
    error: float | None


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows = [Row("b, c", 3, None), Row("", 10**12, 0.1), Row("a", -1, 2.0)]
    write_csv(Row, rows, tmp_path / "rows.csv")
    assert read_csv(Row, tmp_path / "rows.csv") == rows
    assert read_csv(Row, tmp_path / "nothing.csv") == []


@pytest.mark.parametrize("text", ["name,count\na,1\n", "name,count,error\na,,1\n", "x\n1\n"])
def test_what_is_no_row_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(CorruptedData, match=r"rows\.csv.*take it from git again"):
        read_csv(Row, path)
