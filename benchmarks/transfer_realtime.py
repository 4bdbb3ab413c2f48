"""The matrix of `transfer.py` at a running price of 5 minutes: New York's zones, and two of Australia's as targets.

A network is cloned on a zone from `sdp`, which learnt the zone's errors from three years. In another zone it goes on
from hindsight, the optimum of the last local days: `sdp` cannot be fitted to so few, and of days that are over all is
known. Prices alone are observed, since Australia's come without a day-ahead price; a forecast is the mean by hour, and
forecasts and scales are those of the last 30 days before the test, of 8 in Australia, for all alike. How long and at
which rate a moved network goes on, a tenth of the usual one, was chosen on the last quarter of 2018, from NYC to WEST.

One rule: the store, the actions and the slots observed are the same everywhere, or no network could be moved.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import gymnasium as gym
import pandas as pd
from realtime import YEAR, ZONES, prices
from transfer_kept import SCRATCH, Untested

import energy_gym
from energy_gym import Battery
from energy_gym.agents.actor import Actor
from energy_gym.agents.cloning import BC
from energy_gym.agents.records.experts import record_expert

REGIONS = {"NSW": "nem-nsw1", "QLD": "nem-qld1"}
TARGETS = (*ZONES, *REGIONS)
BATCHES, LOCAL_BATCHES, LOCAL_RATE = 4000, 100, 3e-4
FIRST, SCALED_DAYS, DAY, WEEK, WEEKS = 2016, 30, 288, 2016, 16
STORE = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01)
STEP = pd.Timedelta(minutes=5)
PUBLISHED = {"price_per_mwh": "at-start"}


class Moved(Untested, BC):
    """A clone that is taken as it is when its training ends."""


@cache
def series(place: str) -> tuple[pd.DataFrame, pd.Timestamp, pd.Timestamp]:
    """Return the prices of a place, and where its test begins and ends: a year in New York, six days in Australia."""
    if place in ZONES:
        frame, zone, begin, end = prices(place, FIRST), "Etc/GMT+5", f"{YEAR}-01-01", f"{YEAR + 1}-01-01"
    else:
        frame, zone, begin, end = energy_gym.load(REGIONS[place]).frame, "Etc/GMT-10", "2025-12-29", "2026-01-04"
    return frame[["price_per_mwh"]].tz_convert(zone), pd.Timestamp(begin, tz=zone), pd.Timestamp(end, tz=zone)


def market(place: str, days: int | None = None) -> Any:
    """Return the test of a place, with the days before it to learn from; None: all there are."""
    frame, begin, end = series(place)
    first = frame.index[0] if days is None else max(begin - pd.Timedelta(days=days), frame.index[0])
    return gym.make(
        "energy_gym/Arbitrage-v1",
        data=frame[first : end - STEP],
        published=PUBLISHED,
        splits={"train": (str(first), str(begin)), "test": (str(begin), str(end))},
        split="test",
        battery=STORE,
        actions="discrete-3",
        forecast="mean",
        horizon=DAY // 2,
        lookahead="compact",
        episode_steps=None,
        disable_env_checker=True,
    ).unwrapped


@cache
def taught(place: str) -> Any:
    """Return what `sdp` advises in weeks of a zone's years."""
    weekly = market(place).variant(split="train", episode_steps=WEEK)
    return record_expert(weekly, policy="sdp", noise=0.3, episodes=WEEKS, seed=0, judged=False)


@cache
def hindsight(place: str, days: int) -> Any:
    """Return what would have been best on the last days before a test, each day by itself."""
    local = market(place, SCALED_DAYS).variant(split="train")
    last = local.setup.time(local.setup.steps - 1) + STEP
    daily = local.variant(period=(str(last - pd.Timedelta(days=days)), str(last)), episode_steps=DAY)
    return record_expert(daily, policy="oracle", noise=0.3, episodes=days, seed=0, judged=False)


@cache
def at_home(place: str, seed: int, batches: int) -> Actor:
    """Return the clone of a zone's `sdp`."""
    learnt = Moved(market(place), seed).fit(taught(place), budget=batches).actor
    assert learnt is not None
    return learnt


def played(case: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Return the case with the score of its agent on the target's test."""
    began, days, home = time.perf_counter(), case["days"], case["source"] != SCRATCH
    env = market(case["target"], SCALED_DAYS)
    agent = Moved(env, case["seed"], **({"learning_rate": LOCAL_RATE, **settings} if home else settings))
    if home:
        agent.adopt(at_home(case["source"], case["seed"], case["before"]))
    if days:
        agent.fit(hindsight(case["target"], days), budget=case["steps"])
    score = energy_gym.evaluate(agent, env, seed=0).score if home or days else 0.0
    return {**case, "score": score, "seconds": round(time.perf_counter() - began, 1)}


def days_before(target: str) -> int:
    """Return how many whole days of prices a target has before its test."""
    frame, begin, _ = series(target)
    return int((begin - frame.index[0]).days)
