"""What a run folder tells of itself: its evaluations as rows of runs.csv, and its curve."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.convnets.config import ConvNetConfig
from agents.dram.config import Config
from agents.runs.folder import read_metrics
from agents.runs.provenance import PROVENANCE
from agents.sb3.config import Sb3Config
from benchmarks.kept_runs import Curve, Result
from glimpse_env.errors import MissingData

CONFIGS: dict[str, type] = {"dram": Config, "convnet": ConvNetConfig, "sb3": Sb3Config}
RENAMED = {"reward": "credit"}  # options that older runs have under another name
RENAMED_VALUES = {("credit", "label"): "environment"}
GONE = {"baseline": "learned"}  # options that there are no more, as they were by default
PLACES = ("start_from", "share_glimpse", "image_folder", "label_file")  # kept as names, not paths
APART = ("env_id", "seed", "published_error", "capture")  # columns, or what changes no number
STEPS = "time/total_timesteps"  # as Stable-Baselines3 calls them


def results_of(run: Path) -> list[Result]:
    """Every evaluation of a run folder; one row without any if there is none.

    Raises:
        MissingData: The folder is not that of a run.
    """
    if not (run / "config.json").exists():
        raise MissingData(f"no config.json in {run}; name the folders of training runs")
    config = _renamed(json.loads((run / "config.json").read_text()))
    trainer = "sb3" if "algo" in config else "convnet" if "network" in config else "dram"
    about = Result(
        run=run.name,
        trainer=trainer,
        preset="" if trainer == "sb3" else run.name.split("-")[0],
        options=_options(config, trainer),
        train_env=config["env_id"],
        seed=config["seed"],
        published=config.get("published_error", ""),
        images=_trained(run, config, ended=(run / "result.json").exists()),
        **_past(run),
    )
    found: dict[tuple[Any, ...], Result] = {}
    for file in [*run.glob("result.json"), *sorted(run.glob("evaluation_*.json"))]:
        for row in json.loads(file.read_text()):
            result = dataclasses.replace(about, **_evaluation(row, about))
            same = (result.split, result.test_env, result.reader, result.partner, result.gaze)
            key = (*same, result.samples, result.n, result.images, result.wrong)
            found[key] = _filled(found[key], result) if key in found else result
    return list(found.values()) or [about]


def _renamed(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration in the names that options have today."""
    names = {RENAMED.get(name, name): value for name, value in config.items()}
    return {
        name: RENAMED_VALUES.get((name, value), value) if isinstance(value, str) else value
        for name, value in names.items()
    }


def _options(config: Mapping[str, Any], trainer: str) -> str:
    known = dataclasses.fields(CONFIGS[trainer])
    usual = GONE | _renamed({field.name: _default(field) for field in known})
    words = []
    for name, value in config.items():
        if name in APART or value in (None, "") or value == usual.get(name):
            continue
        if name in PLACES:
            value = Path(value).name
        words.append(f"{name}={_written(value)}")
    return shlex.join(sorted(words))


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return list(field.default) if isinstance(field.default, tuple) else field.default


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _trained(run: Path, config: Mapping[str, Any], ended: bool) -> int:
    """How many images a run has learned from: all that it was to see, if it has ended."""
    seen = int(curve_of(run)[-1]["images"]) if curve_of(run) else 0
    planned = config.get("images", config.get("timesteps", 0))
    return max(seen, planned) if ended else seen or planned


def _past(run: Path) -> dict[str, Any]:
    """Date, commit, machine and seconds of the training; empty where they were not recorded."""
    day = re.search(r"-(\d{4})(\d\d)(\d\d)-\d{6}", run.name)
    past = {"date": "-".join(day.groups()) if day else "", "commit": "", "machine": ""}
    path = run / PROVENANCE
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines()) if path.exists() else ()
    training = [line for line in lines if "images" in line or "steps" in line]
    if not training:
        return {**past, "seconds": None}
    last = training[-1]
    machine = f"{last.get('GPU', last['CPU'])}, {last['cores']} cores, {last['threads']} threads"
    return {
        "date": training[0]["date"],
        "commit": " ".join(dict.fromkeys(line["commit"] for line in training)),
        "machine": machine,
        "seconds": sum(line.get("seconds", 0) for line in training) or None,
    }


def _evaluation(row: Mapping[str, Any], about: Result) -> dict[str, Any]:
    """The columns of an evaluation; older ones lack some of them."""
    reader, _, other = re.sub(" (with|on) ", "|", row.get("reader", "one agent")).partition("|")
    flops = row.get("flops_per_image")
    return {
        "images": row.get("trained_images") or about.images,
        "split": row["split"],
        "test_env": row.get("env_id") or (other if reader == "focus" else about.train_env),
        "reader": reader,
        "partner": other if reader == "forward-backward" else "",
        "gaze": row["gaze"],
        "samples": row["samples"],
        "n": row["images"],
        "wrong": row["wrong"],
        "error": row["error"],
        "low": row["interval"][0],
        "high": row["interval"][1],
        "labels_right": row.get("mean_labels_right"),
        "parameters": row.get("parameters") or None,
        "multiply_adds": round(flops / 2) if flops else None,
        "glimpses": row.get("glimpses_per_image") or None,
    }


def _filled(one: Result, other: Result) -> Result:
    """The same evaluation, written twice: what one of them does not say, the other may."""
    missing = {
        field.name: getattr(other, field.name)
        for field in dataclasses.fields(one)
        if getattr(one, field.name) is None
    }
    return dataclasses.replace(one, **missing)


def curve_of(run: Path) -> Curve:
    """What a run measured after each epoch; of Stable-Baselines3, `images` are its steps."""
    progress = run / "progress.csv"
    if not progress.exists():
        return read_metrics(run)
    with progress.open(encoding="utf-8", newline="") as file:
        rows = [
            {name.replace(STEPS, "images"): float(value) for name, value in row.items() if value}
            for row in csv.DictReader(file)
        ]
    rows = [row for row in rows if "images" in row]  # the last may have no clock
    return [{name: row[name] for name in row if not name.startswith("time/")} for row in rows]
