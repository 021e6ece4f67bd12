from __future__ import annotations

import dataclasses
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from agents import train_convnet, train_dram
from agents.dram.config import Config
from agents.dram.learning.make import make_training
from agents.dram.learning.training import Training
from agents.runs import checkpoint
from agents.runs.folder import read_metrics
from agents.trainer.ranks import ALONE, Ranks, join
from glimpse_env.errors import InvalidArgument
from tests.forked import Ended, Program

SCRIPT = Path(train_dram.__file__)
SMALL = (
    "--num-images 32 --num-envs 16 --features 16 --units 16 --epoch-images 48 --dropout 0.2 "
    "--validation-images 16 --schedule exponential --decay 1 --device cpu --no-test"
).split()


@dataclasses.dataclass(frozen=True)
class Listening(Ranks):
    """A rank that keeps what it should average, and hears nothing from the others."""

    heard: list[torch.Tensor] = dataclasses.field(default_factory=list)

    def average(self, tensors: Sequence[torch.Tensor]) -> None:
        self.heard.extend(tensor.clone() for tensor in tensors)


def played(config: Config, ranks: Listening) -> tuple[np.ndarray, list[torch.Tensor], list[str]]:
    """The images of the second update, gradients and numbers to log, and whose they are."""
    training = make_training(config, ranks=ranks)
    training.updates = 1
    metrics = training.update()
    names = [name for name, weight in training.agent.named_parameters() if weight.grad is not None]
    names += [name for name in metrics if not name.startswith("gradients/")]
    return np.asarray(training.envs._episodes.rows.index), ranks.heard, names


CASES: dict[str, dict[str, object]] = {
    "as it is": {},
    "dropout": {"dropout": 0.3},
    "random first gaze": {"initial_gaze": "random"},
    "samples": {"samples": 4},
    "random gaze": {"gaze": "random"},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["labels", "sequences", "decides", "game"])
def test_ranks_share_what_one_process_would_play(
    kind: str, case: str, stripes_config: Config, catch_config: Config
) -> None:
    """Same images, same noise, and gradients whose mean is that of the whole batch."""
    numbers = Config(env_id="GlimpseHouseNumbers-v0", num_images=32, features=16, units=16, seed=3)
    decides = replace(numbers, glimpses_per_label=0, max_glimpses=4, glimpse_cost=0.01)
    config = {
        "labels": stripes_config,
        "sequences": numbers,
        "decides": decides,
        "game": catch_config,
    }[kind]
    changes = dict(CASES[case])
    if kind in ("decides", "game"):
        changes.pop("baseline", None)  # which they do not know
    config = replace(config, num_envs=48, **changes)  # type: ignore[arg-type]
    index, whole, names = played(config, Listening())
    shares = [played(config, Listening(number, 3)) for number in range(3)]
    assert np.array_equal(np.concatenate([share[0] for share in shares]), index)
    assert len(whole) == len(names) > 10
    for name, ours, *theirs in zip(names, whole, *(share[1] for share in shares), strict=True):
        if name.startswith("train/") and name not in ("train/error", "train/reward"):
            continue  # a ratio, of which the mean over the ranks is logged
        mean = torch.stack(theirs).mean(0)
        torch.testing.assert_close(mean, ours, rtol=1e-4, atol=1e-6, msg=name)
        if name.startswith("bottom"):
            assert not torch.equal(theirs[0], theirs[1])  # or the shares were all the same


def test_rows_that_cannot_be_shared_are_named(stripes_config: Config) -> None:
    assert [Ranks(number, 4).share(12) for number in (0, 3)] == [slice(0, 3), slice(9, 12)]
    with pytest.raises(InvalidArgument, match=r"num_envs=128 .* 3 ranks"):
        Training(stripes_config, ranks=Ranks(0, 3))
    config = replace(stripes_config, num_envs=12, samples=4)
    with pytest.raises(InvalidArgument, match=r"num_envs=12 .* 2 ranks times samples=4"):
        Training(config, ranks=Ranks(1, 2))


def test_without_torchrun_nobody_is_met() -> None:
    with join("cpu") as (ranks, device):
        assert (ranks, device) == (ALONE, "cpu")
        assert not torch.distributed.is_initialized()
    assert ranks.leads and ranks.any(True) and not ranks.any(False)


def test_more_ranks_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InvalidArgument, match=r"rank 1 .* no GPU of its own"), join("cuda"):
        pass


def test_networks_that_see_whole_images_train_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InvalidArgument, match="without torchrun"):
        train_convnet.main(train_convnet.parse(["--runs", str(tmp_path)]))
    assert not list(tmp_path.iterdir())


def run(folder: Path, *arguments: str) -> Path:
    """Train in this process."""
    train_dram.main(train_dram.parse([*arguments, "--runs", str(folder)]))
    return next(folder.iterdir())


def torchrun(folder: Path, *arguments: str) -> None:
    """Train on two ranks."""
    command = ["-c", "from torch.distributed.run import main; main()", "--nproc-per-node", "2"]
    command += ["--master-port", str(free_port()), str(SCRIPT), *arguments]
    ended = Program(command, folder, {"OMP_NUM_THREADS": "1"}).ended()
    assert ended.status == 0, ended.errors
    assert ended.said.count("run folder") == 1


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def weights(run: Path) -> dict[str, torch.Tensor]:
    state = checkpoint.load(run / "checkpoint.pt")
    assert state["updates"] == 6
    return dict(state["agent"])


def start_two(
    runs: Path, first: list[str], second: list[str], program: Sequence[str] = (str(SCRIPT),)
) -> list[Program]:
    """Two ranks without torchrun itself, so that a test can treat each in its own way."""
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    meeting |= {"TORCHELASTIC_RUN_ID": "one", "WORLD_SIZE": "2"}
    return [
        Program(
            [*program, "--runs", str(runs), *SMALL, *options],
            runs.with_name(f"rank {number}"),
            meeting | {"RANK": number, "LOCAL_RANK": number},
        )
        for number, options in (("0", first), ("1", second))
    ]


LISTS_ITS_THREADS = """
import contextlib, pathlib, sys
from agents import train_dram
train_dram.main(train_dram.parse(sys.argv[1:]))
for name in pathlib.Path("/proc/self/task").glob("*/comm"):
    with contextlib.suppress(FileNotFoundError):  # it ends at this moment
        print(name.read_text().strip(), end=" ")
"""


class Two(NamedTuple):
    """A training of two ranks, half as long as one process takes it."""

    runs: Path
    ranks: list[Ended]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Two:
    """It has ended, and each rank has named its threads."""
    runs, options = tmp_path_factory.mktemp("two") / "runs", ["--images", "48"]
    ranks = start_two(runs, options, options, program=["-c", LISTS_ITS_THREADS])
    return Two(runs, [rank.ended() for rank in ranks])


@pytest.mark.slow
def test_a_run_changes_between_one_and_two_ranks(tmp_path: Path, two: Two) -> None:
    """Its weights end where those of one process end, and one rank alone writes."""
    (two_one,) = two.runs.iterdir()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = run(tmp_path / "whole", *SMALL, "--images", "96")
        one_two = run(tmp_path / "one two", *SMALL, "--images", "48")
        more = ["--images", "96", "--no-test", "--device", "cpu"]
        torchrun(tmp_path, "--resume", str(one_two), *more)
        run(two.runs, "--resume", str(two_one), *more)
    finally:
        torch.set_num_threads(threads)
    wanted = weights(whole)
    for folder in (one_two, two_one):
        for name, weight in weights(folder).items():
            torch.testing.assert_close(weight, wanted[name], rtol=1e-4, atol=1e-6)
        assert [row["images"] for row in read_metrics(folder)] == [48, 96]
        assert len(list(folder.glob("events*"))) == 2  # of the beginning, and of the rest


@pytest.mark.slow
def test_ranks_that_begin_differently_are_refused(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for ended in [rank.ended() for rank in start_two(runs, ["--seed", "1"], ["--seed", "2"])]:
        assert "error: not all ranks begin with the same options" in ended.errors
    assert not runs.exists() or not list(runs.iterdir())


@pytest.mark.slow
def test_a_signal_to_one_rank_stops_all_and_saves(tmp_path: Path) -> None:
    runs, options = tmp_path / "runs", ["--images", "9600000"]
    ranks = start_two(runs, options, options)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not any(
        path.stat().st_size for path in runs.glob("*/metrics.jsonl")
    ):
        time.sleep(0.1)
    os.kill(ranks[1].process.pid or 0, signal.SIGTERM)
    leader, other = (rank.ended() for rank in ranks)
    (folder,) = runs.iterdir()
    assert [leader.status, other.status] == [130, 0]
    assert f"--resume {folder}" in leader.said and other.said == ""
    assert checkpoint.load(folder / "checkpoint.pt")["updates"] >= 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the names of threads from /proc")
def test_no_thread_of_the_ranks_outlives_the_training(two: Two) -> None:
    """One that does aborts the process at its exit, now and then."""
    for rank in two.ranks:
        threads = rank.said.splitlines()[-1]
        assert "python" in threads and "gloo" not in threads
