"""How well an agent reads a split: `python agents/evaluate.py RUN`."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path
from typing import Any, Literal

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import torch
import tyro
from tqdm import tqdm

from agents import checkpoint
from agents.agent import GlimpseAgent
from agents.build import half_width, make_agent, make_envs
from agents.config import Config
from agents.game_rollout import play
from agents.pictures import draw_pictures
from agents.rollout import GazePolicy, center_gaze, mean_gaze, random_gaze, sampled
from agents.run_folder import write_json
from glimpse_env.arguments import require_at_least
from glimpse_env.errors import GlimpseError

Gaze = Literal["policy", "random", "center"]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The outcome of one pass over a split."""

    split: str
    gaze: str
    samples: int
    images: int
    wrong: int
    error: float  # of whole sequences, percent
    interval: tuple[float, float]  # 95 % Wilson interval of the error, percent
    mean_labels_right: float


def wilson_interval(wrong: int, number: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion (Wilson 1927), both ends in [0, 1]."""
    p = wrong / number
    centre = (p + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z * math.sqrt(p * (1 - p) / number + z**2 / (4 * number**2)) / (1 + z**2 / number)
    return max(0.0, centre - half), min(1.0, centre + half)


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
    """Read every image of a split once.

    Args:
        agent: Who reads.
        config: Its configuration.
        split: "validation" or "test".
        gaze: "policy" looks where the agent wants to, at the mean gaze; "random" and "center" are
            the controls.
        samples: With 1, one pass; with M > 1, the labels that the averaged log-probabilities of M
            sampled gaze sequences prefer (Monte Carlo averaging, DRAM eq. 14).
        images: Only so many of the first images; 0 for all.
        num_envs: Rows stepped together, rounded to a multiple of `samples`.
        progress: Show a progress bar.

    Raises:
        InvalidArgument: Numbers that cannot be.
    """
    require_at_least("samples", samples, 1)
    require_at_least("images", images, 0)
    device = next(agent.parameters()).device
    batch = max(1, num_envs // samples)
    envs = make_envs(config, split, batch * samples, str(device))
    policy = _policy(gaze, samples, config.sigma_pixels / half_width(envs), device)
    number = min(images, envs.size) if images else envs.size
    wrong, labels_right = 0, 0.0
    agent.eval()
    with torch.no_grad():
        for first in tqdm(
            range(0, number, batch), desc=split, leave=False, disable=None if progress else True
        ):
            # The last batch is filled up with image 0, which is then left out of the count.
            index = np.arange(first, first + batch)
            index[index >= number] = 0
            rows = np.repeat(index, samples)
            rollout = play(agent, envs, rows, policy, samples, seed=first * samples)
            kept = min(batch, number - first)
            wrong += kept - int(rollout.right[::samples][:kept].sum())
            labels_right += float(rollout.labels_right[::samples][:kept].sum())
    agent.train()
    low, high = wilson_interval(wrong, number)
    return Evaluation(
        split=split,
        gaze=gaze,
        samples=samples,
        images=number,
        wrong=wrong,
        error=round(100 * wrong / number, 3),
        interval=(round(100 * low, 3), round(100 * high, 3)),
        mean_labels_right=round(labels_right / number, 4),
    )


def _policy(gaze: Gaze, samples: int, std: float, device: torch.device) -> GazePolicy:
    generator = torch.Generator(device).manual_seed(0)
    if gaze == "random":
        return random_gaze(generator)
    if gaze == "center":
        return center_gaze
    return mean_gaze if samples == 1 else sampled(std, generator)


def pick_device(device: str) -> str:
    """A GPU where there is one, unless told otherwise."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_agent(run: Path, device: str = "cpu") -> tuple[GlimpseAgent, Config]:
    """The agent of a run folder and its configuration.

    Raises:
        MissingData: The folder has no checkpoint.
        CorruptedData: The checkpoint is damaged.
    """
    state: dict[str, Any] = checkpoint.load(run / "checkpoint.pt")
    config = Config(**state["config"])
    agent = make_agent(config, make_envs(config, "validation", 1, device))
    agent.load_state_dict(state["agent"])
    return agent, config


def describe(evaluation: Evaluation) -> str:
    """One line for people."""
    low, high = evaluation.interval
    gaze = f"{evaluation.gaze} gaze"
    if evaluation.samples > 1:
        gaze += f", {evaluation.samples} sequences averaged"
    return (
        f"{evaluation.split} error {evaluation.error:.2f} % "
        f"(95 % interval {low:.2f} .. {high:.2f}, {evaluation.images} images, {gaze})"
    )


@dataclasses.dataclass
class Arguments:
    """Evaluate a trained agent on the whole of a split, each image once."""

    run: tyro.conf.Positional[Path]
    """Folder of the training run."""
    split: Literal["test", "validation"] = "test"
    """Images to read; choices belong on validation."""
    gaze: tuple[Gaze, ...] = ("policy", "random", "center")
    """Who looks: the agent, or the controls."""
    samples: int = 1
    """M: gaze sequences averaged for an image; 1 for the mean gaze."""
    images: int = 0
    """Only so many of the first images; 0 for all."""
    num_envs: int = 1000
    """Environments stepped together."""
    device: str = "auto"
    """Torch device; auto takes a GPU where there is one."""
    examples: tuple[int, ...] = tuple(range(12))
    """Images to draw into gazes.png and, the first four, glimpses.gif of the run folder; they are
    named by their number in the split."""


def main(arguments: Arguments) -> None:
    """Evaluate, print, and keep the result beside the checkpoint."""
    agent, config = load_agent(arguments.run, pick_device(arguments.device))
    results = []
    for gaze in arguments.gaze:
        result = evaluate(
            agent,
            config,
            arguments.split,
            gaze=gaze,
            samples=arguments.samples,
            images=arguments.images,
            num_envs=arguments.num_envs,
            progress=True,
        )
        print(describe(result))
        results.append(dataclasses.asdict(result))
    name = f"evaluation_{arguments.split}_samples{arguments.samples}.json"
    write_json(arguments.run / name, results)
    if arguments.examples:
        for path in draw_pictures(
            agent, config, arguments.split, arguments.run, arguments.examples
        ):
            print(path)


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments))
    except GlimpseError as error:
        sys.exit(f"error: {error}")
