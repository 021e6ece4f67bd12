from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.model.build import make_agent
from agents.dram.model.gazes import sampled_gaze
from agents.dram.readers.agent_reader import evaluate
from agents.dram.rollouts.games import likeliest_move, play_games, sampled_move
from agents.dram.rollouts.play import play
from agents.trainer.envs import make_envs
from glimpse_env.envs.catch.env import CatchVectorEnv
from tests.agents.conftest import GAZES, mean_gaze, noise


def catch_envs(config: Config, number: int) -> CatchVectorEnv:
    envs = make_envs(config, "test", number)
    assert isinstance(envs, CatchVectorEnv)
    return envs


@pytest.mark.parametrize("initial_gaze", ["none", "center"])
def test_a_batch_is_its_games_one_by_one(catch_config: Config, initial_gaze: str) -> None:
    torch.manual_seed(3)
    config = replace(catch_config, initial_gaze=initial_gaze)  # type: ignore[arg-type]
    envs = catch_envs(config, 30)
    agent, index = make_agent(config, envs), np.arange(30)
    with torch.no_grad():
        batch = play(agent, envs, index, mean_gaze)
        single = catch_envs(config, 1)
        alone = [play(agent, single, index[i : i + 1], mean_gaze) for i in index]
    assert batch.right.tolist() == [bool(one.right) for one in alone]
    assert 0 < batch.labels_right.sum() < 30
    steps = envs.game.steps
    assert len(batch.logits) == len(batch.gaze) == steps * 30
    for name in ("params", "baseline", "logits", "targets"):
        ours = getattr(batch, name).view(steps, 30, -1)
        theirs = torch.stack([getattr(one, name).view(steps, -1) for one in alone], 1)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_return_belongs_to_all_steps_of_its_game(catch_config: Config) -> None:
    torch.manual_seed(3)
    envs = catch_envs(catch_config, 40)
    agent = make_agent(catch_config, envs)
    with torch.no_grad():
        rollout = play(agent, envs, np.arange(40), mean_gaze)
    caught = torch.as_tensor(envs._episodes.rows.caught)
    assert torch.equal(rollout.right, caught)
    returns = rollout.returns.view(-1)[rollout.for_label].view(envs.game.steps, 40)
    assert (returns == caught.float()).all()


def test_both_backends_play_the_same_games(catch_config: Config) -> None:
    torch.manual_seed(0)
    envs = catch_envs(catch_config, 20)
    agent = make_agent(catch_config, envs)
    on_torch = gym.make_vec(
        catch_config.env_id, 20, split="test", backend="torch", autoreset_mode="disabled"
    )
    with torch.no_grad():
        one, other = (play(agent, some, np.arange(20), mean_gaze) for some in (envs, on_torch))
    for name, value in one._asdict().items():
        theirs = getattr(other, name)
        torch.testing.assert_close(value, theirs, rtol=1e-4, atol=1e-5, check_dtype=False)


def test_moves_follow_the_softmax() -> None:
    logits = torch.tensor([0.0, 1.0, -1.0]).expand(30_000, 3)
    moves = sampled_move(noise(30_000))(logits, torch.arange(30_000))
    share = torch.bincount(moves, minlength=3) / len(moves)
    torch.testing.assert_close(share, logits[0].softmax(0), rtol=0, atol=0.01)
    assert (likeliest_move(logits, torch.arange(30_000)) == 1).all()


def test_moves_that_are_recorded_are_those_that_were_played(catch_config: Config) -> None:
    envs = catch_envs(catch_config, 25)
    agent = make_agent(catch_config, envs)
    paddles: list[np.ndarray] = []
    rollout = play_games(
        agent,
        envs,
        np.arange(25),
        mean_gaze,
        watch=lambda: paddles.append(envs._episodes.rows.paddle.copy()),
        moves=sampled_move(noise(25)),
    )
    made = rollout.targets.view(envs.game.steps, 25).numpy()
    assert len(np.unique(made)) == 3
    for before, move, after in zip(paddles[:-1], made, paddles[1:], strict=True):
        np.testing.assert_array_equal((before + move - 1).clip(0, 6), after)


def test_groups_of_samples_play_one_game(catch_config: Config) -> None:
    torch.manual_seed(1)
    envs = catch_envs(catch_config, 12)
    agent = make_agent(catch_config, envs)
    policy = sampled_gaze(GAZES, noise(12), 0.5)
    with torch.no_grad():
        rollout = play(agent, envs, np.repeat(np.arange(4), 3), policy, samples=3)
    moves = rollout.targets.view(-1, 4, 3)
    assert (moves == moves[:, :, :1]).all()
    assert rollout.gaze.view(-1, 4, 3, 2).std(2).min() > 0  # while the eyes differ
    assert (rollout.right.view(4, 3) == rollout.right.view(4, 3)[:, :1]).all()


def test_every_game_is_counted_once(catch_config: Config) -> None:
    torch.manual_seed(0)
    agent = make_agent(catch_config, catch_envs(catch_config, 1))
    one, other = (
        evaluate(agent, catch_config, "test", images=70, num_envs=number) for number in (1, 32)
    )
    assert one.wrong == other.wrong and one.images == 70
    envs = catch_envs(catch_config, 70)
    with torch.no_grad():
        caught = play(agent, envs, np.arange(70), mean_gaze).right
    assert one.wrong == 70 - int(caught.sum())
