"""Can a small network tell two sets of images apart? A two-sample test by classification.

After Lopez-Paz and Oquab 2017 ("Revisiting classifier two-sample tests"): a network learns on one
half of each set to say which set an image is from; its accuracy on the other half is 50 % where
the sets have one distribution, and says how far apart they are where they have not.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

EPOCHS, BATCH, LEARNING_RATE = 12, 64, 2e-3


def two_sample_accuracy(
    first: NDArray[np.uint8], second: NDArray[np.uint8], seed: int = 0
) -> float:
    """Train on half of each set; accuracy on the other halves, per cent.

    Args:
        first: (M, H, W), grey images of one source.
        second: (M, H, W), as many of another.
        seed: Of the halves, the network and the order of training.
    """
    rng = np.random.default_rng(seed)
    number = len(first)
    images = torch.from_numpy(np.concatenate([first, second])[:, None])
    labels = torch.arange(2).repeat_interleave(number)
    order = rng.permutation(number)
    halves = [
        torch.from_numpy(np.concatenate([half, half + number]))
        for half in (order[: number // 2], order[number // 2 :])
    ]
    torch.manual_seed(seed)
    network = _network()
    _train(network, images[halves[0]], labels[halves[0]], rng)
    network.eval()
    with torch.no_grad():
        said = network(_pixels(images[halves[1]])).argmax(1)
    return 100 * float((said == labels[halves[1]]).double().mean())


def _network() -> nn.Module:
    layers: list[nn.Module] = []
    for before, width in ((1, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2))


def _pixels(images: Tensor) -> Tensor:
    return images.float() / 255


def _train(network: nn.Module, images: Tensor, labels: Tensor, rng: np.random.Generator) -> None:
    steps = EPOCHS * (len(images) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.from_numpy(rng.permutation(len(images)))
        for first in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[first : first + BATCH]
            pixels = _pixels(images[batch])
            loss = nn.functional.cross_entropy(network(pixels), labels[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
