"""Recurrent PPO with the labels: PPO decides where to look, a cross-entropy teaches to read.

What the papers' agent has beside rewards, put to PPO: the classifier is told what was right in
every episode, says what it holds likeliest, and earns no policy gradient of its own; gazes earn the
reward. Set beside the papers' agent it shows what is PPO's and what is the labels'.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.policies import RecurrentMultiInputActorCriticPolicy
from stable_baselines3.common.distributions import MultiCategoricalDistribution
from stable_baselines3.common.vec_env import VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn
from torch import Tensor
from torch.distributions import Categorical
from torch.nn import functional

from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument
from glimpse_env.sb3 import GlimpseVecEnv

TARGET = "target"


class WithTargets(VecEnvWrapper):
    """Environments whose observations hold the right label, for the loss to find it.

    `GlimpseExtractor` names what it reads, and this is none of it: no policy sees it.

    Args:
        venv: Environments of SB3, wrapped or not.

    Raises:
        InvalidArgument: They have no labels, or none that are due at a fixed pace.
    """

    def __init__(self, venv: Any) -> None:
        envs = venv.unwrapped.envs
        if not isinstance(envs, GlimpseVectorEnv) or envs.rules.agent_decides:
            raise InvalidArgument(
                f"{envs} has no labels after a fixed number of glimpses each: labelled-ppo learns "
                "from these; take recurrent-ppo"
            )
        known = {**venv.observation_space.spaces}
        known[TARGET] = spaces.Box(-1, envs.rules.num_labels, (1,), np.int64)
        super().__init__(venv, spaces.Dict(known))

    def reset(self) -> Any:
        """Begin an episode in every row."""
        return self._told(self.venv.reset(), self._first_infos())

    def step_wait(self) -> VecEnvStepReturn:
        """Do what is chosen in all rows."""
        observation, reward, over, infos = self.venv.step_wait()
        after = zip(over, infos, self._first_infos(), strict=True)
        now = [first if ended else info for ended, info, first in after]
        return self._told(observation, now), reward, over, infos

    def _first_infos(self) -> list[dict[str, Any]]:
        """Of the episodes in all rows, what was known when they began."""
        inner = self.venv.unwrapped
        assert isinstance(inner, GlimpseVecEnv)
        return inner.reset_infos

    def _told(self, observation: Any, infos: Any) -> dict[str, Any]:
        targets = np.array([info[TARGET] for info in infos], np.int64)[:, None]
        return {**observation, TARGET: targets}


class GazesAlone(MultiCategoricalDistribution):
    """Gazes are drawn and scored; the label, the last part of an action, is the likeliest."""

    @property
    def label_logits(self) -> Tensor:
        """(B, labels)."""
        logits: Tensor = self.distribution[-1].logits
        return logits

    def sample(self) -> Tensor:
        """Actions (B, d + 1)."""
        actions = super().sample()
        actions[:, -1] = self.label_logits.argmax(1)
        return actions

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log-probability of the gazes in actions (B, d + 1): (B,)."""
        gazes = zip(self.distribution[:-1], actions.unbind(1), strict=False)
        return torch.stack([_log_prob(one, part) for one, part in gazes], 1).sum(1)

    def entropy(self) -> Tensor:
        """Entropy of the distributions of the gazes: (B,)."""
        return torch.stack([_entropy(one) for one in self.distribution[:-1]], 1).sum(1)


def _log_prob(one: Categorical, part: Tensor) -> Tensor:
    return torch.as_tensor(one.log_prob(part))  # type: ignore[no-untyped-call]


def _entropy(one: Categorical) -> Tensor:
    return torch.as_tensor(one.entropy())  # type: ignore[no-untyped-call]


class LabelledPolicy(RecurrentMultiInputActorCriticPolicy):
    """Recurrent PPO's policy, whose label is read off and not drawn."""

    action_dist: GazesAlone

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        assert isinstance(self.action_space, spaces.MultiDiscrete)
        self.action_dist = GazesAlone(self.action_space.nvec.tolist())


class LabelledPPO(RecurrentPPO):
    """Recurrent PPO for gazes, and the cross-entropy of the labels that are due.

    Args:
        *arguments: Of RecurrentPPO; the policy must be LabelledPolicy.
        label_weight: What the mean cross-entropy of a label counts beside PPO's loss.
        **keywords: Of RecurrentPPO.
    """

    policy: LabelledPolicy

    def __init__(self, *arguments: Any, label_weight: float = 1.0, **keywords: Any) -> None:
        self.label_weight = label_weight
        super().__init__(*arguments, **keywords)

    def train(self) -> None:
        """Some passes over what was collected: RecurrentPPO's, with the labels in the loss."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        logged: list[list[float]] = []
        for _ in range(self.n_epochs):
            for data in self.rollout_buffer.get(self.batch_size):
                terms = self.losses(data)
                loss = torch.stack([*terms.values()]).sum()
                self.policy.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
                self.policy.optimizer.step()
                logged.append([term.item() for term in terms.values()])
            self._n_updates += 1
        for name, mean in zip(terms, np.mean(logged, 0), strict=True):
            self.logger.record(f"train/{name}", mean)

    def losses(self, data: Any) -> dict[str, Tensor]:
        """The terms of the loss of a minibatch, weighted.

        Args:
            data: RecurrentDictRolloutBufferSamples: sequences that begin anywhere in episodes,
                padded; the mask tells what counts.
        """
        mask = data.mask > 0.5
        values, log_prob, entropy = self.policy.evaluate_actions(
            data.observations,
            data.actions,
            data.lstm_states,
            data.episode_starts,
        )
        advantages = data.advantages[mask]
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        ratio = (log_prob - data.old_log_prob)[mask].exp()
        clip = self.clip_range(self._current_progress_remaining)  # type: ignore[operator]
        clipped = ratio.clamp(1 - clip, 1 + clip)
        squares = (data.returns - values.flatten())[mask] ** 2
        return {
            "policy_gradient_loss": -torch.min(advantages * ratio, advantages * clipped).mean(),
            "value_loss": self.vf_coef * squares.mean(),
            "entropy_loss": -self.ent_coef * entropy[mask].mean(),
            "cross_entropy": self.label_weight * self._cross_entropy(data, mask),
        }

    def _cross_entropy(self, data: Any, mask: Tensor) -> Tensor:
        """The mean over the labels that were due; 0 where none was."""
        seen = data.observations
        targets = seen[TARGET].long().flatten()
        due = mask & (seen["emit"].flatten() == 1) & (targets >= 0)
        scores = self.policy.action_dist.label_logits[due]
        summed = functional.cross_entropy(scores, targets[due], reduction="sum")
        mean: Tensor = summed / due.sum().clamp_min(1)
        return mean
