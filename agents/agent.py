"""RAM and DRAM: how the boxes are wired. B rows throughout."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from agents.networks import (
    BaselineNetwork,
    ClassificationNetwork,
    ContextNetwork,
    EmissionNetwork,
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
        convolutions: See GlimpseNetwork.
        standardize: See GlimpseNetwork.
        classifier_hidden: See ClassificationNetwork.
        dropout: Chance that a glimpse feature, or an output of r1 on its way to the classifier, is
            left out in training. Recurrent connections keep everything (Zaremba et al. 2014).
        unit: See EmissionNetwork.
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
        unit: Tensor,
        precision: str = "float32",
    ) -> None:
        """Build the boxes."""
        super().__init__()
        combine = "product" if layers == 2 else "sum"
        self.glimpse = GlimpseNetwork(glimpse_shape, features, convolutions, combine, standardize)
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
        """The state before the first glimpse; `location` (B, 2) gives the number of rows."""
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
        """The mean of the next gaze, (B, 2), and the return expected, (B,)."""
        with self._autocast(state.top[0]):
            mean, baseline = self.emission(state.top[0]), self.baseline(state.top[0])
        return mean.float(), baseline.float()


@contextlib.contextmanager
def testing(network: nn.Module) -> Iterator[None]:
    """Inside, nothing is learned and nothing left out."""
    learning = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(learning)
