"""How well a split is read, by whoever reads it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from agents.evaluation.flops import counting, counting_glimpses, flops_of_networks, parameters_of
from agents.evaluation.reader import Reader
from agents.runs.files import write_json
from agents.trainer.envs import IndexArray
from glimpse_env.errors import require_at_least
from glimpse_env.tasks.own_images.arrays import ArrayTask
from glimpse_env.tasks.task import Task


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
    mean_labels_right: float  # before the first mistake, "end" among them, as an agent is paid
    reader: str = "one agent"
    lengths: tuple[tuple[int, ...], ...] = ()  # of sequences: images by true and by said length
    mistakes: tuple[tuple[int, ...], ...] = ()  # of sequences: objects by true and by said class
    parameters: int = 0  # of all networks that read
    flops_per_image: float = 0.0  # two for each multiply-add; of the first batch; 0 if not counted
    glimpses_per_image: float = 0.0  # 0 where none are counted: whole images, and agents of SB3
    trained_images: int = 0  # images, or steps of SB3, that whoever reads has learned from

    def describe(self) -> str:
        """One line for people."""
        low, high = self.interval
        who = self.reader if self.gaze == "none" else f"{self.gaze} gaze"
        if self.reader != "one agent" and self.gaze != "none":
            who += f", {self.reader}"
        if self.samples > 1:
            who += f", {self.samples} sequences averaged"
        return (
            f"{self.split} error {self.error:.2f} % "
            f"(95 % interval {low:.2f} .. {high:.2f}, {self.images} images, {who})"
        )

    def cost(self) -> str:
        """What an image costs, in words."""
        millions = self.flops_per_image / 2e6
        cost = f"{self.parameters:,} parameters, {millions:.2f} million multiply-adds an image"
        if self.glimpses_per_image:
            cost += f", {self.glimpses_per_image:.2f} glimpses"
        return cost


def write_evaluations(path: Path, results: Iterable[Evaluation], trained_images: int) -> None:
    """Keep what a network read after so many training images; a run may go on after it.

    Raises:
        FolderUnwritable: There is no room, or the folder cannot be written.
    """
    stamped = (dataclasses.replace(one, trained_images=trained_images) for one in results)
    write_json(path, [dataclasses.asdict(one) for one in stamped])


def tell(run: Path, results: Sequence[Evaluation], trained_images: int, task: Task | None) -> None:
    """Say what the test at the end of a run has found, and keep it in `result.json`.

    Args:
        run: Folder of the run.
        results: The first is the agent's, or network's, own.
        trained_images: Learned from until then.
        task: Where the training images come from; None in games.

    Raises:
        FolderUnwritable: There is no room, or the folder cannot be written.
    """
    if type(task) is ArrayTask:
        print("note: an environment made from arrays shows the same images in every split")
    print("\n".join([results[0].cost(), *length_lines(results[0])]))
    write_evaluations(run / "result.json", results, trained_images)


class Batch(NamedTuple):
    """Images that are read together, as many as the reader takes."""

    first: int  # of them
    images: IndexArray  # (batch,); the last batch is filled up with the first images
    kept: int  # how many of them count


def wilson_interval(wrong: int, number: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion (Wilson 1927), both ends in [0, 1]."""
    p = wrong / number
    centre = (p + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z * math.sqrt(p * (1 - p) / number + z**2 / (4 * number**2)) / (1 + z**2 / number)
    return max(0.0, centre - half), min(1.0, centre + half)


def evaluate_reader(
    reader: Reader,
    split: str,
    *,
    name: str = "one agent",
    gaze: str = "policy",
    samples: int = 1,
    images: int = 0,
    costs: bool = True,
    progress: bool = False,
) -> Evaluation:
    """Let a reader read every image of its split once.

    Args:
        reader: Who reads; see readers.py.
        split: Which split it reads.
        name: What to call the reader.
        gaze: Who looks; "none" for networks that see whole images.
        samples: M of the reader.
        images: Only so many of the first images; 0 for all.
        costs: Count what an image costs; that makes the first batch some tenths of a second slower.
        progress: Show a progress bar.

    Raises:
        InvalidArgument: A number of images below 0.
    """
    said, targets = [], []
    flops = 0.0
    parts = batches(reader, images)
    with counting_glimpses(reader.networks) as glimpses:
        for first, index, kept in tqdm(
            parts, desc=split, leave=False, disable=None if progress else True
        ):
            if costs and first == 0:
                with counting() as counter:
                    labels = reader.say(index, first)
                flops = flops_of_networks(counter) / reader.batch
            else:
                labels = reader.say(index, first)
            said.append(labels[:kept].cpu())
            targets.append(reader.targets(index)[:kept])
    found = judge(torch.cat(said), torch.cat(targets), reader.end)
    return Evaluation(
        split=split,
        gaze=gaze,
        samples=samples,
        reader=name,
        parameters=sum(map(parameters_of, reader.networks)),
        flops_per_image=flops,
        glimpses_per_image=round(glimpses[0] / (len(parts) * reader.batch), 4),
        **found,
    )


def batches(reader: Reader, images: int) -> list[Batch]:
    """The batches in which a reader reads the first images, 0 for all of its split.

    Raises:
        InvalidArgument: A number of images below 0.
    """
    require_at_least("images", images, 0)
    number = min(images or reader.size, reader.size)
    return [
        Batch(
            first,
            np.arange(first, first + reader.batch) % number,
            min(reader.batch, number - first),
        )
        for first in range(0, number, reader.batch)
    ]


def judge(said: Tensor, targets: Tensor, end: int | None) -> dict[str, Any]:
    """Compare labels said with labels due: the measured part of an Evaluation.

    Args:
        said: int64 (images, S), -1 after the end.
        targets: The same for what was due.
        end: The end label of sequences, or None.
    """
    if said.shape != targets.shape:
        raise ValueError(f"labels said {tuple(said.shape)} and due {tuple(targets.shape)}")
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
        "mistakes": () if end is None else mistake_table(said, targets, end),
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


def mistake_table(said: Tensor, targets: Tensor, end: int) -> tuple[tuple[int, ...], ...]:
    """How many objects of each true class (rows) were said to be of each class (columns).

    Counted in the images whose length was said right: elsewhere nobody knows which was meant.

    Args:
        said: (B, S), -1 after the end.
        targets: (B, S), -1 after the end.
        end: The end label; classes are 0 .. end - 1.
    """
    same = (((said >= 0) & (said != end)) == ((targets >= 0) & (targets != end))).all(1)
    pairs = targets[same] * end + said[same]
    objects = (targets[same] >= 0) & (targets[same] != end)
    counts = torch.bincount(pairs[objects], minlength=end**2).view(end, end)
    return tuple(tuple(row) for row in counts.tolist())


MISTAKES_SHOWN = 8


def mistake_lines(evaluation: Evaluation) -> list[str]:
    """The classes that were most often taken for others, in a line."""
    if not evaluation.mistakes:
        return []
    counts = np.array(evaluation.mistakes)
    wrong = counts - np.diag(np.diag(counts))
    worst = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES_SHOWN]
    found = [(*divmod(int(place), len(counts)), int(wrong.flat[place])) for place in worst]
    told = [f"{true} for {said} ({number})" for true, said, number in found if number]
    share = 100 * wrong.sum() / max(1, counts.sum())
    line = f"objects mistaken, where the length was right: {share:.2f} %"
    return [f"{line}, most often {', '.join(told)}" if told else line]


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
