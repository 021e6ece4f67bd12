"""The pieces of the one-file RAM, and that it is one that can be read in one sitting."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.distributions import Normal

PATH = Path(__file__).parents[2] / "examples" / "plain_ram.py"
ROWS, LABELS = 32, 10


@pytest.fixture
def ram(synthetic_mnist: Path) -> Iterator[ModuleType]:
    """The example as a module, on drawn digits; it sets the number of threads of the process."""
    spec = importlib.util.spec_from_file_location("plain_ram", PATH)
    assert spec and spec.loader
    threads, module = torch.get_num_threads(), importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    torch.set_num_threads(threads)
    del sys.modules[spec.name]


def played(ram: ModuleType, std: float) -> Any:
    torch.manual_seed(0)
    agent = ram.RAM(8 * 8, LABELS)
    return ram.play(ram.make_envs("train", ROWS), agent, std, seed=0)


def test_it_fits_on_two_screens_and_uses_nothing_of_agents() -> None:
    text = PATH.read_text()
    assert len(text.splitlines()) <= 150
    assert not re.search(r"^(from|import) agents", text, re.MULTILINE)


def test_gazes_are_drawn_around_their_means(ram: ModuleType) -> None:
    episodes = played(ram, std=0.5)
    assert episodes.gazes.shape == episodes.means.shape == (ram.GLIMPSES - 1, ROWS, 2)
    noise = (episodes.gazes - episodes.means).detach()
    assert noise.std().item() == pytest.approx(0.5, rel=0.2)
    assert not episodes.gazes.requires_grad
    assert torch.equal(*(played(ram, std=0.0)[:2]))


def test_the_reward_is_that_of_the_label_said_last(ram: ModuleType) -> None:
    episodes = played(ram, std=ram.STD)
    assert episodes.labels.min() >= 0
    right = episodes.scores.argmax(1) == episodes.labels
    assert torch.equal(episodes.rewards, right.float())


@pytest.mark.parametrize("credit", ["environment", "probability"])
def test_means_follow_the_score_function(
    ram: ModuleType, monkeypatch: pytest.MonkeyPatch, credit: str
) -> None:
    """The gradient is that of torch's density times the advantage times STD^2."""
    monkeypatch.setattr(ram, "CREDIT", credit)
    shape = (ram.GLIMPSES - 1, ROWS)
    torch.manual_seed(1)
    means = (torch.rand(*shape, 2) - 0.5).requires_grad_()
    gazes = (means + ram.STD * torch.randn_like(means)).detach()
    labels, baselines = torch.randint(LABELS, (ROWS,)), torch.rand(shape)
    scores, rewards = torch.randn(ROWS, LABELS), torch.randint(2, (ROWS,)).float()
    episodes = ram.Episodes(gazes, means, baselines, scores, labels, rewards)
    found = torch.autograd.grad(ram.hybrid_loss(episodes), means)[0]
    returns = rewards
    if credit == "probability":
        returns = scores.softmax(1)[torch.arange(ROWS), labels]
    density = Normal(means, ram.STD).log_prob(gazes).sum(2)
    loss = -ram.REINFORCE * ram.STD**2 * (density * (returns - baselines)).sum() / ROWS
    torch.testing.assert_close(found, torch.autograd.grad(loss, means)[0])


def test_it_learns_drawn_digits(ram: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    ram.main(images=6_000, every=3_000, validation_images=100)
    lines = re.findall(r"(\d+) images, .* error ([\d.]+) %", capsys.readouterr().out)
    assert [int(images) for images, _ in lines] == [3072, 6144]
    assert float(lines[-1][1]) < 60  # chance is 90
