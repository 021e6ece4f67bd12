"""Whether a device computes what the CPU computes: the part `parity` of `gpu.py`."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.dram.model.noise import RowNoise
from agents.dram.presets import PRESETS
from agents.trainer.command_line import preset_named
from benchmarks import reporting
from benchmarks.env_works import options_of
from benchmarks.gpu_works import Failures, Part, on_gpu
from benchmarks.reporting import Ratio
from envs_registry import TABLE
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv

AVERAGES = 1e-6  # largest difference of what is an average; integers and ends are equal
GRADIENTS = 1e-3  # largest norm of a box's difference over the norm of its gradient
# The same of the changes that some updates made, captured against not. A graph holds the same
# kernels; how far apart these end when they run twice, if a sum has no order, "none" tells.
# Compiled ones round otherwise, which Adam makes large where a gradient is nearly 0.
WEIGHTS = {"none": 1e-3, "graph": 1e-3, "compile": 2e-2}
EXPLANATION = """\
Environments: {rows} rows play {steps} steps with the same actions (right labels three times in
four, gazes that also leave the image) on NumPy and on the device, many episodes long, and all that
`reset` and `step` return is compared: observations, rewards, ends, infos and masks.

Updates: the gradients of one update on the CPU and on the device at the highest precision, with the
same weights, images and noise; then, where there are CUDA graphs, what {updates} updates change in
the weights when they are captured, against the same kernels one by one, and what these change
otherwise when they run again ("none"). A product summed in another order may move a gaze by a
pixel, or turn a label, in one of many rows.

Waiting: an update after the first with `torch.cuda.set_sync_debug_mode("error")`, under which
PyTorch refuses whatever makes the host wait for the GPU."""


@dataclasses.dataclass(kw_only=True)
class ParityOptions:
    """Of the part `parity`."""

    parity_ids: tuple[str, ...] = tuple(name for name in TABLE if "SVHN" not in name)
    """Environment ids; SVHN's would download its archives, and step as house numbers do."""
    parity_rows: int = 64
    """Rows of the environments, and of the updates."""
    parity_steps: int = 60
    """Steps of the environments."""
    parity_presets: tuple[str, ...] = ("ram_mnist", "dram_pairs", "dram_house_numbers")
    """Presets of agents/dram/presets.py."""
    updates: int = 10
    """Captured updates."""


def parity_part(options: ParityOptions, device: str) -> Iterator[Part]:
    """Compare all, and report after each comparison; captures come last."""
    found = Found([], {}, [], Failures())
    yield _report(options, found)
    for env_id in options.parity_ids:
        _compare_environments(found, env_id, options, device)
        yield _report(options, found)
    for name in options.parity_presets:
        title, largest = f"{name}: gradients", None
        with found.failures.noted(title):
            found.gradients[name] = gradient_differences(name, options, device)
            largest = max(found.gradients[name].values())
        found.ratios.append(Ratio(title, largest, GRADIENTS, at_most=True))
        yield _report(options, found)
    for name in options.parity_presets:
        title, waits = f"{name}: waits in an update", None
        if on_gpu(device):
            with found.failures.noted(title):
                waits = float(bool(waiting(name, options, device)))
        found.ratios.append(Ratio(title, waits, 0, at_most=True))
        yield _report(options, found)
    for capture, name in itertools.product(WEIGHTS, options.parity_presets):
        title, change = f"{name}: {options.updates} updates, {capture} against none", None
        if on_gpu(device):
            with found.failures.noted(title):
                change = capture_difference(name, capture, options, device)
        found.ratios.append(Ratio(title, change, WEIGHTS[capture], at_most=True))
        yield _report(options, found)


class Found(NamedTuple):
    """What has been compared so far."""

    rows: list[list[str]]  # a line of the table for each environment
    gradients: dict[str, dict[str, float]]  # of each preset, by box
    ratios: list[Ratio]
    failures: Failures


def _compare_environments(found: Found, env_id: str, options: ParityOptions, device: str) -> None:
    integers = averages = None
    with found.failures.noted(env_id):
        integers, averages = environment_differences(
            env_id, options.parity_rows, options.parity_steps, device
        )
        found.rows.append([env_id, str(integers), f"{averages:.2g}"])
        print(f"{env_id}: {integers} integers differ, averages {averages:.2g}", file=sys.stderr)
    found.ratios.append(Ratio(f"{env_id}: integers that differ", integers, 0, at_most=True))
    found.ratios.append(Ratio(f"{env_id}: averages", averages, AVERAGES, at_most=True))


def _report(options: ParityOptions, found: Found) -> Part:
    head = ["id", "integers that differ", "largest difference of an average"]
    about = EXPLANATION.format(
        rows=options.parity_rows, steps=options.parity_steps, updates=options.updates
    )
    return Part(
        title="A device against the CPU",
        parts=[
            about,
            reporting.table(head, found.rows),
            _gradient_table(found.gradients),
            *found.failures.section(),
        ],
        ratios=found.ratios,
        data={"environments": found.rows, "gradients": found.gradients},
    )


def environment_differences(env_id: str, rows: int, steps: int, device: str) -> tuple[int, float]:
    """How many integers, ends and masks differ, and the largest difference of real numbers."""
    here, there = (
        gym.make_vec(env_id, num_envs=rows, backend=backend, device=where, **options_of(env_id))
        for backend, where in (("numpy", "cpu"), ("torch", device))
    )
    assert isinstance(here, GazeVectorEnv) and isinstance(there, GazeVectorEnv)
    rng = np.random.default_rng(0)
    wrong, largest = 0, 0.0
    moments = [(here.reset(seed=3), there.reset(seed=3))]
    for _ in range(steps):
        info = moments[-1][0][-1]
        action = _action(rng, here, info)
        moments.append((here.step(action), there.step(action)))  # type: ignore[arg-type]
    for ours, theirs in moments:
        integers, reals = difference(ours, theirs)
        wrong, largest = wrong + integers, max(largest, reals)
    return wrong, largest


def _action(
    rng: np.random.Generator, envs: GazeVectorEnv, info: dict[str, Any]
) -> dict[str, NDArray[Any]]:
    number = envs.num_envs
    random = rng.integers(0, envs.num_choices, number)
    target = np.asarray(info.get("target", random))
    label = np.where((rng.random(number) < 0.75) & (target >= 0), target, random)
    gaze = rng.uniform(-1.2, 1.2, (number, 2)).astype(np.float32)
    return {"gaze": gaze, envs.choice: label}


def difference(ours: Any, theirs: Any) -> tuple[int, float]:
    """Of two trees of arrays: integers that differ, and the largest difference of real numbers.

    An info holds for the rows of its mask alone; a key that is not there holds for none.
    """
    if isinstance(ours, tuple):
        found = [difference(*pair) for pair in zip(ours, theirs, strict=True)]
        return sum(count for count, _ in found), max(reals for _, reals in found)
    if not isinstance(ours, dict):
        return _array_difference(np.asarray(ours), _numpy(theirs))
    count, largest = 0, 0.0
    for key in ours.keys() | theirs.keys():
        if key.startswith("_"):
            continue
        if "_" + key not in ours and "_" + key not in theirs:
            found_count, reals = difference(ours[key], theirs[key])
        else:
            found_count, reals = _masked_difference(ours, theirs, key)
        count, largest = count + found_count, max(largest, reals)
    return count, largest


def _masked_difference(ours: dict[str, Any], theirs: dict[str, Any], key: str) -> tuple[int, float]:
    masks = [_numpy(info["_" + key]) if "_" + key in info else None for info in (ours, theirs)]
    known = next(mask for mask in masks if mask is not None)
    here, there = (np.zeros_like(known) if mask is None else mask for mask in masks)
    count, both = int((here != there).sum()), here & there
    if not both.any():
        return count, 0.0
    if isinstance(ours[key], dict):
        inner, reals = difference(ours[key], theirs[key])
    else:
        inner, reals = _array_difference(np.asarray(ours[key])[both], _numpy(theirs[key])[both])
    return count + inner, reals


def _array_difference(ours: NDArray[Any], theirs: NDArray[Any]) -> tuple[int, float]:
    if ours.shape != theirs.shape or (ours.dtype.kind == "f") != (theirs.dtype.kind == "f"):
        raise AssertionError(f"{ours.dtype} {ours.shape} against {theirs.dtype} {theirs.shape}")
    if ours.dtype.kind == "f":
        return 0, float(np.abs(ours.astype(np.float64) - theirs).max(initial=0.0))
    return int((ours != theirs).sum()), 0.0


def _numpy(array: Any) -> NDArray[Any]:
    return np.asarray(array.cpu() if torch.is_tensor(array) else array)


class NoiseOfTheCPU(RowNoise):
    """The numbers that a CPU draws, on any device: each has a generator of its own."""

    def __init__(self, generator: torch.Generator, total: int, device: str) -> None:
        super().__init__(generator, total)
        self._device = device

    def _fill(self, numbers: Tensor, kind: str) -> Tensor:
        return super()._fill(numbers, kind).to(self._device)


def _config(preset: str, options: ParityOptions, **changes: Any) -> Config:
    config = preset_named(PRESETS, preset)
    few = options_of(config.env_id).get("num_images")
    changes = {"num_images": few, "num_envs": options.parity_rows, "capture": "none"} | changes
    return dataclasses.replace(config, matmul_precision="highest", **changes)


def gradient_differences(preset: str, options: ParityOptions, device: str) -> dict[str, float]:
    """Of every box, the norm of the difference of the gradients over the norm of the gradient."""
    config = _config(preset, options)
    found = []
    for where in ("cpu", device):
        training = Training(config, where)
        noise = NoiseOfTheCPU(torch.Generator(), config.num_envs, where)
        training.noise = training.agent.dropout.noise = noise
        training.update()
        found.append(training)
    boxes = {}
    for name, _ in found[0].agent.named_children():
        ours, theirs = (_gradient(training.agent.get_submodule(name)) for training in found)
        if len(ours):
            boxes[name] = _relative(theirs - ours, ours)
    print(f"{preset}: gradients differ by {max(boxes.values()):.2g}", file=sys.stderr)
    return boxes


def _gradient(box: torch.nn.Module) -> Tensor:
    parts = [weight.grad.flatten().cpu() for weight in box.parameters() if weight.grad is not None]
    return torch.cat(parts) if parts else torch.zeros(0)


def _relative(change: Tensor, of: Tensor) -> float:
    return float(change.double().norm() / of.double().norm().clamp_min(1e-12))


def capture_difference(preset: str, capture: str, options: ParityOptions, device: str) -> float:
    """The norm of what updates change otherwise when captured, over that of what they change.

    With "none" it is how far the same kernels differ when they run again.
    """
    ended = []
    for way in ("none", capture):
        training = Training(_config(preset, options, capture=way), device)
        start = _weights(training)
        for _ in range(options.updates):
            training.update()
        ended.append(_weights(training) - start)
    found = _relative(ended[1] - ended[0], ended[0])
    print(f"{preset}: {capture} differs by {found:.2g}", file=sys.stderr)
    return found


def _weights(training: Training) -> Tensor:
    return torch.cat([weight.detach().flatten().cpu() for weight in training.agent.parameters()])


def waiting(preset: str, options: ParityOptions, device: str) -> str:
    """What made the host wait in an update after the first; empty if nothing did."""
    training = Training(_config(preset, options), device)
    training.update()
    with _no_waiting():
        try:
            training.update()
        except RuntimeError as error:
            print(f"{preset}: {error}", file=sys.stderr)
            return str(error)
    return ""


@contextlib.contextmanager
def _no_waiting() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def _gradient_table(gradients: dict[str, dict[str, float]]) -> str:
    rows = [
        [preset, box, f"{value:.2g}"]
        for preset, boxes in gradients.items()
        for box, value in boxes.items()
    ]
    return reporting.table(["preset", "box", "relative difference of its gradient"], rows)
