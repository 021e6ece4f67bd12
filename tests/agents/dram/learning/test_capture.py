"""Whole updates as graphs, with a stand-in for CUDA's that replays operations on a CPU."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from agents.dram.config import Config
from agents.dram.learning import capture
from agents.dram.learning.capture import (
    GraphedUpdate,
    StaticUpdate,
    capture_for,
    compiled,
    compiling,
)
from agents.dram.learning.make import make_training
from agents.dram.learning.training import Training
from agents.dram.model.noise import KeptNoise, RowNoise
from agents.trainer.ranks import ALONE, Ranks
from glimpse_env.errors import InvalidArgument
from tests.agents import conftest

NUMBERS = replace(
    conftest.NUMBERS,
    num_envs=16,
    images=1000,
    epoch_images=100,
    sigma_start_pixels=8.0,
    sigma_fall_images=200,
)
TORCH = "cpu:0"  # a device beside "cpu": environments on torch
WAITS = (
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "unique",
    "aten.equal",
    "normal_",
    "uniform_",
)


class Tape(TorchDispatchMode):
    """What a CUDA graph is: operations, and the memory that each reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        assert not any(name in str(func) for name in WAITS), func
        if "index" in str(func):  # a mask as an index is counted first
            assert not any(
                torch.is_tensor(x) and x.dtype == torch.bool for x in tree_leaves(args[1])
            ), func
        self.operations.append((func, args, kwargs, out))
        return out

    def replay(self) -> None:
        # As in the capture, forward operations leave what their gradients need.
        with torch.enable_grad(), torch._C._AutoDispatchBelowAutograd():
            for func, args, kwargs, out in self.operations:
                again = func(*args, **kwargs)
                for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                    if torch.is_tensor(old) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


@pytest.fixture
def graphs_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> list[Tape]:
    """Let `capture` believe that there is a GPU; returns the tapes of its captures."""
    tapes: list[Tape] = []
    updates: list[GraphedUpdate] = []

    @contextlib.contextmanager
    def graph(tape: Tape, stream: object) -> Iterator[None]:
        before = updates[-1]._learned()  # a capture computes nothing
        with tape:
            yield
        updates[-1]._unlearn(before)
        tapes.append(tape)

    class Stream:
        def wait_stream(self, other: Stream) -> None:
            pass

    begin = GraphedUpdate._capture

    def noted(update: GraphedUpdate) -> None:
        updates.append(update)
        begin(update)

    monkeypatch.setattr(GraphedUpdate, "_capture", noted)
    for name, stand_in in {
        "CUDAGraph": Tape,
        "graph": graph,
        "Stream": Stream,
        "current_stream": Stream,
        "stream": lambda stream: contextlib.nullcontext(),
        "device": lambda device: contextlib.nullcontext(),
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(
        "agents.dram.learning.training.capture_for", lambda asked, *_: asked.replace("auto", "none")
    )
    return tapes


def test_auto_is_a_graph_where_there_can_be_one(
    graphs_on_a_cpu: list[Tape], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.dram.learning.training.capture_for", lambda asked, *_: "graph")
    training = Training(NUMBERS, TORCH)
    assert (training.config.capture, training.capture) == ("auto", "graph")
    training.update()
    assert isinstance(training.static, GraphedUpdate) and len(graphs_on_a_cpu) == 1


def test_nothing_is_collected_in_a_capture() -> None:
    with pytest.raises(RuntimeError, match="broken"), capture.uncollected():
        assert not gc.isenabled()
        raise RuntimeError("broken")
    assert gc.isenabled()


def unsteady(training: Training) -> Training:
    """Right now and then, so that episodes differ in length."""
    with torch.no_grad():
        training.agent.classification.layers[0].bias[:3] += 2
    return training


def assert_same_updates(ours: Training, theirs: Training, number: int) -> None:
    for _ in range(number):
        metrics, wanted = ours.update(), theirs.update()
        assert metrics.keys() == wanted.keys()
        for name, value in wanted.items():
            torch.testing.assert_close(metrics[name], value, rtol=1e-5, atol=1e-6, msg=name)
    for weight, other in zip(ours.agent.parameters(), theirs.agent.parameters(), strict=True):
        torch.testing.assert_close(weight, other, rtol=1e-5, atol=1e-6)


CASES: dict[str, dict[str, Any]] = {
    "warm-up": {"warmup": 0.1, "weight_decay": 0.1},
    "dropout": {"dropout": 0.3, "initial_gaze": "random"},
    "sgd": {"optimizer": "sgd"},
    "random gaze": {"gaze": "random"},
    "samples": {"samples": 4, "credit": "probability"},
    "information": {"credit": "information", "glimpses_per_label": 3},
    "bfloat16": {"precision": "bfloat16"},
    "grid": {"gazes": "grid", "grid_size": 3},
}


@pytest.mark.parametrize("case", CASES)
def test_a_replayed_graph_takes_the_ordinary_steps(case: str, graphs_on_a_cpu: list[Tape]) -> None:
    config = replace(NUMBERS, **CASES[case])
    ours = unsteady(Training(replace(config, capture="graph"), TORCH))
    assert_same_updates(ours, unsteady(Training(config, TORCH)), 3)
    assert len(graphs_on_a_cpu) == 1 and len(graphs_on_a_cpu[0].operations) > 100


def test_a_restored_run_is_captured_anew(graphs_on_a_cpu: list[Tape]) -> None:
    config = replace(NUMBERS, capture="graph")
    whole, stopped, resumed = (unsteady(Training(config, TORCH)) for _ in range(3))
    for training in (whole, stopped):
        training.update()
        training.update()
    state = stopped.state()
    groups = state["optimizer"]["param_groups"]
    assert not any(torch.is_tensor(group["lr"]) or group["capturable"] for group in groups)
    resumed.update()
    resumed.restore(state)
    assert_same_updates(resumed, whole, 2)
    assert len(graphs_on_a_cpu) == 4


def test_metrics_outlive_the_next_update(graphs_on_a_cpu: list[Tape]) -> None:
    training = Training(replace(NUMBERS, capture="graph"), TORCH)
    first = training.update()
    kept = {name: value.clone() for name, value in first.items()}
    training.update()
    assert all(torch.equal(first[name], value) for name, value in kept.items())


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # which dynamo looks at
@pytest.mark.parametrize("context_size", [12, 0])
def test_compiled_boxes_share_their_weights(context_size: int) -> None:
    """With a compiler that changes nothing: the real one takes a minute."""
    config = replace(NUMBERS, context_size=context_size)
    ours, theirs = (unsteady(Training(config, TORCH)) for _ in range(2))
    noise = KeptNoise(ours.noise.generator, config.num_envs)
    ours.noise = ours.agent.dropout.noise = noise
    agent = compiled(ours.agent, backend="eager")
    assert agent.glimpse is not ours.agent.glimpse
    assert {id(w) for w in agent.parameters()} == {id(w) for w in ours.agent.parameters()}
    ours.static = StaticUpdate(
        agent,
        ours.envs,  # type: ignore[arg-type]
        ours.optimizer,
        noise,
        ours.policy,
        ours.learn,
    )
    assert_same_updates(ours, theirs, 2)
    assert all("_orig_mod" not in name for name in ours.agent.state_dict())


def test_kept_noise_is_the_noise_that_it_stands_for() -> None:
    rows = torch.arange(2)
    ordinary = RowNoise(torch.Generator(), 4, slice(1, 3))
    kept = KeptNoise(torch.Generator(), 4, slice(1, 3))
    addresses = []
    for seed in (5, 6):
        for noise in (ordinary, kept):
            noise.generator.manual_seed(seed)
        kept.refill()
        wanted = [ordinary.normal(rows, 2), ordinary.uniform(rows, 3), ordinary.normal(rows, 2)]
        for _ in range(2):
            kept.rewind()
            found = [kept.normal(rows, 2), kept.uniform(rows, 3), kept.normal(rows, 2)]
            assert all(map(torch.equal, found, wanted))
        addresses.append([numbers.data_ptr() for _, numbers in kept._kept])
    assert addresses[0] == addresses[1]
    kept.rewind()
    with pytest.raises(AssertionError, match="another order"):
        kept.uniform(rows, 2)


@pytest.mark.filterwarnings("ignore")  # of torch's own modules, when they are first loaded
def test_without_a_compiler_a_line_says_what_to_leave_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config as inductor

    monkeypatch.setattr(inductor.cpp, "cxx", ("/nowhere/c++",))
    monkeypatch.setattr(inductor, "force_disable_caches", True)
    agent = compiled(Training(NUMBERS).agent)
    with (
        pytest.raises(InvalidArgument, match=r"C compiler.* leave --capture out") as caught,
        compiling(),
    ):
        agent.glimpse(torch.rand(4, 2, 12, 12), torch.rand(4, 2))
    assert "\n" not in str(caught.value)
    with pytest.raises(ZeroDivisionError), compiling():
        1 / 0  # noqa: B018
    with pytest.raises(RuntimeError, match="something else"), compiling():
        raise RuntimeError("something else")


def test_capture_where_it_cannot_work(catch_config: Config) -> None:
    with pytest.raises(InvalidArgument, match="needs device='cuda', not 'cpu'"):
        Training(replace(NUMBERS, capture="graph"))
    with pytest.raises(InvalidArgument, match="capture='maybe'"):
        replace(NUMBERS, capture="maybe")  # type: ignore[arg-type]
    labels, games = Training(NUMBERS).envs, make_training(catch_config).envs
    assert capture_for("compile", labels, "cuda:1", ALONE) == "compile"
    assert capture_for("auto", labels, "cuda:1", ALONE) == "graph"
    unpaced = Training(replace(NUMBERS, glimpses_per_label=0)).envs
    for envs, device, ranks, reason in (
        (labels, "cpu:0", ALONE, "needs device='cuda', not 'cpu:0'"),
        (labels, "cuda", Ranks(0, 2), "2 ranks"),
        (unpaced, "cuda", ALONE, "glimpses_per_label=0"),
        (games, "cuda", ALONE, "games"),
    ):
        with pytest.raises(InvalidArgument, match=f"capture='graph'.*{reason}.*capture='none'"):
            capture_for("graph", envs, device, ranks)
        assert capture_for("auto", envs, device, ranks) == "none"
    assert capture.WARM_UP >= 3  # PyTorch's documentation asks for as many
