from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agents.dram.config import Config
from agents.dram.learning.games import GAMES
from agents.dram.learning.kind import LABELS
from agents.dram.learning.make import make_training
from agents.dram.learning.objectives import entropy_weight, game_loss
from agents.dram.learning.training import Training
from agents.dram.readers.agent_reader import evaluate
from agents.dram.rollouts.rollout import Rollout
from agents.runs.folder import read_metrics
from agents.train_dram import main, parse
from glimpse_env.envs.catch import rules
from glimpse_env.errors import InvalidArgument
from tests.agents.conftest import GAZES

STEPS, NUMBER, STD = 3, 2, 0.25


def invented(**changes: torch.Tensor) -> Rollout:
    """Two games of three steps, one of them won."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    mean = normal(STEPS * NUMBER, 2).requires_grad_()
    won = torch.tensor([True, False])
    rollout = Rollout(
        gaze=mean.detach() + STD * normal(STEPS * NUMBER, 2),
        params=mean,
        baseline=normal(STEPS * NUMBER).requires_grad_(),
        returns=won.float()[:, None],
        place=torch.tensor([0, 1] * STEPS),
        logits=normal(STEPS * NUMBER, 3).requires_grad_(),
        logits_at=torch.arange(NUMBER).repeat(STEPS),
        targets=torch.tensor([0, 1, 2, 2, 1, 0]),
        right=won,
        labels_right=won.float(),
    )
    return rollout._replace(**changes)


def test_gradients_are_those_of_reinforce(catch_config: Config) -> None:
    """By hand: (p - 1[move]) (R - b) for scores, (l - mean) (R - b) for gazes but the last."""
    config = replace(catch_config, outside_penalty=0.0, reinforce_weight=0.7, entropy_weight=0.0)
    rollout = invented()
    loss, _ = game_loss(rollout, config, GAZES, 0)
    scores, means, baseline = torch.autograd.grad(
        loss, (rollout.logits, rollout.params, rollout.baseline)
    )
    returns = torch.tensor([1.0, 0.0] * STEPS)
    advantage = (returns - rollout.baseline).detach()[:, None]
    made = torch.nn.functional.one_hot(rollout.targets, 3)
    expected = (rollout.logits.detach().softmax(1) - made) * advantage / NUMBER
    torch.testing.assert_close(scores, expected)
    pull = -0.7 * (rollout.gaze - rollout.params.detach()) * advantage / NUMBER
    pull[-NUMBER:] = 0  # nothing can be done any more with what they show
    torch.testing.assert_close(means, pull)
    torch.testing.assert_close(baseline, 2 * (rollout.baseline - returns).detach() / NUMBER)


def test_entropy_is_rewarded(catch_config: Config) -> None:
    fair = torch.zeros(STEPS * NUMBER, 3)
    sure = torch.tensor([9.0, 0.0, 0.0]).expand(STEPS * NUMBER, 3)
    known = {"baseline": torch.tensor([1.0, 0.0] * STEPS)}  # no advantage: entropy alone counts
    config = replace(catch_config, outside_penalty=0.0, entropy_weight=0.5)
    losses = [
        game_loss(invented(logits=some, **known), config, GAZES, 0)[0] for some in (fair, sure)
    ]
    # the entropy of three fair moves is ln 3, of a sure one nearly 0
    assert (losses[1] - losses[0]).item() == pytest.approx(0.5 * STEPS * 1.0986, abs=0.01)


def test_the_weight_of_the_entropy_falls_to_nothing(catch_config: Config) -> None:
    config = replace(catch_config, entropy_weight=0.4, images=1000)
    weights = [entropy_weight(config, images) for images in (0, 250, 1000, 1001)]
    assert weights == pytest.approx([0.4, 0.3, 0.0, 0.0])


def test_a_game_is_trained_as_a_game(catch_config: Config, stripes_config: Config) -> None:
    assert make_training(catch_config).kind is GAMES
    assert make_training(stripes_config).kind is LABELS
    metrics = make_training(catch_config).update()
    boxes = "glimpse bottom emission classification baseline".split()
    assert all(metrics[f"gradients/{box}"] > 0 for box in boxes)


@pytest.mark.parametrize("control", ["random", "center"])
def test_controls_do_not_train_the_emission_network(catch_config: Config, control: str) -> None:
    training = make_training(replace(catch_config, gaze=control))  # type: ignore[arg-type]
    metrics = training.update()
    assert "gradients/emission" not in metrics
    assert metrics["gradients/classification"] > 0


def test_one_seed_one_curve_also_when_resumed(catch_config: Config) -> None:
    def curve(training: Training, updates: int) -> list[float]:
        return [training.update()["train/move_entropy"].item() for _ in range(updates)]

    whole = curve(make_training(catch_config), 6)
    stopped = make_training(catch_config)
    assert curve(stopped, 2) == whole[:2]
    state = stopped.state()
    torch.manual_seed(99)
    resumed = make_training(catch_config)
    resumed.restore(state)
    assert curve(resumed, 4) == whole[2:]
    assert curve(make_training(replace(catch_config, seed=1)), 2) != whole[:2]


def test_the_command_line_trains_evaluates_and_draws(
    tmp_path: Path, catch_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rules._SIZES, "test", 500)  # games, for there are four evaluations
    small = "--num-envs 16 --features 16 --units 16 --epoch-images 160 --images 320".split()
    small += ["--preset", "ram_catch", "--env-id", catch_id, "--validation-images", "20"]
    main(parse(["--runs", str(tmp_path), "--device", "cpu", *small]))
    folder = next(tmp_path.iterdir())
    wanted = {"config.json", "metrics.jsonl", "checkpoint.pt", "result.json", "glimpses.gif"}
    assert wanted | {"gazes.png"} <= {path.name for path in folder.iterdir()}
    rows = read_metrics(folder)
    assert {"validation/error", "train/move_entropy", "gradients/emission"} <= set(rows[-1])


@pytest.mark.slow
def test_learns_to_catch_and_a_random_gaze_does_not(catch_config: Config) -> None:
    """A retina that is sharp on 4x4 cells must follow the ball on a screen of 8x8."""
    errors = {}
    for gaze in ("policy", "random"):
        config = replace(catch_config, gaze=gaze)  # type: ignore[arg-type]
        training = make_training(config)
        while training.images < config.images:
            training.update()
        errors[gaze] = evaluate(training.agent, config, "validation", gaze=gaze).error
    assert errors["policy"] < 30 and errors["random"] > 50


@pytest.mark.parametrize(
    "wrong", [{"credit": "information"}, {"credit": "probability"}, {"classifier": "reinforce"}]
)
def test_what_only_labels_have_is_refused(catch_config: Config, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument, match=f"{next(iter(wrong))}=.* is for labels"):
        make_training(replace(catch_config, **wrong))  # type: ignore[arg-type]
