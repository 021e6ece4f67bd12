from __future__ import annotations

import runpy
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.runs.folder import RunFolder
from benchmarks import digit_overlap
from glimpse_env.errors import InvalidArgument
from tests.agents.conftest import NUMBERS

ADDITION = Config(env_id="GlimpseMNISTAddition-v0", features=16, units=16, num_envs=16)


class OddImagesRight:
    """Reads the first 40 images four at a time, and never another."""

    batch, size, end, networks = 4, 40, None, ()

    def say(self, index: NDArray[np.int64], seed: int) -> Tensor:
        assert len(index) == 4 and index.max() < 40
        return torch.as_tensor(index % 2)[:, None]

    def targets(self, index: NDArray[np.int64]) -> Tensor:
        return torch.ones(len(index), 1, dtype=torch.int64)


def make_run(folder: Path, config: Config) -> Path:
    """That of an agent that has learned nothing."""
    run = RunFolder.new(folder, "run", config)
    run.save(Training(config).state())
    run.close()
    return run.path


def test_every_image_is_read_once() -> None:
    for number in (3, 8, 39, 40):
        right = digit_overlap.read(OddImagesRight(), number)
        assert np.array_equal(right, np.arange(number) % 2 == 1)


def test_distances_by_hand() -> None:
    x, y = np.array([[0, 5], [9, 2], [0, 72]]), np.array([[10, 7], [0, 30], [72, 0]])
    task: Any = SimpleNamespace(corners=lambda index: (x[index], y[index]))
    assert digit_overlap.distances(task, np.arange(3)).tolist() == [5, 30, 72]


def test_a_table_by_hand() -> None:
    apart = np.array([0, 6, 7, 30, 30, 72])
    right = np.array([False, True, False, True, True, False])
    lines = digit_overlap.table(apart, right).splitlines()
    assert lines[2:4] == [
        "| 0 .. 6 px | 33.3 % | 50.0 % | 33 % |",
        "| 7 .. 13 px | 16.7 % | 100.0 % | 33 % |",
    ]
    assert lines[4] == "| 14 .. 20 px | 0.0 % |  | 0 % |"
    assert lines[-1] == "| 28 px and more: apart | 50.0 % | 33.3 % | 33 % |"


@pytest.mark.parametrize("images", [300, 0, 10**6])
def test_errors_are_told_by_distance(
    tmp_path: Path, synthetic_mnist: Path, capsys: pytest.CaptureFixture[str], images: int
) -> None:
    run = make_run(tmp_path, ADDITION)
    digit_overlap.main(digit_overlap.Arguments(run=run, images=images))
    first, *table = capsys.readouterr().out.splitlines()
    number = 300 if images == 300 else 10_000
    assert first.startswith("test error ") and first.endswith(f" of {number} images")
    cells = [line.strip("| ").split(" | ") for line in table[2:]]
    shares, errors = (np.array([float(row[place].split()[0]) for row in cells]) for place in (1, 2))
    assert shares.sum() == pytest.approx(100, abs=0.5) and 50 < shares[-1] < 75
    assert (shares * errors).sum() / 100 == pytest.approx(float(first.split()[2]), abs=0.5)


def test_what_cannot_be_told_is_refused(tmp_path: Path, synthetic_mnist: Path) -> None:
    run = make_run(tmp_path / "pairs", ADDITION)
    with pytest.raises(InvalidArgument, match="images=-1"):
        digit_overlap.main(digit_overlap.Arguments(run=run, images=-1))
    sequences = replace(ADDITION, env_id="GlimpseMNISTSequence-v0")
    for number, config in enumerate((replace(NUMBERS, num_envs=16), sequences)):
        run = make_run(tmp_path / str(number), config)
        with pytest.raises(InvalidArgument, match=f"reads {config.env_id}, not two digits"):
            digit_overlap.main(digit_overlap.Arguments(run=run))


def test_it_runs_as_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["digit_overlap.py", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit, match=r"error: .*nowhere"):
        runpy.run_path(digit_overlap.__file__, run_name="__main__")
