"""Where to look: the distribution of the gaze, how it is drawn, and what it is scored by."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from agents.dram.config import Config
from agents.dram.model.noise import RowNoise


def sigma_pixels(config: Config, images: int) -> float:
    """The standard deviation of the gaze, pixels, after so many training images."""
    last = config.sigma_pixels
    first = last if config.sigma_start_pixels is None else config.sigma_start_pixels
    left = 1 - min(images / config.sigma_fall_images, 1.0)
    return float(last * (first / last) ** left)


class EmissionNetwork(nn.Module):
    """The mean of the next gaze, a linear function of the top recurrent layer.

    Args:
        units: Size of the input.
        unit: (2,), what an output of 1 means, in units of the gaze (half an image).
    """

    unit: Tensor

    def __init__(self, units: int, unit: Tensor) -> None:
        """Build the layer; first gazes are near the centre."""
        super().__init__()
        self.linear = nn.Linear(units, 2)
        self.register_buffer("unit", unit, persistent=False)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, H) to mean gazes (B, 2)."""
        mean: Tensor = self.unit * self.linear(features)
        return mean


def scaled_gaze_log_prob(gaze: Tensor, mean: Tensor) -> Tensor:
    """The log-density of gazes times sigma^2, axis by axis, up to a constant.

    sigma^2 log N(gaze; mean, sigma^2) is -(gaze - mean)^2 / 2, whatever sigma. Without that factor
    the gradient grows with 1 / sigma^2, and a weight that works at one sigma explodes at another.

    Args:
        gaze: (G, 2), the raw samples, not clipped: the density belongs to what was drawn.
        mean: (G, 2), the means they were drawn around.

    Returns:
        (G,). The gradient goes to the mean alone: a sample that carried a gradient would cancel it.
    """
    return -((gaze.detach() - mean) ** 2).sum(1) / 2


def outside_loss(mean: Tensor) -> Tensor:
    """Squared distance of mean gazes (G, 2) from the image [-1, 1] x [-1, 1], summed."""
    return ((mean.abs() - 1).clamp_min(0) ** 2).sum()


GazePolicy = Callable[[Tensor, Tensor], Tensor]  # mean gaze (R, 2) of rows (R,) -> gaze (R, 2)


def sampled(std: float | Tensor, noise: RowNoise) -> GazePolicy:
    """Gaussian gazes around the mean (training, Monte Carlo averaging)."""
    return lambda mean, rows: mean.detach() + std * noise.normal(rows, 2)


def random_gaze(noise: RowNoise) -> GazePolicy:
    """Gazes uniform over the image, whatever the agent wants: the control that must do worse."""
    return lambda mean, rows: noise.uniform(rows, 2) * 2 - 1


def center_gaze(mean: Tensor, rows: Tensor) -> Tensor:
    """Always the centre of the image: the other control."""
    return torch.zeros_like(mean)


def mean_gaze(mean: Tensor, rows: Tensor) -> Tensor:
    """The mean itself."""
    return mean.detach()
