"""One round of tuning, alike for every learner: `python -m benchmarks.compare.tuning`.

A learner starts from the first values of its ranges in `tuned.py`. One option after another takes
the other values of its range, the rest as they are then, and keeps the best one: by the validation
error of MNIST over the last quarter of a run, with one seed, which the comparison does not use.
`results/algorithm_tuning.csv` keeps every run; learners that are in it are not tuned again. What is
best is to be written into `tuned.py`, which a test holds to the file.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime
import multiprocessing
import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
import tyro

from agents.runs.provenance import commit
from agents.trainer.commands import run_command
from benchmarks import reporting
from benchmarks.compare.contenders import Player
from benchmarks.compare.run import POINTS, Watch
from benchmarks.compare.tasks import task_named
from benchmarks.compare.tuned import RANGES, Options
from benchmarks.csv_rows import read_csv, write_csv

TRIALS = reporting.RESULTS / "algorithm_tuning.csv"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """A run with one choice of options: a row of algorithm_tuning.csv."""

    learner: str
    """Name in entrants.py."""
    options: str
    """Those that are tuned, `name=value`."""
    error: float
    """Validation error, percent, mean of the last quarter of the readings."""
    budget: int
    """Environment steps."""
    seed: int
    """Of weights, images and noise."""
    cpu_seconds: float
    """Processor time of the learning."""
    date: str
    """Day."""
    commit: str
    """Commit of the code."""


@dataclasses.dataclass
class Arguments:
    """Try the options of the learners of the comparison, one after the other."""

    learners: tuple[str, ...] = tuple(RANGES)
    """Whose."""
    task: str = "mnist"
    """Name of tasks.py."""
    budget: int = 200_000
    """Environment steps of a run."""
    seed: int = 1000
    """Of all runs."""
    workers: int = os.cpu_count() or 1
    """Learners side by side, each with one core."""
    trials: Path = TRIALS
    """File of rows."""


def one_round(name: str, task: str, budget: int, seed: int) -> list[Trial]:
    """All trials of a learner, in the order in which they were made."""
    kept = {option: values[0] for option, values in RANGES[name].items()}
    trials = [_try(name, task, budget, seed, kept)]
    for option, values in RANGES[name].items():
        for value in values[1:]:
            trials.append(_try(name, task, budget, seed, kept | {option: value}))
        kept = best_options(trials)
    return trials


def _try(name: str, task: str, budget: int, seed: int, options: Options) -> Trial:
    player = Player(name, task_named(task), seed, budget, **options)
    watch = Watch(player, budget, images=2_000)
    player.learn(watch)
    last = [point["validation/error"] for point in watch.curve[-(POINTS // 4) :]]
    return Trial(
        learner=name,
        options=" ".join(f"{option}={value:g}" for option, value in options.items()),
        error=round(100 * sum(last) / len(last), 3),
        budget=budget,
        seed=seed,
        cpu_seconds=round(watch.clock.read()[1], 1),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        commit=commit(),
    )


def read_trials(path: Path = TRIALS) -> list[Trial]:
    """All rows of such a file; none if there is no file.

    Raises:
        CorruptedData: A column is missing, unknown, or has something else than its numbers.
    """
    return read_csv(Trial, path)


def best_options(trials: Iterable[Trial]) -> Options:
    """Those of the best of a learner's trials."""
    best = min(trials, key=lambda one: one.error)
    pairs = (pair.split("=") for pair in best.options.split())
    return {option: _number(text) for option, text in pairs}


def _number(text: str) -> float:
    return int(text) if text.isdecimal() else float(text)


def tuning_table(trials: Iterable[Trial]) -> str:
    """What was tried, and what came of it: a table for docs/algorithms.md."""
    head = ["learner", "tried, the start first", "start, %", "kept", "kept, %"]
    by_learner = groupby(trials, key=lambda one: one.learner)
    return reporting.table(head, [_line(name, [*rows]) for name, rows in by_learner])


def _line(name: str, trials: list[Trial]) -> list[str]:
    best = best_options(trials)
    tried = "; ".join(
        f"{_words(option)} {', '.join(f'{value:g}' for value in values)}"
        for option, values in RANGES[name].items()
    )
    kept = "; ".join(f"{_words(option)} {value:g}" for option, value in best.items())
    errors = [one.error for one in trials]
    return [f"`{name}`", tried, f"{errors[0]:.1f}", kept, f"{min(errors):.1f}"]


def _words(option: str) -> str:
    return option.replace("_", " ")


def main(arguments: Arguments) -> None:
    """Tune the learners that are not in the file yet; each is kept when its round is over."""
    known = {one.learner for one in read_trials(arguments.trials)}
    missing = [name for name in arguments.learners if name not in known]
    print(f"{len(arguments.learners)} learners, of which {len(known)} are there")
    common: tuple[Any, ...] = (arguments.task, arguments.budget, arguments.seed)
    with concurrent.futures.ProcessPoolExecutor(
        arguments.workers, multiprocessing.get_context("spawn"), torch.set_num_threads, (1,)
    ) as pool:
        waiting = [pool.submit(one_round, name, *common) for name in missing]
        for done in concurrent.futures.as_completed(waiting):
            trials = done.result()
            kept = [*read_trials(arguments.trials), *trials]
            place = [*RANGES].index
            kept.sort(key=lambda one: place(one.learner))  # of one learner, as they were made
            write_csv(Trial, kept, arguments.trials)
            print(f"{trials[0].learner}: {best_options(trials)}", flush=True)


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
