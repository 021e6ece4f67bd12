from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.model.agent import AdaptiveAgent
from agents.dram.model.build import make_agent
from agents.dram.model.gazes import sampled_gaze
from agents.dram.model.noise import RowNoise
from agents.dram.readers.reading import read_off
from agents.dram.rollouts.adaptive import SpeakPolicy, likelier, read_adaptively, tossed
from agents.dram.rollouts.rollout import Decisions, Rollout
from agents.trainer.envs import make_reading_envs
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.envs.reading.episodes import ReadingEpisodes
from tests.agents import conftest
from tests.agents.conftest import GAZES, mean_gaze, noise

CAP, COST = 4, 0.125
NUMBERS = replace(conftest.NUMBERS, glimpses_per_label=0, max_glimpses=CAP, glimpse_cost=COST)


def played(*arguments: Any, **options: Any) -> tuple[Rollout, Decisions]:
    """The episodes, and the decisions in them."""
    rollout = read_adaptively(*arguments, **options)
    assert rollout.decisions is not None
    return rollout._replace(decisions=None), rollout.decisions


def made(rows: int, config: Config = NUMBERS) -> tuple[AdaptiveAgent, GlimpseVectorEnv]:
    """An agent that is right now and then, and speaks now and then: episodes differ in length."""
    torch.manual_seed(3)
    envs = make_reading_envs(config, "train", rows)
    agent = make_agent(config, envs)
    assert isinstance(agent, AdaptiveAgent)
    with torch.no_grad():
        agent.classification.layers[0].bias[1] += 3
        agent.speaking.linear.weight[:, :-2].normal_(std=30.0)
        first = played(agent, envs, np.arange(rows), mean_gaze)[1]
        agent.speaking.linear.bias -= first.odds.median() + 0.01  # no row is on the edge
    return agent, envs


def always(odds: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(odds, dtype=torch.bool)


def now_and_then(numbers: RowNoise) -> SpeakPolicy:
    return lambda odds, rows: tossed(numbers)(torch.full_like(odds, -0.5), rows)


def never(odds: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(odds, dtype=torch.bool)


@pytest.mark.parametrize("speaks, glimpses", [(always, 1), (never, CAP)])
def test_it_speaks_when_it_wants_and_at_the_cap(speaks: Any, glimpses: int) -> None:
    agent, envs = made(32)
    with torch.no_grad():
        rollout, decisions = played(agent, envs, np.arange(32), mean_gaze, speaks=speaks)
    said = torch.bincount(rollout.logits_at // envs.rules.max_said, minlength=32)
    assert (decisions.glimpses == glimpses * said).all()
    assert len(rollout.gaze) == glimpses * said.sum()
    # at the cap there is nothing to decide
    free = glimpses if speaks is always else CAP - 1
    assert len(decisions.odds) == free * said.sum()
    assert (decisions.spoke == (speaks is always)).all()


def test_what_is_earned_is_what_the_environment_pays() -> None:
    agent, envs = made(32)
    earned, step = np.zeros(32), envs.step

    def counted(actions: Any) -> Any:
        result = step(actions)
        earned.__iadd__(result[1])
        return result

    envs.step = counted  # type: ignore[method-assign]
    with torch.no_grad():
        rollout, decisions = played(
            agent, envs, np.arange(32), mean_gaze, speaks=now_and_then(noise(32))
        )
    guesses = rollout.guesses  # at every glimpse, also where nothing is said
    assert guesses is not None and guesses.targets.min() >= 0
    assert len(guesses.logits) == decisions.glimpses.sum() > len(rollout.logits)
    paid = rollout.labels_right - COST * decisions.glimpses
    assert len(set(decisions.glimpses.tolist())) > 3 and rollout.labels_right.sum() > 3
    np.testing.assert_allclose(paid, earned, atol=1e-6)
    assert (rollout.returns[:, -1] == rollout.labels_right).all()


def test_other_rewards_of_an_environment_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an environment that somebody has changed to pay for each step."""
    agent, envs = made(32)

    def play() -> Rollout:
        speaks = now_and_then(noise(32))
        with torch.no_grad():
            return played(agent, envs, np.arange(32), mean_gaze, speaks=speaks)[0]

    plain, advance = play(), ReadingEpisodes.advance

    def paid(self: ReadingEpisodes, gaze: Any, choice: Any) -> Any:
        running = ~self.rows.over
        reward, said = advance(self, gaze, choice)
        return reward + 0.25 * running, said

    monkeypatch.setattr(ReadingEpisodes, "advance", paid)
    more = play().returns - plain.returns
    # Each gaze took a step, and saying the label one more.
    gazes = torch.bincount(plain.for_label, minlength=more.numel()).view(more.shape)
    assert torch.equal(more[:, 0], 0.25 * (gazes[:, 0] + 1))
    assert torch.equal(more[:, -1], 0.25 * (gazes.sum(1) + 1))
    assert len(set(more[:, -1].tolist())) > 2


def test_gazes_and_decisions_pay_for_what_comes_after_them() -> None:
    agent, envs = made(32)
    with torch.no_grad():
        rollout, decisions = played(
            agent, envs, np.arange(32), mean_gaze, speaks=now_and_then(noise(32))
        )
    to_pay = torch.as_tensor(rollout.to_pay)
    for label in rollout.logits_at.tolist():
        gazes = to_pay[rollout.for_label == label]
        number = len(gazes)  # the first of them pays for all glimpses before the label
        assert gazes.tolist() == [COST * left for left in range(number, 0, -1)]
        decided = decisions.place // CAP == label
        free = range(number - 1, -1, -1) if number < CAP else range(CAP - 1, 0, -1)
        assert decisions.to_pay[decided].tolist() == [COST * left for left in free]
        last = decisions.spoke[decided].tolist()
        assert last == [False] * (len(last) - 1) + [number < CAP] or number == CAP


def test_a_batch_is_its_rows_one_by_one() -> None:
    agent, together = made(6)
    index = np.arange(6)
    with torch.no_grad():
        batch, decisions = played(agent, together, index, mean_gaze)
        alone = [
            played(agent, make_reading_envs(NUMBERS, "train", 1), index[i : i + 1], mean_gaze)
            for i in index
        ]
    assert decisions.glimpses.tolist() == [float(one.glimpses) for _, one in alone]
    assert len(set(decisions.glimpses.tolist())) > 1
    assert batch.right.tolist() == [bool(one.right) for one, _ in alone]
    assert batch.returns.tolist() == [one.returns[0].tolist() for one, _ in alone]
    theirs = torch.cat([one.logits for one, _ in alone]).sort(0).values
    torch.testing.assert_close(batch.logits.sort(0).values, theirs, rtol=1e-4, atol=1e-5)


def test_both_backends_play_the_same_episodes() -> None:
    agent, envs = made(4)
    on_torch = gym.make_vec(
        NUMBERS.env_id, 4, backend="torch", autoreset_mode="disabled", **NUMBERS.env_options()
    )
    with torch.no_grad():
        one = played(agent, envs, np.arange(4), mean_gaze)
        other = played(agent, on_torch, np.arange(4), mean_gaze)
    for ours, theirs in zip(one, other, strict=True):
        for name, value in ours._asdict().items():
            torch.testing.assert_close(
                value, getattr(theirs, name), rtol=1e-4, atol=1e-5, check_dtype=False
            )


def test_groups_of_samples_agree_on_when_and_what_to_say() -> None:
    config = replace(NUMBERS, glimpse_cost=None)
    agent, _ = made(12, config)
    envs = make_reading_envs(config, "train", 12, stop_on_mistake=False)
    policy = sampled_gaze(GAZES, noise(12), 0.5)
    with torch.no_grad():
        rollout, decisions = played(
            agent, envs, np.repeat(np.arange(4), 3), policy, samples=3, speaks=likelier
        )
    for numbers in (rollout.labels_right, decisions.glimpses, rollout.right):
        groups = numbers.view(4, 3)
        assert (groups == groups[:, :1]).all()
    assert len(set(decisions.glimpses.tolist())) > 1
    assert rollout.gaze[:3].std(0).min() > 0  # but they look elsewhere
    assert read_off(rollout, 3).said.shape == (4, envs.rules.max_said)


def test_that_a_label_has_begun_is_told_to_the_memory_and_to_the_eye() -> None:
    agent, _ = made(5)
    with torch.no_grad():
        agent.begun.normal_()
        state = agent.begin(torch.zeros(5, 2), torch.rand(5, 1, 18, 18))
        glimpse, location = torch.rand(5, 2, 12, 12), torch.zeros(5, 2)
        begun = torch.tensor([True, False, True, False, False])
        seen = agent.look_again(state, glimpse, location, begun)
        plain = agent.look(state, glimpse, location)
        same = (seen.bottom[0] == plain.bottom[0]).all(1)
        assert same.tolist() == (~begun).tolist()
        mean, baseline = agent.where_now(seen, begun)
        onward, still = agent.onward(seen.top[0]), agent.emission(seen.top[0])
        assert torch.equal(mean, torch.where(begun[:, None], onward, still))
        assert not torch.equal(onward, still) and baseline.shape == (5,)
