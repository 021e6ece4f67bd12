"""Which module may know of which, what an import costs, and that public names are explained."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
import re
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


@functools.cache
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


# Who may import whom: a package knows those of its own row and of the rows above it. The single
# modules of a package's root (errors of the one, scripts of the other) are rows of their own.
FLOORS = {
    "glimpse_env": [
        ["errors"],
        ["opencv"],
        ["backend"],
        ["tasks"],
        ["sight", "frames"],
        ["envs"],
        ["wrappers", "testing"],
        ["sb3"],
    ],
    "agents": [
        ["runs"],
        ["trainer"],
        ["evaluation"],
        ["dram", "convnets", "sb3"],
        ["image_reader"],
        ["evaluate", "train_dram", "train_convnet", "train_sb3"],
    ],
}
# Within a package, rooms in the order in which they may know of each other.
ROOMS = {
    "glimpse_env/envs": ["gaze", "reading", "catch"],
    "glimpse_env/tasks": ["task", "files", "mnist", "svhn", "house_numbers", "own_images"],
    "agents/dram": ["config", "model", "rollouts", "learning", "readers"],
}
SIBLINGS = [{"dram", "convnets", "sb3"}, {"reading", "catch"}, {"sight", "frames"}]
MOST_ENTRIES = 8


def arrows(root: str) -> set[tuple[str, str, str]]:
    """Imports across the entries of a folder: (from, to, the file that imports)."""
    found = set()
    top = ROOT / root
    prefix = root.replace("/", ".") + "."
    for path in top.rglob("*.py"):
        here = path.relative_to(top).parts[0].removesuffix(".py")
        for name in imports_of(path):
            there = name.removeprefix(prefix).split(".")[0]
            known = (top / there).is_dir() or (top / f"{there}.py").is_file()
            if name.startswith(prefix) and known and there != here:
                found.add((here, there, str(path.relative_to(ROOT))))
    return found


@pytest.mark.parametrize("root", FLOORS)
def test_arrows_run_down(root: str) -> None:
    floor = {name: number for number, row in enumerate(FLOORS[root]) for name in row}
    modules = [*(ROOT / root).glob("*.py"), *(ROOT / root).glob("*/__init__.py")]
    entries = {
        path.parent.name if path.parent.parent == ROOT / root else path.stem for path in modules
    }
    assert entries - {"__init__"} == set(floor)  # whatever is new is given a floor
    found = arrows(root)
    assert len(found) > 10  # or the search would prove nothing
    assert not [arrow for arrow in found if floor.get(arrow[1], -1) > floor.get(arrow[0], 99)]


@pytest.mark.parametrize("root", ROOMS)
def test_rooms_know_those_before_them(root: str) -> None:
    place = {name: number for number, name in enumerate(ROOMS[root])}
    found = [arrow for arrow in arrows(root) if arrow[0] in place and arrow[1] in place]
    assert found
    assert not [arrow for arrow in found if place[arrow[1]] > place[arrow[0]]]


@pytest.mark.parametrize("root", ["glimpse_env", "agents", "glimpse_env/envs"])
def test_siblings_do_not_know_each_other(root: str) -> None:
    for siblings in SIBLINGS:
        assert not [one for one in arrows(root) if {one[0], one[1]} <= siblings]


def test_environments_know_neither_agents_nor_benchmarks() -> None:
    for path in FILES:
        assert not packages_of(path) & {"agents", "benchmarks", "tests"}, path


def folders(root: str) -> list[Path]:
    """A package and all packages in it."""
    return [path.parent for path in sorted((ROOT / root).rglob("__init__.py"))]


@pytest.mark.parametrize("root", FLOORS)
def test_a_folder_can_be_seen_at_a_glance(root: str) -> None:
    """The roots aside, which hold errors and scripts beside their packages."""
    for folder in folders(root)[1:]:
        entries = [path for path in folder.iterdir() if path.name[0] not in "_."]
        assert 2 <= len(entries) <= MOST_ENTRIES, folder


@pytest.mark.parametrize("root", FLOORS)
def test_a_package_hands_on_names_and_defines_none(root: str) -> None:
    for folder in folders(root):
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), folder
        if folder.name == "glimpse_env":  # imports its classes when they are first asked for
            continue
        kinds = [type(node) for node in tree.body[1:]]
        assert set(kinds) <= {ast.Import, ast.ImportFrom, ast.Assign}, folder
        names = [ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign)]
        assert names in ([], ["__all__"]), folder


def test_reading_and_catch_have_the_same_files() -> None:
    envs = ROOT / "glimpse_env" / "envs"
    files = [{path.name for path in (envs / name).glob("*.py")} for name in ("reading", "catch")]
    assert files[0] == files[1] == {"__init__.py", "rules.py", "episodes.py", "env.py"}


@pytest.mark.parametrize(
    "name",
    [
        "glimpse_env:GlimpseEnv",
        "glimpse_env:GlimpseVectorEnv",
        "glimpse_env:CatchEnv",
        "glimpse_env:CatchVectorEnv",
        "glimpse_env.errors:GlimpseError",
        "glimpse_env.testing:check_vector_env",
        "glimpse_env.wrappers:FlatBoxAction",
        "glimpse_env.wrappers:VectorFlatMultiDiscreteAction",
        "glimpse_env.sb3:GlimpseVecEnv",
        "glimpse_env.sb3:GlimpseExtractor",
        "agents.image_reader:ImageReader",
        "agents.train_dram:main",
        "agents.train_convnet:main",
        "agents.train_sb3:main",
        "agents.evaluate:main",
        "envs_registry:TABLE",
    ],
)
def test_public_paths_stay(name: str) -> None:
    module, _, attribute = name.partition(":")
    if "sb3" in module:
        pytest.importorskip("stable_baselines3")
    assert hasattr(importlib.import_module(module), attribute)


# Tests of a whole package, of which no single module is to blame.
ACROSS = {
    "glimpse_env": {
        "test_any_arguments",
        "test_conformance",
        "test_device",
        "test_golden",
        "test_pickling",
    },
    "agents": {"test_kill"},
}


@pytest.mark.parametrize("root", FLOORS)
def test_tests_mirror_the_packages(root: str) -> None:
    tests = ROOT / "tests" / root
    for path in tests.rglob("test_*.py"):
        if path.parent == tests and path.stem in ACROSS[root]:
            continue
        module = ROOT / root / path.parent.relative_to(tests) / path.name.removeprefix("test_")
        assert module.is_file(), f"{path.relative_to(ROOT)} tests no {module.relative_to(ROOT)}"


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
            if parts[0] != "glimpse_env":
                continue
            for stop in range(2, len(parts) + 1):
                stem = ROOT.joinpath(*parts[:stop])
                for candidate in (stem.with_suffix(".py"), stem / "__init__.py"):
                    if candidate.is_file() and str(candidate) not in seen:
                        seen.add(str(candidate))
                        waiting.append(candidate)
    return packages


def test_sight_tasks_and_rules_know_nothing_of_gymnasium() -> None:
    tasks, sight = (
        [str(path.relative_to(ROOT / "glimpse_env")) for path in folder.rglob("*.py")]
        for folder in (ROOT / "glimpse_env" / "tasks", ROOT / "glimpse_env" / "sight")
    )
    assert len(tasks) > 10
    assert "numpy" in reach(["sight/retina.py"])
    assert "gymnasium" in reach(["envs/reading/env.py"])  # or the search would prove nothing
    rules = ["envs/reading/rules.py", "envs/catch/rules.py"]
    assert not reach([*sight, *tasks, *rules]) & {"gymnasium", "envs_registry"}


def test_the_registry_knows_gymnasium_alone() -> None:
    assert packages_of(ROOT / "envs_registry.py") <= {"__future__", "gymnasium"}


def test_only_the_backend_and_the_adapters_of_sb3_import_torch() -> None:
    importers = {
        path.relative_to(ROOT / "glimpse_env").parts[0]
        for path in FILES
        if {"torch", "stable_baselines3"} & packages_of(path)
    }
    assert importers == {"backend", "sb3"}


def test_nothing_reaches_the_adapters_of_sb3() -> None:
    others = [str(path.relative_to(ROOT / "glimpse_env")) for path in FILES]
    others = [name for name in others if not name.startswith("sb3")]
    assert "stable_baselines3" in reach(["sb3/vec_env.py"])
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


# Words that send a reader of `help()` elsewhere, at the head of a docstring or of an argument.
ELSEWHERE = re.compile(
    r"\A(The same\b|See [A-Z`]|See (above|below)|(That|Those) of\b)|^ *[\w*, ]+: See [A-Z`]",
    re.MULTILINE,
)


@pytest.mark.parametrize("root", FLOORS)
def test_docstrings_stand_alone(root: str) -> None:
    """Write out shapes, ranges and errors; methods of backends are described in the Protocol."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for path in (ROOT / root).rglob("*.py"):
        if path.parent.name == "backend":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, documented) and not getattr(node, "name", "").startswith("_"):
                text = ast.get_docstring(node) or ""
                assert not ELSEWHERE.search(text), f"{path.relative_to(ROOT)}: {text[:60]}"
