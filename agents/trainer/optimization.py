"""The optimizers of a run, and what changes while it goes on: learning rate, noise, entropy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from agents.runs.config import RunConfig


def make_optimizer(
    config: RunConfig, parameters: Iterable[torch.nn.Parameter]
) -> torch.optim.Optimizer:
    """Adam, or SGD with Nesterov momentum 0.9 (DRAM, section 4)."""
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=config.learning_rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=config.weight_decay,
            fused=True,
        )
    return torch.optim.AdamW(
        parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )


def gradients_of(weights: Iterable[nn.Parameter]) -> list[Tensor]:
    """The gradients of those weights that have one."""
    return [weight.grad for weight in weights if weight.grad is not None]


def clip_gradients(boxes: Mapping[str, Sequence[nn.Parameter]], limit: float) -> dict[str, Tensor]:
    """Scale all gradients down alike, so that their norm together is at most `limit`.

    Args:
        boxes: Weights by the name of the box that they are in.
        limit: Of the norm.

    Returns:
        The norms before, of each box in which anything has a gradient.
    """
    found = {name: gradients_of(weights) for name, weights in boxes.items()}
    norms = {name: nn.utils.get_total_norm(grads) for name, grads in found.items() if grads}
    whole = torch.stack([*norms.values()]).norm()
    every = (weight for weights in boxes.values() for weight in weights)
    nn.utils.clip_grads_with_norm_(every, limit, whole)
    return norms


def learning_rate(config: RunConfig, images: int) -> float:
    """The learning rate after so many training images."""
    done = min(images / config.images, 1.0)
    rate = config.learning_rate
    if done < config.warmup:
        return rate * done / config.warmup
    if config.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * done))
    return rate * config.decay ** (images // config.epoch_images)
