"""Numbers drawn from counters: the same in both libraries, spread evenly, without pattern."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_env.backend import counter_hash

LARGEST = 2**32 - 1


def lowbias32(x: int) -> int:
    """Chris Wellons' hash, in Python's integers."""
    x = ((x ^ x >> 16) * 0x7FEB352D) & LARGEST
    x = ((x ^ x >> 15) * 0x846CA68B) & LARGEST
    return x ^ x >> 16


@given(st.lists(st.integers(0, LARGEST), min_size=1, max_size=20))
def test_mix_is_lowbias32_in_spite_of_64_bit_overflow(numbers: list[int]) -> None:
    mixed = counter_hash.mix(np.array(numbers))
    assert mixed.tolist() == [lowbias32(number) for number in numbers]


def test_mix_is_a_bijection_that_flips_half_of_the_bits() -> None:
    numbers = np.arange(1 << 16)
    mixed = counter_hash.mix(numbers)
    assert np.unique(mixed).size == numbers.size
    for bit in range(32):
        changed = mixed ^ counter_hash.mix(numbers ^ (1 << bit))
        flips = [(changed >> place & 1).mean() for place in range(32)]
        assert np.abs(np.array(flips) - 0.5).max() < 0.05


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=20), st.integers(1, 2**31))
def test_torch_draws_the_same_integers(torch: Any, seeds: list[int], bound: int) -> None:
    drawn = []
    for number_of in (np.array, torch.tensor):
        keys = counter_hash.key_of(number_of(seeds))
        numbers = counter_hash.draws(keys[:, None], number_of([0, 1, 2, 2**31 - 1]))
        below = counter_hash.below(numbers, bound)
        drawn.append([np.asarray(array).tolist() for array in (keys, numbers, below)])
        assert 0 <= int(below.min()) <= int(below.max()) < bound
    assert drawn[0] == drawn[1]


def test_a_key_depends_on_all_63_bits_of_a_seed() -> None:
    seeds = np.array([0, *(1 << np.arange(63))])
    assert np.unique(counter_hash.key_of(seeds)).size == 64
    assert np.unique(counter_hash.key_of(np.arange(10_000))).size == 10_000


@pytest.mark.parametrize("bound", [2, 3, 10, 55, 60_000, 2**31])
def test_below_is_even(bound: int) -> None:
    keys = counter_hash.key_of(np.arange(200))
    numbers = counter_hash.below(counter_hash.draws(keys[:, None], np.arange(300)), bound)
    bins = bound if bound < 100 else 50
    counts = np.histogram(numbers, bins=bins, range=(0, bound))[0]
    expected = numbers.size / len(counts)
    # chi-square over its degrees of freedom; 2 is far beyond chance for 49 of them
    assert ((counts - expected) ** 2 / expected).sum() / max(len(counts) - 1, 6) < 2


def test_below_reaches_both_ends() -> None:
    assert counter_hash.below(np.array([0, LARGEST]), 10).tolist() == [0, 9]
    assert counter_hash.below(np.array([LARGEST]), 2**31).tolist() == [2**31 - 1]


def test_neighbouring_draws_are_independent() -> None:
    keys = counter_hash.key_of(np.arange(100))
    numbers = counter_hash.draws(keys[:, None], np.arange(200)) / 2**32
    assert abs(np.corrcoef(numbers[:, :-1].ravel(), numbers[:, 1:].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]) < 0.03


def test_signed_unit_is_exact_in_float32() -> None:
    numbers = np.array([0, 1, 255, 256, 2**31, LARGEST])
    values = counter_hash.signed_unit(numbers)
    assert values.tolist() == values.astype(np.float32).astype(float).tolist()
    assert values.tolist() == [-1.0, -1.0, -1.0, -1.0 + 2.0**-23, 0.0, 1.0 - 2.0**-23]
