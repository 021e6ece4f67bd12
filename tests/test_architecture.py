"""Which module may know of which, what an import costs, and that public names are explained."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import glimpse_env
from glimpse_env.backend import Backend
from glimpse_env.tasks.task import Task

ROOT = Path(glimpse_env.__file__).parent.parent
FILES = sorted(ROOT.joinpath("glimpse_env").rglob("*.py"))
MODULES = [name for _, name, _ in pkgutil.walk_packages(glimpse_env.__path__, "glimpse_env.")]


def imports_of(path: Path) -> set[str]:
    """Full names of all modules that a file imports, in whatever scope but TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def packages_of(path: Path) -> set[str]:
    """Top-level names of what a file imports."""
    return {name.split(".")[0] for name in imports_of(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_environments_know_neither_agents_nor_benchmarks(path: Path) -> None:
    assert not packages_of(path) & {"agents", "benchmarks", "tests"}


def reach(start: list[str]) -> set[str]:
    """Top-level packages that files of glimpse_env import, directly or through each other."""
    seen: set[str] = set()
    waiting = [ROOT / "glimpse_env" / name for name in start]
    packages: set[str] = set()
    while waiting:
        path = waiting.pop()
        packages |= packages_of(path)
        for name in imports_of(path):
            parts = name.split(".")
            for stop in (len(parts), len(parts) - 1):
                candidate = ROOT.joinpath(*parts[:stop]).with_suffix(".py")
                if parts[0] == "glimpse_env" and candidate.is_file() and str(candidate) not in seen:
                    seen.add(str(candidate))
                    waiting.append(candidate)
    return packages


def test_the_retina_and_the_tasks_know_nothing_of_gymnasium() -> None:
    tasks = [f"tasks/{path.name}" for path in ROOT.glob("glimpse_env/tasks/*.py")]
    assert len(tasks) > 3
    assert "numpy" in reach(["retina.py"])
    assert "gymnasium" in reach(["vector_env.py"])  # or the search would prove nothing
    assert not reach(["retina.py", "eye.py", "episode.py", *tasks]) & {"gymnasium", "envs_registry"}


def test_the_registry_knows_gymnasium_alone() -> None:
    assert packages_of(ROOT / "envs_registry.py") <= {"__future__", "gymnasium"}


def test_only_the_backend_and_the_adapters_of_sb3_import_torch() -> None:
    importers = [path.name for path in FILES if {"torch", "stable_baselines3"} & packages_of(path)]
    assert importers == ["backend.py", "sb3.py", "sb3_features.py"]


def test_nothing_reaches_the_adapters_of_sb3() -> None:
    others = [str(path.relative_to(ROOT / "glimpse_env")) for path in FILES]
    others = [name for name in others if not name.startswith("sb3")]
    assert "stable_baselines3" in reach(["sb3.py"])
    assert "stable_baselines3" not in reach(others)


def fresh(code: str) -> str:
    """The output of a program in a new interpreter."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, glimpse_env, glimpse_env.testing; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in fresh(code).split()}
    assert "gymnasium" in loaded
    assert not loaded & {"torch", "cv2", "h5py", "pooch", "tqdm", "matplotlib", "agents"}


def test_importing_costs_no_more_than_gymnasium() -> None:
    code = (
        "import time, gymnasium, gymnasium.vector; start = time.process_time();"
        "import glimpse_env; print(time.process_time() - start)"
    )
    assert min(float(fresh(code)) for _ in range(2)) < 0.3


def test_numpy_environments_never_load_torch() -> None:
    code = (
        "import sys, numpy, gymnasium, glimpse_env;"
        "envs = gymnasium.make_vec('Glimpse-v0', 2, images=numpy.zeros((2, 9, 9), 'uint8'),"
        "    labels=[0, 1], num_classes=2);"
        "envs.reset(); envs.step(envs.action_space.sample()); print(*sys.modules)"
    )
    loaded = {name.split(".")[0] for name in fresh(code).split()}
    assert not loaded & {"torch", "cv2", "h5py"}


@pytest.mark.parametrize("name", ["glimpse_env", "envs_registry", *MODULES])
def test_every_public_name_is_explained(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for public, value in vars(module).items():
        here = getattr(value, "__module__", None) == name
        if public.startswith("_") or not here or not (inspect.isclass(value) or callable(value)):
            continue
        assert inspect.getdoc(value), f"{name}.{public}"
        for attribute, member in vars(value).items() if inspect.isclass(value) else ():
            if not attribute.startswith("_") and needs_words(attribute, member):
                assert inspect.getdoc(getattr(value, attribute)), f"{name}.{public}.{attribute}"


def needs_words(attribute: str, member: Any) -> bool:
    """Whether a member of a class is a method or property that no protocol explains."""
    kinds = (property, classmethod, staticmethod)
    if not (inspect.isfunction(member) or isinstance(member, kinds)):
        return False
    explained = [vars(protocol).get(attribute) for protocol in (Backend, Task)]
    return not any(inspect.getdoc(method) for method in explained if method is not None)


def test_all_public_names_can_be_had() -> None:
    for name in glimpse_env.__all__:
        assert getattr(glimpse_env, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = glimpse_env.no_such_name
    assert issubclass(glimpse_env.InvalidAction, glimpse_env.GlimpseError)
    assert issubclass(glimpse_env.InvalidArgument, ValueError)
