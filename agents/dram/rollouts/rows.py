"""The rows of a batch whose episodes have a fixed pace, and what becomes of those that have ended.

B rows, R of them in the batch that the networks compute; a gaze has D coordinates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from agents.dram.model.agent import State
from agents.dram.rollouts.tensor_envs import Stepped, TensorEnvs, Tensors
from agents.trainer.envs import IndexArray
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.envs.reading.rules import Rules
from glimpse_env.errors import InvalidArgument

Parts = tuple[Tensor, ...]  # of a decision: tensors (R, ...)


class Rows(Protocol):
    """Episodes that have begun in all rows of B environments.

    Attributes:
        envs: The environments.
        first: Observation and info of the reset.
        counts: Empty where all in the batch count; else bool (R,), those whose episode is running.
    """

    envs: GlimpseVectorEnv
    first: tuple[Tensors, Tensors]
    counts: Parts

    def own(self, rows: Tensor, values: Tensor) -> Tensor:
        """What the batch, the rows int64 (R,), sees of values (B, ...): (R, ...)."""

    def step(self, rows: Tensor, gaze: Tensor, label: Tensor | None) -> Stepped:
        """Take a step with the gazes (R, D) and labels (R,) of the batch.

        Args:
            rows: int64 (R,), the batch.
            gaze: (R, D), raw.
            label: int64 (R,); None where none is due.

        Returns:
            Observation, info, rewards and ends of all B rows.
        """

    def go_on(
        self, state: State, decided: Parts, over: Tensor, *, said: bool
    ) -> tuple[State, Parts]:
        """The batch after a step, and of what was decided before it, what counts there.

        Args:
            state: Of the batch.
            decided: Tensors (R, ...).
            over: bool (B,), the episodes that have ended.
            said: Whether labels were due: else no episode has ended.
        """


class Leaving:
    """Rows whose episode has ended leave the batch, and nothing is computed for them.

    They must be counted for that: the host waits for the device at every label.

    Args:
        envs: B environments with `autoreset_mode="disabled"`.
        index: int64 (B,), which image for each row.
        seed: Row i is seeded with `seed + i`, which decides a random initial gaze.
        watch: Called after the reset and after every step.
        device: Of the agent; None for that of the environments.

    Raises:
        InvalidArgument: The number of glimpses before a label is not fixed.
    """

    counts: Parts = ()

    def __init__(
        self,
        envs: GlimpseVectorEnv,
        index: IndexArray,
        seed: int = 0,
        watch: Callable[[], object] | None = None,
        device: torch.device | None = None,
    ) -> None:
        require_fixed_pace(envs.rules)
        self.envs = envs
        self._played = TensorEnvs(envs, device or torch.device(envs.device), watch)
        self.first = self._played.reset(index, seed)

    def own(self, rows: Tensor, values: Tensor) -> Tensor:
        """The values (B, ...) of the batch, the rows int64 (R,): (R, ...)."""
        return values[rows]

    def step(self, rows: Tensor, gaze: Tensor, label: Tensor | None) -> Stepped:
        """Take a step with gazes (R, D) and labels (R,) of the batch, the rows int64 (R,).

        Returns:
            Observation, info, rewards and ends of all B rows.
        """
        return self._played.step(rows, gaze, label)

    def go_on(
        self, state: State, decided: Parts, over: Tensor, *, said: bool
    ) -> tuple[State, Parts]:
        """Drop the rows that are over, bool (B,), from the batch and from what was decided."""
        if not said:
            return state, decided
        going = (~over[state.rows]).nonzero()[:, 0]
        return state.select(going), tuple(part[going] for part in decided)


class Staying:
    """Rows whose episode has ended stay in the batch and do not count.

    All arrays keep their shapes, and the host neither waits for the device nor sends to it: a CUDA
    graph can hold such episodes. What a row decides after its end is 0, without a gradient.

    Args:
        envs: B environments with `autoreset_mode="disabled"` and `backend="torch"`.
        index: int64 (B,) on the device, which image for each row.
        seeds: int64 (B,) on the device, which decide random initial gazes.

    Raises:
        InvalidArgument: The number of glimpses before a label is not fixed.
    """

    def __init__(self, envs: GlimpseVectorEnv, index: Tensor, seeds: Tensor) -> None:
        require_fixed_pace(envs.rules)
        self.envs = envs
        self.first = envs.begin(seeds, index)
        self._no_label = torch.zeros_like(index)
        self.counts: Parts = (torch.ones_like(index, dtype=torch.bool),)

    def own(self, rows: Tensor, values: Tensor) -> Tensor:
        """All values (B, ...): the batch are all rows, in order."""
        return values

    def step(self, rows: Tensor, gaze: Tensor, label: Tensor | None) -> Stepped:
        """Take a step with gazes (B, D) and labels (B,) of all rows, some of which do not count.

        Returns:
            Observation, info, rewards and ends of all B rows.
        """
        said = self._no_label if label is None else label
        action: dict[str, Any] = {"gaze": gaze, "label": said}
        observation, reward, over, _, info = self.envs.step(action)
        return observation, info, reward, over

    def go_on(
        self, state: State, decided: Parts, over: Tensor, *, said: bool
    ) -> tuple[State, Parts]:
        """Count rows that are over, bool (B,), no more: what they decided becomes 0."""
        if said:
            self.counts = (~over,)
        (running,) = self.counts
        return state, tuple(
            torch.where(running.view(-1, *[1] * (part.ndim - 1)), part, 0.0) for part in decided
        )


def require_fixed_pace(rules: Rules) -> None:
    """Refuse episodes that only agents play that decide when to speak.

    Raises:
        InvalidArgument: The number of glimpses before a label is not fixed.
    """
    if rules.agent_decides:
        raise InvalidArgument(
            "glimpses_per_label=0: this rollout is for a fixed number of glimpses before each "
            "label, at least 1; agents that decide are played by agents/dram/rollouts/adaptive.py"
        )
