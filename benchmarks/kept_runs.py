"""What is kept of runs: evaluations in `results/runs.csv`, curves in `results/curves.csv.xz`."""

from __future__ import annotations

import csv
import dataclasses
import io
import lzma
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from agents.runs.files import write_atomically
from benchmarks import reporting
from benchmarks.csv_rows import read_csv, write_csv

RUNS = reporting.RESULTS / "runs.csv"
CURVES = reporting.RESULTS / "curves.csv.xz"
TOGETHER = ("forward-backward", "focus")  # readers that are more than one agent, or one pass

Curve = list[dict[str, float]]  # a row an epoch: images seen by then, and what was measured


RENDERED_ANEW = "20261128-085824"
"""When house numbers began to be rendered as they are now, as in the names of runs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """An evaluation of a run: a row of runs.csv, its fields the columns.

    A run that was never evaluated has one row, in which `split` and all that follows is empty.
    What was not recorded is empty, too: commits and machines of runs before 2026-11-27.
    """

    run: str
    """Name of its folder: preset, seed and time."""
    trainer: str
    """"dram", "convnet" or "sb3": train_dram.py and so on."""
    preset: str
    """Preset that it began with, as that was then; empty for sb3."""
    options: str
    """Whatever differs from the trainer's own defaults, `name=value`, whichever preset said so."""
    train_env: str
    """Environment that it was trained on."""
    seed: int
    """Of the weights, the images' order and all noise."""
    published: str
    """Row of the papers' tables that the run is for, and its error."""
    date: str
    """Day on which it began."""
    commit: str
    """Commit that trained it."""
    machine: str
    """GPU or CPU, CPU cores and threads."""
    images: int
    """Images, or games, that it had learned from when it was evaluated; steps for sb3."""
    seconds: int | None
    """What the whole training took."""
    split: str = ""
    """"test" or "validation"."""
    test_env: str = ""
    """Environment that it read there."""
    reader: str = ""
    """"one agent", "whole images", "forward-backward", "focus" or an algorithm of sb3."""
    partner: str = ""
    """Run of the backward reader, where two read together."""
    gaze: str = ""
    """Who looked: "policy", "random", "center", or "none" for whole images."""
    samples: int | None = None
    """Gaze sequences averaged; 1 is the mean gaze."""
    n: int | None = None
    """Images read."""
    wrong: int | None = None
    """Those with any label wrong."""
    error: float | None = None
    """Percent."""
    low: float | None = None
    """Lower end of the error's 95 % interval, percent."""
    high: float | None = None
    """Upper end."""
    labels_right: float | None = None
    """Right labels an image, up to the first wrong one, mean."""
    parameters: int | None = None
    """Of all networks that read."""
    multiply_adds: int | None = None
    """An image."""
    glimpses: float | None = None
    """An image, mean."""


def read_results(path: Path = RUNS) -> list[Result]:
    """All rows of a file like runs.csv.

    Raises:
        CorruptedData: A column is missing, unknown, or has something else than its numbers.
    """
    return read_csv(Result, path)


def write_results(results: Iterable[Result], path: Path = RUNS) -> None:
    """Write such a file, by the names of runs."""
    write_csv(Result, sorted(results, key=lambda result: result.run), path)


def read_curves(path: Path = CURVES) -> dict[str, Curve]:
    """The curves of a file like curves.csv.xz, by the names of their runs."""
    curves: dict[str, Curve] = {}
    if path.exists():
        text = lzma.decompress(path.read_bytes()).decode()
        for row in csv.DictReader(io.StringIO(text)):
            point = {name: float(value) for name, value in row.items() if value and name != "run"}
            curves.setdefault(row["run"], []).append(point)
    return curves


def write_curves(curves: Mapping[str, Curve], path: Path = CURVES) -> None:
    """Write such a file; numbers are rounded to five digits, images are not."""
    names = sorted(
        {name for curve in curves.values() for row in curve for name in row} - {"images"}
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "images", *names])
    for run in sorted(curves):
        for row in curves[run]:
            numbers = (f"{row[name]:.5g}" if name in row else "" for name in names)
            writer.writerow([run, f"{row['images']:.0f}", *numbers])
    write_atomically(path, lzma.compress(text.getvalue().encode(), preset=9))


def rendered_as_now(result: Result) -> bool:
    """Whether house numbers looked as they do today when a run began; older ones were others."""
    began = re.search(r"\d{8}-\d{6}", result.run)
    return began is not None and began.group() >= RENDERED_ANEW


def options_of(result: Result) -> dict[str, str]:
    """The options of a run that differ from the defaults, by name."""
    return dict(word.split("=", 1) for word in shlex.split(result.options))


def find(
    results: Iterable[Result], run: str, *, reader: str = "", gaze: str = "", samples: int = 1
) -> Result | None:
    """One evaluation of a run on the test split.

    Where it was evaluated more than once, the one after most images counts, and of several then the
    first, which the training itself ended with.

    Args:
        results: Among these.
        run: Name of the run.
        reader: "forward-backward" or "focus"; empty for one agent, or network, alone.
        gaze: "policy" and so on; empty for the run's own, whichever it was trained with.
        samples: Gaze sequences averaged.
    """
    found = [
        result
        for result in results
        if (result.run, result.split, result.samples) == (run, "test", samples)
        and (result.reader if result.reader in TOGETHER else "") == reader
        and result.gaze in ([gaze] if gaze else ["policy", "none"])
    ]
    return max(found, key=lambda result: result.images, default=None)
