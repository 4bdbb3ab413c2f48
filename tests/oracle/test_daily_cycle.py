"""A year of New York's day-ahead prices with one cycle a day, against a published figure and its independent reading.

The case: 100 kW and 200 kWh, 0.85 on charging, from 1 May 2019 12:00 to 30 April 2020 11:00 local, planned each noon
over 36 hours of known prices, at most 200 kWh given out in the first 24 hours of each plan. Published: 962.98 USD
(revenue 2354.66, cost 1391.68). The same rules read independently, as a linear programme of SciPy: 967.17 (2357.67,
1390.51).

The published figure lies between that reading and one that allows no 24 hours in a row more than 200 kWh (961.43); no
reading tried gives it to the cent: 200 kWh in all 36 hours 441.15, by calendar day 973.61, each plan ending half full
967.17.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario
from energy_gym.backends import scalars
from energy_gym.contracts import Spot
from energy_gym.dynamics import STATES, Course, play
from energy_gym.entities import LimitedBattery
from energy_gym.envs.env import EnergyEnv
from energy_gym.oracle.model import ArrayModel
from energy_gym.oracle.solve import best_of_unit
from energy_gym.oracle.statement import Goal, state_unit

ZONE = "America/New_York"
FIGURES: dict[str, Any] = {
    "capacity_kwh": 200.0,
    "charge_kw": 100.0,
    "discharge_kw": 100.0,
    "efficiency_charge": 0.85,
    "efficiency_discharge": 1.0,
    "soc_min": 0.0,
    "soc_max": 1.0,
    "soc_initial": 0.5,
}


@pytest.fixture(scope="module")
def prices(real_data: Path) -> pd.DataFrame:
    raw = pd.read_csv(real_data / "nyiso-rt" / "DAP_NYC_2015_2021.csv")
    index = pd.DatetimeIndex(pd.to_datetime(raw["Time Stamp"], utc=True)).tz_convert(ZONE)
    frame = pd.DataFrame({"price_per_mwh": raw["LBMP ($/MWHr)"].to_numpy()}, index)
    return frame.loc["2019-05-01 12:00":"2020-05-02 11:00"]  # type: ignore[misc]


def at_noon(prices: pd.DataFrame, battery: Battery) -> tuple[EnergyEnv, list[int]]:
    scenario = Scenario("nyc", {"battery": battery}, {"spot": Spot()})
    env = EnergyEnv(
        data=prices, scenario=scenario, split="all", terminal="free", episode_steps=None, zone=ZONE,
        published={"price_per_mwh": "always"},
    )  # fmt: skip
    local = prices.index.tz_convert(ZONE)  # type: ignore[attr-defined]
    return env, np.flatnonzero((local.hour == 12) & (local < pd.Timestamp("2020-04-30", tz=ZONE))).tolist()


def limited_in_the_first_day(env: EnergyEnv, first: int, day: int, stored: float) -> Any:
    """Return the flows of a plan of 36 hours with at most 200 kWh given out in its first ``day`` steps."""
    unit = env.setup.units[0].window(first, first + 36)
    model = ArrayModel(36, likely=unit.buy < 0.0)
    plan = state_unit(model, unit, (stored,), Goal(env.setup.weights, env.setup.closings[0]))
    so_far = model.variable(0.0, np.inf)
    model.equal(so_far, model.previous(so_far, 0.0) + plan.given[0])
    model.at_most(so_far[np.array([day - 1])], 200.0)
    columns = model.solve().columns
    return plan.drawn[0].value(columns)[:day] - plan.given[0].value(columns)[:day]


def test_the_independent_reading_comes_out_to_the_cent(prices: pd.DataFrame) -> None:
    env, noons = at_noon(prices, Battery(**FIGURES))
    price = prices["price_per_mwh"].to_numpy() / 1000.0
    stored, revenue, cost = 100.0, 0.0, 0.0
    for first, following in zip(noons, [*noons[1:], noons[-1] + 24], strict=True):
        flow = limited_in_the_first_day(env, first, following - first, stored)
        bought, sold = np.maximum(flow, 0.0), np.maximum(-flow, 0.0)
        stored += 0.85 * bought.sum() - sold.sum()
        revenue, cost = revenue + price[first:following] @ sold, cost + price[first:following] @ bought
    assert len(noons) == 365
    assert (round(revenue, 2), round(cost, 2), round(revenue - cost, 2)) == (2357.67, 1390.51, 967.17)


def test_a_cycle_a_day_that_holds_within_each_plan_too(prices: pd.DataFrame) -> None:
    """The suite's own limit also binds the 12 hours after the first day of a plan: 12 cents more, by SciPy as well."""
    env, noons = at_noon(prices, LimitedBattery(**FIGURES, cycles_per_day=1.0, day_begins=12.0))
    earned, states = 0.0, (100.0, 0.0)
    goal = Goal(env.setup.weights, env.setup.closings[0])
    for first, following in zip(noons, [*noons[1:], noons[-1] + 24], strict=True):
        unit = env.setup.units[0]
        best = best_of_unit(unit.window(first, first + 36), states, goal)
        day = unit.window(first, following)
        moves = list(play(Course([day], None, goal.weights), states, best.wishes[: len(day)], day.signals(), scalars))
        earned, states = earned + sum(move.gain for move in moves), moves[-1].flow[STATES]
    assert round(earned, 2) == 967.29
