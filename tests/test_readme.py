"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import envs_registry
from agents import train_dram
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


def test_own_images_are_trained_on_and_read(
    own_images: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command and the lines of Python, with the names of files changed."""
    folder, table = own_images
    monkeypatch.chdir(tmp_path)
    (command,) = (block for block in blocks("bash") if "--image-folder" in block)
    given = command.replace("photos", folder.name).replace("labels.csv", table.name).split()[2:]
    small = "--images 16 --epoch-images 16 --num-envs 16 --units 8 --features 8 --no-test".split()
    train_dram.main(train_dram.parse([*given, *small, "--device", "cpu"]))
    (run,) = (tmp_path / "runs").iterdir()
    (code,) = (block for block in blocks("python") if "ImageReader" in block)
    code = code.replace("runs/NAME", str(run)).replace("gate.png", "own/2.png")
    capsys.readouterr()
    exec(compile(code.replace("door.png", "own/1.png"), "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and all(re.fullmatch(r"\[.*\] 0\.\d+", line) for line in lines)


def test_the_presets_exist() -> None:
    listed = re.search(r"^Presets: (.*?)\n\n", README, re.DOTALL | re.MULTILINE)
    assert listed
    for name in re.findall(r"`([a-z][a-z0-9_]+)`", listed.group(1)):
        assert name in PRESETS


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
