"""Training of agents that decide when to speak."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.adaptive.agent import AdaptiveAgent
from agents.adaptive.rollout import read_adaptively, tossed
from agents.config import Config
from agents.losses import baseline_loss, reinforce_loss
from agents.optimization import entropy_weight
from agents.ranks import ALONE, Ranks
from agents.rollout import IndexArray, Rollout
from agents.training import Training, hybrid_loss, worth_of_glimpses
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
        if config.baseline != "learned":
            raise InvalidArgument(
                f"baseline={config.baseline!r} compares samples that look equally often, and with "
                "glimpses_per_label=0 they do not; use baseline='learned'"
            )
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
        loss, parts = hybrid_loss(rollout, self.config)
        weight = entropy_weight(self.config, self.images)
        loss = loss + speaking_loss(rollout, self.config, weight)
        parts["train/glimpses"] = decisions.glimpses.mean()
        parts["train/chance_to_speak"] = decisions.odds.detach().sigmoid().mean()
        return loss, parts


def speaking_loss(rollout: Rollout, config: Config, entropy_weight: float) -> Tensor:
    """REINFORCE and entropy for the decisions to speak or keep looking, for one episode on average.

    A decision is worth what a gaze is: as `config.reward` counts, the rewards up to the label that
    was due (DRAM, eq. 16) or the information still gained before it, which is nothing for who
    speaks, less the cost of the glimpses still taken.

    Args:
        rollout: Episodes with decisions taken at random, with the chances that the agent gave.
        config: Weight of REINFORCE, and what a label is worth.
        entropy_weight: That of the entropy of the decisions now.
    """
    decisions = rollout.decisions
    assert decisions is not None
    earned = worth_of_glimpses(rollout, config)
    returns = earned.view(-1)[decisions.place] - decisions.to_pay
    log_odds = torch.where(decisions.spoke, decisions.odds, -decisions.odds)
    log_prob = torch.nn.functional.logsigmoid(log_odds)
    loss = baseline_loss(returns, decisions.baseline)
    loss = loss + config.reinforce_weight * reinforce_loss(log_prob, returns, decisions.baseline)
    chance = decisions.odds.sigmoid()
    entropy = torch.nn.functional.softplus(decisions.odds) - decisions.odds * chance
    return (loss - entropy_weight * entropy.sum()) / len(rollout.right)
