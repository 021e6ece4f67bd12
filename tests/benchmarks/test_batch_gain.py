"""The benchmark trains on both, and writes what a reader needs; no number is looked at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import batch_gain, measuring
from benchmarks.batch_gain import BATCH, LIST


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("stable_baselines3")
    monkeypatch.setattr(measuring, "REPETITIONS", 1)
    monkeypatch.setattr(measuring, "WARM_UP", 0)


def test_both_are_trained_and_compared(tmp_path: Path) -> None:
    output = tmp_path / "gain.md"
    arguments = batch_gain.Arguments(ids=("GlimpseCatch-v0",), rows=16, seconds=1e-3, output=output)
    batch_gain.main(arguments)
    lines = [line for line in output.read_text().splitlines() if line.startswith("| Glimpse")]
    assert [line.split(" | ")[1] for line in lines] == ["alone", "PPO, 1 pass", "PPO, 10 passes"]
    rates = json.loads(output.with_suffix(".json").read_text())["rates"]
    assert len(rates) == 6 and all(rate["median"] > 0 for rate in rates)


def test_a_list_and_a_batch_are_the_same_environments() -> None:
    envs = [batch_gain.make(kind, "GlimpseCatch-v0", 3) for kind in (LIST, BATCH)]
    assert envs[0].action_space == envs[1].action_space
    for one in envs:
        one.seed(7)
    seen = [one.reset() for one in envs]
    np.testing.assert_array_equal(seen[0]["glimpse"], seen[1]["glimpse"])
