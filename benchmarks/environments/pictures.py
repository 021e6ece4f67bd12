"""The animated picture of each environment's page: `python benchmarks/environments/pictures.py`.

Gazes and labels follow a script that knows where things are, so that a picture shows what an
environment is, and not what some agent has learned. No picture needs a data set.
"""

from __future__ import annotations

import dataclasses
import io
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import numpy as np
import tyro
from numpy.typing import NDArray
from PIL import Image

from agents.runs.files import write_atomically
from agents.runs.provenance import ROOT
from agents.trainer.commands import run_command
from benchmarks.environments.stand_ins import DIGIT, SHAPES, stand_in
from envs_registry import TABLE
from glimpse_env.frames.drawing import Frame, shrink, tile
from glimpse_env.tasks.house_numbers.render import photograph

FOLDER = ROOT / "docs" / "environments"
DRAWN = tuple(name for name in TABLE if "SVHN" not in name)  # it has that of rendered numbers
WIDTH = 900  # pixels
PACE = 600  # milliseconds a step; the last one stays four times as long
FAST = 200  # in games, which have more steps
RADIUS = 5.0  # pixels, of the circle on which the later glimpses of a thing lie
EXAMPLES = (3, 15, 28)  # images, or games
LONGEST = 5  # digits of a house number

Places = NDArray[np.float64]  # (n, 2), pixels x and y


def looked_at(env_id: str, envs: Any, index: int) -> Places:
    """The middles of what is to be read in an image, in turn."""
    if env_id == "Glimpse-v0":
        return np.array([SHAPES[index]], float)
    if "MNIST" in env_id:
        middles = np.stack(envs.task.corners(np.array([index])), -1)[0] + DIGIT / 2
        labels = envs.task.labels(np.array([index]))[0] >= 0
        return np.asarray(middles[: labels.sum()] if envs.task.has_end else middles, float)
    boxes = photograph("test", index, envs.image_shape[-1], 1, LONGEST)[1].boxes()
    return np.asarray(boxes[:, :2] + boxes[:, 2:] / 2, float)


def script(places: Places, steps: int, *, has_end: bool) -> Places:
    """Where an image is looked at in so many steps: at each place first, and then around it.

    Where there is an end to be said, the last glimpses look for one thing more.
    """
    if has_end:
        stride = places[-1] - places[-2] if len(places) > 1 else np.array([DIGIT / 2, 0])
        places = np.vstack([places, places[-1] + stride])
    share = max(1, steps // len(places))
    step = np.arange(steps)
    turn = 2 * math.pi * (step % share) / share
    around = RADIUS * np.stack([np.cos(turn), np.sin(turn)], 1) * (turn > 0)[:, None]
    return np.asarray(places[np.minimum(step // share, len(places) - 1)] + around, float)


def read(env_id: str, envs: Any, index: Sequence[int]) -> list[Frame]:
    """Frames of episodes in which the right labels are said."""
    _, info = envs.reset(seed=4, options={"index": np.array(index)})
    has_end, side = envs.task.has_end, np.array(envs.image_shape[:0:-1], float)
    gazes = []
    for row, labels in zip(index, info["labels"], strict=True):
        said = int((labels >= 0).sum()) + int(has_end)
        steps = envs.rules.glimpses_per_label * said - int(envs.sees_at_reset)
        pixels = script(looked_at(env_id, envs, row), steps, has_end=has_end)
        gazes.append(np.clip(2 * pixels / side - 1, -1, 1))
    frames, over = [framed(envs)], np.zeros(len(index), bool)
    while not over.all():
        gaze = [path[min(len(frames) - 1, len(path) - 1)] for path in gazes]
        label = np.where(info["target"] < 0, envs.num_choices - 1, info["target"])
        *_, over, _, info = envs.step({"gaze": np.stack(gaze), "label": label})
        frames.append(framed(envs))
    return frames


def catch(envs: Any, index: Sequence[int]) -> list[Frame]:
    """Frames of games in which the eye follows the ball, and the paddle runs after it."""
    _, info = envs.reset(seed=4, options={"index": np.array(index)})
    frames, over = [framed(envs)], np.zeros(len(index), bool)
    while not over.all():
        gaze = 2 * (info["ball"] + 0.5) / envs.image_shape[-1] - 1
        move = 1 + np.sign(info["ball"][:, 0] - info["paddle"])
        *_, over, _, info = envs.step({"gaze": gaze, "move": move})
        frames.append(framed(envs))
    return frames


def framed(envs: Any) -> Frame:
    """All rows side by side, as they are now."""
    return shrink(tile(list(envs.render()), columns=len(EXAMPLES)), math.inf, WIDTH)


def draw(env_id: str) -> list[Frame]:
    """The frames of an environment's picture."""
    settings = {"autoreset_mode": "disabled", "render_mode": "rgb_array", "split": "test"}
    envs = stand_in(env_id, len(EXAMPLES), **settings)
    if envs.choice == "move":
        return catch(envs, EXAMPLES)
    return read(env_id, envs, range(len(SHAPES)) if env_id == "Glimpse-v0" else EXAMPLES)


def write_webp(path: Path, frames: Sequence[Frame], milliseconds: int) -> None:
    """Write an animation that repeats and rests on its last frame."""
    pictures = [Image.fromarray(frame) for frame in frames]
    durations = [milliseconds] * (len(pictures) - 1) + [4 * milliseconds]
    content = io.BytesIO()
    settings: dict[str, Any] = {"append_images": pictures[1:], "duration": durations, "loop": 0}
    pictures[0].save(content, "WEBP", save_all=True, quality=60, method=6, **settings)
    write_atomically(path, content.getvalue())


@dataclasses.dataclass
class Arguments:
    """Draw the animated pictures of the environments' pages."""

    ids: tyro.conf.Positional[tuple[str, ...]] = DRAWN
    """Environments."""
    folder: Path = FOLDER
    """Where to."""


def main(arguments: Arguments) -> None:
    """Draw, write, and say how large each is."""
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for env_id in arguments.ids:
        path = arguments.folder / f"{env_id}.webp"
        write_webp(path, draw(env_id), FAST if "Catch" in env_id else PACE)
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
