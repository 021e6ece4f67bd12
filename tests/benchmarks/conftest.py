from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RunMaker = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> RunMaker:
    """Make a run folder of a configuration, metrics, and evaluations by the names of files."""

    def make(
        name: str,
        config: dict[str, Any] | None = None,
        metrics: list[dict[str, float]] | None = None,
        **evaluations: list[dict[str, Any]],
    ) -> Path:
        run = tmp_path / "made" / name
        run.mkdir(parents=True)
        whole = {"env_id": "GlimpseMNIST-v0", "seed": 0, "images": 3000} | (config or {})
        (run / "config.json").write_text(json.dumps(whole))
        lines = "".join(json.dumps(row) + "\n" for row in metrics or [])
        (run / "metrics.jsonl").write_text(lines)
        for file, rows in evaluations.items():
            (run / f"{file}.json").write_text(json.dumps([evaluation(**row) for row in rows]))
        return run

    return make


def evaluation(**given: Any) -> dict[str, Any]:
    """An evaluation as runs write them."""
    usual = {"split": "test", "gaze": "policy", "samples": 1, "images": 900, "wrong": 47}
    return usual | {"error": 5.222, "interval": [3.949, 6.875]} | given
