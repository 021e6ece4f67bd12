"""What a page calls the best is the lowest error of today's images, as the tables have it."""

from __future__ import annotations

import pytest

from benchmarks.environments.learned import as_registered, learned
from benchmarks.kept_runs import find, read_results, rendered_as_now
from benchmarks.result_rows import read_rows


@pytest.mark.parametrize("name", ["GlimpseMNIST-v0", "GlimpseMNISTPairs-v0", "GlimpseCatch-v0"])
def test_no_row_of_what_is_shown_by_default_is_better(name: str) -> None:
    results = read_results()
    measured = [find(results, row.run) for row in read_rows() if row.table == "agents"]
    errors = [
        found.error
        for found in measured
        if found and found.test_env == name and "layout" not in found.options
    ]
    assert len(errors) >= 1
    first, *_ = learned(name).best
    assert first[1].startswith(f"{min(error for error in errors if error is not None):.2f} %")


def test_house_numbers_of_before_are_other_images() -> None:
    ours = [result for result in read_results() if result.test_env == "GlimpseHouseNumbers-v0"]
    old, new = ([one for one in ours if rendered_as_now(one) == anew] for anew in (False, True))
    assert old and new
    assert not any(map(as_registered, old)) and all(map(as_registered, new))
    assert learned("GlimpseHouseNumbers110-v0").best == [
        ["best agent here", "not yet measured", ""]
    ]


def test_every_row_is_on_one_page() -> None:
    found = {row.name: 0 for row in read_rows()}
    for name in {result.test_env for result in read_results()} | {"GlimpseSVHN-v0"}:
        shown = "\n".join(learned(name).tables)
        for row in read_rows():
            found[row.name] += f"| {row.command}" in shown and row.task.split("{")[0] in shown
    assert min(found.values()) >= 1
