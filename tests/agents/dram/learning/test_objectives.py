"""Rewards alone: what the gradient is, and that no target has a part in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.dram.config import Config
from agents.dram.learning.kind import LABELS, REWARDS
from agents.dram.learning.make import make_training
from agents.dram.learning.objectives import rewards_loss
from agents.dram.readers.agent_reader import evaluate
from agents.dram.rollouts.rollout import Rollout, Said
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument
from tests.agents.conftest import GAZES, NUMBERS

STD = 0.25


def invented(**changes: Any) -> Rollout:
    """Two sequences: the first says two labels, right and wrong, the second one, wrong."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    mean = normal(3, 2).requires_grad_()
    rollout = Rollout(
        gaze=mean.detach() + STD * normal(3, 2),
        params=mean,
        baseline=normal(3).requires_grad_(),
        returns=torch.tensor([[1.0, 1.0], [0.0, 0.0]]),
        place=torch.tensor([0, 2, 1]),  # rows 0, 1, and row 0 after its first label
        logits=normal(3, 4).requires_grad_(),
        logits_at=torch.tensor([0, 2, 1]),
        targets=torch.tensor([1, 2, 3]),
        right=torch.tensor([False, False]),
        labels_right=torch.tensor([1.0, 0.0]),
        said=Said(torch.tensor([1, 0, 0]), normal(3).requires_grad_()),
    )
    return rollout._replace(**changes)


def test_gradients_are_those_of_reinforce(stripes_config: Config) -> None:
    """By hand: (p - 1[said]) (R - b) for labels, (l - mean) (R - b) for gazes; R of the episode."""
    config = replace(stripes_config, outside_penalty=0.0, reinforce_weight=0.7)
    rollout = invented()
    assert rollout.said is not None
    loss, _ = rewards_loss(rollout, config, GAZES, 0)
    before = (rollout.logits, rollout.params, rollout.baseline, rollout.said.baseline)
    scores, means, of_gazes, of_labels = torch.autograd.grad(loss, before)
    returns = torch.tensor([1.0, 0.0, 1.0])
    said = torch.nn.functional.one_hot(rollout.said.label, 4)
    advantage = (returns - rollout.said.baseline).detach()
    expected = (rollout.logits.detach().softmax(1) - said) * advantage[:, None] / 2
    torch.testing.assert_close(scores, expected)
    torch.testing.assert_close(of_labels, -advantage)
    advantage = (returns - rollout.baseline).detach()
    pull = -0.7 * (rollout.gaze - rollout.params.detach()) * advantage[:, None] / 2
    torch.testing.assert_close(means, pull)
    torch.testing.assert_close(of_gazes, -advantage)


def test_entropy_of_labels_is_rewarded(stripes_config: Config) -> None:
    config = replace(stripes_config, classifier="reinforce", entropy_weight=0.5)
    fair, sure = torch.zeros(3, 4), torch.tensor([9.0, 0, 0, 0]).expand(3, 4)
    known = torch.tensor([1.0, 0.0, 1.0])  # no advantage: entropy alone counts
    losses = [
        rewards_loss(
            invented(logits=some, said=Said(torch.zeros(3, dtype=torch.int64), known)),
            config,
            GAZES,
            0,
        )[0]
        for some in (fair, sure)
    ]
    assert (losses[1] - losses[0]).item() == pytest.approx(0.5 * 3 / 2 * 1.3863, abs=0.01)


def rows_that_do_not_count(rollout: Rollout) -> Rollout:
    """The same as a device plays it, with a fourth decision of a row that has ended."""
    assert rollout.said is not None

    def more(values: Tensor, filled: float = 0) -> Tensor:
        return torch.cat([values, values.new_full((1, *values.shape[1:]), filled)])

    counts = torch.tensor([True, True, True, False])
    names = ("gaze", "params", "baseline", "logits", "logits_at", "place")
    longer = {name: more(getattr(rollout, name)) for name in names}
    said = Said(more(rollout.said.label), more(rollout.said.baseline, 5.0))
    return rollout._replace(**longer, said=said, gaze_counts=counts, label_counts=counts)


def test_what_does_not_count_adds_nothing(stripes_config: Config) -> None:
    config = replace(stripes_config, classifier="reinforce", entropy_weight=0.5)
    losses = [
        rewards_loss(rollout, config, GAZES, 0)[0].item()
        for rollout in (invented(), rows_that_do_not_count(invented()))
    ]
    assert losses[0] == pytest.approx(losses[1])


ALONE: dict[str, Any] = {"classifier": "reinforce", "entropy_weight": 0.02}


@pytest.mark.parametrize("sequences", [False, True])
def test_no_target_is_read(
    sequences: bool, stripes_config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update with targets that are garbage is the same to the bit; the hybrid's is not."""
    config = NUMBERS if sequences else stripes_config

    def update(garbled: bool, **options: Any) -> Tensor:
        training = make_training(replace(config, num_envs=16, **options))
        with monkeypatch.context() as patch:
            if garbled:
                garble(patch)
            for _ in range(2):
                training.update()
        return torch.nn.utils.parameters_to_vector(training.agent.parameters())

    assert torch.equal(update(False, **ALONE), update(True, **ALONE))
    assert not torch.equal(update(False), update(True))


def garble(patch: pytest.MonkeyPatch) -> None:
    """Whoever looks up in info what is right finds 0."""
    for name in ("reset", "step"):
        inner = getattr(GlimpseVectorEnv, name)

        def told(self: Any, *given: Any, inner: Any = inner, **keywords: Any) -> Any:
            *others, info = inner(self, *given, **keywords)
            info |= {"target": np.zeros_like(info["target"]), "labels": 0 * info["labels"]}
            return *others, info

        patch.setattr(GlimpseVectorEnv, name, told)


def test_drawn_labels_explore(stripes_config: Config) -> None:
    config = replace(stripes_config, num_envs=400, **ALONE)
    training = make_training(config)
    assert training.kind is REWARDS and make_training(stripes_config).kind is LABELS
    rollout = training.play()
    assert rollout.said is not None
    chances = rollout.logits.softmax(1).mean(0)
    found = torch.bincount(rollout.said.label, minlength=2) / len(rollout.said.label)
    torch.testing.assert_close(found, chances.detach(), atol=0.08, rtol=0)
    assert found.min() > 0.2


def test_a_device_that_is_not_waited_for_plays_the_same() -> None:
    """Leaving rows and staying rows: the same labels are drawn, and the same gradients follow."""
    config = replace(NUMBERS, num_envs=24, **ALONE)
    found = []
    for device in ("cpu", "cpu:0"):  # the second is a device beside "cpu": rows stay
        training = make_training(config, device)
        with torch.no_grad():  # right now and then, so that episodes differ in length
            training.agent.classification.layers[0].bias[:3] += 2
        rollout = training.play()
        assert (rollout.label_counts is None) == (device == "cpu")
        loss, _ = training.loss(rollout)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.stack([weight.grad.norm() for weight in training.agent.parameters()]).sum()
        found.append((loss.item(), norm.item(), rollout.labels_right.sum().item()))
    assert found[0] == pytest.approx(found[1], rel=1e-4) and found[0][2] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"credit": "information"}, "credit='information' looks up"),
        ({"glimpses_per_label": 0}, "classifier='reinforce' is for a fixed number"),
    ],
)
def test_what_needs_labels_is_refused(options: Any, message: str, stripes_config: Config) -> None:
    with pytest.raises(InvalidArgument, match=message):
        make_training(replace(stripes_config, **ALONE, **options))


@pytest.mark.slow
def test_rewards_alone_teach_to_read_stripes(stripes_config: Config) -> None:
    config = replace(stripes_config, images=40_000, num_envs=128, **ALONE, reinforce_weight=1.0)
    training = make_training(config)
    while training.images < config.images:
        training.update()
    assert evaluate(training.agent, config, "test", images=1000).error < 10
