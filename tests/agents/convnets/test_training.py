from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from agents.convnets.config import ConvNetConfig
from agents.convnets.reader import ConvNetReader, Images, evaluate_convnet
from agents.convnets.training import ConvNetTraining
from agents.evaluation.evaluation import evaluate_reader, judge
from agents.evaluation.reader import with_end
from glimpse_env.errors import InvalidArgument

BARS = {"learn": "Bars-v0", "held out": "OtherBars-v0", "shuffled": "ShuffledBars-v0"}


def bars(seed: int, number: int = 1500) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """One to three marks from left to right in noise, each a bar that stands, lies or leans."""
    rng = np.random.default_rng(seed)
    images = rng.integers(60, size=(number, 8, 24)).astype(np.uint8)
    labels = rng.integers(3, size=(number, 3))
    labels[np.arange(3) >= rng.integers(1, 4, size=(number, 1))] = -1
    marks = [np.zeros((6, 6), np.uint8) for _ in range(3)]
    marks[0][:, 2:4] = marks[1][2:4] = marks[2][np.arange(6), np.arange(6)] = 190
    for image, sequence in zip(images, labels, strict=True):
        for place, label in enumerate(sequence):
            if label >= 0:
                image[1:7, 8 * place + 1 : 8 * place + 7] += marks[label]
    return images, labels


@pytest.fixture(scope="module")
def bars_ids() -> Iterator[dict[str, str]]:
    """Images to learn from, others to be read, and the first with labels of other images."""
    images, labels = bars(0)
    sets = {
        "learn": (images, labels),
        "held out": bars(1),
        "shuffled": (images, np.random.default_rng(2).permutation(labels)),
    }
    for name, (pixels, sequences) in sets.items():
        gym.register(
            BARS[name],
            vector_entry_point="glimpse_env.envs.reading.env:GlimpseVectorEnv",
            kwargs={"images": pixels, "labels": sequences, "num_classes": 3, "glimpse_size": 4},
        )
    yield BARS
    for env_id in BARS.values():
        del gym.registry[env_id]


@pytest.fixture
def config(bars_ids: dict[str, str]) -> ConvNetConfig:
    """A small network with dropout."""
    return ConvNetConfig(
        env_id=bars_ids["learn"],
        convolutions=(8, 16),
        kernels=(3, 3),
        pool_after=(1, 2),
        hidden=(32,),
        dropout=0.1,
        batch=50,
        learning_rate=5e-3,
        images=12_000,
        epoch_images=4_000,
        validation_images=500,
    )


def residual(config: ConvNetConfig) -> ConvNetConfig:
    return replace(
        config,
        network="residual",
        convolutions=(8, 16),
        kernels=(),
        pool_after=(),
        hidden=(),
        pooled=3,
        blocks=1,
    )


def losses(training: ConvNetTraining, updates: int) -> list[float]:
    return [training.update()["train/cross_entropy"].item() for _ in range(updates)]


@pytest.mark.parametrize("network", ["plain", "residual"])
def test_it_learns_to_read_and_cannot_from_labels_of_other_images(
    config: ConvNetConfig, bars_ids: dict[str, str], network: str
) -> None:
    """39 sequences: who guesses is wrong nine times in ten or more."""
    config = config if network == "plain" else residual(config)
    errors = {}
    for name in ("learn", "shuffled"):
        training = ConvNetTraining(replace(config, env_id=bars_ids[name]))
        while training.images < config.images:
            training.update()
        held_out = replace(config, env_id=bars_ids["held out"])
        errors[name] = evaluate_convnet(training.network, held_out, "test").error
    assert errors["learn"] < 10
    assert errors["shuffled"] > 80


@pytest.mark.parametrize("network", ["plain", "residual"])
def test_a_restored_run_goes_on_bit_for_bit(config: ConvNetConfig, network: str) -> None:
    """Dropout, the averages of the normalizations and the optimizer's among it."""
    config = config if network == "plain" else residual(config)
    whole = ConvNetTraining(config)
    expected = losses(whole, 9)
    stopped = ConvNetTraining(config)
    losses(stopped, 4)
    state = stopped.state()
    torch.manual_seed(99)  # whatever else happens in between
    resumed = ConvNetTraining(config)
    resumed.restore(state)
    evaluate_convnet(resumed.network, config, "validation", images=60)
    assert losses(resumed, 5) == expected[4:]
    ours, theirs = resumed.network.state_dict(), whole.network.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_another_seed_is_another_run(config: ConvNetConfig) -> None:
    one, same, other = (losses(ConvNetTraining(replace(config, seed=s)), 3) for s in (0, 0, 1))
    assert one == same != other


def test_the_images_are_the_task_s(config: ConvNetConfig) -> None:
    images, labels = bars(0)
    index = np.array([3, 700, 3])
    pixels, sequences = Images(config, "test", "cpu").batch(index)
    assert pixels.dtype == torch.uint8
    assert np.array_equal(pixels.numpy()[:, 0], images[index])
    assert np.array_equal(sequences.numpy(), labels[index])


def test_the_count_is_that_of_a_loop_over_images(config: ConvNetConfig) -> None:
    training = ConvNetTraining(config)
    losses(training, 30)
    at_once, singly = (
        evaluate_reader(ConvNetReader(training.network, config, "test", batch), "test", images=110)
        for batch in (64, 1)
    )
    assert at_once == singly
    assert at_once.images == 110 and 0 < at_once.wrong < 110
    assert at_once.error == pytest.approx(100 * at_once.wrong / 110, abs=1e-3)
    assert at_once.interval[0] < at_once.error < at_once.interval[1]
    assert "110 images" in at_once.describe()
    assert training.network.training


def test_labels_are_paid_up_to_the_first_mistake() -> None:
    said = torch.tensor([[1, 2, -1], [1, 2, -1], [1, 2, 0], [2, 2, -1], [-1, -1, -1], [1, 2, 0]])
    labels = torch.tensor([[1, 2, -1], [1, -1, -1], [1, 2, -1], [1, 2, -1], [-1] * 3, [1, 2, 0]])
    assert with_end(said, 9).tolist()[:3] == [[1, 2, 9, -1], [1, 2, 9, -1], [1, 2, 0, 9]]
    paid = [3, 1, 2, 0, 1, 4]
    found = judge(with_end(said, 9), with_end(labels, 9), 9)
    assert found["mean_labels_right"] == pytest.approx(sum(paid) / 6, abs=1e-4)
    assert found["wrong"] == 3
    # by true length 0 .. 4: how many were said to be so long
    assert found["lengths"] == (
        (1, 0, 0, 0, 0),
        (0, 0, 1, 0, 0),
        (0, 0, 2, 1, 0),
        (0, 0, 0, 1, 0),
        (0, 0, 0, 0, 0),
    )
    one = judge(torch.tensor([[3], [4]]), torch.tensor([[3], [3]]), None)
    assert (one["mean_labels_right"], one["lengths"]) == (0.5, ())


def test_impossible_numbers_are_named(config: ConvNetConfig) -> None:
    network = ConvNetTraining(config).network
    with pytest.raises(InvalidArgument, match="images"):
        evaluate_convnet(network, config, "test", images=-1)
    with pytest.raises(InvalidArgument, match="batch"):
        ConvNetReader(network, config, "test", batch=0)
