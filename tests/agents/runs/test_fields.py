"""Any value for any option: it is taken, or refused by an error of ours."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agents.convnets.config import ConvNetConfig
from agents.dram.config import Config
from agents.dram.learning.make import make_training
from agents.dram.model.build import load
from agents.runs import checkpoint
from agents.runs.fields import expanded
from agents.runs.files import FolderUnwritable
from agents.runs.folder import new_folder
from agents.sb3.config import Sb3Config
from agents.train_dram import Arguments
from agents.trainer.envs import usable_device
from glimpse_env.errors import CorruptedData, GlimpseError, InvalidArgument

SMALL: dict[type, dict[str, Any]] = {
    Config: {"env_id": "Glimpse-v0"},
    ConvNetConfig: {"env_id": "GlimpseMNIST-v0", "convolutions": (4,), "kernels": (3,)},
    Sb3Config: {},
}
OPTIONS = [(kind, field.name) for kind in SMALL for field in dataclasses.fields(kind)]
NUMBERS = st.one_of(
    st.integers(),
    st.integers(-3, 70),
    st.floats(),
    st.sampled_from([np.uint32(3), np.int64(-1), np.float32(0.5), np.bool_(True), 2**80, 10**400]),
)
TEXTS = st.one_of(st.text(), st.sampled_from(["\0", "\udcff", "~nobody/x", "~", "a:b:c", ""]))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    TEXTS,
    st.binary(),
    st.lists(NUMBERS, max_size=3),
    st.lists(NUMBERS, max_size=3).map(tuple),
    st.dictionaries(TEXTS, NUMBERS, max_size=2),
    st.sampled_from([np.array([1, 2]), np.array(3), torch.ones(2), object(), int, Path("x")]),
)


@settings(max_examples=400, deadline=None)
@given(option=st.sampled_from(OPTIONS), value=VALUES)
def test_any_value_of_any_option_is_taken_or_refused(
    option: tuple[type, str], value: object
) -> None:
    kind, name = option
    try:
        config = kind(**SMALL[kind] | {name: value})
    except GlimpseError:
        return
    saved = json.loads(json.dumps(dataclasses.asdict(config)))  # Python's own numbers alone
    assert kind(**saved) == config
    hash(config) if kind is not Sb3Config else None


@pytest.mark.parametrize("value", [np.uint32(3), np.int64(3), 3])
def test_integers_become_those_of_python(value: Any) -> None:
    config = Config(env_id="x", units=value, layers=np.int64(1), convolutions=[value])
    assert [type(n) for n in (config.units, config.layers, *config.convolutions)] == [int] * 3
    assert type(Config(env_id="x", learning_rate=value).learning_rate) is float
    assert Sb3Config(options={"n": value}).options == {"n": 3}


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    option=st.sampled_from([field.name for field in dataclasses.fields(Config)]),
    value=st.one_of(st.none(), st.booleans(), st.integers(-2, 40), st.floats(-1, 50), TEXTS),
)
@example("context_size", 10**9)
@example("glimpse_size", 10**9)
@example("units", 2**40)
@example("units", 2**62)
@example("units", 10**6)
@example("convolutions", (2**40,))
def test_a_training_begins_or_is_refused(
    stripes_config: Config, option: str, value: object
) -> None:
    try:
        config = dataclasses.replace(
            stripes_config, **({"num_envs": 8, "units": 4, "features": 4} | {option: value})
        )
        training = make_training(config)
        if config.num_envs <= 40:
            training.update()
    except GlimpseError:
        pass


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    place=st.sampled_from(
        [
            "updates",
            "sizes",
            "agent",
            "config",
            "metrics",
            "trainer",
            "config.units",
            "config.env_id",
        ]
        + [f"sizes.{name}" for name in ("image", "glimpse", "context", "choices", "has_end")]
    ),
    value=VALUES.filter(lambda value: isinstance(value, int | float | str | list | dict | bytes)),
)
@example("updates", "x")
@example("updates", -5)
@example("updates", True)
@example("metrics", [{"images": "x"}])
@example("sizes.choices", 10**9)  # 4 GB of weights each unit, which no checkpoint holds
@example("config.units", 10**5)
def test_a_checkpoint_with_anything_in_it(
    stripes_config: Config, tmp_path: Path, place: str, value: object
) -> None:
    config = dataclasses.replace(stripes_config, units=4, features=4)
    state = checkpoint_state(config)
    entry, _, inner = place.partition(".")
    if inner:
        state[entry][inner] = value
    else:
        state[entry] = value
    checkpoint.save(tmp_path / "checkpoint.pt", state)
    try:
        load(tmp_path)
    except GlimpseError as error:
        assert place != "updates" or isinstance(error, CorruptedData)
    else:
        assert place != "updates" or (type(value) is int and value >= 0)


def checkpoint_state(config: Config, made: dict[str, Any] = {}) -> dict[str, Any]:  # noqa: B006
    """What a training saves, made once."""
    if not made:
        made.update(make_training(config).state())
    return {**made, "config": dict(made["config"]), "sizes": dict(made["sizes"])}


@pytest.mark.parametrize("device", ["meta", "nowhere", "cuda:99", "", "cpu:x", None, {}, 3.5])
def test_devices_on_which_nothing_is_computed(device: Any, stripes_config: Config) -> None:
    with pytest.raises(InvalidArgument, match="device="):
        usable_device(device)


def test_homes_and_names_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("runs", "~/x") == tmp_path / "x"
    config = Config(env_id="Glimpse-v0")
    arguments = Arguments(runs=Path("~/x"), resume=Path("pretrained:a"), config=config)
    assert (arguments.runs, arguments.resume) == (tmp_path / "x", Path("pretrained:a"))
    for name in ("a\0b", "a\udcff", "~nobody-of-that-name/x"):
        with pytest.raises(InvalidArgument, match="runs="):
            Arguments(runs=Path(name), config=config)
        with pytest.raises(InvalidArgument, match="run="):
            load(name)
        with pytest.raises(InvalidArgument, match="image_folder"):
            config.with_own_images(Path(name), Path("x"))
    with pytest.raises(FolderUnwritable):
        new_folder(tmp_path, "x" * 300, 0)
