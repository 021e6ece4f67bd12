"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import envs_registry
from agents.presets import PRESETS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_table_of_ids_is_that_of_the_registry() -> None:
    assert envs_registry.readme_table() in README


def test_a_newcomer_has_two_commands_that_do_their_own_set_up() -> None:
    commands = [block for block in blocks("bash") if "venv" in block]
    assert len(commands) == 2
    for command in commands:
        assert command.startswith("python3 -m venv .venv\n.venv/bin/pip install -c constraints.txt")
    assert "agents/train_dram.py" in commands[0] and "pytest" in commands[1]


def test_the_first_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = blocks("python")[0]
    assert len(code.strip().splitlines()) <= 12
    exec(compile(code, "README.md", "exec"), {})
    assert "(128, 2, 12, 12)" in capsys.readouterr().out


def test_the_presets_exist() -> None:
    listed = re.search(r"^Presets: (.*?)\n\n", README, re.DOTALL | re.MULTILINE)
    assert listed
    for name in re.findall(r"`([a-z][a-z0-9_]+)`", listed.group(1)):
        assert name in PRESETS


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
