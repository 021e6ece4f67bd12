"""What is earned without learning: `python benchmarks/environments/scores.py [ID ...]`.

Two players read the test split once. "random" draws gazes and labels, or moves, uniformly. "center"
looks at the middle of the image and says, whatever it sees, the label that comes most often at that
place among the first training images; in Catch it leaves the paddle where it is. The results are
rows of `results/environment_scores.csv`, in the place of what was there of an id and player.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import gymnasium as gym
import numpy as np
import tyro
from numpy.typing import NDArray

import glimpse_env
from agents.evaluation.evaluation import wilson_interval
from agents.runs.provenance import commit
from agents.trainer.commands import run_command
from benchmarks import reporting
from benchmarks.csv_rows import read_csv, write_csv

SCORES = reporting.RESULTS / "environment_scores.csv"
IMAGES = 10_000  # of the test split, and of the training split whose labels are counted
ROWS = 1000  # episodes that are played together
STAY = 1  # of Catch's moves
MEASURED = [name for name in glimpse_env.envs_registry.TABLE if name != "Glimpse-v0"]

Actions = dict[str, NDArray[Any]]
Player = Callable[[dict[str, NDArray[Any]]], Actions]  # from observations


@dataclasses.dataclass(frozen=True)
class Score:
    """How one player did in one environment: a row of the file."""

    env_id: str
    player: str
    """"random" or "center"."""
    images: int
    """Images, or games, of the test split, each played once."""
    wrong: int
    """Those with any label wrong, or balls missed."""
    mean_return: float
    commit: str

    def error(self) -> str:
        """In percent, with its 95 % interval."""
        low, high = wilson_interval(self.wrong, self.images)
        return f"{100 * self.wrong / self.images:.2f} % ({100 * low:.2f} .. {100 * high:.2f})"


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Measure players that learn nothing."""

    ids: tyro.conf.Positional[tuple[str, ...]] = tuple(
        name for name in MEASURED if "SVHN" not in name
    )
    """Environments; SVHN's want its files (GLIMPSE_DATA)."""


def play(envs: Any, index: NDArray[np.int64], player: Player) -> tuple[NDArray[Any], NDArray[Any]]:
    """Play images or games `index` (B,) once: returns (B,), and whether all was right (B,)."""
    observation, info = envs.reset(seed=0, options={"index": index})
    returns, over = np.zeros(len(index)), np.zeros(len(index), bool)
    right = np.zeros(len(index), bool)
    while not over.all():
        observation, reward, over, _, info = envs.step(player(observation))
        returns += reward
        (outcome,) = envs.outcome[-1:]
        if outcome in info:
            ended = info[f"_{outcome}"]
            right[ended] = info[outcome][ended]
    return returns, right


def random_player(envs: Any, rng: np.random.Generator) -> Player:
    """Gazes anywhere and labels, or moves, of all kinds, alike often."""
    rows = envs.num_envs

    def act(observation: dict[str, NDArray[Any]]) -> Actions:
        chosen = rng.integers(envs.num_choices, size=rows)
        return {"gaze": rng.uniform(-1, 1, (rows, envs.gaze_size)), envs.choice: chosen}

    return act


def center_player(envs: Any, said: NDArray[np.int64]) -> Player:
    """The middle, and for label s of a sequence `said[s]`; `said` (L,), or one move for all."""
    place = np.zeros(envs.num_envs, np.int64)

    def act(observation: dict[str, NDArray[Any]]) -> Actions:
        chosen = said[np.minimum(place, len(said) - 1)]
        place[:] += observation.get("emit", 0)
        return {"gaze": np.zeros((envs.num_envs, envs.gaze_size)), envs.choice: chosen}

    return act


def commonest(labels: NDArray[np.int64], end: int | None) -> NDArray[np.int64]:
    """The label that comes most often at each place of sequences (M, L) padded with -1.

    Where there is an `end`, it follows the last label, and there is a place more.
    """
    if end is not None:
        labels = np.pad(labels, ((0, 0), (0, 1)), constant_values=-1)
        labels[np.arange(len(labels)), (labels >= 0).sum(1)] = end
    return np.array([np.bincount(column[column >= 0], minlength=1).argmax() for column in labels.T])


def said_without_looking(env_id: str) -> NDArray[np.int64]:
    """What the player at the middle says, from training labels."""
    envs: Any = gym.make_vec(env_id, 1, split="train")
    if envs.choice == "move":
        return np.array([STAY])
    labels = envs.task.labels(np.arange(min(IMAGES, envs.size)))
    return commonest(labels, envs.task.num_classes if envs.task.has_end else None)


def measure(env_id: str) -> Iterable[Score]:
    """Both players on the first images of a test split."""
    said = said_without_looking(env_id)
    rng = np.random.default_rng(0)
    for name in ("random", "center"):
        returns, wrong, images = 0.0, 0, 0
        one: Any = gym.make_vec(env_id, 1, split="test")
        size = min(IMAGES, one.size)
        for first in range(0, size, ROWS):
            index = np.arange(first, min(first + ROWS, size))
            envs: Any = gym.make_vec(env_id, len(index), split="test", autoreset_mode="disabled")
            player = random_player(envs, rng) if name == "random" else center_player(envs, said)
            earned, right = play(envs, index, player)
            returns, wrong = returns + earned.sum(), wrong + int((~right).sum())
            images += len(index)
        yield Score(env_id, name, images, wrong, round(float(returns) / images, 4), commit())


def write_scores(scores: Iterable[Score], path: Path) -> None:
    """Write such a file, in the order of the registry."""
    write_csv(Score, sorted(scores, key=lambda score: MEASURED.index(score.env_id)), path)


def main(arguments: Arguments) -> None:
    """Measure, and put the rows into the file."""
    kept = {(old.env_id, old.player): old for old in read_csv(Score, SCORES)}
    for env_id in arguments.ids:
        for score in measure(env_id):
            print(f"{env_id}, {score.player}: {score.error()} wrong, return {score.mean_return}")
            kept[env_id, score.player] = score
    write_scores(kept.values(), SCORES)


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
