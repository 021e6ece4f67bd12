from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

import gymnasium as gym
import numpy as np
import pytest
import torch
from PIL import Image

from agents.dram.config import Config
from agents.dram.learning.adaptive import ADAPTIVE
from agents.dram.learning.kind import LABELS
from agents.dram.learning.make import make_training
from agents.dram.learning.objectives import speaking_loss, worth_of_glimpses
from agents.dram.learning.training import Training
from agents.dram.model.agent import AdaptiveAgent
from agents.dram.readers.agent_reader import evaluate
from agents.dram.readers.pictures import draw_pictures
from agents.dram.rollouts.rollout import Decisions
from agents.runs.folder import read_metrics
from agents.train_dram import main, parse
from glimpse_env.errors import InvalidArgument
from tests.agents.conftest import NUMBERS, partial_rollout, stripes


@pytest.fixture
def adaptive_config(stripes_config: Config) -> Config:
    """A small DRAM that decides when it has seen the stripes."""
    return replace(
        stripes_config,
        glimpses_per_label=0,
        max_glimpses=4,
        glimpse_cost=0.02,
        reinforce_weight=1.0,
    )


def test_gradients_are_those_of_reinforce(adaptive_config: Config) -> None:
    """By hand: (p - 1[spoke]) (R - cost - b) for log-odds."""
    generator = torch.Generator().manual_seed(0)
    odds = torch.randn(4, generator=generator).requires_grad_()
    baseline = torch.randn(4, generator=generator).requires_grad_()
    decisions = Decisions(
        odds=odds,
        spoke=torch.tensor([False, True, False, True]),
        baseline=baseline,
        place=torch.tensor([1, 2, 13, 14]),
        to_pay=torch.tensor([0.2, 0.0, 0.1, 0.0]),
        glimpses=torch.tensor([2.0, 2.0]),
    )
    returns = torch.tensor([[1.0, 1.0], [1.0, 2.0]])
    right = torch.tensor([False, True])
    rollout = partial_rollout(returns=returns, right=right)
    rollout = rollout._replace(decisions=decisions, max_glimpses=4)
    config = replace(adaptive_config, reinforce_weight=0.7)
    loss = speaking_loss(rollout, config, 0.0)
    by_odds, by_baseline = torch.autograd.grad(loss, (odds, baseline))
    worth = torch.tensor([0.8, 1.0, 1.9, 2.0])
    advantage = worth - baseline.detach()
    expected = 0.7 * (odds.detach().sigmoid() - decisions.spoke.float()) * advantage / 2
    torch.testing.assert_close(by_odds, expected)
    torch.testing.assert_close(by_baseline, 2 * (baseline.detach() - worth) / 2)

    curious = speaking_loss(rollout, config, 0.3)
    entropy = torch.distributions.Bernoulli(logits=odds).entropy().sum()
    torch.testing.assert_close(curious, loss - 0.3 * entropy / 2)


def test_decisions_are_worth_what_gazes_are(adaptive_config: Config) -> None:
    """A probability that the classifier gave, where that is asked for; two labels of one row."""
    logits = torch.tensor([[0.0, 0.0], [0.0, 99.0]])
    returns = torch.tensor([[0.0, 1.0]])
    at = torch.tensor([0, 1])
    rollout = partial_rollout(
        returns=returns, logits=logits, logits_at=at, targets=at, right=torch.tensor([True])
    )
    odds = torch.zeros(2)
    decisions = Decisions(odds, odds > 1, odds, torch.tensor([1, 3]), torch.zeros(2), odds[:1])
    rollout = rollout._replace(decisions=decisions, max_glimpses=2)
    config = replace(adaptive_config, reinforce_weight=0.0, credit="probability")
    assert speaking_loss(rollout, config, 0.0) == pytest.approx(0.5**2 + 1.5**2)
    config = replace(config, credit="environment")
    assert speaking_loss(rollout, config, 0.0) == pytest.approx(0**2 + 1**2)


@pytest.mark.parametrize("initial_gaze", ["none", "random"])
def test_to_look_on_is_worth_what_is_learned_until_it_speaks(
    initial_gaze: Literal["none", "random"],
) -> None:
    """By hand, moment by moment, in numbers of which one or more digits are read."""
    config = replace(NUMBERS, glimpses_per_label=0, max_glimpses=4, num_envs=32)
    config = replace(config, credit="information", initial_gaze=initial_gaze)
    training = make_training(config)
    with torch.no_grad():  # right now and then
        training.agent.classification.layers[0].bias[:3] += 3
    rollout = training.play()
    decisions, guesses = rollout.decisions, rollout.guesses
    assert decisions is not None and guesses is not None
    known = {
        int(place): max(0.0, 1 + logits.log_softmax(0)[target].item() / math.log(len(logits)))
        for logits, target, place in zip(*guesses, strict=True)
    }
    assert len(known) == len(guesses.logits) == decisions.glimpses.sum()
    said = {place // 4: known[place] for place in sorted(known)}  # the last one for each label
    assert set(said) == set(rollout.logits_at.tolist())
    worth = worth_of_glimpses(rollout, config).view(-1)
    for place, spoke in zip(decisions.place.tolist(), decisions.spoke.tolist(), strict=True):
        expected = said[place // 4] - known[place - 1]
        assert worth[place].item() == pytest.approx(expected, abs=1e-6)
        assert not spoke or worth[place] == 0
    for place in rollout.place.tolist():
        before = known[place - 1] if place % 4 else 0.0
        assert worth[place].item() == pytest.approx(said[place // 4] - before, abs=1e-6)
    assert len({label % 6 for label in said}) > 1  # some rows have read more than one
    assert len(set(decisions.glimpses.tolist())) > 3


def test_all_parts_of_the_loss_are_there(adaptive_config: Config) -> None:
    """In that of a played batch: each reading once, costs of gazes, and the falling entropy."""
    config = replace(adaptive_config, reinforce_weight=0.0, outside_penalty=0.0, num_envs=32)
    plain, curious = (
        make_training(replace(config, entropy_weight=weight)) for weight in (0.0, 0.3)
    )
    rollout = plain.play()
    decisions, guesses = rollout.decisions, rollout.guesses
    assert decisions is not None and guesses is not None
    chosen = (rollout, rollout.baseline), (decisions, decisions.baseline)
    missed = 0.0
    for choices, baseline in chosen:
        worth = rollout.returns.view(-1)[choices.place // 4] - choices.to_pay
        missed += ((worth - baseline) ** 2).sum()
    read = torch.nn.functional.cross_entropy(guesses.logits, guesses.targets, reduction="sum")
    loss, _ = plain.loss(rollout)
    torch.testing.assert_close(loss, (missed + read) / 32)
    entropy = torch.distributions.Bernoulli(logits=decisions.odds).entropy().sum()
    torch.testing.assert_close(curious.loss(rollout)[0], loss - 0.3 * entropy / 32)
    curious.updates = config.images // 2 // 32
    torch.testing.assert_close(curious.loss(rollout)[0], loss - 0.15 * entropy / 32)


def test_where_only_one_label_can_be_said_nothing_is_to_decide(adaptive_config: Config) -> None:
    """Stripes of one kind alone."""
    images, _ = stripes(20)
    spec = gym.spec(adaptive_config.env_id)
    spec.kwargs.update(images=images, labels=np.zeros(20, np.int64), num_classes=1)
    with pytest.raises(InvalidArgument, match="only one can be said; give --num-classes"):
        make_training(adaptive_config)


def test_an_agent_that_decides_is_trained_so(
    adaptive_config: Config, stripes_config: Config
) -> None:
    assert make_training(stripes_config).kind is LABELS
    training = make_training(adaptive_config)
    assert training.kind is ADAPTIVE
    metrics = training.update()
    boxes = "glimpse bottom top context emission onward classification speaking".split()
    assert all(metrics[f"gradients/{box}"] > 0 for box in boxes)
    assert 1 <= metrics["train/glimpses"] <= 4


def test_one_seed_one_curve_also_when_resumed(adaptive_config: Config) -> None:
    def curve(training: Training, updates: int) -> list[tuple[float, float]]:
        metrics = [training.update() for _ in range(updates)]
        return [
            (one["train/cross_entropy"].item(), one["train/chance_to_speak"].item())
            for one in metrics
        ]

    whole = curve(make_training(adaptive_config), 5)
    stopped = make_training(adaptive_config)
    assert curve(stopped, 2) == whole[:2]
    torch.manual_seed(99)
    resumed = make_training(adaptive_config)
    resumed.restore(stopped.state())
    assert curve(resumed, 3) == whole[2:]


def test_networks_may_compute_in_bfloat16(adaptive_config: Config) -> None:
    training = make_training(replace(adaptive_config, precision="bfloat16"))
    metrics = training.update()
    assert all(torch.isfinite(value).all() for value in metrics.values())
    agent = training.agent
    assert isinstance(agent, AdaptiveAgent)
    observation, _ = training.envs.reset(seed=0)
    seen = {key: torch.as_tensor(value) for key, value in observation.items()}
    begun = torch.ones(len(seen["location"]), dtype=torch.bool)
    state = agent.begin(seen["location"], seen.get("context"))
    state = agent.look_again(state, seen["glimpse"], seen["location"], begun)
    assert {part.dtype for part in (*state.bottom, *state.top)} == {torch.float32}


def test_options_of_deciding_are_refused_without_it(stripes_config: Config) -> None:
    for option in ("glimpse_cost", "entropy_weight"):
        with pytest.raises(InvalidArgument, match=rf"{option}=0\.1 .*glimpses_per_label=0"):
            make_training(replace(stripes_config, **{option: 0.1}))  # type: ignore[arg-type]


@pytest.mark.parametrize("looks", [False, True])
def test_its_gazes_are_drawn_if_there_are_any(
    adaptive_config: Config, tmp_path: Path, looks: bool
) -> None:
    config = replace(adaptive_config, initial_gaze="center")
    training = make_training(config)
    assert isinstance(training.agent, AdaptiveAgent)
    with torch.no_grad():  # all see one glimpse, or four
        training.agent.speaking.linear.bias.fill_(-99.0 if looks else 99.0)
    read = evaluate(training.agent, config, "validation", images=20, num_envs=8)
    assert read.glimpses_per_image == (4 if looks else 1)
    animation, picture = draw_pictures(training.agent, config, "validation", tmp_path, (3, 5))
    with Image.open(animation) as film:
        assert film.n_frames == (5 if looks else 2)
    assert picture.stat().st_size > 1000


def test_the_command_line_trains_it(tmp_path: Path) -> None:
    small = "--num-envs 16 --features 16 --units 16 --epoch-images 32 --images 64".split()
    small += ["--preset", "adaptive_house_numbers_cpu", "--num-images", "32"]
    small += ["--validation-images", "16", "--no-test"]
    main(parse(["--runs", str(tmp_path), "--device", "cpu", *small]))
    folder = next(tmp_path.iterdir())
    assert {"train/glimpses", "gradients/speaking"} <= set(read_metrics(folder)[-1])


@pytest.mark.slow
def test_learns_to_read_and_looks_less_where_that_costs_more(adaptive_config: Config) -> None:
    glimpses = {}
    for cost in (0.0, 0.1):
        config = replace(adaptive_config, glimpse_cost=cost)
        training = make_training(config)
        while training.images < config.images:
            metrics = training.update()
        glimpses[cost] = float(metrics["train/glimpses"])
        error = evaluate(training.agent, config, "validation").error
        blind = evaluate(training.agent, config, "validation", gaze="random").error
        assert error < 15 < blind
    assert glimpses[0.1] < glimpses[0.0] - 0.5
