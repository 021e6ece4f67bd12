"""Reading a split with a Stable-Baselines3 model, for our own evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from torch import Tensor, nn

from agents.evaluation.evaluation import Evaluation, evaluate_reader
from agents.evaluation.reader import Gaze, with_end
from agents.sb3.config import Sb3Config
from agents.trainer.envs import IndexArray, is_game, make_envs
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading import rules as episode
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.wrappers.flat_actions import FlatActions, flat_actions


class Moment(NamedTuple):
    """One step of a batch of episodes."""

    running: NDArray[np.bool_]  # (B,), before the step
    before: dict[str, NDArray[Any]]  # observation
    action: dict[str, NDArray[Any]]
    reward: NDArray[np.float64]  # (B,)


class _Player:
    """A model that takes, in every state, the action it holds most likely.

    Args:
        model: Who plays.
        envs: NumPy environments with `autoreset_mode="disabled"`.
        flat: The actions that the model was trained with.
        gaze: Who looks: "policy", or "random" and "center", the controls. The model sees where the
            control has looked, and says or does what it likes.
    """

    def __init__(
        self,
        model: OnPolicyAlgorithm,
        envs: GazeVectorEnv,
        flat: FlatActions,
        gaze: Gaze = "policy",
    ) -> None:
        self.model, self.envs, self._flat = model, envs, flat
        self.batch, self.size = envs.num_envs, envs.size
        self.networks: tuple[nn.Module, ...] = (model.policy,)
        self._look = _looks(gaze)

    def _play(self, index: IndexArray, seed: int) -> Iterator[Moment]:
        """One episode in each row, until all have ended."""
        envs = self.envs
        observation, _ = envs.reset(seed=seed, options={"index": index})
        running, state = np.ones(self.batch, bool), None
        first = running
        while running.any():
            numbers, state = self.model.predict(observation, state, first, deterministic=True)
            action = self._flat.decode(envs.backend, numbers, (self.batch,))
            action["gaze"] = self._look(action["gaze"])
            before = observation
            observation, reward, ended, _, _ = envs.step(action)
            yield Moment(running, before, action, reward)
            running, first = ~ended, np.zeros(self.batch, bool)


class Sb3Reader(_Player):
    """A model that reads labels; see agents/dram/readers/agent_reader.py for what a reader is.

    Args:
        model: Who reads.
        envs: NumPy rows in which episodes go on after a mistake, so that nothing betrays what is
            right.
        flat: The actions that the model was trained with.
        gaze: "policy", or "random" and "center": the controls.
    """

    envs: GlimpseVectorEnv

    def __init__(
        self,
        model: OnPolicyAlgorithm,
        envs: GlimpseVectorEnv,
        flat: FlatActions,
        gaze: Gaze = "policy",
    ) -> None:
        super().__init__(model, envs, flat, gaze)
        self.end = envs.rules.num_classes if envs.rules.has_end else None

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """Read the images of int64 `index` (batch,); random first gazes follow from `seed`.

        Returns:
            The labels said: int64 (batch, S), -1 after the end.
        """
        rules = self.envs.rules
        said = np.full((self.batch, rules.max_said), -1)
        turn, since = np.zeros((2, self.batch), int)  # labels said; glimpses, if the model decides
        for moment in self._play(index, seed):
            speaks, label = moment.running & (moment.before["emit"] == 1), moment.action["label"]
            since += speaks
            if rules.agent_decides:
                speaks &= episode.speaks(rules, label, since)
            (rows,) = np.nonzero(speaks)
            said[rows, turn[rows]] = np.where(label < rules.num_labels, label, -1)[rows]
            turn[rows] += 1
            since[rows] = 0
        return torch.from_numpy(said)

    def targets(self, index: IndexArray) -> Tensor:
        """What should be said: int64 (batch, S), -1 after the end."""
        return with_end(torch.from_numpy(self.envs.task.labels(index)), self.end)


class Sb3GameReader(_Player):
    """A model that plays games, of which 1 is said where it wins, and 1 is due everywhere."""

    end: int | None = None

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """Play the games of int64 `index` (batch,): int64 (batch, 1), 1 where won, else 0."""
        won = sum(moment.reward for moment in self._play(index, seed))
        return torch.as_tensor(won > np.zeros(self.batch))[:, None].long()

    def targets(self, index: IndexArray) -> Tensor:
        """Ones, int64 (batch, 1): every game is to be won."""
        return torch.ones(len(index), 1, dtype=torch.int64)


def evaluate_sb3(
    model: OnPolicyAlgorithm,
    config: Sb3Config,
    split: str,
    *,
    gaze: Gaze = "policy",
    images: int = 0,
    num_envs: int = 1000,
    progress: bool = False,
) -> Evaluation:
    """Let a model read, or play, every image of a split of its environment once.

    Args:
        model: Who reads.
        config: Its configuration.
        split: "validation" or "test".
        gaze: "policy", or "random" and "center": the controls.
        images: Only so many of the first images; 0 for all.
        num_envs: Rows stepped together.
        progress: Show a progress bar.

    Raises:
        InvalidArgument: Numbers that cannot be.
    """
    # After a mistake an episode goes on, so that nothing betrays what is right; games have none.
    envs = make_envs(config, split, num_envs, stop_on_mistake=is_game(config))
    flat = flat_actions(config.action, envs.single_action_space, config.gaze_bins)
    reader: Sb3Reader | Sb3GameReader
    if isinstance(envs, GlimpseVectorEnv):
        reader = Sb3Reader(model, envs, flat, gaze)
    else:
        reader = Sb3GameReader(model, envs, flat, gaze)
    return evaluate_reader(
        reader, split, name=config.algo, gaze=gaze, images=images, progress=progress
    )


def _looks(gaze: Gaze) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """What becomes of the gazes (B, d) that a model wants."""
    generator = np.random.default_rng(0)
    if gaze == "random":
        return lambda wanted: generator.uniform(-1, 1, wanted.shape).astype(np.float32)
    if gaze == "center":
        return np.zeros_like
    return lambda wanted: wanted
