"""RAM as public PyTorch code writes it, to hold our training speed against.

The model is RAM (Mnih et al. 2014) in the style of kevinzakka/recurrent-visual-attention on GitHub,
from which most later repositories descend, but written anew: modules for the paper's boxes, a data
loader that makes a picture a tensor at a time, and a retina that loops over the batch in Python to
cut out crops. Loader and loop can be had faster: images as one tensor in memory, crops cut with
Python integers.

Nothing else is slow on purpose. Sizes, losses and optimizer are those of the preset; there is no
progress bar, no gradient clipping and no logging. Options of the optimizer and the precision of
matrix products are PyTorch's defaults.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from agents.dram.config import Config
from glimpse_env.errors import InvalidArgument

Batches = Iterator[tuple[Tensor, Tensor]]  # images (B, 1, H, W) and labels (B,)


class Pictures(Dataset[tuple[Tensor, int]]):
    """MNIST as torchvision's `MNIST` with `ToTensor` and `Normalize` gives it, image by image.

    Args:
        images: uint8 (M, H, W).
        labels: int64 (M,).
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels
        self._mean, self._std = torch.tensor([0.1307]), torch.tensor([0.3081])

    def __len__(self) -> int:
        """M."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Image float (1, H, W) and label."""
        picture = Image.fromarray(self.images[index].numpy())
        pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))[:, :, None]
        image = pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255)
        normal = image.sub_(self._mean[:, None, None]).div_(self._std[:, None, None])
        return normal, int(self.labels[index])


def loaded(images: Tensor, labels: Tensor, batch: int, device: str) -> Batches:
    """Batches from PyTorch's data loader, in this process, epoch after epoch.

    Raises:
        InvalidArgument: Fewer images than a batch.
    """
    if len(images) < batch:
        raise InvalidArgument(f"a batch of {batch} needs as many images, not {len(images)}")
    loader = DataLoader(Pictures(images, labels), batch, shuffle=True, drop_last=True)
    while True:
        for pixels, targets in loader:
            yield pixels.to(device), targets.to(device)


def resident(images: Tensor, labels: Tensor, batch: int, device: str) -> Batches:
    """Batches of random images from one tensor."""
    pixels, targets = images[:, None].to(device).float() / 255, labels.to(device)
    while True:
        chosen = torch.randint(len(pixels), (batch,), device=device)
        yield pixels[chosen], targets[chosen]


class Retina:
    """Crops at several scales around a gaze.

    Args:
        size: Side of a glimpse.
        scales: Number of scales, each twice as wide as the one before and averaged to `size`.
        python_slices: Cut with Python integers, fetched from the tensor once a batch. Public code
            cuts with elements of the tensor, `start[i, 1]`, which costs more than the crop.
    """

    def __init__(self, size: int, scales: int, python_slices: bool) -> None:
        self.size, self.scales, self.python_slices = size, scales, python_slices

    def __call__(self, images: Tensor, gaze: Tensor) -> Tensor:
        """Images (B, 1, H, W) and gazes (B, 2) to (B, scales * size * size)."""
        scales = []
        for scale in range(self.scales):
            crops = self._crop(images, gaze, self.size * 2**scale)
            scales.append(functional.avg_pool2d(crops, 2**scale) if scale else crops)
        return torch.cat(scales, 1).flatten(1)

    def _crop(self, images: Tensor, gaze: Tensor, side: int) -> Tensor:
        start = (0.5 * (gaze.clamp(-1, 1) + 1) * images.shape[-1]).long()
        padded = functional.pad(images, (side // 2,) * 4)
        crops = []
        if self.python_slices:
            for row, (x, y) in enumerate(start.tolist()):
                crops.append(padded[row, :, y : y + side, x : x + side])
        else:
            end = start + side
            for row in range(len(images)):
                crops.append(
                    padded[row, :, start[row, 1] : end[row, 1], start[row, 0] : end[row, 0]]
                )
        return torch.stack(crops)


class PlainRAM(nn.Module):
    """The boxes of RAM, of the sizes of a preset with one recurrent layer.

    Args:
        config: The preset.
        retina: How glimpses are cut out.
        labels: Number of classes.
    """

    def __init__(self, config: Config, retina: Retina, labels: int) -> None:
        super().__init__()
        self.retina = retina
        features, hidden = config.features, config.features // 2
        self.what1 = nn.Linear(retina.scales * retina.size**2, hidden)
        self.what2 = nn.Linear(hidden, features)
        self.where1 = nn.Linear(2, hidden)
        self.where2 = nn.Linear(hidden, features)
        self.core: nn.LSTMCell | nn.RNNCell
        if config.cell == "lstm":
            self.core = nn.LSTMCell(features, config.units)
        else:
            self.core = nn.RNNCell(features, config.units, nonlinearity="relu")
        self.emission = nn.Linear(config.units, 2)
        self.baseline = nn.Linear(config.units, 1)
        self.classification = nn.Linear(config.units, labels)

    def look(
        self, images: Tensor, gaze: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Take in one glimpse; returns the next state (output, memory)."""
        what = self.what2(functional.relu(self.what1(self.retina(images, gaze))))
        where = self.where2(functional.relu(self.where1(gaze)))
        features = functional.relu(what + where)
        if isinstance(self.core, nn.RNNCell):
            return self.core(features, state[0]), state[1]
        output, memory = self.core(features, state)
        return output, memory


class PlainTraining:
    """Training of PlainRAM, one optimizer step at a time.

    Args:
        config: The preset.
        batches: What it is trained on, on the device to train on.
        labels: Size of the label space.
        device: That device.
        retina: How glimpses are cut out.
        glimpses: Glimpses before the label.
        std: Standard deviation of the gaze, half images.
    """

    def __init__(
        self,
        config: Config,
        batches: Batches,
        labels: int,
        device: str,
        *,
        retina: Retina,
        glimpses: int,
        std: float,
    ) -> None:
        self.config, self.batches = config, batches
        self.glimpses, self.std = glimpses, std
        self.model = PlainRAM(config, retina, labels).to(device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    def update(self) -> None:
        """Forward, backward and step on the next batch."""
        loss = self._loss(*next(self.batches))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def _loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The hybrid loss of the preset, a mean over the batch."""
        model = self.model
        gaze = torch.rand(len(images), 2, device=images.device) * 2 - 1
        empty = torch.zeros(len(images), self.config.units, device=images.device)
        output, memory = empty, empty
        means, log_probs, baselines = [], [], []
        for glimpse in range(self.glimpses):
            output, memory = model.look(images, gaze, (output, memory))
            if glimpse < self.glimpses - 1:  # the last glimpse is followed by the label
                mean = model.emission(output)
                gaze = (mean + self.std * torch.randn_like(mean)).detach()
                means.append(mean)
                density = Normal(mean, self.std)
                log_probs.append(density.log_prob(gaze).sum(1))  # type: ignore[no-untyped-call]
                baselines.append(model.baseline(output.detach()).squeeze(1))
        logits = model.classification(output)
        reward = (logits.argmax(1) == labels).float().unsqueeze(1)
        mean, log_prob = torch.stack(means, 1), torch.stack(log_probs, 1)
        baseline = torch.stack(baselines, 1)
        reinforce = -(log_prob * (reward - baseline.detach())).sum(1).mean()
        outside = ((mean.abs() - 1).clamp_min(0) ** 2).sum((1, 2)).mean()
        loss: Tensor = (
            functional.cross_entropy(logits, labels)
            + ((reward - baseline) ** 2).sum(1).mean()
            + self.config.reinforce_weight * self.std**2 * reinforce
            + self.config.outside_penalty * outside
        )
        return loss
