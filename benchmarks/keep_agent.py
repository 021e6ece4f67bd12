"""Put the agent of a run among those that come with the repository: `keep_agent.py RUN NAME`.

Its weights become float16. What that changes is measured first, on the validation split: an agent
that reads worse for it is refused. The errors on its page are those that the run itself wrote when
it ended, from the one reading of its test split.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro

from agents.dram.config import Config
from agents.dram.model.build import load
from agents.dram.readers.agent_reader import evaluate
from agents.runs import pretrained
from agents.runs.provenance import PROVENANCE
from agents.runs.saved import load_run
from agents.trainer.commands import run_command
from agents.trainer.envs import set_precision
from glimpse_env.errors import InvalidArgument, MissingData

WORSE = 0.1  # percentage points that rounding may cost on validation


@dataclasses.dataclass
class Arguments:
    """Keep the agent of a finished run."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    name: tyro.conf.Positional[str]
    """What to call it: that of its preset, without sizes."""
    folder: Path = pretrained.FOLDER
    """Where to."""
    images: int = 0
    """Validation images read with either weights; 0 for all."""


def main(arguments: Arguments) -> None:
    """Measure what rounding costs, and write weights and page.

    Raises:
        InvalidArgument: It costs more than `WORSE`, or the weights are too large.
        MissingData: The run has not read its test split.
    """
    state, config = load_run(arguments.run, Config)
    results = finished(arguments.run)
    before = validation_error(arguments.run, arguments.images)
    after = validation_error(arguments.run, arguments.images, pretrained.rounded(state["agent"]))
    print(f"validation error {before:.2f} %, with float16 weights {after:.2f} %")
    if after > before + WORSE:
        raise InvalidArgument(
            f"{arguments.run}: float16 reads worse by {after - before:.2f} points"
        )
    state["config"] = without_places(dataclasses.asdict(config))
    path = pretrained.write(
        arguments.name, state, trained_by(arguments.run), results, arguments.folder
    )
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def validation_error(run: Path, images: int, weights: dict[str, Any] | None = None) -> float:
    """Of the run's agent at the mean gaze, with its own weights or others, percent."""
    agent, config, _, _ = load(run)
    set_precision(config.matmul_precision)
    if weights:
        agent.load_state_dict(weights)
    return evaluate(agent, config, "validation", images=images, progress=True).error


def finished(run: Path) -> list[dict[str, Any]]:
    """What the run wrote of its test split.

    Raises:
        MissingData: Nothing yet.
    """
    path = run / "result.json"
    if not path.exists():
        raise MissingData(f"{path} is not there: the run has not read its test split")
    results: list[dict[str, Any]] = json.loads(path.read_text())
    return results


def trained_by(run: Path) -> dict[str, Any]:
    """The line of the run's past that says how long it took."""
    lines = [json.loads(line) for line in (run / PROVENANCE).read_text().splitlines()]
    timed: list[dict[str, Any]] = [line for line in lines if "seconds" in line]
    return timed[-1] | {"seconds": sum(line["seconds"] for line in timed)}


def without_places(options: dict[str, Any]) -> dict[str, Any]:
    """Options without the folders of this machine: runs by their names, data wherever it lies."""
    runs = {key: Path(options[key]).name for key in ("start_from", "share_glimpse")}
    return options | runs | {"data_dir": None}


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
