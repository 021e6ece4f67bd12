from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agents.runs.files import write_json
from benchmarks.compare import gazes
from benchmarks.compare.outcomes import Outcome, keep

GREEN, RED = (88, 214, 120), (255, 110, 98)


def outcome(**given: Any) -> Outcome:
    usual: dict[str, Any] = {field.name: 1 for field in dataclasses.fields(Outcome)}
    return Outcome(**(usual | {"task": "mnist", "budget": 1000, "seed": 0} | given))


def looked(right: bool) -> dict[str, Any]:
    return {"gazes": [[-1, -1], [0.5, 0]], "said": [["7", right]]}


def colours(frame: Any) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in frame.reshape(-1, 3).tolist()}


def test_a_line_a_learner_and_a_tile_an_image() -> None:
    images = np.full((2, 1, 28, 28), 40, np.uint8)
    lines = [("one", [looked(True), looked(True)]), ("other", [looked(False), looked(False)])]
    frame = gazes.draw(lines, images)
    assert frame.shape[0] % 2 == 0 and frame.shape[2] == 3
    upper, lower = np.split(frame, 2)
    assert GREEN in colours(upper) and RED not in colours(upper)
    assert RED in colours(lower) and GREEN not in colours(lower)
    first = upper[:112, 150:262]  # pixels of an image, right of the names
    assert (first == 40).all(2).mean() > 0.5
    assert (first[:8, :8] > 100).any()  # gazes begin in the top left corner
    assert (first[48:64, 76:92] > 200).any()  # and end at 3/4 of the width, half the height
    assert (first[64:, :56] == 40).all()  # nothing is drawn elsewhere


def test_runs_that_are_there_are_drawn(
    tmp_path: Path, synthetic_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of one seed; and none that has left no gazes, such as whole images and games."""
    monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_mnist))
    outcomes, curves = tmp_path / "o.csv", tmp_path / "c.csv.xz"
    monkeypatch.setattr(gazes, "OUTCOMES", outcomes)
    monkeypatch.setattr(gazes, "CURVES", curves)

    def kept(one: Outcome, looks: Any) -> None:
        keep([(vars(one), [{"images": 1.0}])], outcomes, curves)
        (tmp_path / one.run.name).mkdir()
        write_json(tmp_path / one.run.name / "result.json", {"looks": looks})

    twelve = [looked(True)] * 12
    kept(outcome(learner="ppo"), twelve)
    kept(outcome(learner="hybrid"), twelve)
    kept(outcome(learner="hybrid", seed=1), twelve)
    kept(outcome(learner="whole-image"), [])
    kept(outcome(task="catch12", learner="ram"), [])
    keep(
        [(vars(outcome(learner="a2c")), [{"images": 1.0}])], outcomes, curves
    )  # its folder is gone
    gazes.main(gazes.Arguments(runs=tmp_path, pictures=tmp_path))
    assert [path.name for path in tmp_path.glob("*.webp")] == ["gazes_mnist_1000.webp"]
    with Image.open(tmp_path / "gazes_mnist_1000.webp") as picture:
        assert picture.size == (150 + 12 * 116, 2 * 132)
