"""What does not fit into memory is refused before any is taken."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from glimpse_env.backend import make_backend, memory
from glimpse_env.errors import InvalidArgument


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says how many bytes are free."""

    def say(number: int | None) -> None:
        monkeypatch.setattr(memory, "free_memory", lambda backend: number)

    return say


def test_the_message_says_what_fits(free: Any) -> None:
    free(10**9)
    memory.require_memory(None, "num_envs", 100, 10**7, "images")
    needs = r"num_envs=101 needs 1\.01 GB for images, and 1 GB are free; "
    with pytest.raises(InvalidArgument, match=needs + "the largest that fits is 100"):
        memory.require_memory(None, "num_envs", 101, 10**7, "images")
    with pytest.raises(InvalidArgument, match="not even 1 fits"):
        memory.require_memory(None, "num_envs", 1, 2 * 10**9, "images")
    free(None)  # where the system does not say
    memory.require_memory(None, "num_envs", 10**30, 10**7, "images")


def test_free_memory_is_known_here() -> None:
    for backend in (None, make_backend("numpy", "cpu")):
        found = memory.free_memory(backend)
        assert found is None or 2**20 < found < 2**50


def test_a_gpu_has_what_is_free_and_what_torch_keeps() -> None:
    """A process that has freed tensors can have that memory again, but CUDA calls it taken."""
    cuda = SimpleNamespace(
        mem_get_info={"cuda:1": (1000, 8000)}.get,
        memory_reserved={"cuda:1": 500}.get,
        memory_allocated={"cuda:1": 200}.get,
    )
    backend: Any = SimpleNamespace(name="torch", device="cuda:1", xp=SimpleNamespace(cuda=cuda))
    assert memory.free_memory(backend) == 1000 + 500 - 200


def test_a_container_has_what_its_group_leaves(monkeypatch: Any, tmp_path: Path) -> None:
    """Files that the system keeps in spare memory are not in the way."""
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("4000\n")
    (tmp_path / "memory.stat").write_text(
        "anon 1000\nactive_file 500\ninactive_file 2000\nshmem 7\n"
    )
    monkeypatch.setattr(memory, "Path", lambda name: tmp_path if "cgroup" in name else Path(name))
    assert memory.free_memory(None) == 5000 - (4000 - 2500)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_memory(None) != 3500


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_batches_that_do_not_fit(backend: str, free: Any) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    with pytest.raises(
        InvalidArgument, match=r"num_envs=1000000000000 needs [\d.e+]+ TB.*fits is \d"
    ):
        gym.make_vec("GlimpseCatch-v0", 10**12, backend=backend)
    free(10**7)
    with pytest.raises(
        InvalidArgument, match=r"num_envs=10000 needs .*the largest that fits is \d+"
    ):
        gym.make_vec("GlimpseCatch-v0", 10_000, backend=backend)
    gym.make_vec("GlimpseCatch-v0", 500, backend=backend).reset()


def test_the_estimate_is_near_what_is_taken() -> None:
    import tracemalloc

    images, labels = np.zeros((3, 54, 54), np.uint8), np.zeros(3, np.int64)
    estimates: list[int] = []
    original = memory.require_memory

    def listen(backend: Any, name: str, number: int, each: int, purpose: str) -> None:
        estimates.append(number * each)
        original(backend, name, number, each, purpose)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glimpse_env.sight.retina.require_memory", listen)
        tracemalloc.start()
        envs = gym.make_vec(
            "Glimpse-v0", 4000, images=images, labels=labels, num_classes=1, context_size=18
        )
        envs.reset(seed=0)
        for _ in range(3):
            envs.step(envs.action_space.sample())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert 0.7 * peak < estimates[0] < 1.5 * peak


def test_images_that_do_not_fit(free: Any, own_images: tuple[Path, Path]) -> None:
    folder, table = own_images
    keywords = {"image_folder": str(folder), "label_file": str(table), "image_size": 200}
    free(10**6)
    with pytest.raises(InvalidArgument, match=r"images=\d+ needs .*200x200 each.*fits is 25"):
        gym.make_vec("Glimpse-v0", 2, **keywords)
    with pytest.raises(
        InvalidArgument, match=r"num_images=60000 needs 246 MB for images of side 64"
    ):
        gym.make_vec("GlimpseHouseNumbers-v0", 2)
