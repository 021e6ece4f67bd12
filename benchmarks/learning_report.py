"""The tables of `results/learning.md`: `python benchmarks/learning_report.py RUN ...`."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro

from agents.run_folder import read_metrics
from benchmarks import reporting

KEPT = ("config.json", "metrics.jsonl", "result.json", "gazes.png")
POINTS = 12  # rows of a curve


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Copy what is worth keeping of runs into benchmarks/results, and print their tables."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders."""
    output: Path = reporting.RESULTS / "runs"
    """Where the copies go, each in a folder named after its run."""


def curve(rows: list[dict[str, Any]]) -> list[str]:
    """A run's validation error, training error and gaze measurements, a dozen rows of Markdown."""
    step = -(-len(rows) // POINTS) or 1
    chosen = rows[step - 1 :: step]
    if rows and chosen[-1] is not rows[-1]:
        chosen.append(rows[-1])
    measure = "cross_entropy" if rows and "train/cross_entropy" in rows[0] else "move_entropy"
    lines = [
        f"| images | validation error | training error | {measure.replace('_', '-')} | gaze spread "
        "| gradient at the emission network |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for row in chosen:
        lines.append(
            f"| {row['images']:,} | {100 * row['validation/error']:.2f} % "
            f"| {100 * row['train/error']:.1f} % | {row[f'train/{measure}']:.3f} "
            f"| {row['train/gaze_spread']:.3f} | {row.get('gradients/emission', 0):.1e} |"
        )
    return lines


def outcome(results: list[dict[str, Any]]) -> list[str]:
    """The test errors of a run as Markdown."""
    lines = [
        "| gaze at test | sequences averaged | images | test error | 95 % interval |",
        "|---|--:|--:|--:|--:|",
    ]
    for row in results:
        low, high = row["interval"]
        error = f"{row['error']:.2f} % | {low:.2f} .. {high:.2f}"
        lines.append(f"| {row['gaze']} | {row['samples']} | {row['images']:,} | {error} |")
    return lines


def main(arguments: Arguments) -> None:
    """Copy and print."""
    for run in arguments.runs:
        folder = arguments.output / run.name
        folder.mkdir(parents=True, exist_ok=True)
        for name in KEPT:
            if (run / name).exists():
                shutil.copyfile(run / name, folder / name)
        print(f"\n### {run.name}\n")
        if (run / "result.json").exists():
            print("\n".join(outcome(json.loads((run / "result.json").read_text()))), end="\n\n")
        print("\n".join(curve(read_metrics(run))))


if __name__ == "__main__":
    main(tyro.cli(Arguments))
