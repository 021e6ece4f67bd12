"""Training images a second, held against RAM as public PyTorch code writes it.

`python benchmarks/training_throughput.py`; see benchmarks/README.md.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import torch
import tyro

from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.dram.model.gazes import sigma_pixels
from agents.dram.presets import PRESETS
from agents.runs.provenance import circumstances
from agents.trainer.command_line import preset_named
from agents.trainer.commands import run_command
from agents.trainer.envs import for_task, make_reading_envs, set_precision
from benchmarks import reporting
from benchmarks.measuring import REPETITIONS, Rate, Work, clocked, measure, waiter_for
from benchmarks.plain_ram import Batches, PlainTraining, Retina, loaded, resident
from benchmarks.reporting import Ratio
from glimpse_env.errors import InvalidArgument

OURS, PUBLIC = "ours", "plain, as public code is"
RESIDENT, INTEGERS = "plain, images in memory", "plain, images in memory, Python integers"
WANTED = 3.0
UPDATES = 10  # in a round
MOST_IMAGES = 50_000  # that the plain model holds in memory
DEFAULT_PRECISION = "highest"  # of matrix products, in PyTorch
EXPLANATION = """\
Images a second of whole training steps (glimpses, forward, backward, optimizer), {threads} threads:
the median of {repetitions} repetitions of at least {seconds} s each, taken in turn; twenty steps of
warm-up are off the clock.

*ours* is `Training.update()` of `agents/dram/learning/training.py`, with gradient clipping and
what it logs, on a GPU as one CUDA graph. *plain* is `benchmarks/plain_ram.py`: the same networks,
losses, batch and kind of optimizer. As in public code, images come from a data loader that makes
them tensors one at a time, as torchvision's MNIST does (in the same process: workers are slower
where all cores train), and crops are cut out in a Python loop over the batch with elements of a
tensor. The other rows hold the
images as one float tensor in memory, and cut with Python integers.

The precision is that of `torch.set_float32_matmul_precision`, on a GPU also that of cuDNN's layers;
"highest" is PyTorch's default for products. "medium" lets PyTorch choose oneDNN, which is free to
round inputs to bfloat16 where the CPU has instructions for it."""


class Name(NamedTuple):
    """Which training."""

    preset: str
    training: str
    precision: str


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Measure training images a second and write them to benchmarks/results."""

    presets: tuple[str, ...] = ("ram_mnist", "ram_mnist_lstm")
    """Presets of agents/dram/presets.py with one recurrent layer and no convolutions."""
    threads: int = 2
    """Of torch."""
    device: str = "cpu"
    """Torch device of everything."""
    seconds: float = 2.0
    """Least length of a repetition; there are five."""
    output: Path = reporting.RESULTS / "training_throughput.md"
    """Where to write; the same numbers go to a .json file beside it."""


def main(arguments: Arguments) -> None:
    """Measure, print and write."""
    torch.set_num_threads(arguments.threads)
    configs = {name: preset(name) for name in arguments.presets}
    packages = ("glimpse-env", "gymnasium", "numpy", "torch")
    facts = circumstances(packages, arguments.device)
    works = {
        Name(name, training, precision): work
        for name, config in configs.items()
        for training, precision, work in trainings(config, arguments.device)
    }
    rates = measure(works, arguments.seconds)
    about = EXPLANATION.format(
        repetitions=REPETITIONS, seconds=arguments.seconds, threads=arguments.threads
    )
    ratios = thresholds(rates, configs)
    parts = [about, reporting.quietness(rates.values()), *rate_tables(rates, configs)]
    parts += ["## Thresholds", reporting.ratio_table(ratios)]
    data = {
        "rates": [{**name._asdict(), **rate._asdict()} for name, rate in rates.items()],
        "ratios": [ratio._asdict() | {"verdict": ratio.verdict} for ratio in ratios],
    }
    print(reporting.write(arguments.output, "Training images a second", facts, parts, data))


def preset(name: str) -> Config:
    """A preset that the plain model can follow.

    Raises:
        InvalidArgument: There is none of that name, or its agent is not the plain one.
    """
    config = preset_named(PRESETS, name)
    if config.layers != 1 or config.convolutions or config.standardize:
        raise InvalidArgument(f"preset={name!r} is not RAM as the plain model is")
    return config


def trainings(config: Config, device: str) -> Iterator[tuple[str, str, Work]]:
    """Our training and the plain ones in each precision, ready to run."""
    reading = make_reading_envs(config, "train", 1, device)
    task, glimpses = reading.task, reading.rules.glimpses_per_label
    number = for_task(reading, np.arange(min(task.size, MOST_IMAGES)))
    images = torch.as_tensor(task.images(number)).cpu()[:, 0].to(torch.uint8)
    labels = torch.as_tensor(task.labels(number)).cpu()[:, 0]
    scales, side, _ = reading.single_observation_space["glimpse"].shape  # type: ignore[index]

    def plain(source: Callable[..., Batches], python_slices: bool) -> Callable[[], object]:
        return PlainTraining(
            config,
            source(images, labels, config.num_envs, device),
            task.num_classes,
            device,
            retina=Retina(side, scales, python_slices),
            glimpses=glimpses,
            std=sigma_pixels(config, 0) / reading.image_shape[2] * 2,
        ).update

    updates = {
        PUBLIC: plain(loaded, python_slices=False),
        RESIDENT: plain(resident, python_slices=False),
        INTEGERS: plain(resident, python_slices=True),
    }
    for precision in dict.fromkeys((DEFAULT_PRECISION, "medium", config.matmul_precision)):
        # One for each: on a GPU the first update fixes the kernels, which are then replayed.
        own = Training(dataclasses.replace(config, matmul_precision=precision), device).update  # type: ignore[arg-type]
        for name, update in {OURS: own, **updates}.items():
            work = _rounds(config, update, precision, waiter_for(device))
            yield name, precision, work


def _rounds(
    config: Config,
    update: Callable[[], object],
    precision: str,
    wait: Callable[[], object] | None,
) -> Work:
    """Rounds of several updates; the precision is a setting of the whole process."""

    def work() -> None:
        set_precision(precision)
        for _ in range(UPDATES):
            update()
        if wait:
            wait()

    return clocked(config.num_envs * UPDATES, work)


def thresholds(rates: dict[Name, Rate], configs: dict[str, Config]) -> list[Ratio]:
    """Ours as the presets have it, over the plain ones at PyTorch's defaults."""
    ratios = []
    for name, config in configs.items():
        ours = rates[Name(name, OURS, config.matmul_precision)]
        for plain in (PUBLIC, RESIDENT):
            theirs = rates[Name(name, plain, DEFAULT_PRECISION)]
            title = f"{name}: ours over {plain}"
            ratios.append(Ratio(title, ours.median / theirs.median, WANTED))
    return ratios


def rate_tables(rates: dict[Name, Rate], configs: dict[str, Config]) -> Iterator[str]:
    """Images a second, and how many times those of public code, a table for each preset."""
    for preset_name, config in configs.items():
        public = rates[Name(preset_name, PUBLIC, DEFAULT_PRECISION)].median
        rows = []
        for name, rate in rates.items():
            if name.preset == preset_name:
                speeds = [reporting.per_second(rate), reporting.spread(rate)]
                rows.append([name.training, name.precision, *speeds, f"{rate.median / public:.2f}"])
        glimpses = make_reading_envs(config, "train", 1).rules.glimpses_per_label
        units = "LSTM" if config.cell == "lstm" else "rectifier"
        yield (
            f"## {preset_name}\n\n{config.units} {units} units, batches of {config.num_envs}, "
            f'{glimpses} glimpses an image, the preset\'s precision "{config.matmul_precision}".'
        )
        head = ["training", "precision", "images a second", "spread", "over public code"]
        yield reporting.table(head, rows)


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
