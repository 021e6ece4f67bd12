from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.model.build import make_agent
from agents.dram.readers import agent_reader as module
from agents.dram.readers.agent_reader import agent_reader, evaluate
from agents.evaluation.evaluation import (
    Evaluation,
    evaluate_reader,
    mistake_lines,
    mistake_table,
    wilson_interval,
)
from agents.trainer.envs import make_envs
from glimpse_env.errors import InvalidArgument


def test_wilson_interval_against_published_numbers() -> None:
    # Newcombe 1998, table I: 81 / 263 and 15 / 148, 95 %
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson_interval(0, 20)[0] == 0 and wilson_interval(20, 20)[1] == 1


def test_every_image_is_read_once(stripes_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    once = module.play

    def watched(agent, envs, index, *rest, **others):  # type: ignore[no-untyped-def]
        seen.append(index)
        return once(agent, envs, index, *rest, **others)

    monkeypatch.setattr(module, "play", watched)
    agent = make_agent(stripes_config, make_envs(stripes_config, "test", 1))
    result = evaluate(agent, stripes_config, "test", images=250, num_envs=100)
    assert [len(index) for index in seen] == [100, 100, 100]
    assert np.concatenate(seen)[:250].tolist() == list(range(250))
    assert result.images == 250 and result.error == pytest.approx(
        100 * result.wrong / 250, abs=1e-3
    )
    assert result.interval[0] < result.error < result.interval[1]
    assert "250 images" in result.describe()


def test_the_count_is_that_of_a_loop_over_images(stripes_config: Config) -> None:
    torch.manual_seed(0)
    envs = make_envs(stripes_config, "test", 1)
    agent = make_agent(stripes_config, envs)
    singly = evaluate(agent, stripes_config, "test", images=40, num_envs=1)
    at_once = evaluate(agent, stripes_config, "test", images=40, num_envs=64)
    assert singly.wrong == at_once.wrong


def test_monte_carlo_averaging_repeats_itself_and_uses_samples(stripes_config: Config) -> None:
    torch.manual_seed(0)
    agent = make_agent(stripes_config, make_envs(stripes_config, "test", 1))
    config = replace(stripes_config, sigma_pixels=6.0)
    one, again = (
        evaluate(agent, config, "test", images=100, samples=5, num_envs=50) for _ in range(2)
    )
    assert one == again and one.samples == 5 and one.images == 100


def test_a_random_first_gaze_belongs_to_the_image(stripes_config: Config) -> None:
    """So an error is a number that anybody gets again, with any number of rows."""
    torch.manual_seed(0)
    config = replace(stripes_config, initial_gaze="random", context_size=0)
    agent = make_agent(config, make_envs(config, "test", 1))
    one, other = (evaluate(agent, config, "test", images=90, num_envs=n) for n in (30, 45))
    assert one == other


def test_images_are_read_alike_whether_or_not_their_cost_is_counted(
    stripes_config: Config,
) -> None:
    agent = make_agent(stripes_config, make_envs(stripes_config, "test", 1))
    reader = agent_reader(agent, stripes_config, "test", num_envs=50)
    counted, quick = (evaluate_reader(reader, "test", images=90, costs=on) for on in (True, False))
    assert counted.flops_per_image > 0
    assert quick == replace(counted, flops_per_image=0.0)


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"images": -1}])
def test_impossible_numbers_are_named(stripes_config: Config, wrong: dict[str, int]) -> None:
    agent = make_agent(stripes_config, make_envs(stripes_config, "test", 1))
    with pytest.raises(InvalidArgument, match=next(iter(wrong))):
        evaluate(agent, stripes_config, "test", **wrong)  # type: ignore[arg-type]


def test_mistakes_are_counted_where_the_length_was_said_right() -> None:
    """Of 3 classes and the end: 1 2 said as 1 0, 2 said as 2 1 (not counted), 0 said as 0."""
    end, none = 3, -1
    targets = torch.tensor([[1, 2, end], [2, end, none], [0, end, none]])
    said = torch.tensor([[1, 0, end], [2, 1, end], [0, end, none]])
    table = mistake_table(said, targets, end)
    assert table == ((1, 0, 0), (0, 1, 0), (1, 0, 0))
    one = Evaluation("test", "policy", 1, 3, 2, 66.7, (0.0, 1.0), 1.0, mistakes=table)
    line = "objects mistaken, where the length was right: 33.33 %, most often 2 for 0 (1)"
    assert mistake_lines(one) == [line]
    assert mistake_lines(dataclasses.replace(one, mistakes=())) == []
