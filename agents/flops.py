"""What it costs to read an image: `python agents/flops.py RUN` for an agent of train_dram.py.

Counted by PyTorch as it computes: two floating point operations for each multiply-add of matrix
products and convolutions. Activations, normalizations, pooling and the environments' own glimpse
averages are not counted, for agents as little as for whole-image networks.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import torch
import tyro
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from agents.agent import GlimpseAgent
from agents.build import make_envs
from agents.config import Config
from agents.evaluate import load_agent, pick_device
from agents.rollout import collect, mean_gaze
from agents.run_folder import write_json
from glimpse_env.arguments import require_at_least
from glimpse_env.errors import GlimpseError

Shape = Sequence[int]


def _products(inputs: Shape, weights: Sequence[Shape]) -> int:
    """Of T x B inputs (T, B, I) with weight matrices (rows, columns); biases are no product."""
    return 2 * inputs[0] * inputs[1] * sum(math.prod(shape) for shape in weights if len(shape) == 2)


def _lstm_on_a_cpu(inputs: Shape, *weights: Any, **_: Any) -> int:
    return _products(inputs, weights[:4])


def _lstm_on_a_gpu(inputs: Shape, weights: Sequence[Shape], *_: Any, **__: Any) -> int:
    return _products(inputs, weights)


# PyTorch has no formulas for the fused recurrent layers and would count 0.
_FORMULAS: dict[Any, Callable[..., int]] = {
    torch.ops.aten.mkldnn_rnn_layer: _lstm_on_a_cpu,
    torch.ops.aten._cudnn_rnn: _lstm_on_a_gpu,
}


def counting() -> FlopCounterMode:
    """A context that counts; ask it for `get_total_flops()`."""
    return FlopCounterMode(display=False, custom_mapping=_FORMULAS)


def parameters_of(module: nn.Module) -> int:
    """Numbers that are learned."""
    return sum(parameter.numel() for parameter in module.parameters())


def flops_of_network(network: nn.Module, image: Tensor) -> int:
    """Operations for one image of a network whose cost is the same for all.

    Args:
        network: Left in the mode that it is in.
        image: (C, H, W).
    """
    training = network.training
    with torch.no_grad(), counting() as counter:
        network.eval()(image[None])
    network.train(training)
    return int(counter.get_total_flops())


def flops_of_agent(
    agent: GlimpseAgent, config: Config, split: str, images: int = 0, num_envs: int = 1000
) -> float:
    """Operations for an image, on average over a split, of an agent that looks at the mean gaze.

    Rows leave the batch when their episode ends, so numbers with few digits cost less; the
    context is read once an image. What the agent computes to no end, the baseline and a gaze
    after the last label, counts too.

    Args:
        agent: Who reads.
        config: Its configuration.
        split: "validation" or "test".
        images: Only so many of the first images; 0 for all.
        num_envs: Rows stepped together.
    """
    require_at_least("images", images, 0)
    device = next(agent.parameters()).device
    envs = make_envs(config, split, num_envs, str(device))
    number = min(images, envs.task.size) if images else envs.task.size
    total = 0
    agent.eval()
    for first in range(0, number, num_envs):
        if number - first < num_envs:
            envs = make_envs(config, split, number - first, str(device))
        index = np.arange(first, min(first + num_envs, number))
        with torch.no_grad(), counting() as counter:
            collect(agent, envs, index, mean_gaze, seed=first)
        total += counter.get_total_flops()
    agent.train()
    return total / number


@dataclasses.dataclass
class Arguments:
    """Count what a trained agent computes for an image, on average over a split."""

    run: tyro.conf.Positional[Path]
    """Folder of the training run."""
    split: Literal["test", "validation"] = "validation"
    """Images to read."""
    images: int = 0
    """Only so many of the first images; 0 for all."""
    device: str = "auto"
    """Torch device; auto takes a GPU where there is one."""


def main(arguments: Arguments) -> None:
    """Count, print, and keep the result beside the checkpoint."""
    agent, config = load_agent(arguments.run, pick_device(arguments.device))
    parameters = parameters_of(agent)
    flops = flops_of_agent(agent, config, arguments.split, arguments.images)
    print(describe_cost(parameters, flops))
    result = {"split": arguments.split, "parameters": parameters, "flops_per_image": flops}
    write_json(arguments.run / "flops.json", result)


def describe_cost(parameters: int, flops: float) -> str:
    """One line for people."""
    return f"{parameters:,} parameters, {flops / 2e6:.2f} million multiply-adds an image"


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments))
    except GlimpseError as error:
        sys.exit(f"error: {error}")
