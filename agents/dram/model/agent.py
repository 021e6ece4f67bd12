"""RAM and DRAM: how the boxes are wired. B rows throughout."""

from __future__ import annotations

import contextlib
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from agents.dram.model.gazes import EmissionNetwork, Gazes
from agents.dram.model.networks import (
    BaselineNetwork,
    ClassificationNetwork,
    ContextNetwork,
    GlimpseNetwork,
    Memory,
    RecurrentNetwork,
    RowDropout,
)


class State(NamedTuple):
    """What the agent remembers."""

    bottom: Memory  # of r1
    top: Memory  # of r2; RAM has one layer, and this is the same
    rows: Tensor  # int64 (B,), which rows of the batch these are

    def select(self, chosen: Tensor) -> State:
        """The state of some of the rows here, given by their positions."""
        bottom, rows = tuple(part[chosen] for part in self.bottom), self.rows[chosen]
        if self.top is self.bottom:
            return State(bottom, bottom, rows)
        return State(bottom, tuple(part[chosen] for part in self.top), rows)


class GlimpseAgent(nn.Module):
    """An agent that reads labels through a sequence of glimpses.

    With `layers=2` this is DRAM (Ba et al. 2014, section 3): the context reaches only the top layer
    r2, which says where to look; the classifier sees only the bottom layer r1, so that it must read
    from glimpses. With `layers=1` it is RAM (Mnih et al. 2014, section 3).

    Args:
        glimpse_shape: (K * C, g, g).
        context_shape: (C, c, c), or None without context.
        labels: Size of the label space.
        layers: 1 (RAM) or 2 (DRAM).
        features: Size of the glimpse features.
        units: Units of each recurrent layer.
        cell: "lstm" or "rnn".
        convolutions: Channels of the convolutions of the glimpse network; () for none.
        standardize: Give every glimpse mean 0 and variance 1.
        classifier_hidden: Units of a hidden layer of the classifier; 0 for none.
        dropout: Chance that a glimpse feature, or an output of r1 on its way to the classifier, is
            left out in training. Recurrent connections keep everything (Zaremba et al. 2014).
        gazes: The distribution of the gaze.
        unit: (P,), what outputs of 1 of the emission network mean, in half images.
        pool_after: Which of the convolutions is followed by pooling, from 1; 0: the last.
        precision: "float32", or "bfloat16" to compute in where bfloat16 is safe (torch.autocast)
            while the agent learns. What it hands out is float32 in either, and so are recurrent
            layers: under autocast cuDNN's LSTM may take float16, in which the small gradients of
            REINFORCE are lost.
    """

    def __init__(
        self,
        *,
        glimpse_shape: tuple[int, int, int],
        context_shape: tuple[int, int, int] | None,
        labels: int,
        layers: int,
        features: int,
        units: int,
        cell: str,
        convolutions: tuple[int, ...],
        standardize: bool,
        classifier_hidden: int,
        dropout: float,
        gazes: Gazes,
        unit: Tensor,
        pool_after: int = 0,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        combine = "product" if layers == 2 else "sum"
        self.gazes = gazes
        self.glimpse = GlimpseNetwork(
            glimpse_shape, gazes.size, features, convolutions, combine, standardize, pool_after
        )
        self.bottom = RecurrentNetwork(features, units, cell)
        self.top = RecurrentNetwork(units, units, cell) if layers == 2 else None
        self.context = ContextNetwork(context_shape, units) if context_shape else None
        self.emission = EmissionNetwork(units, unit)
        self.classification = ClassificationNetwork(units, classifier_hidden, labels)
        self.baseline = BaselineNetwork(units)
        self.dropout = RowDropout(dropout)
        self._autocasts = precision == "bfloat16"

    def _autocast(self, like: Tensor) -> contextlib.AbstractContextManager[object]:
        """The precision of the networks: the environment and the losses keep theirs."""
        if self._autocasts and self.training:
            return torch.autocast(like.device.type, torch.bfloat16)
        return contextlib.nullcontext()

    def begin(self, location: Tensor, context: Tensor | None) -> State:
        """The state before the first glimpse; `location` (B, D) gives the number of rows."""
        bottom = self.bottom.initial(len(location), location)
        rows = torch.arange(len(location), device=location.device)
        if self.top is None:
            return State(bottom, bottom, rows)
        top = self.top.initial(len(location), location)
        if self.context is not None and context is not None:
            with self._autocast(context):
                start = self.context(context)
            top = (start.float(), *top[1:])
        return State(bottom, top, rows)

    def look(self, state: State, glimpse: Tensor, location: Tensor) -> State:
        """Take in one glimpse."""
        with self._autocast(glimpse):
            features = self.glimpse(glimpse, location)
        return self.take_in(state, features.float())

    def take_in(self, state: State, features: Tensor) -> State:
        """Remember the features of a glimpse, (B, F)."""
        bottom = self.bottom(self.dropout(features, state.rows), state.bottom)
        top = bottom if self.top is None else self.top(bottom[0], state.top)
        return State(bottom, top, state.rows)

    def logits(self, state: State) -> Tensor:
        """Label scores, (B, labels)."""
        with self._autocast(state.bottom[0]):
            scores: Tensor = self.classification(self.dropout(state.bottom[0], state.rows))
        return scores.float()

    def where_next(self, state: State) -> tuple[Tensor, Tensor]:
        """The parameters of the next gaze, (B, P), and the return expected, (B,)."""
        with self._autocast(state.top[0]):
            params, baseline = self.emission(state.top[0]), self.baseline(state.top[0])
        return params.float(), baseline.float()


class AdaptiveAgent(GlimpseAgent):
    """DRAM or RAM with one box more: after every glimpse it says a label or keeps looking.

    What an agent with a fixed number of glimpses counts, this one must be told: that a label has
    been said, and another one has begun. It is told with the next glimpse, and it looks for a new
    object with other weights than at the one before its eyes.

    Args:
        units: Units of each recurrent layer.
        features: Size of the glimpse features.
        unit: (P,), what outputs of 1 of the emission network mean, in half images.
        **boxes: The others of GlimpseAgent; `labels` does not count "keep looking".
    """

    def __init__(self, *, units: int, features: int, unit: Tensor, **boxes: Any) -> None:
        super().__init__(units=units, features=features, unit=unit, **boxes)
        self.speaking = SpeakingNetwork(units)
        self.onward = EmissionNetwork(units, unit)
        self.onward_baseline = BaselineNetwork(units)
        self.begun = nn.Parameter(torch.zeros(features))

    def look_again(self, state: State, glimpse: Tensor, location: Tensor, begun: Tensor) -> State:
        """Take in one glimpse; bool `begun` (B,) tells where it is the first for its label."""
        with self._autocast(glimpse):
            features = self.glimpse(glimpse, location)
            features = features + begun[:, None] * self.begun
        return self.take_in(state, features.float())

    def speaks(self, state: State, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Whether to say the label that the logits (B, labels) prefer.

        Returns:
            The log-odds of saying it, (B,), and the return expected, (B,).
        """
        with self._autocast(logits):
            odds, baseline = self.speaking(state.top[0], logits), self.baseline(state.top[0])
        return odds.float(), baseline.float()

    def where_now(self, state: State, begun: Tensor) -> tuple[Tensor, Tensor]:
        """The parameters of the next gaze, (B, P), and the return expected, (B,).

        Args:
            state: Of B rows.
            begun: bool (B,), whether the gaze is the first for its label.
        """
        top = state.top[0]
        with self._autocast(top):
            params = torch.where(begun[:, None], self.onward(top), self.emission(top))
            baseline = torch.where(begun, self.onward_baseline(top), self.baseline(top))
        return params.float(), baseline.float()


class SpeakingNetwork(nn.Module):
    """Whether to say a label now: from what is remembered and how sure the classifier is.

    Args:
        units: Size of the top recurrent layer.
    """

    def __init__(self, units: int) -> None:
        """Build the layer; at first it speaks after three glimpses on average."""
        super().__init__()
        self.linear = nn.Linear(units + 2, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.constant_(self.linear.bias, -math.log(2))

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """Features (B, H) and label scores (B, labels) to log-odds (B,).

        Both are cut: a decision must not shape what is remembered or read, only judge it.
        """
        likeliest = logits.detach().log_softmax(1).topk(2).values
        odds: Tensor = self.linear(torch.cat([features.detach(), likeliest], 1))
        return odds[:, 0]
