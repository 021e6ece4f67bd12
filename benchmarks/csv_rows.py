"""Files of rows that are dataclasses: a column for each field, numbers as they are written."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from agents.runs.files import write_atomically
from glimpse_env.errors import CorruptedData

RowT = TypeVar("RowT")


def read_csv(kind: type[RowT], path: Path) -> list[RowT]:
    """All rows of a file; none if there is no file.

    Args:
        kind: Dataclass of strings, integers and floats; what is empty is None where it may be.
        path: The file.

    Raises:
        CorruptedData: A column is missing, unknown, or has something else than its numbers.
    """
    if not path.exists():
        return []
    types = _types(kind)
    with path.open(encoding="utf-8", newline="") as file:
        try:
            return [
                kind(**{name: _value(types[name], text) for name, text in row.items()})
                for row in csv.DictReader(file)
            ]
        except (TypeError, ValueError, KeyError) as error:
            raise CorruptedData(f"{path}: {error}; take it from git again") from error


def write_csv(kind: type[RowT], rows: Iterable[RowT], path: Path) -> None:
    """Write rows in the order in which they come."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(_types(kind)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(dataclasses.asdict(row) for row in rows)  # type: ignore[call-overload]
    write_atomically(path, text.getvalue().encode())


def _types(kind: type[Any]) -> dict[str, str]:
    return {field.name: str(field.type) for field in dataclasses.fields(kind)}


def _value(declared: str, text: str) -> str | int | float | None:
    kind = int if "int" in declared else float if "float" in declared else str
    if not text and "None" in declared:
        return None
    return kind(text)
