from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.readers.agent_reader import agent_reader
from agents.dram.readers.forward_backward import ForwardBackwardReader
from agents.dram.readers.reading import combine
from agents.evaluation.flops import parameters_of
from glimpse_env.errors import InvalidArgument
from tests.agents.conftest import NUMBERS, fresh_agent


def test_forward_and_backward_readings_are_combined() -> None:
    configs = NUMBERS, replace(NUMBERS, backward=True)
    pair = [
        agent_reader(fresh_agent(config), config, "validation", samples=2, num_envs=8)
        for config in configs
    ]
    both = ForwardBackwardReader(*pair)
    index = np.arange(4)
    one, other = (
        agent_reader(fresh_agent(config), config, "validation", samples=2, num_envs=8)
        for config in configs
    )
    expected = combine(one.read(index, 3), other.read(index, 3))
    assert torch.equal(both.say(index, 3), expected.said)
    assert both.batch == 4 and both.size == 5000 and both.end == 10
    longer = agent_reader(fresh_agent(NUMBERS), NUMBERS, "validation", num_envs=9)
    with pytest.raises(InvalidArgument, match="different"):
        ForwardBackwardReader(pair[0], longer)
    with pytest.raises(InvalidArgument, match="towards each other"):
        ForwardBackwardReader(pair[0], pair[0])
    whole, glimpse = parameters_of(pair[0].agent), parameters_of(pair[0].agent.glimpse)
    # Both began from one seed, so their glimpse networks are one and count once.
    assert sum(map(parameters_of, both.networks)) == 2 * whole - glimpse
    with torch.no_grad():
        next(pair[1].agent.glimpse.parameters()).add_(1)
    assert sum(map(parameters_of, ForwardBackwardReader(*pair).networks)) == 2 * whole


def test_single_labels_have_no_direction(stripes_config: Config) -> None:
    reader = agent_reader(fresh_agent(stripes_config), stripes_config, "test", num_envs=4)
    with pytest.raises(InvalidArgument, match="single label"):
        ForwardBackwardReader(reader, reader)
