from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("sb3_contrib")

from agents.sb3.config import Sb3Config
from agents.sb3.labels import GazesAlone, LabelledPPO, WithTargets
from agents.sb3.model import make_model, training_envs
from agents.sb3.reader import evaluate_sb3
from glimpse_env.errors import InvalidArgument
from glimpse_env.sb3 import GlimpseVecEnv

SMALL = Sb3Config(
    algo="labelled-ppo",
    env_id="Stripes-v0",
    num_envs=16,
    steps=8,
    batch=32,
    epochs=1,
    gaze_bins=6,
    features=16,
    channels=4,
    units=16,
)


def model_of(config: Sb3Config) -> Any:
    return make_model(config, training_envs(config))


def test_the_target_is_that_of_the_episode_that_is_seen(stripes_id: str) -> None:
    """Also in the step in which an episode ends and the next one is shown."""
    envs = WithTargets(GlimpseVecEnv(stripes_id, 4))
    inner = envs.unwrapped.envs
    seen = envs.reset()
    rng, ends = np.random.default_rng(0), 0
    for _ in range(20):
        expected = np.asarray(inner._episodes.target)
        np.testing.assert_array_equal(seen["target"][:, 0], expected)
        action = np.stack([envs.action_space.sample() for _ in range(4)])
        action[:, 2] = rng.integers(2, size=4)
        seen, _, over, _ = envs.step(action)
        ends += over.sum()
    assert ends > 8


def test_a_stack_of_glimpses_has_targets_from_the_first_reset_on(stripes_id: str) -> None:
    envs = training_envs(replace(SMALL, env_id=stripes_id, stack=2))
    seen = envs.reset()
    inner: Any = envs.unwrapped
    np.testing.assert_array_equal(seen["target"][:, 0], inner.envs.episodes.target)
    assert seen["location"].shape == (16, 4)


def test_no_policy_sees_the_target(stripes_id: str) -> None:
    del stripes_id
    model = model_of(SMALL)
    seen = model.env.reset()
    said = [
        model.predict(seen | {"target": np.full_like(seen["target"], target)}, deterministic=True)
        for target in (0, 1)
    ]
    np.testing.assert_array_equal(said[0][0], said[1][0])
    for one, other in zip(said[0][1], said[1][1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_gazes_are_drawn_and_scored() -> None:
    logits = torch.randn(500, 3 + 4 + 5, generator=torch.Generator().manual_seed(0))
    chances = GazesAlone([3, 4, 5]).proba_distribution(logits)
    drawn = chances.sample()
    parts = logits.split([3, 4, 5], 1)
    assert torch.equal(drawn[:, 2], parts[2].argmax(1))
    assert len(drawn[:, 0].unique()) == 3 and len(drawn[:, 1].unique()) == 4
    scores = [part.log_softmax(1) for part in parts[:2]]
    expected = sum(score.gather(1, drawn[:, [at]])[:, 0] for at, score in enumerate(scores))
    torch.testing.assert_close(chances.log_prob(drawn), expected)
    entropy = sum(-(score.exp() * score).sum(1) for score in scores)
    torch.testing.assert_close(chances.entropy(), entropy)


def test_the_labels_gradient_is_that_of_the_cross_entropy(stripes_id: str) -> None:
    """(p - 1[target]) / labels at the classifier's bias; none comes from the policy gradient."""
    del stripes_id
    model = model_of(SMALL)
    model.learn(128)  # collects, and leaves the buffer full
    data = next(model.rollout_buffer.get(64))
    terms = model.losses(data)
    bias = model.policy.action_net.bias
    gradients = {
        name: torch.autograd.grad(term, bias, retain_graph=True)[0]
        for name, term in terms.items()
        if name != "value_loss"
    }
    for name in ("policy_gradient_loss", "entropy_loss"):
        assert gradients[name][:-2].any() or name == "entropy_loss"
        assert not gradients[name][-2:].any()
    assert not gradients["cross_entropy"][:-2].any()
    target, emit = data.observations["target"].flatten().long(), data.observations["emit"].flatten()
    due = (data.mask > 0.5) & (emit == 1)
    assert 0 < due.sum() < (data.mask > 0.5).sum()
    chances = model.policy.action_dist.label_logits.softmax(1)[due]
    expected = (chances - torch.nn.functional.one_hot(target[due], 2)).mean(0)
    torch.testing.assert_close(gradients["cross_entropy"][-2:], expected)


def test_without_the_weight_no_label_is_learned(stripes_id: str) -> None:
    del stripes_id
    model = model_of(replace(SMALL, label_weight=0.0))
    before = model.policy.action_net.bias.detach().clone()
    model.learn(256)
    moved = model.policy.action_net.bias.detach() - before
    assert isinstance(model, LabelledPPO) and model.label_weight == 0
    assert moved[:-2].any() and not moved[-2:].any()


def test_games_have_no_labels(catch_id: str) -> None:
    with pytest.raises(InvalidArgument, match="has no labels"):
        training_envs(replace(SMALL, env_id=catch_id))


@pytest.mark.slow
def test_labels_teach_to_read(stripes_id: str) -> None:
    del stripes_id
    config = replace(SMALL, num_envs=64, steps=16, batch=256, epochs=4, learning_rate=3e-3)
    config = replace(config, timesteps=40_000, features=32, channels=8, units=32)
    model = model_of(config).learn(config.timesteps)
    assert evaluate_sb3(model, config, "test", images=1000).error < 10
