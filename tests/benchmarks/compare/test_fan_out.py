from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from benchmarks.compare.fan_out import LOST, in_processes, with_ray
from benchmarks.compare.outcomes import Run
from glimpse_env.errors import MissingPackage

RUNS = [Run("catch12", "ram", 1, seed) for seed in range(4)]


def test_every_run_is_made_once_and_its_status_is_its_own() -> None:
    found = dict(in_processes(RUNS, lambda run: run.seed * 10, 2))
    assert found == {run: run.seed * 10 for run in RUNS}


def test_without_ray_one_line_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackage, match="--ray needs Ray: pip install ray"):
        next(with_ray(RUNS, lambda run: 0, 1))


@pytest.mark.slow
def test_a_killed_worker_is_one_run_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray")

    def run_apart(run: Run, fatal: int) -> int:
        if run.seed == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        (tmp_path / run.name).write_text(str(os.getpid()))
        return run.seed * 10

    found = dict(with_ray(RUNS, partial(run_apart, fatal=2), 2))
    assert found == {run: LOST if run.seed == 2 else run.seed * 10 for run in RUNS}
    others = {path.read_text() for path in tmp_path.iterdir()}
    assert f"{RUNS[2].name}: " in capsys.readouterr().err  # and why
    assert len([*tmp_path.iterdir()]) == 3 and str(os.getpid()) not in others
