"""One round of tuning for the learners of a comparison: `python -m benchmarks.compare.tuning`.

A learner starts from the first values of its ranges in `tuned.py`. One option after another takes
the other values of its range, the rest as they are then, and keeps the best one: by the validation
error of MNIST over the last quarter of a run, with one seed, which the comparison does not use.
`results/algorithm_tuning.csv` keeps every run; learners that are in it are not tuned again. What is
best is to be written into `tuned.py`, which a test holds to the file.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import tyro

from agents.runs.provenance import commit
from agents.trainer.commands import run_command
from benchmarks import reporting
from benchmarks.apart import run_module_apart
from benchmarks.compare.contenders import Player
from benchmarks.compare.fan_out import in_processes
from benchmarks.compare.run import Watch
from benchmarks.compare.tasks import task_named
from benchmarks.compare.tuned import RANGES, Options
from benchmarks.csv_rows import read_csv, write_csv
from glimpse_env.errors import require_choice

TRIALS = reporting.RESULTS / "algorithm_tuning.csv"
TASK, BUDGET, SEED = "mnist", 200_000, 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """A run with one choice of options: a row of algorithm_tuning.csv."""

    learner: str
    """Name in entrants.py."""
    options: str
    """Those that are tuned, `name=value`."""
    error: float
    """Validation error, percent, mean of the readings in the last quarter."""
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
    workers: int = os.cpu_count() or 1
    """Learners side by side, a process and a core each; 0 for one after the other in this one."""
    trials: Path = TRIALS
    """File of rows."""
    runs: Path = Path("runs/tuning")
    """Folder for what the processes write."""


def one_round(name: str, budget: int = BUDGET) -> list[Trial]:
    """All trials of a learner, in the order in which they were made."""
    code = commit()
    kept = {option: values[0] for option, values in RANGES[name].items()}
    trials = [_try(name, budget, kept, code)]
    for option, values in RANGES[name].items():
        for value in values[1:]:
            trials.append(_try(name, budget, kept | {option: value}, code))
        kept = best_options(trials)
    return trials


def _try(name: str, budget: int, options: Options, code: str) -> Trial:
    player = Player(name, task_named(TASK), SEED, budget, **options)
    watch = Watch(player, budget, images=2_000)
    player.learn(watch)
    late = [one["validation/error"] for one in watch.curve if one["images"] > 0.75 * budget]
    return Trial(
        learner=name,
        options=" ".join(f"{option}={value:g}" for option, value in options.items()),
        error=round(100 * sum(late) / len(late), 3),
        budget=budget,
        seed=SEED,
        cpu_seconds=round(watch.clock.read()[1], 1),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        commit=code,
    )


def read_trials(path: Path = TRIALS) -> list[Trial]:
    """All rows of such a file; none if there is no file.

    Raises:
        CorruptedData: A column is missing, unknown, or has something else than its numbers.
    """
    return read_csv(Trial, path)


def keep(trials: Iterable[Trial], path: Path) -> None:
    """Put the trials of learners into a file, in the place of what was there of them."""
    trials = [*trials]
    anew = {one.learner for one in trials}
    others = [one for one in read_trials(path) if one.learner not in anew]
    write_csv(Trial, sorted([*others, *trials], key=lambda one: one.learner), path)


def options_of(trial: Trial) -> Options:
    """The options that were tried."""
    pairs = (pair.split("=") for pair in trial.options.split())
    return {option: _number(text) for option, text in pairs}


def _number(text: str) -> float:
    return int(text) if text.isdecimal() else float(text)


def best_options(trials: Iterable[Trial]) -> Options:
    """Those of the best of a learner's trials."""
    return options_of(min(trials, key=lambda one: one.error))


def tuning_table(trials: Iterable[Trial]) -> str:
    """What was tried, and what came of it: a table for docs/algorithms.md."""
    head = ["learner", "tried, the start first", "start, %", "kept", "kept, %"]
    by_learner = groupby(trials, key=lambda one: one.learner)
    return reporting.table(head, [_line(name, [*rows]) for name, rows in by_learner])


def _line(name: str, trials: Sequence[Trial]) -> list[str]:
    tried: dict[str, dict[float, None]] = {}
    for one in trials:
        for option, value in options_of(one).items():
            tried.setdefault(option, {})[value] = None
    errors = [one.error for one in trials]
    return [
        f"`{name}`",
        "; ".join(f"{_words(option)} {_listed(values)}" for option, values in tried.items()),
        f"{errors[0]:.1f}",
        "; ".join(f"{_words(option)} {value:g}" for option, value in best_options(trials).items()),
        f"{min(errors):.1f}",
    ]


def _words(option: str) -> str:
    return option.replace("_", " ")


def _listed(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def main(arguments: Arguments) -> int:
    """Tune the learners that are not in the file yet; returns the exit status.

    Raises:
        InvalidArgument: A name that is not in tuned.py.
    """
    for name in arguments.learners:
        require_choice("learners", name, tuple(RANGES))
    known = {one.learner for one in read_trials(arguments.trials)}
    missing = [name for name in dict.fromkeys(arguments.learners) if name not in known]
    if not arguments.workers:
        for name in missing:
            keep(one_round(name), arguments.trials)
        return 0
    failed = 0
    apart = partial(_tuned_apart, folder=arguments.runs)
    for name, status in in_processes(missing, apart, arguments.workers):
        if status:
            failed = status
            print(f"{name}: stopped ({status}); {arguments.runs / name}.txt says why")
            continue
        trials = read_trials(arguments.runs / f"{name}.csv")
        keep(trials, arguments.trials)
        print(f"{name}: {best_options(trials)}", flush=True)
    return failed


def _tuned_apart(name: str, folder: Path) -> int:
    """A learner's round in a process of its own, with one thread; returns its exit status."""
    words = ["--learners", name, "--workers", "0"]
    words += ["--trials", str((folder / f"{name}.csv").absolute())]
    return run_module_apart("benchmarks.compare.tuning", words, folder / f"{name}.txt")


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
