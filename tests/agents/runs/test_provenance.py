from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents.runs import provenance
from agents.runs.provenance import PROVENANCE, circumstances, command, commit, sign
from tests.forked import Program


def test_commands_name_no_path() -> None:
    words = ["benchmarks/x.py", "--peer-python", "/some/where/python", "--output=/a/b.md", "a/b"]
    assert command(words) == "python benchmarks/x.py --peer-python PATH --output=PATH a/b"
    words = ["agents/x.py", "--runs", "/home/some one/runs", "../other/run", "--cost=-0.5", "a b"]
    assert command(words) == "python agents/x.py --runs PATH PATH --cost=-0.5 'a b'"


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


def test_no_line_is_lost_when_two_processes_sign(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from agents.runs.provenance import sign\n"
        "for number in range(20): sign(Path(sys.argv[1]), 'cpu', images=number)"
    )
    run = tmp_path / "run"
    run.mkdir()
    both = [Program(["-c", program, run], tmp_path / name) for name in ("one", "other")]
    assert [process.ended().status for process in both] == [0, 0]
    lines = (run / PROVENANCE).read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["images"] for line in lines) == sorted([*range(20)] * 2)


def test_packages_that_are_not_there_are_said_to_be_so() -> None:
    assert circumstances(["no-such-package"])["versions"].endswith("no-such-package not installed")


def test_a_commit_is_told_with_changes_outside_of_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    now = commit.__wrapped__
    assert now() == "unknown"  # no checkout
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "code.py").write_text("1")
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    clean = now()
    assert len(clean) >= 7 and clean.isalnum()
    commit.cache_clear()
    assert commit() == clean
    results = tmp_path / "benchmarks" / "results"
    results.mkdir(parents=True)
    (results / "new.md").write_text("a figure")
    (tmp_path / "myruns").mkdir()
    (tmp_path / "myruns" / "config.json").write_text("{}")
    assert now() == clean
    (tmp_path / "new.py").write_text("code")
    assert now() == f"{clean} + uncommitted"
    (tmp_path / "new.py").unlink()
    (tmp_path / "code.py").write_text("2")
    assert now() == f"{clean} + uncommitted"
    assert commit() == clean  # that of the code that this process has read
    commit.cache_clear()
