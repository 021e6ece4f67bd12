from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

from agents.dram.config import Config
from agents.dram.model.build import make_agent
from agents.dram.readers.agent_reader import evaluate, label_reader
from agents.evaluation import flops
from agents.evaluation.flops import counting, parameters_of
from agents.trainer.envs import make_envs
from tests.conftest import arrays_for_tests

SEQUENCES_ID = "FlopSequences-v0"


@pytest.fixture
def sequences_id() -> Iterator[str]:
    gym.register(
        SEQUENCES_ID,
        vector_entry_point="glimpse_env.envs.reading.env:GlimpseVectorEnv",
        kwargs=arrays_for_tests() | {"glimpse_size": 4, "num_scales": 1},
    )
    yield SEQUENCES_ID
    del gym.registry[SEQUENCES_ID]


@pytest.mark.parametrize("gradient", [False, True])
def test_an_lstm_is_counted(gradient: bool) -> None:
    """PyTorch alone would say 0."""
    layer, inputs, steps, rows = nn.LSTM(10, 20), 10, 3, 5
    with torch.set_grad_enabled(gradient), counting() as counter:
        layer(torch.rand(steps, rows, inputs))
    assert counter.get_total_flops() == 2 * steps * rows * 4 * 20 * (10 + 20)


def test_the_formula_for_a_gpu_sees_matrices_alone() -> None:
    weights = [(80, 10), (80, 20), (80,), (80,)]
    assert flops._lstm_on_a_gpu((3, 5, 10), weights, 4) == 2 * 3 * 5 * 80 * (10 + 20)


def test_convolutions_and_layers() -> None:
    network = nn.Sequential(
        nn.Conv2d(2, 3, 5, padding=2), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 8 * 9, 7)
    )
    with counting() as counter:
        network(torch.rand(4, 2, 8, 9))
    expected = 8 * 9 * 25 * 2 * 3 + 3 * 8 * 9 * 7
    assert counter.get_total_flops() == 4 * 2 * expected
    assert parameters_of(network) == 25 * 2 * 3 + 3 + 3 * 8 * 9 * 7 + 7


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_an_agent_against_the_closed_form(stripes_config: Config, cell: Any) -> None:
    config = replace(stripes_config, cell=cell)
    agent = make_agent(config, make_envs(config, "test", 1))
    f = h = 32
    gates = 4 if cell == "lstm" else 1
    glimpse = 16 * f + f * f + 2 * f + f * f  # what and where
    look = glimpse + gates * h * (f + h) + gates * h * (h + h)
    begin = 9 * (25 * 16 + 9 * 16 * 16 + 9 * 16 * 32) + 9 * 32 * h  # 6x6 cells, stride 2
    # Two glimpses and one label; a gaze before each glimpse and one that is not used.
    expected = begin + 2 * look + h * 2 + 3 * (2 * h + h)
    found = evaluate(agent, config, "test", images=10, num_envs=4)
    assert found.flops_per_image == 2 * expected
    assert found.parameters == parameters_of(agent)
    assert found.glimpses_per_image == 2


def test_an_environment_on_torch_costs_the_agent_nothing(
    stripes_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the context is a product of matrices, on NumPy it is not seen."""
    agent = make_agent(stripes_config, make_envs(stripes_config, "test", 1))
    on_numpy = evaluate(agent, stripes_config, "test", images=10, num_envs=10)
    make = gym.make_vec
    monkeypatch.setattr(gym, "make_vec", lambda *a, **k: make(*a, **k, backend="torch"))
    on_torch = evaluate(agent, stripes_config, "test", images=10, num_envs=10)
    assert on_torch.flops_per_image == on_numpy.flops_per_image > 0


def test_rows_that_have_ended_cost_nothing(sequences_id: str) -> None:
    config = Config(env_id=sequences_id, features=8, units=8, glimpses_per_label=2)
    torch.manual_seed(4)
    agent = make_agent(config, make_envs(config, "test", 1))
    with torch.no_grad():
        for weight in agent.parameters():  # so that what it says differs
            weight *= 5
    together = evaluate(agent, config, "test", num_envs=12).flops_per_image
    singly = []
    for image in range(12):
        reader = label_reader(agent, config, "test", num_envs=1)
        with counting() as counter:
            reader.say(np.array([image]), image)
        singly.append(counter.get_total_flops())
    assert len(set(singly)) > 1
    assert together == pytest.approx(sum(singly) / 12)


def test_learning_takes_two_products_more() -> None:
    """For every product forward, one for the inputs and one for the weights."""
    inputs = torch.rand(3, 5, 10, requires_grad=True)
    with counting() as counter:
        nn.LSTM(10, 20)(inputs)[0].sum().backward()
    assert counter.get_total_flops() == 3 * 2 * 3 * 5 * 4 * 20 * (10 + 20)
    weights = [(80, 10), (80, 20), (80,), (80,)]
    backward = flops._FORMULAS[torch.ops.aten._cudnn_rnn_backward]
    assert backward((3, 5, 10), weights, 4) == 2 * 2 * 3 * 5 * 80 * (10 + 20)
