"""Everything that defines a training run of a Stable-Baselines3 algorithm."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from agents.runs.config import require_not_negative, require_positive
from agents.runs.fields import settle_fields
from glimpse_env.errors import InvalidArgument

_POSITIVE = (
    "gaze_bins",
    "num_envs",
    "timesteps",
    "steps",
    "batch",
    "epochs",
    "learning_rate",
    "features",
    "channels",
    "units",
    "evaluate_every",
    "validation_images",
    "stack",
    "replay",
)
ACTIONS = {"dqn": "discrete", "sac": "box", "tqc": "box", "labelled-ppo": "multidiscrete"}
COLLECTING = ("ppo", "recurrent-ppo", "labelled-ppo")  # minibatches divide what was collected
REPLAYING = ("dqn", "sac", "tqc")
_OURS = ("split", "autoreset_mode", "backend", "device", "render_mode", "num_envs")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sb3Config:
    """A run of an algorithm that sees observations and rewards; labelled-ppo sees labels, too."""

    algo: Literal["ppo", "a2c", "recurrent-ppo", "labelled-ppo", "dqn", "sac", "tqc"] = "ppo"
    """Proximal policy optimization, advantage actor-critic, PPO with an LSTM, the same with labels
    for its classifier, deep Q-learning (wants `--action discrete`), soft actor-critic and truncated
    quantile critics (want `--action box`). The two with an LSTM remember what they have looked at
    (they and tqc need sb3-contrib)."""
    env_id: str = "GlimpseMNIST-v0"
    """Id of the environment to train on."""
    options: dict[str, bool | int | float | str] = dataclasses.field(default_factory=dict)
    """Keywords of the environment over its own defaults: `--options glimpse_size 12 num_scales 1`.
    """
    action: Literal["multidiscrete", "discrete", "box"] = "multidiscrete"
    """How an action is put to the algorithm: "multidiscrete", one of a grid of gazes and a label,
    "discrete", both as one number, or "box", a real gaze and a score for each label."""
    gaze_bins: int = 9
    """Columns of the grid of gazes, and as many rows: 9 are 81 gazes."""
    stack: int = 1
    """Glimpses that the algorithm sees at once, the last ones: 1, or as many as there are for a
    label, a memory for those that have none."""

    num_envs: int = 64
    """Environments stepped together: 16 to 256."""
    timesteps: int = 1_000_000
    """Steps to train for, of all environments together; a label takes as many steps as glimpses.
    """
    steps: int = 32
    """Steps of each environment between updates, some episodes long: 16 to 128; 1 to 4 for dqn, sac
    and tqc."""
    batch: int = 512
    """Steps of a minibatch; divides num_envs * steps (PPO)."""
    epochs: int = 4
    """Passes over what was collected before it is thrown away (PPO): 3 to 10. Of dqn, sac and tqc
    the minibatches of an update."""
    replay: int = 100_000
    """Steps that dqn, sac and tqc remember and learn from again: 50,000 to a million."""
    learning_rate: float = 1e-3
    """Step size of Adam, or RMSprop (A2C): 3e-4 to 1e-3."""
    discount: float = 0.99
    """What a reward one step later is worth, in [0, 1]; episodes are short, so 0.99 or 1."""
    entropy_weight: float = 0.01
    """Weight of the policy's entropy in the loss, 0 to 0.05: more keeps it trying other labels for
    longer. dqn has no use for it; sac and tqc find their own."""
    label_weight: float = 1.0
    """Weight of the labels' cross-entropy beside PPO's loss (labelled-ppo): 0.5 to 2."""

    features: int = 128
    """Length of the vector that a glimpse becomes, and of that of the context: 128 to 512."""
    channels: int = 32
    """Channels of each convolution that glimpse and context go through: 16 to 64."""
    units: int = 128
    """Units of the hidden layer of policy and value, and of the LSTM: 128 to 512."""

    seed: int = 0
    """Number from which first weights, the order of images and the actions follow, 0 or more."""
    evaluate_every: int = 100_000
    """Steps, of all environments together, between readings of the validation split; each also
    saves the model."""
    validation_images: int = 2_000
    """Images of the validation split that are read each time."""

    def env_options(self) -> dict[str, Any]:
        """The keywords that the run gives the environment over its own defaults."""
        return dict(self.options)

    def __post_init__(self) -> None:
        """Refuse values that cannot work, by name.

        Raises:
            InvalidArgument: Such a value.
        """
        settle_fields(self)
        require_positive(self, _POSITIVE)
        require_not_negative(self, ("seed", "entropy_weight", "label_weight"))
        if not 0 <= self.discount <= 1:
            raise InvalidArgument(f"discount={self.discount} must be in 0 .. 1")
        for name in _OURS:
            if name in self.options:
                raise InvalidArgument(f"options: {name!r} is for the trainer to decide")
        wanted = ACTIONS.get(self.algo, self.action)
        if self.action != wanted:
            raise InvalidArgument(
                f"action={self.action!r} is not for algo={self.algo!r}: give {wanted!r}"
            )
        if self.algo in COLLECTING and self.num_envs * self.steps % self.batch:
            raise InvalidArgument(
                f"batch={self.batch} must divide num_envs * steps = {self.num_envs * self.steps}"
            )
