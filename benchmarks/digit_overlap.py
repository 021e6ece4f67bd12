"""Errors on pairs and sums by how far apart the two digits are, which may lie on each other.

`python benchmarks/digit_overlap.py RUN`: reads the test split once at the mean gaze.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from pathlib import Path
from typing import Literal

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import tyro
from numpy.typing import NDArray

from agents.dram.model.build import load_agent
from agents.dram.readers.agent_reader import label_reader
from agents.evaluation.evaluation import batches
from agents.evaluation.reader import Reader
from agents.trainer.commands import run_command
from agents.trainer.envs import set_precision
from benchmarks import reporting
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.mnist.layouts import DIGIT
from glimpse_env.tasks.mnist.task import MNISTTask

EDGES = (0, DIGIT // 4, DIGIT // 2, 3 * DIGIT // 4, DIGIT)  # pixels


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Print the table of a run."""

    run: tyro.conf.Positional[Path]
    """Run folder of an agent that reads pairs or sums."""
    split: Literal["validation", "test"] = "test"
    """Which split is read."""
    images: int = 0
    """Only so many of the first images; 0 for all."""


def distances(task: MNISTTask, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """How far the squares of the two digits are shifted against each other, pixels, (m,).

    The larger of the shifts to the side and down: from 28 pixels on they have nothing in common.
    """
    corners = np.stack(task.corners(index))
    shifts: NDArray[np.int64] = abs(corners[..., 0] - corners[..., 1]).max(0)
    return shifts


def read(reader: Reader, images: int) -> NDArray[np.bool_]:
    """Which of the first images, 0 for all, are read right."""
    right = []
    for first, index, kept in batches(reader, images):
        same = reader.say(index, first) == reader.targets(index)
        right.append(same[:kept].all(1).numpy())
    return np.concatenate(right)


def table(apart: NDArray[np.int64], right: NDArray[np.bool_]) -> str:
    """Images and errors by distance, as Markdown."""
    rows = []
    for low, high in itertools.pairwise((*EDGES, sys.maxsize)):
        there = (apart >= low) & (apart < high)
        error = f"{100 * (~right[there]).mean():.1f} %" if there.any() else ""
        wrong = f"{100 * (there & ~right).sum() / max((~right).sum(), 1):.0f} %"
        name = f"{low} px and more: apart" if low == DIGIT else f"{low} .. {high - 1} px"
        rows.append([name, f"{100 * there.mean():.1f} %", error, wrong])
    head = ["shift of the digits' squares", "of all images", "error", "of all errors"]
    return reporting.table(head, rows)


def main(arguments: Arguments) -> None:
    """Read and print.

    Raises:
        InvalidArgument: The run reads something else, or a number of images below 0.
    """
    agent, config = load_agent(arguments.run)
    set_precision(config.matmul_precision)
    reader = label_reader(agent, config, arguments.split)
    task = reader.envs.task
    if not isinstance(task, MNISTTask) or np.stack(task.corners(np.arange(1))).shape[-1] != 2:
        raise InvalidArgument(f"{arguments.run} reads {config.env_id}, not two digits")
    right = read(reader, arguments.images)
    print(f"{arguments.split} error {100 * (~right).mean():.2f} % of {len(right)} images")
    print(table(distances(task, np.arange(len(right))), right))


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
