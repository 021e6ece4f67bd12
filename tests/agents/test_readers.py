from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.agent import GlimpseAgent
from agents.build import make_agent, make_envs
from agents.config import Config
from agents.flops import parameters_of
from agents.readers import (
    AgentReader,
    FocusReader,
    ForwardBackwardReader,
    agent_reader,
    crop,
    gaze_middles,
)
from agents.reading import combine
from agents.rollout import Rollout
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.house_numbers import render_house_numbers
from tests.agents.conftest import stripes

NUMBERS = Config(
    env_id="GlimpseHouseNumbers-v0", num_images=32, features=16, units=16, standardize=True
)
WIDE = "GlimpseHouseNumbers110-v0"


def agent_for(config: Config) -> GlimpseAgent:
    torch.manual_seed(0)
    return make_agent(config, make_envs(config, "validation", 1))


def test_targets_are_the_labels_of_the_images_in_either_direction() -> None:
    backward = replace(NUMBERS, backward=True)
    index = np.arange(40)
    _, labels = render_house_numbers("validation", index)
    ahead = agent_reader(agent_for(NUMBERS), NUMBERS, "validation", num_envs=40)
    back = agent_reader(agent_for(backward), backward, "validation", num_envs=40)
    for ours, theirs, digits in zip(
        ahead.targets(index).tolist(), back.targets(index).tolist(), labels.tolist(), strict=True
    ):
        number = [digit for digit in digits if digit >= 0]
        padding = [-1] * (5 - len(number))
        assert ours == [*number, 10, *padding]
        assert theirs == [*number[::-1], 10, *padding]


def test_reading_goes_on_after_a_mistake() -> None:
    """What is right must not show in what is said."""
    agent = agent_for(NUMBERS)
    with torch.no_grad():
        agent.classification.layers[0].bias[3] += 99
    said = agent_reader(agent, NUMBERS, "validation", num_envs=8).read(np.arange(8), 0).said
    assert (said == 3).all()


def test_forward_and_backward_readings_are_combined() -> None:
    configs = NUMBERS, replace(NUMBERS, backward=True)
    pair = [
        agent_reader(agent_for(config), config, "validation", samples=2, num_envs=8)
        for config in configs
    ]
    both = ForwardBackwardReader(*pair)
    index = np.arange(4)
    one, other = (
        agent_reader(agent_for(config), config, "validation", samples=2, num_envs=8)
        for config in configs
    )
    expected = combine(one.read(index, 3), other.read(index, 3))
    assert torch.equal(both.say(index, 3), expected.said)
    assert both.batch == 4 and both.size == 5000 and both.end == 10
    longer = agent_reader(agent_for(NUMBERS), NUMBERS, "validation", num_envs=9)
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
    reader = agent_reader(agent_for(stripes_config), stripes_config, "test", num_envs=4)
    with pytest.raises(InvalidArgument, match="single label"):
        ForwardBackwardReader(reader, reader)


def test_gaze_middles_against_a_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    gaze = torch.randn(30, 2, generator=generator)
    rows = torch.arange(30) % 6
    empty = torch.zeros(0)
    rollout = Rollout(
        gaze=gaze,
        gaze_mean=empty,
        baseline=empty,
        returns=torch.zeros(6, 3),
        for_label=rows * 3 + 1,
        logits=empty,
        logits_at=empty,
        targets=empty,
        right=empty,
        labels_right=empty,
    )
    for image in range(3):  # two samples of each
        points = gaze[rows // 2 == image].clamp(-1, 1)
        middle = (points.min(0).values + points.max(0).values) / 2
        torch.testing.assert_close(gaze_middles(rollout, 2)[image], middle)


def test_crop_against_a_loop() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(20, 3, 12, 9), dtype=np.uint8)
    middle = rng.uniform(-1, 1, size=(20, 2))
    for image, (x, y), cut in zip(images, middle, crop(images, middle, 5), strict=True):
        left = min(max(int(np.floor((x + 1) / 2 * 9 - 2.5 + 0.5)), 0), 4)
        top = min(max(int(np.floor((y + 1) / 2 * 12 - 2.5 + 0.5)), 0), 7)
        np.testing.assert_array_equal(cut, image[:, top : top + 5, left : left + 5])


def test_focus_reads_the_crop_around_its_gazes() -> None:
    """Gazes that rest on one place make the second pass a reading of the crop around it."""
    agent = agent_for(NUMBERS)
    with torch.no_grad():
        agent.emission.linear.weight.zero_()
        agent.emission.linear.bias[:] = torch.tensor([0.31, -0.22])
    reader = FocusReader(agent, NUMBERS, "validation", WIDE, num_envs=6)
    index = np.arange(6)
    found = reader.read(index, 0)
    images, labels = render_house_numbers("validation", index, image_size=110)
    left, top = (int(np.floor((at + 1) / 2 * 110 - 27 + 0.5)) for at in (0.31, -0.22))
    crops = images[:, top : top + 54, left : left + 54]
    envs = gym.make_vec(
        "Glimpse-v0",
        num_envs=6,
        images=crops,
        labels=labels,
        num_classes=10,
        context_size=18,
        initial_gaze="none",
        autoreset_mode="disabled",
        stop_on_mistake=False,
    )
    expected = AgentReader(agent, envs, 2.0).read(index, 0)
    torch.testing.assert_close(found.log_probs, expected.log_probs, rtol=1e-4, atol=1e-5)
    targets = reader.targets(index)[:, :5].numpy()
    assert (targets[labels >= 0] == labels[labels >= 0]).all()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_focus_on_single_labels(
    stripes_config: Config, stripes_id: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wide images of the same task: both passes read one label each, with two samples."""
    images, labels = stripes(40, side=48)
    shown = {**(gym.spec(stripes_id).kwargs or {}), "images": images, "labels": labels}
    gym.register(
        "WideStripes-v0",
        vector_entry_point="glimpse_env.vector_env:GlimpseVectorEnv",
        kwargs=shown | {"backend": backend},
    )
    try:
        agent = agent_for(stripes_config)
        reader = FocusReader(
            agent, stripes_config, "test", "WideStripes-v0", samples=2, num_envs=20
        )
        said, targets = reader.say(np.arange(10), 0), reader.targets(np.arange(10))
    finally:
        del gym.registry["WideStripes-v0"]
    assert said.shape == targets.shape == (10, 1)
    assert targets[:, 0].tolist() == labels[:10].tolist()
    assert set(said.flatten().tolist()) <= {0, 1}


def test_focus_needs_a_wider_image() -> None:
    wide = replace(NUMBERS, env_id=WIDE)
    with pytest.raises(InvalidArgument, match="not wider"):
        FocusReader(agent_for(wide), wide, "validation", NUMBERS.env_id, num_envs=2)
