"""The training that a configuration asks for."""

from __future__ import annotations

from agents.dram.config import Config
from agents.dram.learning.adaptive import ADAPTIVE
from agents.dram.learning.games import GAMES
from agents.dram.learning.kind import LABELS, Kind
from agents.dram.learning.training import Training
from agents.trainer.envs import is_game, paces_itself
from agents.trainer.ranks import ALONE, Ranks


def make_training(config: Config, device: str = "cpu", ranks: Ranks = ALONE) -> Training:
    """Of labels, of labels and when to say them, or of moves.

    Raises:
        InvalidArgument: An option that this training has no use for, or see Training.
    """
    return Training(config, device, ranks, kind_of(config))


def kind_of(config: Config) -> Kind:
    """What the environment of a configuration has to be learned: GAMES, ADAPTIVE or LABELS."""
    if is_game(config):
        return GAMES
    return ADAPTIVE if paces_itself(config) else LABELS
