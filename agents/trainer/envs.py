"""From a configuration to its environments, and what an agent must know of them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar, cast

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec, load_env_creator
from torch import Tensor, nn

from agents.runs.config import RunConfig
from glimpse_env.backend.memory import free_memory
from glimpse_env.envs.catch.env import CatchVectorEnv
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.own_images.folder import ImageFolderTask
from glimpse_env.tasks.task import Task

NetworkT = TypeVar("NetworkT", bound=nn.Module)
IndexArray = np.ndarray[Any, np.dtype[np.int64]]
PixelArray = np.ndarray[Any, np.dtype[np.uint8]]
Shape = tuple[int, int, int]


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
        InvalidArgument: A held-out split, or its label file, is not what it must be.
        MissingData: A picture that the label file names is not there.
        CorruptedData: A file is no picture.
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
    """Environments that play whole episodes in step, on the device where the agent is.

    Args:
        config: Names the environment.
        split: "train", "validation" or "test".
        num_envs: B.
        device: Torch device; on "cpu" they are NumPy's.
        render_mode: None or "rgb_array".
        stop_on_mistake: Whether a wrong label ends a sequence.

    Raises:
        InvalidArgument: There is no such environment, or it does not take these keywords.
    """
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
    """What is registered under the id; of `module:id` the module must be imported already.

    Configurations come from files, too, and no file may run code: see `import_module_of`.

    Raises:
        InvalidArgument: Nothing is.
    """
    module, _, env_id = config.env_id.rpartition(":")
    if module and module not in sys.modules:
        raise InvalidArgument(
            f"env_id={config.env_id!r} is of a module that nobody has imported, and the file of a "
            f"run imports none. If you trust it, add --env-id {config.env_id} on the command line, "
            f"or write `import {module}` before"
        )
    try:
        return gym.spec(env_id)
    except gym.error.Error as error:
        raise _not_registered(config.env_id, error) from error


def import_module_of(env_id: str | None) -> None:
    """Import the module of a `module:id` that the user has named on the command line, as gym.make.

    Args:
        env_id: What was named, or None.

    Raises:
        InvalidArgument: There is no such module.
    """
    module = (env_id or "").rpartition(":")[0]
    if not module:
        return
    try:
        if not all(part.isidentifier() for part in module.split(".")):
            raise ImportError(f"{module!r} is no name of a module")
        importlib.import_module(module)
    except ImportError as error:
        raise _not_registered(env_id, error) from error


def _not_registered(env_id: str | None, error: Exception) -> InvalidArgument:
    return InvalidArgument(
        f"env_id={env_id!r} is not registered: {error}. Ids of this package are in "
        "envs_registry.py; one of your own is MODULE:ID, if it is MODULE that registers it"
    )


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
    """Environments with images and labels to read, which play whole episodes in step.

    Args:
        config: Names the environment.
        split: "train", "validation" or "test".
        num_envs: B.
        device: Torch device; on "cpu" they are NumPy's.
        stop_on_mistake: Whether a wrong label ends a sequence.

    Raises:
        InvalidArgument: There is no such environment, or it is a game.
    """
    envs = make_envs(config, split, num_envs, device, stop_on_mistake=stop_on_mistake)
    if not isinstance(envs, GlimpseVectorEnv):
        raise InvalidArgument(f"env_id={config.env_id!r} has no labels to read")
    return envs


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


def make_networks(config: RunConfig, make: Callable[[], NetworkT]) -> NetworkT:
    """Make networks, if there is room for them.

    Args:
        config: Whose sizes an error names.
        make: Makes them; called twice, first without memory for their weights.

    Raises:
        InvalidArgument: There is no room for them.
    """
    try:
        with torch.device("meta"):
            weights = list(make().parameters())
        room = free_memory(None)
        needed = sum(weight.numel() * weight.element_size() for weight in weights)
        if room is not None and needed > room:
            raise MemoryError(f"{needed / 1e9:.3g} GB of weights, and {room / 1e9:.3g} GB are free")
        return make()
    except (RuntimeError, MemoryError) as error:
        names = ("features", "units", "convolutions", "classifier_hidden", "hidden", "width_factor")
        sizes = [f"{name}={getattr(config, name)}" for name in names if hasattr(config, name)]
        raise InvalidArgument(
            f"networks of these sizes cannot be made here, make them smaller: {', '.join(sizes)} "
            f"({str(error).splitlines()[0]})"
        ) from error


def set_precision(name: str) -> None:
    """Set what the process computes float32 products in: "highest", "high" or "medium"."""
    torch.set_float32_matmul_precision(name)
    # Convolutions and recurrent layers on a GPU, which are TensorFloat-32 unless told otherwise.
    torch.backends.cudnn.allow_tf32 = name != "highest"


def usable_device(device: str) -> str:
    """A GPU for "auto" where there is one; refuses a device that computes nothing.

    Raises:
        InvalidArgument: It cannot.
    """
    if not isinstance(device, str):
        raise InvalidArgument(f"device={device!r} must be a string such as 'cpu' or 'cuda'")
    picked = pick_device(device)
    try:
        torch.zeros(1, device=picked).tolist()
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidArgument(f"device={device!r} cannot be used here: {reason}") from error
    return picked


def pick_device(device: str) -> str:
    """A GPU where there is one, unless told otherwise."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"
