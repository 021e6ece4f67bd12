"""Result files: tables, the thresholds wanted, and all that a reader needs to repeat them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agents.runs.files import write_atomically
from agents.runs.provenance import ROOT
from benchmarks.measuring import Rate

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
    write_atomically(path, text.encode())
    content = json.dumps({"about": dict(facts), **data}, indent=1)
    write_atomically(path.with_suffix(".json"), f"{content}\n".encode())
    return text
