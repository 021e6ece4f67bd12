from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from PIL import Image

from benchmarks import plots
from benchmarks.figures.panels import PLOTTED, fingerprint
from benchmarks.kept_runs import Result, write_curves, write_results
from benchmarks.plots import FIGURES, Arguments
from benchmarks.result_rows import Row
from glimpse_env.errors import InvalidArgument

HOUSES = "GlimpseHouseNumbers-v0"
MOST_BYTES = 100_000


def result(run: str, error: float, samples: int = 1, env: str = HOUSES, **given: Any) -> Result:
    usual: dict[str, Any] = dict(trainer="dram", preset="", options="", seed=0, published="")
    usual |= dict(date="2026-11-21", commit="", machine="", images=1000, seconds=None, n=1000)
    usual |= dict(split="test", reader="one agent", gaze="policy")
    measured = dict(samples=samples, error=error, low=error - 0.5, high=error + 1.0)
    return Result(run=run, train_env=env, test_env=env, **usual | measured | given)


def of_ram(run: str, number: int, paper: float, mean: float, averaged: float) -> list[Result]:
    said = f"RAM table 1a, {number} glimpses: {paper:.2f} %"
    errors = ((mean, 1), (averaged, 10))
    return [result(run, error, n, "GlimpseMNIST-v0", published=said) for error, n in errors]


RESULTS = [
    *of_ram("two", 2, 3.79, 7.5, 2.5),
    *of_ram("three", 3, 1.51, 2.25, 1.25),
    *of_ram("another seed", 3, 1.51, 99.0, 98.0),
    result("paid", 5.0, multiply_adds=3_000_000, options="features=8"),
    result("paid", 4.0, 10, multiply_adds=30_000_000, options="features=8"),
    result("told", 3.0, multiply_adds=3_200_000, options="features=8 credit=information"),
    result(
        "as now-20261129-000000",
        30.0,
        date="2026-11-28",
        multiply_adds=3_000_000,
        options="features=8",
    ),
    result("whole", 2.5, trainer="convnet", preset="modern_x", multiply_adds=20_000_000),
    result("fixed 2", 22.0, glimpses=6.25, options="glimpse_size=8 glimpses_per_label=2"),
    result("fixed 1", 25.0, glimpses=3.25, options="glimpse_size=8 glimpses_per_label=1"),
    result("free", 9.0, glimpses=7.5, options="glimpse_size=8 glimpses_per_label=0 glimpse_cost=1"),
]
CURVES = {
    "paid": [
        {"images": 500_000, "validation/error": 0.5},
        {"images": 1e6, "validation/error": 0.25},
    ],
    "told": [{"images": 500_000, "validation/error": 0.375}, {"images": 1e6, "train/error": 0.3}],
    "as now-20261129-000000": [
        {"images": 500_000, "validation/error": 0.75}
    ],  # of other images: no third line
}


@pytest.fixture
def kept(tmp_path: Path) -> Arguments:
    """Files of a few results, and the folder that figures of them go to."""
    files = Arguments(
        output=tmp_path / "figures",
        rows=tmp_path / "rows.csv",
        runs=tmp_path / "runs.csv",
        curves=tmp_path / "curves.csv.xz",
    )
    write_results(RESULTS, files.runs)
    write_curves(CURVES, files.curves)
    with files.rows.open("w", newline="") as file:
        writer = csv.DictWriter(file, Row._fields, restval="")
        writer.writeheader()
        for run in dict.fromkeys(one.run for one in RESULTS):
            writer.writerow({"table": "agents", "name": run, "run": run})
    return files


def plotted(axes: Axes) -> list[list[tuple[float, ...]]]:
    """Of every line, what its points show: x, error, and the ends of the bar where there is one."""
    lines = []
    for container in axes.containers:
        line, _, bars = container.lines
        points = [line.get_xdata().tolist(), line.get_ydata().tolist()]
        for bar in bars:
            points += [[end[1] for end in ends] for ends in zip(*bar.get_segments(), strict=True)]
        lines.append(
            [tuple(round(float(v), 9) for v in point) for point in zip(*points, strict=True)]
        )
    return lines


def test_errors_against_glimpses_are_those_of_the_rows(kept: Arguments) -> None:
    (axes,) = plots.glimpses(kept).axes
    assert plotted(axes) == [
        [(2, 3.79), (3, 1.51)],  # the paper
        [(2, 7.5, 7.0, 8.5), (3, 2.25, 1.75, 3.25)],
        [(2, 2.5, 2.0, 3.5), (3, 1.25, 0.75, 2.25)],
    ]


def test_learning_curves_are_of_runs_that_differ_in_their_credit(kept: Arguments) -> None:
    (axes,) = plots.learning_curves(kept).axes
    assert plotted(axes) == [[(0.5, 50), (1, 25)], [(0.5, 37.5)]]
    assert "until" in axes.get_title() and "features: 8" in axes.get_title()


def test_costs_are_those_of_the_rows_and_renderings_are_kept_apart(kept: Arguments) -> None:
    before, now = plots.cost(kept).axes
    assert plotted(now) == [[(3, 30, 29.5, 31)]] and "as now" in now.get_title()
    assert plotted(before) == [
        [(3, 5, 4.5, 6), (30, 4, 3.5, 5)],
        [(3.2, 3, 2.5, 4)],
        [(20, 2.5, 2, 3.5)],
    ]
    assert [note.get_text() for note in before.texts] == [
        *("environment", "", "information", "residual")
    ]


def test_adaptive_readers_stand_beside_fixed_ones(kept: Arguments) -> None:
    (axes,) = plots.adaptive_reader(kept).axes
    assert plotted(axes) == [
        [(3.25, 25, 24.5, 26), (6.25, 22, 21.5, 23)],
        [(7.5, 9, 8.5, 10)],
    ]
    assert [note.get_text() for note in axes.texts] == ["1 a label", "2 a label", "price 1"]


def test_figures_are_small_files_and_the_same_each_time(kept: Arguments) -> None:
    plots.main(kept)
    made = {path.name: path.read_bytes() for path in kept.output.iterdir()}
    assert set(made) == set(FIGURES)
    assert max(map(len, made.values())) < MOST_BYTES
    plots.main(Arguments(**vars(kept) | {"figures": ("cost",)}))
    assert {path.name: path.read_bytes() for path in kept.output.iterdir()} == made


def test_the_documentation_has_every_figure() -> None:
    for name in FIGURES:
        with Image.open(Arguments().output / name) as picture:
            assert picture.width > 500
    shown = (plots.ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert not [name for name in FIGURES if f"](figures/{name})" not in shown]


@pytest.mark.parametrize("name", [name for name in FIGURES if name.endswith(".png")])
def test_the_documentation_shows_what_is_kept(name: str) -> None:
    with Image.open(Arguments().output / name) as picture:
        assert picture.info[PLOTTED] == fingerprint(FIGURES[name](Arguments())), (
            f"docs/figures/{name} is out of date: python benchmarks/plots.py {Path(name).stem}"
        )


def test_another_number_is_another_fingerprint(kept: Arguments) -> None:
    before = fingerprint(plots.cost(kept))
    assert fingerprint(plots.cost(kept)) == before
    write_results([dataclasses.replace(one, high=99.0) for one in RESULTS], kept.runs)
    assert fingerprint(plots.cost(kept)) != before


def test_a_figure_that_is_none_tells_the_others(kept: Arguments) -> None:
    with pytest.raises(InvalidArgument, match="adaptive_reader"):
        plots.main(Arguments(figures=("costs",), output=kept.output))
    assert not kept.output.exists()
