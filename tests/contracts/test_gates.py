"""Gates over whole years with both days of clock change, against plain loops over local calendars."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from croniter import croniter

from energy_gym.contracts.gates import deadlines, derive
from energy_gym.contracts.market import Ahead, LocalDay, Market
from energy_gym.contracts.market_presets import eu_day_ahead, india_day_ahead, india_real_time, preset
from energy_gym.errors import ConfigurationError, IrregularIndexError, NaiveIndexError, NonPositiveError, UnknownIdError

UTC = datetime.UTC


def year(minutes: int, zone: str = "UTC") -> pd.DatetimeIndex:
    return pd.date_range("2024-01-01", "2025-01-01", freq=f"{minutes}min", tz=zone, inclusive="left")


@pytest.mark.parametrize("zone", ["Europe/Copenhagen", "Europe/Brussels", "Asia/Kolkata"])
@pytest.mark.parametrize("minutes", [15, 60])
def test_day_ahead_commits_exactly_tomorrows_local_day(zone: str, minutes: int) -> None:
    index = year(minutes, zone)
    gates = derive(eu_day_ahead(zone, slot_minutes=minutes), index)
    local = index.tz_convert(zone)
    dates = local.date
    days = {date: np.flatnonzero(dates == date) for date in sorted(set(dates))}
    noons = np.flatnonzero((local.hour == 12) & (local.minute == 0))
    tomorrows = {int(step): days.get(dates[step] + datetime.timedelta(days=1)) for step in noons}
    expected = {step: (int(rows[0]), len(rows)) for step, rows in tomorrows.items() if rows is not None}
    found = {int(step): (int(gates.first[step]), int(gates.count[step])) for step in np.flatnonzero(gates.due)}
    assert found == expected
    assert len(found) == 365
    hours = {count * minutes // 60 for _, count in found.values()}
    assert hours == ({24} if zone == "Asia/Kolkata" else {23, 24, 25})


def test_each_step_is_decided_by_the_gate_of_the_day_before() -> None:
    index = year(60, "Europe/Copenhagen")
    gates = derive(eu_day_ahead("Europe/Copenhagen"), index)
    local = index.tz_convert("Europe/Copenhagen")
    for step in range(0, len(index), 17):
        gate = int(gates.decided[step])
        if local[step].date() == datetime.date(2024, 1, 1):
            assert gate == -1
        else:
            assert local[gate].date() == local[step].date() - datetime.timedelta(days=1)
            assert (local[gate].hour, local[gate].minute) == (12, 0)


@pytest.mark.parametrize(("name", "minutes"), [("eu-intraday-hourly", 60), ("eu-intraday-15min", 15)])
def test_intraday_closes_each_slot_an_hour_before_it(name: str, minutes: int) -> None:
    index, ahead = year(minutes, "Europe/Copenhagen"), 60 // minutes
    gates = derive(preset(name), index)
    due = np.flatnonzero(gates.due)
    assert due.tolist() == list(range(len(index) - ahead))
    assert (gates.first[due] == due + ahead).all()
    assert (gates.count[due] == 1).all()
    assert (gates.decided[ahead:] == np.arange(len(index) - ahead)).all()


def test_india_real_time_bids_every_half_hour_for_two_quarters_one_hour_ahead() -> None:
    index = year(15, "Asia/Kolkata")
    gates = derive(india_real_time(), index)
    due = np.flatnonzero(gates.due)
    assert due.tolist() == list(range(0, len(index) - 4, 2))
    assert (gates.first[due] == due + 4).all()
    assert (gates.count[due] == 2).all()
    assert (gates.decided[:4] == -1).all()
    assert (gates.decided[4:] == (np.arange(4, len(index)) // 2) * 2 - 4).all()


def test_at_two_in_the_afternoon_india_decides_tomorrow_and_three_oclock() -> None:
    """EnCortex, section 5.3: 96 slots of the next day, and the slots of 15:00 and 15:15 of the same day."""
    index = pd.date_range("2024-03-01", periods=3 * 96, freq="15min", tz="Asia/Kolkata")
    step = index.get_loc(pd.Timestamp("2024-03-01 14:00", tz="Asia/Kolkata"))
    ahead, real = derive(india_day_ahead(), index), derive(india_real_time(), index)
    assert [index[ahead.first[step]].isoformat(), ahead.count[step]] == ["2024-03-02T00:00:00+05:30", 96]
    assert [index[real.first[step]].isoformat(), real.count[step]] == ["2024-03-01T15:00:00+05:30", 2]
    open_at = [f"{stamp:%H:%M}" for stamp in index[:96][ahead.open(15)[:96]]]
    assert open_at[0] == "12:00" and open_at[-1] == "14:00" and len(open_at) == 9


@pytest.mark.parametrize(
    "expression",
    [
        "0 12 * * *",
        "30 9 * * 1-5",
        "*/15 6-20 * * *",
        "0 8 1,15 * *",
        "0 8 1,15 * 1",
        "5 4 * JAN,jul sun",
        "0 0 29 2 *",
    ],
)
def test_deadlines_are_crons_own_where_the_clock_does_not_change(expression: str) -> None:
    market = Market("m", deadline=expression, zone="Asia/Kolkata")
    first, stop = pd.Timestamp("2023-12-25", tz="UTC"), pd.Timestamp("2025-03-05", tz="UTC")
    found = [stamp.isoformat() for stamp in deadlines(market, first, stop).tz_convert("Asia/Kolkata")]
    walker = croniter(expression, datetime.datetime(2023, 12, 24))
    expected = []
    while True:
        stamp = walker.get_next(datetime.datetime).replace(tzinfo=ZoneInfo("Asia/Kolkata"))
        if stamp.astimezone(UTC) >= stop:
            break
        if stamp.astimezone(UTC) >= first:
            expected.append(stamp.isoformat())
    assert found == expected


def test_hourly_gates_follow_real_time_through_clock_changes_and_daily_ones_local_time() -> None:
    hourly = Market("h", deadline="0 * * * *", zone="Europe/Brussels", delivers=Ahead(60))
    nightly = Market("n", deadline="30 2 * * *", zone="Europe/Brussels")
    for day, hours, night in (("2024-03-31", 23, "01:00"), ("2024-10-27", 25, "00:30"), ("2024-06-01", 24, "00:30")):
        first = pd.Timestamp(day, tz="Europe/Brussels")
        stop = (pd.Timestamp(day) + pd.Timedelta(days=1)).tz_localize("Europe/Brussels")
        moments = deadlines(hourly, first, stop)
        assert len(moments) == hours
        assert (np.diff(moments.asi8) == 3600 * 10**9).all()
        assert [f"{moment:%H:%M}" for moment in deadlines(nightly, first, stop)] == [night]


def test_a_deadline_between_steps_falls_due_at_the_step_before() -> None:
    index = pd.date_range("2024-05-01", periods=48, freq="h", tz="UTC")
    gates = derive(Market("m", deadline="40 9 * * *", zone="UTC"), index)
    assert np.flatnonzero(gates.due).tolist() == [9]
    assert (gates.first[9], gates.count[9]) == (24, 24)


def test_slots_may_be_several_steps_long_and_the_index_may_end_within_a_delivery() -> None:
    index = pd.date_range("2024-05-01", periods=24 * 4 + 30, freq="15min", tz="UTC")
    gates = derive(eu_day_ahead("UTC", slot_minutes=60), index)
    assert (gates.slot_steps, gates.count.max(), gates.most_slots) == (4, 30, 8)
    to_gate = gates.steps_to_gate()
    assert to_gate[[0, 47, 48]].tolist() == [48, 1, 0]
    assert (to_gate[49:] == len(index)).all()
    assert gates.open(15)[48] and not gates.open(15)[49]


@pytest.mark.parametrize(
    ("market", "freq", "words"),
    [
        (Market("weekly", deadline="0 12 * * 0", zone="UTC"), "h", "no gate"),
        (
            Market("twice", deadline="0 10,12 * * *", zone="UTC"),
            "h",
            "both deliver the slot that starts at 2024-05-02T00",
        ),
        (Market("long", deadline="0 * * * *", zone="UTC", delivers=Ahead(60, 2)), "h", "both deliver"),
        (Market("fine", zone="UTC", slot_minutes=15), "h", "not multiples of the step of 60 min"),
        (Market("odd", deadline="20 9 * * *", zone="UTC", delivers=Ahead(30)), "h", "does not start on a step"),
        (Market("half", zone="Asia/Kolkata"), "h", "does not start on a step"),
    ],
)
def test_schedules_that_cannot_be_say_which_market_slot_and_rule(market: Market, freq: str, words: str) -> None:
    index = pd.date_range("2024-05-01", periods=60, freq=freq, tz="UTC")
    with pytest.raises(ConfigurationError, match=words) as caught:
        derive(market, index)
    assert repr(market.name) in str(caught.value)


def test_an_index_without_zone_or_rhythm_is_refused() -> None:
    index = pd.date_range("2024-05-01", periods=60, freq="h", tz="UTC")
    with pytest.raises(NaiveIndexError):
        derive(eu_day_ahead(), index.tz_localize(None))
    with pytest.raises(IrregularIndexError):
        derive(eu_day_ahead(), index.delete(5))


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"deadline": "0 0 30 2 *"}, "never fires"),
        ({"deadline": "noon"}, "five fields"),
        ({"deadline": "0 12 * * * *"}, "five fields"),
        ({"deadline": "61 12 * * *"}, "five fields"),
        ({"deadline": "0 12 * * 1#2"}, "takes numbers"),
        ({"deadline": "0 12 l * *"}, "takes numbers"),
        ({"zone": "Europe/Bruxelles"}, "IANA"),
        ({"zone": ""}, "IANA"),
        ({"name": ""}, "name"),
        ({"price": 3}, "name"),
        ({"slot_minutes": 0}, "divide a day"),
        ({"slot_minutes": 7}, "divide a day"),
        ({"window_minutes": -1}, "0 or more"),
        ({"delivers": 24}, "LocalDay"),
    ],
)
def test_markets_that_cannot_be_are_refused(kwargs: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Market(**({"name": "m"} | kwargs))  # type: ignore[arg-type]


def test_deliveries_before_their_gate_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="closes at or before"):
        Ahead(minutes=-15)
    with pytest.raises(NonPositiveError):
        Ahead(slots=0)
    with pytest.raises(NonPositiveError, match="before the day"):
        LocalDay(days=0)


def test_presets_are_found_by_name() -> None:
    assert preset("india-day-ahead") == india_day_ahead()
    with pytest.raises(UnknownIdError, match="eu-day-ahead-hourly"):
        preset("eu-day-ahead")
