"""Players that learn nothing earn what arithmetic says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import envs_registry
from benchmarks.csv_rows import read_csv
from benchmarks.environments import scores
from benchmarks.environments.scores import (
    SCORES,
    Score,
    center_player,
    commonest,
    play,
    random_player,
    write_scores,
)

# 400 images of sequences of 0 to 3 labels; the first is 1 in three of four that have one.
LENGTHS = np.arange(400) % 4
LABELS = np.where(np.arange(3) < LENGTHS[:, None], [[1, 0, 2]], -1)
LABELS[LENGTHS == 3, 0] = 2


@pytest.fixture
def envs() -> Any:
    arrays = {"images": np.zeros((400, 20, 20), np.uint8), "labels": LABELS, "num_classes": 3}
    return gym.make_vec("Glimpse-v0", 400, autoreset_mode="disabled", **arrays)


def test_the_commonest_label_of_each_place() -> None:
    # First 1 (200 of 400), then end (100), 0 (200); the third: end or 2; the last: the end alone.
    assert commonest(LABELS, end=3).tolist() == [1, 0, 2, 3]
    assert commonest(LABELS[LENGTHS == 1, :1], end=None).tolist() == [1]


def test_who_looks_at_the_middle_says_the_same_of_all(envs: Any) -> None:
    seen: list[Any] = []
    player = center_player(envs, np.array([1, 0, 3, 3]))

    def watched(observation: Any) -> Any:
        action = player(observation)
        seen.append(action)
        return action

    returns, right = play(envs, np.arange(400), watched)
    # The end is right after two labels; images of one label have 1 right, of none and three none.
    assert returns.tolist() == np.array([0, 1, 3, 0])[LENGTHS].tolist()
    np.testing.assert_array_equal(right, LENGTHS == 2)
    assert not any(action["gaze"].any() for action in seen)


def test_a_random_player_is_right_as_often_as_chance(envs: Any) -> None:
    rng = np.random.default_rng(0)
    played = [play(envs, np.arange(400), random_player(envs, rng)) for _ in range(20)]
    first = np.mean([returns > 0 for returns, _ in played])
    assert first == pytest.approx(1 / 4, abs=4 * np.sqrt(3 / 16 / 8000))
    whole = np.mean([right[LENGTHS == 0] for _, right in played])
    assert whole == pytest.approx(1 / 4, abs=4 * np.sqrt(3 / 16 / 2000))


def test_a_game_is_won_where_the_ball_lands_on_the_paddle() -> None:
    envs: Any = gym.make_vec("GlimpseCatch-v0", 300, screen_size=9, autoreset_mode="disabled")
    returns, right = play(envs, np.arange(300), center_player(envs, np.array([1])))
    assert 0 < returns.sum() == right.sum() < 150


def test_scores_are_kept_as_they_are(tmp_path: Path) -> None:
    kept = [
        Score("GlimpseMNIST-v0", "random", 100, 90, 0.1, "abc"),
        Score("GlimpseCatch-v0", "center", 100, 92, 0.08, "abc"),
    ]
    write_scores(kept[::-1], tmp_path / "scores.csv")
    assert read_csv(Score, tmp_path / "scores.csv") == kept
    assert kept[0].error() == "90.00 % (82.56 .. 94.48)"


def test_every_environment_has_been_measured() -> None:
    found = {(score.env_id, score.player): score for score in read_csv(Score, SCORES)}
    for env_id in envs_registry.TABLE.keys() - {"Glimpse-v0"}:
        for player in ("random", "center"):
            assert found[env_id, player].images >= (700 if "SVHN" in env_id else 2000)
            assert "uncommitted" not in found[env_id, player].commit


def test_an_environment_is_measured_on_games_of_its_test_split(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scores, "IMAGES", 300)
    monkeypatch.setattr(scores, "ROWS", 200)  # the last batch is smaller
    random, center = scores.measure("GlimpseCatch-v0")
    assert (random.player, center.player) == ("random", "center")
    assert random.images == center.images == 300
    assert center.mean_return == pytest.approx(1 - center.wrong / 300, abs=1e-4)


def test_measured_rows_take_the_place_of_older_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scores, "SCORES", tmp_path / "scores.csv")
    monkeypatch.setattr(scores, "IMAGES", 20)
    for _ in range(2):
        scores.main(scores.Arguments(ids=("GlimpseCatch-v0",)))
    assert [row.player for row in read_csv(Score, tmp_path / "scores.csv")] == ["random", "center"]
    assert "GlimpseCatch-v0, random:" in capsys.readouterr().out
