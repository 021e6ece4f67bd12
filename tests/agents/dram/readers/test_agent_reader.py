from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from agents.dram.readers.agent_reader import agent_reader
from glimpse_env.tasks.house_numbers.render import render_house_numbers
from tests.agents.conftest import NUMBERS, fresh_agent


def test_targets_are_the_labels_of_the_images_in_either_direction() -> None:
    backward = replace(NUMBERS, backward=True)
    index = np.arange(40)
    _, labels = render_house_numbers("validation", index)
    ahead = agent_reader(fresh_agent(NUMBERS), NUMBERS, "validation", num_envs=40)
    back = agent_reader(fresh_agent(backward), backward, "validation", num_envs=40)
    for ours, theirs, digits in zip(
        ahead.targets(index).tolist(), back.targets(index).tolist(), labels.tolist(), strict=True
    ):
        number = [digit for digit in digits if digit >= 0]
        padding = [-1] * (5 - len(number))
        assert ours == [*number, 10, *padding]
        assert theirs == [*number[::-1], 10, *padding]


def test_reading_goes_on_after_a_mistake() -> None:
    """What is right must not show in what is said."""
    agent = fresh_agent(NUMBERS)
    with torch.no_grad():
        agent.classification.layers[0].bias[3] += 99
    said = agent_reader(agent, NUMBERS, "validation", num_envs=8).read(np.arange(8), 0).said
    assert (said == 3).all()
