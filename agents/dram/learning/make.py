"""The training that a configuration asks for."""

from __future__ import annotations

from agents.dram.config import Config
from agents.dram.learning.adaptive import ADAPTIVE
from agents.dram.learning.games import GAMES
from agents.dram.learning.kind import LABELS, REWARDS, Kind
from agents.dram.learning.training import Training
from agents.trainer.envs import is_game, paces_itself
from agents.trainer.ranks import ALONE, Ranks
from glimpse_env.errors import InvalidArgument


def make_training(config: Config, device: str = "cpu", ranks: Ranks = ALONE) -> Training:
    """Of labels, of labels and when to say them, or of moves.

    Raises:
        InvalidArgument: An option that this training has no use for, or see Training.
    """
    return Training(config, device, ranks, kind_of(config))


def kind_of(config: Config) -> Kind:
    """What the environment of a configuration has to be learned, and from what.

    Raises:
        InvalidArgument: Rewards alone are asked for where the agent decides when to speak.
    """
    if is_game(config):
        return GAMES
    rewards = config.classifier == "reinforce"
    if not paces_itself(config):
        return REWARDS if rewards else LABELS
    if rewards:
        raise InvalidArgument(
            "classifier='reinforce' is for a fixed number of glimpses before each label, and "
            "glimpses_per_label=0 has none"
        )
    return ADAPTIVE
