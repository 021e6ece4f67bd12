"""Glimpses a second on a device: the part `env` of `gpu.py`."""

from __future__ import annotations

import dataclasses
import itertools
import math
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from benchmarks import reporting
from benchmarks.env_works import Setup, episode_steps, vector_steps
from benchmarks.gpu_works import Failures, Part, on_gpu, peak_memory, replayed
from benchmarks.measuring import REPETITIONS, Rate, Work, clocked, measure, waiter_for
from benchmarks.reporting import Ratio

WANTED = 100e6  # glimpses a second
WANTED_ROWS = 16384
STEP, GRAPH = "step()", "graph"
REPLAYS = 10  # of a graph in a round, so that launching the next one is not on the clock
EXPLANATION = """\
Glimpses a second: rows times calls of `step()`, each of which takes one glimpse of all scales in
every row, checks actions, judges labels and fills infos. The median of {repetitions} repetitions of
at least {seconds} s each; a round is one episode with its reset ({replays} of them where graphs are
replayed), on the clock; actions lie on the device before. The clock stops when the device is done.

*step()* is called from Python (NEXT_STEP); *graph* replays one CUDA graph of `begin()` and the
steps of an episode, as `--capture graph` does in training. Scales times cells of a glimpse are
pixels that an agent sees, of which *pixels* counts a second. *MiB*: what rows, images and steps
from Python took of the GPU's memory at most, beyond what lay there before; a data set that an
earlier line has put there is not counted again."""


class Found(NamedTuple):
    """Of an id at a number of rows, one way to step."""

    rate: Rate
    cells: int  # numbers in a glimpse
    memory: int | None  # bytes of the GPU; None where there is none


Measured = dict[tuple[str, int, str], Found]


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


def env_part(options: EnvOptions, device: str) -> Iterator[Part]:
    """Measure every id at every number of rows, and report after each; graphs come last."""
    measured: Measured = {}
    failures = Failures()
    works = {STEP: vector_steps} | ({GRAPH: _graphed} if on_gpu(device) else {})
    yield _report(options, measured, failures)
    for path, make_work in works.items():
        for env_id, rows in itertools.product(options.ids, options.rows):
            setup = Setup(env_id, rows, "torch", device)
            with failures.noted(f"{env_id}, {rows} rows, {path}"), peak_memory(device) as memory:
                rate = measure({path: make_work(setup)}, options.env_seconds)[path]
                measured[env_id, rows, path] = Found(rate, _cells(setup), memory())
                print(f"{env_id}, {rows}, {path}: {reporting.per_second(rate)}", file=sys.stderr)
            yield _report(options, measured, failures)


def _report(options: EnvOptions, measured: Measured, failures: Failures) -> Part:
    return Part(
        title="Glimpses a second on a device",
        parts=[
            EXPLANATION.format(
                repetitions=REPETITIONS, seconds=options.env_seconds, replays=REPLAYS
            ),
            _table(measured),
            *failures.section(),
        ],
        ratios=list(_thresholds(measured)),
        data={
            "rates": [
                {"id": env_id, "rows": rows, "path": path, "cells": found.cells}
                | {"memory": found.memory, **found.rate._asdict()}
                for (env_id, rows, path), found in measured.items()
            ]
        },
    )


def _cells(setup: Setup) -> int:
    """Numbers in a glimpse."""
    envs = setup._replace(num_envs=1).make()
    return math.prod(envs.single_observation_space["glimpse"].shape)  # type: ignore[index]


def _graphed(setup: Setup) -> Work:
    """Rounds of a replayed episode."""
    episode, steps = episode_steps(setup)
    replay = replayed(episode, setup.device)
    wait = waiter_for(setup.device)

    def work() -> None:
        for _ in range(REPLAYS):
            replay()
        if wait:
            wait()

    return clocked(setup.num_envs * steps * REPLAYS, work)


def _table(measured: Measured) -> str:
    rows = []
    for env_id, number in dict.fromkeys(key[:2] for key in measured):
        found = {path: measured.get((env_id, number, path)) for path in (STEP, GRAPH)}
        line = [env_id, str(number)]
        for one in found.values():
            line += [reporting.per_second(one and one.rate), reporting.spread(one and one.rate)]
        pixels = max(one.rate.median * one.cells for one in found.values() if one)
        stepped = found[STEP]
        memory = stepped.memory if stepped else None
        told = "not measured" if memory is None else f"{memory / 2**20:,.0f}"
        rows.append([*line, reporting.rounded(pixels), told])
    head = ["id", "rows", STEP, "spread", GRAPH, "spread", "pixels", "MiB"]
    return reporting.table(head, rows)


def _thresholds(measured: Measured) -> Iterable[Ratio]:
    """The best id at the number of rows where it is wanted, each way to step."""
    for wanted in (STEP, GRAPH):
        found = {
            env_id: one.rate.median
            for (env_id, rows, path), one in measured.items()
            if (rows, path) == (WANTED_ROWS, wanted)
        }
        best = max(found, key=lambda env_id: found[env_id], default="")
        name = f"million glimpses a second at {WANTED_ROWS} rows by {wanted}"
        value = found[best] / 1e6 if found else None
        yield Ratio(f"{name}, {best}" if best else name, value, WANTED / 1e6)
