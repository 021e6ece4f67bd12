"""The tables of `env_throughput.py`, and the thresholds that its numbers are held against."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from benchmarks.env_works import FEW_IMAGES
from benchmarks.measuring import REPETITIONS, Rate
from benchmarks.reporting import Ratio, per_second, spread, table

REFERENCE = 128  # rows at which environments are compared
SINGLE_IDS = ("GlimpseMNIST-v0", "GlimpseClutteredMNIST100-v0")
CLOCKS = ("resets counted", "steps alone")
GATHERS = ("gather", "take")
OVER_GATHER = {  # wanted of the gather's rate
    "GlimpseClutteredMNIST100-v0": 0.9,
    "GlimpseMNISTSequence-v0": 0.5,
    "GlimpseHouseNumbers-v0": 0.5,
}
OVER_CARTPOLE = 4  # times of a single step, wanted at most
PEERS = (
    "EnvPool Catch-v0, 1",
    "EnvPool Catch-v0, 128",
    "EnvPool Catch-v0, 1024",
    "ap_gym MNIST, 128",
)
EXPLANATION = """\
Environment steps a second (rows times calls): the median of {repetitions} repetitions of at least
{seconds} s each, the columns in turn, on one core and one thread. Two episodes of warm-up are off
the clock. Every call is a full `step()`: actions checked, rewards, autoreset (NEXT_STEP), infos.
Actions are random and were drawn before. All rows begin together, as after `reset()`, so all reset
at the same call, and a call that resets counts as a step, for everyone; *out of phase*: at every
call as many rows begin. With random labels a sequence nearly always ends at its first label. House
numbers are {few} images, drawn before.

*gather* is `images[rows, ys, xs]`: {library} advanced indexing from the uint8 images of the rows,
which gives an array of exactly the glimpse's shape (n, K·C, g, g) and does nothing else. *take*
is the stricter `ndarray.take` of the same pixels with flat positions computed before."""


@dataclasses.dataclass
class Measured:
    """All rates of a run."""

    backends: tuple[str, ...]
    steps: dict[tuple[str, int], dict[str, Rate]]  # of an id at a number of rows
    singles: dict[str, Rate] = dataclasses.field(default_factory=dict)
    sizes: dict[str, Rate] = dataclasses.field(default_factory=dict)
    peers: dict[str, Rate] = dataclasses.field(default_factory=dict)

    def others(self) -> dict[str, Rate]:
        """What is not about one id and backend."""
        return self.singles | self.sizes | self.peers

    def all_rates(self) -> Iterator[Rate]:
        """Every one."""
        for rates in (*self.steps.values(), self.others()):
            yield from rates.values()

    def reference(self, env_id: str, name: str = "numpy") -> Rate | None:
        """The rate at the number of rows where environments are compared."""
        return self.steps.get((env_id, REFERENCE), {}).get(name)

    def as_json(self) -> dict[str, Any]:
        """Everything, with names."""
        steps = [
            {"id": env_id, "num_envs": number, "rates": _named(rates)}
            for (env_id, number), rates in self.steps.items()
        ]
        ratios = [ratio._asdict() | {"verdict": ratio.verdict} for ratio in thresholds(self)]
        return {"steps": steps, "others": _named(self.others()), "ratios": ratios}


def _named(rates: dict[str, Rate]) -> dict[str, dict[str, float]]:
    return {name: rate._asdict() for name, rate in rates.items()}


def explanation(seconds: float, library: str) -> str:
    """How the numbers were taken."""
    return EXPLANATION.format(
        repetitions=REPETITIONS, seconds=seconds, few=FEW_IMAGES, library=library
    )


def tables(measured: Measured) -> Iterator[str]:
    """All rates, and the ratios of ours to the gathers."""
    names = [*measured.backends, "out of phase", "SyncVectorEnv", *GATHERS]
    quotients = [(backend, name) for backend in measured.backends for name in GATHERS]
    rows = []
    for (env_id, number), rates in measured.steps.items():
        row = [env_id, str(number)]
        row += [per_second(rates[name]) if name in rates else "–" for name in names]
        row += [f"{rates[ours].median / rates[bare].median:.2f}" for ours, bare in quotients]
        rows.append(row)
    yield table(["id", "rows", *names, *(f"{a} / {b}" for a, b in quotients)], rows)
    yield "## Single environments, sizes of images, peers"
    lines = [[name, per_second(rate), spread(rate)] for name, rate in measured.others().items()]
    lines += [[name, "not measured", "–"] for name in PEERS if name not in measured.peers]
    yield table(["environment", "steps a second", "spread"], lines)


def thresholds(measured: Measured) -> list[Ratio]:
    """What was wanted, and what it is."""
    mnist = "GlimpseMNIST-v0"
    ours, others = measured.reference, measured.others()
    ratios = [
        _ratio(f"{env_id} over the gather", ours(env_id), ours(env_id, "gather"), wanted)
        for env_id, wanted in OVER_GATHER.items()
    ]
    ratios += [
        _ratio(
            f"{mnist} over ap_gym, both 8x8 with 6 glimpses",
            ours(mnist),
            others.get("ap_gym MNIST, 128"),
            100,
        ),
        _ratio(
            f"{mnist} over EnvPool's Catch",
            ours(mnist),
            others.get("EnvPool Catch-v0, 128"),
            0.5,
        ),
    ]
    for env_id, number in measured.steps:
        if number == REFERENCE:
            sync = ours(env_id, "SyncVectorEnv")
            ratios.append(_ratio(f"{env_id} over SyncVectorEnv", ours(env_id), sync, 10))
    large, small = others.get("2048x2048"), others.get("64x64")
    ratios.append(_ratio("images of 2048x2048 over 64x64", large, small, 0.8))
    return ratios + list(_single_ratios(others))


def _single_ratios(others: dict[str, Rate]) -> Iterator[Ratio]:
    for env_id in SINGLE_IDS:
        for clock in CLOCKS:
            cart, single = others.get(f"CartPole-v1, {clock}"), others.get(f"{env_id}, {clock}")
            name = f"time of a single {env_id} step over CartPole's, {clock}"
            yield _ratio(name, cart, single, OVER_CARTPOLE, at_most=True)


def _ratio(
    name: str, above: Rate | None, below: Rate | None, wanted: float, at_most: bool = False
) -> Ratio:
    value = above.median / below.median if above and below else None
    return Ratio(name, value, wanted, at_most)
