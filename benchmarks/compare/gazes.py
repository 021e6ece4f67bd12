"""Where every learner looks, on the same twelve images: `python -m benchmarks.compare.gazes`.

A picture for each task and budget, `docs/pictures/gazes_TASK_BUDGET.webp`, a line a learner, drawn
from what the runs with one seed have left in their folders; see `--help`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray
from PIL import Image

from agents.trainer.commands import run_command
from agents.trainer.envs import make_reading_envs
from benchmarks.compare.groups import groups_of
from benchmarks.compare.looks import PICTURED, Looked
from benchmarks.compare.outcomes import CURVES, OUTCOMES, Run, read_outcomes
from benchmarks.compare.run import RESULT, read_result
from benchmarks.compare.tasks import task_named
from benchmarks.kept_runs import read_curves
from benchmarks.still_pictures import PICTURES, write_webp
from glimpse_env.frames.drawing import BACKGROUND, Frame, as_rgb, draw_path, resize, write

_SIDE, _BELOW, _NAMES = 112, 20, 150  # pixels: an image, what was said, the column of names
_RIGHT, _WRONG = (88, 214, 120), (255, 110, 98)


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Draw where every learner looks on the same twelve validation images."""

    runs: Path = Path("runs/compare")
    """Folder of the runs."""
    seed: int = 0
    """Of the runs that are drawn."""
    pictures: Path = PICTURES
    """Folder for the pictures."""


def draw(lines: Sequence[tuple[str, Sequence[Looked]]], images: NDArray[np.uint8]) -> Frame:
    """A line a learner: the paths of its gaze over all images, and below each what it said.

    Args:
        lines: Names, and what was done on each image.
        images: (n, C, H, W).

    Returns:
        One picture, in which labels are green where they are right, and red elsewhere.
    """
    return np.concatenate([_line(name, looked, images) for name, looked in lines])


def _line(name: str, looked: Sequence[Looked], images: NDArray[np.uint8]) -> Frame:
    head = np.full((_SIDE + _BELOW, _NAMES, 3), BACKGROUND, np.uint8)
    write(head, name, (8, _SIDE / 2))
    tiles = [_tile(image, one) for image, one in zip(images, looked, strict=True)]
    return np.concatenate([head, *tiles], axis=1)


def _tile(image: NDArray[np.uint8], looked: Looked) -> Frame:
    _, height, width = image.shape
    across = round(_SIDE * width / height)
    shown = resize(as_rgb(image), _SIDE, across)
    draw_path(shown, (np.array(looked["gazes"]) + 1) / 2 * (across, _SIDE))
    tile = np.full((_SIDE + _BELOW, across + 4, 3), BACKGROUND, np.uint8)
    tile[:_SIDE, :across] = shown
    words = looked["said"]
    for place, (word, right) in enumerate(words):
        middle = across * (place + 1) / (len(words) + 1), _SIDE + _BELOW / 2
        write(tile, word, middle, colour=_RIGHT if right else _WRONG, weight=600, centred=True)
    return tile


def main(arguments: Arguments) -> None:
    """Draw all tasks and budgets of which runs are here that have looked at images."""
    groups = groups_of(read_outcomes(OUTCOMES), read_curves(CURVES))
    for (name, budget), members in groupby(groups, key=lambda one: (one.task, one.budget)):
        lines = []
        for group in members:
            folder = arguments.runs / Run(name, group.learner, budget, arguments.seed).name
            looked = read_result(folder).get("looks") if (folder / RESULT).exists() else None
            if looked:
                lines.append((group.learner, looked))
        if lines:
            envs = make_reading_envs(task_named(name), "validation", 1)
            images: Any = envs.task.images(np.arange(PICTURED))
            path = arguments.pictures / f"gazes_{name}_{budget}.webp"
            write_webp(path, Image.fromarray(draw(lines, images)), quality=75)
            print(path)


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
