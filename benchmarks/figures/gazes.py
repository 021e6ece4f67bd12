"""What an agent looks at, as the papers show it: a row an image, a column a glimpse."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from agents.dram.model.agent import GlimpseAgent
from agents.dram.readers.agent_reader import tested_policy
from agents.dram.readers.reading import read_off
from agents.dram.rollouts.play import play
from agents.evaluation.reader import testing
from agents.trainer.envs import IndexArray
from glimpse_env.envs.reading.env import GlimpseVectorEnv

RIGHT, WRONG, PATH = "#1f8f3f", "#d1372c", "#4be04b"
OUTLINE = [withStroke(linewidth=3, foreground="black")]


class Look(NamedTuple):
    """One glimpse."""

    shown: NDArray[np.float32]  # (K, C, g, g) in [0, 1], finest scale first
    middle: tuple[float, float]  # x and y of the finest scale's middle, pixels of the image


class Example(NamedTuple):
    """An image as an agent has read it."""

    image: NDArray[np.uint8]  # (C, H, W)
    looks: list[Look]
    said: list[tuple[str, bool]]  # labels, and whether each was right


def watch(agent: GlimpseAgent, envs: GlimpseVectorEnv, index: IndexArray) -> list[Example]:
    """Let an agent read images at its likeliest gazes, and keep what it sees.

    Args:
        agent: Who reads, on a CPU.
        envs: As many environments as images, with a fixed pace and a NumPy backend, in which
            episodes go on after a mistake.
        index: int64 (B,), which images.
    """
    looks: list[list[Look]] = [[] for _ in index]

    def keep() -> None:
        episodes = envs.episodes
        glimpse, seen = episodes.observe()["glimpse"], episodes.rows.seen
        finest = episodes.eye.squares(episodes.rows.gaze)[:, 0]
        for row, (left, top, side) in enumerate(finest.tolist()):
            if seen[row] > len(looks[row]):  # it has looked since
                shown = glimpse[row].reshape(-1, channels, *glimpse.shape[2:])
                looks[row].append(Look(shown, (left + side / 2, top + side / 2)))

    channels = envs.image_shape[0]
    with testing(agent):
        rollout = play(agent, envs, index, tested_policy(agent, envs, "policy"), watch=keep)
    images = np.asarray(envs.task.images(index), np.uint8)
    words = zip(read_off(rollout, 1).said.tolist(), envs.task.labels(index).tolist(), strict=True)
    end = envs.rules.num_classes
    said = [_judged(labels, right, end) for labels, right in words]
    return [Example(*example) for example in zip(images, looks, said, strict=True)]


def _judged(said: list[int], right: list[int], end: int) -> list[tuple[str, bool]]:
    """What was said, "end" for the end label, beside what should have been; -1 is neither."""
    due = [label for label in right if label >= 0] + [end] * (len(said) + 1)
    return [
        ("end" if label == end else str(label), label == wanted)
        for label, wanted in zip(said, due, strict=False)
        if label >= 0
    ]


def draw(examples: list[Example], glimpses_per_label: int) -> Figure:
    """Images with the path of the gaze, and beside each what its glimpses show.

    The middle of a glimpse is its finest scale; around it the coarser ones, as large as what they
    cover. Below the last glimpse before a label stands what was said, green where it was right.
    """
    columns = 1 + max(len(example.looks) for example in examples)
    size = (0.95 * columns, 1.1 * len(examples))
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    axes = figure.subplots(len(examples), columns, squeeze=False)
    for number, one in enumerate(axes[0]):
        one.set_title(f"glimpse {number}" if number else "image, gaze", fontsize=8)
    for line, example in zip(axes, examples, strict=True):
        for one in line:
            one.set_axis_off()
        _draw_path(line[0], example)
        for number, look in enumerate(example.looks):
            _show(line[1 + number], composed(look.shown))
            turn, last = divmod(number + 1, glimpses_per_label)
            if not last and turn <= len(example.said):
                word, right = example.said[turn - 1]
                colour = RIGHT if right else WRONG
                place = line[1 + number].transAxes
                text = {"color": colour, "fontsize": 9, "fontweight": "bold", "transform": place}
                line[1 + number].text(0.5, -0.04, word, ha="center", va="top", **text)
    return figure


def composed(shown: NDArray[np.float32]) -> NDArray[np.float32]:
    """One picture of a glimpse (K, C, g, g): every scale as large as what it covers."""
    scales, _, side, _ = shown.shape
    picture = _enlarged(shown[-1], scales - 1)
    for scale in reversed(range(scales - 1)):
        begin = (picture.shape[1] - side * 2**scale) // 2
        middle = slice(begin, begin + side * 2**scale)
        picture[:, middle, middle] = _enlarged(shown[scale], scale)
    return picture


def _enlarged(picture: NDArray[np.float32], doublings: int) -> NDArray[np.float32]:
    return picture.repeat(2**doublings, axis=1).repeat(2**doublings, axis=2)


def _draw_path(axes: Axes, example: Example) -> None:
    _show(axes, example.image / 255)
    x, y = (
        np.array([look.middle for look in example.looks]).T - 0.5
    )  # imshow's pixels begin at -1/2
    axes.plot(x, y, color=PATH, linewidth=1.4, path_effects=OUTLINE)
    axes.plot(x[:1], y[:1], "o", color=PATH, markersize=4, path_effects=OUTLINE)


def _show(axes: Axes, picture: NDArray[Any]) -> None:
    """A picture (C, H, W) in [0, 1], grey or colour."""
    axes.imshow(np.moveaxis(np.broadcast_to(picture, (3, *picture.shape[1:])), 0, -1))
