"""The oldest versions that are allowed are those that are tested, and all have a tested version."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.version import Version

ROOT = Path(__file__).parents[1]
UNTESTED = {"torch", "mypy", "ruff", "sb3-contrib"}  # in their oldest versions


def bounds() -> dict[str, str]:
    """The oldest version of each package in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    needed = [*project["dependencies"], *(line for extra in extras for line in extra)]
    found = {}
    for line in needed:
        name, how, oldest = re.match(r"([\w-]+)(>=|==)([\d.]+)", line).groups()  # type: ignore[union-attr]
        if how == "==":  # typefaces, whose outlines are pixels
            continue
        assert found.setdefault(name, oldest) == oldest, f"{name} has two bounds"
    return found


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w-]+)==([\d.]+)$", text, re.MULTILINE))


def test_the_oldest_versions_are_tested() -> None:
    oldest, tested = bounds(), pins("constraints-oldest.txt")
    for name in oldest.keys() - UNTESTED:
        assert Version(tested[name]) == Version(oldest[name]), name


def test_the_tested_set_has_all() -> None:
    tested = pins("constraints.txt")
    for name, oldest in bounds().items():
        assert Version(tested[name]) >= Version(oldest), name
