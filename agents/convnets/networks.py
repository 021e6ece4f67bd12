"""Networks that see the whole image at once: the papers' baselines, and one of today.

Shapes: B images, C channels, H x W pixels, F features, L = max_labels, K = num_classes.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from agents.convnets.config import ConvNetConfig
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.task import Task


class Scores(NamedTuple):
    """What a network says of a batch: unnormalized log-probabilities."""

    labels: Tensor  # (B, L, K), of the label at each place
    lengths: Tensor | None  # (B, L + 1), of 0 .. L labels; None where there is always just one


class LabelHead(nn.Module):
    """One softmax for the length and one for each place (Goodfellow et al. 2013, section 4).

    All are conditionally independent given the features. A single-label task has one place and
    no length: an ordinary softmax.

    Goodfellow's length has one value more, "more than 5"; no image of ours has more than L labels.

    Args:
        features: F.
        task: Gives K, L and whether the length is to be read.
    """

    def __init__(self, features: int, task: Task) -> None:
        """Build one linear layer for all softmaxes."""
        super().__init__()
        self.places, self.classes = task.max_labels, task.num_classes
        self.lengths = task.max_labels + 1 if task.has_end else 0
        self.linear = nn.Linear(features, self.lengths + self.places * self.classes)

    def forward(self, features: Tensor) -> Scores:
        """Features (B, F) to scores."""
        lengths, labels = self.linear(features).split(
            (self.lengths, self.places * self.classes), dim=1
        )
        return Scores(labels.view(-1, self.places, self.classes), lengths if self.lengths else None)


def sequence_loss(scores: Scores, labels: Tensor) -> Tensor:
    """-log P(length) - sum over the places that are there of log P(label), a mean over images.

    Args:
        scores: Of B images.
        labels: int64 (B, L), padded with -1: places after the last label teach nothing.
    """
    loss = nn.functional.cross_entropy(
        scores.labels.flatten(0, 1), labels.flatten(), ignore_index=-1, reduction="sum"
    )
    if scores.lengths is not None:
        length = (labels >= 0).sum(1)
        loss = loss + nn.functional.cross_entropy(scores.lengths, length, reduction="sum")
    return loss / len(labels)


def most_likely(scores: Scores) -> Tensor:
    """The most probable sequence of any length, int64 (B, L), padded with -1.

    Goodfellow et al. 2013, section 4: the maximum over n of log P(length = n) + sum_{i <= n}
    max_k log P(label_i = k), found for all n at once by a running sum.
    """
    best, labels = scores.labels.log_softmax(2).max(2)
    if scores.lengths is None:
        return labels
    read = nn.functional.pad(best.cumsum(1), (1, 0))  # (B, L + 1), of the first n labels
    length = (scores.lengths.log_softmax(1) + read).argmax(1, keepdim=True)
    place = torch.arange(labels.shape[1], device=labels.device)
    return torch.where(place < length, labels, -1)


class ConvNet(nn.Module):
    """A network from images to label scores.

    Args:
        config: Says which network, and how wide.
        task: Gives the shape of the images and the labels.

    Raises:
        InvalidArgument: A convolution that does not fit into images of this size.
    """

    def __init__(self, config: ConvNetConfig, task: Task) -> None:
        super().__init__()
        self.standardize = config.standardize
        build = _plain if config.network == "plain" else _residual
        layers, features = build(config, task.image_shape)
        self.body = nn.Sequential(*layers)
        self.head = LabelHead(features, task)

    def forward(self, images: Tensor) -> Scores:
        """Images uint8 (B, C, H, W) to scores."""
        pixels = images.to(self.head.linear.weight.dtype) / 255
        if self.standardize:
            pixels = nn.functional.layer_norm(pixels, pixels.shape[1:], eps=1e-3)
        # The convolutions of a CPU are 1.4 times as fast when channels come last in memory.
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        scores: Scores = self.head(self.body(pixels))
        return scores


def _plain(config: ConvNetConfig, image_shape: tuple[int, int, int]) -> tuple[list[nn.Module], int]:
    """Convolutions, 2x2 maximum pooling and fully connected layers, all with rectifier units.

    Pooling keeps an odd last row and column.
    """
    channels, *sides = image_shape
    layers: list[nn.Module] = []
    for number, width in enumerate(config.scaled(config.convolutions), start=1):
        kernel = config.kernels[number - 1]
        padding = kernel // 2 if config.stride == 1 else 0
        if kernel > min(sides) + 2 * padding:
            raise InvalidArgument(
                f"kernels={config.kernels}: layer {number} does not fit into {sides[0]}x{sides[1]}"
            )
        layers += [_start(nn.Conv2d(channels, width, kernel, config.stride, padding)), nn.ReLU()]
        sides = [(side + 2 * padding - kernel) // config.stride + 1 for side in sides]
        if number in config.pool_after:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
            sides = [math.ceil(side / 2) for side in sides]
        channels = width
    layers.append(nn.Flatten())
    features = channels * math.prod(sides)
    for units in config.scaled(config.hidden):
        layers += [nn.Dropout(config.dropout), _start(nn.Linear(features, units)), nn.ReLU()]
        features = units
    return [*layers, nn.Dropout(config.dropout)], features


def _residual(
    config: ConvNetConfig, image_shape: tuple[int, int, int]
) -> tuple[list[nn.Module], int]:
    """A stem that halves the image, then stages of residual blocks, each but the first halving.

    After He et al. 2015 ("Deep residual learning", section 4.2), and average pooling at the end.
    """
    widths = config.scaled(config.convolutions)
    layers: list[nn.Module] = [*_convolution(image_shape[0], widths[0], stride=2), nn.ReLU()]
    before = widths[0]
    for stage, width in enumerate(widths):
        for block in range(config.blocks):
            layers.append(ResidualBlock(before, width, stride=2 if stage and not block else 1))
            before = width
    layers += [nn.AdaptiveAvgPool2d(config.pooled), nn.Flatten(), nn.Dropout(config.dropout)]
    return layers, before * config.pooled**2


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around which the input goes past.

    Where the map is halved, the input is averaged over 2x2 cells before its 1x1 convolution (He et
    al. 2019, "Bag of tricks for image classification", ResNet-D). A 1x1 convolution with a stride
    would leave out three cells of four. On a CPU its backward pass also writes outside its memory
    when channels come last and are fewer than 16 (oneDNN 3.12, issue 6035; torch 2.13).

    Args:
        before: Channels of the input.
        width: Channels of the output.
        stride: 2 to halve the map.
    """

    def __init__(self, before: int, width: int, stride: int) -> None:
        """Build both ways; the straight one is averaged and convolved where shapes change."""
        super().__init__()
        self.residual = nn.Sequential(
            *_convolution(before, width, stride), nn.ReLU(), *_convolution(width, width)
        )
        self.straight = nn.Sequential()
        if stride > 1:
            self.straight.append(nn.AvgPool2d(stride, ceil_mode=True))
        if stride > 1 or before != width:
            self.straight.extend(_convolution(before, width, kernel=1))
        nn.init.zeros_(self.residual[-1].weight)  # type: ignore[arg-type]  # begins as no block

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, H, W) to (B, width, H / stride, W / stride), rounded up."""
        return torch.relu(self.straight(maps) + self.residual(maps))


def _convolution(
    before: int, width: int, stride: int = 1, kernel: int = 3
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    convolution = nn.Conv2d(before, width, kernel, stride, kernel // 2, bias=False)
    return _start(convolution), nn.BatchNorm2d(width)


Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def _start(layer: Layer) -> Layer:
    """Weights for rectifier units (He et al. 2015), which keep a signal alive through ten layers.

    The papers do not say how they began.
    """
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
