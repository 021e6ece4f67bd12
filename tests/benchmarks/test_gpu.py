"""All parts run on a CPU, at sizes that tell nothing, and write what a reader needs."""

from __future__ import annotations

import dataclasses
import json
import weakref
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents.dram import presets
from benchmarks import gpu, gpu_env, gpu_parity, gpu_training, gpu_works, measuring
from benchmarks.gpu_training import Case, TrainingOptions, cases
from glimpse_env.errors import InvalidArgument

TORCH = "cpu:0"  # a device beside "cpu": environments and rollouts as on a GPU


@pytest.fixture
def tiny(synthetic_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One short repetition of everything, with small networks and few images."""
    monkeypatch.setattr(measuring, "REPETITIONS", 1)
    monkeypatch.setattr(measuring, "WARM_UP", 1)
    monkeypatch.setattr(gpu_training, "UPDATES", 1)
    monkeypatch.setattr(gpu_training, "FEW_IMAGES", 32)
    small = {"features": 8, "units": 8}
    for name, changes in {"ram_mnist": {}, "dram_house_numbers": {"convolutions": (2,)}}.items():
        config = dataclasses.replace(presets.PRESETS[name](), **small, **changes)  # type: ignore[arg-type]
        monkeypatch.setitem(presets.PRESETS, name, lambda config=config: config)


def run(part: str, folder: Path, **options: Any) -> tuple[str, Any]:
    arguments = gpu.Arguments(parts=(part,), device=TORCH, output=folder, **options)  # type: ignore[arg-type]
    gpu.main(arguments)
    path = folder / f"gpu_{part}.md"
    text = path.read_text(encoding="utf-8")
    assert str(Path.home()) not in text and "- commit: " in text and "- minutes: " in text
    return text, json.loads(path.with_suffix(".json").read_text())


def verdicts(data: Any) -> dict[str, str]:
    return {ratio["name"]: ratio["verdict"] for ratio in data["ratios"]}


def test_env(tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_env, "WANTED_ROWS", 8)
    ids = ("GlimpseMNIST-v0", "Glimpse-v0")
    text, data = run("env", tmp_path, ids=ids, rows=(4, 8), env_seconds=0.001)
    assert [(rate["id"], rate["rows"]) for rate in data["rates"]] == [
        (env_id, rows) for env_id in ids for rows in (4, 8)
    ]
    assert all(rate["median"] > 0 for rate in data["rates"])
    found = verdicts(data)
    assert sum("by step()" in name and found[name] == "not met" for name in found) == 1
    assert found["million glimpses a second at 8 rows by graph"] == "not measured"
    assert "| GlimpseMNIST-v0 | 4 |" in text
    assert all(rate["memory"] is None for rate in data["rates"]) and " | not measured |\n" in text


def test_env_with_graphs(tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU, with a graph that plays the episode again."""
    monkeypatch.setattr(gpu_env, "on_gpu", lambda device: True)
    monkeypatch.setattr(gpu_env, "replayed", lambda episode, device: episode)
    monkeypatch.setattr(gpu_env, "peak_memory", lambda device: nullcontext(lambda: 3 * 2**20))
    text, data = run("env", tmp_path, ids=("GlimpseHouseNumbers-v0",), rows=(4,), env_seconds=0.001)
    assert [rate["path"] for rate in data["rates"]] == ["step()", "graph"]
    assert text.split("## Thresholds")[0].rstrip().endswith("| 3 |")


def test_peak_memory_is_what_comes_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {"now": 100, "most": 700}
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: taken["now"])
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: taken["most"])
    monkeypatch.setattr(
        torch.cuda, "reset_peak_memory_stats", lambda device: taken.update(most=100)
    )
    with gpu_works.peak_memory("cuda") as memory:
        assert memory() == 0
        taken["most"] = 350
        assert memory() == 250


def test_a_replay_keeps_what_its_graph_reads() -> None:
    played: list[str] = []

    class Episode:
        def __call__(self) -> None:
            """Of tensors that a graph reads where they lie."""

    class Graph:
        def replay(self) -> None:
            played.append("again")

    episode = Episode()
    kept = weakref.ref(episode)
    replay = gpu_works.Replay(Graph(), episode)  # type: ignore[arg-type]
    del episode
    replay()
    assert played == ["again"] and kept() is not None
    del replay
    assert kept() is None


def test_training(tiny: None, tmp_path: Path) -> None:
    names = ("ram_mnist", "dram_house_numbers")
    text, data = run(
        "training", tmp_path, presets=names, num_envs=(8,), training_seconds=0.001, matrix_side=64
    )
    assert len(data["rates"]) == 6 and data["ceilings"].keys() == {"highest", "high", "bfloat16"}
    assert all(value > 0 for value in data["ceilings"].values())
    per_image = {preset: flops for preset, _, flops in data["flops_per_image"]}
    # six glimpses, each through 64 -> 4 -> 8, 2 -> 4 -> 8 and 8 rectifier units; there and back
    glimpse = 64 * 4 + 4 * 8 + 2 * 4 + 4 * 8 + 8 * (8 + 8)
    assert 2 * 6 * glimpse * 2 < per_image["ram_mnist"] < 2 * 6 * glimpse * 4
    assert set(verdicts(data).values()) == {"not measured"}
    assert "| ram_mnist | 8 | none | bfloat16 |" in text


def test_parity(tiny: None, tmp_path: Path) -> None:
    ids = ("GlimpseMNIST-v0", "GlimpseHouseNumbers-v0", "GlimpseCatch-v0")
    text, data = run(
        "parity",
        tmp_path,
        parity_ids=ids,
        parity_rows=4,
        parity_steps=25,
        parity_presets=("ram_mnist", "dram_house_numbers"),
    )
    found = verdicts(data)
    for name, verdict in found.items():
        on_gpu = "against none" in name or "waits" in name
        assert verdict == ("not measured" if on_gpu else "met"), name
    assert len(found) == 3 * 2 + 2 + 2 * 4
    assert data["gradients"]["dram_house_numbers"].keys() >= {"glimpse", "context", "emission"}
    assert "| dram_house_numbers | emission |" in text


def test_precision(tiny: None, tmp_path: Path) -> None:
    text, data = run(
        "precision",
        tmp_path,
        precision_presets=("ram_mnist",),
        precision_images=512,
        precision_validation=50,
    )
    assert [one["precision"] for one in data["runs"]] == ["highest", "high", "bfloat16"]
    assert all(one["images"] == 50 and one["split"] == "validation" for one in data["runs"])
    assert len(verdicts(data)) == 2 and "| ram_mnist | bfloat16 |" in text


def test_differences_are_found() -> None:
    ours = {"glimpse": np.zeros((2, 3)), "emit": np.array([0, 1])}
    theirs = {"glimpse": torch.tensor([[0, 0, 0], [0, 0.25, 0]]), "emit": torch.tensor([1, 1])}
    assert gpu_parity.difference(ours, theirs) == (1, 0.25)
    mask = np.array([True, False])
    ours = {"target": np.array([3, 4]), "_target": mask}
    assert gpu_parity.difference(ours, {"target": torch.tensor([3, 9]), "_target": mask}) == (0, 0)
    assert gpu_parity.difference(ours, {"target": torch.tensor([5, 4]), "_target": mask}) == (1, 0)
    assert gpu_parity.difference(ours, {}) == (1, 0)  # there, the key holds for no row
    with pytest.raises(AssertionError):
        gpu_parity.difference(np.zeros(2), torch.zeros(3))


def test_a_device_that_errs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from glimpse_env.sight.retina import Retina

    glimpse = Retina.glimpse

    def wrong(self: Retina, places: Any, gaze: Any) -> Any:
        seen = glimpse(self, places, gaze)
        return seen * 1.001 if torch.is_tensor(seen) else seen

    assert gpu_parity.environment_differences("Glimpse-v0", 4, 9, "cpu")[1] <= 1e-6
    monkeypatch.setattr(Retina, "glimpse", wrong)
    integers, averages = gpu_parity.environment_differences("Glimpse-v0", 4, 9, "cpu")
    assert integers == 0 and 1e-4 < averages < 1e-2


def test_a_gpu_gets_every_way_to_capture() -> None:
    options = TrainingOptions(presets=("dram_pairs",), num_envs=(128,))
    found = [(case.capture, case.precision) for case in cases(options, "cuda")]
    assert found[0] == ("none", "high") and found[-1] == ("compile", "high") and len(found) == 5
    assert ("graph", "bfloat16") in found
    config = Case("dram_pairs", 256, "graph", "bfloat16").config()
    assert (config.capture, config.precision, config.num_envs) == ("graph", "bfloat16", 256)


def test_what_fails_is_written_and_the_rest_goes_on(
    tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(setup: Any) -> Any:
        try:
            raise ValueError(f"no graph of {setup.num_envs}\nand more")
        finally:
            raise RuntimeError("capture failed")

    monkeypatch.setattr(gpu_env, "_graphed", fails)
    monkeypatch.setattr(gpu_env, "on_gpu", lambda device: True)
    options = gpu_env.EnvOptions(ids=("GlimpseMNIST-v0",), rows=(4, 5), env_seconds=0.001)
    *_, before, after = gpu_env.env_part(options, "cpu")
    assert [rate["rows"] for rate in before.data["rates"]] == [4, 5]
    assert after.data == before.data
    wanted = [
        f"- GlimpseMNIST-v0, {n} rows, graph: RuntimeError: capture failed, "
        f"after ValueError: no graph of {n}"
        for n in (4, 5)
    ]
    assert after.parts[-2:] == ["## Failed", "\n".join(wanted)]
    assert before.parts[-1] == wanted[0]


def test_what_was_measured_is_on_disk_when_the_process_dies(
    tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = gpu_env.measure

    def dies(works: Any, seconds: float) -> Any:
        if json.loads((tmp_path / "gpu_env.json").read_text())["rates"]:
            raise KeyboardInterrupt
        return measured(works, seconds)

    monkeypatch.setattr(gpu_env, "measure", dies)
    with pytest.raises(KeyboardInterrupt):
        run("env", tmp_path, ids=("GlimpseMNIST-v0",), rows=(4, 5), env_seconds=0.001)
    rates = json.loads((tmp_path / "gpu_env.json").read_text())["rates"]
    assert [rate["rows"] for rate in rates] == [4]


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(InvalidArgument, match="preset='ram' is unknown"):
        list(gpu_training.training_part(TrainingOptions(presets=("ram",), matrix_side=8), "cpu"))
    with pytest.raises(InvalidArgument, match=r"device='cuda:99'.* --device cpu"):
        gpu.main(gpu.Arguments(device="cuda:99"))
