"""The held-out images are the published ones, and nobody trains on them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from glimpse_env.tasks.svhn.validation import NUM_PICTURES, SIX_DIGITS, held_out, in_split

TRAIN, EXTRA = (np.arange(1, NUM_PICTURES[part] + 1) for part in ("train", "extra"))


@pytest.mark.parametrize(
    ("part", "count", "digest"),
    [("train", 5_000, "87e1a8fb6c32875a"), ("extra", 1_667, "a4c592044464b769")],
)
def test_the_list_never_changes(part: str, count: int, digest: str) -> None:
    numbers = held_out(part)
    assert len(numbers) == len(set(numbers.tolist())) == count
    assert numbers.min() >= 1 and numbers.max() <= NUM_PICTURES[part]
    assert hashlib.sha256(numbers.astype("<i4").tobytes()).hexdigest()[:16] == digest


def test_it_begins_so() -> None:
    assert held_out("train")[:5].tolist() == [19576, 547, 30769, 20717, 13549]
    assert held_out("extra")[:5].tolist() == [75898, 109984, 55347, 136384, 132809]


def test_it_is_spread_evenly() -> None:
    for part in ("train", "extra"):
        tenth = np.bincount(held_out(part) * 10 // (NUM_PICTURES[part] + 1), minlength=10)
        assert tenth.min() > 0.85 * tenth.mean()


def test_six_digits_are_in_training() -> None:
    assert SIX_DIGITS not in held_out("train")


def numbers_of(split: str, extra: bool) -> tuple[set[int], set[int]]:
    train = TRAIN[in_split(TRAIN, "train", split, extra)]
    more = EXTRA[in_split(EXTRA, "extra", split, extra)] if extra else TRAIN[:0]
    return set(train.tolist()), set(more.tolist())


def test_sizes() -> None:
    sizes = {
        (split, extra): tuple(map(len, numbers_of(split, extra)))
        for split in ("train", "validation")
        for extra in (False, True)
    }
    assert sizes == {
        ("train", False): (28_402, 0),
        ("train", True): (28_402, 200_686),
        ("validation", False): (5_000, 0),
        ("validation", True): (3_333, 1_667),
    }


@pytest.mark.parametrize("trained_with", [False, True])
@pytest.mark.parametrize("validated_with", [False, True])
def test_validation_shows_nothing_that_was_trained_on(
    trained_with: bool, validated_with: bool
) -> None:
    seen, shown = numbers_of("train", trained_with), numbers_of("validation", validated_with)
    assert not seen[0] & shown[0] and not seen[1] & shown[1]


def test_all_test_images_are_tested() -> None:
    assert in_split(np.arange(1, 9), "test", "test", False).all()
