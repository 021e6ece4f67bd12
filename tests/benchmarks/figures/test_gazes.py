from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from agents.dram.model.build import load_agent
from agents.dram.readers.agent_reader import label_reader
from agents.trainer.envs import make_reading_envs
from benchmarks.figures.gazes import RIGHT, WRONG, Example, composed, draw, watch

IMAGES = 8


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    agent, config = load_agent("pretrained:dram_house_numbers")
    envs = make_reading_envs(config, "test", IMAGES, stop_on_mistake=False)
    return watch(agent, envs, np.arange(IMAGES))


def test_what_is_said_is_what_the_agent_reads(examples: list[Example]) -> None:
    agent, config = load_agent("pretrained:dram_house_numbers")
    reader = label_reader(agent, config, "test", num_envs=IMAGES)
    index = np.arange(IMAGES)
    said, due = reader.say(index, 0).tolist(), reader.targets(index).tolist()
    for example, labels, wanted in zip(examples, said, due, strict=True):
        spoken = [label for label in labels if label >= 0]
        assert [word for word, _ in example.said] == [
            "end" if label == reader.end else str(label) for label in spoken
        ]
        assert all(right for _, right in example.said) == (labels == wanted)
    assert {right for example in examples for _, right in example.said} == {True, False}


def test_every_glimpse_shows_what_is_there(examples: list[Example]) -> None:
    for example in examples:
        assert len(example.looks) == 2 * len(example.said)
        for look in example.looks:
            finest, (x, y) = look.shown[0], look.middle
            left, top = round(x - 8), round(y - 8)
            padded = np.pad(example.image / 255, ((0, 0), (64, 64), (64, 64)))
            there = padded[:, 64 + top : 80 + top, 64 + left : 80 + left]
            np.testing.assert_allclose(finest, there, atol=1e-6)


def test_scales_are_laid_into_each_other() -> None:
    shown = np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1) * np.ones((1, 1, 2, 2), np.float32)
    wanted = np.full((8, 8), 2)
    wanted[2:6, 2:6] = 1
    wanted[3:5, 3:5] = 0
    assert (composed(shown)[0] == wanted).all()


def test_labels_stand_below_the_glimpse_that_they_were_said_after(examples: list[Example]) -> None:
    figure = draw(examples, 2)
    columns = 1 + max(len(example.looks) for example in examples)
    for number, example in enumerate(examples):
        line = figure.axes[number * columns : (number + 1) * columns]
        told = [
            (place, text.get_text(), to_hex(text.get_color()) == RIGHT)
            for place, axes in enumerate(line)
            for text in axes.texts
        ]
        assert told == [(2 * turn + 2, *said) for turn, said in enumerate(example.said)]
        assert [len(axes.images) for axes in line] == [1] * (1 + len(example.looks)) + [0] * (
            columns - 1 - len(example.looks)
        )
        x, y = line[0].lines[0].get_data()
        middles = [look.middle for look in example.looks]
        np.testing.assert_allclose(np.stack([x, y], 1) + 0.5, middles)
    assert RIGHT != WRONG
