"""Reserves held both ways about a schedule: their range, what they deliver, and a store that is empty at an hour."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.contracts import Contract
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.statement import Goal
from energy_gym.reserve import EmptyAt, ExpectedActivation, Fleet, Reserve, Trade
from energy_gym.reserve.planning import fits, planned

PRICES = ("price_per_mwh", "up_per_mw_h", "down_per_mw_h")
KNOWN = dict.fromkeys(PRICES, "day-ahead 13:00")


def stack(battery: Battery | None = None, **more: Contract) -> Scenario:
    """Return a battery that trades and sells regulation about its schedule."""
    asset = battery or Battery(4000.0, 1000.0, 1000.0, 0.85, 1.0, soc_min=0.0, soc_max=1.0, soc_initial=0.5)
    up, down = (
        Reserve(
            way,
            f"{way}_per_mw_h",
            way,
            (2000.0,),
            activation=ExpectedActivation(share),
            energy_price="price_per_mwh",
            both_ways=True,
        )
        for way, share in (("up", 0.3), ("down", 0.15))
    )
    markets: dict[str, Contract] = {"spot": Trade("spot", "price_per_mwh", (1000.0,)), "up": up, "down": down, **more}
    return Fleet(batteries={"battery": asset}, markets=markets)


def env_of(fleet: Scenario, data: Any = None, steps: int = 4, begins: str = "2024-01-01", **keywords: Any) -> Any:
    index = pd.date_range(begins, periods=steps, freq="h", tz="UTC")
    frame = pd.DataFrame(data if data is not None else dict.fromkeys(PRICES, [40.0] * steps), index)
    given = {"published": KNOWN, "zone": "UTC", "terminal": "free", "episode_steps": None, **keywords}
    env = gym.make("energy_gym/FleetReserve-v1", fleet=fleet, data=frame, split="all", **given)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize(("bid", "traded", "up", "down"), [(0.6, 600.0, 400.0, 1600.0), (-0.6, 600.0, 1600.0, 400.0)])
def test_regulation_is_held_about_the_schedule(bid: float, traded: float, up: float, down: float) -> None:
    """A sale leaves less to give and more to take; a purchase the other way round; and 2000 kWh last an hour."""
    env = env_of(stack())
    _, _, _, _, info = env.step([-bid, 1.0, 1.0])  # a trade buys with bids above 0
    way = "spot.sell" if bid > 0.0 else "spot.buy"
    assert info[f"held_kw.{way}.battery"] == pytest.approx(traded)
    assert (info["held_kw.up.battery"], info["held_kw.down.battery"]) == pytest.approx((up, down))


def test_called_energy_moves_what_is_stored_each_way_with_its_losses() -> None:
    env = env_of(stack())
    _, reward, _, _, info = env.step([0.0, 0.5, 0.5])
    assert info["energy_kwh"] == pytest.approx(2000.0 - 300.0 + 0.85 * 150.0)
    assert info["grid_kw"] == pytest.approx(-150.0)
    assert reward == pytest.approx(40.0 + 40.0 + (300.0 - 150.0) * 0.04)


def test_what_one_way_brings_the_other_cannot_give_in_the_same_step() -> None:
    """An empty battery that buys holds nothing up, although energy comes in."""
    empty = Battery(4000.0, 1000.0, 1000.0, 0.85, 1.0, soc_min=0.0, soc_max=1.0, soc_initial=0.0)
    env = env_of(stack(empty))
    _, _, _, _, info = env.step([1.0, 1.0, 0.0])
    assert info["held_kw.up.battery"] == 0.0
    assert info["energy_kwh"] == pytest.approx(850.0)


def test_reserves_that_are_not_held_both_ways_still_cancel() -> None:
    fleet = stack()
    plain = {name: replace(fleet.contracts[name], both_ways=False) for name in ("up", "down")}
    env = env_of(replace(fleet, contracts={**fleet.contracts, **plain}))
    _, _, _, _, info = env.step([0.0, 0.25, 0.5])
    assert (info["held_kw.up.battery"], info["held_kw.down.battery"]) == pytest.approx((0.0, 500.0))


def test_what_is_left_at_the_hour_is_charged_and_a_dear_charge_is_avoided() -> None:
    data = {"price_per_mwh": [30.0, 50.0, 90.0, 20.0], "up_per_mw_h": [0.0] * 4, "down_per_mw_h": [0.0] * 4}
    fleet = stack(midnight=EmptyAt(500.0))
    env = env_of(fleet, data, begins="2024-01-01 22:00")
    for _ in range(2):
        _, _, _, _, info = env.step([0.0, 0.0, 0.0])
    assert info["penalty"] == pytest.approx(2000.0 * 0.5)
    env.reset(seed=0)
    plan = energy_gym.solve(env)
    assert plan.exact
    assert plan.table["energy_kwh"].to_numpy()[1] == pytest.approx(0.0, abs=1e-6)
    assert float(plan.table["penalty"].sum()) == pytest.approx(0.0, abs=1e-6)


def test_the_hour_is_local_and_falls_between_steps() -> None:
    times = pd.date_range("2024-03-30 21:00", periods=6, freq="h", tz="UTC")
    due = EmptyAt(1000.0, zone="Europe/Berlin").due(times, "UTC", 1.0)
    assert np.flatnonzero(due).tolist() == [1]
    assert np.flatnonzero(EmptyAt(1000.0, hour=4.0, zone="Europe/Berlin").due(times, "UTC", 1.0)).tolist() == [4]
    with pytest.raises(ConfigurationError, match=r"hour=0\.5 .*falls inside the step"):
        EmptyAt(1.0, hour=0.5).due(times, "UTC", 1.0)


def test_a_quick_plan_is_close_to_the_proven_one() -> None:
    random = np.random.default_rng(4)
    spread = {"price_per_mwh": random.uniform(10.0, 90.0, 24)}
    data = {**spread, **{name: random.uniform(0.0, 30.0, 24) for name in PRICES[1:]}}
    env = env_of(stack(midnight=EmptyAt(800.0)), data, steps=24)
    unit, states = env.unwrapped.setup.unit, env.unwrapped.states
    goal = Goal(env.unwrapped.setup.weights, env.unwrapped.setup.closings[0])
    assert fits(unit, states, goal)
    shares = planned(unit, states, goal, [0])
    bids = np.stack([shares[1] * -1.0 + shares[0], shares[2], shares[3]], axis=1)
    proven = energy_gym.solve(env)
    earned = sum(env.step(bid)[1] for bid in bids)
    assert proven.exact
    assert 0.97 * proven.value <= earned <= proven.value + 1e-6


def test_a_call_that_outlasts_what_is_held_is_met_about_the_schedule_too() -> None:
    """What is called down beside a sale goes beyond rated power; one who is paid to draw wants all of it."""
    data = {"price_per_mwh": [-40.0] * 2, "up_per_mw_h": [0.0] * 2, "down_per_mw_h": [30.0] * 2}
    fleet = stack()
    lasting = replace(fleet.contracts["down"], duration_hours=0.5, activation=ExpectedActivation(0.9))
    env = env_of(replace(fleet, contracts={**fleet.contracts, "down": lasting}), data, steps=2)
    plan = energy_gym.solve(env)
    earned = sum(env.step(bids)[1] for bids in ([-1.0, 0.0, 1.0], [0.0, 0.0, 1.0]))
    assert plan.value >= earned - 1e-6
    assert plan.bound >= earned - 1e-6


def test_a_number_names_bids_both_ways_once() -> None:
    env = env_of(stack(), actions="discrete-3")
    plans = [tuple(env.unwrapped.plan(number).items()) for number in range(env.action_space.n)]
    assert len(set(plans)) == len(plans) == 1 + 3 + 4 + 4
    assert (("spot", -1.0), ("up", 1.0), ("down", 1.0)) in plans


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"penalty_per_mwh": -1.0}, "must not be below zero"),
        ({"penalty_per_mwh": 1.0, "hour": 24.0}, r"must lie in \[0, 24\)"),
        ({"penalty_per_mwh": 1.0, "zone": "Mars"}, "is no known time zone"),
    ],
)
def test_a_charge_that_makes_no_sense_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        EmptyAt(**change)


def test_both_ways_is_a_flag_and_a_share_lies_within_one() -> None:
    with pytest.raises(ConfigurationError, match="both_ways=1"):
        Reserve("up", "up_per_mw_h", "up", (5.0,), both_ways=1)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"share=1\.2"):
        ExpectedActivation(1.2)


def test_a_target_without_a_market_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="sells to no market"):
        Fleet(batteries={"a": Battery()}, markets={"midnight": EmptyAt(5.0)})
