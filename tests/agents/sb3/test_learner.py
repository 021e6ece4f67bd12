from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch

pytest.importorskip("sb3_contrib")

from agents.evaluation.learner import evaluate_actor
from agents.sb3.config import Sb3Config
from agents.sb3.learner import Sb3Learner
from agents.sb3.reader import evaluate_sb3

NETWORKS: dict[str, Any] = {"features": 8, "channels": 4, "units": 8, "gaze_bins": 3}
ALGORITHMS: dict[str, dict[str, Any]] = {
    "ppo": {},
    "stack": {"algo": "ppo", "stack": 3},
    "a2c": {},
    "recurrent-ppo": {},
    "labelled-ppo": {},
    "dqn": {"action": "discrete", "steps": 1, "epochs": 1},
    "sac": {"action": "box", "steps": 1, "epochs": 1},
    "tqc": {"action": "box", "steps": 1, "epochs": 1},
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_learns_and_is_read_out_between_updates(name: str, stripes_id: str) -> None:
    options = {"algo": name, "num_envs": 8, "steps": 8, "batch": 32, "epochs": 1}
    options |= NETWORKS | ALGORITHMS[name]
    config = Sb3Config(env_id=stripes_id, timesteps=512, replay=400, **options)
    learner = Sb3Learner(config)
    envs = gym.make_vec(stripes_id, 8, autoreset_mode=learner.autoreset_mode)
    steps, taken = [], [0]
    inner = envs.step

    def step(action: Any) -> Any:
        taken[0] += 8
        return inner(action)

    envs.step = step  # type: ignore[method-assign]
    errors = []

    def callback(done: int) -> None:
        assert done == taken[0]
        steps.append(done)
        if done in (256, 512):
            found = evaluate_actor(learner, config, "validation", name=name, images=64, num_envs=64)
            errors.append(found.error)

    learner.learn(envs, 512, callback)
    assert steps[0] == 0 and steps[-1] == 512 and steps == sorted(steps)
    assert len(errors) >= 2 and all(0 <= error <= 100 for error in errors)
    model = learner._actor.model
    again = evaluate_sb3(model, config, "validation", images=64, num_envs=64)
    assert again.error == errors[-1] and again.parameters > 0


def test_looking_on_changes_nothing(stripes_id: str) -> None:
    """A learner that is read out in the middle learns what one learns that is not."""
    config = Sb3Config(
        env_id=stripes_id, algo="recurrent-ppo", num_envs=8, steps=8, batch=32, **NETWORKS
    )

    def weights(looks: bool) -> torch.Tensor:
        learner = Sb3Learner(config)
        envs = gym.make_vec(stripes_id, 8, autoreset_mode=learner.autoreset_mode)

        def callback(done: int) -> None:
            if looks and done:
                evaluate_actor(learner, config, "validation", name="one", images=20, num_envs=20)

        learner.learn(envs, 256, callback)
        return torch.nn.utils.parameters_to_vector(learner.networks[0].parameters())

    assert torch.equal(weights(looks=True), weights(looks=False))


def test_replay_begins_early_in_the_steps_there_are(stripes_id: str) -> None:
    """However long a run the configuration was made for."""
    config = Sb3Config(
        env_id=stripes_id, algo="dqn", action="discrete", num_envs=8, steps=1, epochs=1, **NETWORKS
    )
    assert config.timesteps == 1_000_000
    learner = Sb3Learner(config)
    weights = []

    def callback(done: int) -> None:
        del done
        vector = torch.nn.utils.parameters_to_vector(learner.networks[0].parameters())
        weights.append(vector.detach().clone())

    learner.learn(gym.make_vec(stripes_id, 8, autoreset_mode="same_step"), 256, callback)
    changed = [not torch.equal(weights[0], later) for later in weights]
    assert any(changed[: len(changed) // 4]) and changed[-1]


def test_a_wrapper_of_the_rows_is_what_it_learns_from(stripes_id: str) -> None:
    """PPO is paid for gazes in the right half alone, and learns to look there."""

    class Right(gym.vector.VectorWrapper):
        def step(self, actions: Any) -> Any:
            observation, _, *rest = self.env.step(actions)
            return observation, (actions["gaze"][:, 0] > 0).astype(float), *rest

    config = Sb3Config(
        env_id=stripes_id, num_envs=16, steps=32, batch=128, learning_rate=1e-2, **NETWORKS
    )
    learner = Sb3Learner(config, Right)
    envs = gym.make_vec(stripes_id, 16, autoreset_mode=learner.autoreset_mode)
    learner.learn(envs, 8192, lambda steps: None)
    learner.begin(16)
    observation, _ = envs.reset(seed=0)
    assert (learner.act(observation)["gaze"][:, 0] > 0).all()
