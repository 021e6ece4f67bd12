"""A whole-image network reads other images than its own, and goes on from another's weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agents.convnets.config import ConvNetConfig
from agents.convnets.reader import evaluate_run
from agents.convnets.training import ConvNetTraining
from agents.runs import checkpoint
from agents.train_convnet import start_from_another
from glimpse_env.errors import InvalidArgument

CONFIG = ConvNetConfig(
    env_id="GlimpseHouseNumbers-v0",
    num_images=64,
    network="residual",
    convolutions=(4, 8),
    pooled=2,
    batch=16,
    images=64,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    training = ConvNetTraining(CONFIG)
    for _ in range(3):
        training.update()
    checkpoint.save(folder / "checkpoint.pt", training.state())
    return folder


def test_a_run_reads_its_own_images_and_others(run: Path, synthetic_svhn: Path) -> None:
    own, config, images = evaluate_run(run, "validation", images=30)
    assert (own.images, images, config.env_id) == (30, 48, CONFIG.env_id)
    other, moved, _ = evaluate_run(
        run, "test", env_id="GlimpseSVHN-v0", data_dir=synthetic_svhn, images=10
    )
    assert (other.images, moved.env_id) == (10, "GlimpseSVHN-v0")
    assert other.parameters == own.parameters


def test_other_labels_are_refused(run: Path, synthetic_mnist: Path) -> None:
    with pytest.raises(InvalidArgument, match="holds networks of other sizes"):
        evaluate_run(run, "validation", env_id="GlimpseMNIST-v0", data_dir=synthetic_mnist)


def test_a_run_starts_from_the_weights_of_another(run: Path) -> None:
    theirs = checkpoint.load(run / "checkpoint.pt")["network"]
    training = ConvNetTraining(replace(CONFIG, seed=7, start_from=str(run)))
    fresh = {name: weight.clone() for name, weight in training.network.state_dict().items()}
    start_from_another(training)
    ours = training.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert any(not torch.equal(fresh[name], theirs[name]) for name in theirs)
    other = ConvNetTraining(replace(CONFIG, convolutions=(4, 16), start_from=str(run)))
    with pytest.raises(InvalidArgument, match="holds networks of other sizes"):
        start_from_another(other)
