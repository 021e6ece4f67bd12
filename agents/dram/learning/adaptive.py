"""Training of agents that decide when to speak."""

from __future__ import annotations

from torch import Tensor

from agents.dram.config import Config
from agents.dram.learning.losses import (
    entropy_weight,
    hybrid_loss,
    speaking_loss,
)
from agents.dram.learning.training import Training
from agents.dram.model.agent import AdaptiveAgent
from agents.dram.rollouts.adaptive import read_adaptively, tossed
from agents.dram.rollouts.rollout import Rollout
from agents.trainer.envs import IndexArray
from agents.trainer.ranks import ALONE, Ranks
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument


class AdaptiveTraining(Training):
    """A run in progress in which the agent learns when to speak, too; see Training."""

    agent: AdaptiveAgent
    envs: GlimpseVectorEnv

    def __init__(self, config: Config, device: str = "cpu", ranks: Ranks = ALONE) -> None:
        """Refuse what an agent that decides cannot be trained with.

        Raises:
            InvalidArgument: Such an option, or a task in which only one label can ever be said.
        """
        super().__init__(config, device, ranks)
        if self.envs.rules.num_labels < 2:
            raise InvalidArgument(
                "glimpses_per_label=0 weighs the two likeliest labels, but in this task only one "
                "can be said; give --num-classes if the label file shows only one of several"
            )

    def _play(self, index: IndexArray, seed: int) -> Rollout:
        policy, speaks = self.policy(self.sigma), tossed(self.noise)
        return read_adaptively(self.agent, self.envs, index, policy, seed=seed, speaks=speaks)

    def _loss(self, rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        decisions = rollout.decisions
        assert decisions is not None
        loss, parts = hybrid_loss(rollout, self.config, self.agent.gazes)
        weight = entropy_weight(self.config, self.images)
        loss = loss + speaking_loss(rollout, self.config, weight)
        parts["train/glimpses"] = decisions.glimpses.mean()
        parts["train/chance_to_speak"] = decisions.odds.detach().sigmoid().mean()
        return loss, parts
