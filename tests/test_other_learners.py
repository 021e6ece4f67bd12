"""What docs/other_learners.md shows works, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from glimpse_env.errors import GlimpseError

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "other_learners.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_ppo_in_ten_lines_learns_and_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("stable_baselines3")
    code = PYTHON[0]
    assert len([line for line in code.splitlines() if line]) <= 10
    monkeypatch.chdir(tmp_path)
    # Catch draws no images.
    for slow, quick in (("1_000_000", "2048"), ("GlimpseHouseNumbers-v0", "GlimpseCatch-v0")):
        assert slow in code
        code = code.replace(slow, quick)
    namespace: dict[str, Any] = {}
    exec(compile(code, "other_learners.md", "exec"), namespace)
    assert (tmp_path / "ppo_house_numbers.zip").stat().st_size > 1000
    code = PYTHON[1].replace("GlimpseHouseNumbers-v0", "GlimpseCatch-v0").replace("=1000", "=100")
    exec(compile(code, "other_learners.md", "exec"), namespace)  # without a warning
    assert 0 <= namespace["mean"] < 1


def test_the_wrappers_have_the_spaces_that_stand_beside_them() -> None:
    namespace: dict[str, Any] = {}
    code = PYTHON[2].replace('v0")', 'v0", num_images=16)').replace("128)", "2, num_images=16)")
    exec(compile(code, "other_learners.md", "exec"), namespace)
    assert f"# {namespace['env'].action_space}" in PAGE
    assert namespace["envs"].single_action_space.shape == (13,)


def test_the_commands_are_understood() -> None:
    pytest.importorskip("stable_baselines3")
    from agents import train_sb3

    commands = re.findall(r"python agents/train_sb3\.py(.*?)[\n`]", PAGE)
    assert len(commands) >= 4
    for command in commands:
        try:
            train_sb3.parse(command.split())
        except GlimpseError as error:
            pytest.fail(f"{command}: {error}")


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (DOCS / target).exists(), target
