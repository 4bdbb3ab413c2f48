"""A user's CSV: what it says is used once it was made, and a file with a fault is refused by name."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym.data.feed import Feed, open_feed
from energy_gym.errors import (
    DataError,
    DuplicateStampError,
    EnergyGymError,
    MissingColumnError,
    NaiveIndexError,
    NonFiniteError,
)
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


def test_two_issues_between_the_same_steps(tmp_path: Path, feed: Feed) -> None:
    lines = [("2024-07-02T09:50Z", 2.0), ("2024-07-02T09:10Z", 1.0)]
    table = pd.DataFrame(
        [(made, "2024-07-02T12:00Z", value) for made, value in lines], columns=["issued", "time", PRICE]
    )
    rows = written(tmp_path, table).rows(feed, PRICE, 33, 36, 6)
    assert (rows[0, 3], rows[1, 2], rows[2, 1]) == (12.5, 2.0, 2.0)


def test_order_zone_and_gaps_of_the_lines_do_not_matter(tmp_path: Path, feed: Feed) -> None:
    table = pd.DataFrame({"time": feed.times.astype(str), PRICE: np.arange(STEPS) + 1000.0})
    plain = written(tmp_path, table).rows(feed, PRICE, 0, STEPS + 1, 30)
    table["time"] = feed.times.tz_convert("Asia/Kolkata").astype(str)
    shuffled = written(tmp_path, table.sample(frac=1.0, random_state=1)).rows(feed, PRICE, 0, STEPS + 1, 30)
    np.testing.assert_array_equal(shuffled, plain)
    gaps = written(tmp_path, table.drop(index=[50, 51])).rows(feed, PRICE, 0, STEPS + 1, 30)
    usual = Yesterday().rows(feed, PRICE, 0, STEPS + 1, 30)
    missing = np.isin(np.arange(STEPS + 1)[:, None] + np.arange(30), [50, 51])
    np.testing.assert_array_equal(gaps[~missing], plain[~missing])
    np.testing.assert_array_equal(gaps[missing], usual[missing])


def test_nothing_that_comes_later_is_seen(tmp_path: Path, feed: Feed) -> None:
    """Values, lines issued later and lines announced later may change at will."""
    random = np.random.default_rng(3)
    issued = [(made, made + lead) for made in range(0, STEPS, 7) for lead in range(20) if made + lead < STEPS]
    table = pd.DataFrame(issued, columns=["issued", "time"]).assign(**{PRICE: random.normal(0.0, 9.0, len(issued))})
    plain = pd.DataFrame({"time": np.arange(STEPS), PRICE: random.normal(0.0, 9.0, STEPS)})
    for now in (20, 21, 35, 36, 59, 60):
        changed = data()
        changed.iloc[now:] = -4000.0
        other = open_feed(None, changed, "all")
        until = (now // 24 + (2 if now % 24 >= 12 else 1)) * 24
        for lines, hidden in ((table, table["issued"] > now), (plain, plain["time"] >= until)):
            seen = stamped(lines, feed), stamped(lines.assign(**{PRICE: lines[PRICE].where(~hidden, 7e3)}), feed)
            rows = [
                written(tmp_path, each).rows(it, PRICE, 0, STEPS, 30)
                for each, it in zip(seen, (feed, other), strict=True)
            ]
            np.testing.assert_array_equal(rows[0][: now + 1], rows[1][: now + 1])
            assert (rows[0][-1] != rows[1][-1]).any(), "the test can fail"


def stamped(lines: pd.DataFrame, feed: Feed) -> pd.DataFrame:
    """Return lines with stamps in place of positions."""
    names = [name for name in ("issued", "time") if name in lines]
    return lines.assign(**{name: feed.times[lines[name]].strftime("%Y-%m-%dT%H:%M%z") for name in names})


def test_a_file_works_in_make(tmp_path: Path) -> None:
    table = pd.DataFrame({"time": data().index.astype(str), PRICE: 7.0})
    env = gym.make("energy_gym/Arbitrage-v1", data=data(), forecast=written(tmp_path, table), horizon=6).unwrapped
    env.reset(options={"start": "2024-07-03T14:00Z", "steps": 5})
    assert env.outlook()[PRICE].tolist() == [7.0] * 6


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        ("time,price_per_mwh\n2024-07-01T00:00,1\n", NaiveIndexError, "without an offset"),
        ("time,price_per_mwh\n2024-07-01T00:30Z,1\n", DataError, "no start of a step"),
        ("time,price_per_mwh\nyesterday-ish,1\n", DataError, "line 2: time 'yesterday-ish': is no time stamp"),
        ("time,price_per_mwh\n2024-07-01T00:00Z,1\n,2\n", DataError, "line 3"),
        ("time,price_per_mwh\n2024-07-01T00:00Z,1\n2024-07-01T02:00+02:00,2\n", DuplicateStampError, "line 3.*twice"),
        (
            "issued,time,price_per_mwh\n" + 2 * "2024-07-01T00:00Z,2024-07-01T05:00Z,1\n",
            DuplicateStampError,
            "twice for the same 'issued'",
        ),
        ("time,price_per_mwh\n2019-07-01T00:00Z,1\n", DataError, "holds nothing of them: the data are from 2024-07-01"),
        ("time,price_per_mwh\n", DataError, "no lines"),
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


@pytest.mark.parametrize("seed", range(5))
def test_a_newer_issue_of_few_steps_leaves_the_others_to_the_older(seed: int, tmp_path: Path, feed: Feed) -> None:
    """Each step is believed as it was said last, whatever else the issue that said it covers."""
    random = np.random.default_rng(seed)
    issued = [
        (made, made + lead)
        for made in sorted(random.choice(STEPS - 30, 6, replace=False).tolist())
        for lead in random.choice(30, int(random.integers(1, 30)), replace=False).tolist()
    ]
    table = pd.DataFrame(issued, columns=["issued", "time"]).assign(**{PRICE: random.normal(0.0, 9.0, len(issued))})
    rows = written(tmp_path, stamped(table, feed)).rows(feed, PRICE, 0, STEPS, 12)
    before = Yesterday().rows(feed, PRICE, 0, STEPS, 12)
    for now in random.choice(STEPS, 20, replace=False).tolist():
        for lead in range(12):
            said = table[(table["issued"] <= now) & (table["time"] == now + lead)].sort_values("issued")
            expected = said[PRICE].iloc[-1] if len(said) else before[now, lead]
            assert rows[now, lead] == pytest.approx(expected, abs=1e-12), (now, lead)
