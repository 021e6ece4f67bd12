"""What a zoom is for: one MNIST digit a picture, from small to nearly as wide as the picture.

`python benchmarks/digit_sizes.py FOLDER` draws them, as PNGs with a label file to train on;
with `--run RUN`, an agent trained on them, it prints its zoom and its errors by the digit's size.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import cv2
import numpy as np
import tyro
from numpy.typing import NDArray

from agents.dram.model.build import load_agent
from agents.dram.readers.agent_reader import AgentReader, label_reader
from agents.evaluation.evaluation import batches
from agents.trainer.commands import run_command
from agents.trainer.envs import set_precision
from benchmarks import reporting
from glimpse_env.errors import InvalidArgument, require_between
from glimpse_env.tasks.mnist.digits import load_mnist

SIDE = 96  # of a picture, pixels
SMALLEST, LARGEST = 14, 84  # side of the digit's square, pixels
EDGES = (14, 22, 34, 54, 85)  # sizes that share a row of the table
LABEL_FILE = "labels.csv"


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Draw the pictures, or tell what an agent does with them."""

    folder: tyro.conf.Positional[Path]
    """Where the pictures are, or shall be."""
    run: Path | None = None
    """Run folder of an agent that has been trained on them."""
    train: int = 50_000
    """Pictures to train on, at most 50,000; as many digits as MNIST's own training split has."""
    held_out: int = 5_000
    """Pictures of the validation split and of the test split each, at most 10,000."""


def picture(digit: NDArray[np.uint8], side: int, x: int, y: int) -> NDArray[np.uint8]:
    """A black picture with `digit` (28, 28) scaled to `side` pixels, top left corner at (x, y)."""
    scaling = cv2.INTER_AREA if side < len(digit) else cv2.INTER_LINEAR
    whole = np.zeros((SIDE, SIDE), np.uint8)
    whole[y : y + side, x : x + side] = cv2.resize(digit, (side, side), interpolation=scaling)
    return whole


def draw(folder: Path, numbers: dict[str, int]) -> None:
    """Draw so many pictures of each split, sizes spread evenly on a logarithmic scale.

    The size is in a picture's name: `train/00012_37.png` has a digit of 37 pixels.
    """
    rng = np.random.default_rng(0)
    lines = []
    for split, number in numbers.items():
        (folder / split).mkdir(parents=True, exist_ok=True)
        digits = load_mnist(split)
        for index in range(number):
            side = round(SMALLEST * (LARGEST / SMALLEST) ** rng.random())
            x, y = rng.integers(0, SIDE - side + 1, 2)
            name = f"{split}/{index:05d}_{side}.png"
            _, png = cv2.imencode(".png", picture(digits.images[index], side, x, y))
            (folder / name).write_bytes(png.tobytes())
            lines.append([name, digits.labels[index], split])
    with (folder / LABEL_FILE).open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["file", "labels", "split"], *lines])


def sizes(folder: Path, split: str) -> NDArray[np.int64]:
    """The digits' sizes in the pictures of a split, in its order, pixels."""
    with (folder / LABEL_FILE).open(newline="", encoding="utf-8") as stream:
        names = [row["file"] for row in csv.DictReader(stream) if row["split"] == split]
    return np.array([int(Path(name).stem.split("_")[1]) for name in names], np.int64)


def read(reader: AgentReader) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """What is read right, (M,), and how wide each chosen glimpse's finest scale is, (M, T)."""
    right, widths = [], []
    for first, index, kept in batches(reader, 0):
        rollout = reader.play(index, first)
        right.append(rollout.right[:kept].cpu().numpy())
        squares = reader.envs.episodes.eye.squares(rollout.gaze.clamp(-1, 1).cpu().numpy())
        chosen = np.zeros(rollout.returns.numel() * rollout.max_glimpses, np.int64)
        chosen[rollout.place.cpu().numpy()] = squares[:, 0, 2]
        # The first is that of the reset, which nobody chooses.
        widths.append(chosen.reshape(len(index), -1)[:kept, 1:])
    return np.concatenate(right), np.concatenate(widths)


def table(side: NDArray[np.int64], right: NDArray[np.bool_], widths: NDArray[np.int64]) -> str:
    """Errors and the mean width of each glimpse by the digit's size, as Markdown."""
    rows = []
    for low, high in itertools.pairwise(EDGES):
        there = (side >= low) & (side < high)
        error = f"{100 * (~right[there]).mean():.1f} %" if there.any() else ""
        seen = [f"{width:.0f}" for width in widths[there].mean(0)] if there.any() else []
        rows.append([f"{low} .. {high - 1} px", f"{there.sum()}", error, ", ".join(seen)])
    head = ["digit's size", "images", "error", "mean width of glimpses 2, 3, ..., px"]
    return reporting.table(head, rows)


def main(arguments: Arguments) -> None:
    """Draw, or read and print.

    Raises:
        InvalidArgument: More pictures than digits, or an agent without a zoom.
    """
    if arguments.run is None:
        held_out = arguments.held_out
        numbers = {"train": arguments.train, "validation": held_out, "test": held_out}
        for split, number in numbers.items():
            require_between(split, number, 1, len(load_mnist(split).labels))
        draw(arguments.folder, numbers)
        return
    agent, trained = load_agent(arguments.run)
    set_precision(trained.matmul_precision)
    if not trained.zoom:
        raise InvalidArgument(f"{arguments.run} has no zoom: train it with --zoom True")
    config = trained.with_own_images(arguments.folder, arguments.folder / LABEL_FILE)
    reader = label_reader(agent, config, "test")
    right, widths = read(reader)
    print(table(sizes(arguments.folder, "test"), right, widths))


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
