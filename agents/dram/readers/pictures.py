"""Pictures of an agent at work: an animation of its glimpses, and where its gazes land."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from agents.dram.config import Config
from agents.dram.model.agent import GlimpseAgent
from agents.dram.readers.agent_reader import tested_policy
from agents.dram.rollouts.play import play
from agents.evaluation.reader import testing
from agents.runs.files import write_atomically
from agents.trainer.envs import make_envs
from glimpse_env.frames.drawing import BACKGROUND, Frame, shrink, tile
from glimpse_env.opencv import cv2


def draw_pictures(
    agent: GlimpseAgent,
    config: Config,
    split: str,
    folder: Path,
    examples: Sequence[int] | None = None,
) -> tuple[Path, Path]:
    """Draw images of a split while the agent, or a control, reads them at its likeliest gazes.

    Args:
        agent: Who reads.
        config: Its configuration.
        split: "validation" or "test".
        folder: Where the pictures go.
        examples: Which images, None for the first twelve; the animation shows the first four.

    Returns:
        The paths of `glimpses.gif` (step by step) and of `gazes.png` (whole gaze paths, and the
        density of the gazes over the first 1,000 images).

    Raises:
        FolderUnwritable: The pictures do not fit into the folder.
    """
    device = str(next(agent.parameters()).device)
    if examples is None:  # or as many as a small folder of images has
        examples = range(min(12, make_envs(config, split, 1, device).size))
    envs = make_envs(config, split, len(examples), device, render_mode="rgb_array")
    policy = tested_policy(agent, envs, config.gaze)
    steps: list[tuple[Frame, ...]] = []
    with testing(agent):
        play(
            agent,
            envs,
            np.asarray(examples),
            policy,
            watch=lambda: steps.append(envs.render() or ()),
        )
        envs = make_envs(config, split, min(1000, envs.size), device)
        policy = tested_policy(agent, envs, config.gaze)
        gazes = play(agent, envs, np.arange(envs.num_envs), policy).gaze.cpu().numpy()
    animation, picture = folder / "glimpses.gif", folder / "gazes.png"
    write_gif(animation, [shrink(tile(frames[:4], columns=2), math.inf, 640) for frames in steps])
    paths = shrink(tile(steps[-1], columns=3), math.inf, 1200)
    side = paths.shape[1] // 3
    density = np.asarray(cv2.resize(gaze_density(gazes), (side, side)), np.uint8)
    whole = cv2.cvtColor(_below(paths, density), cv2.COLOR_RGB2BGR)
    # A picture of its paths takes a third of the room that OpenCV's default leaves it.
    _, content = cv2.imencode(".png", whole, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    write_atomically(picture, content.tobytes())
    return animation, picture


def write_gif(path: Path, frames: list[Frame], milliseconds: int = 500) -> None:
    """Write an animation that repeats and rests on its last frame."""
    pictures = [Image.fromarray(frame).quantize(64) for frame in frames]
    durations = [milliseconds] * (len(pictures) - 1) + [4 * milliseconds]
    content = io.BytesIO()
    pictures[0].save(
        content,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        optimize=True,
    )
    write_atomically(path, content.getvalue())


def gaze_density(gazes: np.ndarray[Any, np.dtype[np.float32]], bins: int = 40) -> Frame:
    """How often gazes (G, D) land where in the image: (bins, bins, 3), the brighter the more."""
    x, y = np.clip(gazes[:, :2], -1, 1).T
    counts, _, _ = np.histogram2d(y, x, bins=bins, range=[[-1, 1], [-1, 1]])
    scaled = (255 * np.sqrt(counts / max(counts.max(), 1))).astype(np.uint8)
    coloured = cv2.cvtColor(cv2.applyColorMap(scaled, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.asarray(coloured, np.uint8)


def _below(upper: Frame, lower: Frame) -> Frame:
    padded = np.full((lower.shape[0], upper.shape[1], 3), BACKGROUND, np.uint8)
    padded[:, : lower.shape[1]] = lower
    return np.vstack([upper, padded])
