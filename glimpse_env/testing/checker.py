"""A conformance checker for Gymnasium's vector environments: Gymnasium has none of its own.

    from glimpse_env.testing import check_vector_env
    check_vector_env(gym.make_vec("GlimpseMNIST-v0", num_envs=3))

It works on every `gymnasium.vector.VectorEnv`, of NumPy arrays or of torch tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from gymnasium.vector import VectorEnv

from glimpse_env.testing import episodes, values
from glimpse_env.testing.rollouts import ConformanceError, Probe
from glimpse_env.testing.values import Broken

__all__ = ["RULES", "ConformanceError", "check_vector_env"]

RULES: Mapping[str, Callable[[Probe], Broken]] = MappingProxyType(
    {
        "spaces": values.check_spaces,
        "returns": values.check_returns,
        "infos": values.check_infos,
        "actions": values.check_actions,
        "seeds": episodes.check_seeds,
        "chance": episodes.check_chance,
        "copies": values.check_copies,
        "seed_list": episodes.check_seed_list,
        "autoreset": episodes.check_autoreset,
        "reset_mask": episodes.check_reset_mask,
        "options": episodes.check_options,
    }
)


def check_vector_env(
    envs: VectorEnv[Any, Any, Any],
    *,
    steps: int = 40,
    seed: int = 123,
    skip: Collection[str] = (),
    to_action: Callable[[Any], Any] = lambda action: action,
) -> None:
    """Check that a vector environment keeps Gymnasium's rules, in the autoreset mode it declares.

    Environments that fail for good reasons: `SyncVectorEnv` takes the mask out of the caller's
    options (skip "options"), Gymnasium's own CartPole in vector form has one random generator for
    all rows and no masks (skip "seed_list" and "reset_mask"), where nothing is left to chance all
    rollouts are one (skip "chance"), and `RecordEpisodeStatistics` takes the mask out, too, and has
    the time on the clock in its infos, which never repeats (skip "options", "seeds", "copies",
    "seed_list" and "autoreset").

    Args:
        envs: The environment. It is reset and stepped many times and left open.
        steps: Length of each trial, at least 4; some episode must end within it.
        seed: Seed of the first trial.
        skip: Names of rules that this environment cannot keep, from `RULES`.
        to_action: Turns a NumPy sample of the action space into what `step` takes.

    Raises:
        ConformanceError: A rule is broken: which one, what was expected, what was found.
        ValueError: `skip` names no rule, or there are too few steps.
    """
    if steps < 4:
        raise ValueError(f"steps={steps} must be at least 4")
    unknown = sorted(set(skip) - set(RULES))
    if unknown:
        raise ValueError(f"skip: there is no rule {unknown[0]!r}; the rules are {', '.join(RULES)}")
    envs.action_space.seed(seed)
    probe = Probe(
        envs=envs,
        seed=seed,
        actions=[envs.action_space.sample() for _ in range(steps)],
        other_actions=[envs.action_space.sample() for _ in range(steps)],
        to_action=to_action,
        has_reset_mask="reset_mask" not in skip,
    )
    for rule, check in RULES.items():
        if rule not in skip:
            for expected, found in check(probe):
                raise ConformanceError(rule, expected, found)
