"""Check any row of the tables, or make it again: `python benchmarks/reproduce.py [ROW ...]`.

Without a row: all of them, with the paper's error, ours, the command, and whether an agent of it
comes with the repository. `ROW` lets that agent read the test split anew, in a minute or two, and
holds the error to the interval on its page. `ROW --train` trains the row from nothing with the kept
command; several rows wait for each other, one a core, and whatever was stopped goes on when it is
asked for again.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro

from agents.dram.model.build import load
from agents.dram.readers.agent_reader import evaluate
from agents.runs import pretrained
from agents.runs.provenance import ROOT
from agents.trainer.commands import run_command
from agents.trainer.envs import set_precision
from benchmarks.apart import run_apart
from benchmarks.kept_runs import Result, read_results
from benchmarks.result_rows import Row, read_rows
from benchmarks.tables import Tables, table
from glimpse_env.errors import InvalidArgument

_COMMAND = re.compile(r"`(train_(?:dram|convnet)\.py[^`]*)`")
_PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b")  # such as FORWARD: another run that a command names


@dataclasses.dataclass
class Arguments:
    """Check rows of the tables, or train them anew."""

    rows: tyro.conf.Positional[tuple[str, ...]] = ()
    """Names of rows; none to list them."""
    train: bool = False
    """Train the rows from nothing, each with its kept command."""
    runs: Path = Path("runs/reproduce")
    """Folder for the runs of `--train`, a folder a row; one that is there already goes on."""
    workers: int = os.cpu_count() or 1
    """Trainings side by side on a CPU, each with one core; 1 where they share a GPU."""
    images: int = 0
    """Test images read; 0 for all."""


def main(arguments: Arguments) -> int:
    """List, evaluate or train; returns the exit status."""
    rows = read_rows()
    chosen = [named(rows, name) for name in arguments.rows]
    if not chosen:
        print(listing(rows, read_results()))
        return 0
    if arguments.train:
        return train(chosen, arguments)
    return max(check(row, arguments.images) for row in chosen)


def named(rows: Sequence[Row], name: str) -> Row:
    """The row of that name.

    Raises:
        InvalidArgument: There is none.
    """
    found = [row for row in rows if row.name == name]
    if not found:
        raise InvalidArgument(f"no row {name!r}; there are: {', '.join(row.name for row in rows)}")
    return found[0]


def listing(rows: Sequence[Row], results: Sequence[Result]) -> str:
    """All rows as a Markdown table."""
    tables = Tables(rows, results)
    head = ["row", "task", "command", "took", "pretrained", "paper", "ours, mean gaze", "averaged"]
    kept = pretrained.names()
    lines = [
        [
            *(row.name, tables.task(row), row.command, row.took),
            *("yes" if row.pretrained in kept else "", row.paper),
            *(tables.mean_gaze(row), tables.averaged(row)),
        ]
        for row in rows
    ]
    return table(head, lines, right=3)


def check(row: Row, images: int) -> int:
    """Read the test split with the agent of a row; 0 if its error is within its interval.

    Raises:
        InvalidArgument: No agent of the row comes with the repository.
    """
    if row.pretrained not in pretrained.names():
        raise InvalidArgument(
            f"{row.name}: no agent of this row comes with the repository; train it with "
            f"`reproduce.py {row.name} --train`"
        )
    agent, config, _, _ = load(pretrained.PREFIX + row.pretrained)
    set_precision(config.matmul_precision)
    found = evaluate(agent, config, "test", images=images, progress=True)
    kept = pretrained.page(row.pretrained)
    low, high = kept.results[0]["interval"]
    within = low <= found.interval[1] and found.interval[0] <= high
    verdict = "as kept" if within else "NOT as kept"
    print(f"{row.name}: {found.describe()}; {verdict}: {kept.error}; paper: {row.paper}")
    return 0 if within else 1


def command_of(row: Row) -> list[str]:
    """What trains a row, in words for the system.

    Raises:
        InvalidArgument: It takes more than one command, or a run that another row makes.
    """
    found = _COMMAND.fullmatch(row.command)
    if not found or _PLACEHOLDER.search(found[1]):
        raise InvalidArgument(
            f"{row.name} is made of several runs; train these by hand, as docs/results.md says: "
            f"{row.command}"
        )
    script, *options = shlex.split(found[1])
    return [sys.executable, str(ROOT / "agents" / script), *options]


def train(rows: Sequence[Row], arguments: Arguments) -> int:
    """Train rows, as many at a time as there are workers; 0 if all have come to their end."""
    commands = {row.name: command_of(row) for row in rows}
    with concurrent.futures.ThreadPoolExecutor(max(1, arguments.workers)) as pool:
        statuses = pool.map(
            lambda row: train_one(commands[row.name], arguments.runs / row.name, arguments), rows
        )
        ended = dict(zip(commands, statuses, strict=True))
    for name, status in ended.items():
        print(f"{name}: {'finished' if status == 0 else f'stopped ({status}); ask for it again'}")
    return max(ended.values())


def train_one(command: list[str], folder: Path, arguments: Arguments) -> int:
    """Begin a row's run in `folder`, or go on with the one that is there."""
    runs = sorted(folder.glob("*/checkpoint.pt"), key=lambda path: path.stat().st_mtime)
    if runs and (runs[-1].parent / "result.json").exists():
        return 0
    if runs:
        command = [*command[:2], "--resume", str(runs[-1].parent)]
    else:
        command = [*command, "--runs", str(folder)]
    threads = {"OMP_NUM_THREADS": "1"} if arguments.workers > 1 else {}
    return run_apart(command, folder / "output.txt", threads)


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
