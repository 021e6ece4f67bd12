"""REINFORCE (Williams 1992) on rewards alone: `python examples/reinforce_example.py`.

Written from what `help(envs.unwrapped)` says; nothing of `agents/` is used, and labels are found by
trying alone. `pip install torch` is all it needs. After a minute of one core it reads more than
half of the handwritten digits; chance is a tenth.
"""

from __future__ import annotations

import sys

import gymnasium as gym
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Normal

import glimpse_env  # noqa: F401  (registers the ids)

ROWS, UNITS, STD, UPDATES = 256, 128, 0.2, 25  # STD in half images; UPDATES an iteration


class Agent(nn.Module):
    """What was seen and where, a memory, and what to do next."""

    def __init__(self, glimpse: int, labels: int) -> None:
        """Sizes of a flat glimpse and of the label space."""
        super().__init__()
        self.see = nn.Sequential(nn.Linear(glimpse + 2, UNITS), nn.ReLU())
        self.memory = nn.GRUCell(UNITS, UNITS)
        self.gaze, self.label = nn.Linear(UNITS, 2), nn.Linear(UNITS, labels)
        self.value = nn.Linear(UNITS, 1)  # the return expected: a baseline, no part of the policy

    def forward(self, seen: dict[str, Tensor], memory: Tensor) -> tuple[Tensor, ...]:
        """Observations and memory to memory, mean gaze, label scores and value."""
        features = self.see(torch.cat([seen["glimpse"].flatten(1), seen["location"]], 1))
        memory = self.memory(features, memory)
        return memory, self.gaze(memory), self.label(memory), self.value(memory.detach())[:, 0]


def play(envs: gym.vector.VectorEnv, agent: Agent) -> tuple[Tensor, float]:
    """Play one episode in every row: the loss, and the mean return."""
    observation, _ = envs.reset()  # without a seed: the next episodes
    memory, over = torch.zeros(ROWS, UNITS), torch.zeros(ROWS, dtype=torch.bool)
    steps = []
    while not over.all():
        seen, running = {key: torch.as_tensor(part) for key, part in observation.items()}, ~over
        memory, mean, scores, value = agent(seen, memory)
        gazes, labels = Normal(mean, STD), Categorical(logits=scores)
        gaze, label, due = gazes.sample(), labels.sample(), seen["emit"]
        action = {"gaze": gaze.numpy(), "label": label.numpy()}
        observation, reward, terminated, _, _ = envs.step(action)
        reward, over = torch.as_tensor(reward).float(), torch.as_tensor(terminated)
        # A label counts where it is read, a gaze where it shows something: not in the last step.
        # The gradient for gazes grows with 1 / STD: without the factor it drowns the labels'.
        chance = due * labels.log_prob(label) + STD**2 * ~over * gazes.log_prob(gaze).sum(1)
        steps.append([running * part for part in (reward, chance, value, due * labels.entropy())])
    rewards, chances, values, entropy = (torch.stack(part) for part in zip(*steps, strict=True))
    to_come = rewards.flip(0).cumsum(0).flip(0)
    better = to_come - values  # than expected
    loss = -(chances * better.detach()).sum(0) + (better**2).sum(0) - 0.02 * entropy.sum(0)
    return loss.mean(), to_come[0].mean().item()


def main(iterations: int, env_id: str = "GlimpseMNIST-v0") -> None:
    """Train, and print the mean return: how many labels are read before the first mistake."""
    torch.manual_seed(0)
    envs = gym.make_vec(env_id, ROWS, autoreset_mode="disabled")  # rows wait for the longest
    observation, _ = envs.reset(seed=0)
    agent = Agent(observation["glimpse"][0].size, envs.unwrapped.single_action_space["label"].n)
    optimizer = torch.optim.Adam(agent.parameters(), 1e-3)
    for iteration in range(1, iterations + 1):
        earned = 0.0
        for _ in range(UPDATES):
            loss, returned = play(envs, agent)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 1.0)
            optimizer.step()
            earned += returned / UPDATES
        print(f"{iteration * UPDATES * ROWS} episodes, mean return {earned:.3f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40, *sys.argv[2:])
