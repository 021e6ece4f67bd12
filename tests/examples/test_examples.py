"""The examples run, each where its library is installed."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.dram.readers.agent_reader import evaluate
from agents.runs import pretrained
from agents.runs.folder import RunFolder
from tests.forked import Program

EXAMPLES = Path(__file__).parents[2] / "examples"
LIBRARY = {
    "learner_example.py": "torch",  # test_learner_example.py
    "plain_ram.py": "torch",  # test_plain_ram.py
    "reinforce_example.py": "torch",
    "rllib_example.py": "ray.rllib",
    "torchrl_example.py": "torchrl",
    "trained_agent_example.py": "torch",
}
REPORT = r"(\d+) (?:steps|episodes), mean return ([\d.]+)"


def installed(library: str) -> bool:
    package, *_ = library.split(".")
    return importlib.util.find_spec(package) is not None and (
        importlib.util.find_spec(library) is not None
    )


def test_every_example_has_a_test() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(LIBRARY)


@pytest.mark.parametrize("name", ["rllib_example.py", "torchrl_example.py"])
def test_an_example_trains(tmp_path: Path, name: str) -> None:
    if not installed(LIBRARY[name]):
        pytest.skip(f"{LIBRARY[name]} is not installed")
    found = run(tmp_path, name, "2")
    assert len(found) == 2
    assert found[1][0] == pytest.approx(2 * found[0][0], rel=0.05)
    assert all(0 < earned < 1 for _, earned in found)


@pytest.mark.slow
@pytest.mark.requires_mnist
def test_reinforce_learns_from_rewards_alone(tmp_path: Path) -> None:
    found = run(tmp_path, "reinforce_example.py", "5")
    assert [done for done, _ in found] == [25 * 256 * number for number in range(1, 6)]
    first, last = found[0][1], found[-1][1]
    assert first == pytest.approx(0.1, abs=0.03)  # chance
    assert last > first + 0.08


@pytest.mark.requires_mnist
def test_a_trained_agent_reads_as_in_its_evaluation(tmp_path: Path) -> None:
    config = Config(
        env_id="GlimpseMNIST-v0",
        context_size=8,
        initial_gaze="none",
        features=32,
        units=32,
        learning_rate=5e-3,
        images=12_800,
    )
    training = Training(config)
    while training.images < config.images:
        training.update()
    folder = RunFolder.new(tmp_path, "little", config)
    folder.save(training.state())
    folder.close()
    wrong = evaluate(training.agent, config, "test").error
    assert wrong < 80
    said = told(tmp_path, "trained_agent_example.py", str(folder.path))
    assert f"an error of {wrong:.2f} %" in said


@pytest.mark.requires_mnist
def test_a_pretrained_agent_reads_as_its_page_says(tmp_path: Path) -> None:
    said = re.search(
        r"an error of ([\d.]+) %",
        told(tmp_path, "trained_agent_example.py", "pretrained:ram_mnist"),
    )
    (mean_gaze,) = (
        result
        for result in pretrained.page("ram_mnist").results
        if (result["split"], result["gaze"], result["samples"]) == ("test", "policy", 1)
    )
    low, high = mean_gaze["interval"]  # first glimpses are at other random places
    assert said and low <= float(said[1]) <= high


def run(folder: Path, name: str, *arguments: str) -> list[tuple[int, float]]:
    """Run an example: steps or episodes done, and the mean return, of each line."""
    found = re.findall(REPORT, told(folder, name, *arguments))
    return [(int(done), float(earned)) for done, earned in found]


def told(folder: Path, name: str, *arguments: str) -> str:
    """What an example prints."""
    done = Program([EXAMPLES / name, *arguments], folder).ended(seconds=600)
    assert done.status == 0, done.errors[-2000:]
    return done.said
