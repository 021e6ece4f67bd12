"""One run of a comparison: `python -m benchmarks.compare.run TASK LEARNER BUDGET SEED FOLDER`.

A run that is killed leaves nothing but its folder, and begins anew when it is asked for again; with
the same seed it comes to the same result.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import tyro

from agents.evaluation.evaluation import Evaluation
from agents.runs.files import write_json
from agents.runs.folder import locked
from agents.runs.provenance import commit, processor
from agents.trainer.commands import run_command
from benchmarks.compare.contenders import Contender, Player, make_contender
from benchmarks.compare.outcomes import Outcome, Run
from benchmarks.compare.tasks import Task, task_named
from benchmarks.kept_runs import Curve

RESULT = "result.json"
POINTS = 12  # of a curve


@dataclasses.dataclass
class Arguments:
    """Train one algorithm on one task with one seed, and read the test split once."""

    task: tyro.conf.Positional[str]
    """Name in tasks.py."""
    learner: tyro.conf.Positional[str]
    """Name in entrants.py."""
    budget: tyro.conf.Positional[int]
    """Environment steps, of all rows together."""
    seed: tyro.conf.Positional[int]
    """Of weights, images and noise."""
    folder: tyro.conf.Positional[Path]
    """Where the result goes."""
    validation_images: int = 2_000
    """Read at each point of the curve."""
    test_images: int = 0
    """Read at the end; 0 for all."""


class Stopwatch:
    """Seconds of learning alone, on the clock and of the processor."""

    def __init__(self) -> None:
        self._began = self._now()
        self._apart = (0.0, 0.0)

    def _now(self) -> tuple[float, float]:
        return time.monotonic(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Both until now."""
        now = zip(self._now(), self._began, self._apart, strict=True)
        clock, cpu = (end - start - apart for end, start, apart in now)
        return clock, cpu

    def leave_out(self, what: Callable[[], Evaluation]) -> Evaluation:
        """Do something that does not count."""
        before = self._now()
        found = what()
        spent = zip(self._apart, self._now(), before, strict=True)
        clock, cpu = (apart + end - start for apart, end, start in spent)
        self._apart = clock, cpu
        return found


class Watch:
    """Reads validation images at even distances while somebody learns.

    Args:
        contender: Who learns.
        budget: Steps to come.
        images: Read each time.
    """

    def __init__(self, contender: Contender, budget: int, images: int) -> None:
        self.clock, self.curve, self.steps = Stopwatch(), Curve(), 0
        self._contender, self._images = contender, images
        self._marks = [budget * (point + 1) // POINTS for point in range(POINTS)]

    def __call__(self, steps: int) -> None:
        """Note the steps taken, and read where that is due."""
        self.steps = steps
        if not self._marks or steps < self._marks[0]:
            return
        self._marks = [mark for mark in self._marks if mark > steps]
        seconds, cpu = self.clock.read()
        found = self.clock.leave_out(lambda: self._contender.read("validation", self._images))
        point = {"images": float(steps), "validation/error": found.error / 100}
        self.curve.append(point | {"time/seconds": seconds, "time/cpu_seconds": cpu})


def run_one(
    run: Run, folder: Path, validation_images: int = 2_000, test_images: int = 0
) -> dict[str, Any]:
    """Train and test, and write `result.json` at the end; returns what is in it.

    Args:
        run: What to run.
        folder: Its own; a result that is there is not made again.
        validation_images: Read at each point of the curve.
        test_images: Read at the end; 0 for all.

    Raises:
        InvalidArgument: An unknown name, or another process has the folder.
        FolderUnwritable: There is no room, or the folder cannot be written.
    """
    task = task_named(run.task)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if (folder / RESULT).exists():
            return read_result(folder)
        contender = make_contender(run.learner, task, run.seed, run.budget)
        watch = Watch(contender, run.budget, validation_images)
        contender.learn(watch)
        seconds, cpu = watch.clock.read()
        tested = contender.read("test", test_images)
        outcome = Outcome(
            **_about(run, task, contender),
            steps=watch.steps,
            seconds=round(seconds, 3),
            cpu_seconds=round(cpu, 3),
            **_measured(tested),
        )
        looks = contender.looks() if isinstance(contender, Player) else []
        result = {"outcome": dataclasses.asdict(outcome), "curve": watch.curve, "looks": looks}
        write_json(folder / RESULT, result)
    return result


def read_result(folder: Path) -> dict[str, Any]:
    """What a run has come to: its row, "outcome", its "curve", and "looks", see looks.py."""
    found: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    return found


def _measured(tested: Evaluation) -> dict[str, Any]:
    low, high = tested.interval
    numbers = {"n": tested.images, "wrong": tested.wrong, "error": tested.error}
    return {**numbers, "low": low, "high": high, "parameters": tested.parameters}


def _about(run: Run, task: Task, contender: Contender) -> dict[str, Any]:
    threads = torch.get_num_threads()
    return {
        "task": run.task,
        "env_id": task.env_id,
        "env_options": _words(task.env_options()),
        "learner": run.learner,
        "options": _words(_changed(contender.options)),
        "seed": run.seed,
        "budget": run.budget,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {threads} threads",
    }


_COLUMNS = ("env_id", "seed", "options", "images", "timesteps", "published_error")


def _changed(options: object) -> dict[str, Any]:
    """The fields of a configuration that differ from their defaults, and are no columns."""
    if not dataclasses.is_dataclass(options):
        return {}
    return {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(options)
        if field.name not in _COLUMNS and getattr(options, field.name) != field.default
    }


def _words(options: dict[str, Any]) -> str:
    return shlex.join(f"{name}={value}" for name, value in sorted(options.items()))


def main(arguments: Arguments) -> None:
    """Run, and say what came of it."""
    run = Run(arguments.task, arguments.learner, arguments.budget, arguments.seed)
    sizes = {"validation_images": arguments.validation_images}
    result = run_one(run, arguments.folder, test_images=arguments.test_images, **sizes)
    print(f"{run.name}: test error {result['outcome']['error']:.2f} %")


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
