"""Many runs at once: in processes of this machine, or with Ray on as many as there are.

Both yield runs with the exit statuses of their processes, as they end.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from agents.runs.provenance import ROOT
from benchmarks.compare.outcomes import Run
from glimpse_env.errors import MissingPackage

LOST = 255  # no status of a process: the worker was killed, or could not start one
Item = TypeVar("Item")
Apart = Callable[[Run], int]  # runs in a process of its own and returns its exit status


def in_processes(
    runs: Sequence[Item], apart: Callable[[Item], int], workers: int
) -> Iterator[tuple[Item, int]]:
    """So many runs at a time on this machine, or other things to do."""
    with concurrent.futures.ThreadPoolExecutor(max(1, workers)) as pool:
        waiting = {pool.submit(apart, run): run for run in runs}
        for done in concurrent.futures.as_completed(waiting):
            yield waiting[done], done.result()


def with_ray(runs: Sequence[Run], apart: Apart, workers: int) -> Iterator[tuple[Run, int]]:
    """A core for each run, of the cluster that RAY_ADDRESS names, or of this machine.

    The machines of a cluster must find this checkout: PYTHONPATH=CHECKOUT ray start ...

    Args:
        runs: What to run.
        apart: From a run to its exit status; its folder must be one that all machines share.
        workers: Runs at a time on this machine; a cluster has as many as it has cores.

    Raises:
        MissingPackage: Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingPackage("--ray needs Ray: pip install ray") from error
    address = os.environ.get("RAY_ADDRESS")
    if address:
        ray.init(address, log_to_driver=False)
    else:
        with _found_by_workers():
            ray.init(num_cpus=max(1, workers), include_dashboard=False, log_to_driver=False)
    try:
        task = ray.remote(num_cpus=1, max_retries=0)(lambda run: apart(run))  # a function, it wants
        waiting = {task.remote(run): run for run in runs}
        while waiting:
            (done,), _ = ray.wait([*waiting])
            try:
                status = int(ray.get(done))
            except ray.exceptions.RayError as error:
                print(f"{waiting[done].name}: {error}", file=sys.stderr)
                status = LOST
            yield waiting.pop(done), status
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _found_by_workers() -> Iterator[None]:
    """Inside, processes that begin find this checkout, and what lies where we are."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(Path.cwd()), before or ""])
    try:
        yield
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before
