"""Keep the results of runs: `python benchmarks/keep_results.py runs/NAME ...`.

Each run's evaluations become rows of `results/runs.csv`, its curve rows of `results/curves.csv.xz`;
those that were there from an earlier call are replaced. Weights are not kept there.
"""

from __future__ import annotations

import dataclasses
import re
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro
from PIL import Image

from agents.trainer.commands import run_command
from benchmarks import reporting
from benchmarks.kept_runs import (
    CURVES,
    RUNS,
    Curve,
    Result,
    read_curves,
    read_results,
    write_curves,
    write_results,
)
from benchmarks.run_results import curve_of, results_of
from benchmarks.still_pictures import PICTURES, write_webp
from glimpse_env.errors import InvalidArgument

POINTS = 12  # rows of a curve that are printed
COLUMNS = {  # what is printed of a curve: its title, its unit, how it is written
    "validation/error": ("validation error, %", 100, ".2f"),
    "train/error": ("training error, %", 100, ".1f"),
    "train/cross_entropy": ("cross-entropy", 1, ".3f"),
    "train/move_entropy": ("entropy of moves", 1, ".3f"),
    "train/gaze_spread": ("gaze spread", 1, ".3f"),
    "gradients/emission": ("gradient at the emission network", 1, ".1e"),
}


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Keep evaluations and curves of runs, and print their tables."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders."""
    picture: str = ""
    """Keep gazes.png of the run (one run), too, as docs/pictures/PICTURE.webp."""
    results: Path = RUNS
    """File of evaluations."""
    curves: Path = CURVES
    """File of curves."""


def keep(runs: Sequence[Path], results: Path = RUNS, curves: Path = CURVES) -> list[Result]:
    """Put runs into both files, in the place of what was there of them; returns their rows."""
    runs = [run.absolute() for run in runs]  # "." has a name, too
    rows = [row for run in runs for row in results_of(run)]
    names = {run.name for run in runs}
    write_results([row for row in read_results(results) if row.run not in names] + rows, results)
    write_curves(read_curves(curves) | {run.name: curve_of(run) for run in runs}, curves)
    return rows


def keep_picture(run: Path, name: str) -> None:
    """Write the gazes of a run again as WebP, in a tenth of the room, losing what no eye misses."""
    write_webp(PICTURES / f"{name}.webp", Image.open(run / "gazes.png"), quality=80)


def outcomes(results: Iterable[Result]) -> str:
    """Evaluations, and what an image costs, as a table of Markdown."""
    head = ["run", "images trained on", "reader", "gaze", "sequences averaged", "images read"]
    head += ["error", "95 % interval", "parameters", "million multiply-adds an image"]
    body = [
        [
            *(row.run, f"{row.images:,}", *_kind(row)),
            *(f"{row.error:.2f} %", f"{row.low:.2f} .. {row.high:.2f}"),
            f"{row.parameters:,}" if row.parameters else "",
            f"{row.multiply_adds / 1e6:.2f}" if row.multiply_adds else "",
            f"{row.glimpses:.2f}" if row.glimpses else "",
        ]
        for row in results
        if row.split
    ]
    return reporting.table([*head, "glimpses an image"], body)


def _kind(row: Result) -> list[str]:
    return [row.reader, row.gaze, str(row.samples), f"{row.n:,}"]


def curve_table(curve: Curve) -> str:
    """What a run measured of error and gaze, a dozen rows of Markdown."""
    step = -(-len(curve) // POINTS) or 1
    chosen = curve[step - 1 :: step]
    if curve and chosen[-1] is not curve[-1]:
        chosen.append(curve[-1])
    known = {name: column for name, column in COLUMNS.items() if any(name in row for row in curve)}
    body = [
        [f"{row['images']:,.0f}"]
        + [
            format(unit * row[name], style) if name in row else ""
            for name, (_, unit, style) in known.items()
        ]
        for row in chosen
    ]
    return reporting.table(["images", *(title for title, _, _ in known.values())], body)


def over_seeds(results: Iterable[Result]) -> str:
    """Test errors of runs that differ in their seeds alone: mean, standard deviation, range.

    The interval of one run is that of its test images; how much another seed would change, only
    other seeds tell. Runs belong together if all their options do, also those that say which run
    they began from, but for its seed.
    """
    found: dict[tuple[Any, ...], dict[str, Result]] = {}
    for row in results:
        if row.split == "test":
            options = re.sub(r"-seed\d+-[\w-]+", "", row.options)
            key = (row.preset or row.run.split("-seed")[0], f"{row.images:,}", *_kind(row))
            found.setdefault((*key, options, row.train_env, row.test_env), {})[row.run] = row
    body = []
    for (*names, _, _, _), rows in found.items():
        errors = [row.error for row in rows.values() if row.error is not None]
        if len(errors) > 1:
            seeds = ", ".join(str(seed) for seed in sorted(row.seed for row in rows.values()))
            spread = [f"{statistics.mean(errors):.2f} %", f"{statistics.stdev(errors):.2f}"]
            body.append([*names, seeds, *spread, f"{min(errors):.2f} .. {max(errors):.2f}"])
    head = ["preset", "images trained on", "reader", "gaze", "sequences averaged", "images read"]
    head += ["seeds", "mean test error", "standard deviation", "range"]
    return reporting.table(head, body) if body else ""


def main(arguments: Arguments) -> None:
    """Keep and print.

    Raises:
        InvalidArgument: A picture of more or fewer runs than one.
    """
    if arguments.picture and len(arguments.runs) != 1:
        raise InvalidArgument(f"picture={arguments.picture!r} is for one run")
    rows = keep(arguments.runs, arguments.results, arguments.curves)
    if arguments.picture:
        keep_picture(arguments.runs[0], arguments.picture)
    for run in arguments.runs:
        about = next(row for row in rows if row.run == run.absolute().name)
        print(f"\n### {about.run}\n\n{about.options}\n{about.date} {about.commit} {about.machine}")
        print(f"\n{curve_table(curve_of(run))}")
    print(f"\n### Evaluations\n\n{outcomes(rows)}")
    if table := over_seeds(rows):
        print(f"\n### Over seeds\n\n{table}")
    print("\nThe tables of README and docs are made from these: python benchmarks/tables.py")


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
