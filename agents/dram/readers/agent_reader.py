"""Ways of reading a split: what a reader is, and one agent that reads or plays."""

from __future__ import annotations

from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from agents.dram.config import Config
from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.gazes import GazePolicy, gaze_policy, half_image
from agents.dram.model.noise import RowNoise
from agents.dram.readers.reading import Reading, read_off
from agents.dram.rollouts.games import play_games
from agents.dram.rollouts.play import play
from agents.dram.rollouts.rollout import Rollout
from agents.evaluation.evaluation import Evaluation, evaluate_reader
from agents.evaluation.reader import Gaze, testing, with_end
from agents.trainer.envs import (
    IndexArray,
    PixelArray,
    for_task,
    is_game,
    make_envs,
    make_reading_envs,
)
from glimpse_env.envs.catch.env import CatchVectorEnv
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import require_at_least


class AgentReader:
    """One agent.

    Args:
        agent: Who reads, on the device of the environments.
        envs: Batch * M rows, in which episodes go on after a mistake, so that nothing betrays what
            is right.
        sigma_pixels: Standard deviation of sampled gazes.
        gaze: "policy", or "random" and "center": the controls.
        samples: 1 for the likeliest gaze (the mean of a Gaussian); M > 1 for the labels that the
            averaged log-probabilities of M sampled gaze sequences prefer (Monte Carlo averaging,
            DRAM eq. 14).
        noise_seed: Of sampled and random gazes.
    """

    def __init__(
        self,
        agent: GlimpseAgent,
        envs: GlimpseVectorEnv,
        sigma_pixels: float,
        gaze: Gaze = "policy",
        samples: int = 1,
        noise_seed: int = 0,
    ) -> None:
        self.agent, self.envs, self.samples = agent, envs, samples
        self.batch, self.size = envs.num_envs // samples, envs.task.size
        self.end = envs.rules.num_classes if envs.rules.has_end else None
        self.networks: tuple[nn.Module, ...] = (agent,)
        self._policy = partial(tested_policy, agent, envs, gaze, samples, sigma_pixels, noise_seed)
        self.rewind()

    def rewind(self) -> None:
        """Draw the same noise again: to read the split once more, as a new reader would."""
        self.policy = self._policy()

    def play(self, index: IndexArray, seed: int) -> Rollout:
        """The episodes in which the images of `index` (batch,) are read, M of each."""
        rows, first = np.repeat(index, self.samples), seed * self.samples
        with testing(self.agent):
            return play(self.agent, self.envs, rows, self.policy, self.samples, first)

    def read(self, index: IndexArray, seed: int) -> Reading:
        """What is said, and how sure it is; a backward agent reads from last to first."""
        return read_off(self.play(index, seed), self.samples)

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """Read the images of int64 `index` (batch,); random first gazes follow from `seed`.

        Returns:
            The labels said: int64 (batch, S), -1 after the end.
        """
        return self.read(index, seed).said

    def targets(self, index: IndexArray) -> Tensor:
        """What should be said: int64 (batch, S), -1 after the end; backward from last to first."""
        return with_end(torch.as_tensor(self.labels(index)), self.end)

    def labels(self, index: IndexArray) -> IndexArray:
        """The labels of the images of `index`: int64 (batch, L), padded with -1."""
        labels = self.envs.task.labels(for_task(self.envs, index))
        return np.asarray(torch.as_tensor(labels).cpu())

    def images(self, index: IndexArray) -> PixelArray:
        """The images of `index`: uint8 (batch, C, H, W)."""
        images = self.envs.task.images(for_task(self.envs, index))
        return np.asarray(torch.as_tensor(images).cpu(), np.uint8)


class GameReader:
    """An agent that plays games, of which 1 is said where it wins, and 1 is due everywhere.

    Args:
        agent: Who plays, on the device of the environments.
        envs: Batch * M rows.
        sigma_pixels: Standard deviation of sampled gazes.
        gaze: "policy", or "random" and "center": the controls.
        samples: 1 for the mean gaze; M > 1 for the moves that the averaged log-probabilities of M
            games with sampled gazes prefer.
    """

    end: int | None = None

    def __init__(
        self,
        agent: GlimpseAgent,
        envs: CatchVectorEnv,
        sigma_pixels: float,
        gaze: Gaze = "policy",
        samples: int = 1,
    ) -> None:
        self.agent, self.envs, self.samples = agent, envs, samples
        self.batch, self.size = envs.num_envs // samples, envs.size
        self.networks: tuple[nn.Module, ...] = (agent,)
        self._policy = partial(tested_policy, agent, envs, gaze, samples, sigma_pixels)
        self.rewind()

    def rewind(self) -> None:
        """Draw the same noise again: to play the split once more, as a new reader would."""
        self.policy = self._policy()

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """Play the games of int64 `index` (batch,): int64 (batch, 1), 1 where won, else 0."""
        rows, first = np.repeat(index, self.samples), seed * self.samples
        with testing(self.agent):
            rollout = play_games(self.agent, self.envs, rows, self.policy, self.samples, first)
        return rollout.right[:: self.samples, None].long()

    def targets(self, index: IndexArray) -> Tensor:
        """Ones, int64 (batch, 1): every game is to be won."""
        return torch.ones(len(index), 1, dtype=torch.int64)


def agent_reader(
    agent: GlimpseAgent,
    config: Config,
    split: str,
    *,
    gaze: Gaze = "policy",
    samples: int = 1,
    num_envs: int = 1000,
) -> AgentReader | GameReader:
    """An agent that reads, or plays, a split of its own environment.

    Args:
        agent: Who reads.
        config: Its configuration.
        split: "train", "validation" or "test".
        gaze: "policy", or "random" and "center": the controls.
        samples: 1 for the mean gaze; M > 1 for M sampled gaze sequences of each image, whose
            log-probabilities are averaged (DRAM eq. 14).
        num_envs: Rows stepped together, rounded to a multiple of `samples`.

    Raises:
        InvalidArgument: Numbers that cannot be.
    """
    if not is_game(config):
        return label_reader(agent, config, split, gaze=gaze, samples=samples, num_envs=num_envs)
    rows = _whole_groups(num_envs, samples)
    envs = make_envs(config, split, rows, str(next(agent.parameters()).device))
    return GameReader(agent, cast(CatchVectorEnv, envs), config.sigma_pixels, gaze, samples)


def label_reader(
    agent: GlimpseAgent,
    config: Config,
    split: str,
    *,
    gaze: Gaze = "policy",
    samples: int = 1,
    num_envs: int = 1000,
) -> AgentReader:
    """An agent that reads a split of its own environment, which has labels.

    Args:
        agent: Who reads.
        config: Its configuration.
        split: "train", "validation" or "test".
        gaze: "policy", or "random" and "center": the controls.
        samples: 1 for the mean gaze; M > 1 for M sampled gaze sequences of each image, whose
            log-probabilities are averaged (DRAM eq. 14).
        num_envs: Rows stepped together, rounded to a multiple of `samples`.

    Raises:
        InvalidArgument: Numbers that cannot be, or the environment is a game.
    """
    rows = _whole_groups(num_envs, samples)
    device = str(next(agent.parameters()).device)
    envs = make_reading_envs(config, split, rows, device, stop_on_mistake=False)
    return AgentReader(agent, envs, config.sigma_pixels, gaze, samples)


def _whole_groups(num_envs: int, samples: int) -> int:
    require_at_least("samples", samples, 1)
    return max(1, num_envs // samples) * samples


def tested_policy(
    agent: GlimpseAgent,
    envs: GazeVectorEnv,
    gaze: Gaze,
    samples: int = 1,
    sigma_pixels: float = 0.0,
    seed: int = 0,
) -> GazePolicy:
    """How gazes are chosen when nothing is learned.

    Args:
        agent: Who looks.
        envs: What it looks at.
        gaze: "policy", or "random" and "center": the controls.
        samples: Gaze sequences of each image; of more than 1, gazes are drawn at random.
        sigma_pixels: Standard deviation of those, pixels.
        seed: Of random and sampled gazes.
    """
    noise = RowNoise(torch.Generator(envs.device).manual_seed(seed), envs.num_envs)
    std = sigma_pixels / half_image(envs.image_shape).to(envs.device) if samples > 1 else None
    return gaze_policy(gaze, agent.gazes, noise, std)


def evaluate(
    agent: GlimpseAgent,
    config: Config,
    split: str,
    *,
    gaze: Gaze = "policy",
    samples: int = 1,
    images: int = 0,
    num_envs: int = 1000,
    progress: bool = False,
) -> Evaluation:
    """Let an agent read every image of a split of its environment once.

    Args:
        agent: Who reads.
        config: Its configuration.
        split: "validation" or "test".
        gaze: "policy", or "random" and "center": the controls.
        samples: 1 for the mean gaze; M > 1 for M sampled gaze sequences of each image, whose
            log-probabilities are averaged (DRAM eq. 14).
        images: Only so many of the first images; 0 for all.
        num_envs: Rows stepped together, rounded to a multiple of `samples`.
        progress: Show a progress bar.

    Raises:
        InvalidArgument: Numbers that cannot be.
    """
    reader = agent_reader(agent, config, split, gaze=gaze, samples=samples, num_envs=num_envs)
    return evaluate_reader(
        reader, split, gaze=gaze, samples=samples, images=images, progress=progress
    )
