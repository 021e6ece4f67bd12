"""The figures of docs/, made from kept results and the pretrained agents: `benchmarks/plots.py`.

`python benchmarks/plots.py` makes them all, `python benchmarks/plots.py cost glimpses` those two.
Nothing is downloaded: agents are shown on rendered images.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import tyro
from matplotlib.figure import Figure

from agents.dram.model.build import load_agent
from agents.dram.readers.shown_images import envs_of_images
from agents.runs.provenance import ROOT
from agents.trainer.commands import run_command
from agents.trainer.envs import make_reading_envs
from benchmarks.figures import gazes, measured
from benchmarks.figures.digits import typeset
from benchmarks.figures.panels import draw, save
from benchmarks.kept_runs import CURVES, RUNS, read_curves, read_results
from benchmarks.result_rows import ROWS, read_rows
from glimpse_env.errors import require_choice
from glimpse_env.tasks.house_numbers.glyphs import TRAINING_FACES

EXAMPLES = 6  # images of which gazes are drawn


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Make figures of kept results."""

    figures: tyro.conf.Positional[tuple[str, ...]] = ()
    """Names of figures; none for all."""
    output: Path = ROOT / "docs" / "figures"
    """Folder that they go to."""
    rows: Path = ROWS
    """File of the tables' rows."""
    runs: Path = RUNS
    """File of evaluations."""
    curves: Path = CURVES
    """File of curves."""


def glimpses(arguments: Arguments) -> Figure:
    """Error against the number of glimpses, ours and the paper's."""
    return draw(measured.glimpses(read_rows(arguments.rows), read_results(arguments.runs)))


def learning_curves(arguments: Arguments) -> Figure:
    """Learning curves by what gazes are credited with."""
    return draw(
        measured.learning_curves(read_results(arguments.runs), read_curves(arguments.curves))
    )


def cost(arguments: Arguments) -> Figure:
    """Error against multiply-adds of every reader of house numbers."""
    panels = measured.cost(read_rows(arguments.rows), read_results(arguments.runs))
    return draw(panels, columns=3)


def adaptive_reader(arguments: Arguments) -> Figure:
    """Error against glimpses of readers that decide when to speak."""
    return draw(measured.adaptive(read_results(arguments.runs)))


def gazes_digits(_: Arguments) -> Figure:
    """RAM of MNIST at work, on digits of typefaces."""
    agent, config = load_agent("pretrained:ram_mnist")
    digits = np.array([2, 3, 5, 6, 8, 9])
    faces = TRAINING_FACES[:: len(TRAINING_FACES) // len(digits)]  # from all over the list
    images = np.stack([typeset(face, digit) for face, digit in zip(faces, digits, strict=False)])
    envs = envs_of_images(config, images[:, None], digits, 10, num_envs=len(digits), device="cpu")
    examples = gazes.watch(agent, envs, np.arange(len(digits)))
    return gazes.draw(examples, envs.rules.max_glimpses)


def gazes_house_numbers(_: Arguments) -> Figure:
    """DRAM at work, on the first house numbers of the test split."""
    agent, config = load_agent("pretrained:dram_house_numbers")
    envs = make_reading_envs(config, "test", EXAMPLES, stop_on_mistake=False)
    examples = gazes.watch(agent, envs, np.arange(EXAMPLES))
    return gazes.draw(examples, envs.rules.max_glimpses)


FIGURES: dict[str, Callable[[Arguments], Figure]] = {
    "glimpses.png": glimpses,
    "learning_curves.png": learning_curves,
    "cost.png": cost,
    "adaptive_reader.png": adaptive_reader,
    "gazes_digits.webp": gazes_digits,
    "gazes_house_numbers.webp": gazes_house_numbers,
}


def main(arguments: Arguments) -> None:
    """Make the figures and name them.

    Raises:
        InvalidArgument: There is no such figure.
    """
    files = {Path(file).stem: file for file in FIGURES}
    for name in arguments.figures:
        require_choice("figures", name, tuple(files))
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name in arguments.figures or files:
        path = arguments.output / files[name]
        save(FIGURES[files[name]](arguments), path)
        print(path)


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
