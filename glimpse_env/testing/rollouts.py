"""Rollouts of any vector environment, and the trees of arrays that it takes and returns.

A tree is an array, a dictionary, tuple or list of trees, or an object array of trees. Arrays may be
NumPy's or torch tensors on any device; torch itself is never imported.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array, iterate
from numpy.typing import NDArray


class ConformanceError(AssertionError):
    """A vector environment breaks a rule.

    Attributes:
        rule: Name of the rule, a key of `glimpse_env.testing.RULES`.
        expected: What the rule asks for.
        found: What the environment did.
    """

    def __init__(self, rule: str, expected: str, found: str) -> None:
        super().__init__(rule, expected, found)
        self.rule, self.expected, self.found = rule, expected, found

    def __str__(self) -> str:
        """The rule, what it expects, and what was found."""
        return f"{self.rule}: expected {self.expected}; found {self.found}"


class Moment(NamedTuple):
    """What one call returned. A reset has neither rewards nor ends."""

    call: str  # "reset" or "step 7"
    returned: dict[str, Any]  # the very objects: observations, rewards, ..., infos
    seen: dict[str, Any]  # copies of them on the host, made before the next call
    action_change: str | None = None  # what the step did to the action it was given

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which rows ended with this step."""
        ends: NDArray[np.bool_] = self.seen["terminations"] | self.seen["truncations"]
        return ends


@dataclasses.dataclass(frozen=True)
class Probe:
    """An environment and how to try it.

    Args:
        envs: The environment.
        seed: Seed of the standard rollout.
        actions: One a step: samples of the action space, NumPy trees.
        other_actions: As many others.
        to_action: Turns a sample into what `step` takes.
        has_reset_mask: Whether single rows can be reset.
    """

    envs: VectorEnv[Any, Any, Any]
    seed: int
    actions: list[Any]
    other_actions: list[Any]
    to_action: Callable[[Any], Any]
    has_reset_mask: bool

    @functools.cached_property
    def standard(self) -> list[Moment]:
        """The rollout with the usual seed and actions."""
        return self.rollout(self.seed)

    @property
    def mode(self) -> Any:
        """The autoreset mode that the environment declares."""
        return self.envs.metadata.get("autoreset_mode")

    def rollout(
        self,
        seed: Any,
        actions: list[Any] | None = None,
        after: Callable[[Moment], None] = lambda moment: None,
    ) -> list[Moment]:
        """Reset and take every action; in DISABLED mode reset what has ended.

        Args:
            seed: Passed to `reset`.
            actions: Instead of the usual ones.
            after: Called with what every call returned, before the next.
        """
        moments = [self.reset(seed=seed)]
        after(moments[-1])
        for number, action in enumerate(self.actions if actions is None else actions):
            moments.append(self.step(action, number))
            done = moments[-1].done
            after(moments[-1])
            if self.mode == AutoresetMode.DISABLED and done.any():
                options = {"reset_mask": done} if self.has_reset_mask else {}
                moments.append(self.reset(options=options))
                after(moments[-1])
        return moments

    def reset(self, **arguments: Any) -> Moment:
        """Reset the environment."""
        returned = self.envs.reset(**arguments)
        return _moment("reset", ("observations", "infos"), returned)

    def step(self, action: Any, number: int) -> Moment:
        """Take an action."""
        passed = self.to_action(action)
        before = on_host(passed)
        returned = self.envs.step(passed)
        names = ("observations", "rewards", "terminations", "truncations", "infos")
        moment = _moment(f"step {number}", names, returned)
        return moment._replace(action_change=difference(before, on_host(passed)))

    def mixed(self, number: int, mask: NDArray[np.bool_]) -> Any:
        """The action of a step with the rows in `mask` replaced by other samples."""
        usual, other = self._rows(self.actions[number]), self._rows(self.other_actions[number])
        return self._batch([b if m else a for a, b, m in zip(usual, other, mask, strict=True)])

    def reversed_actions(self) -> list[Any]:
        """The actions with the last row first."""
        return [self._batch(self._rows(action)[::-1]) for action in self.actions]

    def _rows(self, action: Any) -> list[Any]:
        return list(iterate(self.envs.action_space, action))

    def _batch(self, rows: list[Any]) -> Any:
        space = self.envs.single_action_space
        out: Any = create_empty_array(space, len(rows))
        return concatenate(space, rows, out)


def _moment(call: str, names: tuple[str, ...], values: Any) -> Moment:
    if not isinstance(values, tuple) or len(values) != len(names):
        raise ConformanceError("returns", f"{call} to return {', '.join(names)}", describe(values))
    returned = dict(zip(names, values, strict=True))
    return Moment(call, returned, on_host(returned))


def is_array(value: Any) -> bool:
    """Whether `value` has what the arrays of all libraries have."""
    return hasattr(value, "shape") and hasattr(value, "dtype")


def is_object_array(value: Any) -> bool:
    """Whether `value` is a NumPy array of Python objects."""
    return isinstance(value, np.ndarray) and value.dtype.hasobject


def host_view(array: Any) -> NDArray[Any]:
    """The array as NumPy's; it shares memory unless it lies on another device."""
    return np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)


def on_host(tree: Any) -> Any:
    """A deep copy of the tree with NumPy arrays."""
    if isinstance(tree, Mapping):
        return {key: on_host(value) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple(map(on_host, tree))
    if not is_array(tree):
        return tree
    array = np.array(host_view(tree))
    if is_object_array(array):
        for place in np.ndindex(array.shape):
            array[place] = on_host(array[place])
    return array


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every array of a tree that holds no other trees, and its path: `infos['episode']['r']`."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaves(value, f"{path}[{key!r}]" if path else str(key))
    elif isinstance(tree, tuple | list):
        for place, value in enumerate(tree):
            yield from leaves(value, f"{path}[{place}]")
    elif is_object_array(tree):
        for cell in np.ndindex(tree.shape):
            yield from leaves(tree[cell], f"{path}{list(cell)}")
    elif is_array(tree):
        yield path, tree


def difference(first: Any, second: Any, path: str = "") -> str | None:
    """Where two trees on the host differ first, and how; None if they are equal to the bit."""
    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            return f"{path} with keys {list(first)} and {list(second)}"
        parts = [(first[key], second[key], f"{path}[{key!r}]") for key in first]
    elif isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        parts = [(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(first, second, strict=True))]
    elif not (is_array(first) and is_array(second)):
        same = first is second or bool(np.all(first == second))
        return None if same else f"{path}: {first!r} and {second!r}"
    elif first.dtype != second.dtype or first.shape != second.shape:
        return f"{path}: {describe(first)} and {describe(second)}"
    elif is_object_array(first):
        parts = [(first[i], second[i], f"{path}{list(i)}") for i in np.ndindex(first.shape)]
    else:
        equal = (first == second) | ((first != first) & (second != second))  # NaN equals NaN
        if np.all(equal):
            return None
        place = tuple(np.argwhere(~equal)[0].tolist())
        return f"{path}{list(place) or ''}: {first[place]} and {second[place]}"
    return next(filter(None, (difference(*part) for part in parts)), None)


def describe(value: Any) -> str:
    """Kind, dtype and shape of a value, in few words."""
    if is_array(value):
        return f"{type(value).__name__} of dtype {value.dtype} and shape {tuple(value.shape)}"
    return f"{type(value).__name__} {value!r}"
