"""PPO in one file, as CleanRL writes it, entered into the comparison as a `Learner`.

From a checkout: `python examples/learner_example.py` trains it on Catch and says how many balls it
misses. The comparison's table gets a row of it by

    python benchmarks/compare_algorithms.py --tasks mnist --learners examples.learner_example:make

What a learner needs is `num_envs`, `autoreset_mode`, `networks`, `learn`, `begin` and `act`
(agents/evaluation/learner.py). Evaluations, splits, controls and curves are the comparison's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn
from torch.distributions import Categorical

from glimpse_env.backend import NumpyBackend
from glimpse_env.wrappers import VectorFlatMultiDiscreteAction, VectorFlatObservation
from glimpse_env.wrappers.flat_actions import flat_actions
from glimpse_env.wrappers.flat_observations import flat

ROWS, STEPS, EPOCHS, MINIBATCHES, BINS = 64, 32, 4, 4, 9
GAMMA, LAMBDA, CLIP, ENTROPY, VALUE, RATE = 0.99, 0.95, 0.2, 0.01, 0.5, 1e-3


class Network(nn.Module):
    """A policy with a categorical for each part of an action, and a value."""

    def __init__(self, size: int, parts: list[int]) -> None:
        super().__init__()
        self.parts = parts
        self.body = nn.Sequential(nn.Linear(size, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU())
        self.policy, self.value = nn.Linear(128, sum(parts)), nn.Linear(128, 1)

    def forward(self, seen: Tensor) -> tuple[list[Categorical], Tensor]:
        """Observations (B, n) to distributions and values (B,)."""
        features = self.body(seen)
        logits = self.policy(features).split(self.parts, 1)
        return [Categorical(logits=part) for part in logits], self.value(features)[:, 0]


def log_prob(policies: list[Categorical], actions: Tensor) -> Tensor:
    """Of actions (B, parts): (B,)."""
    parts = zip(policies, actions.unbind(1), strict=True)
    return torch.stack([policy.log_prob(part) for policy, part in parts]).sum(0)


class CleanPPO:
    """Proximal policy optimization on flat observations and a grid of gazes."""

    num_envs = ROWS
    autoreset_mode = "same_step"  # no step is wasted on showing the next episode

    def __init__(self, seed: int) -> None:
        self.seed, self.networks = seed, ()

    def learn(self, envs: VectorEnv, steps: int, callback: Callable[[int], None]) -> None:
        """Learn for so many steps of all rows together."""
        torch.manual_seed(self.seed)
        self._space = envs.single_observation_space
        self._flat = flat_actions("multidiscrete", envs.single_action_space, BINS)
        flat_envs = VectorFlatObservation(VectorFlatMultiDiscreteAction(envs, BINS))
        parts = flat_envs.single_action_space.nvec.tolist()
        network = Network(flat_envs.single_observation_space.shape[0], parts)
        self.networks = (network,)
        optimizer = torch.optim.Adam(network.parameters(), lr=RATE, eps=1e-5)
        seen, taken = torch.from_numpy(flat_envs.reset(seed=self.seed)[0]), 0
        while taken < steps:
            callback(taken)
            for group in optimizer.param_groups:
                group["lr"] = RATE * (1 - taken / steps)
            rollout, seen = collect(network, flat_envs, seen)
            update(network, optimizer, rollout)
            taken += ROWS * STEPS
        callback(taken)

    def begin(self, rows: int) -> None:
        """There is no memory that could forget."""

    def act(self, observation: dict[str, Any]) -> dict[str, Any]:
        """The likeliest gaze and label of B rows."""
        seen = torch.from_numpy(flat(NumpyBackend(), self._space, observation))
        with torch.no_grad():
            policies, _ = self.networks[0](seen)
        actions = torch.stack([policy.probs.argmax(1) for policy in policies], 1).numpy()
        return self._flat.decode(NumpyBackend(), actions, (len(actions),))


def collect(network: Network, envs: VectorEnv, seen: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Play STEPS steps in every row: what was seen, done and earned; and what is seen then."""
    kept = []
    for _ in range(STEPS):
        with torch.no_grad():
            policies, value = network(seen)
            action = torch.stack([policy.sample() for policy in policies], 1)
        after, reward, over, _, _ = envs.step(action.numpy())
        earned, ended = (torch.from_numpy(part).float() for part in (reward, over))
        kept.append((seen, action, log_prob(policies, action), value, earned, ended))
        seen = torch.from_numpy(after)
    names = ("seen", "action", "log_prob", "value", "reward", "over")
    rollout = dict(zip(names, map(torch.stack, zip(*kept, strict=True)), strict=True))
    with torch.no_grad():
        rollout["advantage"] = advantages(rollout, network(seen)[1])
    rollout["return"] = rollout["advantage"] + rollout["value"]
    return rollout, seen


def advantages(rollout: dict[str, Tensor], last: Tensor) -> Tensor:
    """Generalized advantage estimation (Schulman et al. 2016), (STEPS, B)."""
    found, advantage = torch.zeros_like(rollout["reward"]), torch.zeros_like(last)
    for step in reversed(range(len(found))):
        goes_on = 1 - rollout["over"][step]
        error = rollout["reward"][step] + GAMMA * goes_on * last - rollout["value"][step]
        advantage = error + GAMMA * LAMBDA * goes_on * advantage
        found[step], last = advantage, rollout["value"][step]
    return found


def update(network: Network, optimizer: torch.optim.Optimizer, rollout: dict[str, Tensor]) -> None:
    """A few passes over what was collected."""
    data = {name: part.flatten(0, 1) for name, part in rollout.items()}
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(data["seen"])).chunk(MINIBATCHES):
            part = {name: values[rows] for name, values in data.items()}
            policies, value = network(part["seen"])
            ratio = (log_prob(policies, part["action"]) - part["log_prob"]).exp()
            advantage = (part["advantage"] - part["advantage"].mean()) / part["advantage"].std()
            clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
            gain = torch.min(advantage * ratio, advantage * clipped).mean()
            entropy = torch.stack([policy.entropy() for policy in policies]).sum(0).mean()
            loss = VALUE * ((part["return"] - value) ** 2).mean() - gain - ENTROPY * entropy
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 0.5)
            optimizer.step()


def make(task: Any, seed: int, steps: int) -> CleanPPO:
    """What `--learners examples.learner_example:make` asks for: a fresh learner."""
    return CleanPPO(seed)


def main(steps: int) -> None:
    """Train on a small game of Catch, and play games that it has not been trained on."""
    from agents.evaluation.learner import evaluate_actor
    from benchmarks.compare.contenders import training_envs
    from benchmarks.compare.tasks import task_named

    task, learner = task_named("catch12"), CleanPPO(seed=0)

    def callback(done: int) -> None:
        if done % (10 * ROWS * STEPS) == 0:
            found = evaluate_actor(learner, task, "validation", name="PPO", images=500)
            print(f"{done} steps, {found.describe()}")

    learner.learn(training_envs(task, learner), steps, callback)
    print(evaluate_actor(learner, task, "test", name="PPO", images=2000).describe())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
