"""What it costs to read an image, or to learn from one.

Counted by PyTorch as it computes: two floating point operations for each multiply-add of matrix
products and convolutions. Activations, normalizations, pooling and the environments' own glimpse
averages are not counted, for agents as little as for whole-image networks.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Shape = Sequence[int]


def _products(inputs: Shape, weights: Sequence[Shape]) -> int:
    """Of T x B inputs (T, B, I) with weight matrices (rows, columns); biases are no product."""
    return 2 * inputs[0] * inputs[1] * sum(math.prod(shape) for shape in weights if len(shape) == 2)


def _lstm_on_a_cpu(inputs: Shape, *weights: Any, **_: Any) -> int:
    return _products(inputs, weights[:4])


def _lstm_on_a_gpu(inputs: Shape, weights: Sequence[Shape], *_: Any, **__: Any) -> int:
    return _products(inputs, weights)


def _twice(forward: Callable[..., int]) -> Callable[..., int]:
    """For every product forward, backward has one for the inputs and one for the weights."""
    return lambda *shapes, **keywords: 2 * forward(*shapes, **keywords)


# PyTorch has no formulas for the fused recurrent layers and would count 0.
_FORMULAS: dict[Any, Callable[..., int]] = {
    torch.ops.aten.mkldnn_rnn_layer: _lstm_on_a_cpu,
    torch.ops.aten.mkldnn_rnn_layer_backward: _twice(_lstm_on_a_cpu),
    torch.ops.aten._cudnn_rnn: _lstm_on_a_gpu,
    torch.ops.aten._cudnn_rnn_backward: _twice(_lstm_on_a_gpu),
}


def counting() -> FlopCounterMode:
    """A context that counts; ask it for `get_total_flops()`."""
    return FlopCounterMode(display=False, custom_mapping=_FORMULAS)


def flops_of_networks(counter: FlopCounterMode) -> int:
    """What was computed inside modules; an environment on torch multiplies matrices, too."""
    by_module = counter.get_flop_counts()
    roots = [name for name in by_module if "." not in name and name != "Global"]
    return sum(sum(by_module[name].values()) for name in roots)


@contextlib.contextmanager
def counting_glimpses(networks: Sequence[nn.Module]) -> Iterator[list[int]]:
    """Inside, the glimpses that go through the networks are counted, in the one number given.

    Args:
        networks: Who reads; modules with a true `takes_glimpses` are given one glimpse a row.
    """
    count = [0]

    def add(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        count[0] += len(inputs[0])

    boxes = {box for network in networks for box in network.modules()}
    eyes = [box for box in boxes if getattr(box, "takes_glimpses", False)]
    handles = [eye.register_forward_pre_hook(add) for eye in eyes]
    try:
        yield count
    finally:
        for handle in handles:
            handle.remove()


def parameters_of(module: nn.Module) -> int:
    """Numbers that are learned."""
    return sum(parameter.numel() for parameter in module.parameters())
