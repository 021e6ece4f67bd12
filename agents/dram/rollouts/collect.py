"""Playing a batch of episodes with a fixed number of glimpses before each label.

B rows, R of them in the batch that the networks compute.
"""

from __future__ import annotations

from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.gazes import GazePolicy
from agents.dram.rollouts.games import MovePolicy
from agents.dram.rollouts.record import Record
from agents.dram.rollouts.rollout import Rollout, agreed_scores
from agents.dram.rollouts.rows import Rows


def collect(
    agent: GlimpseAgent,
    rows: Rows,
    policy: GazePolicy,
    samples: int = 1,
    guess: bool = False,
    draw: MovePolicy | None = None,
) -> Rollout:
    """Play the episodes that have begun, one in every row, to their ends.

    Args:
        agent: Who plays.
        rows: The episodes: `Leaving`, or `Staying` for a device that must not be waited for. In
            both the same is decided, by the same noise.
        policy: How gazes are chosen.
        samples: Rows in groups of so many show the same image and say the label that the average of
            their log-probabilities prefers (Monte Carlo averaging, DRAM eq. 14); 1 to speak alone.
        guess: Whether the classifier guesses at every glimpse.
        draw: How labels are chosen where they are learned from rewards alone; None for the
            likeliest.

    Returns:
        The episodes, step after step. Where rows stay, `gaze_counts` and `label_counts` tell what
        was decided by those that were running; the others have targets of -1.
    """
    rules = rows.envs.rules
    seen, info = rows.first
    state = agent.begin(seen["location"], seen.get("context"))
    record = Record(rules, state.rows)
    turn, since = 0, int(rules.sees_at_reset)  # labels said, glimpses seen for the next one
    while turn < rules.max_said and len(state.rows):
        if since:  # else there is no glimpse yet
            glimpse, location = (rows.own(state.rows, seen[key]) for key in ("glimpse", "location"))
            state = agent.look(state, glimpse, location)
        due, label = since == rules.max_glimpses, None
        if due or (guess and since):
            logits, target = agent.logits(state), rows.own(state.rows, info["target"])
            record.guess(logits, target, record.place(state.rows, turn, since - 1))
        if due:
            record.label(logits, record.label_at(state.rows, turn), target, *rows.counts)
            scores = agreed_scores(logits.detach(), samples)
            label = draw(scores, state.rows) if draw else scores.argmax(1)
        params, baseline = agent.where_next(state)
        if label is not None and draw:
            record.said(label, baseline)
        gaze = policy(params, state.rows)
        seen, info, reward, over = rows.step(state.rows, gaze, label)
        record.rewards[:, turn] += reward.float()
        if due:
            record.end(info, over)
            turn, since = turn + 1, 0
        state, chosen = rows.go_on(state, (gaze, params, baseline), over, said=due)
        chosen = (*chosen, record.place(state.rows, turn, since), *rows.counts)
        if turn == rules.max_said:  # nobody looks after the last label
            chosen = tuple(part[:0].detach() for part in chosen)
        record.gaze(*chosen)
        since += 1
    return record.rollout(guesses=guess)
