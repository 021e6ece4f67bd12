"""TorchRL's PPO on a batched glimpse environment: `python examples/torchrl_example.py`.

It gets along with the packages of this repository:

    pip install torchrl

Tried with TorchRL 0.14.1, TensorDict 0.14.3, Gymnasium 1.4.0 and torch 2.13.0.
"""

from __future__ import annotations

import sys

import gymnasium as gym
import torch
from tensordict.nn import AddStateIndependentNormalScale, TensorDictModule
from torch import Tensor, nn
from torchrl.collectors import Collector
from torchrl.envs import GymWrapper
from torchrl.modules import IndependentNormal, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import glimpse_env  # noqa: F401  (registers the ids)
from glimpse_env.wrappers import VectorFlatBoxAction

SEEN = ["glimpse", "location", "context", "emit"]
ROWS, STEPS, EPOCHS, MINIBATCH = 64, 32, 4, 512


class Network(nn.Module):
    """All that is seen, flattened, through one hidden layer."""

    def __init__(self, *outputs: nn.Module) -> None:
        """The size of the input is found at the first call."""
        super().__init__()
        self.layers = nn.Sequential(nn.LazyLinear(128), nn.ReLU(), *outputs)

    def forward(self, *seen: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Outputs for the parts of an observation; the location, (*batch, 2), tells the batch."""
        batch = seen[1].shape[:-1]
        flat = [part.reshape(*batch, -1).float() for part in seen]
        return self.layers(torch.cat(flat, -1))


def make_env() -> GymWrapper:
    """The batch, with flat actions: TorchRL takes no dictionaries in a batch.

    With "disabled" TorchRL itself begins the new episodes, and leaves infos alone. It takes
    "same_step" too, but then guesses what infos hold from two steps, and fails where an episode
    ends just then.
    """
    envs = gym.make_vec("GlimpseHouseNumbers-v0", ROWS, num_images=1000, autoreset_mode="disabled")
    return GymWrapper(VectorFlatBoxAction(envs))


def main(iterations: int) -> None:
    """Train, and print the mean return: how many labels are read before the first mistake."""
    torch.manual_seed(0)
    env = make_env()
    env.set_seed(0)
    size = env.action_spec.shape[-1]
    mean_and_spread = Network(nn.Linear(128, size), AddStateIndependentNormalScale(size))
    actor = ProbabilisticActor(
        TensorDictModule(mean_and_spread, in_keys=SEEN, out_keys=["loc", "scale"]),
        in_keys=["loc", "scale"],
        distribution_class=IndependentNormal,
        return_log_prob=True,
    )
    critic = ValueOperator(Network(nn.Linear(128, 1)), in_keys=SEEN)
    seen = env.reset()
    actor(seen), critic(seen)  # finds the sizes of the inputs
    advantage = GAE(gamma=0.99, lmbda=0.95, value_network=critic)
    loss = ClipPPOLoss(actor, critic)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-3)
    frames = ROWS * STEPS
    collector = Collector(
        env,
        actor,
        frames_per_batch=frames,
        total_frames=frames * iterations,
        auto_register_policy_transforms=False,  # nothing here has a memory
    )
    for iteration, data in enumerate(collector):
        ended, earned = data["next", "done"].sum(), data["next", "reward"].sum()
        print(f"{(iteration + 1) * frames} steps, mean return {earned / ended:.3f}", flush=True)
        for _ in range(EPOCHS):
            with torch.no_grad():
                advantage(data)
            for part in data.reshape(-1)[torch.randperm(frames)].split(MINIBATCH):
                parts = loss(part)
                optimizer.zero_grad()
                (parts["loss_objective"] + parts["loss_critic"] + parts["loss_entropy"]).backward()
                nn.utils.clip_grad_norm_(loss.parameters(), 0.5)
                optimizer.step()
    collector.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
