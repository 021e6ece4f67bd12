from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.readers.agent_reader import AgentReader, agent_reader
from agents.evaluation.reader import Gaze
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


@pytest.mark.parametrize("gaze, samples", [("policy", 1), ("policy", 3), ("random", 1)])
def test_a_reader_that_is_rewound_reads_as_a_new_one(
    stripes_config: Config, gaze: Gaze, samples: int
) -> None:
    config = replace(stripes_config, initial_gaze="random")
    agent = fresh_agent(config)

    def reader() -> AgentReader:
        made = agent_reader(agent, config, "validation", gaze=gaze, samples=samples, num_envs=60)
        assert isinstance(made, AgentReader)
        return made

    def gazes(kept: AgentReader) -> torch.Tensor:
        index = np.arange(kept.batch)
        return torch.stack([kept.play(index, seed).gaze for seed in (0, 1)])

    kept = reader()
    first, without = gazes(kept), gazes(kept)
    kept.rewind()
    assert torch.equal(gazes(kept), first) and torch.equal(gazes(reader()), first)
    assert torch.equal(without, first) == (gaze == "policy" and samples == 1)
