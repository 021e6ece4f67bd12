"""From a configuration to environments and an agent that fit each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

import gymnasium as gym
import torch
from gymnasium import spaces
from gymnasium.envs.registration import load_env_creator

import glimpse_env  # noqa: F401  (registers the environment ids)
from agents.adaptive_agent import AdaptiveAgent
from agents.agent import GlimpseAgent
from agents.config import Config
from agents.saved_run import fitting, load_run
from glimpse_env.catch_vector_env import CatchVectorEnv
from glimpse_env.errors import InvalidArgument
from glimpse_env.gaze_vector_env import GazeVectorEnv
from glimpse_env.vector_env import GlimpseVectorEnv


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
    try:
        envs = gym.make_vec(config.env_id, num_envs=num_envs, **options)
    except TypeError as error:
        raise InvalidArgument(f"env_id={config.env_id!r}: {error}") from error
    if not isinstance(envs, GazeVectorEnv):
        raise InvalidArgument(f"env_id={config.env_id!r} is not a glimpse environment")
    return envs


def is_game(config: TaskConfig) -> bool:
    """Whether the environment is played by moves, and has no labels."""
    entry = gym.spec(config.env_id).vector_entry_point
    kind = load_env_creator(entry) if isinstance(entry, str) else entry
    return isinstance(kind, type) and issubclass(kind, CatchVectorEnv)


def paces_itself(config: TaskConfig) -> bool:
    """Whether the agent decides how often it looks before it speaks."""
    options = {**(gym.spec(config.env_id).kwargs or {}), **config.env_options()}
    return options.get("glimpses_per_label") == 0


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


def make_agent(config: Config, envs: GazeVectorEnv) -> GlimpseAgent:
    """A fresh agent for these environments, on their device; sets the run's matmul precision."""
    torch.set_float32_matmul_precision(config.matmul_precision)
    # Of convolutions and recurrent layers on a GPU, which are TensorFloat-32 unless told otherwise.
    torch.backends.cudnn.allow_tf32 = config.matmul_precision != "highest"
    shown = cast(spaces.Dict, envs.single_observation_space)
    context = shown.spaces.get("context") if config.layers == 2 else None
    glimpse_shape = cast("tuple[int, int, int]", shown["glimpse"].shape)
    decides = isinstance(envs, GlimpseVectorEnv) and envs.rules.agent_decides
    agent = (AdaptiveAgent if decides else GlimpseAgent)(
        glimpse_shape=glimpse_shape,
        context_shape=context.shape if context else None,  # type: ignore[arg-type]
        labels=envs.num_choices - decides,
        layers=config.layers,
        features=config.features,
        units=config.units,
        cell=config.cell,
        convolutions=config.convolutions,
        standardize=config.standardize,
        classifier_hidden=config.classifier_hidden,
        dropout=config.dropout,
        unit=config.unit_pixels / half_width(envs) if config.unit_pixels else 1.0,
        precision=config.precision,
    )
    return agent.to(envs.device)


def half_width(envs: GazeVectorEnv) -> float:
    """Pixels in a unit of the gaze."""
    return envs.image_shape[2] / 2


def pick_device(device: str) -> str:
    """A GPU where there is one, unless told otherwise."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_agent(
    run: Path, device: str = "cpu", split: str = "validation"
) -> tuple[GlimpseAgent, Config]:
    """The agent of a run folder and its configuration.

    Args:
        run: The folder.
        device: Torch device.
        split: Whose images decide the sizes of the networks; one whose data are there.

    Raises:
        MissingData: The folder has no checkpoint.
        CorruptedData: The checkpoint is damaged.
        InvalidArgument: It is that of another trainer, or of another version of this code.
    """
    state, config = load_run(run, Config)
    agent = make_agent(config, make_envs(config, split, 1, device))
    with fitting(run):
        agent.load_state_dict(state["agent"])
    return agent, config
