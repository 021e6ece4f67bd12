"""What `check_vector_env` asks of episodes: how they begin, end, follow each other, and repeat.

Each rule yields what it expected and what it found instead, and nothing if all is well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import iterate
from numpy.typing import NDArray

from glimpse_env.testing.rollouts import (
    Moment,
    Probe,
    describe,
    difference,
    host_view,
    is_object_array,
    leaves,
)
from glimpse_env.testing.values import Broken, outside, unequal

_FINAL = ("final_obs", "final_info")
_ASSERTING = (SyncVectorEnv, AsyncVectorEnv)  # Gymnasium's own, until 1.3, assert what they refuse


def check_autoreset(probe: Probe) -> Broken:
    """What follows the end of an episode is as the declared mode says."""
    steps = [moment for moment in probe.standard if moment.call != "reset"]
    if not any(moment.done.any() for moment in steps):
        yield "an episode to end", f"none in {len(steps)} steps; pass more `steps`"
    elif probe.mode == AutoresetMode.SAME_STEP:
        yield from _same_step(probe, steps)
    else:
        for moment in probe.standard:
            present = [key for key in _FINAL if np.any(moment.seen["infos"].get(f"_{key}", False))]
            if present:
                yield f"{moment.call}: no {present[0]!r} in mode {probe.mode.value}", "it"
    if probe.mode == AutoresetMode.NEXT_STEP:
        yield from _next_step(probe, steps)


def _next_step(probe: Probe, steps: list[Moment]) -> Broken:
    """The step after an end resets, earns nothing and ignores the action."""
    ended = [np.zeros(probe.envs.num_envs, bool)] + [moment.done for moment in steps[:-1]]
    for moment, before in zip(steps, ended, strict=True):
        for name in ("rewards", "terminations", "truncations"):
            if moment.seen[name][before].any():
                found = f"{moment.seen[name]}, where {before} had ended"
                yield f"{moment.call}: {name} of 0 in the step that resets", found
    others = [probe.mixed(number, mask) for number, mask in enumerate(ended)]
    yield from unequal(
        probe.standard,
        probe.rollout(probe.seed, others),
        "the action to be ignored in the step that resets",
    )


def _same_step(probe: Probe, steps: list[Moment]) -> Broken:
    """The end of an episode shows the next one, and the last of the old one in the infos."""
    renewed = []
    for moment in steps:
        infos = moment.returned["infos"]
        for key in _FINAL:
            mask = infos.get(f"_{key}", np.zeros(probe.envs.num_envs, bool))
            if not np.array_equal(host_view(mask), moment.done):
                yield f"{moment.call}: infos['_{key}'] to be {moment.done}", str(mask)
            elif key not in infos and moment.done.any():
                yield f"{moment.call}: infos[{key!r}]", f"only {list(infos)}"
        if moment.done.any():
            yield from _final_observations(probe, moment, infos["final_obs"])
            renewed += [_renewed(probe, moment, int(row)) for row in np.flatnonzero(moment.done)]
    if not any(renewed):
        yield "the observation at an end to be of the next episode", "final_obs itself"


def _final_observations(probe: Probe, moment: Moment, final: Any) -> Broken:
    path = f"{moment.call}: infos['final_obs']"
    if not is_object_array(final):  # one batch
        yield from outside(probe.envs.observation_space, final, path)
    elif final.shape != moment.done.shape:
        yield f"{path} of shape {moment.done.shape}", describe(final)
    else:
        for row, (observation, done) in enumerate(zip(final, moment.done, strict=True)):
            if not done and observation is not None:
                yield f"{path}[{row}] to be None in a running episode", describe(observation)
            elif done:
                space = probe.envs.single_observation_space
                yield from outside(space, observation, f"{path}[{row}]")


def _renewed(probe: Probe, moment: Moment, row: int) -> bool:
    """Whether a row's observation differs from the final one of its last episode."""
    final = moment.seen["infos"]["final_obs"]
    if not is_object_array(final):
        final = list(iterate(probe.envs.observation_space, final))
    now = list(iterate(probe.envs.observation_space, moment.seen["observations"]))[row]
    return difference(dict(leaves(now, "obs")), dict(leaves(final[row], "obs"))) is not None


def check_seeds(probe: Probe) -> Broken:
    """Seeds decide everything."""
    again = probe.rollout(probe.seed)
    yield from unequal(probe.standard, again, "the same rollout from the same seed")
    once, again = _following(probe), _following(probe)
    yield from unequal(once, again, "reset() after reset(seed=...) to repeat as well")


def check_chance(probe: Probe) -> Broken:
    """Another seed gives others, and a reset without a seed goes on with the random numbers."""
    if not any(unequal(probe.standard, probe.rollout(probe.seed + 1000), "")):
        yield "other rollouts from another seed", f"the same with {probe.seed + 1000}"
    if not any(unequal(probe.standard, _following(probe), "")):
        yield "reset() to go on with the random numbers", "the rollout of the seed once more"


def _following(probe: Probe) -> list[Moment]:
    """A rollout without a seed, after a reset with one."""
    probe.reset(seed=probe.seed)
    return probe.rollout(None)


def check_seed_list(probe: Probe) -> Broken:
    """A number seeds row i with `seed + i`; a row depends on its own seed and actions alone."""
    seeds = [probe.seed + row for row in range(probe.envs.num_envs)]
    expected = "seed=s to be the same as seed=[s, s + 1, ...]"
    yield from unequal(probe.standard, probe.rollout(seeds), expected)
    turned = probe.rollout(seeds[::-1], probe.reversed_actions())
    for moment, other in zip(probe.standard, turned, strict=False):
        for name in ("observations", "rewards"):
            for row in range(probe.envs.num_envs if name in moment.seen else 0):
                now = _row(moment.seen[name], row)
                found = difference(now, _row(other.seen[name], -1 - row))
                if found:
                    expected = "rows in the order of their seeds, when those are turned round"
                    yield expected, f"at {moment.call}, {name}{found}"


def _row(tree: Any, row: int) -> dict[str, Any]:
    return {path: leaf[row] for path, leaf in leaves(tree, "batch")}


def check_reset_mask(probe: Probe) -> Broken:
    """`options={"reset_mask": mask}` resets the rows in the mask and leaves the others alone."""
    number = probe.envs.num_envs
    yield from _refused_masks(probe)
    mask = np.arange(number) % 2 == 0
    fresh = probe.reset(seed=probe.seed + 1000)
    before = _begin(probe)
    partial = probe.reset(seed=probe.seed + 1000, options={"reset_mask": mask.copy()})
    for row in range(number):
        source, whose = (fresh, "a whole reset") if mask[row] else (before[-1], "before")
        now = _row(partial.seen["observations"], row)
        found = difference(now, _row(source.seen["observations"], row))
        if found:
            yield f"row {row} of reset_mask={mask} to be as {whose}", found
    for key, value in partial.seen["infos"].items():
        if key.startswith("_") and (value & ~mask).any():
            yield f"infos[{key!r}] within reset_mask={mask}", str(value)
    after = probe.step(probe.actions[len(before) - 1], len(before) - 1)
    undisturbed = probe.standard[len(before)]
    for name in ("observations", "rewards", "terminations", "truncations"):
        for row in np.flatnonzero(~mask).tolist():
            now = _row(after.seen[name], row)
            found = difference(now, _row(undisturbed.seen[name], row))
            if found:
                yield f"row {row}, not in reset_mask, to go on undisturbed", f"{name}{found}"


def _begin(probe: Probe) -> list[Moment]:
    """The first calls of the standard rollout, before any episode has ended."""
    standard = probe.standard  # before the reset: asked for first, it would be played in between
    moments = [probe.reset(seed=probe.seed)]
    for number, action in enumerate(probe.actions[:3]):
        if standard[number + 1].done.any():
            break
        moments.append(probe.step(action, number))
    return moments


def _refused_masks(probe: Probe) -> Broken:
    number = probe.envs.num_envs
    wrong: list[tuple[Any, type[Exception], str]] = [
        ([True] * number, TypeError, "a list"),
        (np.ones(number, np.int64), TypeError, "an array of integers"),
        (np.ones(number + 1, np.bool_), ValueError, f"an array of {number + 1} rows"),
        (np.zeros(number, np.bool_), ValueError, "a mask that is False everywhere"),
    ]
    lenient = (AssertionError,) if isinstance(probe.envs.unwrapped, _ASSERTING) else ()
    for mask, error, what in wrong:
        probe.reset(seed=probe.seed)
        expected = f"{error.__name__} for a reset_mask that is {what}"
        try:
            probe.envs.reset(options={"reset_mask": mask})
        except (error, *lenient):
            pass
        except Exception as other:
            yield expected, f"{type(other).__name__}: {other}"
        else:
            yield expected, "no error"


def check_options(probe: Probe) -> Broken:
    """The dictionary of options stays as the caller made it."""
    mask: NDArray[np.bool_] = np.ones(probe.envs.num_envs, np.bool_)
    options: dict[str, Any] = {"reset_mask": mask} if probe.has_reset_mask else {}
    given = dict(options)
    probe.reset(seed=probe.seed)
    probe.reset(options=options)
    if options.keys() != given.keys() or any(options[key] is not given[key] for key in given):
        yield f"reset to leave its options {list(given)} alone", f"{list(options)}"
    if not mask.all():
        yield "reset to leave the mask alone", str(mask)
