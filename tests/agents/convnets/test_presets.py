from __future__ import annotations

import os
import pickle
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from agents.convnets.config import ConvNetConfig
from agents.convnets.networks import ConvNet
from agents.convnets.presets import CONVNET_PRESETS
from agents.convnets.training import ConvNetTraining, Images
from agents.dram.model.build import make_agent
from agents.dram.presets import PRESETS
from agents.evaluation.flops import counting, parameters_of
from agents.runs.config import OWN_IMAGES
from agents.trainer.envs import make_envs


def preset(name: str) -> ConvNetConfig:
    config = CONVNET_PRESETS[name]()
    return replace(config, num_images=16) if "HouseNumbers" in config.env_id else config


@pytest.fixture
def with_data(
    synthetic_mnist: Path,
    synthetic_svhn: Path,
    own_images: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], ConvNetConfig]:
    """A preset by its name, with drawn images for its task."""

    def config(name: str) -> ConvNetConfig:
        config = preset(name)
        if config.env_id == OWN_IMAGES:
            config = config.with_own_images(*own_images)
        svhn = "SVHN" in config.env_id
        monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_svhn if svhn else synthetic_mnist))
        return config

    return config


@pytest.mark.parametrize("name", CONVNET_PRESETS)
def test_every_preset_takes_an_update(name: str, with_data: Callable[[str], ConvNetConfig]) -> None:
    """At a fraction of its width."""
    config = replace(with_data(name), batch=8)
    narrow = replace(config, width_factor=min(config.width_factor, 1 / 8))
    metrics = ConvNetTraining(narrow).update()
    assert torch.isfinite(metrics["train/cross_entropy"])
    assert CONVNET_PRESETS[name].__doc__
    assert bool(config.published_error) == (config.env_id != OWN_IMAGES)


@pytest.mark.parametrize(
    ("modern", "agent", "share"),
    [
        ("modern_mnist", "ram_mnist_lstm", 1),
        ("modern_translated", "ram_translated", 1),
        ("modern_cluttered60", "ram_cluttered60", 1),
        ("modern_cluttered100", "ram_cluttered100", 1),
        ("modern_pairs", "dram_pairs", 1),
        ("modern_addition", "dram_addition", 1),
        ("modern_house_numbers", "dram_house_numbers", 1),
        ("modern_house_numbers_cpu", "dram_house_numbers_cpu", 0.5),
        ("modern_house_numbers110", "dram_house_numbers", 1),
        ("modern_house_numbers110_cpu", "dram_house_numbers_cpu", 0.5),
    ],
)
def test_modern_networks_have_the_agents_parameters(
    modern: str, agent: str, share: float, synthetic_mnist: Path
) -> None:
    config = PRESETS[agent]()
    seen = make_agent(config, make_envs(config, "test", 1))
    shown = preset(modern)
    network = ConvNet(shown, Images(shown, "test", "cpu").task)
    assert parameters_of(network) == pytest.approx(share * parameters_of(seen), rel=0.1)


@pytest.mark.parametrize(
    ("name", "parameters", "multiply_adds"),
    [("convnet_house_numbers", 32e6, 2.1e9), ("convnet_house_numbers110", 90e6, 8.5e9)],
)
def test_the_ten_layers_cost_what_the_paper_says(
    name: str, parameters: float, multiply_adds: float
) -> None:
    """Multiply-adds as in DRAM, table 5; parameters are fewer. Nothing is computed here."""
    config = preset(name)
    task = Images(config, "test", "cpu").task
    with torch.device("meta"):
        network = ConvNet(config, task)
        with counting() as counter:
            network(torch.zeros(1, *task.image_shape))
    assert counter.get_total_flops() / 2 == pytest.approx(multiply_adds, rel=0.04)
    assert parameters_of(network) == pytest.approx(parameters, rel=0.02)


# Networks write to no memory but their own, which not every kernel of torch sees to. The GNU C
# library can check each block when it is freed, in a process that has its checks from the start.
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
def small_networks(with_data: Callable[[str], ConvNetConfig]) -> list[Shown]:
    """The networks of all presets, narrow, and what they know of their task; each but once."""
    found: dict[str, Shown] = {}
    for name in CONVNET_PRESETS:
        config = with_data(name)
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
