from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.readers.agent_reader import AgentReader
from agents.dram.readers.focus import FocusReader, crop, gaze_middles
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.house_numbers.render import render_house_numbers
from tests.agents.conftest import NUMBERS, fresh_agent, partial_rollout, stripes

WIDE = "GlimpseHouseNumbers110-v0"


def test_gaze_middles_against_a_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    gaze = torch.randn(30, 3, generator=generator)  # the third is a zoom, and no place
    rows = torch.arange(30) % 6
    rollout = partial_rollout(gaze=gaze, returns=torch.zeros(6, 3), place=rows * 3 + 1)
    for image in range(3):  # two samples of each
        points = gaze[rows // 2 == image, :2].clamp(-1, 1)
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


@pytest.mark.parametrize("unit_pixels", [0.0, 40.0])
def test_focus_reads_the_crop_around_its_gazes(unit_pixels: float) -> None:
    """Gazes that rest on one place make the second pass a reading of the crop around it."""
    config = replace(NUMBERS, unit_pixels=unit_pixels)
    agent, unit = fresh_agent(config), unit_pixels / 55 or 1.0
    with torch.no_grad():
        agent.emission.linear.weight.zero_()
        agent.emission.linear.bias[:] = torch.tensor([0.31, -0.22])
    reader = FocusReader(agent, config, "validation", WIDE, num_envs=6)
    index = np.arange(6)
    found = reader.read(index, 0)
    images, labels = render_house_numbers("validation", index, image_size=110)
    left, top = (int(np.floor((at + 1) / 2 * 110 - 27 + 0.5)) for at in (0.31 * unit, -0.22 * unit))
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
    close = pytest.approx(unit_pixels / 27 or 1.0)
    assert agent.emission.unit.tolist() == [close, close]  # in the second pass
    expected = AgentReader(agent, envs, 2.0).read(index, 0)
    torch.testing.assert_close(found.log_probs, expected.log_probs, rtol=1e-4, atol=1e-5)
    targets = reader.targets(index)[:, :5].numpy()
    assert (targets[labels >= 0] == labels[labels >= 0]).all()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_focus_on_single_labels(stripes_config: Config, stripes_id: str, backend: str) -> None:
    """Wide images of the same task: both passes read one label each, with two samples."""
    images, labels = stripes(40, side=48)
    shown = {**(gym.spec(stripes_id).kwargs or {}), "images": images, "labels": labels}
    gym.register(
        "WideStripes-v0",
        vector_entry_point="glimpse_env.envs.reading.env:GlimpseVectorEnv",
        kwargs=shown | {"backend": backend},
    )
    try:
        agent = fresh_agent(stripes_config)
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
        FocusReader(fresh_agent(wide), wide, "validation", NUMBERS.env_id, num_envs=2)
    with pytest.raises(InvalidArgument, match="not wider"):
        FocusReader(fresh_agent(NUMBERS), NUMBERS, "validation", NUMBERS.env_id, num_envs=2)


def test_focus_needs_the_same_glimpses_and_labels(stripes_config: Config) -> None:
    agent = fresh_agent(stripes_config)
    with pytest.raises(InvalidArgument, match=f"{WIDE} has other glimpses or other labels"):
        FocusReader(agent, stripes_config, "validation", WIDE, num_envs=2)
