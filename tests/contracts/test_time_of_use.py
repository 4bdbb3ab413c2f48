"""Time-of-use tables: every minute of the calendar has one price, and the prices follow local time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym.contracts.tariff import Band, Tariff, TimeOfUse, costa_rica
from energy_gym.errors import ConfigurationError, NaiveIndexError

SUMMER = tuple(range(5, 11))
WINTER = (11, 12, 1, 2, 3, 4)


def seasonal(zone: str | None = None) -> TimeOfUse:
    """A table with two seasons, dearer on working days of the summer; holidays count as weekends."""
    return TimeOfUse(
        (
            Band("summer peak", 300.0, hours=((12, 18),), months=SUMMER, days="weekday", holidays="never"),
            Band("summer holiday", 120.0, hours=((12, 18),), months=SUMMER, days="weekday", holidays="only"),
            Band("summer weekend", 110.0, hours=((12, 18),), months=SUMMER, days="weekend"),
            Band("summer night", 100.0, hours=((18, 12),), months=SUMMER),
            Band("winter", -50.0, months=WINTER),
        ),
        zone,
        ("07-04", "2024-09-02"),
    )


def by_hand(local: pd.Timestamp) -> float:
    """The price of the seasonal table, written out once more without it."""
    if local.month not in SUMMER:
        return -50.0
    if not 12 <= local.hour < 18:
        return 100.0
    if local.day_of_week >= 5:
        return 110.0
    holiday = (local.month, local.day) == (7, 4) or (local.year, local.month, local.day) == (2024, 9, 2)
    return 120.0 if holiday else 300.0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"])
def test_a_whole_leap_year_by_hand(zone: str) -> None:
    times = pd.date_range("2023-12-31", "2025-01-02", freq="30min", tz="UTC")
    want = [by_hand(local) for local in times.tz_convert(zone)]
    prices = seasonal().series(times, zone)
    assert prices.dtype == np.float64
    np.testing.assert_array_equal(prices, want)
    np.testing.assert_array_equal(seasonal(zone).series(times, "UTC"), want)  # the table's own zone wins


@pytest.mark.parametrize(
    ("zone", "day", "peak"),
    [
        ("Europe/Berlin", "2024-03-31", "2024-03-31 08:00"),
        ("Europe/Berlin", "2024-10-27", "2024-10-27 09:00"),
        ("America/Los_Angeles", "2024-03-10", "2024-03-10 17:00"),
        ("America/Los_Angeles", "2024-11-03", "2024-11-03 18:00"),
    ],
)
def test_the_peak_moves_with_the_clock(zone: str, day: str, peak: str) -> None:
    table = TimeOfUse((Band("peak", 2.0, hours=(10, 17)), Band("rest", 1.0, hours=(17, 10))))
    end = pd.Timestamp(day) + pd.Timedelta(days=1)
    times = pd.date_range(day, end, freq="h", tz=zone, inclusive="left").tz_convert("UTC")
    prices = table.series(times, zone)
    assert (prices == 2.0).sum() == 7
    assert times[np.argmax(prices)] == pd.Timestamp(peak, tz="UTC")


def test_the_table_of_costa_rica() -> None:
    times = pd.date_range("2024-05-06 06:00", periods=24, freq="h", tz="UTC")  # midnight in Costa Rica
    buy, sell = costa_rica().prices({}, times, "UTC")
    assert buy.tolist() == [16000.0] + 9 * [26000.0] + 7 * [70000.0] + 7 * [16000.0]
    assert not sell.any()
    assert costa_rica().columns() == ()


def test_edges_inside_steps_are_refused() -> None:
    times = pd.date_range("2024-05-06", periods=48, freq="h", tz="UTC")
    with pytest.raises(ConfigurationError, match="falls inside step"):
        seasonal().series(times, "Asia/Kolkata")
    shifted = TimeOfUse((Band("peak", 2.0, hours=(10.5, 17.5)), Band("rest", 1.0, hours=(17.5, 10.5))))
    prices = shifted.series(times, "Asia/Kolkata")
    assert prices[:24].sum() == 24 + 7
    with pytest.raises(NaiveIndexError):
        shifted.series(times.tz_localize(None), "Asia/Kolkata")


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (
            (Band("day", 1.0, hours=(6, 22)), Band("night", 2.0, hours=(21.5, 6))),
            "'day' and 'night' overlap in January, Monday, 21:30 to 22:00",
        ),
        (
            (Band("day", 1.0, hours=(6, 20)), Band("night", 2.0, hours=(22, 6))),
            "leave a hole in January, Monday, 20:00 to 22:00 beside 'day' and 'night'",
        ),
        (
            (Band("work", 1.0, days="weekday"), Band("free", 2.0, days=(6,))),
            "leave a hole in January, Saturday, 00:00 to 24:00",
        ),
        (
            (Band("a", 1.0, months=(1, 2, 3)), Band("b", 1.0, months=tuple(range(5, 13)))),
            "leave a hole in April, Monday, 00:00 to 24:00",
        ),
        (
            (Band("a", 1.0, months=(1, 2, 3)), Band("b", 1.0, months=tuple(range(3, 13)))),
            "'a' and 'b' overlap in March, Monday",
        ),
        ((Band("a", 1.0, holidays="never"),), "leave a hole in January, Monday, on a holiday, 00:00 to 24:00"),
        (
            (Band("a", 1.0), Band("b", 1.0, holidays="only", days="weekend")),
            "'a' and 'b' overlap in January, Saturday, on a holiday",
        ),
        (
            (Band("a", 1.0, hours=(0, 12)), Band("b", 1.0, hours=(12, 23.75)), Band("c", 1.0, hours=(12, 12.25))),
            "'b' and 'c' overlap in January, Monday, 12:00 to 12:15",
        ),
    ],
)
def test_holes_and_overlaps_are_named(bands: tuple[Band, ...], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TimeOfUse(bands)
    assert message in str(caught.value)


def test_one_minute_is_enough_for_a_hole() -> None:
    with pytest.raises(ConfigurationError, match="hole in December, Sunday, 23:59 to 24:00"):
        TimeOfUse(
            (
                Band("most", 1.0, months=tuple(range(1, 12))),
                Band("week", 1.0, months=(12,), days=(0, 1, 2, 3, 4, 5)),
                Band("sunday", 1.0, months=(12,), days=(6,), hours=(0, 23 + 59 / 60)),
            )
        )


bands_at_random = st.lists(
    st.tuples(
        st.integers(0, 47),
        st.integers(1, 48),
        st.sampled_from(["all", "weekday", "weekend"]),
        st.sampled_from(["as-days", "only", "never"]),
    ).filter(lambda item: item[0] != item[1] % 48 or item[:2] == (0, 48)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(bands_at_random)
def test_the_cover_is_exact(rows: list[tuple[int, int, str, str]]) -> None:
    bands = tuple(
        Band(f"b{index}", 1.0, hours=(start / 2, end / 2), days=days, holidays=holidays)
        for index, (start, end, days, holidays) in enumerate(rows)
    )
    counts = np.zeros((7, 2, 48), dtype=int)
    for start, end, days, holidays in rows:
        slots = [slot for slot in range(48) if (start <= slot < end if start < end else slot >= start or slot < end)]
        week = {"all": range(7), "weekday": range(5), "weekend": range(5, 7)}[days]
        for day in week:
            for free in {"as-days": (0, 1), "only": (1,), "never": (0,)}[holidays]:
                counts[day, free, slots] += 1
    if (counts == 1).all():
        assert TimeOfUse(bands).bands == bands
    else:
        with pytest.raises(ConfigurationError, match=r"overlap in|hole in"):
            TimeOfUse(bands)


@st.composite
def tables(draw: st.DrawFn) -> TimeOfUse:
    """Tables that cover the calendar: the day is cut anew in each of two groups of months and kinds of day."""
    cut = draw(st.integers(1, 11))
    months = (tuple(range(1, cut + 1)), tuple(range(cut + 1, 13)))
    bands = []
    for season in months:
        for days in draw(st.sampled_from([("all",), ("weekday", "weekend"), ((0, 2), (1, 3, 4, 5, 6))])):
            hours = sorted(draw(st.sets(st.sampled_from([0, 0.5, 1, 6.25, 13.5, 20, 23]), min_size=2, max_size=5)))
            for start, end in zip(hours, hours[1:] + hours[:1], strict=True):
                price = draw(st.floats(-1e6, 1e6))
                bands.append(Band(f"b{len(bands)}", price, ((start, end),), season, days))
    return TimeOfUse(
        tuple(bands),
        draw(st.sampled_from([None, "America/Costa_Rica"])),
        draw(st.sampled_from([(), ("12-25", "2024-02-29")])),
    )


@settings(max_examples=20, deadline=None)
@given(tables())
def test_round_trip_through_yaml(table: TimeOfUse) -> None:
    text = yaml.safe_dump(table.to_tree())
    assert TimeOfUse.from_tree(yaml.safe_load(text), "buy") == table
    tariff = Tariff(buy=table, sell=table)
    assert Tariff.from_tree(yaml.safe_load(yaml.safe_dump(tariff.to_tree())), "contracts.supply") == tariff


@settings(max_examples=25, deadline=None)
@given(tables(), st.sampled_from(["Europe/Berlin", "Asia/Kolkata", "UTC"]), st.integers(0, 700))
def test_prices_agree_with_a_search_of_the_bands(table: TimeOfUse, zone: str, day: int) -> None:
    start = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=day)
    times = pd.date_range(start, periods=200, freq="15min")
    kinds: dict[str, Any] = {"all": range(7), "weekday": range(5), "weekend": (5, 6)}

    def price(local: pd.Timestamp) -> float:
        hour = local.hour + local.minute / 60
        (found,) = (
            band.price_per_mwh
            for band in table.bands
            for first, last in band.hours
            if (first <= hour < last if first < last else hour >= first or hour < last)
            and local.month in band.months
            and local.day_of_week in (kinds[band.days] if isinstance(band.days, str) else band.days)
        )
        return found

    want = [price(local) for local in times.tz_convert(table.zone or zone)]
    np.testing.assert_array_equal(table.series(times, zone), want)


YAML = """
bands:
  - {name: peak, price_per_mwh: 300, hours: [[7, 9], [17, 20.5]], days: weekday, holidays: never}
  - {name: quiet, price_per_mwh: 200, hours: [[9, 17], [20.5, 7]], days: weekday, holidays: never}
  - {name: weekend, price_per_mwh: 150, days: [5, 6]}
  - {name: holiday, price_per_mwh: 150, days: weekday, holidays: only}
zone: Europe/Berlin
holidays: [2024-10-03, 12-25]
"""


def test_a_table_written_by_a_person() -> None:
    table = TimeOfUse.from_tree(yaml.safe_load(YAML), "contracts.supply.buy")
    assert table.holidays == ("2024-10-03", "12-25")
    times = pd.date_range("2024-10-01 22:00", periods=3 * 48, freq="30min", tz="UTC")  # midnight in Berlin, Wednesday
    days = table.series(times, "UTC").reshape(3, 48)
    want = 14 * [200.0] + 4 * [300.0] + 16 * [200.0] + 7 * [300.0] + 7 * [200.0]
    assert days.tolist() == [want, 48 * [150.0], want]


@pytest.mark.parametrize(
    ("old", "new", "start"),
    [
        ("days: [5, 6]", "days: [5, 9]", "contracts.supply.buy.bands[2].days="),
        ("hours: [[9, 17], [20.5, 7]]", "hours: [[9, 27]]", "contracts.supply.buy.bands[1].hours=(9, 27)"),
        ("price_per_mwh: 300", "price: 300", "contracts.supply.buy.bands[0].price: is not a known key; did you mean"),
        ("price_per_mwh: 300", "price_per_mwh: .nan", "contracts.supply.buy.bands[0].price_per_mwh=nan"),
        ("price_per_mwh: 300, ", "", "contracts.supply.buy.bands[0].price_per_mwh: is missing"),
        ("holidays: only", "holidays: mostly", "contracts.supply.buy.bands[3].holidays='mostly'"),
        ("zone: Europe/Berlin", "zone: Europe/Berlinn", "contracts.supply.buy.zone='Europe/Berlinn'"),
        ("zone: Europe/Berlin", "zona: Europe/Berlin", "contracts.supply.buy.zona: is not a known key; did you mean"),
        ("12-25", "Christmas", "contracts.supply.buy.holidays[1]='Christmas'"),
        ("name: quiet", "name: peak", "contracts.supply.buy.bands[1].name='peak': is taken"),
        ("[9, 17]", "[9, 16]", "contracts.supply.buy.bands: leave a hole in January, Monday, 16:00 to 17:00"),
        ("[9, 17]", "[8, 17]", "contracts.supply.buy.bands: 'peak' and 'quiet' overlap in January, Monday, 08:00"),
    ],
)
def test_errors_start_with_the_path(old: str, new: str, start: str) -> None:
    assert old in YAML
    with pytest.raises(ConfigurationError) as caught:
        TimeOfUse.from_tree(yaml.safe_load(YAML.replace(old, new)), "contracts.supply.buy")
    assert str(caught.value).startswith(start)


@pytest.mark.parametrize("bands", [None, [], {}, "peak", [5], 5])
def test_bands_that_are_no_list(bands: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^buy\.bands"):
        TimeOfUse.from_tree({"bands": bands}, "buy")
    with pytest.raises(ConfigurationError, match=r"^buy\.bands: is missing"):
        TimeOfUse.from_tree({}, "buy")
