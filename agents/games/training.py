"""Training on games: RAM's learner, which knows nothing but the reward at the end."""

from __future__ import annotations

from torch import Tensor

from agents.config import Config
from agents.games.rollout import play_games, sampled_move
from agents.losses import (
    baseline_loss,
    explained_variance,
    outside_loss,
    reinforce_loss,
    scaled_gaze_log_prob,
)
from agents.optimization import entropy_weight
from agents.ranks import ALONE, Ranks
from agents.rollout import IndexArray, Rollout
from agents.training import Training
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
        for name, value in (("baseline", "learned"), ("reward", "label")):
            if getattr(config, name) != value:
                raise InvalidArgument(
                    f"{name}={getattr(config, name)!r} is for labels, and {config.env_id} has none"
                )
        super().__init__(config, device, ranks)

    def _play(self, index: IndexArray, seed: int) -> Rollout:
        moves = sampled_move(self.noise)
        policy = self.policy(self.sigma)
        return play_games(self.agent, self.envs, index, policy, seed=seed, moves=moves)

    def _loss(self, rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        return game_loss(rollout, self.config, entropy_weight(self.config, self.images))


def game_loss(
    rollout: Rollout, config: Config, entropy_weight: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """REINFORCE for moves and gazes, squared error of the baseline, entropy, pull to the screen.

    Mnih et al. 2014, section 3.1 (eq. 2 and 3) with the one return R of a game for all its steps,
    for one game on average. Log-densities of gazes are multiplied by sigma^2, see
    `scaled_gaze_log_prob`.

    Args:
        rollout: Games played by sampled moves.
        config: Weights of the other terms.
        entropy_weight: That of the entropy of the moves now.
    """
    number = len(rollout.right)
    returns = rollout.returns.view(-1)[rollout.for_label]
    chances = rollout.logits.log_softmax(1)
    made = chances.gather(1, rollout.targets[:, None])[:, 0]
    entropy = -(chances.exp() * chances).sum(1)
    loss = reinforce_loss(made, returns, rollout.baseline)
    loss = loss + baseline_loss(returns, rollout.baseline)
    loss = loss - entropy_weight * entropy.sum()
    if config.gaze == "policy":
        early = slice(0, len(returns) - number)  # what the last gaze shows, no move can use
        mean = rollout.gaze_mean[early]
        log_prob = scaled_gaze_log_prob(rollout.gaze[early], mean)
        reinforce = reinforce_loss(log_prob, returns[early], rollout.baseline[early])
        loss = loss + config.reinforce_weight * reinforce
        loss = loss + config.outside_penalty * outside_loss(mean)
    parts = {
        "train/error": 1 - rollout.right.float().mean(),
        "train/reward": rollout.labels_right.mean(),
        "train/move_entropy": entropy.detach().mean(),
        "train/explained_variance": explained_variance(returns, rollout.baseline.detach()),
        "train/gaze_spread": rollout.gaze_mean.detach().std(0).mean(),
    }
    return loss / number, parts
