"""What `check_vector_env` asks of the values that go in and out: spaces, dtypes, masks, memory.

Each rule yields what it expected and what it found instead, and nothing if all is well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from glimpse_env.testing.rollouts import (
    Moment,
    Probe,
    describe,
    difference,
    host_view,
    is_array,
    is_object_array,
    leaves,
    on_host,
)

Broken = Iterator[tuple[str, str]]  # what was expected, what was found

_ARRAY_SPACES = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def check_spaces(probe: Probe) -> Broken:
    """The batched spaces are batches of the single ones, and the autoreset mode is declared."""
    envs = probe.envs
    if not isinstance(envs.num_envs, int) or envs.num_envs < 1:
        yield "num_envs to be an integer of at least 1", repr(envs.num_envs)
    for kind in ("observation", "action"):
        batched, single = getattr(envs, f"{kind}_space"), getattr(envs, f"single_{kind}_space")
        if batched != batch_space(single, envs.num_envs):
            yield f"{kind}_space to be batch_space(single_{kind}_space, num_envs)", repr(batched)
    if not isinstance(probe.mode, AutoresetMode):
        yield "metadata['autoreset_mode'] to be an AutoresetMode", repr(probe.mode)


def check_returns(probe: Probe) -> Broken:
    """Observations lie in their space; rewards and ends have one entry a row."""
    shape = (probe.envs.num_envs,)
    for moment in probe.standard:
        observations = moment.returned["observations"]
        yield from outside(probe.envs.observation_space, observations, f"{moment.call}: obs")
        for name, kind in (("rewards", "float"), ("terminations", "bool"), ("truncations", "bool")):
            array = moment.returned.get(name, host_view(np.zeros(shape, kind)))
            if not is_array(array) or tuple(array.shape) != shape:
                yield f"{moment.call}: {name} of shape {shape}", describe(array)
            elif host_view(array).dtype.kind != kind[0]:
                yield f"{moment.call}: {name} of dtype {kind}", describe(array)


def outside(space: spaces.Space[Any], value: Any, path: str) -> Broken:
    """Where `value` is not what `space` says."""
    if isinstance(space, spaces.Dict):
        if not isinstance(value, dict) or value.keys() != space.keys():
            yield f"{path}: a dictionary with the keys {list(space)}", describe(value)
            return
        for key, part in space.items():
            yield from outside(part, value[key], f"{path}[{key!r}]")
    elif not isinstance(space, _ARRAY_SPACES):
        if not space.contains(on_host(value)):
            yield f"{path}: a value in {space}", describe(value)
    elif not is_array(value) and not isinstance(value, int):  # as a single Discrete may be
        yield f"{path}: an array", describe(value)
    else:
        array = host_view(value)
        if array.shape != space.shape or array.dtype != space.dtype:
            yield f"{path}: dtype {space.dtype} and shape {space.shape}", describe(value)
        elif not space.contains(array[()]):
            yield f"{path}: values in {space}", str(array)


def check_infos(probe: Probe) -> Broken:
    """Every key of an info is paired with a mask of the rows that it holds for.

    Within the value of a key there may be masks, but need not be. Booleans come as such.
    """
    for moment in probe.standard:
        infos = moment.returned["infos"]
        yield from _unpaired(infos, probe.envs.num_envs, f"{moment.call}: infos")


def _unpaired(infos: Any, number: int, path: str, within: bool = False) -> Broken:
    """Where an info, or what is `within` one, has no masks or wrong ones."""
    if not isinstance(infos, dict):
        yield f"{path}: a dictionary", describe(infos)
        return
    for key, value in infos.items():
        if key.startswith("_"):
            if key[1:] not in infos:
                yield f"{path}: a key {key[1:]!r} for the mask {key!r}", f"only {list(infos)}"
            continue
        mask, at = infos.get(f"_{key}"), f"{path}[{key!r}]"
        if not (within and mask is None) and (
            mask is None
            or not is_array(mask)
            or mask.shape != (number,)
            or host_view(mask).dtype != np.bool_
        ):
            yield f"{path}['_{key}'] of dtype bool and shape ({number},)", describe(mask)
        if key == "final_obs":  # laid out like an observation; the rule on autoresets looks at it
            continue
        if isinstance(value, dict):
            yield from _unpaired(value, number, at, within=key != "final_info")
        elif not is_array(value) or len(value.shape) < 1 or value.shape[0] != number:
            yield f"{at} to be an array of {number} rows", describe(value)
        elif is_object_array(value) and any(isinstance(one, bool | np.bool_) for one in value.flat):
            yield f"{at} of dtype bool", describe(value)


def check_actions(probe: Probe) -> Broken:
    """`step` leaves the action that it is given as it is."""
    for moment in probe.standard:
        if moment.action_change:
            yield f"{moment.call} to leave the action as it is", f"action{moment.action_change}"


def check_copies(probe: Probe) -> Broken:
    """What a call returns is the caller's: nobody else holds it, changes it or reads it again."""
    moments = probe.rollout(probe.seed)
    for moment in moments:
        change = difference(moment.seen, on_host(moment.returned))
        if change:
            yield f"what {moment.call} returned to stay as it was", f"before and now {change}"
    yield from _sharing(moments)
    yield from unequal(
        moments,
        probe.rollout(probe.seed, after=_scribble),
        "the same rollout when the caller writes into what it got",
    )


def _sharing(moments: list[Moment]) -> Broken:
    """Arrays of the rollout that overlap in memory; all are alive, so no address occurs twice."""
    spans = []
    for moment in moments:
        for path, leaf in leaves(moment.returned):
            if host_view(leaf).size and not isinstance(leaf, np.generic):  # scalars are immutable
                spans.append((*_span(leaf), leaf, f"{path} of {moment.call}"))
    spans.sort(key=lambda span: span[:2])
    open_spans: list[tuple[int, int, Any, str]] = []
    for span in spans:
        open_spans = [other for other in open_spans if other[1] > span[0]]
        for other in open_spans:
            if _on_device(span[2]) or np.shares_memory(host_view(span[2]), host_view(other[2])):
                yield "arrays that share no memory", f"{other[3]} and {span[3]} do"
        open_spans.append(span)


def _on_device(array: Any) -> bool:
    return hasattr(array, "data_ptr") and array.device.type != "cpu"


def _span(array: Any) -> tuple[int, int]:
    """First and last address of an array, on whatever device."""
    if hasattr(array, "data_ptr"):
        steps = [step * array.element_size() for step in array.stride()]
        start, item = array.data_ptr(), array.element_size()
    else:
        steps = list(array.strides)
        start, item = array.__array_interface__["data"][0], array.itemsize
    reaches = [(size - 1) * step for size, step in zip(array.shape, steps, strict=True)]
    lowest = start + sum(reach for reach in reaches if reach < 0)
    return lowest, start + sum(reach for reach in reaches if reach > 0) + item


def _scribble(moment: Moment) -> None:
    for _, leaf in leaves(moment.returned):
        writeable = getattr(getattr(leaf, "flags", None), "writeable", hasattr(leaf, "data_ptr"))
        if writeable and host_view(leaf).dtype.kind in "biuf":
            leaf[...] = 1


def unequal(moments: list[Moment], others: list[Moment], expected: str) -> Broken:
    """Where two rollouts differ."""
    if len(moments) != len(others):
        yield expected, f"rollouts of {len(moments)} and {len(others)} calls"
    for moment, other in zip(moments, others, strict=False):
        found = difference(moment.seen, other.seen)
        if found:
            yield expected, f"at {moment.call}, {found}"
