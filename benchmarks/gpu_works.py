"""What the parts of `gpu.py` have in common."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import torch

from agents.dram.learning.capture import uncollected
from benchmarks.measuring import clocked, waiter_for
from benchmarks.reporting import Ratio
from glimpse_env.errors import InvalidArgument


@dataclasses.dataclass(frozen=True)
class Part:
    """What a part found."""

    title: str
    parts: list[str]  # paragraphs and tables
    ratios: list[Ratio]
    data: dict[str, Any]  # for the .json file


class Failures:
    """What could not be run: a part goes on with the rest, and says so."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextlib.contextmanager
    def noted(self, what: str) -> Iterator[None]:
        """Note an error, whatever it is but an InvalidArgument, and go on after the block."""
        torch.compiler.reset()  # what other blocks compiled would count towards its limit
        try:
            yield
        except InvalidArgument:
            raise  # a name that was typed wrongly is no measurement
        except Exception as error:
            traceback.print_exc()
            self.lines.append(f"- {what}: {_told(error)}")

    def section(self) -> list[str]:
        """Paragraphs for the report."""
        return ["## Failed", "\n".join(self.lines)] if self.lines else []


def _told(error: BaseException) -> str:
    """An error and those before it: a capture that breaks ends with an error of its own."""
    first = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    return f"{first}, after {_told(error.__context__)}" if error.__context__ else first


def on_gpu(device: str) -> bool:
    """Whether a torch device is one on which there are CUDA graphs."""
    return torch.device(device).type == "cuda"


@dataclasses.dataclass(frozen=True)
class Replay:
    """A graph, and the work whose tensors it reads: these must live as long."""

    graph: torch.cuda.CUDAGraph
    work: Callable[[], object]

    def __call__(self) -> None:
        """The work once more."""
        self.graph.replay()


def replayed(work: Callable[[], object], device: str) -> Replay:
    """`work`, which reads nothing but what lies on the GPU, as a CUDA graph of it."""
    with torch.cuda.device(device):
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                work()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with uncollected(), torch.cuda.graph(graph, stream=stream):
            work()
    return Replay(graph, work)


@contextlib.contextmanager
def peak_memory(device: str) -> Iterator[Callable[[], int | None]]:
    """A function that tells, in bytes, the most of a GPU that was taken since the block began."""
    if not on_gpu(device):
        yield lambda: None
        return
    gc.collect()  # what earlier blocks have left in cycles would be freed in this one
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    yield lambda: torch.cuda.max_memory_allocated(device) - before


def seconds_of(work: Callable[[], object], device: str, repetitions: int = 5) -> float:
    """Seconds that `work` takes, the least of the repetitions, after a first one to warm up."""
    wait = waiter_for(device) or (lambda: None)

    def done() -> None:
        work()
        wait()

    done()
    return min(clocked(1, done)().seconds for _ in range(repetitions))
