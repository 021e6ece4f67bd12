"""Arrays of the host on their way to a device."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple, Protocol, cast

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec, load_env_creator
from torch import Tensor

from agents.runs.config import RunConfig
from glimpse_env.envs.catch.env import CatchVectorEnv
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.own_images.folder import ImageFolderTask
from glimpse_env.tasks.task import Task


def send(array: IndexArray, device: str | torch.device) -> Tensor:
    """An array on the device; the host waits neither for the copy nor for what is computed there.

    Args:
        array: int64, of any shape.
        device: Torch device.
    """
    tensor = torch.from_numpy(array)
    if torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def for_task(envs: GazeVectorEnv, index: IndexArray) -> IndexArray | Tensor:
    """Numbers of images, int64 (B,), where the task of these environments takes them."""
    return index if envs.backend_name == "numpy" else send(index, envs.device)


def check_own_images(config: RunConfig, task: Task | None, device: str, *, test: bool) -> None:
    """Of a folder of images, say what is in it, and read what is held out before days of training.

    Args:
        config: The run.
        task: Its training images, from wherever; None in games.
        device: Torch device of the run.
        test: Whether the test split will be read.

    Raises:
        InvalidArgument, MissingData, CorruptedData: See ImageFolderTask.
    """
    if isinstance(task, ImageFolderTask):
        print(f"own images: {task.describe()}")
        for split in ("validation", "test") if test else ("validation",):
            make_envs(config, split, 1, device)


class TaskConfig(Protocol):
    """The part of a configuration that says which environment it is for."""

    @property
    def env_id(self) -> str:
        """Which environment."""

    def env_options(self) -> dict[str, Any]:
        """The keywords that the run gives the environment over its own defaults."""


def make_envs(
    config: TaskConfig,
    split: str,
    num_envs: int,
    device: str = "cpu",
    render_mode: str | None = None,
    stop_on_mistake: bool = True,
) -> GazeVectorEnv:
    """Environments that play whole episodes in step, on the device where the agent is."""
    options = config.env_options()
    if split != "train":
        options.pop("num_images", None)
    if device != "cpu":
        options |= {"backend": "torch", "device": device}
    options |= {"split": split, "autoreset_mode": "disabled", "render_mode": render_mode}
    if not stop_on_mistake:
        options |= {"stop_on_mistake": False}
    spec = spec_of(config)
    try:
        envs = gym.make_vec(spec, num_envs=num_envs, **options)
    except TypeError as error:
        raise InvalidArgument(f"env_id={config.env_id!r}: {error}") from error
    if not isinstance(envs, GazeVectorEnv):
        raise InvalidArgument(f"env_id={config.env_id!r} is not a glimpse environment")
    return envs


def spec_of(config: TaskConfig) -> EnvSpec:
    """What is registered under the id; of `module:id` the module is imported first, as by gym.make.

    Raises:
        InvalidArgument: Nothing is.
    """
    module, _, env_id = config.env_id.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
        return gym.spec(env_id)
    except (gym.error.Error, ImportError) as error:
        raise InvalidArgument(
            f"env_id={config.env_id!r} is not registered: {error}. Ids of this package are in "
            "envs_registry.py; one of your own is MODULE:ID, if it is MODULE that registers it"
        ) from error


def is_game(config: TaskConfig) -> bool:
    """Whether the environment is played by moves, and has no labels."""
    entry = spec_of(config).vector_entry_point
    kind = load_env_creator(entry) if isinstance(entry, str) else entry
    return isinstance(kind, type) and issubclass(kind, CatchVectorEnv)


def paces_itself(config: TaskConfig) -> bool:
    """Whether the agent decides how often it looks before it speaks."""
    return env_keywords(config).get("glimpses_per_label") == 0


def env_keywords(config: TaskConfig) -> dict[str, Any]:
    """The keywords that the run gives the environment, and those that come with its id."""
    return {**(spec_of(config).kwargs or {}), **config.env_options()}


def make_reading_envs(
    config: TaskConfig, split: str, num_envs: int, device: str = "cpu", stop_on_mistake: bool = True
) -> GlimpseVectorEnv:
    """The same, where there are images and labels to read: no games.

    Raises:
        InvalidArgument: The environment is a game.
    """
    envs = make_envs(config, split, num_envs, device, stop_on_mistake=stop_on_mistake)
    if not isinstance(envs, GlimpseVectorEnv):
        raise InvalidArgument(f"env_id={config.env_id!r} has no labels to read")
    return envs


Shape = tuple[int, int, int]


class Sizes(NamedTuple):
    """What an agent was made for; kept with it, so that loading one takes none of its images."""

    image: Shape  # (C, H, W)
    glimpse: Shape  # (K * C, g, g)
    context: Shape | None  # (C, c, c)
    choices: int  # labels, "end" and "keep looking" among them, or moves
    num_classes: int  # object classes; 0 in games
    max_labels: int  # L; 0 in games
    has_end: bool  # whether "end" is one of the labels
    gaze: int = 2  # coordinates of a gaze; x and y where a checkpoint does not say

    @property
    def agent_decides(self) -> bool:
        """Whether one more choice than there are labels means "keep looking"."""
        return 0 < self.num_classes + self.has_end < self.choices


def sizes_of(envs: GazeVectorEnv) -> Sizes:
    """What an agent for these environments is made for."""
    shown = cast(spaces.Dict, envs.single_observation_space).spaces
    rules = envs.rules if isinstance(envs, GlimpseVectorEnv) else None
    return Sizes(
        image=envs.image_shape,
        glimpse=cast(Shape, shown["glimpse"].shape),
        context=cast(Shape, shown["context"].shape) if "context" in shown else None,
        choices=int(envs.num_choices),
        num_classes=rules.num_classes if rules else 0,
        max_labels=rules.max_labels if rules else 0,
        has_end=rules.has_end if rules else False,
        gaze=gaze_size(envs),
    )


def gaze_size(envs: GazeVectorEnv) -> int:
    """How many coordinates a gaze has."""
    (size,) = cast(tuple[int], cast(spaces.Dict, envs.single_action_space)["gaze"].shape)
    return size


def set_precision(name: str) -> None:
    """Set what the process computes float32 products in: "highest", "high" or "medium"."""
    torch.set_float32_matmul_precision(name)
    # Convolutions and recurrent layers on a GPU, which are TensorFloat-32 unless told otherwise.
    torch.backends.cudnn.allow_tf32 = name != "highest"


def pick_device(device: str) -> str:
    """A GPU where there is one, unless told otherwise."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


IndexArray = np.ndarray[Any, np.dtype[np.int64]]


PixelArray = np.ndarray[Any, np.dtype[np.uint8]]
