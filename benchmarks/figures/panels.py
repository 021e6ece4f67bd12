"""What a figure plots, apart from how it is drawn: panels of lines of points."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from agents.runs.files import write_atomically
from benchmarks.still_pictures import write_webp

COLOURS = ("#1f77b4", "#d95f02", "#2a9d5c", "#7b5ea7", "#c2427a", "#5c6670")
MARKERS = "osD^vP"
PAPER = "paper"  # the name of a line that is not ours: black and dashed
PLOTTED = "Plotted"  # key of a PNG file's text that has the fingerprint of its figure
NARROWEST = 4.0  # a logarithmic axis of errors spans at least this factor


class Point(NamedTuple):
    """Something measured."""

    x: float
    error: float  # percent
    low: float | None = None  # 95 % interval, percent; None where there is none
    high: float | None = None
    note: str = ""  # written beside it


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """Points that are joined; lines of one name in a figure share a colour and a marker."""

    name: str
    """What the legend says."""
    points: Sequence[Point]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes."""

    title: str
    x: str
    """What the horizontal axis shows, with its unit."""
    lines: Sequence[Line]
    y: str = "test error, %"
    log_x: bool = False
    log_y: bool = True
    markers: bool = True


def draw(panels: Sequence[Panel], columns: int = 2) -> Figure:
    """Panels side by side, `columns` in a row, with one legend for all below them."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    size = (max(7.2, 4 * columns), 0.6 + 2.9 * rows)
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    shown: dict[str, ErrorbarContainer] = {}
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, number + 1)
        for line in panel.lines:
            shown[line.name] = _draw_line(axes, panel, line, names.index(line.name))
        _label(axes, panel)
    figure.legend(
        handles=[shown[name] for name in names],
        labels=names,
        loc="outside lower center",
        ncols=2 if len(panels) == 1 else 4,
        frameon=False,
        fontsize=9,
    )
    return figure


def _draw_line(axes: Axes, panel: Panel, line: Line, number: int) -> ErrorbarContainer:
    ours = line.name != PAPER
    colour = COLOURS[number % len(COLOURS)] if ours else "black"
    for point in line.points:
        axes.annotate(
            point.note,
            (point.x, point.error),
            (6, 4),
            textcoords="offset points",
            fontsize=8,
            color=colour,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
    spread = [
        [point.error - point.low for point in line.points if point.low is not None],
        [point.high - point.error for point in line.points if point.high is not None],
    ]
    return axes.errorbar(
        [point.x for point in line.points],
        [point.error for point in line.points],
        yerr=spread if spread[0] else None,
        color=colour,
        marker=(MARKERS[number % len(MARKERS)] if ours else "x") if panel.markers else None,
        linestyle="-" if ours else "--",
        linewidth=1.4,
        markersize=5,
        capsize=2.5,
    )


def _label(axes: Axes, panel: Panel) -> None:
    """Title, axes and a grid; numbers on a logarithmic axis are written as they are."""
    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel(panel.x, fontsize=9)
    axes.set_ylabel(panel.y, fontsize=9)
    axes.margins(x=0.12 if panel.markers else 0.03, y=0.08)  # notes want room
    if panel.log_x:
        axes.set_xscale("log")
        _plain(axes.xaxis)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=panel.markers, steps=[1, 2, 5, 10]))
    if panel.log_y:
        axes.set_yscale("log")
        _plain(axes.yaxis)
        low, high = axes.get_ylim()
        lacking = math.sqrt(max(1.0, NARROWEST * low / high))
        axes.set_ylim(low / lacking, high * lacking)
    else:
        axes.set_ylim(0, None)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _plain(axis: Axis) -> None:
    """1, 1.5, 2, 3, 5, 7, 10 ... on a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def fingerprint(figure: Figure) -> str:
    """A checksum of all that is plotted, by which a file can be told that is out of date."""
    shown = [
        [
            axes.get_title(),
            [np.asarray(line.get_xydata()).round(6).tolist() for line in axes.lines],
            [note.get_text() for note in axes.texts],
        ]
        for axes in figure.axes
    ]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def save(figure: Figure, path: Path) -> None:
    """Write a figure, the same each time: PNG of few colours, or WebP where the name says so."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    picture = Image.open(content).convert("RGB")
    if path.suffix == ".webp":  # pictures: an eighth of the room
        write_webp(path, picture, quality=85)
        return
    few, plotted, content = picture.quantize(128, dither=Image.Dither.NONE), PngInfo(), io.BytesIO()
    plotted.add_text(PLOTTED, fingerprint(figure))
    few.save(content, "PNG", optimize=True, pnginfo=plotted)
    write_atomically(path, content.getvalue())
