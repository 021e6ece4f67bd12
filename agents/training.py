"""A run in progress, and what an update of it is: collect, loss, step."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from agents.agent import GlimpseAgent
from agents.build import half_image, make_agent, make_envs, set_precision, sizes_of
from agents.capture import GraphedUpdate, StaticUpdate, capture_for, compiled
from agents.config import Config
from agents.fixed_rollout import collect_fixed
from agents.losses import (
    baseline_loss,
    expected_returns,
    explained_variance,
    information,
    information_gained,
    label_loss,
    mean_of,
    outside_loss,
    peer_returns,
    reinforce_loss,
    scaled_gaze_log_prob,
    variance_of,
)
from agents.noise import KeptNoise, RowNoise
from agents.optimization import (
    clip_gradients,
    gradients_of,
    learning_rate,
    make_optimizer,
    sigma_pixels,
)
from agents.ranks import ALONE, Ranks
from agents.rollout import (
    GazePolicy,
    IndexArray,
    Rollout,
    center_gaze,
    collect,
    random_gaze,
    sampled,
)
from agents.transfer import send
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv


class Training:
    """A run in progress.

    Everything random in an update follows from (seed, update, row), so a run that is stopped
    anywhere and resumed from its last checkpoint takes exactly the steps that it would have taken
    (up to rounding on a GPU, some of whose kernels sum in no fixed order), and ranks that share the
    rows take, up to rounding, those of one process.

    Args:
        config: What to train.
        device: Torch device of the agent and, unless "cpu", of the environments.
        ranks: Which part of the rows is played here.

    Raises:
        InvalidArgument: The ranks cannot share the rows equally, or `capture` cannot work here.
    """

    def __init__(self, config: Config, device: str = "cpu", ranks: Ranks = ALONE) -> None:
        """Make environments, agent and optimizer."""
        torch.manual_seed(config.seed)
        set_precision(config.matmul_precision)
        self.config, self.device, self.ranks = config, device, ranks
        self.rows = ranks.share(config.num_envs, config.samples)
        own = self.rows.stop - self.rows.start
        self.envs: GazeVectorEnv = make_envs(config, "train", own, device)
        self.half_image = half_image(self.envs.image_shape).to(device)
        self.agent = make_agent(config, self.envs)
        self.capture = capture_for(config.capture, self.envs, device, ranks)
        noise = RowNoise if self.capture == "none" else KeptNoise
        self.noise = noise(torch.Generator(device), config.num_envs, self.rows)
        self.agent.dropout.noise = self.noise
        if config.share_glimpse:
            self.agent.glimpse.requires_grad_(False)
        self._boxes = boxes_of(self.agent)
        learning = [weight for box in self._boxes.values() for weight in box]
        self.optimizer = make_optimizer(config, learning)
        self.static: StaticUpdate | None = None
        if self.capture != "none":
            self.static = self._captured()
        self.updates = 0

    def _captured(self) -> StaticUpdate:
        assert isinstance(self.envs, GlimpseVectorEnv) and isinstance(self.noise, KeptNoise)
        agent = compiled(self.agent) if self.capture == "compile" else self.agent
        roles = self.optimizer, self.noise, self.policy, self.learn
        return GraphedUpdate(agent, self.envs, *roles, guess=self._guesses)

    @property
    def images(self) -> int:
        """Episodes played so far."""
        return self.updates * self.config.num_envs

    @property
    def sigma(self) -> float:
        """Standard deviation of the gaze, pixels."""
        return sigma_pixels(self.config, self.images)

    def policy(self, sigma: float | Tensor) -> GazePolicy:
        """How gazes are chosen: around the mean, with so many pixels of noise, or by a control."""
        if self.config.gaze == "random":
            return random_gaze(self.noise)
        if self.config.gaze == "center":
            return center_gaze
        return sampled(sigma / self.half_image, self.noise)

    def update(self) -> dict[str, Tensor]:
        """One step of the optimizer; returns what to log, still on the device."""
        index, seed = self._draw()
        rate = learning_rate(self.config, self.images)
        if self.static is not None:
            metrics = self.static.update(index, seed, self.sigma, rate)
        else:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            metrics = self.learn(self._play(index, seed))
        self.updates += 1
        return metrics

    def learn(self, rollout: Rollout) -> dict[str, Tensor]:
        """Loss, gradient and step of the optimizer for a rollout; returns what to log."""
        loss, parts = self._loss(rollout)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        # Which parameters have a gradient follows from the configuration: all ranks agree.
        found = [grad for box in self._boxes.values() for grad in gradients_of(box)]
        self.ranks.average([*found, *parts.values()])
        norms = clip_gradients(self._boxes, self.config.gradient_clip)
        self.optimizer.step()
        return parts | {f"gradients/{name}": norm for name, norm in norms.items()}

    def _draw(self) -> tuple[IndexArray, int]:
        """The images of the own rows, and the seed of the first; the noise is seeded, too."""
        numbers = np.random.default_rng([self.config.seed, self.updates])
        self.noise.generator.manual_seed(int(numbers.integers(2**62)))
        index = numbers.integers(self.envs.size, size=self.config.num_envs)
        seed = int(numbers.integers(2**31))
        return self._share(index)[self.rows], seed + self.rows.start

    def _play(self, index: IndexArray, seed: int) -> Rollout:
        assert isinstance(self.envs, GlimpseVectorEnv)
        policy = self.policy(self.sigma)
        if self.envs.backend.eager:
            return collect(self.agent, self.envs, index, policy, seed=seed, guess=self._guesses)
        seeds = torch.arange(seed, seed + len(index), device=self.device)
        sent = send(index, self.device)
        return collect_fixed(self.agent, self.envs, sent, seeds, policy, self._guesses)

    @property
    def _guesses(self) -> bool:
        """Whether the classifier is asked at every glimpse of a fixed number for each label."""
        return self.config.reward == "information"

    def _loss(self, rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        return hybrid_loss(rollout, self.config)

    def _share(self, index: IndexArray) -> IndexArray:
        """Show each image to `samples` rows."""
        return np.repeat(index[:: self.config.samples], self.config.samples)

    def beginning(self) -> dict[str, object]:
        """What must be equal at all ranks."""
        weights = [weight.detach().double().sum().item() for weight in self.agent.parameters()]
        return {"options": self.config, "updates": self.updates, "weights": weights}

    def state(self) -> dict[str, Any]:
        """All that a checkpoint must hold."""
        return {
            "config": dataclasses.asdict(self.config),
            "agent": self.agent.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "updates": self.updates,
            "sizes": sizes_of(self.envs)._asdict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.agent.load_state_dict(state["agent"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.static is not None:
            self.static = self._captured()  # the optimizer's state lies elsewhere now
        self.updates = state["updates"]


def boxes_of(agent: GlimpseAgent) -> dict[str, list[nn.Parameter]]:
    """The weights of each box of the agent that learn."""
    boxes: dict[str, list[nn.Parameter]] = {}
    for name, weight in agent.named_parameters():
        if weight.requires_grad:
            boxes.setdefault(name.split(".")[0], []).append(weight)
    return boxes


def earned_returns(rollout: Rollout, config: Config) -> Tensor:
    """R_s (B, S) as `config.reward` counts it, for agents that are paid for labels."""
    if config.reward == "label":
        return rollout.returns
    shape = rollout.returns.shape
    return expected_returns(rollout.logits, rollout.targets, rollout.logits_at, shape)


def worth_of_glimpses(rollout: Rollout, config: Config) -> Tensor:
    """What the choice of each glimpse has earned, (B, S * N), as `config.reward` counts."""
    glimpses, shape = rollout.max_glimpses, rollout.returns.shape
    if config.reward != "information":
        return earned_returns(rollout, config).repeat_interleave(glimpses, 1)
    assert rollout.guesses is not None
    logits, targets, place = rollout.guesses
    known = logits.new_zeros(*shape, glimpses)
    known.view(-1)[place] = information(logits, targets)
    said = logits.new_zeros(shape)
    said.view(-1)[rollout.logits_at] = information(rollout.logits, rollout.targets)
    return information_gained(known, said).flatten(1)


def reading_loss(rollout: Rollout, labels: Tensor) -> Tensor:
    """Cross-entropy of the labels said, which is `labels`, and of guesses.

    A classifier that was only asked at the last glimpse could not tell what those before it add,
    and an agent that decides when to speak would never find out that it had seen enough before.
    There each guess may be the label: all count alike, the labels said among them. Otherwise the N
    guesses for a label together count as much as the label.
    """
    if rollout.guesses is None:
        return labels
    guessed = label_loss(rollout.guesses.logits, rollout.guesses.targets)
    return labels + guessed / rollout.max_glimpses if rollout.decisions is None else guessed


def hybrid_loss(rollout: Rollout, config: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy, squared error of the baseline, REINFORCE and the pull towards the image.

    DRAM eq. 13 with the cumulative returns of eq. 16, for one episode on average. Log-densities are
    multiplied by sigma^2 (see `scaled_gaze_log_prob`): the gradient of the REINFORCE term with
    respect to a mean gaze is the advantage times the deviation of the sample from it.

    Decisions that do not count add nothing to any sum: their gazes, means, baselines and returns
    are 0, and their targets -1.
    """
    labels = label_loss(rollout.logits, rollout.targets)
    earned = worth_of_glimpses(rollout, config)
    returns = earned.view(-1)[rollout.place] - rollout.to_pay
    if rollout.gaze_counts is not None:
        returns = returns * rollout.gaze_counts
    loss = reading_loss(rollout, labels) + baseline_loss(returns, rollout.baseline)
    if config.gaze == "policy":
        log_prob = scaled_gaze_log_prob(rollout.gaze, rollout.gaze_mean)
        baseline = rollout.baseline
        if config.baseline == "peers":
            counts, alone = rollout.gaze_counts, baseline.detach()
            baseline = peer_returns(earned, rollout.place, counts, alone, config.samples)
        reinforce = reinforce_loss(log_prob, returns, baseline)
        loss = loss + config.reinforce_weight * reinforce
        loss = loss + config.outside_penalty * outside_loss(rollout.gaze_mean)
    said_right = rollout.logits.argmax(1) == rollout.targets
    said = len(said_right) if rollout.label_counts is None else rollout.label_counts.sum()
    parts = {
        "train/error": 1 - rollout.right.float().mean(),
        "train/reward": rollout.labels_right.mean(),
        "train/label_accuracy": mean_of(said_right.float(), rollout.label_counts),
        "train/cross_entropy": labels.detach() / said,
        "train/explained_variance": explained_variance(
            returns, rollout.baseline.detach(), rollout.gaze_counts
        ),
        "train/gaze_spread": variance_of(rollout.gaze_mean.detach(), rollout.gaze_counts)
        .sqrt()
        .mean(),
    }
    return loss / len(rollout.right), parts
