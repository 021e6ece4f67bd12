"""An agent that decides when it has seen enough, which neither RAM nor DRAM does. B rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from agents.agent import GlimpseAgent, State
from agents.networks import BaselineNetwork, EmissionNetwork


class AdaptiveAgent(GlimpseAgent):
    """DRAM or RAM with one box more: after every glimpse it says a label or keeps looking.

    What an agent with a fixed number of glimpses counts, this one must be told: that a label has
    been said, and another one has begun. It is told with the next glimpse, and it looks for a new
    object with other weights than at the one before its eyes.

    Args:
        units: See GlimpseAgent.
        features: See GlimpseAgent.
        unit: See GlimpseAgent.
        **boxes: The others of GlimpseAgent; `labels` does not count "keep looking".
    """

    def __init__(self, *, units: int, features: int, unit: Tensor, **boxes: Any) -> None:
        """Build the boxes."""
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
        """The mean of the next gaze, (B, 2), and the return expected, (B,).

        Args:
            state: Of B rows.
            begun: bool (B,), whether the gaze is the first for its label.
        """
        top = state.top[0]
        with self._autocast(top):
            mean = torch.where(begun[:, None], self.onward(top), self.emission(top))
            baseline = torch.where(begun, self.onward_baseline(top), self.baseline(top))
        return mean.float(), baseline.float()


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
        nn.init.constant_(self.linear.bias, -torch.tensor(2.0).log().item())

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """Features (B, H) and label scores (B, labels) to log-odds (B,).

        Both are cut: a decision must not shape what is remembered or read, only judge it.
        """
        likeliest = logits.detach().log_softmax(1).topk(2).values
        odds: Tensor = self.linear(torch.cat([features.detach(), likeliest], 1))
        return odds[:, 0]
