"""No look-ahead: whatever was not known at a moment may be changed at will without changing anything before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym.agents import bidding
from energy_gym.agents.bid_stochastic import BidStochastic
from energy_gym.agents.mpc import MPC
from energy_gym.bidding.wrapper import OfferLevels
from energy_gym.contracts.market import Market
from energy_gym.contracts.market_presets import eu_day_ahead, india_day_ahead, india_real_time

ID = "energy_gym/Bidding-v1"
CASES = {
    "eu": ("Europe/Copenhagen", 60, 13, (eu_day_ahead(),), "dual"),
    "india": ("Asia/Kolkata", 15, 15, (india_day_ahead(), india_real_time()), "single"),
}


def corrupted(data: pd.DataFrame, now: pd.Timestamp, zone: str, hour: int) -> pd.DataFrame:
    """Return the data with every value replaced that is not public at ``now``."""
    random, changed = np.random.default_rng(9), data.copy()
    for column in data:
        hidden = data.index >= now
        if column == "price_per_mwh" or column.startswith("forecast_"):
            published = hour if column == "price_per_mwh" else 12
            hidden = np.array([release(stamp, zone, published) > now for stamp in data.index])
        noise = random.normal(0.0, 3000.0, int(hidden.sum()))
        changed.loc[hidden, column] = noise if column.endswith("_mwh") else np.abs(noise)
    return changed


def release(stamp: pd.Timestamp, zone: str, hour: int) -> pd.Timestamp:
    day = stamp.tz_convert(zone).date() - timedelta(days=1)
    return pd.Timestamp(year=day.year, month=day.month, day=day.day, hour=hour, tz=ZoneInfo(zone))


def trail(env: Any, start: Any, moments: int, agent: Any = None) -> list[Any]:
    """Play; return all that was seen up to the observation of step ``moments`` and what the agent then did."""
    observation, info = env.reset(seed=0, options={"start": start, "steps": moments + 60})
    random, seen = np.random.default_rng(2), [observation.tobytes()]
    for _ in range(moments):
        shape = env.action_space.shape
        action = agent.act(observation, info) if agent else random.uniform(-1.0, 1.0, shape)
        observation, reward, _, _, info = env.step(action)
        told = {name: value for name, value in info.items() if name != "due"}
        seen += [np.asarray(action).tobytes(), observation.tobytes(), reward, told, info["due"].tobytes()]
    rows = {column: row.tobytes() for column, row in env.unwrapped.outlook().items()}
    return [*seen, rows, np.asarray(agent.act(observation, info)).tobytes() if agent else None]


@pytest.mark.parametrize("bids", ["volume", "price-volume"])
@pytest.mark.parametrize("case", CASES)
def test_nothing_seen_depends_on_the_unknown(producers: Any, case: str, bids: str) -> None:
    zone, minutes, hour, markets, penalty = CASES[case]
    per_day = 1440 // minutes
    data = producers.series(6 * per_day, minutes=minutes, start="2024-03-29", zone=zone)
    chosen = producers.scenario(producers.PENALTIES[penalty], markets, bids=bids)
    keywords = {"scenario": chosen, "reference": data}
    env = gym.make(ID, data=data, **keywords)
    start = data.index[per_day + per_day // 3]
    steps = [0, 1, 2, *(round(hours * 60 / minutes) for hours in (3, 4, 5, 6, 7, 16, 28, 30))]
    for moment in steps:
        now = start + moment * pd.Timedelta(minutes=minutes)
        other = gym.make(ID, data=corrupted(data, now, zone, hour), **keywords)
        assert trail(env, start, moment) == trail(other, start, moment), now


@pytest.mark.parametrize("zone", ["UTC", "Europe/Copenhagen"])
def test_a_users_frame_follows_the_markets_clock(producers: Any, zone: str) -> None:
    data = producers.series(144, start="2024-07-01", zone=zone)
    chosen = producers.scenario(producers.PENALTIES["dual"], (eu_day_ahead(),))
    env, start = gym.make(ID, data=data, scenario=chosen), data.index[34]
    for moment in (0, 1, 2, 3, 14):
        now = start + moment * pd.Timedelta(hours=1)
        other = gym.make(ID, data=corrupted(data, now, "Europe/Copenhagen", 13), scenario=chosen)
        assert trail(env, start, moment) == trail(other, start, moment), now


@pytest.mark.parametrize("kind", [bidding.BidForecast, bidding.BidGreedy, bidding.BidSplit, MPC, BidStochastic])
@pytest.mark.parametrize("case", CASES)
def test_agents_do_the_same_whatever_they_cannot_know(producers: Any, case: str, kind: Any) -> None:
    zone, minutes, hour, markets, penalty = CASES[case]
    per_day = 1440 // minutes
    data = producers.series(5 * per_day, minutes=minutes, start="2024-05-01", zone=zone)
    keywords = {"scenario": producers.scenario(producers.PENALTIES[penalty], markets), "reference": data}
    env, start = gym.make(ID, data=data, **keywords), data.index[per_day + per_day // 2]
    for moment in (0, 2, round(2.5 * 60 / minutes), 14 * 60 // minutes):
        now = start + moment * pd.Timedelta(minutes=minutes)
        other = gym.make(ID, data=corrupted(data, now, zone, hour), **keywords)
        assert trail(env, start, moment, kind(env)) == trail(other, start, moment, kind(other))


def test_a_choice_means_the_same_whatever_is_not_known(producers: Any) -> None:
    data = producers.series(144, start="2024-07-01", zone="Europe/Copenhagen")
    chosen = producers.scenario(producers.PENALTIES["dual"], (eu_day_ahead(),))
    start, made = data.index[36], []
    for frame in (data, corrupted(data, start, "Europe/Copenhagen", 13)):
        env = OfferLevels(gym.make(ID, data=frame, scenario=chosen, reference=data))
        env.reset(options={"start": start, "steps": 48})
        made.append(env.action(2))
    assert (made[0] == made[1]).all() and made[0][2:].any()


def test_the_test_can_fail_on_a_perfect_forecast(producers: Any) -> None:
    data = producers.series(144, start="2024-07-01", zone="Europe/Copenhagen")
    keywords = {"scenario": producers.scenario(producers.PENALTIES["dual"]), "reference": data, "forecast": "perfect"}
    start = data.index[34]
    seen = [
        trail(gym.make(ID, data=frame, **keywords), start, 0)
        for frame in (data, corrupted(data, start, "Europe/Copenhagen", 13))
    ]
    assert seen[0] != seen[1]


def test_no_price_is_known_before_the_last_gate_it_is_bid_at(producers: Any) -> None:
    """Two auctions for one price, the later one listed first; and a day-ahead price that is bid for hour by hour."""
    late, early = (Market(name, deadline=f"0 {hour} * * *", zone="UTC") for name, hour in (("late", 16), ("early", 9)))
    for markets in ((late, early), (early, late)):
        chosen = producers.scenario(producers.PENALTIES["linear"], markets)
        feed = gym.make(ID, data=producers.series(144), scenario=chosen).unwrapped.setup.feed
        assert feed.published["price_per_mwh"] == "day-ahead 17:00"
    hourly = producers.hourly_market("Europe/Copenhagen")
    for markets in ((hourly,), (eu_day_ahead("Europe/Copenhagen"), hourly)):
        chosen = producers.scenario(producers.PENALTIES["linear"], markets)
        feed = gym.make(ID, dataset="synthetic-dk2", scenario=chosen).unwrapped.setup.feed
        assert feed.published["price_per_mwh"] == "after"
    sold = producers.scenario(producers.PENALTIES["linear"], (eu_day_ahead("Europe/Copenhagen"),))
    feed = gym.make(ID, dataset="synthetic-dk2", scenario=sold).unwrapped.setup.feed
    assert feed.published["price_per_mwh"].startswith("day-ahead 1")
