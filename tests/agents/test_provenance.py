from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents import provenance
from agents.provenance import PROVENANCE, circumstances, command, commit, sign


def test_commands_name_no_path() -> None:
    words = ["benchmarks/x.py", "--peer-python", "/some/where/python", "--output=/a/b.md", "a/b"]
    assert command(words) == "python benchmarks/x.py --peer-python PATH --output=PATH a/b"


def test_a_run_remembers_all_that_was_done_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = str(provenance.ROOT / "agents" / "train_dram.py")
    monkeypatch.setattr(sys, "argv", [script, "--preset", "ram_mnist"])
    sign(tmp_path, "cpu", images=0, processes=2)
    monkeypatch.setattr(sys, "argv", [script, "--resume", str(tmp_path)])
    sign(tmp_path, "cpu", images=500)
    text = (tmp_path / PROVENANCE).read_text(encoding="utf-8")
    first, second = map(json.loads, text.splitlines())
    assert first["command"] == "`python agents/train_dram.py --preset ram_mnist`"
    assert second["command"] == "`python agents/train_dram.py --resume PATH`"
    assert (first["images"], first["processes"], second["images"]) == (0, 2, 500)
    assert {"commit", "date", "CPU", "cores", "threads"} <= set(first)
    assert "torch 2" in first["versions"] and "GPU" not in first
    assert str(tmp_path) not in text and str(provenance.ROOT) not in text


def test_packages_that_are_not_there_are_said_to_be_so() -> None:
    assert circumstances(["no-such-package"])["versions"].endswith("no-such-package not installed")


def test_a_commit_is_told_with_changes_outside_of_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert commit() == "unknown"  # no checkout
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "code.py").write_text("1")
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    clean = commit()
    assert len(clean) >= 7 and clean.isalnum()
    results = tmp_path / "benchmarks" / "results"
    results.mkdir(parents=True)
    (results / "new.md").write_text("a figure")
    assert commit() == clean
    (tmp_path / "code.py").write_text("2")
    assert commit() == f"{clean} + uncommitted"
