"""`kill -9` at random moments: there is always a checkpoint, and the run goes on from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from agents import train_dram
from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.runs import checkpoint
from agents.runs.folder import read_metrics
from agents.runs.saved import load_run
from tests.forked import CONTEXT

# An epoch is two updates, and most of its time is spent writing.
SMALL = (
    "--num-images 32 --num-envs 16 --features 8 --units 8 --epoch-images 32 "
    "--schedule exponential --decay 1 "
    "--validation-images 16 --no-test --device cpu"
).split()


SAVE_AND_KILL = """
import json, os, random, signal, sys, time
from pathlib import Path
import torch
from agents.runs import checkpoint

path, found, torn = Path(sys.argv[1]) / "checkpoint.pt", 0, 0
random.seed(0)
weights = torch.rand(100_000)
checkpoint.save(path, {"updates": 0, "weights": weights})
for kill in range(100):
    child = os.fork()
    if child == 0:
        updates = found
        while True:
            updates += 1
            checkpoint.save(path, {"updates": updates, "weights": weights + updates})
    time.sleep(random.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    torn += bool(list(path.parent.glob("*.partial")))
    state = checkpoint.load(path)
    assert state["updates"] >= found
    assert torch.equal(state["weights"], weights + state["updates"])
    found = state["updates"]
print(json.dumps([found, torn]))
"""


@pytest.mark.slow
def test_a_hundred_kills_of_a_process_that_does_nothing_but_save(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAVE_AND_KILL, str(tmp_path)],
        cwd=Path(train_dram.__file__).parents[1],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    saved, torn = json.loads(done.stdout)
    assert saved > 0 and torn > 10  # most kills come in the middle of a write


@pytest.mark.slow
def test_a_run_survives_every_kill(tmp_path: Path) -> None:
    """Its weights are in the end those of a run that nobody disturbed, bit for bit.

    `KILLS=100 pytest tests/agents/test_kill.py` takes some minutes.
    """
    kills = int(os.environ.get("KILLS", "4"))
    train_dram.main(train_dram.parse(["--runs", str(tmp_path), *SMALL, "--images", "32"]))
    (run,) = tmp_path.iterdir()
    updates, torn = [2], 0
    rng = np.random.default_rng(0)
    for kill in range(kills):
        arguments = train_dram.parse(["--resume", str(run), "--images", "9600000", "--no-test"])
        process = CONTEXT.Process(target=train_dram.main, args=(arguments,))
        saved = (run / "checkpoint.pt").stat().st_mtime_ns
        process.start()
        # By turns: while it starts, in the middle of a checkpoint, and twice anywhere after one.
        if kill % 4 == 1:
            while not list(run.glob("checkpoint.pt.*")) and process.is_alive():
                pass
        elif kill % 4:
            while (run / "checkpoint.pt").stat().st_mtime_ns == saved and process.is_alive():
                time.sleep(0.01)
        if kill % 4 != 1:
            time.sleep(rng.uniform(0, 0.5))
        assert process.is_alive()
        process.kill()
        process.join()
        state = checkpoint.load(run / "checkpoint.pt")
        epochs = state["updates"] // 2
        assert state["updates"] >= updates[-1] + (2 if kill % 4 > 1 else 0)
        updates.append(state["updates"])
        torn += bool(list(run.glob("*.partial")))
        rows = [row["images"] for row in read_metrics(run)]
        assert rows[:epochs] == [32 * (epoch + 1) for epoch in range(epochs)]
        for path in (*run.glob("*.gif"), *run.glob("*.png")):
            Image.open(path).load()
    print(f"{kills} kills, {torn} of them in the middle of a write; updates {updates}")
    state, config = load_run(run, Config)
    undisturbed = Training(config)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        while undisturbed.updates < state["updates"]:
            undisturbed.update()
    finally:
        torch.set_num_threads(threads)
    weights = undisturbed.agent.state_dict()
    assert all(torch.equal(state["agent"][name], weight) for name, weight in weights.items())
