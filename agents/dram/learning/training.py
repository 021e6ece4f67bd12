"""A run in progress, and what an update of it is: collect, loss, step."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from agents.dram.config import Config
from agents.dram.learning.capture import GraphedUpdate, StaticUpdate, capture_for, compiled
from agents.dram.learning.kind import LABELS, Kind
from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.build import make_agent
from agents.dram.model.gazes import GazePolicy, gaze_policy, half_image, sigma_pixels
from agents.dram.model.noise import KeptNoise, RowNoise
from agents.dram.rollouts.rollout import Rollout
from agents.trainer.envs import IndexArray, make_envs, set_precision, sizes_of
from agents.trainer.optimization import clip_gradients, gradients_of, learning_rate, make_optimizer
from agents.trainer.ranks import ALONE, Ranks
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
        kind: What is refused, how the agent plays, and what is minimized.
        envs: The own rows, where they are made already: of the config's id, on the device, with
            `autoreset_mode="disabled"`, whatever their options; None to make them.

    Raises:
        InvalidArgument: The ranks cannot share the rows equally, `capture` cannot work here, or the
            kind of training has no use for an option.
    """

    def __init__(
        self,
        config: Config,
        device: str = "cpu",
        ranks: Ranks = ALONE,
        kind: Kind = LABELS,
        envs: GazeVectorEnv | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        set_precision(config.matmul_precision)
        self.config, self.device, self.ranks, self.kind = config, device, ranks, kind
        self.rows = ranks.share(config.num_envs, config.samples)
        own = self.rows.stop - self.rows.start
        self.envs = make_envs(config, "train", own, device) if envs is None else envs
        kind.check(config, self.envs)
        self.half_image = half_image(self.envs.image_shape).to(device)
        self.agent = make_agent(config, self.envs)
        drawn = config.classifier == "reinforce"
        self.capture = capture_for(config.capture, self.envs, device, ranks, drawn)
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
        """How gazes are chosen: by the policy, with so many pixels of noise, or a control."""
        return gaze_policy(self.config.gaze, self.agent.gazes, self.noise, sigma / self.half_image)

    def update(self) -> dict[str, Tensor]:
        """One step of the optimizer; returns what to log, still on the device."""
        index, seed = self._draw()
        rate = learning_rate(self.config, self.images)
        if self.static is not None:
            metrics = self.static.update(index, seed, self.sigma, rate)
        else:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            metrics = self.learn(self._played(index, seed))
        self.updates += 1
        return metrics

    def play(self) -> Rollout:
        """Play the episodes of the next update, the same ones until there is an update."""
        return self._played(*self._draw())

    def loss(self, rollout: Rollout) -> tuple[Tensor, dict[str, Tensor]]:
        """What a step of the optimizer would make smaller, and what to log."""
        return self.kind.objective(rollout, self.config, self.agent.gazes, self.images)

    def learn(self, rollout: Rollout) -> dict[str, Tensor]:
        """Loss, gradient and step of the optimizer for a rollout; returns what to log."""
        loss, parts = self.loss(rollout)
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

    def _played(self, index: IndexArray, seed: int) -> Rollout:
        policy = self.policy(self.sigma)
        roles = self.agent, self.envs, index, seed, policy, self.noise
        return self.kind.play(*roles, guess=self._guesses)

    @property
    def _guesses(self) -> bool:
        """Whether the classifier is asked at every glimpse of a fixed number for each label."""
        return self.config.credit == "information"

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
            "trainer": self.config.TRAINER,
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
