from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from agents.dram.learning import losses
from tests.agents.conftest import GAZES


@pytest.mark.parametrize("baseline", [0.0, 0.4, -3.0])
@pytest.mark.parametrize("start", [-0.2, 0.0, 0.5])
def test_reinforce_gradient_is_that_of_the_enumerated_expectation(
    baseline: float, start: float
) -> None:
    """The reward is 1 where the gaze lands right of the middle: E[R] = Phi(mu / sigma)."""
    std = 0.3
    nodes, weights = np.polynomial.legendre.leggauss(400)
    # a fine quadrature of the normal density over +-8 sigma, split where the reward jumps
    edges = sorted({start - 8 * std, 0.0, start + 8 * std})
    total = 0.0
    for low, high in itertools.pairwise(edges):
        x = torch.tensor((high - low) / 2 * nodes + (high + low) / 2)
        density = torch.exp(-((x - start) ** 2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi))
        weight = density * torch.tensor(weights) * (high - low) / 2
        mean = torch.full((400, 2), start, dtype=torch.float64, requires_grad=True)
        gaze = torch.stack([x, torch.full_like(x, start)], 1)
        log_prob = GAZES.log_prob(mean, gaze) / std**2
        reward = (x > 0).double()
        loss = losses.reinforce_loss(log_prob * weight, reward, torch.full_like(x, baseline))
        loss.backward()
        assert mean.grad is not None
        total -= mean.grad[:, 0].sum().item()
    expected = math.exp(-(start**2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi))
    assert total == pytest.approx(expected, rel=1e-6)


def test_reinforce_leaves_the_baseline_alone_and_the_baseline_loss_the_returns() -> None:
    returns = torch.tensor([1.0, 0.0], requires_grad=True)
    baseline = torch.tensor([0.5, 0.25], requires_grad=True)
    log_prob = torch.tensor([-1.0, -2.0], requires_grad=True)
    loss = losses.reinforce_loss(log_prob, returns, baseline)
    assert loss.item() == pytest.approx(-(-1.0 * 0.5 + -2.0 * -0.25))
    loss.backward()
    assert baseline.grad is None and returns.grad is None
    value = losses.baseline_loss(returns, baseline)
    assert value.item() == pytest.approx(0.25 + 0.0625)
    value.backward()
    assert returns.grad is None
    torch.testing.assert_close(baseline.grad, torch.tensor([-1.0, 0.5]))


def test_label_loss_is_a_sum_of_negative_log_probabilities() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]))
    loss = losses.label_loss(logits, torch.tensor([1, 2]))
    assert loss.item() == pytest.approx(-math.log(0.25) - math.log(0.8))


def test_explained_variance_of_a_perfect_and_a_constant_baseline() -> None:
    returns = torch.tensor([0.0, 1.0, 2.0, 1.0])
    assert losses.explained_variance(returns, returns).item() == pytest.approx(1.0)
    assert losses.explained_variance(returns, torch.ones(4)).item() == pytest.approx(0.0)


def test_expected_returns_are_sums_of_probabilities() -> None:
    """Two rows of three labels; the second row ends after its first."""
    logits = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.5, 0.5], [0.0, 1.0]], requires_grad=True)
    targets = torch.tensor([0, 0, 1, -1])
    at = torch.tensor([0, 3, 1, 2])
    found = losses.expected_returns(logits, targets, at, torch.Size((2, 3)))
    p = logits.softmax(1)
    first = [p[0, 0], p[0, 0] + p[2, 1], p[0, 0] + p[2, 1]]
    second = [p[1, 0]] * 3
    torch.testing.assert_close(found, torch.stack([torch.stack(first), torch.stack(second)]))
    assert not found.requires_grad


def test_information_is_0_at_chance_and_1_where_the_label_is_certain() -> None:
    certain, chance, wrong = [99.0, 0, 0, 0], [0.0] * 4, [9.0, 0, 0, 0]
    logits = torch.tensor([certain, chance, wrong, certain], requires_grad=True)
    found = losses.information(logits, torch.tensor([0, 2, 1, -1]))
    torch.testing.assert_close(found, torch.tensor([1.0, 0.0, 0.0, 0.0]))
    # one of two left of four is half of what there is to know
    half = torch.tensor([[0.0, 0.0, -99.0, -99.0]])
    torch.testing.assert_close(losses.information(half, torch.tensor([1])), torch.tensor([0.5]))
    only = losses.information(torch.zeros(1, 1), torch.tensor([0]))
    torch.testing.assert_close(only, torch.ones(1))
    assert not found.requires_grad


def test_a_glimpse_is_worth_what_it_and_those_after_it_add() -> None:
    known = torch.rand(3, 2, 4, generator=torch.Generator().manual_seed(0))
    taken = torch.tensor([[4, 1], [2, 3], [1, 4]])  # a reader may stop before the fourth
    in_the_end = known.gather(2, taken[..., None] - 1)[..., 0]
    found = losses.information_gained(known, in_the_end)
    for row, label, glimpse in itertools.product(range(3), range(2), range(4)):
        line = [0.0, *known[row, label, : taken[row, label]].tolist()]
        if glimpse == taken[row, label]:  # to stop there adds nothing
            assert found[row, label, glimpse] == 0
        if glimpse >= taken[row, label]:
            continue
        expected = sum(after - before for before, after in itertools.pairwise(line[glimpse:]))
        assert found[row, label, glimpse].item() == pytest.approx(expected, abs=1e-6)
