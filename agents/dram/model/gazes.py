"""Where to look: the distribution of the gaze, how it is drawn, and what it is scored by.

R rows, G gazes of D coordinates each, P parameters of a distribution, H units. Coordinates are in
units of the gaze: -1 and 1 are the edges of the image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from agents.dram.config import Config
from agents.dram.model.noise import RowNoise
from agents.trainer.envs import Shape


class Gazes(Protocol):
    """A distribution of gazes, as a function of P parameters that an agent gives.

    Attributes:
        size: D.
    """

    size: int

    def unit(self, image: Shape) -> Tensor:
        """What outputs of 1 of the emission network mean in an image (C, H, W): (P,)."""

    def sample(self, params: Tensor, rows: Tensor, noise: RowNoise, std: float | Tensor) -> Tensor:
        """Draw gazes.

        Args:
            params: (R, P).
            rows: int64 (R,), whose they are; each has its own noise.
            noise: Where it comes from.
            std: Standard deviation of x and y, a number or (2,); for distributions that learn none.

        Returns:
            (R, D), raw: the environment clips them. Without a gradient.
        """

    def mode(self, params: Tensor) -> Tensor:
        """The likeliest gazes, (R, D), where an agent looks when it is tested; no gradient."""

    def mean(self, params: Tensor) -> Tensor:
        """The expected gazes, (G, D); their spread is logged."""

    def log_prob(self, params: Tensor, gaze: Tensor) -> Tensor:
        """What REINFORCE scores the raw samples `gaze` (G, D) by: (G,).

        The gradient goes to `params` (G, P) alone: a sample that carried one would cancel it.
        """

    def pull(self, params: Tensor) -> Tensor:
        """What `outside_penalty` weighs, summed: how far `params` (G, P) are from the image."""


class GaussianGazes:
    """Gazes around a mean, the parameters, with a standard deviation that is not learned.

    Args:
        size: D: 2, x and y, or 3 with a zoom, which no pixels measure.
        unit_pixels: What an output of 1 of the emission network means, pixels; 0 for half the
            image.
        sigma_zoom: Standard deviation of a zoom.
    """

    def __init__(self, size: int, unit_pixels: float = 0.0, sigma_zoom: float = 0.5) -> None:
        self.size, self._unit_pixels, self._sigma_zoom = size, unit_pixels, sigma_zoom

    def unit(self, image: Shape) -> Tensor:
        """What outputs of 1 of the emission network mean in an image (C, H, W): (D,)."""
        half = half_image(image)
        return self._with_zoom(self._unit_pixels / half if self._unit_pixels else half / half, 1.0)

    def _with_zoom(self, lengths: Tensor, zoom: float) -> Tensor:
        """Lengths across and down (2,), with that of a zoom where there is one: (D,)."""
        return nn.functional.pad(lengths, (0, self.size - 2), value=zoom)

    def sample(self, params: Tensor, rows: Tensor, noise: RowNoise, std: float | Tensor) -> Tensor:
        """Draw gazes (R, D) around means (R, D), raw, without a gradient; `std` in half images."""
        if self.size > 2:
            across_and_down = torch.as_tensor(std, device=params.device).expand(2)
            std = self._with_zoom(across_and_down, self._sigma_zoom)
        return params.detach() + std * noise.normal(rows, self.size)

    def mode(self, params: Tensor) -> Tensor:
        """The means, (R, D), without a gradient."""
        return params.detach()

    def mean(self, params: Tensor) -> Tensor:
        """The means, (G, D)."""
        return params

    def log_prob(self, params: Tensor, gaze: Tensor) -> Tensor:
        """The log-density of gazes times sigma^2, axis by axis, up to a constant: (G,).

        sigma^2 log N(gaze; mean, sigma^2) is -(gaze - mean)^2 / 2, whatever sigma. Without that
        factor the gradient grows with 1 / sigma^2, and a weight that works at one sigma explodes
        at another.

        Args:
            params: (G, D), the means the gazes were drawn around; the gradient goes to them alone.
            gaze: (G, D), the raw samples: the density belongs to what was drawn.
        """
        return -((gaze.detach() - params) ** 2).sum(1) / 2

    def pull(self, params: Tensor) -> Tensor:
        """Squared distance of mean gazes (G, D) from the image, [-1, 1] on each axis, summed."""
        return ((params.abs() - 1).clamp_min(0) ** 2).sum()


class GridGazes:
    """Gazes at the middles of the places of a grid, one of which is drawn (RAM's footnote 2).

    The parameters are the logits of the places, of which the first axis runs fastest.

    Args:
        size: D.
        side: Places along each axis: P = side^D.
    """

    def __init__(self, size: int, side: int) -> None:
        self.size, self._side = size, side
        self._number = side**size

    def unit(self, image: Shape) -> Tensor:
        """Ones, (P,): logits are what they are in every image."""
        return torch.ones(self._number)

    def sample(self, params: Tensor, rows: Tensor, noise: RowNoise, std: float | Tensor) -> Tensor:
        """Draw places by their logits (R, P): their middles, (R, D); `std` is not needed."""
        return self.middle(noise.choice(rows, params.detach().softmax(1)))

    def mode(self, params: Tensor) -> Tensor:
        """The middles of the likeliest places, (R, D), without a gradient."""
        return self.middle(params.detach().argmax(1))

    def mean(self, params: Tensor) -> Tensor:
        """The middles of all places, weighted by their probabilities: (G, D)."""
        places = torch.arange(self._number, device=params.device)
        return params.softmax(1) @ self.middle(places)

    def log_prob(self, params: Tensor, gaze: Tensor) -> Tensor:
        """The log-probability of the places in which the gazes (G, D) lie: (G,)."""
        return params.log_softmax(1).gather(1, self.place(gaze)[:, None])[:, 0]

    def pull(self, params: Tensor) -> Tensor:
        """Nothing: no place is outside of the image."""
        return params.new_zeros(())

    def middle(self, place: Tensor) -> Tensor:
        """The middles (R, D) of places, int64 (R,)."""
        steps = place[:, None] // self._strides(place) % self._side
        return (steps + 0.5) * (2 / self._side) - 1

    def place(self, gaze: Tensor) -> Tensor:
        """The places, int64 (R,), in which gazes (R, D) lie."""
        steps = ((gaze + 1) * (self._side / 2)).long().clamp(0, self._side - 1)
        return (steps * self._strides(steps)).sum(1)

    def _strides(self, like: Tensor) -> Tensor:
        strides: Tensor = self._side ** torch.arange(self.size, device=like.device)
        return strides


def make_gazes(config: Config, size: int) -> Gazes:
    """The distribution that a configuration asks for, of gazes with so many coordinates."""
    if config.gazes == "grid":
        return GridGazes(size, config.grid_size)
    return GaussianGazes(size, config.unit_pixels, config.sigma_zoom)


class EmissionNetwork(nn.Module):
    """The parameters of the next gaze, a linear function of the top recurrent layer.

    Args:
        units: H.
        unit: (P,), what an output of 1 means, in half images.
    """

    unit: Tensor

    def __init__(self, units: int, unit: Tensor) -> None:
        """Build the layer; first gazes are near the centre, in a grid anywhere."""
        super().__init__()
        self.linear = nn.Linear(units, len(unit))
        self.register_buffer("unit", unit, persistent=False)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Features (R, H) to parameters (R, P)."""
        params: Tensor = self.unit * self.linear(features)
        return params


def half_image(image: Shape) -> Tensor:
    """Pixels in a unit of the gaze, across and down: (2,), for an image (C, H, W)."""
    _, height, width = image
    return torch.tensor([width / 2, height / 2])


def sigma_pixels(config: Config, images: int) -> float:
    """The standard deviation of the gaze, pixels, after so many training images."""
    last = config.sigma_pixels
    first = last if config.sigma_start_pixels is None else config.sigma_start_pixels
    left = 1 - min(images / config.sigma_fall_images, 1.0)
    return float(last * (first / last) ** left)


GazePolicy = Callable[[Tensor, Tensor], Tensor]  # params (R, P) of rows (R,) -> raw gaze (R, D)


def gaze_policy(
    gaze: str, gazes: Gazes, noise: RowNoise, std: float | Tensor | None = None
) -> GazePolicy:
    """How gazes are chosen.

    Args:
        gaze: "policy", or "random" and "center", the controls.
        gazes: The agent's distribution.
        noise: Of sampled and random gazes.
        std: Standard deviation of drawn gazes, in half images; None for the likeliest gaze.
    """
    if gaze == "random":
        return random_gaze(gazes, noise)
    if gaze == "center":
        return center_gaze(gazes)
    return likeliest_gaze(gazes) if std is None else sampled_gaze(gazes, noise, std)


def sampled_gaze(gazes: Gazes, noise: RowNoise, std: float | Tensor) -> GazePolicy:
    """Gazes drawn from the agent's distribution (training, Monte Carlo averaging)."""
    return lambda params, rows: gazes.sample(params, rows, noise, std)


def likeliest_gaze(gazes: Gazes) -> GazePolicy:
    """The gaze that the agent prefers: how it looks when it is tested."""
    return lambda params, rows: gazes.mode(params)


def random_gaze(gazes: Gazes, noise: RowNoise) -> GazePolicy:
    """Gazes uniform over the image, whatever the agent wants: the control that must do worse."""
    return lambda params, rows: noise.uniform(rows, gazes.size) * 2 - 1


def center_gaze(gazes: Gazes) -> GazePolicy:
    """Always the centre of the image: the other control."""
    return lambda params, rows: params.new_zeros(len(params), gazes.size)
