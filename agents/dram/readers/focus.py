"""DRAM's focus on wide images (Ba et al. 2014, section 4.3): one agent looks twice."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from torch import Tensor

from agents.dram.config import Config
from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.build import fit_gazes
from agents.dram.readers.agent_reader import AgentReader, label_reader
from agents.dram.readers.reading import Reading
from agents.dram.readers.shown_images import envs_of_images
from agents.dram.rollouts.rollout import Rollout
from agents.trainer.envs import IndexArray, PixelArray, make_envs, sizes_of
from glimpse_env.errors import InvalidArgument


class FocusReader:
    """An agent trained on close crops that reads in wide ones, in two passes (DRAM, section 4.3).

    The first pass over the wide image tells where the gazes go. The second reads the crop, of the
    size that the agent knows, around the middle of the box of those gazes.

    Args:
        agent: Who reads.
        config: Its configuration; `config.env_id` has the close crops.
        split: "train", "validation" or "test".
        wide_id: Environment with the wide images.
        samples: Gaze sequences of each image in both passes, 1 for the mean gaze; of more, the
            log-probabilities are averaged (DRAM eq. 14).
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
        wide = dataclasses.replace(config, env_id=wide_id)
        first = label_reader(agent, wide, split, samples=samples, num_envs=num_envs)
        self._first = first
        self._config = config
        close = make_envs(config, split, 1)
        self._side = close.image_shape[1]
        if first.envs.image_shape[1] <= self._side:
            raise InvalidArgument(f"{wide_id} is not wider than {config.env_id}")
        if sizes_of(first.envs)._replace(image=close.image_shape) != sizes_of(close):
            raise InvalidArgument(
                f"{wide_id} has other glimpses or other labels than {config.env_id}, which this "
                "agent was trained on"
            )
        self.batch, self.size, self.end = first.batch, first.size, first.end
        self.networks = first.networks

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """Read the images of int64 `index` (batch,) twice; random first gazes follow from `seed`.

        Returns:
            The labels said: int64 (batch, S), -1 after the end.
        """
        return self.read(index, seed).said

    def read(self, index: IndexArray, seed: int) -> Reading:
        """What is said in the second pass, and how sure it is."""
        first, samples, task = self._first, self._first.samples, self._first.envs.task
        fit_gazes(first.agent, first.envs.image_shape)
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
        fit_gazes(first.agent, close.image_shape)
        sigma = self._config.sigma_pixels
        second = AgentReader(first.agent, close, sigma, samples=samples, noise_seed=1 + seed)
        return second.read(np.arange(self.batch), seed)

    def targets(self, index: IndexArray) -> Tensor:
        """What should be said: int64 (batch, S), -1 after the end."""
        return self._first.targets(index)


def gaze_middles(rollout: Rollout, samples: int) -> Tensor:
    """The middle of the box of all gazes at an image, (B, 2), for `samples` episodes of each."""
    rows, turns = rollout.returns.shape
    gaze = rollout.gaze[:, :2].clamp(-1, 1)
    image = (rollout.for_label // turns // samples)[:, None].expand_as(gaze)
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
