from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.model.build import make_agent
from agents.dram.model.gazes import sampled_gaze
from agents.dram.rollouts.collect import collect
from agents.trainer.envs import make_envs
from glimpse_env.envs.reading.episodes import ReadingEpisodes
from glimpse_env.errors import InvalidArgument
from tests.agents.conftest import GAZES, NUMBERS, mean_gaze, noise


def test_a_batch_is_its_rows_one_by_one() -> None:
    """Rows that end leave the computation; the others must not notice."""
    torch.manual_seed(3)
    index = np.arange(6)
    together = make_envs(NUMBERS, "train", 6)
    agent = make_agent(NUMBERS, together)
    with torch.no_grad():
        # a classifier that is right now and then, so that episodes differ in length
        agent.classification.layers[0].bias[:3] += 2
        batch = collect(agent, together, index, mean_gaze)
        alone = [
            collect(agent, make_envs(NUMBERS, "train", 1), index[i : i + 1], mean_gaze)
            for i in index
        ]
    assert batch.right.tolist() == [bool(one.right) for one in alone]
    assert batch.labels_right.tolist() == [float(one.labels_right) for one in alone]
    assert len(batch.gaze) == sum(len(one.gaze) for one in alone)
    assert batch.returns.tolist() == [one.returns[0].tolist() for one in alone]
    for name in ("params", "baseline"):
        ours = getattr(batch, name).double().sum(0)
        theirs = sum(getattr(one, name).double().sum(0) for one in alone)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    theirs = torch.cat([one.logits for one in alone]).sort(0).values
    torch.testing.assert_close(batch.logits.sort(0).values, theirs, rtol=1e-4, atol=1e-5)


def test_both_backends_play_the_same_episodes() -> None:
    torch.manual_seed(0)
    envs = make_envs(NUMBERS, "train", 4)
    agent = make_agent(NUMBERS, envs)
    import gymnasium as gym

    on_torch = gym.make_vec(
        NUMBERS.env_id, num_envs=4, backend="torch", autoreset_mode="disabled", num_images=32
    )
    with torch.no_grad():
        one = collect(agent, envs, np.arange(4), mean_gaze)
        other = collect(agent, on_torch, np.arange(4), mean_gaze)  # type: ignore[arg-type]
    for name, value in one._asdict().items():
        torch.testing.assert_close(
            value, getattr(other, name), rtol=1e-4, atol=1e-5, check_dtype=False
        )


def test_the_sample_is_kept_raw_and_clipped_by_the_environment_alone(
    stripes_config: Config,
) -> None:
    envs = make_envs(stripes_config, "train", 64)
    agent = make_agent(stripes_config, envs)
    seen: list[np.ndarray] = []
    policy = sampled_gaze(GAZES, noise(64), 2.0)
    with torch.no_grad():
        rollout = collect(
            agent,
            envs,
            np.arange(64),
            policy,
            watch=lambda: seen.append(envs._episodes.rows.gaze.copy()),
        )
    assert rollout.gaze.abs().max() > 2
    assert max(np.abs(gaze).max() for gaze in seen) == 1
    np.testing.assert_allclose(rollout.gaze[:64].clamp(-1, 1), seen[1], rtol=1e-6)


def test_returns_are_rewards_up_to_the_label_that_the_gaze_was_for() -> None:
    torch.manual_seed(3)
    envs = make_envs(NUMBERS, "train", 32)
    agent = make_agent(NUMBERS, envs)
    with torch.no_grad():
        agent.classification.layers[0].bias[1] += 3
        rollout = collect(agent, envs, np.arange(32), mean_gaze)
    n = envs.rules.glimpses_per_label
    returns = rollout.returns.view(-1)[rollout.for_label]
    assert len(returns) % n == 0
    # The gazes for the first label come first, n for each row: R_1 is 1 where it was right.
    first = returns[: 32 * n].view(n, 32)
    assert (first == (rollout.labels_right >= 1)).all()
    # Rows that go on look n times for the second label: R_2 = 1 + (second right).
    going = rollout.labels_right[rollout.labels_right >= 1]
    second = returns[32 * n : (32 + len(going)) * n]
    assert len(going) > 0 and sorted(set(second.tolist())) <= [1.0, 2.0]
    assert second.sum() == n * (going.clamp(max=2)).sum()


def test_rewards_between_labels_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an environment that somebody has changed to take a price for each glimpse."""
    advance = ReadingEpisodes.advance

    def paid(self: ReadingEpisodes, gaze: Any, choice: Any) -> Any:
        running = ~self.rows.over
        reward, said = advance(self, gaze, choice)
        return reward - 0.25 * running, said

    monkeypatch.setattr(ReadingEpisodes, "advance", paid)
    torch.manual_seed(3)
    envs = make_envs(NUMBERS, "train", 32)
    agent = make_agent(NUMBERS, envs)
    with torch.no_grad():
        rollout = collect(agent, envs, np.arange(32), mean_gaze)
    steps = envs.rules.glimpses_per_label + (not envs.rules.sees_at_reset)
    paid_for = rollout.returns[:, 0] + 0.25 * steps
    assert set(paid_for.tolist()) <= {0.0, 1.0}
    ended = rollout.returns[:, 0] == rollout.returns[:, -1]
    assert ended.any() and (paid_for[ended] == 0).all()  # at the first mistake


def test_an_agent_that_counts_glimpses_does_not_play_where_it_must_decide() -> None:
    envs = make_envs(replace(NUMBERS, glimpses_per_label=0), "train", 2)
    agent = make_agent(NUMBERS, make_envs(NUMBERS, "train", 2))
    with pytest.raises(InvalidArgument, match="glimpses_per_label=0"):
        collect(agent, envs, np.arange(2), mean_gaze)  # type: ignore[arg-type]


def test_groups_of_samples_agree_on_their_labels() -> None:
    torch.manual_seed(1)
    envs = make_envs(NUMBERS, "train", 12)
    agent = make_agent(NUMBERS, envs)
    policy = sampled_gaze(GAZES, noise(12), 0.5)
    with torch.no_grad():
        rollout = collect(agent, envs, np.repeat(np.arange(4), 3), policy, samples=3)
    groups = rollout.labels_right.view(4, 3)
    assert (groups == groups[:, :1]).all()
    assert (rollout.right.view(4, 3) == rollout.right.view(4, 3)[:, :1]).all()
