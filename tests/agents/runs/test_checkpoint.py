from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from agents.runs import checkpoint
from agents.runs.files import write_atomically
from glimpse_env.errors import CorruptedData, MissingData

STATE = {"weights": torch.arange(50.0), "updates": 7, "config": {"name": "x", "sizes": [1, 2]}}


def test_comes_back_whole(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c.pt", STATE)
    back = checkpoint.load(tmp_path / "c.pt")
    assert torch.equal(back.pop("weights"), STATE["weights"])
    assert back == {key: value for key, value in STATE.items() if key != "weights"}
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_every_flipped_bit_and_every_cut_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    checkpoint.save(path, STATE)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.integers(len(whole), size=200):
        altered = bytearray(whole)
        altered[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(altered)
        with pytest.raises(CorruptedData, match=r"c\.pt"):
            checkpoint.load(path)
    for length in rng.integers(len(whole), size=20):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptedData):
            checkpoint.load(path)


def test_a_hostile_payload_is_not_executed(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "executed"),)

    checkpoint.save(tmp_path / "c.pt", {"weights": Hostile()})
    with pytest.raises(CorruptedData):
        checkpoint.load(tmp_path / "c.pt")
    write_atomically(tmp_path / "d.pt", pickle.dumps(Hostile()))
    with pytest.raises(CorruptedData):
        checkpoint.load(tmp_path / "d.pt")
    assert not (tmp_path / "executed").exists()


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"nothing\.pt"):
        checkpoint.load(tmp_path / "nothing.pt")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.pt"
    checkpoint.save(path, STATE)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, STATE | {"updates": 8})
    assert checkpoint.load(path)["updates"] == 7
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]
