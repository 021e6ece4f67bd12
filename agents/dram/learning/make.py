"""The training that a configuration asks for."""

from __future__ import annotations

from agents.dram.config import Config
from agents.dram.learning.adaptive import AdaptiveTraining
from agents.dram.learning.games import GameTraining
from agents.dram.learning.training import Training
from agents.trainer.envs import is_game, paces_itself
from agents.trainer.ranks import ALONE, Ranks
from glimpse_env.errors import InvalidArgument


def make_training(config: Config, device: str = "cpu", ranks: Ranks = ALONE) -> Training:
    """Of labels, of labels and when to say them, or of moves.

    Raises:
        InvalidArgument: An option that this training has no use for, or see Training.
    """
    if is_game(config):
        return GameTraining(config, device, ranks)
    if paces_itself(config):
        return AdaptiveTraining(config, device, ranks)
    if config.entropy_weight:
        raise InvalidArgument(
            f"entropy_weight={config.entropy_weight} is for moves (games) and decisions to speak "
            "(glimpses_per_label=0), and here are neither"
        )
    return Training(config, device, ranks)
