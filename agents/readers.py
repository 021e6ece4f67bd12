"""Ways of reading a split: one agent, two that read towards each other, or one that looks twice."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, Protocol, cast

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

from agents.agent import GlimpseAgent, testing
from agents.build import env_keywords, half_width, is_game, make_envs, make_reading_envs
from agents.config import Config
from agents.game_rollout import play_games
from agents.noise import RowNoise
from agents.play import play
from agents.reading import Reading, combine, read_off
from agents.rollout import (
    GazePolicy,
    IndexArray,
    Rollout,
    center_gaze,
    mean_gaze,
    random_gaze,
    sampled,
)
from agents.run_config import OWN_IMAGES
from glimpse_env import episode
from glimpse_env.arguments import require_at_least
from glimpse_env.backend import make_backend
from glimpse_env.catch_vector_env import CatchVectorEnv
from glimpse_env.errors import InvalidArgument
from glimpse_env.gaze_vector_env import GazeVectorEnv
from glimpse_env.vector_env import GlimpseVectorEnv

Gaze = Literal["policy", "random", "center"]
PixelArray = np.ndarray[Any, np.dtype[np.uint8]]
_EYE = (
    "glimpse_size",
    "num_scales",
    "glimpses_per_label",
    "max_glimpses",
    "context_size",
    "initial_gaze",
)


class Reader(Protocol):
    """Whoever reads images in batches of one size.

    Attributes:
        batch: How many images at once.
        size: How many images there are.
        end: The label said after the last object of a sequence; None where single labels are read.
        networks: What computes.
    """

    batch: int
    size: int
    end: int | None
    networks: tuple[nn.Module, ...]

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """Read the images of int64 `index` (batch,); random first gazes follow from the seed.

        Returns:
            The labels said: int64 (batch, S), -1 after the end.
        """

    def targets(self, index: IndexArray) -> Tensor:
        """What should be said: int64 (batch, S), -1 after the end."""


class AgentReader:
    """One agent.

    Args:
        agent: Who reads, on the device of the environments.
        envs: Batch * M rows, in which episodes go on after a mistake, so that nothing betrays what
            is right.
        sigma_pixels: Standard deviation of sampled gazes.
        gaze: "policy", or "random" and "center": the controls.
        samples: 1 for the mean gaze; M > 1 for the labels that the averaged log-probabilities of M
            sampled gaze sequences prefer (Monte Carlo averaging, DRAM eq. 14).
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
        """Nothing is read yet."""
        self.agent, self.envs, self.samples = agent, envs, samples
        self.batch, self.size = envs.num_envs // samples, envs.task.size
        self.end = envs.rules.num_classes if envs.rules.has_end else None
        self.networks: tuple[nn.Module, ...] = (agent,)
        self.policy = _policy(gaze, samples, sigma_pixels, envs, noise_seed)

    def play(self, index: IndexArray, seed: int) -> Rollout:
        """The episodes in which the images of `index` (batch,) are read, M of each."""
        rows, first = np.repeat(index, self.samples), seed * self.samples
        with testing(self.agent):
            return play(self.agent, self.envs, rows, self.policy, self.samples, first)

    def read(self, index: IndexArray, seed: int) -> Reading:
        """What is said, and how sure it is; a backward agent reads from last to first."""
        return read_off(self.play(index, seed), self.samples)

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """See Reader."""
        return self.read(index, seed).said

    def targets(self, index: IndexArray) -> Tensor:
        """See Reader; a backward agent's targets go from last to first."""
        return due_labels(self.labels(index), self.envs.rules)

    def labels(self, index: IndexArray) -> IndexArray:
        """The labels of the images of `index`: int64 (batch, L), padded with -1."""
        labels = self.envs.task.labels(self._on_backend(index))
        return np.asarray(torch.as_tensor(labels).cpu())

    def images(self, index: IndexArray) -> PixelArray:
        """The images of `index`: uint8 (batch, C, H, W)."""
        images = self.envs.task.images(self._on_backend(index))
        return np.asarray(torch.as_tensor(images).cpu(), np.uint8)

    def _on_backend(self, index: IndexArray) -> IndexArray | Tensor:
        if self.envs.backend_name == "numpy":
            return index
        return torch.as_tensor(index, device=self.envs.device)


def due_labels(labels: IndexArray, rules: episode.Rules) -> Tensor:
    """What should be said where the labels are int64 (B, L), padded with -1: int64 (B, S)."""
    backend = make_backend("torch", "cpu")
    due: Tensor = episode.targets(backend, torch.as_tensor(labels), rules)
    return due[:, : rules.max_said]


class GameReader:
    """An agent that plays games, of which 1 is said where it wins, and 1 is due everywhere.

    Args:
        agent: Who plays, on the device of the environments.
        envs: Batch * M rows.
        sigma_pixels: Standard deviation of sampled gazes.
        gaze: See AgentReader.
        samples: See AgentReader; moves are agreed on as labels are.
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
        """Nothing is played yet."""
        self.agent, self.envs, self.samples = agent, envs, samples
        self.batch, self.size = envs.num_envs // samples, envs.size
        self.networks: tuple[nn.Module, ...] = (agent,)
        self.policy = _policy(gaze, samples, sigma_pixels, envs)

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """See Reader."""
        rows, first = np.repeat(index, self.samples), seed * self.samples
        with testing(self.agent):
            rollout = play_games(self.agent, self.envs, rows, self.policy, self.samples, first)
        return rollout.right[:: self.samples, None].long()

    def targets(self, index: IndexArray) -> Tensor:
        """See Reader."""
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
        gaze: See AgentReader.
        samples: See AgentReader.
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
    """The same, for environments with labels to read."""
    rows = _whole_groups(num_envs, samples)
    device = str(next(agent.parameters()).device)
    envs = make_reading_envs(config, split, rows, device, stop_on_mistake=False)
    return AgentReader(agent, envs, config.sigma_pixels, gaze, samples)


def _whole_groups(num_envs: int, samples: int) -> int:
    require_at_least("samples", samples, 1)
    return max(1, num_envs // samples) * samples


class ForwardBackwardReader:
    """Two agents that read towards each other (DRAM, section 4.3).

    Args:
        forward: Reads from first to last.
        backward: Reads the same images from last to first, as many at once.

    Raises:
        InvalidArgument: The two do not fit each other.
    """

    def __init__(self, forward: AgentReader, backward: AgentReader) -> None:
        """Check that they fit."""
        if forward.end is None:
            raise InvalidArgument("a single label reads the same forward and backward")
        if (forward.batch, forward.size) != (backward.batch, backward.size):
            raise InvalidArgument("the two agents were trained on different tasks")
        index = np.arange(forward.batch) % forward.size
        if not is_mirrored(forward.labels(index), backward.labels(index)):
            raise InvalidArgument("the two agents do not read the same labels towards each other")
        self.forward, self.backward = forward, backward
        self.batch, self.size = forward.batch, forward.size
        self.end: int | None = forward.end
        self.networks: tuple[nn.Module, ...] = (forward.agent, backward.agent)
        if _same_weights(forward.agent.glimpse, backward.agent.glimpse):  # shared: one network
            others = [part for part in backward.agent.children() if part != backward.agent.glimpse]
            self.networks = (forward.agent, *others)

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """See Reader."""
        return combine(self.forward.read(index, seed), self.backward.read(index, seed)).said

    def targets(self, index: IndexArray) -> Tensor:
        """See Reader."""
        return self.forward.targets(index)


def is_mirrored(labels: IndexArray, others: IndexArray) -> bool:
    """Whether labels (B, L), padded with -1, are the others from last to first."""
    if labels.shape != others.shape:
        return False
    numbers = [[row[row >= 0].tolist() for row in rows] for rows in (labels, others)]
    return all(ours == theirs[::-1] for ours, theirs in zip(*numbers, strict=True))


def _same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(ours, theirs) for ours, theirs in pairs)


class FocusReader:
    """An agent trained on close crops that reads in wide ones, in two passes (DRAM, section 4.3).

    The first pass over the wide image tells where the gazes go. The second reads the crop, of the
    size that the agent knows, around the middle of the box of those gazes.

    Args:
        agent: Who reads.
        config: Its configuration; `config.env_id` has the close crops.
        split: "train", "validation" or "test".
        wide_id: Environment with the wide images.
        samples: See AgentReader; of both passes.
        num_envs: Rows stepped together, rounded to a multiple of `samples`.
    """

    def __init__(
        self,
        agent: GlimpseAgent,
        config: Config,
        split: str,
        wide_id: str,
        *,
        samples: int = 1,
        num_envs: int = 1000,
    ) -> None:
        """Make the environments of the first pass."""
        wide = dataclasses.replace(config, env_id=wide_id)
        first = label_reader(agent, wide, split, samples=samples, num_envs=num_envs)
        self._first = first
        self._config = config
        self._side = make_envs(config, split, 1).image_shape[1]
        if first.envs.image_shape[1] < self._side:
            raise InvalidArgument(f"{wide_id} is not wider than {config.env_id}")
        self.batch, self.size, self.end = first.batch, first.size, first.end
        self.networks = first.networks

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """See Reader."""
        return self.read(index, seed).said

    def read(self, index: IndexArray, seed: int) -> Reading:
        """What is said in the second pass, and how sure it is."""
        first, samples, task = self._first, self._first.samples, self._first.envs.task
        middle = gaze_middles(first.play(index, seed), samples).cpu().numpy()
        labels = first.labels(index)
        close = envs_of_images(
            self._config,
            crop(first.images(index), middle, self._side),
            labels if self.end is not None else labels[:, 0],
            task.num_classes,
            num_envs=self.batch * samples,
            device=first.envs.device,
        )
        sigma = self._config.sigma_pixels
        second = AgentReader(first.agent, close, sigma, samples=samples, noise_seed=1 + seed)
        return second.read(np.arange(self.batch), seed)

    def targets(self, index: IndexArray) -> Tensor:
        """See Reader."""
        return self._first.targets(index)


def envs_of_images(
    config: Config,
    images: PixelArray,
    labels: IndexArray,
    num_classes: int,
    *,
    num_envs: int,
    device: str,
) -> GlimpseVectorEnv:
    """Environments that show these images to the eye that an agent was trained with.

    Args:
        config: Of the agent.
        images: (M, C, H, W).
        labels: (M,), or (M, L) padded with -1.
        num_classes: Object classes.
        num_envs: Rows.
        device: Torch device, or "cpu".
    """
    known = env_keywords(config)
    eye = {name: known[name] for name in _EYE if name in known}
    if device != "cpu":
        eye |= {"backend": "torch", "device": device}
    pixels = np.moveaxis(images, 1, -1)
    envs = gym.make_vec(
        OWN_IMAGES,
        num_envs=num_envs,
        images=pixels if pixels.shape[-1] == 3 else pixels[..., 0],
        labels=labels,
        num_classes=num_classes,
        **eye,
        autoreset_mode="disabled",
        stop_on_mistake=False,
    )
    return cast(GlimpseVectorEnv, envs)


def gaze_middles(rollout: Rollout, samples: int) -> Tensor:
    """The middle of the box of all gazes at an image, (B, 2), for `samples` episodes of each."""
    rows, turns = rollout.returns.shape
    image = (rollout.for_label // turns // samples)[:, None].expand(-1, 2)
    gaze = rollout.gaze.clamp(-1, 1)
    empty = gaze.new_zeros(rows // samples, 2)
    least = empty.scatter_reduce(0, image, gaze, "amin", include_self=False)
    most = empty.scatter_reduce(0, image, gaze, "amax", include_self=False)
    return (least + most) / 2


def crop(images: PixelArray, middle: np.ndarray[Any, Any], side: int) -> PixelArray:
    """Squares cut out of images, moved to lie inside.

    Args:
        images: (B, C, H, W).
        middle: (B, 2), where the middle of the square should be, x and y in [-1, 1].
        side: Of the squares, pixels, at most H and W.

    Returns:
        (B, C, side, side).
    """
    height, width = images.shape[2:]
    corner = (middle + 1) / 2 * [width, height] - side / 2
    left, top = np.clip(np.floor(corner + 0.5), 0, [width - side, height - side]).astype(int).T
    windows = np.lib.stride_tricks.sliding_window_view(images, (side, side), axis=(2, 3))
    return np.asarray(windows[np.arange(len(images)), :, top, left])


def _policy(
    gaze: Gaze, samples: int, sigma_pixels: float, envs: GazeVectorEnv, seed: int = 0
) -> GazePolicy:
    noise = RowNoise(torch.Generator(envs.device).manual_seed(seed), envs.num_envs)
    if gaze == "random":
        return random_gaze(noise)
    if gaze == "center":
        return center_gaze
    return mean_gaze if samples == 1 else sampled(sigma_pixels / half_width(envs), noise)
