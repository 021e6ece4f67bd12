"""Statistics of a few runs, as Agarwal et al. 2021 advise (Deep RL at the edge of the precipice).

Scores are shares of images read right, in [0, 1]. T tasks with R runs each; the numbers of runs may
differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Statistic = Callable[[Scores], float]
RESAMPLES = 10_000


def interquartile_mean(scores: Scores) -> float:
    """The mean of the middle half: of n scores the int(n / 4) lowest and highest are left out."""
    cut = len(scores) // 4
    return float(np.sort(scores)[cut : len(scores) - cut].mean())


def bootstrap_interval(
    tasks: Sequence[Scores],
    statistic: Statistic = interquartile_mean,
    *,
    share: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """The percentile interval of a statistic of all scores, when runs are drawn task by task.

    Stratified: a resample has as many runs of each task as there are, drawn with replacement. What
    it says is how the statistic would differ with other seeds, not with other tasks.

    Args:
        tasks: T arrays (R,).
        statistic: From all scores of a resample, in one array.
        share: Of resamples in the interval.
        resamples: How many.
        seed: Of the draws.

    Returns:
        Both ends; equal where every task has a single run.
    """
    generator = np.random.default_rng(seed)
    drawn = np.concatenate(
        [one[generator.integers(len(one), size=(resamples, len(one)))] for one in tasks], axis=1
    )
    found = np.array([statistic(scores) for scores in drawn])
    low, high = np.quantile(found, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def performance_profile(scores: Scores, thresholds: Scores) -> Scores:
    """The share of runs (R,) that score more than each threshold (N,): (N,)."""
    return np.asarray((scores[:, None] > thresholds).mean(0))


def steps_to(steps: Sequence[float], errors: Sequence[float], goal: float) -> float:
    """Steps after which a curve has first fallen to an error, between its points along a line.

    Args:
        steps: (N,), rising.
        errors: (N,).
        goal: The error; infinity is returned where the curve never falls so far.
    """
    for place, error in enumerate(errors):
        if error <= goal:
            if not place:
                return float(steps[0])
            before = errors[place - 1]
            part = (before - goal) / (before - error)
            return float(steps[place - 1] + part * (steps[place] - steps[place - 1]))
    return math.inf
