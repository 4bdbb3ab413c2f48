"""The look-ahead of each forecast against a naive computation, value by value, from the rules of publication alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.forecast import forecast_ids

ID = "energy_gym/Arbitrage-v1"
BEFORE = 50.0
CARBON_BEFORE = 300.0


def frame(begin: str, zone: str, steps: int, minutes: int = 60) -> pd.DataFrame:
    index = pd.date_range(pd.Timestamp(begin, tz=zone), periods=steps, freq=f"{minutes}min")
    return pd.DataFrame({"price_per_mwh": np.arange(steps) + 0.5, "carbon_g_per_kwh": 1000.0 - np.arange(steps)}, index)


def published_at(stamp: pd.Timestamp, zone: str, hour: int = 13) -> pd.Timestamp:
    """Day-ahead: the hours of a local day become known at 13:00 local time of the day before."""
    local = stamp.tz_convert(zone).to_pydatetime()
    day_before = local.date() - timedelta(days=1)
    return pd.Timestamp(year=day_before.year, month=day_before.month, day=day_before.day, hour=hour, tz=ZoneInfo(zone))


def naive(data: pd.DataFrame, column: str, rule: str, now: pd.Timestamp, horizon: int, zone: str) -> list[float]:
    """Look every value up one by one; an unknown one is that of a day before, or of two, ..."""
    delta = data.index[1] - data.index[0]
    row = []
    for step in range(horizon):
        stamp = now + step * delta
        while not (stamp <= data.index[-1] and known(stamp, now, delta, rule, zone)):
            stamp -= pd.Timedelta(hours=24)
        start = BEFORE if column.startswith("price") else CARBON_BEFORE
        row.append(float(data[column].loc[stamp]) if stamp >= data.index[0] else start)
    return row


def known(stamp: pd.Timestamp, now: pd.Timestamp, delta: pd.Timedelta, rule: str, zone: str) -> bool:
    if rule == "perfect":
        return True
    return published_at(stamp, zone) <= now if rule == "day-ahead" else stamp + delta <= now


CASES = [
    ("2024-03-28", "Europe/Berlin", 60),
    ("2024-10-24", "Europe/Berlin", 60),
    ("2024-03-07", "America/Chicago", 60),
    ("2024-10-31", "America/New_York", 30),
    ("2018-11-01", "America/Sao_Paulo", 60),
    ("2024-11-01", "America/Havana", 60),
    ("2024-05-01", "Asia/Kolkata", 60),
    ("2024-05-01", "UTC", 15),
]


@pytest.mark.parametrize("forecast", ["perfect", "published", "yesterday"])
@pytest.mark.parametrize(("begin", "zone", "minutes"), CASES)
@pytest.mark.parametrize("horizon", [1, 24, 49])
def test_look_ahead_equals_the_naive_one(forecast: str, begin: str, zone: str, minutes: int, horizon: int) -> None:
    data = frame(begin, zone, 5 * 24 * 60 // minutes, minutes)
    env = gym.make(
        ID,
        data=data,
        published="day-ahead 13:00",
        zone=zone,
        objective="joint",
        forecast=forecast,
        horizon=horizon,
        episode_steps=None,
    ).unwrapped
    env.reset()
    rules = {"price_per_mwh": "day-ahead", "carbon_g_per_kwh": "after"}
    for step in range(len(data)):
        outlook = env.outlook()
        assert list(outlook) == list(rules)
        if step % 7 == 0 or step > len(data) - 4:
            for column, published in rules.items():
                rule = {"perfect": "perfect", "yesterday": "after"}.get(forecast, published)
                expected = naive(data, column, rule, data.index[step], horizon, zone)
                assert outlook[column].tolist() == expected, (step, column)
        env.step(np.zeros(1))


@pytest.mark.parametrize("forecast", ["perfect", "published", "yesterday"])
@pytest.mark.parametrize("horizon", [1, 5, 24, 30, 49])
def test_look_ahead_of_the_moment_after_the_last_step(forecast: str, horizon: int) -> None:
    """The final observation of an episode is what is known then, at the end of the data as anywhere else."""
    longer = frame("2024-03-28", "Europe/Berlin", 100)
    data = longer.iloc[:96]
    env = gym.make(ID, data=data, objective="joint", forecast=forecast, horizon=horizon, episode_steps=None).unwrapped
    env.reset()
    for _ in range(96):
        env.step(np.zeros(1))
    rule = {"perfect": "perfect"}.get(forecast, "after")
    expected = naive(data, "carbon_g_per_kwh", rule, longer.index[96], horizon, "Europe/Berlin")
    assert env.outlook()["carbon_g_per_kwh"].tolist() == expected


def test_prices_of_tomorrow_appear_at_thirteen_local_time() -> None:
    data = frame("2024-07-01", "Europe/Berlin", 96)
    env = gym.make(ID, data=data, published={"price_per_mwh": "day-ahead 13:00"}, horizon=36).unwrapped
    env.reset(options={"start": "2024-07-02T12:00+02:00", "steps": 3})
    row = env.outlook()["price_per_mwh"]
    np.testing.assert_array_equal(row[:12], np.arange(36, 48) + 0.5)
    np.testing.assert_array_equal(row[12:36], np.arange(24, 48) + 0.5)
    env.step(np.zeros(1))
    np.testing.assert_array_equal(env.outlook()["price_per_mwh"][:35], np.arange(37, 72) + 0.5)
    assert env.outlook()["price_per_mwh"][35] == 48.5


def test_published_forecasts_fill_what_is_not_known_itself() -> None:
    data = frame("2024-07-01", "UTC", 96)
    data["forecast_carbon_g_per_kwh"] = np.arange(96) + 5000.0
    env = gym.make(ID, data=data, horizon=30, objective="carbon").unwrapped
    env.reset(options={"start": "2024-07-02T09:00Z", "steps": 20})
    row = env.outlook()["carbon_g_per_kwh"]
    np.testing.assert_array_equal(row[:15], np.arange(33, 48) + 5000.0)
    np.testing.assert_array_equal(row[15:], 1000.0 - np.r_[24:33, 9:15])


def test_real_set_uses_the_time_of_its_card() -> None:
    data = energy_gym.load("ercot-2021-2022")
    prices = data.frame["price_per_mwh"]
    env = gym.make(ID, split="test", horizon=36).unwrapped
    for hour, tomorrow in ((13, False), (14, True)):
        now = pd.Timestamp(f"2022-08-10 {hour}:00", tz="America/Chicago").tz_convert("UTC")
        env.reset(options={"start": now, "steps": 1})
        position = prices.index.get_loc(now)
        row = env.outlook()["price_per_mwh"]
        left = 24 - hour
        np.testing.assert_array_equal(row[:left], prices.iloc[position : position + left])
        back = 0 if tomorrow else 24
        expected = prices.iloc[position + left - back : position + left - back + 10]
        np.testing.assert_array_equal(row[left : left + 10], expected)


class Constant:
    """A forecast of one's own: always 7."""

    def rows(self, feed: Any, column: str, first: int, stop: int, horizon: int) -> np.ndarray:
        return np.full((stop - first, horizon), 7.0)


def test_a_forecast_object_of_ones_own(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, forecast=Constant(), horizon=3).unwrapped
    env.reset(seed=0)
    assert env.outlook()["price_per_mwh"].tolist() == [7.0] * 3


def test_broken_forecasts_are_refused(series: pd.DataFrame) -> None:
    class Short(Constant):
        def rows(self, feed: Any, column: str, first: int, stop: int, horizon: int) -> np.ndarray:
            return np.zeros((stop - first, horizon + 1))

    class Missing(Constant):
        def rows(self, feed: Any, column: str, first: int, stop: int, horizon: int) -> np.ndarray:
            return np.full((stop - first, horizon), np.nan)

    for forecast in (Short(), Missing(), object(), 5):
        with pytest.raises(ConfigurationError):
            gym.make(ID, data=series, forecast=forecast).reset()
    with pytest.raises(UnknownIdError, match="did you mean 'perfect'"):
        gym.make(ID, data=series, forecast="perfekt")
    assert set(forecast_ids()) >= {"perfect", "published", "yesterday"}
