"""Environment steps a second, held against a bare gather and against other people's environments.

`python benchmarks/env_throughput.py --peer-python PATH`; see benchmarks/README.md.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":  # before NumPy is loaded, which would start its threads
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks.measuring import use_one_thread

    use_one_thread()

import numpy as np
import tyro

from agents.runs.provenance import ROOT, circumstances
from agents.trainer.commands import run_command
from benchmarks import reporting
from benchmarks.env_tables import (
    CLOCKS,
    REFERENCE,
    SINGLE_IDS,
    Measured,
    explanation,
    tables,
    thresholds,
)
from benchmarks.env_works import (
    Setup,
    custom_images,
    gathers,
    single_steps,
    sync_steps,
    vector_steps,
)
from benchmarks.measuring import Rate, measure, use_one_core
from envs_registry import TABLE
from glimpse_env.errors import require_choice
from glimpse_env.tasks.mnist.digits import load_mnist

SYNC_ROWS = 128  # above, SyncVectorEnv takes minutes and tells nothing new


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Measure environment steps a second and write them to benchmarks/results."""

    ids: tuple[str, ...] = tuple(
        name for name in TABLE if "SVHN" not in name and "Catch" not in name
    )
    """Environment ids with labels; SVHN's would download its archives, and step as house numbers
    do."""
    num_envs: tuple[int, ...] = (1, 128, 1024)
    """Rows of the vector environments."""
    backends: tuple[str, ...] = ("numpy", "torch")
    """Any of numpy and torch."""
    device: str = "cpu"
    """Torch device of the torch backend; on another than cpu the gather runs there, too."""
    seconds: float = 0.3
    """Least length of a repetition; there are five."""
    peer_python: str | None = None
    """Interpreter that has ap_gym (and aiohttp) and envpool; without it they are not measured."""
    output: Path = reporting.RESULTS / "env_throughput.md"
    """Where to write; the same numbers go to a .json file beside it."""


def main(arguments: Arguments) -> None:
    """Measure all, print it and write it.

    Raises:
        InvalidArgument: There is no such environment.
    """
    for env_id in arguments.ids:
        require_choice("ids", env_id, tuple(TABLE))
    use_one_core()
    if "torch" in arguments.backends:
        import torch

        torch.set_num_threads(1)
    packages = ["glimpse-env", "gymnasium", "numpy"] + ["torch"] * ("torch" in arguments.backends)
    facts = circumstances(packages, arguments.device)
    measured = Measured(arguments.backends, dict(environments(arguments)))
    if "numpy" in arguments.backends:
        measured.singles = singles(arguments.seconds)
        measured.sizes = sizes(arguments.seconds)
    if arguments.peer_python:
        measured.peers, facts["peers"] = peers(arguments.peer_python, arguments.seconds)
    library = "NumPy" if arguments.device == "cpu" else "torch"
    parts = [
        explanation(arguments.seconds, library),
        reporting.quietness(measured.all_rates()),
        *tables(measured),
        "## Thresholds",
        f"At {REFERENCE} rows on one core.",
        reporting.ratio_table(thresholds(measured)),
    ]
    title = "Environment steps a second"
    print(reporting.write(arguments.output, title, facts, parts, measured.as_json()))


def environments(arguments: Arguments) -> Iterator[tuple[tuple[str, int], dict[str, Rate]]]:
    """The rates of every id at every number of rows."""
    for env_id in arguments.ids:
        for number in arguments.num_envs:
            setup = Setup(env_id, number, device=arguments.device)
            works = gathers(setup)
            for backend in arguments.backends:
                works[backend] = vector_steps(setup._replace(backend=backend))
            if "numpy" in arguments.backends and number <= SYNC_ROWS:
                works["SyncVectorEnv"] = sync_steps(setup)
            if "numpy" in arguments.backends and number == REFERENCE:
                works["out of phase"] = vector_steps(setup, in_phase=False)
            rates = measure(works, arguments.seconds)
            shown = (f"{name} {reporting.per_second(rate)}" for name, rate in rates.items())
            print(f"{env_id}, {number}: {', '.join(shown)}", file=sys.stderr)
            yield (env_id, number), rates


def singles(seconds: float) -> dict[str, Rate]:
    """Single environments as `gym.make` gives them."""
    works = {
        f"{env_id}, {clock}": single_steps(env_id, resets_count=counts)
        for env_id in (*SINGLE_IDS, "CartPole-v1")
        for clock, counts in zip(CLOCKS, (True, False), strict=True)
    }
    return measure(works, seconds)


def sizes(seconds: float) -> dict[str, Rate]:
    """The same glimpses of small and of large images."""
    setup = Setup("Glimpse-v0", REFERENCE)
    eye = {"glimpse_size": 12, "num_scales": 2}
    works = {
        f"{side}x{side}": vector_steps(setup._replace(options=custom_images(8, side) | eye))
        for side in (64, 2048)
    }
    return measure(works, seconds)


def peers(python: str, seconds: float) -> tuple[dict[str, Rate], str]:
    """The peers' rates and versions, measured by their own interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        digits, rates = Path(folder) / "digits.npz", Path(folder) / "rates.json"
        train = load_mnist("train")
        np.savez(digits, images=train.images, labels=train.labels)
        script = ROOT / "benchmarks" / "peer_envs.py"
        words = [python, str(script), str(digits), str(rates), str(seconds)]
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run(words, check=True, stdout=sys.stderr, env=environment)
        answer = json.loads(rates.read_text())
    for name, rate in answer["rates"].items():
        if isinstance(rate, str):
            print(f"{name} not measured: {rate}", file=sys.stderr)
    measured = {n: Rate(*rate) for n, rate in answer["rates"].items() if isinstance(rate, list)}
    return measured, ", ".join(f"{name} {version}" for name, version in answer["versions"].items())


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
