"""All that must be measured on a GPU, in four parts of less than ten minutes each.

`python benchmarks/gpu.py`, or `--parts env` and so on; see benchmarks/README.md. `--device cpu`
runs the same where there is no GPU, for tests: what needs one is then "not measured".
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch
import tyro

from agents.runs.provenance import circumstances
from agents.trainer.commands import run_command
from benchmarks import reporting
from benchmarks.gpu_env import EnvOptions, env_part
from benchmarks.gpu_parity import ParityOptions, parity_part
from benchmarks.gpu_precision import PrecisionOptions, precision_part
from benchmarks.gpu_training import TrainingOptions, training_part
from benchmarks.gpu_works import Part
from glimpse_env.errors import InvalidArgument

PartName = Literal["env", "parity", "training", "precision"]
RUNS: dict[str, Callable[[Any, str], Iterator[Part]]] = {
    "env": env_part,
    "parity": parity_part,
    "training": training_part,
    "precision": precision_part,
}
PACKAGES = ("glimpse-env", "gymnasium", "numpy", "torch")


@dataclasses.dataclass(kw_only=True)
class Arguments(EnvOptions, ParityOptions, TrainingOptions, PrecisionOptions):
    """Measure on a GPU and write benchmarks/results/gpu_PART.md and .json for every part."""

    parts: tuple[PartName, ...] = ("parity", "env", "training", "precision")
    """Which parts: what a device computes, environments, training, and faster precisions."""
    device: str = "cuda"
    """Torch device."""
    output: Path = reporting.RESULTS
    """Folder to write to."""


def main(arguments: Arguments) -> None:
    """Run the parts; what a part has found is written after each of its measurements.

    Raises:
        InvalidArgument: There is no such device.
    """
    require_device(arguments.device)
    about = circumstances(PACKAGES, arguments.device) | {"device": arguments.device}
    for name in arguments.parts:
        start = time.monotonic()
        for part in run(name, arguments):
            facts = about | {"minutes": f"{(time.monotonic() - start) / 60:.1f}"}
            text = write(part, arguments.output / f"gpu_{name}.md", facts)
        print(text)
        print(summary(name, part.ratios), file=sys.stderr)


def write(part: Part, path: Path, facts: dict[str, str]) -> str:
    """Write what a part has found; returns the text."""
    sections = [*part.parts, "## Thresholds", reporting.ratio_table(part.ratios)]
    ratios = [ratio._asdict() | {"verdict": ratio.verdict} for ratio in part.ratios]
    return reporting.write(path, part.title, facts, sections, part.data | {"ratios": ratios})


def run(name: PartName, arguments: Arguments) -> Iterator[Part]:
    """What a part has found so far, again and again; the process's precision is then as before."""
    products = torch.get_float32_matmul_precision()
    others = torch.backends.cudnn.allow_tf32
    try:
        yield from RUNS[name](arguments, arguments.device)
    finally:
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = others


def summary(name: str, ratios: Iterable[reporting.Ratio]) -> str:
    """How many thresholds are met, in a line."""
    verdicts = [ratio.verdict for ratio in ratios]
    counts = (f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    return f"part {name}: {', '.join(counts)}"


def require_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        InvalidArgument: It is not.
    """
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InvalidArgument(
            f"torch cannot use device={device!r} here: {error}; --device cpu tries the script"
        ) from error


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
