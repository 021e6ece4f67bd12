"""A command in a process of its own, what it says in a file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agents.runs.provenance import ROOT


def run_apart(
    command: Sequence[str],
    output: Path,
    environment: Mapping[str, str] = {},
    folder: Path | None = None,
) -> int:
    """Run it to its end; returns its exit status.

    Args:
        command: Program and arguments.
        output: File to which what it says is added; its folder is made.
        environment: Variables beside those of this process.
        folder: Where it stands; None for where this process does.

    Raises:
        OSError: The program cannot be started, or the file not be written.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("ab") as said:
        return subprocess.run(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdout=said,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


def run_module_apart(module: str, words: Sequence[str], output: Path) -> int:
    """`python -m` of this checkout, on one thread; modules of the present folder are found, too."""
    places = [str(ROOT), os.getcwd(), os.environ.get("PYTHONPATH", "")]
    one_thread = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(places)}
    return run_apart([sys.executable, "-m", module, *words], output, one_thread, ROOT)
