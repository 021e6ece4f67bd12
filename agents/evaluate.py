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
from torch import Tensor
from tqdm import tqdm

from agents import checkpoint
from agents.agent import GlimpseAgent
from agents.build import make_agent, make_envs
from agents.config import Config
from agents.pictures import draw_pictures
from agents.readers import FocusReader, ForwardBackwardReader, Gaze, Reader, agent_reader
from agents.run_folder import write_json
from glimpse_env.arguments import require_at_least
from glimpse_env.errors import GlimpseError, InvalidArgument


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
    mean_labels_right: float  # before the first mistake
    reader: str = "one agent"
    lengths: tuple[tuple[int, ...], ...] = ()  # of sequences: images by true and by said length


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
    """Let an agent read every image of a split of its environment once.

    Args:
        agent: Who reads.
        config: Its configuration.
        split: "validation" or "test".
        gaze: "policy", or "random" and "center": the controls. See AgentReader.
        samples: M; see AgentReader.
        images: Only so many of the first images; 0 for all.
        num_envs: Rows stepped together, rounded to a multiple of `samples`.
        progress: Show a progress bar.

    Raises:
        InvalidArgument: Numbers that cannot be.
    """
    reader = agent_reader(agent, config, split, gaze=gaze, samples=samples, num_envs=num_envs)
    said, targets = read_all(reader, images, split if progress else None)
    found = judge(said, targets, reader.end)
    return Evaluation(split=split, gaze=gaze, samples=samples, **found)


def read_all(reader: Reader, images: int = 0, progress: str | None = None) -> tuple[Tensor, Tensor]:
    """Read every image once.

    Args:
        reader: Who reads; see readers.py.
        images: Only so many of the first images; 0 for all.
        progress: Title of a progress bar; None for none.

    Returns:
        The labels said and those due, both int64 (images, S), -1 after the end.

    Raises:
        InvalidArgument: A number of images below 0.
    """
    require_at_least("images", images, 0)
    number = min(images, reader.size) if images else reader.size
    said, targets = [], []
    starts = range(0, number, reader.batch)
    for first in tqdm(starts, desc=progress, leave=False, disable=None if progress else True):
        # The last batch is filled up with image 0, which is then left out.
        index = np.arange(first, first + reader.batch)
        index[index >= number] = 0
        kept = min(reader.batch, number - first)
        said.append(reader.read(index, seed=first).said[:kept].cpu())
        targets.append(reader.targets(index)[:kept])
    return torch.cat(said), torch.cat(targets)


def judge(said: Tensor, targets: Tensor, end: int | None) -> dict[str, Any]:
    """Compare labels said with labels due: the measured part of an Evaluation.

    Args:
        said: int64 (images, S), -1 after the end.
        targets: The same for what was due.
        end: The end label of sequences, or None.
    """
    number = len(said)
    right = said == targets
    wrong = number - int(right.all(1).sum())
    labels_right = int((right & (targets >= 0)).cumprod(1).sum())
    low, high = wilson_interval(wrong, number)
    return {
        "images": number,
        "wrong": wrong,
        "error": round(100 * wrong / number, 3),
        "interval": (round(100 * low, 3), round(100 * high, 3)),
        "mean_labels_right": round(labels_right / number, 4),
        "lengths": () if end is None else length_table(said, targets, end),
    }


def length_table(said: Tensor, targets: Tensor, end: int) -> tuple[tuple[int, ...], ...]:
    """How many images of each true length (rows, from 0) were said to have each length (columns).

    DRAM tends to see digits after the last (Ba et al. 2014, section 4.3): counts to the right of
    the diagonal.

    Args:
        said: (B, S), -1 after the end.
        targets: (B, S), -1 after the end.
        end: The end label, which does not count.
    """
    lengths = [((one >= 0) & (one != end)).sum(1) for one in (targets, said)]
    size = said.shape[1] + 1
    counts = torch.bincount(lengths[0] * size + lengths[1], minlength=size**2).view(size, size)
    return tuple(tuple(row) for row in counts.tolist())


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
    if evaluation.reader != "one agent":
        gaze += f", {evaluation.reader}"
    if evaluation.samples > 1:
        gaze += f", {evaluation.samples} sequences averaged"
    return (
        f"{evaluation.split} error {evaluation.error:.2f} % "
        f"(95 % interval {low:.2f} .. {high:.2f}, {evaluation.images} images, {gaze})"
    )


@dataclasses.dataclass
class Arguments:
    """Evaluate a trained agent on the whole of a split, each image once.

    With `--backward` or `--focus` the agent reads as DRAM does for its tables 3 and 4, at its own
    gazes.
    """

    run: tyro.conf.Positional[Path]
    """Folder of the training run."""
    split: Literal["test", "validation"] = "test"
    """Images to read; choices belong on validation."""
    gaze: tuple[Gaze, ...] = ("policy", "random", "center")
    """Who looks: the agent, or the controls."""
    samples: int = 1
    """M: gaze sequences averaged for an image; 1 for the mean gaze."""
    backward: Path | None = None
    """Folder of a run with `--backward`: read with both agents, forward and backward."""
    focus: str = ""
    """Environment with larger images, such as GlimpseHouseNumbers110-v0: read these in two passes,
    the second in a crop around the gazes of the first."""
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
    name = f"evaluation_{arguments.split}_samples{arguments.samples}"
    if arguments.backward or arguments.focus:
        results = [evaluate_pair_or_focus(agent, config, arguments)]
        name += "_" + results[0].reader.replace("-", "_")
    else:
        results = evaluate_gazes(agent, config, arguments)
    write_json(arguments.run / f"{name}.json", [dataclasses.asdict(one) for one in results])
    for line in length_lines(results[0]):
        print(line)
    if arguments.examples:
        for path in draw_pictures(
            agent, config, arguments.split, arguments.run, arguments.examples
        ):
            print(path)


def evaluate_gazes(agent: GlimpseAgent, config: Config, arguments: Arguments) -> list[Evaluation]:
    """One agent, at its own gazes and those of the controls."""
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
        results.append(result)
    return results


def evaluate_pair_or_focus(agent: GlimpseAgent, config: Config, arguments: Arguments) -> Evaluation:
    """The readers of DRAM's tables 3 and 4.

    Raises:
        InvalidArgument: Runs that cannot read together.
    """
    split, samples, rows = arguments.split, arguments.samples, arguments.num_envs
    reader: Reader
    if arguments.backward:
        other, mirrored = load_agent(arguments.backward, str(next(agent.parameters()).device))
        if arguments.focus or config.backward or not mirrored.backward:
            raise InvalidArgument(
                f"{arguments.run} must be a forward run and {arguments.backward} one that was "
                "trained with --backward; --focus reads with one agent alone"
            )
        forward = agent_reader(agent, config, split, samples=samples, num_envs=rows)
        backward = agent_reader(other, mirrored, split, samples=samples, num_envs=rows)
        reader, name = ForwardBackwardReader(forward, backward), "forward-backward"
    else:
        wide = arguments.focus
        reader = FocusReader(agent, config, split, wide, samples=samples, num_envs=rows)
        name = "focus"
    said, targets = read_all(reader, arguments.images, split)
    found = judge(said, targets, reader.end)
    result = Evaluation(split=split, gaze="policy", samples=samples, reader=name, **found)
    print(describe(result))
    return result


def length_lines(evaluation: Evaluation) -> list[str]:
    """A table of true and said lengths, and how often too many objects were seen."""
    if not evaluation.lengths:
        return []
    counts = np.array(evaluation.lengths)
    shown = np.flatnonzero(counts.sum(0) + counts.sum(1))
    lines = ["images by length, true (rows) and said (columns):"]
    lines.append("     " + "".join(f"{length:>7}" for length in shown))
    lines += [
        f"{true:>5}" + "".join(f"{counts[true, said]:>7}" for said in shown) for true in shown
    ]
    more, less = np.triu(counts, 1).sum(), np.tril(counts, -1).sum()
    per_cent = 100 / counts.sum()
    lines.append(f"too many said: {per_cent * more:.2f} %, too few: {per_cent * less:.2f} %")
    return lines


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments))
    except GlimpseError as error:
        sys.exit(f"error: {error}")
