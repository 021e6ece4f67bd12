"""A reward for every glimpse, for learners that have rewards alone; off unless you wrap with it.

Of six steps before a label five earn nothing. Somebody who can read, such as a frozen agent, knows
what each glimpse has added:

```python
envs = VectorInformationReward(gym.make_vec("GlimpseMNIST-v0", 64), known, weight=0.1)
```
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from glimpse_env.backend import Array
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument

Known = Callable[[dict[str, Array], dict[str, Array], Array, Array], Array]


class VectorInformationReward(VectorWrapper):
    """Adds to the reward of a glimpse what it tells a reader of the label that is due.

    What is paid for a label adds up to what the reader knows in the end, less what it knew when it
    was first asked, whichever way the gaze went. Of the first label it is asked at the reset, which
    shows the first glimpse, or none with `initial_gaze="none"`; of the next ones after the glimpse
    of the step in which the label before was said. It pays for looking, also in tasks in which
    another gaze would have done, so that the best policy may be another one: measure errors without
    it. `info["episode"]` counts the environment's own rewards.

    Args:
        env: A batch of environments with labels after a fixed number of glimpses, without wrappers.
        known: From observations and infos of B rows, from where an episode begins, bool (B,), and
            from where what is shown is new, bool (B,), to how much is known of `info["target"]`
            now: (B,), 0 for nothing and 1 for all. It is called once for a reset and once for each
            step, so that it may remember what was seen. Rows that a reset leaves out, and rows that
            have ended and wait for one, show again what they did.
        weight: What all there is to know of a label is worth; a right label earns 1.

    Raises:
        InvalidArgument: An environment without labels, one in which the agent decides when to say
            them, or a wrapped one.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], known: Known, weight: float = 1.0) -> None:
        if not isinstance(env, GlimpseVectorEnv):
            raise InvalidArgument(f"{env} has no labels to know: give a GlimpseVectorEnv itself")
        if env.rules.agent_decides:
            raise InvalidArgument(
                "glimpses_per_label=0: a label may be said at every step, so that no step is there "
                "for its glimpse alone, and none would be paid; make it with a fixed number"
            )
        super().__init__(env)
        self._known, self._weight = known, weight
        self._mode = AutoresetMode(env.metadata["autoreset_mode"])
        self._over: Array = env.backend.arange(env.num_envs) < 0

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset all rows, or some, of which alone the reader is shown something new."""
        observation, info = self.env.reset(seed=seed, options=options)
        begun = self._begun(options)
        self._over = self._over & ~begun
        self._see(observation, info, begun, begun)
        return observation, info

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Step, and pay for what was learned, where the same label is still due."""
        said, before, was_over = self._due, self._now, self._over
        observation, reward, over, truncated, info = self.env.step(actions)
        next_step = self._mode == AutoresetMode.NEXT_STEP
        begins = was_over if next_step else over & (self._mode == AutoresetMode.SAME_STEP)
        self._over = over
        new = ~was_over if self._mode == AutoresetMode.DISABLED else was_over | ~was_over
        self._see(observation, info, begins, new)
        gained = self._weight * (self._now - before)
        gained[said | over | was_over] = 0
        return observation, reward + gained, over, truncated, info

    def _see(self, observation: Any, info: dict[str, Any], begins: Array, new: Array) -> None:
        self._now = self._known(observation, info, begins, new)
        self._due = observation["emit"] == 1

    def _begun(self, options: dict[str, Any] | None) -> Array:
        """Which rows begin: all, or those of the reset mask."""
        inner = self.env.unwrapped
        assert isinstance(inner, GlimpseVectorEnv)
        every = inner.backend.arange(self.num_envs) >= 0
        given = (options or {}).get("reset_mask")
        return every if given is None else every & inner.backend.xp.asarray(given)
