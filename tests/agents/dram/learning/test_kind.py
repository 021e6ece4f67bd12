from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from agents.dram.config import Config
from agents.dram.learning.kind import LABELS
from agents.dram.learning.losses import label_loss
from agents.dram.learning.training import Training
from agents.dram.model.gazes import Gazes
from agents.dram.rollouts.rollout import Rollout


def reading_alone(
    rollout: Rollout, config: Config, gazes: Gazes, images: int
) -> tuple[Tensor, dict[str, Tensor]]:
    loss = label_loss(rollout.logits, rollout.targets)
    return loss, {"train/error": 1 - rollout.right.float().mean(), "images": torch.tensor(images)}


def test_a_training_can_be_handed_an_objective_of_ones_own(stripes_config: Config) -> None:
    training = Training(stripes_config, kind=LABELS._replace(objective=reading_alone))
    metrics = [training.update() for _ in range(2)]
    boxes = {name for name in metrics[0] if name.startswith("gradients/")}
    assert boxes == {f"gradients/{box}" for box in ("glimpse", "bottom", "classification")}
    assert [int(one["images"]) for one in metrics] == [0, stripes_config.num_envs]


def test_to_play_and_to_learn_is_an_update(stripes_config: Config) -> None:
    config = replace(stripes_config, credit="information", dropout=0.2)
    whole, parts = Training(config), Training(config)
    expected = whole.update()
    first, again = parts.play(), parts.play()
    assert torch.equal(first.gaze, again.gaze) and torch.equal(first.logits, again.logits)
    loss, _ = parts.loss(again)
    assert loss.requires_grad
    for group in parts.optimizer.param_groups:
        group["lr"] = whole.optimizer.param_groups[0]["lr"]
    found = parts.learn(again)
    assert {name: float(value) for name, value in found.items()} == {
        name: float(value) for name, value in expected.items()
    }
    for ours, theirs in zip(parts.agent.parameters(), whole.agent.parameters(), strict=True):
        assert torch.equal(ours, theirs)
