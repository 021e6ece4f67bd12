"""What a learner is, and how one is evaluated: whoever acts on observations reads any split.

B rows. A learner of your own is one class with the methods of `Learner`; see
examples/learner_example.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.evaluation.evaluation import Evaluation, evaluate_reader
from agents.evaluation.reader import Gaze, with_end
from agents.trainer.envs import IndexArray, TaskConfig, is_game, make_envs
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading import rules as episode
from glimpse_env.envs.reading.env import GlimpseVectorEnv

Arrays = dict[str, NDArray[Any]]  # an observation or an action of B rows, key by key


class Actor(Protocol):
    """Whoever acts on observations.

    Attributes:
        networks: What computes, for the count of parameters; () where nothing is to be counted.
    """

    networks: tuple[nn.Module, ...]

    def begin(self, rows: int) -> None:
        """Forget what was seen: `rows` episodes begin together, and none of them begins anew."""

    def act(self, observation: Arrays) -> Arrays:
        """What is held best to do: no exploration.

        Args:
            observation: As the environment gives it, B rows.

        Returns:
            "gaze", float32 (B, d), and "label" (games: "move"), int64 (B,). Labels are heard only
            where the observation says `emit`; rows that have ended are not listened to.
        """


class Learner(Actor, Protocol):
    """An algorithm that can be entered into a comparison.

    Attributes:
        num_envs: B, rows that it wants to learn from.
        autoreset_mode: How these rows begin anew: "next_step", "same_step" or "disabled".
    """

    num_envs: int
    autoreset_mode: str

    def learn(self, envs: GazeVectorEnv, steps: int, callback: Callable[[int], None]) -> None:
        """Learn from nothing.

        Args:
            envs: B rows of the training split, on NumPy.
            steps: Steps to take, of all rows together; an update may go beyond it to its end.
            callback: To be called between updates with the steps taken so far. It may call `begin`
                and `act`, which must not disturb the learning.
        """


class Moment(NamedTuple):
    """One step of a batch of episodes."""

    running: NDArray[np.bool_]  # (B,), before the step
    before: Arrays  # observation
    action: Arrays
    reward: NDArray[np.float64]  # (B,)


class _Player:
    """An actor in the place of whoever reads.

    Args:
        actor: Who plays.
        envs: NumPy environments with `autoreset_mode="disabled"`.
        gaze: Who looks: "policy", or "random" and "center", the controls. The actor sees where the
            control has looked, and says or does what it likes.
    """

    def __init__(self, actor: Actor, envs: GazeVectorEnv, gaze: Gaze = "policy") -> None:
        self.actor, self.envs = actor, envs
        self.batch, self.size = envs.num_envs, envs.size
        self.networks = actor.networks
        self._look = _looks(gaze)

    def moments(self, index: IndexArray, seed: int) -> Iterator[Moment]:
        """One episode in each row, until all have ended."""
        envs = self.envs
        before, _ = envs.reset(seed=seed, options={"index": index})
        running = np.ones(self.batch, bool)
        self.actor.begin(self.batch)
        while running.any():
            action = self.actor.act(before)
            action = action | {"gaze": self._look(action["gaze"])}
            after, reward, ended, _, _ = envs.step(action)
            yield Moment(running, before, action, reward)
            before, running = after, ~ended


class ActorReader(_Player):
    """An actor that reads labels; reader.py says what a reader is.

    Args:
        actor: Who reads.
        envs: NumPy rows in which episodes go on after a mistake, so that nothing betrays what is
            right.
        gaze: "policy", or "random" and "center": the controls.
    """

    envs: GlimpseVectorEnv

    def __init__(self, actor: Actor, envs: GlimpseVectorEnv, gaze: Gaze = "policy") -> None:
        super().__init__(actor, envs, gaze)
        self.end = envs.rules.num_classes if envs.rules.has_end else None

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """Read the images of int64 `index` (batch,); random first gazes follow from `seed`.

        Returns:
            The labels said: int64 (batch, S), -1 after the end.
        """
        rules = self.envs.rules
        said = np.full((self.batch, rules.max_said), -1)
        turn, since = np.zeros((2, self.batch), int)  # labels said; glimpses, if the actor decides
        for moment in self.moments(index, seed):
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


class ActorGameReader(_Player):
    """An actor that plays games, of which 1 is said where it wins, and 1 is due everywhere."""

    end: int | None = None

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """Play the games of int64 `index` (batch,): int64 (batch, 1), 1 where won, else 0."""
        won = sum(moment.reward for moment in self.moments(index, seed))
        return torch.as_tensor(won > np.zeros(self.batch))[:, None].long()

    def targets(self, index: IndexArray) -> Tensor:
        """Ones, int64 (batch, 1): every game is to be won."""
        return torch.ones(len(index), 1, dtype=torch.int64)


def actor_reader(
    actor: Actor, task: TaskConfig, split: str, *, gaze: Gaze = "policy", num_envs: int = 1000
) -> ActorReader | ActorGameReader:
    """An actor that reads, or plays, a split of an environment.

    Args:
        actor: Who reads.
        task: Names the environment.
        split: "train", "validation" or "test".
        gaze: "policy", or "random" and "center": the controls.
        num_envs: Rows stepped together.

    Raises:
        InvalidArgument: There is no such environment.
    """
    # After a mistake an episode goes on, so that nothing betrays what is right; games have none.
    envs = make_envs(task, split, num_envs, stop_on_mistake=is_game(task))
    if isinstance(envs, GlimpseVectorEnv):
        return ActorReader(actor, envs, gaze)
    return ActorGameReader(actor, envs, gaze)


def evaluate_actor(
    actor: Actor,
    task: TaskConfig,
    split: str,
    *,
    name: str,
    gaze: Gaze = "policy",
    images: int = 0,
    num_envs: int = 1000,
    progress: bool = False,
) -> Evaluation:
    """Let an actor read, or play, every image of a split of an environment once.

    Args:
        actor: Who reads.
        task: Names the environment.
        split: "validation" or "test".
        name: What to call the actor.
        gaze: "policy", or "random" and "center": the controls.
        images: Only so many of the first images; 0 for all.
        num_envs: Rows stepped together.
        progress: Show a progress bar.

    Raises:
        InvalidArgument: Numbers that cannot be, or no such environment.
    """
    reader = actor_reader(actor, task, split, gaze=gaze, num_envs=num_envs)
    return evaluate_reader(reader, split, name=name, gaze=gaze, images=images, progress=progress)


def _looks(gaze: Gaze) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """What becomes of the gazes (B, d) that an actor wants."""
    generator = np.random.default_rng(0)
    if gaze == "random":
        return lambda wanted: generator.uniform(-1, 1, wanted.shape).astype(np.float32)
    if gaze == "center":
        return np.zeros_like
    return lambda wanted: wanted
