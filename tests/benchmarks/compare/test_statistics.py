from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.compare.statistics import (
    bootstrap_interval,
    interquartile_mean,
    performance_profile,
    steps_to,
)

NUMBERS = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([3.0], 3), ([1, 2, 6], 3), ([9, 1, 2, 0], 1.5), ([0, 1, 2, 3, 100], 2), (range(8), 3.5)],
)
def test_the_middle_half_is_averaged(scores: list[float], expected: float) -> None:
    assert interquartile_mean(np.array(scores, float)) == pytest.approx(expected)


@given(NUMBERS)
def test_extremes_do_not_matter(numbers: list[float]) -> None:
    scores = np.array(numbers)
    order = np.sort(scores)
    found = interquartile_mean(scores)
    assert order[0] - 1e-9 <= found <= order[-1] + 1e-9
    if len(scores) >= 4:
        wild = np.concatenate([order[:-1], [1e6]])
        assert interquartile_mean(wild) == pytest.approx(found)


def test_the_bootstrap_of_a_mean_is_that_of_the_normal_distribution() -> None:
    """Closed form: the mean of n resampled scores has the variance of the scores over n."""
    scores = np.random.default_rng(0).normal(5, 2, size=400)
    low, high = bootstrap_interval([scores], lambda drawn: float(drawn.mean()))
    half = 1.96 * scores.std() / np.sqrt(400)
    assert low == pytest.approx(scores.mean() - half, abs=0.02)
    assert high == pytest.approx(scores.mean() + half, abs=0.02)


def test_two_runs_have_three_resamples() -> None:
    """0, 1/2 and 1 with the chances 1/4, 1/2, 1/4: quantiles in closed form."""
    both = [np.array([0.0, 1.0])]
    for share, expected in ((0.95, (0, 1)), (0.4, (0.5, 0.5))):
        assert bootstrap_interval(both, share=share) == pytest.approx(expected)


def test_tasks_are_strata() -> None:
    """Tasks differ, their runs do not: no resample can differ either. Pooled, they would."""
    tasks = [np.full(3, 0.1), np.full(5, 0.9)]
    expected = (0.1 * 3 + 0.9 * 5) / 8
    found = bootstrap_interval(tasks, lambda drawn: float(drawn.mean()))
    assert found == pytest.approx((expected, expected))
    pooled = bootstrap_interval([np.concatenate(tasks)], lambda drawn: float(drawn.mean()))
    assert pooled[1] - pooled[0] > 0.3


def test_one_seed_has_no_spread_and_a_seed_of_draws_repeats() -> None:
    assert bootstrap_interval([np.array([0.3])]) == pytest.approx((0.3, 0.3))
    scores = [np.random.default_rng(1).random(7)]
    assert bootstrap_interval(scores) == bootstrap_interval(scores)
    assert bootstrap_interval(scores, seed=1) != bootstrap_interval(scores, seed=2)


@given(NUMBERS)
def test_profiles_fall_from_all_to_none(numbers: list[float]) -> None:
    scores, thresholds = np.array(numbers), np.linspace(-0.1, 1.1, 13)
    found = performance_profile(scores, thresholds)
    assert found[0] == 1 and found[-1] == 0 and (np.diff(found) <= 0).all()
    by_hand = [
        sum(score > threshold for score in numbers) / len(numbers) for threshold in thresholds
    ]
    np.testing.assert_allclose(found, by_hand)


def test_steps_to_an_error_lie_on_the_line_between_points() -> None:
    steps, errors = [100.0, 200.0, 300.0], [0.9, 0.5, 0.1]
    assert steps_to(steps, errors, 0.9) == 100
    assert steps_to(steps, errors, 0.6) == pytest.approx(175)
    assert steps_to(steps, errors, 0.1) == pytest.approx(300)
    assert math.isinf(steps_to(steps, errors, 0.05)) and math.isinf(steps_to([], [], 1.0))
    assert steps_to(steps, [0.9, 0.2, 0.8], 0.2) == 200  # the first time counts
