"""From a configuration to environments and an agent that fit each other."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch

import glimpse_env  # noqa: F401  (registers the environment ids)
from agents.dram.config import Config
from agents.dram.model.agent import AdaptiveAgent, GlimpseAgent
from agents.dram.model.gazes import EmissionNetwork, make_gazes
from agents.runs.saved import fitting, load_run
from agents.trainer.envs import Shape, Sizes, make_networks, sizes_of, usable_device
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv


def make_agent(config: Config, envs: GazeVectorEnv) -> GlimpseAgent:
    """A fresh agent for these environments, on their device."""
    sizes = sizes_of(envs)
    return make_networks(config, lambda: build_agent(config, sizes)).to(envs.device)


def build_agent(config: Config, sizes: Sizes) -> GlimpseAgent:
    """A fresh agent for environments of these sizes."""
    gazes = make_gazes(config, sizes.gaze)
    return (AdaptiveAgent if sizes.agent_decides else GlimpseAgent)(
        glimpse_shape=sizes.glimpse,
        context_shape=sizes.context if config.layers == 2 else None,
        labels=sizes.choices - sizes.agent_decides,
        layers=config.layers,
        features=config.features,
        units=config.units,
        cell=config.cell,
        convolutions=config.convolutions,
        pool_after=config.pool_after,
        standardize=config.standardize,
        classifier_hidden=config.classifier_hidden,
        dropout=config.dropout,
        gazes=gazes,
        unit=gazes.unit(sizes.image),
        precision=config.precision,
    )


def fit_gazes(agent: GlimpseAgent, image: Shape) -> None:
    """From here on, let the agent's gazes mean what they should in images (C, H, W)."""
    for box in agent.modules():
        if isinstance(box, EmissionNetwork):
            box.unit = agent.gazes.unit(image).to(box.unit.device)


class Loaded(NamedTuple):
    """The agent of a run."""

    agent: GlimpseAgent
    config: Config
    sizes: Sizes  # what it was made for
    images: int  # that it has learned from


def load_agent(run: str | Path, device: str = "cpu") -> tuple[GlimpseAgent, Config]:
    """The agent of a run, in evaluation mode, without dropout, and its configuration.

    Args:
        run: The run's folder, or `pretrained:NAME` for an agent that comes with the repository.
        device: Torch device.

    Raises:
        MissingData: The folder has no checkpoint, or there is no such agent.
        CorruptedData: The checkpoint is damaged.
        InvalidArgument: It is that of another trainer, or of another version of this code.
    """
    return load(run, device)[:2]


def load(run: str | Path, device: str = "cpu") -> Loaded:
    """The agent of a run folder, in evaluation mode, without dropout, and what is known of it.

    Args:
        run: The folder, or `pretrained:NAME` for an agent that comes with the repository.
        device: Torch device.

    Raises:
        MissingData: The folder has no checkpoint, or there is no such agent.
        CorruptedData: The checkpoint is damaged.
        InvalidArgument: It is that of another trainer, or of another version of this code.
    """
    device = usable_device(device)
    state, config = load_run(run, Config)
    with fitting(run):
        sizes = Sizes(**state["sizes"])
        with torch.device("meta"):  # what does not fit is found before memory is taken for it
            build_agent(config, sizes).load_state_dict(state["agent"], assign=True)
        agent = build_agent(config, sizes)
        agent.load_state_dict(state["agent"])
    images = state["updates"] * config.num_envs
    return Loaded(agent.to(device).eval(), config, sizes, images)
