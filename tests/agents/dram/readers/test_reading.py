from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.dram.readers.reading import Reading, combine, read_off
from tests.agents.conftest import partial_rollout

DIGITS, TURNS = 4, 4  # label 4 is the end; at most 3 objects


def spoken(said: list[int], sharpness: float, seed: int) -> tuple[Tensor, Tensor]:
    """Log-probabilities (S, Y) that prefer the labels said, and these, padded."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(TURNS, DIGITS + 1, generator=generator)
    for turn, label in enumerate(said):
        scores[turn, label] += sharpness
    log_probs = scores.log_softmax(1)
    log_probs[len(said) :] = 0
    return log_probs, torch.tensor(said + [-1] * (TURNS - len(said)))


def reading(*rows: tuple[Tensor, Tensor]) -> Reading:
    return Reading(*(torch.stack(part) for part in zip(*rows, strict=True)))


def with_end(digits: list[int]) -> list[int]:
    return [*digits, DIGITS][:TURNS]


numbers = st.lists(st.integers(0, DIGITS - 1), max_size=TURNS)


@settings(max_examples=100, deadline=None)
@given(ahead=numbers, back=numbers, seed=st.integers(0, 99), sharpness=st.floats(0.5, 3.0))
def test_combine_against_a_loop(
    ahead: list[int], back: list[int], seed: int, sharpness: float
) -> None:
    one, other = spoken(with_end(ahead), 3.0, seed), spoken(with_end(back), sharpness, seed + 1)
    found = combine(reading(one), reading(other)).said[0].tolist()
    shorter = min(len(ahead), len(back))
    expected = []
    for place in range(shorter):
        average = [
            (one[0][place, digit] + other[0][shorter - 1 - place, digit]) / 2
            for digit in range(DIGITS)
        ]
        expected.append(max(range(DIGITS), key=average.__getitem__))
    expected = with_end(expected)
    assert found == expected + [-1] * (TURNS - len(expected))


def test_readers_that_see_the_same_number_agree() -> None:
    forward, backward = spoken([1, 2, 3, DIGITS], 5.0, 0), spoken([3, 2, 1, DIGITS], 5.0, 1)
    assert combine(reading(forward), reading(backward)).said.tolist() == [[1, 2, 3, DIGITS]]


def test_a_digit_too_many_is_dropped_and_the_surer_reader_wins() -> None:
    # forward sees one digit too many and doubts its second; backward is sure of both
    forward = spoken([1, 2, 2, DIGITS], 1.0, 0)
    backward = spoken([3, 1, DIGITS], 9.0, 1)
    assert combine(reading(forward), reading(backward)).said.tolist() == [[1, 3, DIGITS, -1]]


def test_lengths_leave_out_the_end() -> None:
    rows = [spoken(said, 5.0, 0) for said in ([DIGITS], [0, DIGITS], [1, 1, 1, 1])]
    assert reading(*rows).lengths.tolist() == [0, 1, 4]


def test_what_could_not_be_otherwise_is_said_too() -> None:
    """With one label alone its log-probability is 0."""
    rollout = partial_rollout(
        returns=torch.zeros(2, 2), logits=torch.zeros(3, 1), logits_at=torch.tensor([0, 1, 2])
    )
    assert read_off(rollout, 1).said.tolist() == [[0, 0], [0, -1]]


def test_read_off_averages_log_probabilities_of_samples() -> None:
    """Two images, two samples each; the second image ends after its first label."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 3, generator=generator)
    logits_at = torch.tensor([0, 2, 4, 6, 1, 3])
    rollout = partial_rollout(returns=torch.zeros(4, 2), logits=logits, logits_at=logits_at)
    found = read_off(rollout, 2)
    first, second = logits[:2].log_softmax(1).mean(0), logits[2:4].log_softmax(1).mean(0)
    torch.testing.assert_close(found.log_probs[:, 0], torch.stack([first, second]))
    assert found.said[:, 0].tolist() == [int(first.argmax()), int(second.argmax())]
    last = logits[4:].log_softmax(1).mean(0)
    assert found.said[:, 1].tolist() == [int(last.argmax()), -1]
    assert found.log_probs[0, 1].tolist() == pytest.approx(last.tolist())
    assert (found.log_probs[1, 1] == 0).all()
