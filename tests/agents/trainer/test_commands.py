"""How commands end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agents.runs.provenance import ROOT
from agents.trainer.commands import STOPPED, going_on_later, how_to_go_on, run_command
from glimpse_env.errors import InvalidArgument
from tests.forked import Program


def ending(error: BaseException) -> object:
    """The exit status, or message, of a command that ends with an error."""

    def command() -> None:
        raise error

    with pytest.raises(SystemExit) as caught:
        run_command(command)
    return caught.value.code


def test_commands_end_with_a_line_and_a_status() -> None:
    assert ending(InvalidArgument("num_envs=0 is no number")) == "error: num_envs=0 is no number"
    assert ending(KeyboardInterrupt()) == 130
    for status in (None, 0, 3):
        with pytest.raises(SystemExit) as caught:
            run_command(lambda status=status: status)  # type: ignore[misc]
        assert caught.value.code == status
    with pytest.raises(ZeroDivisionError):  # what nobody has foreseen has its traceback
        run_command(lambda: 1 // 0)


@pytest.mark.parametrize("script", ["train_dram.py", "evaluate.py"])
def test_a_reader_of_the_output_may_leave(tmp_path: Path, script: str) -> None:
    program = (
        "import os, runpy, sys\n"
        "reader, writer = os.pipe(); os.dup2(writer, 1); os.close(reader)\n"
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    ended = Program(["-c", program, ROOT / "agents" / script, "--help"], tmp_path).ended()
    assert (ended.status, ended.errors) == (STOPPED, "")


def test_ctrl_c_leaves_the_way_on(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        going_on_later("train_dram.py", Path("runs/x"), "Mine-v0"),
    ):
        raise KeyboardInterrupt
    assert capsys.readouterr().out.endswith("python agents/train_dram.py --resume runs/x\n")
    again = how_to_go_on("train_dram.py", Path("runs/x"), "my_module:Mine-v0")
    assert again.endswith("--resume runs/x --env-id my_module:Mine-v0")


@pytest.mark.parametrize("program", ["benchmarks.svhn_preparation", "benchmarks.env_throughput"])
def test_benchmarks_of_memory_and_of_numpy_load_no_torch(program: str) -> None:
    words = f"import sys, {program}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
