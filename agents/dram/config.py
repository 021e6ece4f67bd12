"""Everything that defines a training run."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal

from agents.runs.config import RunConfig, require_positive, require_positive_entries
from glimpse_env.errors import InvalidArgument, require_between

CREDITS = {
    "environment": "gazes are credited with the reward that the environment pays",
    "probability": "gazes are credited with the probability that the classifier gives to the right "
    "label; the environment's reward reaches no gradient (--credit environment: it does)",
    "information": "gazes are credited with the information that they add to the classifier; the "
    "environment's reward reaches no gradient (--credit environment: it does)",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(RunConfig):
    """A training run, whole. Each row of the papers' tables is one of these (see presets.py)."""

    TRAINER: ClassVar[str] = "train_dram.py"
    ENV_OPTIONS: ClassVar[tuple[str, ...]] = (
        *RunConfig.ENV_OPTIONS,
        "glimpses_per_label",
        "max_glimpses",
        "glimpse_cost",
        "glimpse_size",
        "num_scales",
        "zoom",
        "context_size",
        "initial_gaze",
    )
    POSITIVE: ClassVar[tuple[str, ...]] = (
        *RunConfig.POSITIVE,
        "features",
        "units",
        "sigma_pixels",
        "sigma_fall_images",
        "sigma_zoom",
        "grid_size",
        "samples",
        "num_envs",
    )
    NOT_NEGATIVE: ClassVar[tuple[str, ...]] = (
        *RunConfig.NOT_NEGATIVE,
        "classifier_hidden",
        "unit_pixels",
        "reinforce_weight",
        "outside_penalty",
        "entropy_weight",
    )

    glimpses_per_label: int | None = None
    """Glimpses before each label, 1 or more (the papers: 2 to 8); 0 lets the agent decide; None for
    the environment's own."""
    max_glimpses: int | None = None
    """Most glimpses before a label where the agent decides, 1 or more; None for the environment's
    own, 8."""
    glimpse_cost: float | None = None
    """What a glimpse costs where the agent decides, in units of the reward for a label: 0 until it
    can read, then 0.01 and more. None for the environment's own, 0."""
    glimpse_size: int | None = None
    """Side of a glimpse, cells: 6 to 16 in the presets; None for the environment's own."""
    num_scales: int | None = None
    """Scales of a glimpse, each twice as wide as the one before, 1 to 9: 1 to 4 in the presets.
    None for the environment's own."""
    zoom: bool | None = None
    """Choose at every gaze how coarse the glimpse is, by a third number; None for the environment's
    own (it has no zoom unless you say so)."""
    context_size: int | None = None
    """Side of the coarse whole image that DRAM sees first, cells: 18 for all of DRAM's tasks. 0 for
    none, None for the environment's own."""
    initial_gaze: Literal["none", "center", "random"] | None = None
    """Where the first glimpse is taken: "none", by the agent; "center" or "random", by the
    environment. None for the environment's own."""
    backward: bool = False
    """Read sequences from last to first: DRAM's backward reader."""
    start_from: str = ""
    """Folder of a run whose weights this one starts with (fine-tuning on larger images), or
    `pretrained:NAME` for an agent that comes with the repository."""
    new_classifier: bool = False
    """Begin with a fresh classifier beside the weights of `start_from`, for labels that it does not
    know."""
    share_glimpse: str = ""
    """Folder of a run whose glimpse network this one uses as it is (DRAM's backward reader)."""

    layers: Literal[1, 2] = 2
    """Recurrent layers: 2 for DRAM, of which only the upper sees the context; 1 for RAM."""
    cell: Literal["lstm", "rnn"] = "lstm"
    """Recurrent units: "lstm" (DRAM, and RAM for Catch) or "rnn", RAM's rectifier units."""
    features: int = 256
    """Length of the vector that a glimpse becomes: 128 to 1024; cheap, and worth more than units.
    """
    units: int = 256
    """Units of each recurrent layer: 128 on a CPU; the papers have 256 (RAM) and 512 (DRAM)."""
    convolutions: tuple[int, ...] = ()
    """Channels of the convolutions in the glimpse network, the first 5x5, the others 3x3."""
    pool_after: int = 0
    """Which of these convolutions, counted from 1, is followed by 2x2 maximum pooling; 0: the last.
    After the first, the others cost a quarter, and have learned as much."""
    standardize: bool = False
    """Whether every glimpse is given mean 0 and variance 1: photographs need it, MNIST does not."""
    classifier_hidden: int = 0
    """Units of the classifier's hidden layer, as many as `units` for DRAM; 0 for a linear
    classifier, as RAM has."""
    dropout: float = 0.0
    """Chance in [0, 1) that a glimpse feature, or an output of the bottom layer on its way to the
    classifier, is left out in training (DRAM, table 6: 0.5). Helps where there are few images."""
    unit_pixels: float = 0.0
    """What an output of 1 of the emission network means, pixels (DRAM's unit width); 0 for half
    the image."""
    sigma_pixels: float = 2.0
    """Standard deviation of the gaze, pixels: 1 to 4 in the presets, for glimpses 6 to 16
    wide."""
    sigma_start_pixels: float | None = None
    """Standard deviation at the start, pixels, to look around first; None for sigma_pixels. Where
    objects may be anywhere, a fifth of the image's width: from a narrow start, the first gaze finds
    nothing and stays in one place."""
    sigma_fall_images: int = 1_000_000
    """Images in which the standard deviation falls, geometrically, from sigma_start_pixels to
    sigma_pixels: a tenth to a fifth of the run. A shorter run ends before."""
    sigma_zoom: float = 0.5
    """Standard deviation of the zoom, of which -1 is the finest and 1 the coarsest."""

    gazes: Literal["gaussian", "grid"] = "gaussian"
    """What the policy draws gazes from: a Gaussian around a mean that is learned, with the standard
    deviation above, or the places of a grid, whose chances are learned (wants a reinforce_weight
    of its own: there is no sigma in it)."""
    grid_size: int = 5
    """Places of the grid along each axis: 5 for 25 places in the image."""
    gaze: Literal["policy", "random", "center"] = "policy"
    """Who looks: the policy, or a control that learns to classify alone."""
    classifier: Literal["labels", "reinforce"] = "labels"
    """How reading is learned. "labels": by the cross-entropy of the right labels, while rewards
    teach where to look (Mnih et al. 2014, section 3.1). "reinforce": from rewards alone; a label
    is drawn as a gaze is and earns what the episode pays, and nothing is told of the right ones.
    Wants an `entropy_weight` and a small `reinforce_weight`, which is that of gazes."""
    reinforce_weight: float = 0.1
    """lambda: weight of the REINFORCE term, times sigma^2 in half images: without that factor the
    term grows with 1 / sigma^2, and a weight that works at one sigma explodes at another. RAM's one
    layer, which the classifier shares, wants some 30 to keep what serves the eye; DRAM's top layer
    belongs to the gaze, and there it matters little."""
    credit: Literal["environment", "probability", "information"] = "environment"
    """What a gaze, or a decision to look on, is credited with. "environment": the reward that the
    environment pays, 1 for a right label and else 0 (Mnih et al. 2014, eq. 2; Ba et al. 2014, eq.
    11). "probability": the probability that the classifier gave to the right label; the reward of
    the environment then reaches no gradient (Li et al. 2023, internally rewarded reinforcement
    learning). "information": what its glimpse and those after it add to the classifier's
    log-likelihood of the label (Ba et al. 2014, eq. 8 and 10), scaled so that 1 is all there is to
    know; likewise without the environment's reward."""
    outside_penalty: float = 0.1
    """Weight of the squared distance, in half images, of a mean gaze from the image: 0.1 keeps all
    inside. Out there all
    is black and nothing is learned; bounding the mean by tanh instead saturates in a corner."""
    entropy_weight: float = 0.0
    """Weight at the start of the entropy of what is drawn, moves (games), labels (`classifier`
    "reinforce") or decisions to speak (glimpses_per_label=0), so that all of them are tried; it
    falls in a straight line to 0 at the end of the run."""
    samples: int = 1
    """M: gaze sequences sampled for each training image, which divides num_envs, since that counts
    them all; 4 learned no more than 1."""

    num_envs: int = 128
    """Environments stepped together, by all ranks; an update uses one episode of each. 128 to 256
    on a CPU core, 512 or 1024 on a GPU."""
    matmul_precision: Literal["highest", "high", "medium"] = "highest"
    """Precision of float32 matrix products, as torch.set_float32_matmul_precision takes it:
    "medium" may round their inputs to bfloat16, twice as fast on CPUs that have it; sums stay
    float32. "high" and "medium" let a GPU's convolutions and recurrent layers compute in
    TensorFloat-32, too."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """What the networks compute in when they learn: bfloat16 by torch.autocast; weights, recurrent
    layers and all outside of the networks in float32. Evaluations are in float32, those of
    trainers and evaluate.py with products as `matmul_precision` says."""
    capture: Literal["auto", "none", "graph", "compile"] = "auto"
    """How an update gets to a GPU: "none", its kernels one by one; "graph", as one CUDA graph that
    is captured once and replayed; "compile", as such a graph with the networks compiled before
    (torch.compile). "auto" is a graph where that can be: one process on a GPU, and labels after a
    fixed number of glimpses each."""

    @property
    def credit_line(self) -> str:
        """What gazes are credited with, in a sentence for the first lines of a run."""
        return CREDITS[self.credit]

    def env_options(self) -> dict[str, Any]:
        """The keywords that the run gives the environment over its own defaults."""
        return super().env_options() | ({"backward": True} if self.backward else {})

    def __post_init__(self) -> None:
        """Refuse values that cannot work, by name.

        Raises:
            InvalidArgument: Such a value.
        """
        super().__post_init__()
        if self.sigma_start_pixels is not None:
            require_positive(self, ["sigma_start_pixels"])
        require_positive_entries(self, ["convolutions"])
        require_between("pool_after", self.pool_after, 0, len(self.convolutions))
        if not 0 <= self.dropout < 1:
            raise InvalidArgument(f"dropout={self.dropout} must be in [0, 1)")
        if self.new_classifier and not self.start_from:
            raise InvalidArgument("new_classifier is for runs that have a start_from")
        if self.num_envs % self.samples:
            raise InvalidArgument(
                f"num_envs={self.num_envs} must be a multiple of samples={self.samples}"
            )
