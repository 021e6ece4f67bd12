"""The benchmarks run, and write what a reader needs; no number is looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents.runs.provenance import ROOT
from benchmarks import env_throughput, env_works, measuring, training_throughput
from benchmarks.env_tables import Measured, thresholds
from benchmarks.plain_ram import Retina, loaded
from glimpse_env.backend import NumpyBackend
from glimpse_env.errors import InvalidArgument
from glimpse_env.sight.retina import Retina as OurRetina


@pytest.fixture(autouse=True)
def leave_this_process_alone(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Benchmarks set the core, the threads and the precision of their whole process."""
    monkeypatch.setattr(env_throughput, "use_one_core", lambda: True)
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """One short repetition of everything."""
    monkeypatch.setattr(measuring, "REPETITIONS", 1)
    monkeypatch.setattr(measuring, "WARM_UP", 1)
    monkeypatch.setattr(training_throughput, "UPDATES", 1)
    monkeypatch.setattr(training_throughput, "MOST_IMAGES", 300)


def read(path: Path) -> tuple[str, Any]:
    text = path.read_text(encoding="utf-8")
    assert str(Path.home()) not in text
    assert str(ROOT) not in text
    for fact in ("command", "commit", "date", "CPU", "cores", "versions"):
        assert f"- {fact}: " in text
    return text, json.loads(path.with_suffix(".json").read_text())


def test_env_throughput(
    synthetic_mnist: Path, tmp_path: Path, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env_throughput, "sizes", lambda seconds: {})
    output = tmp_path / "result.md"
    ids = ("GlimpseMNIST-v0", "Glimpse-v0")
    env_throughput.main(
        env_throughput.Arguments(ids=ids, num_envs=(1, 128), seconds=0.001, output=output)
    )
    text, data = read(output)
    assert [(row["id"], row["num_envs"]) for row in data["steps"]] == [
        (env_id, number) for env_id in ids for number in (1, 128)
    ]
    for row in data["steps"]:
        assert {"gather", "take", "numpy", "torch", "SyncVectorEnv"} <= set(row["rates"])
        assert all(rate["median"] > 0 for rate in row["rates"].values())
    verdicts = {ratio["name"]: ratio["verdict"] for ratio in data["ratios"]}
    assert verdicts["GlimpseMNIST-v0 over ap_gym, both 8x8 with 6 glimpses"] == "not measured"
    assert "not measured" not in verdicts["GlimpseMNIST-v0 over SyncVectorEnv"]
    assert "| ap_gym MNIST, 128 | not measured |" in text


def test_training_throughput(synthetic_mnist: Path, tmp_path: Path, short: None) -> None:
    output = tmp_path / "result.md"
    training_throughput.main(training_throughput.Arguments(threads=1, seconds=0.001, output=output))
    text, data = read(output)
    trainings = {(rate["preset"], rate["training"]) for rate in data["rates"]}
    presets = ("ram_mnist", "ram_mnist_lstm")
    assert {
        (name, kind) for name in presets for kind in ("ours", "plain, as public code is")
    } < trainings
    assert {ratio["verdict"] for ratio in data["ratios"]} <= {"met", "not met"}
    assert data["ratios"][0]["name"] == "ram_mnist: ours over plain, as public code is"
    assert "| ours | highest |" in text and "128 LSTM units, batches of 256, 6 glimpses" in text


def test_gathers_give_the_shape_of_a_glimpse() -> None:
    setup = env_works.Setup("Glimpse-v0", 3)
    observation, _ = setup.make().reset()
    gathered, taken = (copy(places[-1]) for copy, places in env_works.bare_copies(setup).values())
    assert gathered.dtype == np.uint8
    assert gathered.shape == observation["glimpse"].shape
    np.testing.assert_array_equal(gathered, taken)


@pytest.mark.parametrize("python_slices", [False, True])
def test_plain_retina_sees_what_ours_sees(python_slices: bool) -> None:
    pixels = np.arange(2 * 28 * 28).reshape(2, 1, 28, 28) % 251
    gaze = np.array([[0.0, 0.0], [-1.0, 0.5]], np.float32)
    ours = OurRetina(
        NumpyBackend(),
        capacity=2,
        channels=1,
        height=28,
        width=28,
        glimpse_size=8,
        num_scales=1,
    )
    ours.write(pixels)
    seen = ours.glimpse(np.arange(2), gaze).reshape(2, -1)
    images = torch.as_tensor(pixels).float() / 255
    plain = Retina(8, 1, python_slices)(images, torch.as_tensor(gaze))
    np.testing.assert_allclose(plain.numpy(), seen, atol=1e-6)


def test_thresholds_without_measurements_claim_nothing() -> None:
    assert {ratio.verdict for ratio in thresholds(Measured((), {}))} == {"not measured"}


def test_a_loader_without_a_whole_batch_is_refused() -> None:
    """It would look for one for ever."""
    images, labels = torch.zeros(5, 28, 28, dtype=torch.uint8), torch.arange(5)
    with pytest.raises(InvalidArgument, match="batch of 6"):
        next(loaded(images, labels, 6, "cpu"))
    pixels, targets = next(loaded(images, labels, 5, "cpu"))
    assert pixels.shape == (5, 1, 28, 28) and sorted(targets.tolist()) == [0, 1, 2, 3, 4]
    torch.testing.assert_close(pixels, torch.full_like(pixels, -0.1307 / 0.3081))


def test_unknown_environments_are_refused_before_anything_is_measured() -> None:
    arguments = env_throughput.Arguments(ids=("GlimpseMNIST-v0", "Foo-v0"))
    with pytest.raises(InvalidArgument, match="ids='Foo-v0' is unknown"):
        env_throughput.main(arguments)
