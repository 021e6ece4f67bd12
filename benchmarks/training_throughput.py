"""Training images a second, held against RAM as public PyTorch code writes it.

`python benchmarks/training_throughput.py`; see benchmarks/README.md.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import torch
import tyro

from agents.config import Config
from agents.presets import PRESETS
from agents.training import Training
from benchmarks import reporting
from benchmarks.measuring import REPETITIONS, Rate, Work, clocked, measure, waiter_for
from benchmarks.plain_ram import PlainTraining, Retina
from benchmarks.reporting import Ratio
from glimpse_env.errors import InvalidArgument

OURS, PUBLIC = "ours", "plain, as public code is"
WANTED = 3.0
UPDATES = 10  # in a round
MOST_IMAGES = 50_000  # that the plain model holds in memory
DEFAULT_PRECISION = "highest"  # of matrix products, in PyTorch
EXPLANATION = """\
Images a second of whole training steps (glimpses, forward, backward, optimizer), batches of
{batch}, {glimpses} glimpses an image: the median of {repetitions} repetitions of at least
{seconds} s each, taken in turn, on {threads} threads; twenty steps of warm-up are off the clock.

*ours* is `agents.training.Training.update()`, with gradient clipping and what it logs. *plain* is
`benchmarks/plain_ram.py`: the same networks, losses, batch and kind of optimizer, the images as one
float tensor in memory, crops cut out in a Python loop over the batch with elements of a tensor, as
public code does, or with Python integers, which is faster. Its matrix products have PyTorch's
default precision, "{default}", or that of the preset, "{precision}"."""


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Measure training images a second and write them to benchmarks/results."""

    preset: str = "ram_mnist"
    """A preset of agents/presets.py with one recurrent LSTM layer and no context."""
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
    config = preset(arguments.preset)
    packages = ("glimpse-env", "gymnasium", "numpy", "torch")
    facts = reporting.circumstances(packages, arguments.device)
    works, glimpses = trainings(config, arguments.device)
    rates = measure(works, arguments.seconds)
    about = EXPLANATION.format(
        batch=config.num_envs,
        glimpses=glimpses,
        repetitions=REPETITIONS,
        seconds=arguments.seconds,
        threads=arguments.threads,
        default=DEFAULT_PRECISION,
        precision=config.matmul_precision,
    )
    wanted = Ratio(f"{OURS} over {PUBLIC}", rates[OURS].median / rates[PUBLIC].median, WANTED)
    parts = [about, reporting.quietness(rates.values()), rate_table(rates)]
    parts += ["## Threshold", reporting.ratio_table([wanted])]
    data = {
        "preset": arguments.preset,
        "rates": {name: rate._asdict() for name, rate in rates.items()},
        "ratios": [wanted._asdict() | {"verdict": wanted.verdict}],
    }
    title = f"Training images a second, {arguments.preset}"
    print(reporting.write(arguments.output, title, facts, parts, data))


def preset(name: str) -> Config:
    """A preset that the plain model can follow.

    Raises:
        InvalidArgument: There is none of that name, or its agent is not the plain one.
    """
    if name not in PRESETS:
        raise InvalidArgument(f"preset={name!r} is unknown; choose one of {', '.join(PRESETS)}")
    config = PRESETS[name]()
    if config.layers != 1 or config.cell != "lstm" or config.convolutions:
        raise InvalidArgument(f"preset={name!r} is not RAM with one LSTM layer")
    return config


def trainings(config: Config, device: str) -> tuple[dict[str, Work], int]:
    """Our training and the plain ones, ready to run, and the number of glimpses."""
    ours = Training(config, device)
    task, glimpses = ours.envs.task, ours.envs.rules.glimpses_per_label
    index = np.arange(min(task.size, MOST_IMAGES))
    number = torch.as_tensor(index, device=device) if device != "cpu" else index
    images = torch.as_tensor(task.images(number)).float() / 255
    labels = torch.as_tensor(task.labels(number))[:, 0]
    channels, side, _ = ours.envs.single_observation_space["glimpse"].shape  # type: ignore[index]

    def plain(python_slices: bool) -> Callable[[], object]:
        retina = Retina(side, channels, python_slices)
        return PlainTraining(
            config, images, labels, retina=retina, glimpses=glimpses, std=ours.std
        ).update

    same, wait = config.matmul_precision, waiter_for(device)
    works = {OURS: _rounds(config, ours.update, same, wait)}
    for slices, name in ((False, PUBLIC), (True, "plain, Python integers")):
        works[name] = _rounds(config, plain(slices), DEFAULT_PRECISION, wait)
        works[f"{name}, {same}"] = _rounds(config, plain(slices), same, wait)
    return works, glimpses


def _rounds(
    config: Config,
    update: Callable[[], object],
    precision: str,
    wait: Callable[[], object] | None,
) -> Work:
    """Rounds of several updates; the precision is a setting of the whole process."""

    def work() -> None:
        torch.set_float32_matmul_precision(precision)
        for _ in range(UPDATES):
            update()
        if wait:
            wait()

    return clocked(config.num_envs * UPDATES, work)


def rate_table(rates: dict[str, Rate]) -> str:
    """Images a second, and how much faster ours is."""
    rows = []
    for name, rate in rates.items():
        factor = rates[OURS].median / rate.median
        per_second, spread = reporting.per_second(rate), reporting.spread(rate)
        rows.append([name, per_second, spread, f"{factor:.2f}"])
    return reporting.table(["training", "images a second", "spread", "ours over it"], rows)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
