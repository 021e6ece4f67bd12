"""The examples run, each where its library is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
LIBRARY = {"torchrl_example.py": "torchrl", "rllib_example.py": "ray.rllib"}


def installed(library: str) -> bool:
    package, *_ = library.split(".")
    return importlib.util.find_spec(package) is not None and (
        importlib.util.find_spec(library) is not None
    )


def test_every_example_has_a_test() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(LIBRARY)


@pytest.mark.parametrize("name", LIBRARY)
def test_an_example_trains(name: str) -> None:
    if not installed(LIBRARY[name]):
        pytest.skip(f"{LIBRARY[name]} is not installed")
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), "2"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = re.findall(r"(\d+) steps, mean return ([\d.]+)", done.stdout)
    assert len(found) == 2, done.stdout
    assert int(found[1][0]) == pytest.approx(2 * int(found[0][0]), rel=0.05)
    assert all(0 < float(earned) < 1 for _, earned in found)
