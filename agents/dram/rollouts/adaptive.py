"""Playing a batch of episodes in which the agent decides when to speak.

B rows, S the most labels said, N the most glimpses for each; G gazes, Y labels, D decisions between
speaking and looking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from agents.dram.model.agent import AdaptiveAgent, State
from agents.dram.model.gazes import GazePolicy
from agents.dram.model.noise import RowNoise
from agents.dram.rollouts.rollout import (
    Decisions,
    Guesses,
    Rollout,
    agreed,
    agreed_scores,
    returns_of,
)
from agents.dram.rollouts.tensor_envs import TensorEnvs
from agents.trainer.envs import IndexArray
from glimpse_env.envs.reading.env import GlimpseVectorEnv

SpeakPolicy = Callable[[Tensor, Tensor], Tensor]  # log-odds (R,) of rows (R,) -> bool (R,)


def likelier(odds: Tensor, rows: Tensor) -> Tensor:
    """Speak where it is likelier than to look on: how an agent reads when it is tested."""
    return odds.detach() > 0


def tossed(noise: RowNoise) -> SpeakPolicy:
    """Speak with the chance that the agent gives: how it learns."""
    return lambda odds, rows: noise.uniform(rows, 1)[:, 0] < odds.detach().sigmoid()


def read_adaptively(
    agent: AdaptiveAgent,
    envs: GlimpseVectorEnv,
    index: IndexArray,
    policy: GazePolicy,
    samples: int = 1,
    seed: int = 0,
    watch: Callable[[], object] | None = None,
    speaks: SpeakPolicy = likelier,
) -> Rollout:
    """Play one episode in every row.

    Args:
        agent: Who plays.
        envs: B environments with `glimpses_per_label=0` and `autoreset_mode="disabled"`.
        index: int64 (B,), which image for each row.
        policy: How gazes are chosen.
        samples: Rows in groups of so many show the same image, speak together where the mean of
            their log-odds says so, and say the label that the average of their log-probabilities
            prefers (as in DRAM eq. 14); 1 to speak alone.
        seed: Row i is seeded with `seed + i`, which decides a random initial gaze.
        watch: Called after the reset and after every step.
        speaks: How log-odds become a decision; with `samples` above 1 it must decide alike for
            equal odds. At the cap of the environment an agent always speaks.

    Returns:
        The episodes, with the decisions in them. A gaze still has to pay for itself and for the
        glimpses after it up to its label.
    """
    return _Episodes(agent, envs, policy, samples, watch, speaks).play(index, seed)


class _Moment(NamedTuple):
    """Rows that are running, R of them, before they act."""

    rows: Tensor  # int64 (R,)
    turn: Tensor  # int64 (R,), labels said
    since: Tensor  # int64 (R,), glimpses seen since the last label

    def select(self, chosen: Tensor) -> _Moment:
        return _Moment(*(part[chosen] for part in self))


class _Episodes:
    """The lists that grow while a batch is played."""

    def __init__(
        self,
        agent: AdaptiveAgent,
        envs: GlimpseVectorEnv,
        policy: GazePolicy,
        samples: int,
        watch: Callable[[], object] | None,
        speaks: SpeakPolicy,
    ) -> None:
        self.agent, self.envs, self.policy = agent, envs, policy
        self.samples, self.speaks = samples, speaks
        device = next(agent.parameters()).device
        self.played = TensorEnvs(envs, device, watch)
        self.rules = envs.rules
        shape = (envs.num_envs, self.rules.max_said)
        self.rewards = torch.zeros(shape, device=device)  # see returns_of; costs aside
        self.taken = torch.zeros(shape, device=device)  # glimpses for each label
        self.perfect = torch.zeros(shape[0], dtype=torch.bool, device=device)
        self.gazes: list[tuple[Tensor, ...]] = []  # gaze, params, baseline, place
        self.labels: list[tuple[Tensor, ...]] = []  # logits, at, target
        self.guesses: list[tuple[Tensor, ...]] = []  # logits, target, place
        self.decided: list[tuple[Tensor, ...]] = []  # odds, spoke, baseline, place

    def play(self, index: IndexArray, seed: int) -> Rollout:
        seen, info = self.played.reset(index, seed)
        state = self.agent.begin(seen["location"], seen.get("context"))
        zeros = torch.zeros_like(state.rows)
        now, begun = _Moment(state.rows, zeros, zeros), zeros == 0
        blind = not self.rules.sees_at_reset
        while len(now.rows):
            label = torch.full_like(now.rows, self.rules.keep_looking)
            if not blind:
                glimpse, location = seen["glimpse"][now.rows], seen["location"][now.rows]
                state = self.agent.look_again(state, glimpse, location, begun)
                now = now._replace(since=now.since + 1)
                begun, label = self._decide(state, now, info["target"][now.rows])
            blind = False
            params, baseline = self.agent.where_now(state, begun)
            gaze = self.policy(params, now.rows)
            seen, info, reward, over = self.played.step(now.rows, gaze, label)
            # What glimpses cost is counted apart: no gaze pays for those before it.
            paid = torch.where(over, reward, reward + self.envs.glimpse_cost)
            self.rewards[now.rows, now.turn] += paid[now.rows].float()
            if "sequence_correct" in info:
                self.perfect |= info["sequence_correct"] & over
            now = now._replace(
                turn=now.turn + begun * (now.since > 0), since=now.since.where(~begun, 0)
            )
            going = (~over[now.rows]).nonzero()[:, 0]
            now, state, begun = now.select(going), state.select(going), begun[going]
            kept = (gaze[going], params[going], baseline[going], self._place(now))
            self.gazes.append(kept)
        return self._finish()

    def _label(self, now: _Moment) -> Tensor:
        """Positions in flat (B, S) of the labels that are due."""
        return now.rows * self.rules.max_said + now.turn

    def _place(self, now: _Moment) -> Tensor:
        """Positions in flat (B, S, N) of the glimpses that would come next for these labels."""
        return self._label(now) * self.rules.max_glimpses + now.since

    def _to_pay(self, place: Tensor) -> Tensor:
        """Cost of the glimpses at these positions and after them, up to their labels."""
        most = self.rules.max_glimpses
        taken = self.taken.view(-1)[place // most]
        return self.envs.glimpse_cost * (taken - place % most)

    def _decide(self, state: State, now: _Moment, target: Tensor) -> tuple[Tensor, Tensor]:
        """Who speaks, bool (R,), and what all choose in the place of a label, (R,)."""
        logits = self.agent.logits(state)
        odds, baseline = self.agent.speaks(state, logits)
        may_wait = now.since < self.rules.max_glimpses
        spoke = self.speaks(agreed(odds, self.samples), now.rows) | ~may_wait
        # Places, not masks: whoever is indexed by a mask waits for a GPU each time.
        free, speaking = (who.nonzero()[:, 0] for who in (may_wait, spoke))
        place = self._place(now)
        self.decided.append(tuple(part[free] for part in (odds, spoke, baseline, place)))
        self.guesses.append((logits, target, place - 1))
        self.labels.append((logits[speaking], self._label(now)[speaking], target[speaking]))
        said = agreed_scores(logits.detach(), self.samples).argmax(1)
        self.taken[now.rows[speaking], now.turn[speaking]] = now.since[speaking].float()
        return spoke, torch.where(spoke, said, self.rules.keep_looking)

    def _finish(self) -> Rollout:
        gaze, params, baseline, place = map(torch.cat, zip(*self.gazes, strict=True))
        logits, logits_at, targets = map(torch.cat, zip(*self.labels, strict=True))
        odds, spoke, value, decided_at = map(torch.cat, zip(*self.decided, strict=True))
        to_pay = self._to_pay(decided_at)
        return Rollout(
            gaze=gaze,
            params=params,
            baseline=baseline,
            returns=returns_of(self.rewards),
            place=place,
            logits=logits,
            logits_at=logits_at,
            targets=targets,
            right=self.perfect,
            labels_right=self.rewards.sum(1),
            to_pay=self._to_pay(place),
            decisions=Decisions(odds, spoke, value, decided_at, to_pay, self.taken.sum(1)),
            guesses=Guesses(*map(torch.cat, zip(*self.guesses, strict=True))),
            max_glimpses=self.rules.max_glimpses,
        )
