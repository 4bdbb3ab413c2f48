"""Gates over a whole year with both days of clock change, against a walk over local calendars by zoneinfo alone.

Every gate of the year commits exactly its slots, in the timetable and, around both changes, in what a bid comes to; a
bid outside its gate is refused and moves nothing; a batch does what single environments do, bit for bit.
"""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.contracts.market_presets import eu_day_ahead, india_day_ahead, india_real_time

ID = "energy_gym/Bidding-v1"
ZONES = {
    "Europe/Copenhagen": (60, (eu_day_ahead("Europe/Copenhagen"),), 12),
    "Europe/Brussels": (15, (eu_day_ahead("Europe/Brussels", slot_minutes=15),), 12),
    "Asia/Kolkata": (15, (india_day_ahead(), india_real_time()), 14),
}
CHANGES = ("2024-03-31", "2024-10-27")
Gates = dict[datetime, list[datetime]]


def walked(zone: str, minutes: int, hour: int) -> list[Gates]:
    """Return the gates of the year by market, each with the starts of its slots, in UTC."""
    place, slot = ZoneInfo(zone), timedelta(minutes=minutes)
    end = datetime(2025, 1, 1, tzinfo=place).astimezone(UTC)
    daily: Gates = {}
    for number in range(366):
        today = date(2024, 1, 1) + timedelta(days=number)
        begin, after = (datetime.combine(today + timedelta(days=k), time(), place).astimezone(UTC) for k in (1, 2))
        slots = [begin + k * slot for k in range(round((after - begin) / slot)) if begin + k * slot < end]
        if slots:
            daily[datetime.combine(today, time(hour), place).astimezone(UTC)] = slots
    if zone != "Asia/Kolkata":
        return [daily]
    moment, soon = datetime(2024, 1, 1, tzinfo=place).astimezone(UTC), {}
    while moment < end:
        slots = [moment + timedelta(minutes=60) + k * slot for k in range(2)]
        if slots[0] < end:
            soon[moment] = [start for start in slots if start < end]
        moment += timedelta(minutes=30)
    return [daily, soon]


@functools.lru_cache(maxsize=1)
def made(producers: Any, zone: str, bids: str = "volume", batch: int = 0) -> Any:
    minutes, markets, _ = ZONES[zone]
    begin, end = (datetime(year, 1, 1, tzinfo=ZoneInfo(zone)) for year in (2024, 2025))
    steps = round((end - begin) / timedelta(minutes=minutes))
    data = producers.series(steps, minutes=minutes, start="2024-01-01", zone=zone)
    chosen = producers.scenario(producers.PENALTIES["single"], markets, bids=bids)
    if batch:
        return energy_gym.make_vec(ID, batch, data=data, scenario=chosen, horizon=1, autoreset="disabled")
    return gym.make(ID, data=data, scenario=chosen, horizon=1, episode_steps=None)


@pytest.mark.parametrize("zone", ZONES)
def test_every_gate_of_the_year_commits_its_slots(producers: Any, zone: str) -> None:
    minutes, _, hour = ZONES[zone]
    setup = made(producers, zone).unwrapped.setup
    times, table = setup.feed.times.to_pydatetime(), setup.timetable
    step_of = {moment.astimezone(UTC): step for step, moment in enumerate(times)}
    expected = walked(zone, minutes, hour)
    masks = np.zeros((setup.steps, setup.controls), dtype=bool)
    masks[:, :2] = True
    for book, gates in zip(table.books, expected, strict=True):
        found = {times[step].astimezone(UTC): int(step) for step in np.flatnonzero(book.count)}
        assert set(found) == set(gates)
        for moment, slots in gates.items():
            step = found[moment]
            assert (book.first[step], book.count[step]) == (step_of[slots[0]], len(slots)), moment
            masks[step, book.place : book.place + len(slots)] = True
    assert (table.masks[table.mask[:-1]] == masks).all()
    lengths = {len(slots) * minutes // 60 for slots in list(expected[0].values())[:-1]}
    assert lengths == ({24} if zone == "Asia/Kolkata" else {23, 24, 25})


@pytest.mark.parametrize("zone", ZONES)
def test_what_is_bid_around_a_change_of_the_clock(producers: Any, zone: str) -> None:
    """Random bids at and outside their gates; what stands offered is what the walk over the calendar says."""
    for change in CHANGES:
        bid_around(made(producers, zone), zone, change)


def bid_around(env: Any, zone: str, change: str) -> None:
    minutes, markets, hour = ZONES[zone]
    gates, random = walked(zone, minutes, hour), np.random.default_rng(0)
    base, tick = env.unwrapped, 100.0
    start = pd.Timestamp(change, tz=zone) - pd.Timedelta(hours=36)
    _, info = env.reset(options={"start": start, "steps": 96 * 60 // minutes})
    standing: list[dict[datetime, float]] = [{} for _ in markets]
    for _ in range(90 * 60 // minutes):
        now = base.time.to_pydatetime().astimezone(UTC)
        action = random.choice([-1.0, -0.5, 0.0, 0.25, 1.0], env.action_space.shape)
        closed = int(np.count_nonzero(action[2:][~info["due"][2:]]))
        for market, book, offers in zip(gates, base.setup.timetable.books, standing, strict=True):
            for number, slot in enumerate(market.get(now, [])):
                share = action[book.place + number]
                offers[slot] = share * (2000.0 if share > 0.0 else 4000.0)
        _, _, _, _, info = env.step(action)
        assert info["rejected"] == closed
        now = base.time.to_pydatetime().astimezone(UTC)
        for market, offers in zip(markets, standing, strict=True):
            shown = base.offered()[market.name]
            slots = [now + k * timedelta(minutes=minutes) for k in range(len(shown))]
            assert shown.tolist() == [pytest.approx(offers.get(slot, 0.0), abs=tick * 1e-9) for slot in slots]
        committed = sum(offers.get(now - timedelta(minutes=minutes), 0.0) for offers in standing)
        assert info["committed_kw"] == pytest.approx(committed)


@pytest.mark.parametrize(
    ("zone", "bids"),
    [("Europe/Copenhagen", "price-volume"), ("Europe/Brussels", "volume"), ("Asia/Kolkata", "price-volume")],
)
def test_a_batch_over_both_changes_is_its_singles(producers: Any, zone: str, bids: str) -> None:
    minutes = ZONES[zone][0]
    steps = 40 * 60 // minutes
    batch = made(producers, zone, bids, batch=4)
    starts = [pd.Timestamp(day, tz=zone) - pd.Timedelta(hours=hours) for day in CHANGES for hours in (18, 3)]
    seen, told = batch.reset(seed=0, options={"start": starts, "steps": steps})
    singles = []
    single = made(producers, zone, bids)
    for place, start in enumerate(starts):
        observation, info = single.reset(options={"start": start, "steps": steps})
        assert observation.tobytes() == seen[place].tobytes() and (info["due"] == told["due"][place]).all()
        singles.append([])
    random, plays = np.random.default_rng(1), []
    for _ in range(steps):
        actions = random.uniform(-1.2, 1.2, batch.action_space.shape)
        plays.append(actions)
        seen, gains, _, _, info = batch.step(actions)
        for place in range(4):
            figures = {name: value[place] for name, value in info.items() if not name.startswith("_")}
            singles[place].append((seen[place].tobytes(), gains[place], figures))
    for place, start in enumerate(starts):
        single.reset(options={"start": start, "steps": steps})
        for actions, (observation, gain, figures) in zip(plays, singles[place], strict=True):
            own, reward, _, _, info = single.step(actions[place])
            assert own.tobytes() == observation and reward == gain
            assert all(np.array_equal(info[name], figures[name]) for name in info)
