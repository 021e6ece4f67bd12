"""How numbers are taken: warm-up off the clock, repetitions in turn, the median and the spread.

Needs the standard library alone, so that peers can be measured in their own interpreter.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple, TypeVar

REPETITIONS = 5
WARM_UP = 2  # rounds: a round is an episode, or more


class Round(NamedTuple):
    """A piece of work that repeats, done once."""

    steps: int  # environment steps, or images
    seconds: float  # that count


class Rate(NamedTuple):
    """Steps (or images) a second, over the repetitions."""

    median: float
    low: float
    high: float
    share: float  # processor time a second of wall time, least of all repetitions


Work = Callable[[], Round]
Name = TypeVar("Name", bound=Hashable)


def clocked(steps: int, work: Callable[[], object]) -> Work:
    """Put all of `work`, which takes `steps` steps, on the clock."""

    def run() -> Round:
        start = time.perf_counter()
        work()
        return Round(steps, time.perf_counter() - start)

    return run


def measure(works: Mapping[Name, Work], seconds: float) -> dict[Name, Rate]:
    """Rates of several works, repeated in turn so that a slow minute slows them all.

    Args:
        works: What to measure.
        seconds: The least that one repetition counts.
    """
    for work in works.values():
        for _ in range(WARM_UP):
            work()
    rates: dict[Name, list[float]] = {name: [] for name in works}
    shares: dict[Name, list[float]] = {name: [] for name in works}
    for _ in range(REPETITIONS):
        for name, work in works.items():
            rate, share = _repetition(work, seconds)
            rates[name].append(rate)
            shares[name].append(share)
    return {
        name: Rate(statistics.median(rates[name]), min(rates[name]), max(rates[name]), min(share))
        for name, share in shares.items()
    }


def _repetition(work: Work, seconds: float) -> tuple[float, float]:
    """Steps a second, and the share of a core that the process had."""
    steps, counted = 0, 0.0
    start, busy = time.perf_counter(), time.process_time()
    while counted < seconds:
        done = work()
        steps, counted = steps + done.steps, counted + done.seconds
    return steps / counted, (time.process_time() - busy) / (time.perf_counter() - start)


def use_one_core() -> bool:
    """Stay on one core, where the system lets a process choose; returns whether it did."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return True


def use_one_thread() -> None:
    """Have libraries that are not loaded yet start no threads of their own."""
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"


def waiter_for(device: str) -> Callable[[], object] | None:
    """What keeps the clock running until a torch device is done; None where nothing runs ahead."""
    if not device.startswith("cuda"):
        return None
    import torch

    return lambda: torch.cuda.synchronize(device)
