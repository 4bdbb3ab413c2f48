"""Figures that others published, found again: the rows of benchmarks/validation.py."""

from __future__ import annotations

import pytest
from benchmark_scripts import benchmark_script

VALIDATION = benchmark_script("validation")


@pytest.mark.parametrize("row", VALIDATION.ROWS, ids=lambda row: row.what)
def test_a_published_figure(row: object, request: pytest.FixtureRequest) -> None:
    data = request.getfixturevalue("real_data") if row.folder else None  # type: ignore[attr-defined]
    assert row.ours(data) == pytest.approx(row.theirs, abs=row.within)  # type: ignore[attr-defined]


def test_the_page_has_a_line_a_row_and_dashes_where_data_are_not_there() -> None:
    lines = VALIDATION.page(None).splitlines()
    assert [line.split(" | ")[0][2:] for line in lines[-len(VALIDATION.ROWS) :]] == [
        row.what for row in VALIDATION.ROWS
    ]
    assert sum("| - | - |" in line for line in lines) == sum(bool(row.folder) for row in VALIDATION.ROWS)
