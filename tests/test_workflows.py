"""What the checks of a change and of a release run is there, and of the versions that are meant."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_runs_is_there(path: Path) -> None:
    text = path.read_text()
    names = re.findall(r"(?:bash|python) ((?:\.ci|agents)/\S+)", text)
    assert names
    for name in names:
        assert (ROOT / name).is_file(), name
    for extras in re.findall(r"\.\[(.*?)\]", text):
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


def test_the_oldest_python_is_tested() -> None:
    oldest = PROJECT["requires-python"].removeprefix(">=")
    (tested,) = re.findall(r"python: \[(.*?)\]", (WORKFLOWS[-1]).read_text())
    assert tested.split(", ")[0] == f'"{oldest}"'


def test_a_release_is_of_the_version_of_its_tag() -> None:
    """The line that the workflow looks for is the one in pyproject.toml, and nothing else is."""
    (check,) = re.findall(r"run: (grep .*)", (ROOT / ".github/workflows/release.yml").read_text())
    for tag, status in ((f"v{PROJECT['version']}", 0), ("v99.0", 1), ("v", 1)):
        done = subprocess.run(["bash", "-c", check], cwd=ROOT, env={"GITHUB_REF_NAME": tag})
        assert done.returncode == status, tag


def test_scripts_of_ci_are_bash() -> None:
    for name in ("run", "package", "docs"):
        subprocess.run(["bash", "-n", str(ROOT / ".ci" / name)], check=True)


def test_the_hooks_are_those_of_ci() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    checked = (ROOT / ".ci" / "run").read_text()
    for command in ("ruff check", "ruff format", "mypy"):
        assert f"entry: {command}" in hooks and f".venv/bin/{command}" in checked
