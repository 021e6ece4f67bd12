"""What a frozen agent knows of the label that is due: a callable for VectorInformationReward."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agents.dram.learning.losses import information
from agents.dram.model.agent import GlimpseAgent, State
from agents.evaluation.reader import testing


class KnownBy:
    """How much an agent knows, glimpse after glimpse, whoever looks.

    Args:
        agent: Who reads, such as `load_agent("pretrained:ram_mnist")[0]`; trained on the same
            glimpses and labels. It is not changed.
        sees_at_reset: Whether the first observation of an episode holds a glimpse, as
            `envs.unwrapped.sees_at_reset` says.
    """

    def __init__(self, agent: GlimpseAgent, *, sees_at_reset: bool) -> None:
        self._agent, self._sees_at_reset = agent, sees_at_reset
        self._state: State | None = None

    def __call__(
        self, observation: dict[str, Any], info: dict[str, Any], begins: Any, new: Any
    ) -> NDArray[np.float64]:
        """What is known of `info["target"]`, 1 + log p / log Y as credits count it: (B,)."""
        seen = {key: torch.as_tensor(value) for key, value in observation.items()}
        first, looks = torch.as_tensor(begins), torch.as_tensor(new)
        if not self._sees_at_reset:
            looks = looks & ~first
        with testing(self._agent):
            fresh = self._agent.begin(seen["location"], seen.get("context"))
            before = fresh if self._state is None else _mixed(first, fresh, self._state)
            after = self._agent.look(before, seen["glimpse"], seen["location"])
            self._state = _mixed(looks, after, before)
            told = information(self._agent.logits(self._state), torch.as_tensor(info["target"]))
        return np.asarray(told.cpu().double())


def _mixed(chosen: torch.Tensor, one: State, other: State) -> State:
    """The state of one where chosen, bool (B,), and of the other elsewhere."""

    def mixed(ones: Any, others: Any) -> Any:
        pairs = zip(ones, others, strict=True)
        return tuple(torch.where(chosen[:, None], first, second) for first, second in pairs)

    bottom = mixed(one.bottom, other.bottom)
    top = bottom if one.top is one.bottom else mixed(one.top, other.top)
    return State(bottom, top, one.rows)
