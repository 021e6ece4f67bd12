"""The oldest versions that are allowed are those that are tested; so are the newest."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNTESTED = {"torch", "mypy", "ruff", "sb3-contrib"}  # in their oldest versions


def bounds() -> dict[str, str]:
    """The oldest version of each package in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    needed = [*project["dependencies"], *(line for extra in extras for line in extra)]
    found = {}
    for line in needed:
        name, oldest = re.match(r"([\w-]+)>=([\d.]+)", line).groups()  # type: ignore[union-attr]
        assert found.setdefault(name, oldest) == oldest, f"{name} has two bounds"
    return found


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+)==([\d.]+)$", (ROOT / name).read_text(), re.MULTILINE))


def test_the_oldest_versions_are_tested() -> None:
    oldest, tested = bounds(), pins("constraints-oldest.txt")
    for name in oldest.keys() - UNTESTED:
        assert (tested[name] + ".").startswith(oldest[name] + "."), name


def test_the_tested_set_has_all() -> None:
    assert bounds().keys() <= pins("constraints.txt").keys()
