"""Which algorithm learns where to look: `python benchmarks/compare_algorithms.py`; see `--help`.

Trains every learner on every task with every seed, a run a core, for equally many environment
steps, and keeps what comes of it in `results/algorithms.csv`. What has been run is not run again;
what was stopped begins anew. docs/algorithms.md shows the tables; `entrants.py` is where an
algorithm is entered.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from functools import partial
from pathlib import Path

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[:1] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

import tyro

from agents.trainer.commands import run_command
from benchmarks.apart import run_module_apart
from benchmarks.compare.entrants import ENTRANTS, entrant_named, takes_part
from benchmarks.compare.fan_out import LOST, in_processes, with_ray
from benchmarks.compare.outcomes import CURVES, OUTCOMES, Run, keep, read_outcomes
from benchmarks.compare.run import RESULT, read_result
from benchmarks.compare.tasks import task_named
from glimpse_env.errors import InvalidArgument


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Compare algorithms on the same tasks, for equally many environment steps."""

    tasks: tuple[str, ...] = ("mnist",)
    """Names of tasks.py."""
    learners: tuple[str, ...] = ()
    """Names of entrants.py, or `module:function` of your own; none for all that can learn the
    task."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """A run each."""
    budget: int = 0
    """Environment steps of a run, of all its rows together; 0 for what the task has."""
    workers: int = os.cpu_count() or 1
    """Runs side by side on this machine, each with one core."""
    ray: bool = False
    """Let Ray hand out the runs, on this machine or on the cluster that RAY_ADDRESS names; there
    the checkout and the folder of the runs must be the same paths everywhere."""
    validation_images: int = 2_000
    """Read at each point of a curve. Any other number than this, or than that of test images, wants
    a folder and files of its own."""
    test_images: int = 0
    """Read at the end of a run; 0 for all."""
    runs: Path = Path("runs/compare")
    """Folder for the runs, a folder each."""
    outcomes: Path = OUTCOMES
    """File of rows."""
    curves: Path = CURVES
    """File of curves."""


def require_own_places(arguments: Arguments) -> None:
    """Keep runs that read fewer images apart: they would be taken for whole ones later.

    Raises:
        InvalidArgument: They would go where whole ones are kept.
    """
    sizes = ("validation_images", "test_images")
    changed = [name for name in sizes if getattr(arguments, name) != getattr(Arguments, name)]
    places = ("runs", "outcomes", "curves")
    usual = {name: getattr(Arguments, name).resolve() for name in places}
    shared = [name for name in places if getattr(arguments, name).resolve() == usual[name]]
    if changed and shared:
        given = ", ".join(f"{name}={getattr(arguments, name)}" for name in changed)
        wants = ", ".join(f"--{name}" for name in shared)
        raise InvalidArgument(
            f"{given}: such runs are not kept with those that read all images; give {wants} of "
            "their own"
        )


def wanted(arguments: Arguments) -> list[Run]:
    """The runs that are asked for, seed by seed, so that every learner has its first one early.

    Raises:
        InvalidArgument: An unknown name, or no learner for a task.
    """
    for name in arguments.learners:
        entrant_named(name)
    found = []
    for seed in arguments.seeds:
        for name in arguments.tasks:
            task = task_named(name)
            learners = [one for one in arguments.learners or ENTRANTS if takes_part(one, task)]
            if not learners:
                raise InvalidArgument(f"none of {arguments.learners} can learn task {name!r}")
            budget = arguments.budget or task.steps
            found += [Run(name, learner, budget, seed) for learner in learners]
    return found


def main(arguments: Arguments) -> int:
    """Run what is missing, and keep what there is; returns the exit status.

    Raises:
        InvalidArgument: An unknown name, no learner for a task, or see require_own_places.
    """
    require_own_places(arguments)
    # Workers of a cluster stand elsewhere.
    arguments = dataclasses.replace(arguments, runs=arguments.runs.absolute())
    runs = wanted(arguments)
    known = {one.run for one in read_outcomes(arguments.outcomes)}
    missing = [run for run in runs if run not in known]
    print(f"{len(runs)} runs, of which {len(runs) - len(missing)} are there")
    failed = 0
    fan_out = with_ray if arguments.ray else in_processes
    apart = partial(run_apart, arguments=arguments)
    for run, status in fan_out(missing, apart, arguments.workers):
        if status:
            failed = status
            output = arguments.runs / run.name / "output.txt"
            why = "its worker was lost" if status == LOST else f"{output} says why"
            print(f"{run.name}: stopped ({status}); ask for it again; {why}")
            continue
        result = read_result(arguments.runs / run.name)
        keep([(result["outcome"], result["curve"])], arguments.outcomes, arguments.curves)
        print(f"{run.name}: test error {result['outcome']['error']:.2f} %", flush=True)
    return failed


def run_apart(run: Run, arguments: Arguments) -> int:
    """A run in a process of its own, with one thread; returns its exit status."""
    folder = arguments.runs / run.name
    if (folder / RESULT).exists():
        return 0
    words = [run.task, run.learner, str(run.budget), str(run.seed), str(folder.absolute())]
    words += ["--validation-images", str(arguments.validation_images)]
    words += ["--test-images", str(arguments.test_images)]
    return run_module_apart("benchmarks.compare.run", words, folder / "output.txt")


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
