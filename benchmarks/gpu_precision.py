"""Whether a faster precision moves the error: the part `precision` of `gpu.py`."""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import torch

from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.dram.presets import PRESETS
from agents.dram.readers.agent_reader import evaluate
from agents.evaluation.evaluation import Evaluation
from agents.trainer.command_line import preset_named
from agents.trainer.envs import set_precision
from benchmarks import reporting
from benchmarks.gpu_works import Failures, Part, on_gpu
from benchmarks.reporting import Ratio

PRECISIONS: dict[str, dict[str, Any]] = {
    "highest": {"matmul_precision": "highest", "precision": "float32"},
    "high": {"matmul_precision": "high", "precision": "float32"},
    "bfloat16": {"matmul_precision": "high", "precision": "bfloat16"},
}
EXPLANATION = """\
The same seed, images and noise at every precision: {images} training images, with the learning
rates of a run of that length, then the error of the mean gaze on {validation} images of the
validation split, read at "highest". "highest" is float32 throughout, "high" TensorFloat-32 in
products, convolutions and recurrent layers, "bfloat16" networks that learn in it (torch.autocast)
but for the recurrent layers, which are as with "high".
The intervals are those of the images that were read (95 %, Wilson). Runs part for good at the first
rounding, and one seed says nothing about differences inside the intervals: a precision moves the
error where its interval lies wholly above that of "highest"."""


class Outcome(NamedTuple):
    """Of a run."""

    evaluation: Evaluation
    images_per_second: float


@dataclasses.dataclass(kw_only=True)
class PrecisionOptions:
    """Of the part `precision`."""

    precision_presets: tuple[str, ...] = ("ram_mnist", "dram_house_numbers")
    """Presets of agents/dram/presets.py."""
    precision_images: int = 500_000
    """Training images."""
    precision_validation: int = 5000
    """Validation images."""
    precision_num_images: int = 20_000
    """House numbers to train on, all of which are drawn before."""
    precision_capture: Literal["none", "graph", "compile"] = "graph"
    """Of the updates, on a GPU."""


def precision_part(options: PrecisionOptions, device: str) -> Iterator[Part]:
    """Train and validate at every precision, and report after each."""
    failures, outcomes = Failures(), dict[tuple[str, str], Outcome]()
    yield _report(options, outcomes, failures)
    for preset, name in itertools.product(options.precision_presets, PRECISIONS):
        with failures.noted(f"{preset}, {name}"):
            outcomes[preset, name] = outcome(preset, name, options, device)
        yield _report(options, outcomes, failures)


def _report(
    options: PrecisionOptions, outcomes: dict[tuple[str, str], Outcome], failures: Failures
) -> Part:
    about = EXPLANATION.format(
        images=options.precision_images, validation=options.precision_validation
    )
    data = [
        {"preset": preset, "precision": name, "images_per_second": found.images_per_second}
        | dataclasses.asdict(found.evaluation)
        for (preset, name), found in outcomes.items()
    ]
    return Part(
        title="The error at faster precisions",
        parts=[about, _table(outcomes), *failures.section()],
        ratios=list(_thresholds(options, outcomes)),
        data={"runs": data},
    )


def outcome(preset: str, precision: str, options: PrecisionOptions, device: str) -> Outcome:
    """Train a preset at a precision, and validate it."""
    training = Training(_config(preset, precision, options, device), device)
    training.update()  # captures
    start, before = time.monotonic(), training.images
    while training.images < options.precision_images:
        training.update()
    if on_gpu(device):
        torch.cuda.synchronize(device)
    speed = (training.images - before) / max(time.monotonic() - start, 1e-9)
    exact = dataclasses.replace(training.config, matmul_precision="highest")
    set_precision("highest")
    found = evaluate(training.agent, exact, "validation", images=options.precision_validation)
    print(f"{preset}, {precision}: {found.describe()}", file=sys.stderr)
    return Outcome(found, speed)


def _config(preset: str, precision: str, options: PrecisionOptions, device: str) -> Config:
    config = preset_named(PRESETS, preset)
    return dataclasses.replace(
        config,
        images=options.precision_images,
        num_images=options.precision_num_images if "HouseNumbers" in config.env_id else None,
        capture=options.precision_capture if on_gpu(device) else "none",
        **PRECISIONS[precision],
    )


def _table(outcomes: dict[tuple[str, str], Outcome]) -> str:
    rows = []
    for (preset, name), (found, speed) in outcomes.items():
        low, high = found.interval
        error = f"{found.error:.2f} % ({low:.2f} .. {high:.2f})"
        rows.append([preset, name, error, reporting.rounded(speed)])
    return reporting.table(["preset", "precision", "validation error", "images a second"], rows)


def _thresholds(
    options: PrecisionOptions, outcomes: dict[tuple[str, str], Outcome]
) -> Iterator[Ratio]:
    """The lower end of an interval, which must not lie above the upper end of the exact one."""
    for preset, name in itertools.product(options.precision_presets, PRECISIONS):
        exact, found = outcomes.get((preset, "highest")), outcomes.get((preset, name))
        if name != "highest":
            value = found.evaluation.interval[0] if found and exact else None
            wanted = exact.evaluation.interval[1] if exact else 0.0
            title = f"{preset}, {name}: least error of its interval, %"
            yield Ratio(title, value, wanted, at_most=True)
