from __future__ import annotations

from typing import Any

import pytest
import torch

from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.gazes import GaussianGazes
from agents.dram.model.networks import BaselineNetwork, GlimpseNetwork, RecurrentNetwork


def make(**changes: Any) -> GlimpseAgent:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "glimpse_shape": (2, 8, 8),
        "context_shape": (1, 10, 10),
        "labels": 11,
        "layers": 2,
        "features": 16,
        "units": 24,
        "cell": "lstm",
        "convolutions": (),
        "standardize": False,
        "classifier_hidden": 0,
        "dropout": 0.0,
        "gazes": GaussianGazes(2),
        "unit": torch.ones(2),
    }
    return GlimpseAgent(**(sizes | changes))


def look(agent: GlimpseAgent, context: torch.Tensor) -> Any:
    generator = torch.Generator().manual_seed(1)
    glimpse = torch.rand(3, 2, 8, 8, generator=generator)
    location = torch.rand(3, 2, generator=generator)
    return agent.look(agent.begin(location, context), glimpse, location)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layers": 1, "context_shape": None},
        {"layers": 1, "context_shape": None, "cell": "rnn"},
        {"convolutions": (4, 8), "standardize": True, "classifier_hidden": 12},
        {"convolutions": (4, 8), "pool_after": 1},
    ],
)
def test_shapes(changes: dict[str, Any]) -> None:
    agent = make(**changes)
    state = look(agent, torch.rand(3, 1, 10, 10))
    mean, baseline = agent.where_next(state)
    assert agent.logits(state).shape == (3, 11)
    assert mean.shape == (3, 2) and baseline.shape == (3,)
    picked = state.select(torch.tensor([2, 0]))
    for name in ("top", "bottom"):
        for ours, whole in zip(getattr(picked, name), getattr(state, name), strict=True):
            torch.testing.assert_close(ours, whole[[2, 0]])


def test_the_context_decides_where_to_look_but_not_what_is_read() -> None:
    """DRAM's split: the classifier must read from glimpses."""
    agent = make()
    one, other = (look(agent, torch.rand(3, 1, 10, 10)) for _ in range(2))
    torch.testing.assert_close(agent.logits(one), agent.logits(other), rtol=0, atol=0)
    assert (agent.where_next(one)[0] - agent.where_next(other)[0]).abs().max() > 1e-4


def test_the_baseline_shapes_nothing_but_itself() -> None:
    agent = make()
    state = look(agent, torch.rand(3, 1, 10, 10))
    agent.where_next(state)[1].sum().backward()
    touched = {name.split(".")[0] for name, p in agent.named_parameters() if p.grad is not None}
    assert touched == {"baseline"}


def test_the_gaze_reaches_top_context_and_bottom_and_the_label_only_the_bottom() -> None:
    agent = make()
    state = look(agent, torch.rand(3, 1, 10, 10))
    agent.logits(state).sum().backward(retain_graph=True)
    touched = {name.split(".")[0] for name, p in agent.named_parameters() if p.grad is not None}
    assert touched == {"glimpse", "bottom", "classification"}
    agent.where_next(state)[0].sum().backward()
    touched = {name.split(".")[0] for name, p in agent.named_parameters() if p.grad is not None}
    assert touched >= {"top", "context", "emission"}


@pytest.mark.parametrize(("pool_after", "pooled"), [(0, 2), (1, 0), (2, 1), (3, 2)])
def test_pooling_follows_the_convolution_that_is_named(pool_after: int, pooled: int) -> None:
    network = GlimpseNetwork((1, 8, 8), 2, 8, convolutions=(2, 3, 4), pool_after=pool_after)
    kinds = [type(layer).__name__ for layer in network.what]
    expected = ["Conv2d", "ReLU"] * 3
    expected.insert(2 * pooled + 2, "MaxPool2d")
    assert kinds[:7] == expected and kinds[7:] == ["Flatten", "Linear", "ReLU", "Linear"]
    assert network.what[8].in_features == 4 * 4 * 4
    assert network(torch.rand(5, 1, 8, 8), torch.rand(5, 2)).shape == (5, 8)


def test_ram_remembers_as_the_paper_says() -> None:
    """h_t = Rect(Linear(h_{t-1}) + Linear(g_t)) (Mnih et al. 2014, section 4)."""
    cell = RecurrentNetwork(3, 4, "rnn")
    state, inputs = torch.rand(2, 4), torch.rand(2, 3)
    inner = cell.cell
    expected = torch.relu(
        state @ inner.weight_hh.T + inner.bias_hh + inputs @ inner.weight_ih.T + inner.bias_ih
    )
    torch.testing.assert_close(cell(inputs, (state,))[0], expected)


def test_standardized_glimpses_ignore_light_and_contrast() -> None:
    network = GlimpseNetwork((1, 6, 6), 2, 8, standardize=True)
    glimpse, location = torch.rand(4, 1, 6, 6), torch.rand(4, 2)
    dimmer = network(0.5 * glimpse + 0.2, location)
    torch.testing.assert_close(network(glimpse, location), dimmer, atol=0.05, rtol=0.1)


def test_baseline_is_a_number_a_row() -> None:
    assert BaselineNetwork(5)(torch.rand(7, 5)).shape == (7,)
