"""Where a number comes from: command, commit, date, machine and versions."""

from __future__ import annotations

import datetime
import functools
import importlib.metadata
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from agents.runs.files import writing

ROOT = Path(__file__).resolve().parents[2]
PROVENANCE = "provenance.jsonl"
_NOT_INSTALLED = "not installed"
PACKAGES = ("gymnasium", "numpy", "opencv-python", "torch")  # what a run computes with


def sign(run: Path, device: str, packages: Iterable[str] = PACKAGES, **facts: int | str) -> None:
    """Add a line to the past of a run folder: what trains or evaluates it now, and where.

    Args:
        run: The folder.
        device: Torch device.
        packages: Whose versions count.
        **facts: Such as images seen so far, or processes.

    Raises:
        FolderUnwritable: There is no room, or the folder cannot be written.
    """
    import torch  # not above: benchmarks settle the number of threads before it is loaded

    circumstance = {**circumstances(packages, device), "threads": torch.get_num_threads()}
    line = json.dumps(circumstance | facts, ensure_ascii=False) + "\n"
    # In one piece, so that none is lost while a run is trained and evaluated at once.
    with writing(run), (run / PROVENANCE).open("ab", buffering=0) as file:
        file.write(line.encode())


def circumstances(packages: Iterable[str], device: str = "cpu") -> dict[str, str]:
    """Command, commit, date, machine and versions; no path of this machine is in it."""
    facts = {
        "command": f"`{command(sys.argv)}`",
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "CPU": processor(),
        "cores": str(os.cpu_count()),
    }
    if device.startswith("cuda"):
        import torch

        facts["GPU"] = torch.cuda.get_device_name(device)
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{name} {_version(name)}" for name in map(_installed, packages)]
    return facts | {"versions": ", ".join(versions)}


def command(argv: Sequence[str]) -> str:
    """What was typed, with PATH for paths that lead out of the working directory."""
    script = Path(argv[0])
    if script.is_absolute() and script.is_relative_to(ROOT):
        script = script.relative_to(ROOT)
    return shlex.join(["python", script.as_posix(), *map(_without_place, argv[1:])])


def _without_place(word: str) -> str:
    option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    path = Path(value)
    return f"{option}{equals}PATH" if path.is_absolute() or ".." in path.parts else word


@functools.cache
def commit() -> str:
    """The commit of the checkout when this process first asked; changes make it uncommitted.

    Results do not, nor do new files that are no code, such as run folders.
    """
    head = _git("rev-parse", "--short", "HEAD")
    changes = _git("status", "--porcelain", "-uno", "--", ".", ":!benchmarks/results")
    added = _git("ls-files", "--others", "--exclude-standard", "--", "*.py")
    return (head or "unknown") + (" + uncommitted" if changes or added else "")


def _git(*words: str) -> str:
    """What git says; nothing where there is no git."""
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def _installed(package: str) -> str:
    """The name under which it is installed: OpenCV has two."""
    other = f"{package}-headless"
    both = _version(package), _version(other)
    return other if both[0] == _NOT_INSTALLED != both[1] else package


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return _NOT_INSTALLED


def processor() -> str:
    """The model of the CPU."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
