"""The tables of `results/learning.md`: `python benchmarks/learning_report.py RUN ...`."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro
from PIL import Image

from agents.runs.files import write_atomically, write_json
from agents.runs.folder import read_metrics
from agents.runs.provenance import PROVENANCE
from agents.trainer.commands import run_command
from benchmarks import reporting
from glimpse_env.errors import MissingData

KEPT = ("metrics.jsonl", "result.json", "evaluation_test_*.json", PROVENANCE)
PICTURE = "gazes.png"  # kept as WebP, in a tenth of the room
POINTS = 12  # rows of a curve
KIND = ("run", "images trained on", "reader", "gaze", "sequences averaged", "test images")
COLUMNS = {  # what a run may have measured: its title, its unit, how it is written
    "validation/error": ("validation error, %", 100, ".2f"),
    "train/error": ("training error, %", 100, ".1f"),
    "train/cross_entropy": ("cross-entropy", 1, ".3f"),
    "train/move_entropy": ("entropy of moves", 1, ".3f"),
    "train/gaze_spread": ("gaze spread", 1, ".3f"),
    "gradients/emission": ("gradient at the emission network", 1, ".1e"),
}


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Copy what is worth keeping of runs into benchmarks/results, and print their tables."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders."""
    output: Path = reporting.RESULTS / "runs"
    """Where the copies go, each in a folder named after its run."""


def curve(rows: list[dict[str, Any]]) -> str:
    """What a run measured of error and gaze, a dozen rows of Markdown."""
    step = -(-len(rows) // POINTS) or 1
    chosen = rows[step - 1 :: step]
    if rows and chosen[-1] is not rows[-1]:
        chosen.append(rows[-1])
    known = [key for key in COLUMNS if any(key in row for row in rows)]
    body = [[f"{row['images']:,}", *(_written(key, row) for key in known)] for row in chosen]
    return reporting.table(["images", *(COLUMNS[key][0] for key in known)], body)


def _written(key: str, row: dict[str, Any]) -> str:
    _, unit, style = COLUMNS[key]
    return format(unit * row[key], style) if key in row else ""


def outcomes(runs: Sequence[Path]) -> str:
    """Every evaluation of some finished runs, and what an image costs, as a table of Markdown."""
    body = [
        [_name(run), _trained(run, row), *_evaluation(row)]
        for run in runs
        for row in _evaluations(run)
    ]
    head = [*KIND, "test error", "95 % interval", "parameters", "million multiply-adds an image"]
    head += ["glimpses an image"]
    return reporting.table(head, dict.fromkeys(map(tuple, body)))  # the same twice is once


def past(run: Path) -> str:
    """What trained and evaluated a run, where and at which commit, a line each."""
    path = run / PROVENANCE
    if not path.exists():
        return "Commit and machine are not known: the run is older than their record."
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(
        "- " + ", ".join(_fact(*fact) for fact in json.loads(line).items()) for line in lines
    )


def _fact(name: str, value: object) -> str:
    return str(value) if name in ("command", "versions") else f"{name} {value}"


def over_seeds(runs: Sequence[Path]) -> str:
    """Test errors of runs that differ in their seeds alone: mean, standard deviation, range.

    The interval of one run is that of its test images; how much another seed would change, only
    other seeds tell. Runs belong together if their configurations do, but for the seed, also that
    of a run they began from; one from before an option was there belongs to no newer one.
    """
    found: dict[tuple[str, ...], dict[str, tuple[int, float]]] = {}
    for run in runs:
        config = without_places(run)
        seed = config.pop("seed")
        config.pop("published_error", None)  # a caption
        for parent in ("start_from", "share_glimpse"):
            if config.get(parent):
                config[parent] = _name(Path(config[parent]))
        settings = json.dumps(config, sort_keys=True)
        for row in _evaluations(run):
            kind = _name(run), _trained(run, row), *_evaluation(row)[:4], settings
            found.setdefault(kind, {})[run.name] = seed, row["error"]
    body = []
    for (*names, _), tests in found.items():
        if len(tests) > 1:
            errors = [error for _, error in tests.values()]
            seeds = ", ".join(str(seed) for seed, _ in sorted(tests.values()))
            spread = f"{statistics.mean(errors):.2f} %", f"{statistics.stdev(errors):.2f}"
            body.append([*names, seeds, *spread, f"{min(errors):.2f} .. {max(errors):.2f}"])
    head = [*KIND, "seeds", "mean test error", "standard deviation", "range"]
    return reporting.table(head, body) if body else ""


def _name(run: Path) -> str:
    return run.name.split("-seed")[0]


def _evaluations(run: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(run.glob("result.json")) + sorted(run.glob("evaluation_test_*.json")):
        yield from json.loads(file.read_text())


def _trained(run: Path, row: dict[str, Any]) -> str:
    """How many images whoever was evaluated had learned from; a run may have gone on since."""
    if row.get("trained_images"):
        return f"{row['trained_images']:,}"
    rows = read_metrics(run)  # evaluations did not always say
    config = json.loads((run / "config.json").read_text())
    return f"{rows[-1]['images'] if rows else config.get('images', config.get('timesteps')):,}"


def _evaluation(row: dict[str, Any]) -> list[str]:
    low, high = row["interval"]
    cells = [row.get("reader", "one agent"), row["gaze"], str(row["samples"])]
    cells += [f"{row['images']:,}", f"{row['error']:.2f} %", f"{low:.2f} .. {high:.2f}"]
    if not row.get("parameters"):  # measured before costs were
        return [*cells, "", "", ""]
    glimpses = row.get("glimpses_per_image")
    cells += [f"{row['parameters']:,}", f"{row['flops_per_image'] / 2e6:.2f}"]
    return [*cells, f"{glimpses:.2f}" if glimpses else ""]


def without_places(run: Path) -> dict[str, Any]:
    """The configuration of a run; other runs and own images go by name, not by where they lay."""
    config: dict[str, Any] = json.loads((run / "config.json").read_text())
    for name in ("start_from", "share_glimpse", "image_folder", "label_file"):
        if config.get(name):
            config[name] = Path(config[name]).name
    return config


def keep(run: Path, folder: Path) -> None:
    """Copy what a reader of the results wants to see, and no weights."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", without_places(run))
    for pattern in KEPT:
        for path in run.glob(pattern):
            shutil.copyfile(path, folder / path.name)
    if (run / PICTURE).exists():
        keep_picture(run / PICTURE, (folder / PICTURE).with_suffix(".webp"))


def keep_picture(picture: Path, kept: Path) -> None:
    """Write a picture again as WebP, losing what no eye misses."""
    content = io.BytesIO()
    Image.open(picture).save(content, "WEBP", quality=80)
    write_atomically(kept, content.getvalue())


def main(arguments: Arguments) -> None:
    """Copy and print.

    Raises:
        MissingData: A folder is not that of a run.
    """
    for run in arguments.runs:
        if not (run / "config.json").exists():
            raise MissingData(f"no config.json in {run}; name the folders of training runs")
    for run in arguments.runs:
        folder = arguments.output / run.name
        if folder.resolve() != run.resolve():  # to print again what has been kept
            keep(run, folder)
        tables = f"{outcomes([run])}\n\n{curve(read_metrics(run))}"
        print(f"\n### {run.name}\n\n{past(run)}\n\n{tables}")
    if len(arguments.runs) > 1:
        print(f"\n### All\n\n{outcomes(arguments.runs)}")
    if table := over_seeds(arguments.runs):
        print(f"\n### Over seeds\n\n{table}")


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
