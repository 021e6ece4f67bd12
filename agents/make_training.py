"""The training that a configuration asks for."""

from __future__ import annotations

from agents.adaptive.training import AdaptiveTraining
from agents.build import is_game, paces_itself
from agents.config import Config
from agents.games.training import GameTraining
from agents.ranks import ALONE, Ranks
from agents.training import Training


def make_training(config: Config, device: str = "cpu", ranks: Ranks = ALONE) -> Training:
    """Of labels, of labels and when to say them, or of moves."""
    if is_game(config):
        return GameTraining(config, device, ranks)
    return (AdaptiveTraining if paces_itself(config) else Training)(config, device, ranks)
