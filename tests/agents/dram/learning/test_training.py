from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.learning import losses as losses_module
from agents.dram.learning.objectives import reading_loss, worth_of_glimpses
from agents.dram.learning.training import Training
from agents.dram.readers.agent_reader import AgentReader, agent_reader, evaluate
from agents.dram.rollouts.rollout import Decisions, Guesses
from agents.evaluation.reader import Gaze
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument
from tests.agents.conftest import NUMBERS, partial_rollout


def losses(training: Training, updates: int) -> list[float]:
    return [training.update()["train/cross_entropy"].item() for _ in range(updates)]


@pytest.mark.parametrize("initial_gaze", ["none", "random"])
def test_one_seed_one_curve(stripes_config: Config, initial_gaze: str) -> None:
    stripes_config = replace(stripes_config, initial_gaze=initial_gaze)  # type: ignore[arg-type]
    first, again = (losses(Training(stripes_config), 8) for _ in range(2))
    other = losses(Training(replace(stripes_config, seed=1)), 8)
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    "changes", [{}, {"initial_gaze": "random"}, {"dropout": 0.3}, {"share_glimpse": "another run"}]
)
def test_a_restored_run_goes_on_bit_for_bit(
    stripes_config: Config, changes: dict[str, object]
) -> None:
    stripes_config = replace(stripes_config, **changes)  # type: ignore[arg-type]
    whole = Training(stripes_config)
    expected = losses(whole, 10)
    stopped = Training(stripes_config)
    losses(stopped, 4)
    state = stopped.state()
    torch.manual_seed(99)  # whatever else happens in between
    resumed = Training(stripes_config)
    resumed.restore(state)
    assert losses(resumed, 6) == expected[4:]
    for ours, theirs in zip(resumed.agent.parameters(), whole.agent.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_dropout_is_part_of_the_seed(stripes_config: Config) -> None:
    config = replace(stripes_config, dropout=0.3)
    first, again = (losses(Training(config), 6) for _ in range(2))
    assert first == again and first != losses(Training(stripes_config), 6)
    agent = Training(config).agent.eval()
    glimpse, location = torch.rand(4, 1, 4, 4), torch.rand(4, 2)
    state = agent.begin(location, torch.rand(4, 1, 6, 6))
    one, other = (agent.logits(agent.look(state, glimpse, location)) for _ in range(2))
    assert torch.equal(one, other)  # nothing is left out in a test


def test_a_shared_glimpse_network_does_not_learn(stripes_config: Config) -> None:
    training = Training(replace(stripes_config, share_glimpse="another run"))
    before = [weight.clone() for weight in training.agent.glimpse.parameters()]
    metrics = training.update()
    assert all(map(torch.equal, before, training.agent.glimpse.parameters()))
    assert "gradients/glimpse" not in metrics and metrics["gradients/bottom"] > 0


def test_the_noise_of_gazes_has_as_many_pixels_down_as_across() -> None:
    images = np.zeros((4, 20, 100), np.uint8)
    wide = dict(images=images, labels=np.zeros(4, int), num_classes=2)
    gym.register("Wide-v0", vector_entry_point=GlimpseVectorEnv, kwargs=wide)
    try:
        config = Config(env_id="Wide-v0", num_envs=2000, features=4, units=4, sigma_pixels=3.0)
        training = Training(config)
        rows, means = torch.arange(2000), torch.tensor([[0.5, -0.2]]).expand(2000, 2)
        training.noise.generator.manual_seed(0)
        noise = training.policy(training.sigma)(means, rows) - means
        averaging = agent_reader(training.agent, config, "test", samples=2, num_envs=2000)
        assert isinstance(averaging, AgentReader)
        for found in (noise, averaging.policy(means, rows) - means):
            pixels = found.std(0) * torch.tensor([50.0, 10.0])
            torch.testing.assert_close(pixels, torch.tensor([3.0, 3.0]), rtol=0.05, atol=0)
    finally:
        del gym.registry["Wide-v0"]


def test_samples_share_an_image(stripes_config: Config) -> None:
    training = Training(replace(stripes_config, samples=4, num_envs=16))
    training.update()
    index = training.envs._episodes.rows.index
    assert (index.reshape(4, 4) == index.reshape(4, 4)[:, :1]).all()


@pytest.mark.parametrize("gazes", ["gaussian", "grid"])
@pytest.mark.parametrize("control", ["random", "center"])
def test_controls_do_not_train_the_emission_network(
    stripes_config: Config, control: str, gazes: str
) -> None:
    training = Training(replace(stripes_config, gaze=control, gazes=gazes))  # type: ignore[arg-type]
    metrics = training.update()
    assert "gradients/emission" not in metrics
    assert metrics["gradients/glimpse"] > 0


@pytest.mark.parametrize("gazes", ["gaussian", "grid"])
def test_the_policy_trains_every_box(stripes_config: Config, gazes: str) -> None:
    metrics = Training(replace(stripes_config, gazes=gazes)).update()  # type: ignore[arg-type]
    boxes = "glimpse bottom top context emission classification baseline".split()
    assert all(metrics[f"gradients/{box}"] > 0 for box in boxes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sigma_pixels": 0},
        {"sigma_fall_images": 0},
        {"sigma_start_pixels": 0.0},
        {"sigma_pixels": float("inf")},
        {"weight_decay": -1.0},
        {"warmup": 1.0},
        {"decay": 0.0},
        {"reinforce_weight": -1.0},
        {"unit_pixels": -5.0},
        {"convolutions": (8, 0)},
        {"units": 0},
        {"grid_size": 0},
        {"gazes": "circle"},
        {"learning_rate": -1e-3},
        {"seed": -1},
        {"samples": 3},
        {"optimizer": "rmsprop"},
        {"layers": 3},
        {"cell": "gru"},
        {"dropout": 1.0},
    ],
)
def test_impossible_configurations_are_named(
    stripes_config: Config, wrong: dict[str, object]
) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(wrong))):
        replace(stripes_config, **wrong)  # type: ignore[arg-type]


def test_a_training_computes_in_the_precision_of_its_run(stripes_config: Config) -> None:
    Training(replace(stripes_config, matmul_precision="medium"))
    assert torch.get_float32_matmul_precision() == "medium"


def test_labels_after_the_end_do_not_count(stripes_id: str) -> None:
    """Without `stop_on_mistake` an agent can speak where nothing is right any more."""
    logits = torch.randn(3, 5)
    some = losses_module.label_loss(logits, torch.tensor([1, -1, 4]))
    torch.testing.assert_close(some, losses_module.label_loss(logits[[0, 2]], torch.tensor([1, 4])))


@pytest.mark.parametrize("initial_gaze", ["none", "random"])
def test_gazes_are_worth_the_information_of_their_glimpses(initial_gaze: str) -> None:
    """By hand, glimpse by glimpse, in sequences of up to six labels that end at a mistake."""
    config = replace(NUMBERS, initial_gaze=initial_gaze, glimpses_per_label=3, num_envs=16)  # type: ignore[arg-type]
    config = replace(config, credit="information")
    training = Training(config)
    with torch.no_grad():  # right now and then, so that episodes differ in length
        training.agent.classification.layers[0].bias[:3] += 2
    rollout = training.play()
    guesses = rollout.guesses
    assert guesses is not None and (*rollout.returns.shape, rollout.max_glimpses) == (16, 6, 3)
    known: dict[int, float] = {}
    for logits, target, at in zip(*guesses, strict=True):
        log_prob = logits.log_softmax(0)[target].item()
        known[int(at)] = max(0.0, 1 + log_prob / math.log(len(logits)))
    place = rollout.place
    found = worth_of_glimpses(rollout, config).view(-1)[place]
    lengths = set()
    for value, at in zip(found.tolist(), place.tolist(), strict=True):
        row, glimpse = divmod(at, 18)
        label = range(row * 18 + glimpse // 3 * 3, row * 18 + glimpse // 3 * 3 + 3)
        before = known[at - 1] if at > label.start else 0.0
        assert value == pytest.approx(known[label.stop - 1] - before, abs=1e-5)
        lengths.add(glimpse // 3)
    assert len(lengths) > 1  # some rows have read more than one label
    chosen = 18 * 16 if initial_gaze == "none" else 17 * 16
    assert len(place) == len(set(place.tolist())) < chosen
    metrics = training.update()
    assert metrics["gradients/emission"] > 0 and metrics["gradients/classification"] > 0


def test_all_guesses_for_a_label_count_as_much_as_it_unless_each_might_be_it() -> None:
    logits, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, -1, 0])
    rollout = partial_rollout()._replace(
        guesses=Guesses(logits, targets, torch.arange(5)), max_glimpses=4
    )
    each = sum(-logits[i].log_softmax(0)[t] for i, t in enumerate(targets) if t >= 0)
    labels = torch.tensor(0.5)
    torch.testing.assert_close(reading_loss(rollout, labels), 0.5 + each / 4)
    decisions = Decisions(*[torch.zeros(0)] * len(Decisions._fields))
    torch.testing.assert_close(reading_loss(rollout._replace(decisions=decisions), labels), each)
    assert reading_loss(rollout._replace(guesses=None), labels) == labels


def test_the_classifier_is_asked_at_every_glimpse_only_where_that_is_paid_for(
    stripes_config: Config,
) -> None:
    for credit, asked in (("environment", False), ("probability", False), ("information", True)):
        training = Training(replace(stripes_config, credit=credit))  # type: ignore[arg-type]
        assert (training.play().guesses is not None) == asked


class _PaidTwice(GlimpseVectorEnv):
    """An environment that pays 3 for a right label, and 1 for a wrong one."""

    def step(self, actions: Any) -> Any:
        observation, reward, *rest = super().step(actions)
        return observation, 2 * reward + 1, *rest


@pytest.mark.parametrize("credit", ["environment", "probability", "information"])
def test_the_reward_of_the_environment_reaches_the_gradient_where_it_is_the_credit(
    stripes_config: Config, credit: str
) -> None:
    config = replace(stripes_config, credit=credit)  # type: ignore[arg-type]
    gradients = []
    for kind in (GlimpseVectorEnv, _PaidTwice):
        training = Training(config)
        training.envs.__class__ = kind
        training.update()
        gradients.append(training.agent.emission.linear.weight.grad)
    assert torch.equal(*gradients) == (credit != "environment")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gaze", "gazes", "low", "high"),
    [("policy", "gaussian", 0, 10), ("policy", "grid", 0, 10), ("random", "gaussian", 25, 75)],
)
def test_learns_where_to_look_and_a_random_gaze_does_not(
    stripes_config: Config, gaze: Gaze, gazes: str, low: float, high: float
) -> None:
    """Half of the answers are right by chance. Only who looks at the patch can do much better."""
    config = replace(stripes_config, gaze=gaze, gazes=gazes)  # type: ignore[arg-type]
    training = Training(config)
    while training.images < config.images:
        training.update()
    assert low <= evaluate(training.agent, config, "validation", gaze=gaze).error < high
