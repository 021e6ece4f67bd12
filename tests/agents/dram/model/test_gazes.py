from __future__ import annotations

import dataclasses
import math
from typing import Literal

import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.dram.model.build import build_agent, fit_gazes
from agents.dram.model.gazes import (
    GaussianGazes,
    GridGazes,
    center_gaze,
    gaze_policy,
    random_gaze,
    sampled_gaze,
    sigma_pixels,
)
from agents.dram.readers.agent_reader import AgentReader, agent_reader, label_reader
from agents.trainer.envs import Sizes, make_envs, sizes_of
from tests.agents.conftest import GAZES, NUMBERS, fresh_agent, noise

ZOOMING = dataclasses.replace(NUMBERS, zoom=True)


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
    sizes = sizes_of(make_envs(ZOOMING, "train", 1))
    assert sizes.gaze == 3
    agent = build_agent(ZOOMING, sizes)
    context = None if sizes.context is None else torch.rand(2, *sizes.context)
    state = agent.begin(torch.zeros(2, 3), context)
    state = agent.look(state, torch.rand(2, *sizes.glimpse), torch.zeros(2, 3))
    params, _ = agent.where_next(state)
    for who in ("policy", "random", "center"):
        assert gaze_policy(who, agent.gazes, noise(2), 0.1)(params, state.rows).shape == (2, 3)


def test_a_zoom_has_a_sigma_and_a_unit_of_its_own() -> None:
    """No pixels measure it."""
    gazes = GaussianGazes(3, unit_pixels=5.0, sigma_zoom=0.25)
    torch.testing.assert_close(gazes.unit((1, 20, 100)), torch.tensor([0.1, 0.5, 1.0]))
    sigma = torch.tensor([0.02, 0.1])
    drawn = gazes.sample(torch.zeros(9000, 3), torch.arange(9000), noise(9000), sigma)
    torch.testing.assert_close(drawn.std(0), torch.tensor([0.02, 0.1, 0.25]), rtol=0.05, atol=0)


@pytest.mark.parametrize("gazes", ["gaussian", "grid"])
def test_an_update_moves_what_chooses_the_zoom(gazes: Literal["gaussian", "grid"]) -> None:
    training = Training(dataclasses.replace(ZOOMING, gazes=gazes, grid_size=3))
    weight = training.agent.emission.linear.weight
    before = weight.detach().clone()
    training.update()
    assert len(weight) == (3 if gazes == "gaussian" else 3**3)
    assert (weight[-1] != before[-1]).any()
    reader = label_reader(training.agent, training.config, "test", num_envs=8)
    gaze = reader.play(np.arange(8), 0).gaze
    assert gaze.shape[1] == 3 and len(gaze[:, 2].unique()) > 1


def test_sizes_of_older_checkpoints_are_of_two_coordinates() -> None:
    sizes = sizes_of(make_envs(NUMBERS, "train", 1))
    old = {name: value for name, value in sizes._asdict().items() if name != "gaze"}
    assert Sizes(**old) == sizes


def test_a_unit_of_pixels_is_as_long_down_as_across_in_every_image() -> None:
    sizes = sizes_of(make_envs(NUMBERS, "train", 1))
    agent = build_agent(dataclasses.replace(NUMBERS, unit_pixels=5.0), sizes)
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


def test_places_of_a_grid_are_where_they_are() -> None:
    """By hand: the middles of four quarters, x before y."""
    grid = GridGazes(2, side=2)
    middles = [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]
    assert grid.middle(torch.arange(4)).tolist() == middles
    assert len(grid.unit((1, 8, 8))) == 4


@pytest.mark.parametrize("size, side", [(2, 1), (2, 5), (2, 10), (2, 28), (3, 4)])
def test_every_gaze_lies_in_one_place(size: int, side: int) -> None:
    grid, places = GridGazes(size, side), torch.arange(side**size)
    middles = grid.middle(places)
    assert torch.equal(grid.place(middles), places)
    nearby = middles + (torch.rand_like(middles) - 0.5) * 1.99 / side
    assert torch.equal(grid.place(nearby), places)
    assert grid.place(torch.full((1, size), 1.0)) == side**size - 1  # the edge, as a control may


def test_a_grid_scores_and_draws_places_as_a_categorical_distribution() -> None:
    grid, number = GridGazes(2, side=3), 100_000
    logits = torch.randn(9).requires_grad_()
    theirs = torch.distributions.Categorical(logits=logits)
    params = logits.expand(number, 9)
    gaze = grid.sample(params, torch.arange(number), noise(number), std=99.0)
    assert not gaze.requires_grad
    place = grid.place(gaze)
    found = torch.bincount(place, minlength=9) / number
    torch.testing.assert_close(found, theirs.probs.detach(), atol=0.006, rtol=0)
    torch.testing.assert_close(grid.log_prob(params, gaze), theirs.log_prob(place))
    (slope,) = torch.autograd.grad(grid.log_prob(params[:1], gaze[:1]).sum(), logits)
    made = torch.nn.functional.one_hot(place[0], 9)
    torch.testing.assert_close(slope, made - theirs.probs.detach())
    likeliest = grid.middle(logits.argmax()[None])
    assert torch.equal(grid.mode(params[:1]), likeliest)
    torch.testing.assert_close(grid.mean(params[:1])[0], gaze.mean(0), atol=0.01, rtol=0)
    assert grid.pull(params) == 0


def test_an_agent_looks_at_places_of_its_grid_alone(stripes_config: Config) -> None:
    config = dataclasses.replace(stripes_config, gazes="grid", grid_size=4)
    agent = fresh_agent(config)
    for samples, gaze in ((1, "policy"), (3, "policy"), (3, "random"), (1, "center")):
        reader = agent_reader(agent, config, "validation", gaze=gaze, samples=samples, num_envs=12)  # type: ignore[arg-type]
        assert isinstance(reader, AgentReader)
        index = np.arange(reader.batch)
        looked = reader.play(index, 0).gaze
        on_middles = torch.isin(looked, torch.tensor([-0.75, -0.25, 0.25, 0.75]))
        assert bool(on_middles.all()) == (gaze == "policy")
        assert reader.say(index, 0).shape == (len(index), 1)
