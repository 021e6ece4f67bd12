"""The one-file PPO: its algebra, and that it enters the comparison from outside."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from benchmarks.compare.contenders import training_envs
from benchmarks.compare.outcomes import Run
from benchmarks.compare.run import run_one
from benchmarks.compare.tasks import TASKS
from glimpse_env.errors import InvalidArgument

EXAMPLE = Path(__file__).parents[2] / "examples" / "learner_example.py"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as a module of somebody's own."""
    spec = importlib.util.spec_from_file_location("somebodys_ppo", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "somebodys_ppo", module)
    spec.loader.exec_module(module)
    return module


def test_advantages_against_the_sum_that_defines_them(example: ModuleType) -> None:
    """Sums of (gamma lambda)^k delta until the episode ends."""
    generator = torch.Generator().manual_seed(0)
    reward, value = torch.rand(2, 6, 3, generator=generator)
    over, last = (torch.rand(6, 3, generator=generator) < 0.3).float(), torch.rand(3)
    found = example.advantages({"reward": reward, "value": value, "over": over}, last)
    after = torch.cat([value[1:], last[None]])
    delta = reward + example.GAMMA * (1 - over) * after - value
    for row in range(3):
        for step in range(6):
            expected = 0.0
            for ahead in range(step, 6):
                weight = (example.GAMMA * example.LAMBDA) ** (ahead - step)
                expected += weight * delta[ahead, row].item()
                if over[ahead, row]:
                    break
            assert found[step, row].item() == pytest.approx(expected, abs=1e-5)


def test_an_update_raises_the_chance_of_what_paid(example: ModuleType) -> None:
    torch.manual_seed(0)
    network = example.Network(4, [3, 3, 5])
    seen = torch.rand(2, 64, 4)
    action = torch.stack([torch.randint(size, (2, 64)) for size in (3, 3, 5)], -1)
    advantage = (action[..., 2] == 1).float() * 2 - 0.4  # label 1 pays
    policies, value = network(seen.flatten(0, 1))
    data = {"seen": seen, "action": action, "advantage": advantage, "return": value.view(2, 64)}
    data["log_prob"] = example.log_prob(policies, action.flatten(0, 1)).view(2, 64)
    data = {name: part.detach() for name, part in data.items()}
    before = policies[2].probs[:, 1].mean()
    example.update(network, torch.optim.Adam(network.parameters(), lr=1e-2), data)
    assert network(seen.flatten(0, 1))[0][2].probs[:, 1].mean() > before + 0.1


def test_it_enters_the_comparison_by_its_name(example: ModuleType, tmp_path: Path) -> None:
    assert training_envs(TASKS["catch12"], example.make(None, 0, 1)).num_envs == example.ROWS
    run = Run("catch12", "somebodys_ppo:make", 2048, 0)
    found = run_one(run, tmp_path / run.name, 20, 50)
    assert found["outcome"]["steps"] == 2048 and found["outcome"]["n"] == 50
    assert found["outcome"]["learner"] == "somebodys_ppo:make" and ":" not in run.name
    for name in ("somebodys_ppo:nothing", "no_such_module:make"):
        with pytest.raises(InvalidArgument, match=name):
            run_one(Run("catch12", name, 2048, 0), tmp_path / "other")


def test_it_says_how_it_plays(example: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    example.main(2048)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("0 steps, validation error") and "2000 images" in lines[-1]
