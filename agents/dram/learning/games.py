"""Training on games: RAM's learner, which knows nothing but the reward at the end."""

from __future__ import annotations

from torch import Tensor

from agents.dram.config import Config
from agents.dram.learning.losses import (
    entropy_weight,
    game_loss,
)
from agents.dram.learning.training import Training
from agents.dram.rollouts.games import play_games, sampled_move
from agents.dram.rollouts.rollout import Rollout
from agents.trainer.envs import IndexArray
from agents.trainer.ranks import ALONE, Ranks
from glimpse_env.envs.catch.env import CatchVectorEnv
from glimpse_env.errors import InvalidArgument


class GameTraining(Training):
    """A run in progress in which moves are learned instead of labels; see Training."""

    envs: CatchVectorEnv

    def __init__(self, config: Config, device: str = "cpu", ranks: Ranks = ALONE) -> None:
        """Refuse what only labels have.

        Raises:
            InvalidArgument: Such an option.
        """
        if config.credit != "environment":
            raise InvalidArgument(
                f"credit={config.credit!r} is for labels, and {config.env_id} has none"
            )
        super().__init__(config, device, ranks)

    def _play(self, index: IndexArray, seed: int) -> Rollout:
        moves = sampled_move(self.noise)
        policy = self.policy(self.sigma)
        return play_games(self.agent, self.envs, index, policy, seed=seed, moves=moves)

    def _loss(self, rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        return game_loss(
            rollout, self.config, self.agent.gazes, entropy_weight(self.config, self.images)
        )
