"""Forecasts issued at each step: used from the first unknown value on, as far as they reach; no later one is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from energy_gym.data import Dataset, load
from energy_gym.data.feed import Feed, open_feed
from energy_gym.errors import DataError
from energy_gym.forecast import get_forecast

STEPS, REACH = 96, 6


def feed(published: str = "after", minutes: int = 60) -> Feed:
    random = np.random.default_rng(1)
    index = pd.date_range("2024-05-01", periods=STEPS, freq=f"{minutes}min", tz="UTC")
    data = pd.DataFrame({"load_kw": random.uniform(1.0, 9.0, STEPS)}, index)
    opened = open_feed(None, data, "all")
    rows = random.uniform(20.0, 30.0, (STEPS, REACH)).astype(np.float32)
    return replace(opened, issued={"load_kw": rows}, published={"load_kw": published})


def naive(source: Feed, step: int, horizon: int) -> list[float]:
    row = []
    for ahead in range(horizon):
        rows = source.issued["load_kw"]
        if step < len(rows) and ahead < rows.shape[1] and np.isfinite(rows[step, ahead]):
            row.append(float(rows[step, ahead]))
            continue
        at = step + ahead
        while at >= step:
            at -= 24
        row.append(float(source.values["load_kw"][at]) if at >= 0 else source.expected_before("load_kw"))
    return row


@pytest.mark.parametrize("horizon", [1, REACH, REACH + 1, 30])
@pytest.mark.parametrize(("first", "stop"), [(0, STEPS + 1), (40, 50), (STEPS, STEPS + 1)])
def test_rows_equal_the_naive_ones(horizon: int, first: int, stop: int) -> None:
    source = feed()
    source.issued["load_kw"][[3, 44], 2:4] = np.nan
    rows = get_forecast("published").rows(source, "load_kw", first, stop, horizon)
    assert rows.dtype == np.float64
    for step in range(first, stop):
        assert rows[step - first].tolist() == naive(source, step, horizon), step


@pytest.mark.parametrize("moment", [0, 1, 23, 24, 50, STEPS - 1])
def test_nothing_that_comes_later_is_seen(moment: int) -> None:
    source = feed()
    values, issued = source.values["load_kw"].copy(), source.issued["load_kw"].copy()
    values[moment:] = 1e6
    issued[moment + 1 :] = -1e6
    other = replace(source, values={"load_kw": values}, issued={"load_kw": issued})
    for name in ("published", "yesterday"):
        seen, changed = (get_forecast(name).rows(it, "load_kw", 0, moment + 1, 30) for it in (source, other))
        assert seen.tobytes() == changed.tobytes()
    perfect = (get_forecast("perfect").rows(it, "load_kw", 0, moment + 1, 30) for it in (source, other))
    assert len({rows.tobytes() for rows in perfect}) == 2, "the test can fail"


def test_what_is_known_is_not_forecast() -> None:
    source = feed("always")
    rows = get_forecast("published").rows(source, "load_kw", 0, 10, REACH)
    assert rows[4].tolist() == source.values["load_kw"][4 : 4 + REACH].tolist()


def test_other_forecasts_make_no_use_of_it() -> None:
    source = feed()
    for name in ("perfect", "yesterday"):
        with_it, without = (
            get_forecast(name).rows(it, "load_kw", 0, STEPS, 30) for it in (source, replace(source, issued={}))
        )
        assert np.array_equal(with_it, without)


def dataset(rows: np.ndarray, column: str = "load_kw") -> Dataset:
    loaded = load("commercial")
    return Dataset(loaded.card, loaded.frame, loaded.filled, {column: rows})


def test_a_data_set_carries_them_read_only_to_the_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.full((35040, 4), 7.0, dtype=np.float32)
    rows[5] = np.nan
    made = dataset(rows)
    with pytest.raises(ValueError, match="read-only"):
        made.issued["load_kw"][0, 0] = 1.0
    monkeypatch.setattr("energy_gym.data.load", lambda _: made)
    opened = open_feed("commercial", None, "train")
    seen = get_forecast("published").rows(opened, "load_kw", 4, 7, 5)
    assert seen[0].tolist()[:4] == [7.0] * 4
    assert 7.0 not in seen[1]
    assert seen[0, 4] == opened.statistics["load_kw"].offset


@pytest.mark.parametrize(
    ("rows", "column", "part"),
    [
        (np.zeros((35039, 4)), "load_kw", "one row for each"),
        (np.zeros(35040), "load_kw", "one row for each"),
        (np.zeros((35040, 0)), "load_kw", "one row for each"),
        (np.full((35040, 1), np.inf), "load_kw", "must be finite"),
        (np.zeros((35040, 4)), "wind_kw", "a column of the card"),
    ],
)
def test_a_forecast_that_does_not_fit(rows: np.ndarray, column: str, part: str) -> None:
    with pytest.raises(DataError, match=part):
        dataset(rows, column)
