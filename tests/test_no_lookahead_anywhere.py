"""Every id of the suite: what was not known at a moment may be changed at will without changing anything before it.

At a step k all values that nobody can know yet are replaced by noise. Observations, info, masks, rewards, and what an
agent does up to and including step k must stay the same, bit for bit, whatever the forecast (but a perfect one).
"""

from __future__ import annotations

import functools
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.contracts import Supply, Trading
from energy_gym.contracts.deviation import DualPrice
from energy_gym.contracts.market import Limits
from energy_gym.contracts.market_presets import eu_day_ahead
from energy_gym.entities import Consumer, PumpedHydro, Solar, Wind
from energy_gym.objective import Objective
from energy_gym.reserve import ActivationSeries, Fleet, RandomActivation, Reserve, Trade
from energy_gym.scenario import Scenario
from energy_gym.scenarios.registration import SCENARIOS

ZONE, BEGIN, STEPS = "Europe/Copenhagen", 58, 26
MOMENTS = (0, 1, 2, 3, 14, 25)
# With a forecast that knows less than what has been published, the past is all that tells it.
HISTORY = {"mean": 0}
KNOWN = {"price_per_mwh": 13, "up_per_mw_h": 24, "down_per_mw_h": 24}
"""Hour of the day before at which a column is published; 12 for forecasts, after the step for all others."""


def minutes_of(name: str) -> int:
    return 15 if name == "energy_gym/Commercial-v1" else 60


def frame(minutes: int) -> pd.DataFrame:
    """Return five days over the spring change of the clock."""
    random, steps = np.random.default_rng(3), 119 * 60 // minutes
    index = pd.date_range("2024-03-29", periods=steps, freq=f"{minutes}min", tz=ZONE)
    columns = {
        "price_per_mwh": random.normal(50.0, 40.0, steps),
        "balancing_up_per_mwh": random.normal(70.0, 40.0, steps),
        "balancing_down_per_mwh": random.normal(30.0, 40.0, steps),
        "carbon_g_per_kwh": random.uniform(50.0, 600.0, steps),
        "load_kw": random.uniform(1.0, 9.0, steps),
        "pv_kw": random.uniform(0.0, 6.0, steps),
        "wind_kw": random.uniform(0.0, 8.0, steps),
        "up_per_mw_h": random.uniform(0.0, 60.0, steps),
        "down_per_mw_h": random.uniform(0.0, 40.0, steps),
        "called_share": random.uniform(0.0, 1.0, steps),
    }
    for name in ("load_kw", "pv_kw", "wind_kw", "carbon_g_per_kwh"):
        columns[f"forecast_{name}"] = columns[name] * random.uniform(0.8, 1.2, steps)
    return pd.DataFrame(columns, index)


@functools.cache
def released(column: str, minutes: int) -> pd.DatetimeIndex:
    """Return when each value of a column becomes public."""
    stamps, hour = frame(minutes).index, 12 if column.startswith("forecast_") else KNOWN.get(column)
    if hour is None:
        return stamps + pd.Timedelta(minutes=minutes)
    days = [stamp.date() - timedelta(days=1 - hour // 24) for stamp in stamps]
    return pd.DatetimeIndex([datetime.combine(day, time(hour % 24), ZoneInfo(ZONE)) for day in days])


def corrupted(data: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Return the data with every value replaced that is not public at ``now``."""
    random, changed = np.random.default_rng(9), data.copy()
    minutes = round((data.index[1] - data.index[0]) / pd.Timedelta(minutes=1))
    for column in data:
        hidden = np.asarray(released(str(column), minutes) > now)
        noise = random.uniform(0.0, 1.0, int(hidden.sum()))
        changed.loc[hidden, column] = noise * (1.0 if column.endswith("_share") else 2000.0)
    return changed


def producer() -> Scenario:
    limits = Limits(tick_kw=0.5, maximum_kw=50.0)
    market = eu_day_ahead(ZONE)
    trading = Trading((type(market)("day_ahead", zone=ZONE, limits=limits),), DualPrice(), 20.0, 10.0)
    entities = {"solar": Solar(), "wind": Wind(), "storage": PumpedHydro(20.0, 4.0, 4.0), "consumer": Consumer()}
    contracts = {"trading": trading, "supply": Supply(60.0, 1.0, 8.0)}
    return Scenario("producer", entities, contracts, objective=Objective("joint"))


def fleet() -> Scenario:
    paid = {"energy_price": "balancing_up_per_mwh", "penalty_per_mwh": 100.0}
    called = {"up": ActivationSeries("called_share"), "down": RandomActivation(0.3)}
    products = [
        Reserve(way, f"{way}_per_mw_h", way, (4.0, 3.0), 0.5, activation=called[way], **paid)  # type: ignore[arg-type]
        for way in ("up", "down")
    ]
    return Fleet(
        batteries={"a": Battery(), "b": Battery(capacity_kwh=5.0)},
        markets=(*products, Trade("spot", "price_per_mwh", (3.0, 3.0))),
        objective=Objective("joint"),
    )


OWN: dict[str, dict[str, Any]] = {
    "energy_gym/Bidding-v1": {"scenario": producer()},
    "energy_gym/FleetReserve-v1": {"fleet": fleet()},
}


# Ids, and those of sites with a meter that batteries can follow.
PLAYED: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in SCENARIOS]
PLAYED += [
    (f"energy_gym/{name}-v1", {"control": "meter"}) for name in ("Microgrid", "HomeSolar", "Commercial", "Scenario")
]


def keywords(name: str, data: pd.DataFrame, forecast: str) -> dict[str, Any]:
    # A short look-ahead, so that no plan of a fleet is cut off by the clock.
    horizon = {} if name == "energy_gym/Bidding-v1" else {"horizon": 4}
    objective = {} if name in OWN else {"objective": "joint"}
    return {
        "forecast": forecast,
        "reference": data,
        "episode_steps": STEPS,
        "history": HISTORY.get(forecast, 3),
        **horizon,
        **objective,
        **OWN.get(name, {}),
    }


def trail(env: Any, moments: int, player: Any) -> list[Any]:
    """Play at random, every third step as the agent says; return all that was seen, and what the agent would do."""
    start = env.unwrapped.setup.feed.times[BEGIN]
    observation, info = env.reset(seed=0, options={"start": start, "steps": STEPS + 1})
    random, seen = np.random.default_rng(2), [observation.tobytes(), repr(info)]
    for step in range(moments):
        drawn = random.uniform(-1.0, 1.0, env.action_space.shape)
        action = drawn if player is None or step % 3 else player.act(observation, info)
        observation, reward, terminated, truncated, info = env.step(action)
        seen += [np.asarray(action).tobytes(), observation.tobytes(), reward, terminated, truncated, repr(info)]
    outlook = {column: row.tobytes() for column, row in env.unwrapped.outlook().items()}
    return [*seen, outlook, None if player is None else np.asarray(player.act(observation, info)).tobytes()]


@pytest.mark.parametrize("forecast", ["published", "yesterday", "mean"])
@pytest.mark.parametrize(("name", "more"), PLAYED)
def test_nothing_depends_on_what_is_not_known(name: str, more: dict[str, Any], forecast: str) -> None:
    data = frame(minutes_of(name))
    env = gym.make(name, data=data, **keywords(name, data, forecast), **more)
    for moment in MOMENTS:
        told = keywords(name, data, forecast) | more
        other = gym.make(name, data=corrupted(data, data.index[BEGIN + moment]), **told)
        asked = forecast == "published" and moment in (0, 3, 14)
        players = [make_agent("mpc", it) if asked else None for it in (env, other)]
        assert trail(env, moment, players[0]) == trail(other, moment, players[1]), moment


@pytest.mark.parametrize("forecast", ["published", "yesterday", "mean"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_compact_look_ahead_is_as_blind(name: str, forecast: str) -> None:
    data, brief = frame(minutes_of(name)), {"lookahead": "compact", "horizon": 30}
    told = keywords(name, data, forecast) | brief
    env = gym.make(name, data=data, **told)
    for moment in MOMENTS:
        other = gym.make(name, data=corrupted(data, data.index[BEGIN + moment]), **told)
        assert trail(env, moment, None) == trail(other, moment, None), moment
    knowing = [
        gym.make(name, data=it, **told | {"forecast": "perfect"}) for it in (data, corrupted(data, data.index[BEGIN]))
    ]
    assert trail(knowing[0], 0, None) != trail(knowing[1], 0, None)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_test_can_fail_on_a_perfect_forecast(name: str) -> None:
    data = frame(minutes_of(name))
    envs = [
        gym.make(name, data=it, **keywords(name, data, "perfect")) for it in (data, corrupted(data, data.index[BEGIN]))
    ]
    assert trail(envs[0], 0, None) != trail(envs[1], 0, None)


@pytest.mark.parametrize(("name", "more"), PLAYED)
def test_a_batch_is_as_blind(name: str, more: dict[str, Any]) -> None:
    data, seen = frame(minutes_of(name)), []
    for it in (data, corrupted(data, data.index[BEGIN + 5])):
        batch = energy_gym.make_vec(name, 2, data=it, **keywords(name, data, "published"), **more)
        start = [data.index[BEGIN], data.index[BEGIN + 1]]
        observations, info = batch.reset(seed=0, options={"start": start, "steps": STEPS})
        told = [observations.tobytes(), *(np.asarray(value).tobytes() for value in info.values())]
        for step in range(4):
            actions = np.random.default_rng(step).uniform(-1.0, 1.0, batch.action_space.shape)
            observations, gains, _, _, info = batch.step(actions)
            told += [observations.tobytes(), gains.tobytes(), *(np.asarray(value).tobytes() for value in info.values())]
        seen.append(told)
    assert seen[0] == seen[1]
