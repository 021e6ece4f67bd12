from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agents.runs.provenance import ROOT
from benchmarks.apart import run_apart, run_module_apart


def test_what_it_says_is_added_and_its_status_comes_back(tmp_path: Path) -> None:
    said, says = (
        tmp_path / "deep" / "said.txt",
        "import os, sys; print(os.environ['WORD'], os.getcwd())",
    )
    for word, status in (("one", 0), ("two", 3)):
        code = f"{says}; sys.exit({status})"
        assert run_apart([sys.executable, "-c", code], said, {"WORD": word}, tmp_path) == status
    assert said.read_text() == f"one {tmp_path}\ntwo {tmp_path}\n"


def test_modules_of_the_present_folder_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(
        "import os, sys, benchmarks\n"
        "print(sys.argv[1:], os.environ['OMP_NUM_THREADS'], os.getcwd())"
    )
    monkeypatch.chdir(tmp_path)
    assert run_module_apart("mine", ["a", "b"], tmp_path / "said.txt") == 0
    assert (tmp_path / "said.txt").read_text() == f"['a', 'b'] 1 {ROOT}\n"
