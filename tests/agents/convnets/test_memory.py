"""Whole-image networks write to no memory but their own, which not every kernel of torch sees to.

The GNU C library can check each block of memory when it is freed. Its checks are part of a process
from the start, so the networks learn in one of their own.
"""

from __future__ import annotations

import os
import pickle
import platform
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import nn

from agents.convnets.config import ConvNetConfig
from agents.convnets.networks import ConvNet
from agents.convnets.presets import CONVNET_PRESETS
from agents.convnets.training import Images
from agents.runs.config import OWN_IMAGES

ROOT = Path(__file__).parents[3]
CHECKS = {"MALLOC_CHECK_": "3", "LD_PRELOAD": "libc_malloc_debug.so.0"}
Shown = tuple[ConvNetConfig, SimpleNamespace]

ONE_BYTE_TOO_MANY = """
from ctypes import c_void_p, memset, pythonapi
pythonapi.PyMem_RawMalloc.restype = c_void_p
block = c_void_p(pythonapi.PyMem_RawMalloc(24))
memset(block, 1, 25)
pythonapi.PyMem_RawFree(block)
"""
LEARN = """
import pickle, sys, torch
from agents.convnets.networks import ConvNet, most_likely, sequence_loss
for config, task in pickle.load(sys.stdin.buffer):
    network = ConvNet(config, task).to(memory_format=torch.channels_last)
    for _ in range({"residual": 10, "plain": 2}[config.network]):  # the papers' are slow
        scores = network(torch.randint(256, (4, *task.image_shape), dtype=torch.uint8))
        sequence_loss(scores, most_likely(scores)).backward()
"""


def checked(code: str, given: bytes = b"", **environment: str) -> tuple[int, str]:
    """The exit status and the errors of a program whose memory is checked."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=given,
        env=os.environ | CHECKS | environment,
        cwd=ROOT,
        capture_output=True,
    )
    return done.returncode, done.stderr.decode()


@pytest.fixture
def checks() -> None:
    """Memory can be checked here, and is: a program that writes a byte too many is aborted."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("memory is checked by the GNU C library, which is not that of this system")
    status, errors = checked(ONE_BYTE_TOO_MANY)
    if "cannot be preloaded" in errors:
        pytest.skip(f"this GNU C library comes without {CHECKS['LD_PRELOAD']}")
    assert status == -signal.SIGABRT, errors


@pytest.fixture
def small_networks(
    synthetic_mnist: Path,
    synthetic_svhn: Path,
    own_images: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> list[Shown]:
    """The networks of all presets, narrow, and what they know of their task; each but once."""
    found: dict[str, Shown] = {}
    for preset in CONVNET_PRESETS.values():
        config = preset()
        if "HouseNumbers" in config.env_id:
            config = replace(config, num_images=16)
        if config.env_id == OWN_IMAGES:
            config = config.with_own_images(*own_images)
        svhn = "SVHN" in config.env_id
        monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_svhn if svhn else synthetic_mnist))
        task = Images(config, "test", "cpu").task
        names = ("image_shape", "num_classes", "max_labels", "has_end")
        known = SimpleNamespace(**{name: getattr(task, name) for name in names})
        for factor in (1 / 8, 1 / 16):
            narrow = replace(config, width_factor=factor)
            found.setdefault(f"{known} {ConvNet(narrow, known)}", (narrow, known))
    return list(found.values())


def test_no_filter_of_one_pixel_has_a_stride(small_networks: list[Shown]) -> None:
    layers = [layer for shown in small_networks for layer in ConvNet(*shown).modules()]
    filters = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    assert any(layer.kernel_size == (1, 1) for layer in filters)
    assert any(layer.stride == (2, 2) for layer in filters)
    assert not [f for f in filters if f.kernel_size == (1, 1) and f.stride != (1, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("instructions", ["DEFAULT", "AVX2"])
def test_networks_keep_to_their_memory(
    checks: None, small_networks: list[Shown], instructions: str
) -> None:
    """With all instructions of this processor, and with those of an older one."""
    given = pickle.dumps(small_networks)
    status, errors = checked(LEARN, given, ONEDNN_MAX_CPU_ISA=instructions)
    assert status == 0, errors
