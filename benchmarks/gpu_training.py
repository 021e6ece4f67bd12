"""Training images a second on a device, and how much of it computes: the part `training`."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import sys
from collections.abc import Iterator
from typing import NamedTuple

import torch

from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.dram.presets import PRESETS
from agents.evaluation.flops import counting
from agents.trainer.command_line import preset_named
from agents.trainer.envs import set_precision
from benchmarks import reporting
from benchmarks.gpu_works import Failures, Part, on_gpu, seconds_of
from benchmarks.measuring import REPETITIONS, Rate, Work, clocked, measure, waiter_for
from benchmarks.reporting import Ratio

UPDATES = 10  # in a round
FEW_IMAGES = 2000  # house numbers, so that drawing them does not take the part's minutes
PRECISIONS = ("highest", "high", "bfloat16")
WANTED_SPEEDUP = 2.0  # of a graph
EXPLANATION = """\
Images a second of whole training steps (`Training.update()`: rollout, loss, gradients, clipping,
optimizer, what is logged): the median of {repetitions} repetitions of at least {seconds} s each;
capture, compilation and two rounds of warm-up are off the clock. `dram_house_numbers` has the
networks and the sizes of `dram_svhn`; here it reads {few} images, drawn before.

*capture* is that of `train_dram.py`: none, graph (an update is one CUDA graph), compile (its
networks are compiled before). *precision*: float32 matrix products, convolutions and recurrent
layers at "highest" or "high" (TensorFloat-32), or networks in bfloat16 with recurrent layers at
"high".

*FLOP/s* are products of matrices and convolutions, forward and backward, as PyTorch counts them
while an update runs (agents/evaluation/flops.py), those of rows whose episode has ended among
them: they are computed. *of the ceiling*: of what one product of two {side} x {side} matrices
reaches at the same precision in the same run."""


class Case(NamedTuple):
    """Which training."""

    preset: str
    rows: int
    capture: str
    precision: str

    def config(self) -> Config:
        """The preset, so changed."""
        config = preset_named(PRESETS, self.preset)
        numbers = FEW_IMAGES if "HouseNumbers" in config.env_id else None
        return dataclasses.replace(config, num_images=numbers, **self.changes())  # type: ignore[arg-type]

    def changes(self) -> dict[str, object]:
        """The options of `train_dram.py` in which it differs from the preset."""
        products = "high" if self.precision == "bfloat16" else self.precision
        return {
            "num_envs": self.rows,
            "capture": self.capture,
            "matmul_precision": products,
            "precision": "bfloat16" if self.precision == "bfloat16" else "float32",
        }


@dataclasses.dataclass(kw_only=True)
class TrainingOptions:
    """Of the part `training`."""

    presets: tuple[str, ...] = ("dram_pairs", "dram_house_numbers")
    """Presets of agents/dram/presets.py."""
    num_envs: tuple[int, ...] = (128, 1024)
    """Rows of a batch: a small and a large one."""
    training_seconds: float = 1.0
    """Least length of a repetition; there are five."""
    matrix_side: int = 8192
    """Of the product that is taken for the ceiling."""


def training_part(options: TrainingOptions, device: str) -> Iterator[Part]:
    """Measure every preset at every number of rows, captured and not; report after each case."""
    rates: dict[Case, Rate] = {}
    flops: dict[tuple[str, int], float] = {}
    failures = Failures()
    ceilings: dict[str, float] = {}
    for precision in PRECISIONS:
        with failures.noted(f"ceiling, {precision}"):
            ceilings[precision] = ceiling(precision, options.matrix_side, device)
    yield _report(options, rates, flops, ceilings, failures)
    for case in cases(options, device):
        with failures.noted(", ".join(map(str, case))):
            if (case.preset, case.rows) not in flops:
                flops[case.preset, case.rows] = flops_per_image(case, device)
            rates |= measure(
                {case: _rounds(Training(case.config(), device))}, options.training_seconds
            )
        gc.collect()  # a captured training refers to itself; with it goes its graph's memory
        print(f"{tuple(case)}: {reporting.per_second(rates.get(case))}", file=sys.stderr)
        yield _report(options, rates, flops, ceilings, failures)


def _report(
    options: TrainingOptions,
    rates: dict[Case, Rate],
    flops: dict[tuple[str, int], float],
    ceilings: dict[str, float],
    failures: Failures,
) -> Part:
    about = EXPLANATION.format(
        repetitions=REPETITIONS,
        seconds=options.training_seconds,
        few=FEW_IMAGES,
        side=options.matrix_side,
    )
    return Part(
        title="Training images a second on a device",
        parts=[
            about,
            _ceiling_table(ceilings),
            _table(rates, flops, ceilings),
            *failures.section(),
        ],
        ratios=list(_thresholds(rates, options)),
        data={
            "ceilings": ceilings,
            "flops_per_image": [[*key, value] for key, value in flops.items()],
            "rates": [case._asdict() | rate._asdict() for case, rate in rates.items()],
        },
    )


def cases(options: TrainingOptions, device: str) -> Iterator[Case]:
    """Every way to capture at TensorFloat-32, and a graph at every precision.

    What may break the process comes after what it might take along.
    """
    sizes = list(itertools.product(options.presets, options.num_envs))
    if not on_gpu(device):
        yield from (Case(*size, "none", how) for size in sizes for how in PRECISIONS)
        return
    yield from (Case(*size, "none", "high") for size in sizes)
    yield from (
        Case(*size, "graph", how) for size in sizes for how in ("high", "highest", "bfloat16")
    )
    # A compilation takes a minute.
    yield from (Case(preset, options.num_envs[0], "compile", "high") for preset in options.presets)


def ceiling(precision: str, side: int, device: str) -> float:
    """FLOP/s of one large product of matrices."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    set_precision("high" if precision == "bfloat16" else precision)
    one, other = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    products = 10

    def work() -> None:
        for _ in range(products):
            torch.mm(one, other)

    return 2.0 * side * side * side * products / seconds_of(work, device)


def flops_per_image(case: Case, device: str) -> float:
    """FLOP of an update, an image."""
    training = Training(case._replace(capture="none").config(), device)
    training.update()  # as every later one: the first allocates
    with counting() as counter:
        training.update()
    return float(counter.get_total_flops()) / case.rows


def _rounds(training: Training) -> Work:
    wait = waiter_for(training.device) or (lambda: None)

    def work() -> None:
        for _ in range(UPDATES):
            training.update()
        wait()

    return clocked(training.config.num_envs * UPDATES, work)


def _ceiling_table(ceilings: dict[str, float]) -> str:
    rows = [[name, f"{value / 1e12:.3g}"] for name, value in ceilings.items()]
    return reporting.table(["precision", "ceiling, TFLOP/s"], rows)


def _table(
    rates: dict[Case, Rate], flops: dict[tuple[str, int], float], ceilings: dict[str, float]
) -> str:
    lines = []
    for case, rate in rates.items():
        image = flops[case.preset, case.rows]
        reached = image * rate.median
        lines.append(
            [
                *(str(part) for part in case),
                reporting.per_second(rate),
                reporting.spread(rate),
                f"{image / 1e9:.3g}",
                f"{reached / 1e12:.3g}",
                f"{100 * reached / ceilings[case.precision]:.2g} %"
                if case.precision in ceilings
                else "–",
            ]
        )
    head = ["preset", "rows", "capture", "precision", "images a second", "spread"]
    return reporting.table([*head, "GFLOP an image", "TFLOP/s", "of the ceiling"], lines)


def _thresholds(rates: dict[Case, Rate], options: TrainingOptions) -> Iterator[Ratio]:
    """What a graph gains over the same kernels one by one."""
    for preset in options.presets:
        for rows in options.num_envs:
            plain, graph = (rates.get(Case(preset, rows, way, "high")) for way in ("none", "graph"))
            value = graph.median / plain.median if plain and graph else None
            yield Ratio(f"{preset}, {rows} rows: graph over none", value, WANTED_SPEEDUP)
