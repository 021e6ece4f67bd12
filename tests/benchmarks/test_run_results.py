from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.run_results import curve_of, results_of
from glimpse_env.errors import MissingData
from tests.benchmarks.conftest import RunMaker

NAME = "ram_x-seed0-20260102-000000"


def test_a_row_says_what_was_trained_and_what_came_of_it(make_run: RunMaker) -> None:
    config = {"seed": 3, "units": 128, "learning_rate": 1e-3, "samples": 1, "context_size": None}
    config |= {"convolutions": [64, 64], "standardize": True, "capture": "graph"}
    config |= {"start_from": "/some/where/ram_y-seed1-b", "published_error": "table 1a: 1.12 %"}
    cost = {"parameters": 1234567, "flops_per_image": 3e6, "glimpses_per_image": 7.25}
    run = make_run(NAME, config, [{"images": 2000}], result=[cost | {"mean_labels_right": 0.9}])
    past = {"commit": "abc", "CPU": "Xeon", "cores": "16", "threads": 2, "date": "2026-01-03"}
    lines = [past | {"images": 0}, past | {"images": 3000, "seconds": 70}, past | {"commit": "def"}]
    lines += [past | {"images": 3000, "GPU": "H200"}, past | {"images": 3100, "seconds": 5}]
    (run / "provenance.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (row,) = results_of(run)
    assert (row.run, row.trainer, row.preset, row.seed) == (NAME, "dram", "ram_x", 3)
    # learning_rate, samples and context_size are the defaults
    assert row.options == (
        "convolutions=64,64 images=3000 standardize=true start_from=ram_y-seed1-b units=128"
    )
    assert (row.train_env, row.test_env) == ("GlimpseMNIST-v0", "GlimpseMNIST-v0")
    assert (row.published, row.images) == ("table 1a: 1.12 %", 3000)
    assert (row.date, row.commit, row.seconds) == ("2026-01-03", "abc", 75)
    assert row.machine == "Xeon, 16 cores, 2 threads"
    assert (row.reader, row.gaze, row.samples, row.n, row.wrong) == (
        "one agent",
        "policy",
        1,
        900,
        47,
    )
    assert (row.error, row.low, row.high, row.labels_right) == (5.222, 3.949, 6.875, 0.9)
    assert (row.parameters, row.multiply_adds, row.glimpses) == (1234567, 1_500_000, 7.25)


@pytest.mark.parametrize(
    ("reward", "written"),
    [("label", ""), ("probability", "credit=probability "), ("information", "credit=information ")],
)
def test_older_names_of_options_become_those_of_today(
    make_run: RunMaker, reward: str, written: str
) -> None:
    (row,) = results_of(make_run(NAME, {"reward": reward, "baseline": "learned"}))
    assert row.options == f"{written}images=3000"


def test_evaluations_of_one_run_each_have_a_row(make_run: RunMaker) -> None:
    run = make_run(
        NAME,
        None,
        [{"images": 2000}],
        result=[{}, {"samples": 10, "wrong": 40}],
        evaluation_test_samples1=[{"parameters": 5}, {"gaze": "random", "wrong": 800}],
        evaluation_test_samples10_policy=[{"samples": 10, "wrong": 41}],
        evaluation_validation_samples1=[{"split": "validation", "images": 2000}],
        evaluation_test_samples1_pair=[{"reader": "forward-backward with ram_y-seed1-b"}],
        evaluation_test_samples1_focus=[{"reader": "focus on GlimpseHouseNumbers110-v0"}],
        evaluation_test_samples1_early=[{"trained_images": 500, "wrong": 90}],
    )
    rows = results_of(run)
    assert len(rows) == 8
    assert rows[0].parameters == 5  # the same evaluation twice is once, with what either says
    assert [row.wrong for row in rows if row.samples == 10] == [40, 41]  # another draw of gazes
    (pair,) = (row for row in rows if row.reader == "forward-backward")
    assert pair.partner == "ram_y-seed1-b" and pair.test_env == "GlimpseMNIST-v0"
    (focus,) = (row for row in rows if row.reader == "focus")
    assert focus.test_env == "GlimpseHouseNumbers110-v0" and not focus.partner
    # A run that has come to its end has seen all that it was to see.
    assert [row.images for row in rows if row.wrong == 90] == [500]
    assert {row.images for row in rows if row.wrong != 90} == {3000}


def test_a_run_without_evaluations_has_a_row(make_run: RunMaker) -> None:
    (row,) = results_of(make_run(NAME, None, [{"images": 200, "validation/error": 0.5}]))
    assert (row.images, row.date, row.split, row.error, row.seconds) == (
        200,
        "2026-01-02",
        "",
        None,
        None,
    )


def test_networks_and_stable_baselines_are_told_apart(make_run: RunMaker, tmp_path: Path) -> None:
    network = make_run("convnet_y-seed0-20260102-000000", {"network": "plain", "batch": 64})
    (row,) = results_of(network)
    assert (row.trainer, row.preset, row.options) == (
        "convnet",
        "convnet_y",
        "batch=64 images=3000",
    )
    model = make_run("a2c-GlimpseMNIST-v0-seed0-20260102-000001", {"algo": "a2c", "timesteps": 800})
    (model / "progress.csv").write_text(
        "time/total_timesteps,time/fps,train/loss,validation/error\n20,9.5,0.5,\n40,9.5,,0.9\n,,0.1,\n"
    )
    (row,) = results_of(model)
    assert (row.trainer, row.preset, row.images) == ("sb3", "", 40)
    assert row.options == "algo=a2c images=3000 timesteps=800"
    assert curve_of(model) == [
        {"images": 20, "train/loss": 0.5},
        {"images": 40, "validation/error": 0.9},
    ]


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"no config\.json"):
        results_of(tmp_path)
