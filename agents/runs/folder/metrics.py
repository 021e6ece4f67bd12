"""metrics.jsonl: a row an epoch, each with a checksum; checkpoints hold the same rows."""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from agents.runs.fields import is_row
from agents.runs.files import read_whole, write_atomically
from glimpse_env.errors import MissingData

METRICS = "metrics.jsonl"
DAMAGED = "metrics.damaged"  # lines that are no row of the run, as they were found
_CHECKSUM = "crc32"

Row = dict[str, float]


class Lines(NamedTuple):
    """What a file of metrics holds."""

    rows: list[Row]
    damaged: dict[int, bytes]  # the other lines, by their number


def read_metrics(run: Path) -> list[Row]:
    """The rows of a run's metrics, one an epoch; damaged lines are left out, with a warning.

    Raises:
        CorruptedData: The file cannot be read.
    """
    rows, damaged = _read(run)
    if damaged:
        warnings.warn(f"{_named(run, damaged)}, and left out", stacklevel=2)
    return rows


def restore_metrics(run: Path, images: int, history: list[Row] | None) -> list[Row]:
    """Write the rows that a run goes on from, and set aside what is no row of it.

    Args:
        run: The folder.
        images: Training images at the checkpoint. Rows beyond it will be written again.
        history: The rows that the checkpoint holds; None in those of older versions, for which the
            file is all there is.

    Returns:
        The rows.

    Raises:
        CorruptedData: The file cannot be read.
        FolderUnwritable: There is no room, or the folder cannot be written; the old ones stay.
    """
    found, damaged = _read(run)
    found = [row for row in found if row["images"] <= images]
    rows = found if history is None else history
    ours = {_line(row) for row in rows}
    strange = [_line(row) for row in found if _line(row) not in ours]
    missing = len(ours - {_line(row) for row in found})
    if damaged or strange:
        _set_aside(run / DAMAGED, [*damaged.values(), *strange])
        also = f"; rows that the checkpoint does not know: {len(strange)}" if strange else ""
        print(f"note: {_named(run, damaged)}{also}; set aside in {DAMAGED}")
    if missing:
        print(f"note: {run / METRICS}: rows written again from the checkpoint: {missing}")
    write_metrics(run, rows)
    return list(rows)


def write_metrics(run: Path, rows: Iterable[Row]) -> None:
    """Replace a run's metrics.

    Raises:
        FolderUnwritable: There is no room, or the folder cannot be written; the old ones stay.
    """
    write_atomically(run / METRICS, b"".join(_line(row) + b"\n" for row in rows))


def _read(run: Path) -> Lines:
    try:
        content = read_whole(run / METRICS, "it has not ended an epoch")
    except MissingData:
        return Lines([], {})
    found = Lines([], {})
    # Not by splitlines(): a flipped bit makes other ends of lines, of which rows have none.
    for number, line in enumerate(content.split(b"\n"), 1):
        row = _row(line)
        if row is not None:
            found.rows.append(row)
        elif line:
            found.damaged[number] = line
    return found


def _row(line: bytes) -> Row | None:
    """The numbers of a line; None if it is damaged. Rows of older runs have no checksum."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    checksum = row.pop(_CHECKSUM, None) if isinstance(row, dict) else None
    return row if is_row(row) and checksum in (None, _checksum(row)) else None


def _line(row: Row) -> bytes:
    return json.dumps({**row, _CHECKSUM: _checksum(row)}).encode()


def _checksum(row: Row) -> str:
    return f"{zlib.crc32(json.dumps(row).encode()):08x}"


def _set_aside(path: Path, lines: Iterable[bytes]) -> None:
    before = path.read_bytes() if path.exists() else b""
    write_atomically(path, before + b"".join(line + b"\n" for line in lines))


def _named(run: Path, damaged: Iterable[int]) -> str:
    numbers = [str(number) for number in damaged]
    if not numbers:
        return f"{run / METRICS} was altered"
    these = f"line {numbers[0]} is" if len(numbers) == 1 else f"lines {', '.join(numbers)} are"
    return f"{run / METRICS}: {these} damaged"
