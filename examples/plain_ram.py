"""RAM (Mnih et al. 2014) in one file: `OMP_NUM_THREADS=1 python examples/plain_ram.py`.

The network of the paper's figure 1, the loss of its section 3 and the loop around them; nothing
of `agents/` is used. `pip install torch` is all it needs.

Measured on one core of a CPU that others used, too: validation error (10,000 images, mean gaze)
after so many images and seconds of that core, evaluations counted; below 3 % in five minutes.

| images | 100,000 | 200,000 | 500,000 | 1,000,000 | 1,600,000 | 1,900,000 |
| seconds | 23 | 41 | 99 | 195 | 307 | 364 |
| error | 21.75 % | 10.62 % | 5.62 % | 4.39 % | 2.78 % | 2.65 % |
"""

from __future__ import annotations

import math
import sys
import time
from typing import Any, NamedTuple

import gymnasium as gym
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

import glimpse_env  # noqa: F401  (registers the ids)

GLIMPSES, ROWS = 6, 256  # glimpses an image; images an update
FEATURES, UNITS = 512, 128  # of a glimpse; of the memory
STD = 1.2 / 14  # of a gaze: 1.2 pixels, in halves of an image of 28x28
LEARNING_RATE, REINFORCE = 1e-3, 4.0  # at its highest; weight of the gazes' part of the loss
CREDIT = "probability"  # what gazes are credited with; "environment" for its 0/1 reward alone


class RAM(nn.Module):
    """What was seen and where, into a memory; from that the next gaze, the label and a baseline."""

    def __init__(self, glimpse: int, labels: int) -> None:
        """Sizes of a flat glimpse and of the label space."""
        super().__init__()
        half = FEATURES // 2
        self.what = nn.Sequential(nn.Linear(glimpse, half), nn.ReLU(), nn.Linear(half, FEATURES))
        self.where = nn.Sequential(nn.Linear(2, half), nn.ReLU(), nn.Linear(half, FEATURES))
        self.memory = nn.RNNCell(FEATURES, UNITS, nonlinearity="relu")
        nn.init.eye_(self.memory.weight_hh)  # it begins by keeping what it has
        self.gaze, self.label = nn.Linear(UNITS, 2), nn.Linear(UNITS, labels)
        self.baseline = nn.Linear(UNITS, 1)

    def look(self, seen: dict[str, Tensor], memory: Tensor) -> Tensor:
        """Take in one glimpse: observations of B rows and memory (B, UNITS) to the next memory."""
        what, where = self.what(seen["glimpse"].flatten(1)), self.where(seen["location"])
        features = torch.relu(what + where)
        return self.memory(features, memory)


class Episodes(NamedTuple):
    """B finished episodes, with T = GLIMPSES - 1 gazes each: the first is the environment's."""

    gazes: Tensor  # (T, B, 2), as drawn
    means: Tensor  # (T, B, 2), that they were drawn around
    baselines: Tensor  # (T, B), returns expected before each gaze
    scores: Tensor  # (B, labels), of the label that was said
    labels: Tensor  # int64 (B,), that was right
    rewards: Tensor  # (B,), that the environment paid: 1 for the right label, else 0


def make_envs(split: str, rows: int) -> Any:
    """Environments of RAM's table 1a, whose arrays are tensors."""
    options = dict(split=split, glimpses_per_label=GLIMPSES, initial_gaze="random")
    make = dict(autoreset_mode="disabled", backend="torch", **options)
    return gym.make_vec("GlimpseMNIST-v0", rows, **make)


def play(envs: Any, agent: RAM, std: float, **reset: Any) -> Episodes:
    """Play one episode in every row; gazes are drawn with `std`, in half images."""
    seen, info = envs.reset(**reset)
    labels, memory, steps = info["target"], torch.zeros(envs.num_envs, UNITS), []
    for _ in range(GLIMPSES):
        memory = agent.look(seen, memory)
        mean, scores = agent.gaze(memory), agent.label(memory)
        gaze = (mean + std * torch.randn_like(mean)).detach()
        # The baseline's error must not shape the memory, so its input is cut off.
        steps.append((gaze, mean, agent.baseline(memory.detach())[:, 0]))
        # The label is read in the last step alone, and there the gaze shows nothing any more.
        seen, reward, _, _, info = envs.step({"gaze": gaze, "label": scores.argmax(1)})
    gazes, means, baselines = (torch.stack(part) for part in zip(*steps[:-1], strict=True))
    return Episodes(gazes, means, baselines, scores, labels, reward)


def hybrid_loss(played: Episodes) -> Tensor:
    """Cross-entropy, REINFORCE with a baseline, and the baseline's squared error.

    Log-densities of gazes are multiplied by STD^2: without that, the gradient grows with 1 / STD.
    """
    if CREDIT == "environment":
        returns = played.rewards
    else:  # of a label drawn from the classifier: the same on average, with less noise
        chances = played.scores.detach().softmax(1)
        returns = (chances * one_hot(played.labels, chances.shape[1])).sum(1)
    log_density = -((played.gazes - played.means) ** 2).sum(2) / 2  # (T, B), times STD^2
    advantage = returns - played.baselines
    reinforce = -(log_density * advantage.detach()).sum(0).mean()
    outside = ((played.means.abs() - 1).clamp_min(0) ** 2).sum((0, 2)).mean()  # nothing is there
    classified = cross_entropy(played.scores, played.labels)
    baseline = (advantage**2).sum(0).mean()
    return classified + baseline + REINFORCE * reinforce + 0.1 * outside


@torch.no_grad()
def error(envs: Any, agent: RAM) -> float:
    """Percent of the images of `envs`, one a row, that are misread with mean gazes."""
    index = torch.arange(envs.num_envs)
    played = play(envs, agent, std=0.0, seed=0, options={"index": index})
    return 100 * (1 - played.rewards.mean().item())


def main(images: int = 2_500_000, every: int = 100_000, validation_images: int = 10_000) -> None:
    """Train on so many images, and print the validation error after each `every` of them."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # layers of this size gain nothing from more
    envs, validation = make_envs("train", ROWS), make_envs("validation", validation_images)
    observation, _ = envs.reset(seed=0)
    agent = RAM(observation["glimpse"][0].numel(), int(envs.single_action_space["label"].n))
    optimizer = torch.optim.AdamW(agent.parameters(), LEARNING_RATE, weight_decay=0, fused=True)
    began, updates = time.monotonic(), math.ceil(images / ROWS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    for update in range(1, updates + 1):
        loss = hybrid_loss(play(envs, agent, STD))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(agent.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        if update * ROWS // every > (update - 1) * ROWS // every or update == updates:
            spent = f"{time.monotonic() - began:.0f} s ({time.process_time():.0f} s of a core)"
            wrong = error(validation, agent)
            print(f"{update * ROWS} images, {spent}, error {wrong:.2f} %", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
