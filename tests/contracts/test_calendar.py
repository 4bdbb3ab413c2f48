"""Windows of the calendar: hours over midnight, months, weekdays, holidays, leap days and clock changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym.contracts.calendar import When, check_holidays
from energy_gym.contracts.clock import LocalTimes, by_step, check_zone, hour_text
from energy_gym.errors import ConfigurationError, NaiveIndexError, UnknownIdError


def moments(start: str, periods: int, freq: str = "h", zone: str = "UTC") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=periods, freq=freq, tz=zone).tz_convert("UTC")


def hours_of(when: When, start: str, zone: str = "UTC", holidays: Sequence[str] = ()) -> list[int]:
    """Return the hours of the local day, which has 24, at which it applies."""
    return np.flatnonzero(when.matches(LocalTimes.of(moments(start, 24, zone=zone), zone), holidays)).tolist()


def test_hours_are_half_open() -> None:
    assert hours_of(When(hours=((10, 17),)), "2024-05-06") == list(range(10, 17))
    assert hours_of(When(hours=((0, 24),)), "2024-05-06") == list(range(24))
    assert hours_of(When(hours=((7, 9), (17, 20))), "2024-05-06") == [7, 8, 17, 18, 19]


def test_fractions_of_hours() -> None:
    local = LocalTimes.of(moments("2024-05-06 13:00", 4, "15min"), "UTC")
    assert When(hours=((13.5, 13.75),)).matches(local).tolist() == [False, False, True, False]
    assert When(hours=((13 + 1 / 3, 14),)).spans == ((13 * 3600 + 1200, 14 * 3600),)


def test_over_midnight_each_hour_belongs_to_its_own_day() -> None:
    night = When(hours=((22, 6),), days="weekday")
    assert hours_of(night, "2024-05-06") == [0, 1, 2, 3, 4, 5, 22, 23]
    assert hours_of(night, "2024-05-04") == []  # the small hours of Saturday are Saturday's
    assert hours_of(When(hours=((17, 1),)), "2024-05-06") == [0, 17, 18, 19, 20, 21, 22, 23]
    assert hours_of(When(hours=((22, 0),)), "2024-05-06") == [22, 23]


def test_one_pair_needs_no_outer_brackets() -> None:
    assert When(hours=(10, 17)) == When(hours=((10.0, 17.0),)) == When(hours=[[10, 17]])


@pytest.mark.parametrize(
    ("days", "want"),
    [("all", 7), ("weekday", 5), ("weekend", 2), ((0,), 1), ((6, 0), 2)],
)
def test_days(days: Any, want: int) -> None:
    week = LocalTimes.of(moments("2024-05-06 12:00", 7, "D"), "UTC")  # a Monday
    matches = When(days=days).matches(week)
    assert matches.sum() == want
    assert matches[5] == (days in ("all", "weekend"))


def test_months_and_the_leap_day() -> None:
    year = LocalTimes.of(moments("2024-01-01", 366, "D"), "UTC")
    assert When(months=(2,)).matches(year).sum() == 29
    assert When(months=(12, 1)).matches(year).sum() == 62
    assert np.flatnonzero(When(holidays="only").matches(year, ("02-29",))).tolist() == [59]
    common = LocalTimes.of(moments("2023-01-01", 365, "D"), "UTC")
    assert not When(holidays="only").matches(common, ("02-29",)).any()


def test_holidays() -> None:
    christmas = ("12-25", "2024-12-24")
    assert hours_of(When(holidays="only", hours=(8, 10)), "2024-12-25", holidays=christmas) == [8, 9]
    assert hours_of(When(holidays="never", hours=(8, 10)), "2024-12-25", holidays=christmas) == []
    assert hours_of(When(holidays="as-days", hours=(8, 10)), "2024-12-25", holidays=christmas) == [8, 9]
    assert hours_of(When(holidays="only", days="weekend"), "2024-12-25", holidays=christmas) == []  # a Wednesday
    assert hours_of(When(holidays="only"), "2024-12-24", holidays=christmas) == list(range(24))
    assert hours_of(When(holidays="only"), "2025-12-24", holidays=christmas) == []
    assert len(hours_of(When(holidays="only"), "2025-12-25", holidays=christmas)) == 24


def test_holidays_are_local_days() -> None:
    times = moments("2024-12-24 23:00", 2)
    berlin, angeles = (LocalTimes.of(times, zone) for zone in ("Europe/Berlin", "America/Los_Angeles"))
    assert When(holidays="only").matches(berlin, ("12-25",)).tolist() == [True, True]
    assert When(holidays="only").matches(angeles, ("12-25",)).tolist() == [False, False]


@pytest.mark.parametrize(
    ("zone", "short", "long"),
    [
        ("Europe/Berlin", "2024-03-31", "2024-10-27"),
        ("America/Los_Angeles", "2024-03-10", "2024-11-03"),
    ],
)
def test_days_of_23_and_25_hours(zone: str, short: str, long: str) -> None:
    for day, hours, small_hours in ((short, 23, 5), (long, 25, 7)):
        end = (pd.Timestamp(day) + pd.Timedelta(days=1)).strftime("%Y-%m-%d")
        times = pd.date_range(day, end, freq="h", tz=zone, inclusive="left").tz_convert("UTC")
        assert len(times) == hours
        local = LocalTimes.of(times, zone)
        assert When(hours=(0, 6)).matches(local).sum() == small_hours
        assert When(hours=(10, 17)).matches(local).sum() == 7
        assert (local.dates == np.datetime64(day)).all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 4_000_000_000),
    st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_local_times_agree_with_the_standard_library(second: int, zone: str) -> None:
    want = datetime.fromtimestamp(second, ZoneInfo(zone))
    local = LocalTimes.of(pd.to_datetime([second], unit="s", utc=True), zone)
    found = (local.month[0], local.day[0], local.weekday[0], local.second[0])
    assert found == (want.month, want.day, want.weekday(), want.hour * 3600 + want.minute * 60 + want.second)


def label_hours(*hours: float) -> Any:
    return lambda local: np.searchsorted([hour * 3600 for hour in hours], local.second, side="right")


def test_half_hour_zones_need_half_hour_steps() -> None:
    edges = [10 * 3600]
    labels = by_step(moments("2024-05-06 04:00", 3, "30min"), "Asia/Kolkata", edges, label_hours(10))
    assert labels.tolist() == [0, 1, 1]  # 09:30, 10:00, 10:30
    with pytest.raises(ConfigurationError) as caught:
        by_step(moments("2024-05-06 03:00", 3), "Asia/Kolkata", edges, label_hours(10))
    assert "2024-05-06 10:00:00 (Asia/Kolkata)" in caught.value.value
    assert "step 1, which starts at 2024-05-06 09:30:00" in caught.value.rule


def test_an_edge_counts_only_where_something_changes() -> None:
    def weekend(local: LocalTimes) -> Any:
        return local.weekday >= 5

    by_step(moments("2024-05-06", 24 * 4), "Asia/Kolkata", [], weekend)
    with pytest.raises(ConfigurationError, match="2024-05-11 00:00:00"):
        by_step(moments("2024-05-06", 24 * 7), "Asia/Kolkata", [], weekend)


def test_an_edge_in_the_last_step_is_found() -> None:
    by_step(moments("2024-05-06 08:00", 2), "UTC", [36000], label_hours(10))
    with pytest.raises(ConfigurationError, match="step 1"):
        by_step(moments("2024-05-06 08:00", 2, "61min"), "UTC", [36000], label_hours(10))


def test_steps_longer_than_a_day() -> None:
    with pytest.raises(ConfigurationError, match="2024-05-08 00:00:00"):
        by_step(moments("2024-05-06", 3, "3D"), "UTC", [], lambda local: local.weekday == 2)


def test_edges_in_steps_during_which_the_clock_is_changed() -> None:
    # 02:30 does not exist on the short day and comes twice on the long one.
    edges, label = [9000], label_hours(2.5)
    assert by_step(moments("2024-03-31 00:00", 3), "Europe/Berlin", edges, label).tolist() == [0, 1, 1]
    half = by_step(moments("2024-10-26 23:30", 6, "30min"), "Europe/Berlin", edges, label)
    assert half.tolist() == [0, 0, 1, 0, 1, 1]  # 01:30, 02:00, 02:30, 02:00 again, 02:30 again, 03:00
    with pytest.raises(ConfigurationError, match="02:30"):
        by_step(moments("2024-10-27 00:00", 3), "Europe/Berlin", edges, label)


def test_a_step_that_begins_and_ends_in_a_band_but_leaves_it_between() -> None:
    # From 02:30 summer time to 02:30 winter time the clock shows 02:00 to 02:30 between.
    times = pd.DatetimeIndex(["2024-10-27 00:30", "2024-10-27 01:30"], tz="UTC")
    with pytest.raises(ConfigurationError, match="02:00"):
        by_step(times, "Europe/Berlin", [9000], label_hours(2.5))


@settings(max_examples=80, deadline=None)
@given(
    st.datetimes(datetime(2023, 1, 1), datetime(2026, 1, 1)),
    st.sampled_from([5, 15, 30, 60, 120, 1440]),
    st.integers(0, 95),
    st.sampled_from(["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns", "UTC"]),
)
def test_steps_agree_with_every_minute(start: datetime, width: int, quarter: int, zone: str) -> None:
    first = pd.Timestamp(start, tz="UTC").floor(f"{width}min")
    times = pd.date_range(first, periods=4, freq=f"{width}min")
    minutes = pd.date_range(first, periods=4 * width, freq="min").tz_convert(zone)
    late = (minutes.hour * 60 + minutes.minute >= quarter * 15).reshape(4, width)
    label = label_hours(quarter / 4)
    if (late == late[:, :1]).all():
        assert by_step(times, zone, [quarter * 900], label).tolist() == (late[:, 0]).astype(int).tolist()
    else:
        with pytest.raises(ConfigurationError):
            by_step(times, zone, [quarter * 900], label)


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"hours": ()}, "hours="),
        ({"hours": "10-17"}, "hours='10-17'"),
        ({"hours": ((10, 25),)}, "hours=(10, 25)"),
        ({"hours": ((10,),)}, "hours="),
        ({"hours": ((10, 10),)}, "hours=(10, 10)"),
        ({"hours": ((24, 6),)}, "hours=(24, 6)"),
        ({"hours": ((10.001, 12),)}, "hours=(10.001, 12)"),
        ({"hours": ((float("nan"), 12),)}, "hours=(nan, 12)"),
        ({"hours": ((True, 12),)}, "hours=(True, 12)"),
        ({"hours": (630, 17)}, "hours=(630, 17)"),  # what YAML makes of 10:30
        ({"hours": 5}, "hours=5"),
        ({"months": (0,)}, "months="),
        ({"months": (1, 1)}, "months="),
        ({"months": ()}, "months="),
        ({"months": "May"}, "months="),
        ({"months": 5}, "months=5"),
        ({"days": "weekdays"}, "days="),
        ({"days": (7,)}, "days="),
        ({"days": None}, "days="),
        ({"days": (0, "Tuesday")}, "days="),
        ({"holidays": "sometimes"}, "holidays="),
        ({"holidays": ("12-25",)}, "holidays="),
    ],
)
def test_bad_windows_name_the_field(fields: dict[str, Any], start: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        When(**fields)
    assert caught.value.value.startswith(start)
    assert caught.value.rule and caught.value.remedy


def test_a_misspelt_choice_suggests_the_nearest() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'weekday'"):
        When(days="weekdays")


def test_dates_of_holidays() -> None:
    assert check_holidays([date(2024, 12, 25), "01-01"]) == ("2024-12-25", "01-01")
    for bad in (["2023-02-29"], ["13-01"], ["Christmas"], ["2024-1-1"], [1225], "12-25", 5, [None]):
        with pytest.raises(ConfigurationError, match="holidays"):
            check_holidays(bad)


def test_zones_and_naive_times() -> None:
    check_zone(None)
    check_zone("America/Costa_Rica")
    with pytest.raises(ConfigurationError, match="did you mean 'Europe/Berlin'"):
        check_zone("Europe/Berlinn")
    for bad in ("../etc", "", 5):
        with pytest.raises(ConfigurationError, match="zone="):
            check_zone(bad)  # type: ignore[arg-type]  # the error is the test
    with pytest.raises(NaiveIndexError):
        LocalTimes.of(pd.date_range("2024-01-01", periods=2), "UTC")
    with pytest.raises(ConfigurationError, match="zone='Mars'"):
        LocalTimes.of(moments("2024-01-01", 2), "Mars")


def test_the_clock_is_written_with_minutes() -> None:
    assert [hour_text(second) for second in (0, 48600, 86400)] == ["00:00", "13:30", "24:00"]


def test_one_moment_alone_has_no_length() -> None:
    assert by_step(moments("2024-05-06 10:30", 1), "UTC", [36000], label_hours(10)).tolist() == [1]
