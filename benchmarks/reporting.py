"""Result files: tables, the thresholds wanted, and all that a reader needs to repeat them."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measuring import Rate

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
QUIET_SHARE = 0.95  # of a core: with less, somebody else was using the machine


class Ratio(NamedTuple):
    """One number against another, and what it was wanted to be; None where it was not measured."""

    name: str
    value: float | None
    wanted: float
    at_most: bool = False

    @property
    def verdict(self) -> str:
        """In words."""
        if self.value is None:
            return "not measured"
        met = self.value <= self.wanted if self.at_most else self.value >= self.wanted
        return "met" if met else "not met"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table; numbers are set to the right."""
    rows = [list(row) for row in rows]
    numeric = [
        bool(rows) and all(re.match(r"[\d.]+( |$)|not |–", row[place]) for row in rows)
        for place in range(len(head))
    ]
    rule = ["--:" if right else "---" for right in numeric]
    return "\n".join("| " + " | ".join(line) + " |" for line in [list(head), rule, *rows])


def ratio_table(ratios: Iterable[Ratio]) -> str:
    """The thresholds and what came of them."""
    rows = []
    for ratio in ratios:
        sign = "≤" if ratio.at_most else "≥"
        value = "–" if ratio.value is None else f"{ratio.value:.3g}"
        rows.append([ratio.name, value, f"{sign} {ratio.wanted:g}", ratio.verdict])
    return table(["ratio", "measured", "wanted", ""], rows)


def per_second(rate: Rate | None) -> str:
    """A rate, rounded for reading."""
    return "not measured" if rate is None else rounded(rate.median)


def rounded(number: float) -> str:
    """Three digits, in thousands or millions where there are that many."""
    for factor, unit in ((1e6, " M"), (1e3, " k")):
        if number >= factor:
            return f"{number / factor:.3g}{unit}"
    return f"{number:.3g}"


def spread(rates: Rate | None) -> str:
    """Lowest and highest of the repetitions, in per cent of the median."""
    if rates is None:
        return "not measured"
    low, high = (100 * (rate / rates.median - 1) for rate in (rates.low, rates.high))
    return f"{low:+.0f} / {high:+.0f} %"


def circumstances(packages: Iterable[str], device: str = "cpu") -> dict[str, str]:
    """Command, commit, date, machine and versions; no path of this machine is in it."""
    facts = {
        "command": f"`{command(sys.argv)}`",
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "CPU": processor(),
        "cores": str(os.cpu_count()),
    }
    if device.startswith("cuda"):
        import torch

        facts["GPU"] = torch.cuda.get_device_name(device)
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{name} {_version(name)}" for name in packages]
    return facts | {"versions": ", ".join(versions)}


def command(argv: Sequence[str]) -> str:
    """What was typed, with PATH for absolute paths."""
    script = Path(argv[0])
    if script.is_absolute() and script.is_relative_to(ROOT):
        script = script.relative_to(ROOT)
    line = shlex.join(["python", script.as_posix(), *argv[1:]])
    return re.sub(r"(?<![\w.])/[^\s='\"]+", "PATH", line)


def commit() -> str:
    """The commit of the checkout; changes outside of the results make it uncommitted."""
    changes = ["status", "--porcelain", "--", ".", ":!benchmarks/results"]
    head, changed = _git("rev-parse", "--short", "HEAD"), _git(*changes)
    return (head or "unknown") + (" + uncommitted" if changed else "")


def _git(*words: str) -> str:
    """What git says; nothing where there is no git."""
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """The model of the CPU."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def quietness(rates: Iterable[Rate], threads: int = 1) -> str:
    """Whether the machine was left to the benchmark, in a sentence."""
    share = min((rate.share for rate in rates), default=float(threads))
    text = f"Least processor time that a repetition got: {share:.2f} s a second."
    return text if share >= QUIET_SHARE else f"{text} **The machine was busy: do not quote.**"


def write(path: Path, title: str, facts: Mapping[str, str], parts: Iterable[str], data: Any) -> str:
    """Write `path` and the same numbers as JSON beside it; returns the text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"- {name}: {fact}" for name, fact in facts.items()]
    text = "\n\n".join([f"# {title}", "\n".join(lines), *parts]) + "\n"
    path.write_text(text, encoding="utf-8")
    content = json.dumps({"about": dict(facts), **data}, indent=1)
    path.with_suffix(".json").write_text(content + "\n", encoding="utf-8")
    return text
