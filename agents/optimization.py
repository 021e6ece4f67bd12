"""The optimizers of a run, and what changes while it goes on: learning rate and gaze noise."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from agents.config import Config
from agents.convnet_config import AnyConfig


def make_optimizer(
    config: AnyConfig, parameters: Iterable[torch.nn.Parameter]
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


def learning_rate(config: AnyConfig, images: int) -> float:
    """The learning rate after so many training images."""
    done = min(images / config.images, 1.0)
    rate = config.learning_rate
    if done < config.warmup:
        return rate * done / config.warmup
    if config.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * done))
    if config.schedule == "linear":
        return rate * (1 - done)
    if config.schedule == "exponential":
        return rate * config.decay ** (images // config.epoch_images)
    return rate


def sigma_pixels(config: Config, images: int) -> float:
    """The standard deviation of the gaze, pixels, after so many training images."""
    last = config.sigma_pixels
    first = last if config.sigma_start_pixels is None else config.sigma_start_pixels
    left = 1 - min(images / (config.sigma_fall * config.images), 1.0)
    return float(last * (first / last) ** left)


def entropy_weight(config: Config, images: int) -> float:
    """The weight of the entropy of moves after so many games."""
    return config.entropy_weight * (1 - min(images / config.images, 1.0))
