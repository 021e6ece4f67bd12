"""What has been learned of an environment: the best agent, and every row of the tables."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from agents.dram.presets import PRESETS
from benchmarks.kept_runs import Result, find, options_of, read_results, rendered_as_now
from benchmarks.result_rows import Row, read_rows
from benchmarks.tables import Tables, with_interval

OTHER_IMAGES = {"layout"}  # options that change what is shown, and not who looks


class Learned(NamedTuple):
    """Parts of a page."""

    best: list[list[str]]
    """Rows of its table: who, error, mean return."""
    tables: list[str]
    """Every agent, and every network that sees whole images, with a sentence before."""


def learned(env_id: str) -> Learned:
    """What runs.csv and rows.csv know of an environment."""
    results = read_results()
    tables = Tables(read_rows(), results)
    rows = [row for row in tables.rows if env_of(row, tables) == env_id]
    parts = []
    for name, words in (("agents", "Every agent"), ("networks", "Networks that see whole images")):
        chosen = Tables([row for row in rows if row.table == name], results)
        if chosen.rows:
            parts.append(f"{words}, as in [results](../results.md):\n\n{getattr(chosen, name)()}")
    return Learned(best_rows(rows, tables), parts)


def env_of(row: Row, tables: Tables) -> str:
    """The environment of a row: that of its test, or of its preset where nothing is measured."""
    if row.run:
        return tables.measured(row).test_env
    named = re.search(r"--preset (\w+)", row.command)
    return PRESETS[named[1]]().env_id if named else ""


def best_rows(rows: list[Row], tables: Tables) -> list[list[str]]:
    """The one agent with the lowest error on what is shown by default, and its controls."""
    agents = [row for row in rows if row.table == "agents" and row.run and not row.reader]
    asked = [row for row in agents if as_registered(tables.measured(row))]
    if not asked:
        return [["best agent here", "not yet measured", ""]]
    best = min(asked, key=lambda row: error_of(tables.measured(row)))
    lines = [(f"best agent here, {best.command}, mean gaze", tables.measured(best))]
    for words, gaze, samples in (
        ("10 gaze sequences averaged", "", 10),
        ("random gazes", "random", 1),
        ("gaze at the middle", "center", 1),
    ):
        found = find(tables.results, best.run, reader=best.reader, gaze=gaze, samples=samples)
        if found:
            lines.append((f"that agent, {words}", found))
    return [[who, with_interval(found), f"{found.labels_right:.3f}"] for who, found in lines]


def error_of(result: Result) -> float:
    """Its error in percent; infinite where there is none."""
    return math.inf if result.error is None else result.error


def as_registered(result: Result) -> bool:
    """Whether a run read the images that the environment shows today and by default."""
    anew = "HouseNumbers" not in result.test_env or rendered_as_now(result)
    return anew and not OTHER_IMAGES & options_of(result).keys()
