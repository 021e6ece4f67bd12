"""Processes beside the test's own, forked from one that has imported torch and the agents.

Starting Python and importing all that takes seconds, which most tests of several processes would
spend their time with.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["agents.train_dram", "torch._dynamo"])


class Program:
    """A program in a process of its own, with one thread; it may not start others.

    Args:
        words: As those of the shell behind `python`: the path of a script, or "-c" and the code;
            then arguments.
        folder: Where its words are kept.
        environment: Variables beside those of this process.
    """

    def __init__(
        self, words: Sequence[str | Path], folder: Path, environment: Mapping[str, str] = {}
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._outputs = folder / "stdout", folder / "stderr"
        known = ([str(word) for word in words], dict(os.environ) | environment, self._outputs)
        # A daemon does not outlive a test run that fails before it has ended.
        self.process = CONTEXT.Process(target=_play, args=known, daemon=True)
        self.process.start()

    def ended(self, seconds: float = 300) -> Ended:
        """What it has said; it is killed if it does not end in time."""
        self.process.join(seconds)
        self.process.kill()
        self.process.join()
        return Ended(self.process.exitcode, *(path.read_text() for path in self._outputs))


class Ended(NamedTuple):
    """How a program has ended."""

    status: int | None
    said: str
    errors: str


def _play(words: list[str], environment: dict[str, str], outputs: Sequence[Path]) -> None:
    import torch

    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    for number, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(words[1], {"__name__": "__main__"})
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")
