from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from agents.runs import checkpoint
from agents.runs.files import FolderUnwritable
from agents.runs.folder import RunFolder
from agents.runs.folder.metrics import read_metrics, restore_metrics, write_metrics
from glimpse_env.errors import CorruptedData
from tests.agents.conftest import small_disk

ROWS = [
    {"images": 50 * (epoch + 1), "train/error": 1 / (epoch + 3), "gradients/glimpse": 10.0**-epoch}
    for epoch in range(20)
]
LAST = ROWS[-1]["images"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with the metrics of 20 epochs."""
    write_metrics(tmp_path, ROWS)
    return tmp_path


def damages(whole: bytes) -> list[bytes]:
    """500 flipped bits and 50 cuts, ten of them at the ends of lines."""
    rng = np.random.default_rng(0)
    found = []
    for place in rng.integers(len(whole), size=500):
        altered = bytearray(whole)
        altered[place] ^= 1 << int(rng.integers(8))
        found.append(bytes(altered))
    ends = [place + 1 for place, byte in enumerate(whole[:-1]) if byte == ord("\n")]
    cuts = [*rng.integers(len(whole), size=40), *rng.choice(ends, 10)]
    return found + [whole[:cut] for cut in cuts]


def test_rows_come_back(run: Path) -> None:
    assert read_metrics(run) == ROWS
    assert read_metrics(run / "nowhere") == []
    write_metrics(run, [{"images": 1, "train/error": float("nan")}])
    (row,) = read_metrics(run)
    assert np.isnan(row["train/error"])


def test_rows_of_older_runs_have_no_checksum(run: Path) -> None:
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert read_metrics(run) == ROWS
    RunFolder(run, LAST).close()
    assert read_metrics(run) == ROWS
    assert "crc32" in (run / "metrics.jsonl").read_text()


def test_no_wrong_number_is_read_and_no_row_behind_a_bad_line_is_lost(run: Path) -> None:
    whole = (run / "metrics.jsonl").read_bytes()
    for content in damages(whole):
        (run / "metrics.jsonl").write_bytes(content)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            rows = read_metrics(run)
        assert all(row in ROWS for row in rows)
        cut = len(content) < len(whole)
        missing = content.count(b"\n") - len(rows) if cut else len(ROWS) - len(rows)
        assert missing <= 2  # a flipped end of a line makes one of two
        assert missing <= 0 or "damaged" in str(said[0].message)


def test_a_run_goes_on_from_its_checkpoint_alone(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def __init__(self, *_: object, **__: object) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr("agents.runs.folder.run_folder.SummaryWriter", Silent)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # 553 times
    checkpoint.save(run / "checkpoint.pt", {"metrics": ROWS})
    whole = (run / "metrics.jsonl").read_bytes()
    for content in [*damages(whole), b"", b"\xff" * 100, b"[" * 100_000]:
        (run / "metrics.jsonl").write_bytes(content)
        (run / "metrics.damaged").unlink(missing_ok=True)
        capsys.readouterr()
        RunFolder(run, LAST).close()
        assert (run / "metrics.jsonl").read_bytes() == whole
        lines = [line for line in content.split(b"\n") if line and line not in whole.split(b"\n")]
        aside = b"".join(line + b"\n" for line in lines)
        assert not lines or (run / "metrics.damaged").read_bytes() == aside
        assert "metrics.jsonl" in capsys.readouterr().out or content == whole
    (run / "metrics.jsonl").unlink()
    RunFolder(run, LAST).close()
    assert (run / "metrics.jsonl").read_bytes() == whole


def test_a_bad_line_is_named_and_set_aside_where_the_checkpoint_has_no_metrics(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (3, 7):
        lines = (run / "metrics.jsonl").read_bytes().split(b"\n")
        lines[number - 1] = lines[number - 1].replace(b"images", b"imagez")
        (run / "metrics.jsonl").write_bytes(b"\n".join(lines))
        RunFolder(run, LAST).close()
        assert f"metrics.jsonl: line {number} is damaged" in capsys.readouterr().out
    assert read_metrics(run) == [row for row in ROWS if row["images"] not in (150, 400)]
    assert (run / "metrics.damaged").read_bytes().count(b"imagez") == 2


def test_rows_of_somebody_else_are_set_aside(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint.save(run / "checkpoint.pt", {"metrics": ROWS[:4]})
    write_metrics(run, [*ROWS[:3], {"images": 200, "train/error": 0.0}, *ROWS[4:]])
    RunFolder(run, 200).close()
    assert read_metrics(run) == ROWS[:4]
    assert b'"train/error": 0.0,' in (run / "metrics.damaged").read_bytes()
    said = capsys.readouterr().out
    assert "does not know: 1" in said and "from the checkpoint: 1" in said


def test_on_a_full_disk_nothing_is_lost(run: Path) -> None:
    content = (run / "metrics.jsonl").read_bytes()[5:]
    (run / "metrics.jsonl").write_bytes(content)
    with small_disk(len(content) // 2), pytest.raises(FolderUnwritable, match=r"metrics.jsonl"):
        restore_metrics(run, LAST, None)
    assert (run / "metrics.jsonl").read_bytes() == content
    assert (run / "metrics.damaged").read_bytes() == content.split(b"\n")[0] + b"\n"


def test_metrics_in_no_file(run: Path) -> None:
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").mkdir()
    with pytest.raises(CorruptedData, match=r"metrics.jsonl is no file: move it away"):
        RunFolder(run, LAST)
