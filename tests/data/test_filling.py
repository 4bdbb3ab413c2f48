"""The law of filling: copies of published values, same local time, nearest similar day, present values untouched."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym.data import fill_similar_day
from energy_gym.errors import DataError

ZONE = "Europe/Berlin"


def days(start: str, count: int) -> pd.Series:
    index = pd.date_range(start, periods=24 * count, freq="h", tz=ZONE).tz_convert("UTC")
    return pd.Series(np.arange(len(index), dtype=float), index)


@st.composite
def holed(draw: st.DrawFn) -> pd.Series:
    start = draw(st.dates(pd.Timestamp("2021-01-01").date(), pd.Timestamp("2023-12-01").date()))
    series = days(str(start), draw(st.integers(15, 30)))
    first = draw(st.integers(0, len(series) - 1))
    length = draw(st.integers(1, 72))
    holes = draw(st.lists(st.integers(0, len(series) - 1), max_size=10))
    series.iloc[first : first + length] = np.nan
    series.iloc[holes] = np.nan
    return series


def kind(moment: pd.Timestamp) -> int:
    return max(int(moment.weekday()), 4)


@settings(deadline=None, max_examples=40)
@given(holed())
def test_law(series: pd.Series) -> None:
    filled, marked = fill_similar_day(series, ZONE)
    assert filled.notna().all()
    pd.testing.assert_series_equal(marked, series.isna())
    pd.testing.assert_series_equal(filled[~marked], series[~marked])
    local = series.index.tz_convert(ZONE)
    moment_of = {value: moment for moment, value in zip(local, series, strict=True) if not np.isnan(value)}
    for moment, value in zip(local[marked], filled[marked], strict=True):
        donor = moment_of[value]
        assert donor.time() == moment.time()
        candidates = [m for m in moment_of.values() if m.time() == moment.time() and kind(m) == kind(moment)]
        if candidates:
            assert kind(donor) == kind(moment)
            nearest = min(abs((m.date() - moment.date()).days) for m in candidates)
            assert abs((donor.date() - moment.date()).days) == nearest


@settings(deadline=None, max_examples=20)
@given(holed())
def test_filling_twice_changes_nothing(series: pd.Series) -> None:
    once, _ = fill_similar_day(series, ZONE)
    twice, marked = fill_similar_day(once, ZONE)
    pd.testing.assert_series_equal(once, twice)
    assert not marked.any()


def test_saturday_takes_a_saturday_and_ties_take_the_earlier_day() -> None:
    series = days("2024-01-01", 28)
    series["2024-01-13"] = np.nan
    filled, marked = fill_similar_day(series, "UTC")
    assert filled["2024-01-13T12:00Z"] == series["2024-01-06T12:00Z"]
    assert marked.sum() == 24


def test_monday_takes_the_friday_before_it_only_if_tuesday_is_missing() -> None:
    series = days("2024-01-01", 14)
    series["2024-01-08"] = np.nan
    assert fill_similar_day(series, "UTC")[0]["2024-01-08T12:00Z"] == series["2024-01-09T12:00Z"]
    series["2024-01-09":"2024-01-10"] = np.nan
    assert fill_similar_day(series, "UTC")[0]["2024-01-08T12:00Z"] == series["2024-01-05T12:00Z"]


def test_any_day_where_no_similar_one_exists() -> None:
    series = days("2024-01-01", 7)
    series["2024-01-07"] = np.nan
    assert fill_similar_day(series, "UTC")[0]["2024-01-07T12:00Z"] == series["2024-01-06T12:00Z"]


def test_local_time_across_the_clock_change() -> None:
    series = days("2024-03-25", 14)
    moment = pd.Timestamp("2024-03-29 12:00", tz=ZONE)
    series[moment] = np.nan
    series[moment - pd.Timedelta(days=1)] = np.nan
    series[moment - pd.Timedelta(days=2)] = np.nan
    series[moment - pd.Timedelta(days=3)] = np.nan
    donor = pd.Timestamp("2024-04-01 12:00", tz=ZONE)
    assert fill_similar_day(series, ZONE)[0][moment] == series[donor]


def test_nothing_to_copy() -> None:
    series = days("2024-01-01", 2)
    series[series.index.hour == 5] = np.nan
    with pytest.raises(DataError, match="no day has a value"):
        fill_similar_day(series, "UTC")
