"""A user's CSV: what it says is used once it was made, and a file with a fault is refused by name."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym.data.feed import Feed, open_feed
from energy_gym.errors import DataError, EnergyGymError, MissingColumnError, NaiveIndexError, NonFiniteError
from energy_gym.forecast import FromCSV, Yesterday

PRICE = "price_per_mwh"
STEPS = 120


def data() -> pd.DataFrame:
    index = pd.date_range("2024-07-01", periods=STEPS, freq="h", tz="UTC")
    return pd.DataFrame({PRICE: np.arange(STEPS) + 0.5}, index)


@pytest.fixture
def feed() -> Feed:
    return open_feed(None, data(), "all")


def written(path: Path, table: pd.DataFrame) -> FromCSV:
    table.to_csv(path / "forecast.csv", index=False)
    return FromCSV(path / "forecast.csv")


def test_one_value_a_step_is_known_by_its_rule(tmp_path: Path, feed: Feed) -> None:
    times = feed.times[24:96]
    forecast = written(tmp_path, pd.DataFrame({"time": times.astype(str), PRICE: np.arange(24, 96) + 1000.0}))
    rows, usual = (made.rows(feed, PRICE, 0, STEPS, 30) for made in (forecast, Yesterday()))
    for row in range(STEPS):
        until = (row // 24 + (2 if row % 24 >= 12 else 1)) * 24
        for lead in range(30):
            told = row + lead < min(until, 96) and row + lead >= 24
            assert rows[row, lead] == (row + lead + 1000.0 if told else usual[row, lead]), (row, lead)


def test_the_newest_forecast_made_by_then_is_used(tmp_path: Path, feed: Feed) -> None:
    lines = [(made, made + lead, 1000.0 * made + made + lead) for made in (30, 36, 50) for lead in range(10)]
    table = pd.DataFrame(lines, columns=["issued", "time", PRICE]).sample(frac=1.0, random_state=0)
    for name in ("issued", "time"):
        table[name] = feed.times[table[name]].strftime("%Y-%m-%dT%H:%M%z")
    rows, usual = (made.rows(feed, PRICE, 0, STEPS, 24) for made in (written(tmp_path, table), Yesterday()))
    for row in range(STEPS):
        made = max((each for each in (30, 36, 50) if each <= row), default=None)
        for lead in range(24):
            told = made is not None and row + lead < made + 10
            assert rows[row, lead] == (1000.0 * (made or 0) + row + lead if told else usual[row, lead]), (row, lead)


def test_a_file_works_in_make(tmp_path: Path) -> None:
    table = pd.DataFrame({"time": data().index.astype(str), PRICE: 7.0})
    env = gym.make("energy_gym/Arbitrage-v0", data=data(), forecast=written(tmp_path, table), horizon=6).unwrapped
    env.reset(options={"start": "2024-07-03T14:00Z", "steps": 5})
    assert env.outlook()[PRICE].tolist() == [7.0] * 6


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        ("time,price_per_mwh\n2024-07-01T00:00,1\n", NaiveIndexError, "without an offset"),
        ("time,price_per_mwh\n2024-07-01T00:30Z,1\n", DataError, "no start of a step"),
        ("time,price_per_mwh\nyesterday-ish,1\n", DataError, "no time stamp"),
        ("time,price\n2024-07-01T00:00Z,1\n", MissingColumnError, "found time, price"),
        ("when,price_per_mwh\n2024-07-01T00:00Z,1\n", MissingColumnError, "'time'"),
        ("time,price_per_mwh\n2024-07-01T00:00Z,1\n2024-07-01T01:00Z,\n", NonFiniteError, "line 3"),
        ("time,issued,price_per_mwh\n2024-07-01T00:00Z,2024-06-30,1\n", NaiveIndexError, "without an offset"),
        ("", DataError, "cannot be read"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, feed: Feed, content: str, error: type[EnergyGymError], told: str) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(error, match=told):
        FromCSV(path).rows(feed, PRICE, 0, 24, 24)
    with pytest.raises(DataError, match="cannot be read"):
        FromCSV(tmp_path / "nowhere.csv").rows(feed, PRICE, 0, 24, 24)
