"""Plans for a fleet on a forecast: what the programme promises is what the step pays, and it is close to the best."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym.agents.expecting import expected_units
from energy_gym.entities import Battery
from energy_gym.oracle.milp import play_unit
from energy_gym.oracle.statement import Goal
from energy_gym.reserve import Fleet, Reserve, Trade
from energy_gym.reserve.dispatch import DISPATCHES
from energy_gym.reserve.oracle import best_of_fleet
from energy_gym.reserve.planning import _Programme, fits, planned

ID = "energy_gym/FleetReserve-v1"


def at_random(seed: int, horizon: int = 12, **keywords: Any) -> tuple[Any, list[float], Goal]:
    """Return the fleet as it is expected at a random moment, with its assets charged at random."""
    env = gym.make(ID, horizon=horizon, **keywords).unwrapped
    env.reset(seed=seed)
    unit = expected_units(env, horizon)[0]
    random = np.random.default_rng(seed)
    states = list(env.states)
    for place, asset in enumerate(unit.assets):
        states[place] = float(random.uniform(asset.cell.energy_min, asset.cell.energy_max))
    return unit, states, Goal(env.setup.weights, env.setup.continuation[0])


def promised(unit: Any, goal: Goal, value: float) -> float:
    """Return what a programme's value is as a return: energy counts from the starting level."""
    money, carbon, _ = goal.weights
    end = (money * goal.closing.left + carbon * goal.closing.left_carbon) / 1000.0
    return value - end * float(sum(item.initial for item in unit.flexibles))


@pytest.mark.parametrize("fleet", ["synthetic", "delivered"])
@pytest.mark.parametrize("objective", ["cost", "joint"])
@pytest.mark.parametrize("seed", range(3))
def test_the_step_pays_what_the_programme_promises(fleet: str, objective: str, seed: int) -> None:
    carbon = {"objective": objective, "carbon_price": 80.0} if objective == "joint" else {}
    unit, states, goal = at_random(seed, fleet=fleet, **carbon)
    assert fits(unit, states, goal)
    everyone = range(len(unit.assets))
    programme = _Programme(unit, states, goal, everyone)
    up = (np.arange(len(unit)) % 2).astype(float)
    found = programme.solve(up, up)
    wishes = np.zeros((len(unit), unit.controls))
    for leg, share in zip(unit.legs, programme.shares(found), strict=True):
        wishes[:, leg.control] += leg.sign * share
    assert play_unit(unit, states, goal, wishes) == pytest.approx(promised(unit, goal, found.value), rel=1e-6, abs=1e-6)
    assert found.value <= programme.solve(0.0 * up, 0.0 * up + 1.0).value + 1e-6


@pytest.mark.parametrize("fleet", ["synthetic", "delivered"])
@pytest.mark.parametrize("seed", range(3))
def test_close_to_the_best_directions_of_all(fleet: str, seed: int) -> None:
    unit, states, goal = at_random(seed, horizon=6, fleet=fleet)
    everyone = range(len(unit.assets))
    programme = _Programme(unit, states, goal, everyone)
    ways = [np.array(way) for way in itertools.product((0.0, 1.0), repeat=6)]
    best = max(programme.solve(way, way).value for way in ways)
    wishes = np.zeros((6, unit.controls))
    for leg, share in zip(unit.legs, planned(unit, states, goal, everyone), strict=True):
        wishes[:, leg.control] += leg.sign * share
    found = play_unit(unit, states, goal, wishes)
    nothing = play_unit(unit, states, goal, np.zeros((6, unit.controls)))
    assert found - nothing >= 0.95 * (promised(unit, goal, best) - nothing)


def test_a_fleet_of_empty_and_full_assets_does_not_wait_for_the_emptiest() -> None:
    unit, states, goal = at_random(1)
    for place, asset in enumerate(unit.assets):
        states[place] = asset.cell.energy_max if place % 2 else asset.cell.energy_min
    best = best_of_fleet(unit, states, goal, None, None)
    first = play_unit(unit.window(0, 1), states, goal, best.wishes[:1])
    nothing = play_unit(unit.window(0, 1), states, goal, 0.0 * best.wishes[:1])
    assert first > nothing + 1.0


def test_assets_that_are_bid_for_one_by_one_are_planned_one_by_one() -> None:
    unit, states, goal = at_random(1)
    alone = replace(unit, dispatch=DISPATCHES["direct"])
    together = play_unit(unit, states, goal, best_of_fleet(unit, states, goal, None, None).wishes)
    apart = best_of_fleet(alone, states, goal, None, None)
    assert apart.wishes.shape == (12, 20)
    assert play_unit(alone, states, goal, apart.wishes) > together


@pytest.mark.parametrize(
    ("battery", "minimum_kw"),
    [(Battery(200.0, 100.0, 100.0), 80.0), (Battery(200.0, 100.0, 100.0, self_discharge_per_day=0.1), 0.0)],
    ids=["smallest-bid", "leaking"],
)
def test_what_does_not_fit_is_searched(battery: Battery, minimum_kw: float) -> None:
    market = Reserve("up", "fast_up_per_mw_h", "up", (100.0,), minimum_kw=minimum_kw)
    fleet = Fleet("one", {"a": battery}, (market, Trade("spot", "price_per_mwh", (100.0,))))
    unit, states, goal = at_random(0, fleet=fleet)
    assert not fits(unit, states, goal)
    best = best_of_fleet(unit, states, goal, None, None)
    assert "MILP" in best.method
    assert play_unit(unit, states, goal, best.wishes) >= play_unit(unit, states, goal, 0.0 * best.wishes)


def test_levels_are_those_of_the_action() -> None:
    unit, states, goal = at_random(2)
    levels = (-1.0, 0.0, 1.0)
    best = best_of_fleet(unit, states, goal, levels, None)
    assert set(np.unique(best.wishes)) <= set(levels)
    assert (np.abs(best.wishes - best_of_fleet(unit, states, goal, None, None).wishes) <= 0.5 + 1e-9).all()


def test_an_asset_above_its_limit_may_still_give() -> None:
    unit, states, goal = at_random(3)
    states[0] = unit.assets[0].cell.energy_max + 10.0
    shares = planned(unit, states, goal, range(len(unit.assets)))
    assert shares.shape == (len(unit.legs), 12)
    assert ((shares >= 0.0) & (shares <= 1.0)).all()
