"""A user's own paths, from an object or a file: what they must look like, and what is told where they do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym.data.feed import Feed, open_feed
from energy_gym.data.own_frame import Told
from energy_gym.errors import (
    ConfigurationError,
    DataError,
    DuplicateStampError,
    MissingColumnError,
    NaiveIndexError,
    NonFiniteError,
    WindowError,
)
from energy_gym.forecast import make_scenarios

COLUMNS = ("load_kw", "price_per_mwh")


@pytest.fixture
def feed() -> Feed:
    index = pd.date_range("2024-01-01", periods=48, freq="h", tz="UTC")
    frame = pd.DataFrame({"load_kw": np.arange(48.0), "price_per_mwh": np.arange(48.0) * 2.0}, index)
    return open_feed(None, frame, None, None, Told(published={"price_per_mwh": "at-start"}))


class Paths:
    def __init__(self, change: Callable[[dict[str, Any]], Any] = lambda found: found) -> None:
        self.change = change

    def scenarios(self, t: int, n: int, horizon: int) -> Any:
        return self.change({name: np.arange(n)[:, None] + np.zeros((n, horizon)) for name in COLUMNS})


def test_an_object_says_what_may_come_and_what_is_known_stays_so(feed: Feed) -> None:
    paths = make_scenarios(Paths(), feed, columns=COLUMNS).scenarios(5, 3, 4)
    assert paths["load_kw"].tolist() == [[path] * 4 for path in range(3)]
    assert paths["price_per_mwh"].tolist() == [[10.0, path, path, path] for path in range(3)]


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (lambda found: [found], ConfigurationError, "Paths gave list: must be a mapping"),
        (
            lambda found: {"load_kw": found["load_kw"]},
            MissingColumnError,
            "'price_per_mwh': is needed; it gave",
        ),
        (
            lambda found: {**found, "load_kw": found["load_kw"][:, 1:]},
            ConfigurationError,
            r"\(3, 3\): must be",
        ),
        (lambda found: {**found, "load_kw": found["load_kw"][1:]}, ConfigurationError, r"\(2, 4\): must be"),
        (lambda found: {**found, "load_kw": [["a"] * 4] * 3}, ConfigurationError, "'load_kw' holds something else"),
        (lambda found: {**found, "load_kw": [[1.0] * 4, [1.0]]}, ConfigurationError, "as many in each path"),
        (lambda found: {**found, "load_kw": found["load_kw"] * 1j}, ConfigurationError, "must be numbers"),
        (lambda found: {**found, "load_kw": found["load_kw"] * np.nan}, NonFiniteError, r"'load_kw' at \(0, 0\)"),
        (lambda found: {**found, "load_kw": found["load_kw"] + np.inf}, NonFiniteError, "must be finite"),
    ],
)
def test_paths_that_are_none_are_refused(feed: Feed, change: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        make_scenarios(Paths(change), feed, columns=COLUMNS).scenarios(5, 3, 4)


def test_an_object_without_the_method_is_refused(feed: Feed) -> None:
    with pytest.raises(ConfigurationError, match="must have a method scenarios"):
        make_scenarios(3, feed)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="days=: goes with a maker that is named"):
        make_scenarios(Paths(), feed, days=30)


LINES = [
    f"2024-01-01T{issue:02d}:00Z,2024-01-01T{hour:02d}:00Z,{path},{issue + path + hour / 100},{hour}"
    for issue in (3, 6)
    for path in (2, 0, 1)
    for hour in range(issue, issue + 5)
]


def written(folder: Path, lines: list[str], head: str = "issued,time,path,load_kw,price_per_mwh") -> Path:
    path = folder / "paths.csv"
    path.write_text("\n".join([head, *lines]), encoding="utf-8")
    return path


def test_a_file_gives_the_newest_paths_that_were_issued_by_then(feed: Feed, tmp_path: Path) -> None:
    maker = make_scenarios(written(tmp_path, LINES[::-1]), feed)
    assert maker.scenarios(5, 2, 3)["load_kw"].tolist() == [[3.05, 3.06, 3.07], [4.05, 4.06, 4.07]]
    assert maker.scenarios(6, 3, 2)["load_kw"].tolist() == [[6.06, 6.07], [7.06, 7.07], [8.06, 8.07]]
    assert maker.scenarios(6, 1, 2)["price_per_mwh"].tolist() == [[12.0, 7.0]]


def test_a_file_is_refused_where_it_does_not_say_enough(feed: Feed, tmp_path: Path) -> None:
    maker = make_scenarios(str(written(tmp_path, LINES)), feed)
    with pytest.raises(WindowError, match="nothing that was issued by then"):
        maker.scenarios(2, 1, 1)
    with pytest.raises(WindowError, match="end at 2024-01-01 10:00"):
        maker.scenarios(7, 1, 5)
    with pytest.raises(ConfigurationError, match=r"n=4 paths.*at most 3"):
        maker.scenarios(6, 4, 2)
    with pytest.raises(WindowError, match="ask for at most 8"):
        maker.scenarios(40, 1, 9)


@pytest.mark.parametrize(
    ("line", "error", "told"),
    [
        (LINES[3], DuplicateStampError, "line 5.*twice for the same issue, step and path"),
        ("2024-01-01T03:00Z,2024-01-01T04:30Z,0,1.0,2.0", DataError, "is no start of a step"),
        ("2024-01-01T03:00,2024-01-01T04:00Z,0,1.0,2.0", NaiveIndexError, "line 5"),
        ("2024-01-01T03:00Z,soon,0,1.0,2.0", DataError, "line 5: time 'soon'"),
        ("2024-01-01T03:00Z,2024-01-01T04:00Z,0.5,1.0,2.0", DataError, "line 5: path"),
        ("2024-01-01T03:00Z,2024-01-01T04:00Z,0,,2.0", NonFiniteError, "line 5: load_kw"),
    ],
)
def test_a_line_that_is_wrong_is_named(
    feed: Feed, tmp_path: Path, line: str, error: type[Exception], told: str
) -> None:
    lines = [*LINES[:3], line, *LINES[3:]] if line != LINES[3] else [*LINES[1:4], LINES[3]]
    with pytest.raises(error, match=told):
        make_scenarios(written(tmp_path, lines), feed)


def test_a_file_without_a_column_is_refused(feed: Feed, tmp_path: Path) -> None:
    with pytest.raises(MissingColumnError, match="column 'path'"):
        make_scenarios(written(tmp_path, LINES, "issued,time,number,load_kw,price_per_mwh"), feed)
    with pytest.raises(DataError, match="cannot be read"):
        make_scenarios(tmp_path / "none.csv", feed)
