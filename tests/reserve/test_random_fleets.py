"""Fleets drawn from all that the package accepts, solved from a drawn step: replayed, proved, and held to Pyomo."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.contracts import Contract
from energy_gym.entities import ENTITIES
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.milp import play_unit
from energy_gym.oracle.pyomo_model import PyomoModel, solve_model
from energy_gym.oracle.statement import Goal
from energy_gym.reserve import (
    EmptyAt,
    ExpectedActivation,
    Fleet,
    FullActivation,
    NoActivation,
    RandomActivation,
    Reserve,
    Trade,
)
from energy_gym.reserve.statement import state_fleet

STEPS = 5
PRICES = ("a_per_mw_h", "b_per_mw_h", "c_per_mw_h")
CALLS = (
    FullActivation(),
    NoActivation(),
    ExpectedActivation(0.3),
    RandomActivation(0.4, 1.5, 0.2, 1.0),
    RandomActivation(0.5, 1.0, 1.0, 1.0),
)
OTHERS = [kind for kind, item in ENTITIES.items() if item.__module__.startswith("energy_gym.") and item is not Battery]
Random = np.random.Generator


def one_of(random: Random, *values: float) -> float:
    return float(random.choice(values))


def drawn_battery(random: Random) -> Battery:
    """Return a battery that may leak, wear, lose nothing, and start at a limit."""
    low, high = one_of(random, 0.0, 0.2), one_of(random, 0.9, 1.0)
    return Battery(
        capacity_kwh=random.uniform(100.0, 400.0),
        charge_kw=random.uniform(40.0, 200.0),
        discharge_kw=random.uniform(40.0, 200.0),
        efficiency_charge=one_of(random, 1.0, 0.85),
        efficiency_discharge=one_of(random, 1.0, 0.9),
        soc_min=low,
        soc_max=high,
        soc_initial=one_of(random, low, high, random.uniform(low, high)),
        self_discharge_per_day=one_of(random, 0.0, 0.3),
        wear_per_kwh=one_of(random, 0.0, 0.02),
    )


def drawn_powers(random: Random, assets: int, least: float = 0.0) -> tuple[float, ...]:
    """Return powers of which some are 0: the asset may not sell that; together they reach the smallest bid."""
    powers = random.uniform(20.0, 150.0, assets) * (random.random(assets) < 0.7)
    if powers.sum() <= least:
        powers[int(random.integers(assets))] = least + 50.0
    return tuple(powers.tolist())


def drawn_reserve(random: Random, place: int, assets: int) -> Reserve:
    tick, least = one_of(random, 0.0, 0.0, 20.0), one_of(random, 0.0, 0.0, 40.0)
    return Reserve(
        f"m{place}",
        PRICES[place],
        str(random.choice(["up", "down"])),
        drawn_powers(random, assets, max(tick, least)),
        duration_hours=one_of(random, 0.25, 0.5, 1.0, 1.5),
        minimum_kw=least,
        tick_kw=tick,
        activation=CALLS[int(random.integers(len(CALLS)))],
        energy_price=(None, "price_per_mwh")[int(random.integers(2))],
        penalty_per_mwh=one_of(random, 0.0, 150.0),
        penalty_factor=one_of(random, 0.0, 1.0),
        price_share=one_of(random, 1.0, 0.5),
        both_ways=bool(random.random() < 0.4),
    )


def drawn_fleet(random: Random) -> Scenario:
    assets = int(random.integers(1, 4))
    batteries = {f"b{place}": drawn_battery(random) for place in range(assets)}
    reserves = [drawn_reserve(random, place, assets) for place in range(int(random.integers(1, 4)))]
    markets: dict[str, Contract] = {market.name: market for market in reserves}
    if random.random() < 0.6:
        markets["spot"] = Trade("spot", "price_per_mwh", drawn_powers(random, assets))
    if random.random() < 0.4:
        markets["emptied"] = EmptyAt(one_of(random, 30.0, 400.0), hour=float(random.integers(STEPS + 1)))
    return Fleet(batteries=batteries, markets=markets)


def drawn_env(seed: int, random: Random, **keywords: Any) -> Any:
    """Return the environment of a drawn fleet, some steps into its episode."""
    fleet, index = drawn_fleet(random), pd.date_range("2024-01-01", periods=STEPS, freq="h", tz="UTC")
    columns = {name: random.uniform(-5.0, 60.0, STEPS) for name in PRICES}
    data = pd.DataFrame({**columns, "price_per_mwh": random.normal(40.0, 50.0, STEPS)}, index)
    terminal = str(random.choice(["settle", "free", "buyback"]))
    env = gym.make(
        "energy_gym/FleetReserve-v1",
        data=data,
        fleet=fleet,
        terminal=terminal,
        activation_seed=seed,
        episode_steps=None,
        **keywords,
    )
    env.reset(seed=seed)
    for _ in range(int(random.integers(3))):
        env.step(random.uniform(-1.0, 1.0, env.action_space.shape))
    return env


@pytest.mark.parametrize("seed", range(60))
def test_an_optimum_is_earned_proved_and_pyomos(seed: int) -> None:
    random = np.random.default_rng(seed)
    env = drawn_env(seed, random, dispatch="direct")
    solution = energy_gym.solve(env)
    setup, states, left = env.unwrapped.setup, env.unwrapped.states, len(solution.actions)
    unit, goal = setup.unit.window(STEPS - left, STEPS), Goal(setup.weights, setup.closings[0])
    model = PyomoModel(left)
    state_fleet(model, unit, states, goal)
    assert solution.exact, (solution.value, solution.bound)
    assert solve_model(model.finished()) == pytest.approx(solution.value, abs=1e-5)
    for _ in range(40):
        wishes = random.uniform(-1.0, 1.0, (left, setup.controls)) * random.choice([0.3, 1.0])
        assert play_unit(unit, states, goal, wishes) <= solution.bound + 1e-6
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("seed", range(60, 80))
@pytest.mark.parametrize("dispatch", ["proportional", "optimal"])
def test_bids_that_a_rule_dispatches_are_bracketed(seed: int, dispatch: str) -> None:
    env = drawn_env(seed, np.random.default_rng(seed), dispatch=dispatch)
    solution, physical = energy_gym.solve(env), energy_gym.solve(env, continuous=True)
    assert physical.exact
    assert solution.value <= physical.value + 1e-6
    assert solution.bound == pytest.approx(physical.bound, abs=1e-5)
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("kind", OTHERS)
def test_a_kind_that_a_fleet_would_not_play_is_refused(kind: str) -> None:
    """Nothing but a plain battery is taken, so that no law of an entity is left out without a word."""
    market = Reserve("up", "a_per_mw_h", "up", (5.0, 5.0))
    with pytest.raises(ConfigurationError, match=rf"contracts\.up .*'odd' is of kind '{kind}'"):
        Fleet(batteries={"plain": Battery(), "odd": ENTITIES[kind]()}, markets=[market])
