from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agents import train_convnet, train_dram
from agents.runs import checkpoint
from agents.trainer.loop import Interrupt

SMALL = (
    "--num-images 32 --epoch-images 16 --images 32 --validation-images 8 --no-test --device cpu"
).split()
DRAM = [*SMALL, "--num-envs", "16", "--features", "8", "--units", "8"]
CONVNET = [*SMALL, "--batch", "16", "--width-factor", "0.1"]


def in_a_thread(call: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


@pytest.mark.parametrize(
    ("trainer", "small"), [(train_dram, DRAM), (train_convnet, CONVNET)], ids=["dram", "convnet"]
)
def test_a_run_in_a_thread_ends_and_goes_on(
    tmp_path: Path, trainer: object, small: list[str]
) -> None:
    def train(*arguments: str) -> int:
        parsed = trainer.parse([*arguments])  # type: ignore[attr-defined]
        status: int = trainer.main(parsed)  # type: ignore[attr-defined]
        return status

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert in_a_thread(lambda: train("--runs", str(tmp_path), *small)) == 0
    (run,) = tmp_path.iterdir()
    more = ["--resume", str(run), "--images", "64", "--no-test", "--device", "cpu"]
    assert in_a_thread(lambda: train(*more)) == 0
    assert checkpoint.load(run / "checkpoint.pt")["updates"] == 4
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def test_signals_are_caught_in_the_main_thread_alone() -> None:
    def caught() -> bool:
        before = signal.getsignal(signal.SIGINT)
        with Interrupt() as stop:
            assert not stop.asked
            return signal.getsignal(signal.SIGINT) is not before

    assert caught() and not in_a_thread(caught)


def test_a_handler_that_is_not_of_python_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[object] = []

    def install(number: int, handler: object) -> None:
        kept.append(handler)
        return None  # as signal.signal does where the handler before was not installed from Python

    monkeypatch.setattr(signal, "signal", install)
    with Interrupt():
        pass
    assert kept[2:] == [signal.SIG_DFL, signal.SIG_DFL]
