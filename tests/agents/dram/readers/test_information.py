from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.learning.losses import information
from agents.dram.readers.information import KnownBy
from agents.trainer.envs import make_envs
from glimpse_env.wrappers import VectorInformationReward
from tests.agents.conftest import NUMBERS, fresh_agent


@pytest.mark.parametrize("mode", ["same_step", "next_step"])
@pytest.mark.parametrize("first", ["none", "center"])
def test_it_knows_what_the_agent_knows_of_each_episode(mode: str, first: str) -> None:
    """Against an agent that is shown the glimpses of the episode again, one row at a time."""
    config = NUMBERS
    agent = fresh_agent(config).eval()
    inner = gym.make_vec(config.env_id, 3, num_images=32, initial_gaze=first, autoreset_mode=mode)
    sees = inner.unwrapped.sees_at_reset  # type: ignore[attr-defined]
    kept: list[tuple[Any, ...]] = []
    reader = KnownBy(agent, sees_at_reset=sees)

    def known(observation: Any, info: Any, begins: Any, new: Any) -> Any:
        found = reader(observation, info, begins, new)
        copied = ({key: value.copy() for key, value in part.items()} for part in (observation,))
        kept.append((*copied, np.array(info["target"]), np.array(begins), found))
        return found

    envs = VectorInformationReward(inner, known)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    for _ in range(12):
        envs.step(envs.action_space.sample())
    assert sum(begins.sum() for _, _, begins, _ in kept) > 6
    for row in range(3):
        state: Any = None
        for seen, target, begins, found in kept:
            glimpse, location, *context = (
                torch.as_tensor(seen[key][[row]])
                for key in ("glimpse", "location", "context")
                if key in seen
            )
            with torch.no_grad():
                if begins[row]:
                    state = agent.begin(location, *context)
                if sees or not begins[row]:
                    state = agent.look(state, glimpse, location)
                expected = information(agent.logits(state), torch.as_tensor(target[[row]]))
            assert found[row] == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize("first", ["none", "center"])
def test_rows_that_a_reset_leaves_out_are_not_shown_their_glimpse_again(first: str) -> None:
    """Against a batch that is not reset: what the row that runs on is paid is the same."""
    agent, paid = fresh_agent(NUMBERS).eval(), []
    keywords: dict[str, Any] = {"num_images": 32, "initial_gaze": first, "stop_on_mistake": False}
    for resets in (False, True):
        inner: Any = gym.make_vec(NUMBERS.env_id, 2, autoreset_mode="disabled", **keywords)
        known = KnownBy(agent, sees_at_reset=inner.sees_at_reset)
        envs = VectorInformationReward(inner, known)
        envs.reset(seed=0)
        envs.action_space.seed(0)
        paid.append([])
        for step in range(7):
            if resets and step in (1, 2, 5):
                envs.reset(options={"reset_mask": np.array([False, True])})
            _, reward, _, _, _ = envs.step(envs.action_space.sample())
            paid[-1].append(reward[0])
    np.testing.assert_allclose(*paid, atol=1e-6)
    assert np.count_nonzero(paid[0]) > 2


def test_right_answers_are_known_and_others_not(stripes_config: Config) -> None:
    """A classifier that is sure of label 1."""
    agent = fresh_agent(stripes_config)
    with torch.no_grad():
        agent.classification.layers[-1].bias.copy_(torch.tensor([0.0, 30.0]))
    envs = make_envs(stripes_config, "train", 20)
    seen, info = envs.reset(seed=0)
    known = KnownBy(agent, sees_at_reset=envs.sees_at_reset)(seen, info, *[np.ones(20, bool)] * 2)
    np.testing.assert_allclose(known, info["target"] == 1, atol=1e-3)
    assert 0 < known.sum() < 20
