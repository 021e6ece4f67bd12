from __future__ import annotations

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.config import Config
from agents.run_folder import RunFolder
from agents.training import Training
from benchmarks import digit_overlap
from glimpse_env.errors import InvalidArgument
from tests.agents.conftest import NUMBERS

ADDITION = Config(env_id="GlimpseMNISTAddition-v0", features=16, units=16, num_envs=16)


def make_run(folder: Path, config: Config) -> Path:
    """That of an agent that has learned nothing."""
    run = RunFolder.new(folder, "run", config)
    run.save(Training(config).state())
    run.close()
    return run.path


def test_errors_are_told_by_distance(
    tmp_path: Path, synthetic_mnist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path, ADDITION)
    digit_overlap.main(digit_overlap.Arguments(run=run, images=300))
    first, *table = capsys.readouterr().out.splitlines()
    assert first.startswith("test error ") and first.endswith(" of 300 images")
    cells = [line.strip("| ").split(" | ") for line in table[2:]]
    assert [row[0] for row in cells][-1] == "28 px and more: apart"
    images, errors = (np.array([float(row[place].split()[0]) for row in cells]) for place in (1, 2))
    assert images.sum() == pytest.approx(100, abs=0.5) and 50 < images[-1] < 75
    assert (images * errors).sum() / 100 == pytest.approx(float(first.split()[2]), abs=0.5)


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


def test_runs_of_other_tasks_are_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path, replace(NUMBERS, num_envs=16))
    with pytest.raises(InvalidArgument, match="reads GlimpseHouseNumbers-v0, not two digits"):
        digit_overlap.main(digit_overlap.Arguments(run=run))


def test_it_runs_as_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["digit_overlap.py", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit, match=r"error: .*nowhere"):
        runpy.run_path(digit_overlap.__file__, run_name="__main__")
