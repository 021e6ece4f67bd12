"""The boxes of figure 1 of Ba et al. 2014 (DRAM), one module each; RAM is made of the same.

Shapes: B rows, F glimpse features, H state units, N = K * C * g * g numbers of a glimpse.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from agents.dram.model.noise import RowNoise

Memory = tuple[Tensor, ...]  # of a recurrent layer: its output and, of an LSTM, its cell; (B, H)


class GlimpseNetwork(nn.Module):
    """What was seen, combined with where: g_n = G_image(x_n) * G_loc(l_n) (DRAM, section 3).

    Args:
        glimpse_shape: (K * C, g, g).
        coordinates: D, of a location.
        features: F.
        convolutions: Channels of the convolutions of G_image, the first 5x5, the others 3x3 (DRAM,
            section 4.3); none for fully connected layers alone.
        pool_after: Which of them, counted from 1, is followed by 2x2 maximum pooling; 0: the last.
        combine: "product" as in DRAM, or "sum" as in RAM (Mnih et al. 2014, section 4:
            g = Rect(Linear(h_g) + Linear(h_l))).
        standardize: Give every glimpse mean 0 and variance 1, so that dark digits on a light ground
            and light on dark look alike but for the sign. Photographs need it, MNIST does not.
    """

    takes_glimpses = True  # for who counts them, see agents/evaluation/flops.py

    def __init__(
        self,
        glimpse_shape: tuple[int, int, int],
        coordinates: int,
        features: int,
        convolutions: tuple[int, ...] = (),
        combine: str = "product",
        standardize: bool = False,
        pool_after: int = 0,
    ) -> None:
        super().__init__()
        self.standardize, self.combine = standardize, combine
        channels, side, _ = glimpse_shape
        layers: list[nn.Module] = []
        kernel = 5
        for number, width in enumerate(convolutions, 1):
            layers += [nn.Conv2d(channels, width, kernel, padding=kernel // 2), nn.ReLU()]
            channels, kernel = width, 3
            if number == (pool_after or len(convolutions)):
                layers.append(nn.MaxPool2d(2))
                side //= 2
        hidden = features if convolutions or combine == "product" else features // 2
        layers += [nn.Flatten(), nn.Linear(channels * side * side, hidden), nn.ReLU()]
        self.what = nn.Sequential(*layers, nn.Linear(hidden, features))
        self.where = nn.Sequential(
            nn.Linear(coordinates, hidden), nn.ReLU(), nn.Linear(hidden, features)
        )

    def forward(self, glimpse: Tensor, location: Tensor) -> Tensor:
        """Glimpse (B, K * C, g, g) and location (B, D) to features (B, F)."""
        if self.standardize:
            glimpse = nn.functional.layer_norm(glimpse, glimpse.shape[1:], eps=1e-3)
        what, where = self.what(glimpse), self.where(location)
        if self.combine == "sum":
            return torch.relu(what + where)
        return torch.relu(what) * torch.relu(where)


class RecurrentNetwork(nn.Module):
    """One recurrent layer that keeps what it needs of the glimpses so far.

    Args:
        inputs: Size of the input.
        units: H.
        kind: "lstm" (DRAM; RAM for Catch), or "rnn" for RAM's rectifier units,
            h_t = Rect(Linear(h_{t-1}) + Linear(g_t)).
    """

    def __init__(self, inputs: int, units: int, kind: str = "lstm") -> None:
        super().__init__()
        self.units, self.kind = units, kind
        if kind == "lstm":
            # One step of nn.LSTM is a third faster on a CPU than the same step of nn.LSTMCell.
            self.cell: nn.LSTM | nn.RNNCell = nn.LSTM(inputs, units)
            with torch.no_grad():  # remember by default: forget gates start open
                self.cell.get_parameter("bias_hh_l0")[units : 2 * units] = 1.0
        else:
            self.cell = nn.RNNCell(inputs, units, nonlinearity="relu")
            nn.init.eye_(self.cell.weight_hh)

    def initial(self, rows: int, like: Tensor) -> Memory:
        """The empty state: zeros."""
        zeros = like.new_zeros((rows, self.units))
        return (zeros, zeros) if self.kind == "lstm" else (zeros,)

    def forward(self, inputs: Tensor, memory: Memory) -> Memory:
        """Input (B, I) and state to the next state."""
        if isinstance(self.cell, nn.RNNCell):
            return (self.cell(inputs, memory[0]),)
        _, (output, cell) = self.cell(inputs[None], (memory[0][None], memory[1][None]))
        return output[0], cell[0]


class RowDropout(nn.Dropout):
    """Dropout that leaves out the same features of a row, whoever else plays.

    Attributes:
        noise: Numbers of the batch that is played; until they are given, nn.Dropout's are taken.
    """

    noise: RowNoise | None = None

    def forward(self, features: Tensor, rows: Tensor) -> Tensor:  # type: ignore[override]
        """Features (R, F) of rows int64 (R,), some of them 0 and the others larger for it."""
        if not (self.training and self.p and self.noise):
            return super().forward(features)
        kept = self.noise.uniform(rows, features.shape[1]) >= self.p
        return features * kept / (1 - self.p)


class ContextNetwork(nn.Module):
    """The coarse whole image to the first state of the top recurrent layer.

    Args:
        context_shape: (C, c, c).
        units: H.
    """

    def __init__(self, context_shape: tuple[int, int, int], units: int) -> None:
        """Build three convolutions and a linear layer, as DRAM has for house numbers."""
        super().__init__()
        channels, side, _ = context_shape
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * math.ceil(side / 2) ** 2, units),
            nn.Tanh(),
        )

    def forward(self, context: Tensor) -> Tensor:
        """Context (B, C, c, c) to (B, H), bounded like the output of an LSTM."""
        centred = nn.functional.layer_norm(context, context.shape[1:], eps=1e-3)
        features: Tensor = self.layers(centred)
        return features


class ClassificationNetwork(nn.Module):
    """Label scores from the bottom recurrent layer.

    Args:
        units: Size of the input.
        hidden: Units of a rectified hidden layer; 0 for a linear classifier as in RAM.
        labels: Size of the label space.
    """

    def __init__(self, units: int, hidden: int, labels: int) -> None:
        super().__init__()
        if hidden:
            self.layers = nn.Sequential(
                nn.Linear(units, hidden), nn.ReLU(), nn.Linear(hidden, labels)
            )
        else:
            self.layers = nn.Sequential(nn.Linear(units, labels))

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, H) to logits (B, labels)."""
        logits: Tensor = self.layers(features)
        return logits


class BaselineNetwork(nn.Module):
    """The return expected before the next gaze, from the top recurrent layer.

    Args:
        units: Size of the input.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.linear = nn.Linear(units, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, H) to values (B,). Its error must not shape the features: they are cut."""
        value: Tensor = self.linear(features.detach())
        return value[:, 0]
