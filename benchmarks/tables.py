"""The tables of README and docs, made from what is kept: `python benchmarks/tables.py`.

A page has a table between two markers, `<!-- generated: NAME -->` and `<!-- end -->`; whatever
stands between them is replaced.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro

from agents.runs.files import write_atomically
from agents.runs.provenance import ROOT
from agents.trainer.commands import run_command
from benchmarks.compare import outcomes, report
from benchmarks.compare.tuning import read_trials, tuning_table
from benchmarks.kept_runs import Result, find, read_curves, read_results
from benchmarks.result_rows import Row, read_rows
from glimpse_env.errors import InvalidArgument, MissingData

MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
GAPS = ROOT / "benchmarks" / "gaps.md"
BELOW_README = """\
The paper does not say whether its digits overlapped. With a quarter of its LSTM units, on a CPU \
core, pairs have {pairs_cpu} and sums {sums_cpu}; where digits may overlap, as in the environments \
by default, {pairs_overlapping_cpu} and {sums_overlapping_cpu}."""


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Write the tables of README and docs anew from benchmarks/results/runs.csv."""

    check: bool = False
    """Write nothing; show what differs, and fail if anything does."""
    root: Path = ROOT
    """The checkout whose README.md and docs/ are meant."""


class Tables:
    """Rows and results together.

    Args:
        rows: What the rows say.
        results: What was measured.
    """

    def __init__(self, rows: Sequence[Row], results: Sequence[Result]) -> None:
        self.rows, self.results = rows, results

    def readme(self) -> str:
        """The rows that the README shows, and what stands below them."""
        lines = [
            [row.readme, row.paper, self.mean_gaze(row), without_interval(self.averaged(row))]
            for row in self.rows
            if row.readme
        ]
        shown = table(["task", "paper", "here, mean gaze", "averaged"], lines, right=3)
        return f"{shown}\n\n{self.told(BELOW_README)}"

    def agents(self) -> str:
        """Every row of an agent."""
        head = ["task", "command", "paper", "mean gaze", "10 gaze sequences averaged"]
        lines = [
            [
                *(self.task(row), ", ".join(filter(None, [row.command, row.took])), row.paper),
                *(self.mean_gaze(row), self.averaged(row), self.at_random(row)),
            ]
            for row in self.rows
            if row.table == "agents"
        ]
        return table([*head, "random gaze"], lines, right=4)

    def networks(self) -> str:
        """Every row of a network that sees whole images."""
        head = ["task and network", "command", "paper", "test error", "images trained on"]
        lines = []
        for row in self.rows:
            if row.table == "networks":
                found = self.measured(row)
                cost = [f"{found.parameters:,}", f"{(found.multiply_adds or 0) / 1e6:.2f}"]
                cells = [self.task(row), row.command, row.paper, with_interval(found)]
                lines.append([*cells, f"{found.images:,}", *cost])
        head += ["parameters", "million multiply-adds an image"]
        return table(head, lines, right=5)

    def gaps(self) -> str:
        """What is behind each gap to the papers: gaps.md with the errors of today."""
        return self.told(GAPS.read_text(encoding="utf-8").rstrip())

    def told(self, text: str) -> str:
        """A text in which `{pairs}` and `{pairs_averaged}` become errors of the row of that name.

        Raises:
            InvalidArgument: It names no row.
        """
        errors = {row.name: without_interval(self.mean_gaze(row)) for row in self.rows}
        averaged = {f"{row.name}_averaged": self.averaged(row) for row in self.rows}
        errors |= {name: without_interval(error) for name, error in averaged.items() if error}
        try:
            return text.format(**errors)
        except KeyError as error:
            raise InvalidArgument(f"a text names {error}, which is no row of rows.csv") from error

    def measured(self, row: Row) -> Result:
        """What a row's run measured, its agent at the mean gaze.

        Raises:
            MissingData: It is not in runs.csv.
        """
        found = find(self.results, row.run, reader=row.reader)
        if found is None:
            reader = row.reader or "one agent"
            raise MissingData(
                f"row {row.name!r}: runs.csv has no test error of {row.run} ({reader}): python "
                f"agents/evaluate.py runs/{row.run}, then python benchmarks/keep_results.py on it"
            )
        return found

    def task(self, row: Row) -> str:
        """A row's task, with what its run counts."""
        if "{" not in row.task:
            return row.task
        found = self.measured(row)
        return row.task.format(glimpses=found.glimpses, images=found.images)

    def mean_gaze(self, row: Row) -> str:
        """A row's error."""
        return with_interval(self.measured(row)) if row.run else "not yet measured"

    def averaged(self, row: Row) -> str:
        """The same over ten sampled gaze sequences, where that was measured."""
        found = find(self.results, row.run, reader=row.reader, samples=10)
        return with_interval(found) if found else ""

    def at_random(self, row: Row) -> str:
        """The controls: the same agent with random gazes at test, and one that was trained so."""
        found = None if row.reader else find(self.results, row.run, gaze="random")
        parts = [f"{found.error:.2f} % at test"] if found else []
        if row.trained_at_random:
            control = find(self.results, row.trained_at_random, gaze="random")
            if control is None:
                raise MissingData(f"row {row.name!r}: runs.csv has no {row.trained_at_random}")
            parts.append(f"{control.error:.2f} % when trained so")
        return ", ".join(parts)

    def filled(self, page: str) -> str:
        """A page with everything between markers made anew.

        Raises:
            InvalidArgument: A marker names no table.
        """
        blocks: dict[str, Callable[[], str]] = {
            "readme": self.readme,
            "agents": self.agents,
            "networks": self.networks,
            "gaps": self.gaps,
            "algorithms": algorithms,
            "tuning": lambda: tuning_table(read_trials()),
        }

        def fill(found: re.Match[str]) -> str:
            if found[2] not in blocks:
                raise InvalidArgument(f"generated: {found[2]} is none of {', '.join(blocks)}")
            return f"{found[1]}{blocks[found[2]]()}\n{found[3]}"

        return MARKED.sub(fill, page)


def algorithms() -> str:
    """What came of the comparison of algorithms."""
    return report.algorithms(outcomes.read_outcomes(), read_curves(outcomes.CURVES))


def with_interval(result: Result) -> str:
    """An error and its 95 % interval."""
    return f"{result.error:.2f} % ({result.low:.2f} .. {result.high:.2f})"


def without_interval(error: str) -> str:
    """The error alone."""
    return error.split(" (")[0]


def table(head: Sequence[str], lines: Sequence[Sequence[str]], right: int) -> str:
    """Markdown; the last `right` columns are set to the right."""
    rule = ["---"] * (len(head) - right) + ["--:"] * right
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *lines])


def main(arguments: Arguments) -> int:
    """Write, or compare; returns the exit status."""
    tables, status = Tables(read_rows(), read_results()), 0
    root = arguments.root
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        old = page.read_text(encoding="utf-8")
        new = tables.filled(old)
        if old == new:
            continue
        if not arguments.check:
            write_atomically(page, new.encode())
            print(page.relative_to(root))
            continue
        name = str(page.relative_to(root))
        print(*difflib.unified_diff(old.splitlines(), new.splitlines(), name, n=0), sep="\n")
        status = 1
    return status


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
