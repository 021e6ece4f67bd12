"""Glimpses a second on a device: the part `env` of `gpu.py`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable

from benchmarks import reporting
from benchmarks.env_works import Setup, episode_steps, vector_steps
from benchmarks.gpu_works import Failures, Part, on_gpu, replayed
from benchmarks.measuring import REPETITIONS, Rate, Work, clocked, measure, waiter_for
from benchmarks.reporting import Ratio

WANTED = 100e6  # glimpses a second
WANTED_ROWS = 16384
STEP, GRAPH = "step()", "graph"
Measured = dict[tuple[str, int], tuple[dict[str, Rate], int]]  # of an id and rows; cells a glimpse
EXPLANATION = """\
Glimpses a second: rows times calls of `step()`, each of which takes one glimpse of all scales in
every row, checks actions, judges labels and fills infos. The median of {repetitions} repetitions of
at least {seconds} s each; a round is one episode with its reset, on the clock; actions lie on the
device before. The clock stops when the device is done.

*step()* is called from Python (NEXT_STEP); *graph* replays one CUDA graph of `begin()` and the
steps of an episode, as `--capture graph` does in training. Scales times cells of a glimpse are
pixels that an agent sees, of which the last column counts a second."""


@dataclasses.dataclass(kw_only=True)
class EnvOptions:
    """Of the part `env`."""

    ids: tuple[str, ...] = (
        "GlimpseMNIST-v0",
        "GlimpseTranslatedMNIST-v0",
        "GlimpseClutteredMNIST100-v0",
        "GlimpseMNISTPairs-v0",
        "GlimpseHouseNumbers-v0",
        "Glimpse-v0",
    )
    """Environment ids, not Catch."""
    rows: tuple[int, ...] = (128, 1024, WANTED_ROWS)
    """Rows of the vector environments."""
    env_seconds: float = 0.3
    """Least length of a repetition; there are five."""


def env_part(options: EnvOptions, device: str) -> Part:
    """Measure every id at every number of rows."""
    measured: Measured = {}
    failures = Failures()
    for env_id in options.ids:
        for rows in options.rows:
            setup = Setup(env_id, rows, "torch", device)
            works: dict[str, Work] = {STEP: vector_steps(setup)}
            if on_gpu(device):
                with failures.noted(f"{env_id}, {rows} rows, graph"):
                    works[GRAPH] = _graphed(setup)
            rates = measure(works, options.env_seconds)
            shape = setup._replace(num_envs=1).make().single_observation_space["glimpse"].shape  # type: ignore[index]
            cells = shape[0] * shape[1] * shape[2]
            measured[env_id, rows] = rates, cells
            shown = (f"{name} {reporting.per_second(rate)}" for name, rate in rates.items())
            print(f"{env_id}, {rows}: {', '.join(shown)}", file=sys.stderr)
    return Part(
        title="Glimpses a second on a device",
        parts=[
            EXPLANATION.format(repetitions=REPETITIONS, seconds=options.env_seconds),
            _table(measured),
            *failures.section(),
        ],
        ratios=list(_thresholds(measured)),
        data={
            "rates": [
                {"id": env_id, "rows": rows, "path": path, "cells": cells, **rate._asdict()}
                for (env_id, rows), (rates, cells) in measured.items()
                for path, rate in rates.items()
            ]
        },
    )


def _graphed(setup: Setup) -> Work:
    """Rounds of one replayed episode."""
    episode, steps = episode_steps(setup)
    replay = replayed(episode, setup.device)
    wait = waiter_for(setup.device)

    def work() -> None:
        replay()
        if wait:
            wait()

    return clocked(setup.num_envs * steps, work)


def _table(measured: Measured) -> str:
    rows = []
    for (env_id, number), (rates, cells) in measured.items():
        graph = rates.get(GRAPH)
        best = max(rate.median for rate in rates.values())
        line = [
            env_id,
            str(number),
            reporting.per_second(rates[STEP]),
            reporting.spread(rates[STEP]),
        ]
        line += [reporting.per_second(graph), reporting.spread(graph) if graph else "not measured"]
        rows.append([*line, reporting.rounded(best * cells)])
    head = ["id", "rows", STEP, "spread", GRAPH, "spread", "pixels"]
    return reporting.table(head, rows)


def _thresholds(measured: Measured) -> Iterable[Ratio]:
    """The best id at the number of rows where it is wanted, each way to step."""
    for path in (STEP, GRAPH):
        found = {
            env_id: rates[path].median
            for (env_id, rows), (rates, _) in measured.items()
            if rows == WANTED_ROWS and path in rates
        }
        best = max(found, key=lambda env_id: found[env_id], default="")
        name = f"million glimpses a second at {WANTED_ROWS} rows by {path}"
        value = found[best] / 1e6 if found else None
        yield Ratio(f"{name}, {best}" if best else name, value, WANTED / 1e6)
