from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.dram.config import Config
from agents.dram.model.build import build_agent, fit_gazes
from agents.dram.model.gazes import (
    GaussianGazes,
    center_gaze,
    gaze_policy,
    random_gaze,
    sampled_gaze,
    sigma_pixels,
)
from agents.trainer.envs import Sizes, make_envs, sizes_of
from tests.agents.conftest import GAZES, NUMBERS, noise


def test_log_density_is_that_of_torch_times_its_variance_up_to_a_constant() -> None:
    gaze, mean = torch.randn(5, 2), torch.randn(5, 2)
    sigma = torch.tensor([0.3, 0.1])  # in pixels the same in an image three times as high as wide
    theirs = (sigma**2 * torch.distributions.Normal(mean, sigma).log_prob(gaze)).sum(1)
    constant = -(sigma**2 * (sigma * math.sqrt(2 * math.pi)).log()).sum()
    torch.testing.assert_close(GAZES.log_prob(mean, gaze) + constant, theirs)


def test_the_sample_carries_no_gradient() -> None:
    mean = torch.zeros(1, 2, requires_grad=True)
    sample = mean + 0.1 * torch.tensor([[1.0, -2.0]])
    GAZES.log_prob(mean, sample).sum().backward()
    # l - mu; with a gradient through the sample it would be 0
    torch.testing.assert_close(mean.grad, torch.tensor([[0.1, -0.2]]))


def test_the_pull_is_back_only_from_outside() -> None:
    mean = torch.tensor([[0.9, -0.5], [1.5, -3.0]], requires_grad=True)
    loss = GAZES.pull(mean)
    assert loss.item() == pytest.approx(0.25 + 4.0)
    loss.backward()
    torch.testing.assert_close(mean.grad, torch.tensor([[0.0, 0.0], [1.0, -4.0]]))


def test_controls() -> None:
    mean = torch.full((1000, 2), 0.7)
    rows = torch.arange(1000)
    assert (center_gaze(GAZES)(mean, rows) == 0).all()
    gaze = random_gaze(GAZES, noise(1000))(mean, rows)
    assert gaze.min() < -0.95 and gaze.max() > 0.95 and abs(gaze.mean()) < 0.05
    noisy = sampled_gaze(GAZES, noise(1000), 0.1)(mean, rows) - mean
    assert noisy.std() == pytest.approx(0.1, rel=0.1)


def test_without_noise_the_policy_looks_where_it_is_likeliest() -> None:
    mean, rows = torch.randn(5, 2), torch.arange(5)
    assert torch.equal(gaze_policy("policy", GAZES, noise(5))(mean, rows), mean)
    assert not torch.equal(gaze_policy("policy", GAZES, noise(5), 0.1)(mean, rows), mean)
    for control in ("random", "center"):
        assert not torch.equal(gaze_policy(control, GAZES, noise(5), 0.1)(mean, rows), mean)


def test_an_agent_has_as_many_coordinates_as_the_gaze_of_its_environment() -> None:
    envs = make_envs(NUMBERS, "train", 1)
    gaze = spaces.Box(-1, 1, (3,), np.float32)
    envs.single_action_space = spaces.Dict({**envs.single_action_space, "gaze": gaze})  # type: ignore[dict-item]
    sizes = sizes_of(envs)
    agent = build_agent(NUMBERS, sizes, "cpu")
    context = None if sizes.context is None else torch.rand(2, *sizes.context)
    state = agent.begin(torch.zeros(2, 3), context)
    state = agent.look(state, torch.rand(2, *sizes.glimpse), torch.zeros(2, 3))
    params, _ = agent.where_next(state)
    for who in ("policy", "random", "center"):
        assert gaze_policy(who, agent.gazes, noise(2), 0.1)(params, state.rows).shape == (2, 3)


def test_sizes_of_older_checkpoints_are_of_two_coordinates() -> None:
    sizes = sizes_of(make_envs(NUMBERS, "train", 1))
    old = {name: value for name, value in sizes._asdict().items() if name != "gaze"}
    assert Sizes(**old) == sizes


def test_a_unit_of_pixels_is_as_long_down_as_across_in_every_image() -> None:
    sizes = sizes_of(make_envs(NUMBERS, "train", 1))
    agent = build_agent(dataclasses.replace(NUMBERS, unit_pixels=5.0), sizes, "cpu")
    fit_gazes(agent, (1, 20, 100))
    torch.testing.assert_close(agent.emission.unit, torch.tensor([0.1, 0.5]))
    assert torch.equal(GaussianGazes(2).unit((1, 20, 100)), torch.ones(2))


def test_sigma_falls_geometrically_and_then_stays() -> None:
    """In a run of whatever length, so that one that is made longer does not look around anew."""
    config = Config(
        env_id="Glimpse-v0", sigma_start_pixels=8.0, sigma_pixels=2.0, sigma_fall_images=500
    )
    for whole in (1000, 5000):
        config = dataclasses.replace(config, images=whole)
        falling = [sigma_pixels(config, images) for images in (0, 250, 500, 1000)]
        assert falling == pytest.approx([8, 4, 2, 2])
