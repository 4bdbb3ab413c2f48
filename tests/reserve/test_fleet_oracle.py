"""The oracle of fleets against brute force, a full model in Pyomo, random play, and its own replay."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.agents import make_agent
from energy_gym.oracle.milp import play_unit
from energy_gym.oracle.pyomo_model import PyomoModel, solve_model
from energy_gym.oracle.statement import Goal
from energy_gym.reserve import Fleet, FullActivation, RandomActivation, Reserve, Trade
from energy_gym.reserve.statement import state_fleet

ID = "energy_gym/FleetReserve-v1"


def frame(columns: dict[str, Any]) -> pd.DataFrame:
    steps = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=pd.date_range("2024-01-01", periods=steps, freq="h", tz="UTC"))


def started(data: pd.DataFrame, fleet: Scenario, **keywords: Any) -> Any:
    env = gym.make(ID, data=data, fleet=fleet, **{"episode_steps": None, "dispatch": "direct", **keywords})
    env.reset(seed=0)
    return env


def replayed(env: Any, solution: Any) -> float:
    return float(sum(env.step(action)[1] for action in solution.actions))


def brute_force(env: Any, levels: tuple[float, ...]) -> float:
    """Return the best return of all sequences of levels, played through the environment's own step."""
    setup = env.unwrapped.setup
    goal, best = Goal(setup.weights, setup.closings[0]), -np.inf
    moves = list(itertools.product(levels, repeat=setup.controls))
    for plan in itertools.product(moves, repeat=setup.steps):
        best = max(best, play_unit(setup.unit, env.unwrapped.states, goal, np.array(plan)))
    return best


def one_asset(activation: Any, **more: Any) -> Scenario:
    """Return an asset whose best plans lie on halves: no loss, two hours of storage, half full."""
    return Fleet(
        batteries={"a": Battery(200.0, 100.0, 100.0, 1.0, 1.0, soc_min=0.0, soc_max=1.0, soc_initial=0.5)},
        markets=(
            Reserve("up", "up_per_mw_h", "up", (100.0,), activation=activation, **more),
            Reserve("down", "down_per_mw_h", "down", (50.0,), activation=activation, **more),
        ),
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("activation", "more"),
    [(FullActivation(), {}), (RandomActivation(0.5, 1.0, 1.0, 1.0), {"duration_hours": 0.5, "penalty_per_mwh": 90.0})],
    ids=["delivered", "called"],
)
def test_brute_force_finds_nothing_better(seed: int, activation: Any, more: dict[str, Any]) -> None:
    random = np.random.default_rng(seed)
    data = frame({name: random.uniform(-10.0, 60.0, 4) for name in ("up_per_mw_h", "down_per_mw_h", "price_per_mwh")})
    env = started(data, one_asset(activation, **more), activation_seed=seed)
    solution = energy_gym.solve(env)
    best = brute_force(env, (0.0, 0.5, 1.0))
    assert solution.exact
    assert solution.value == pytest.approx(best, abs=1e-6) if not more else solution.value >= best - 1e-6
    assert replayed(env, solution) == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("terminal", ["settle", "free", "buyback"])
def test_brute_force_of_two_assets_and_a_trade(terminal: str) -> None:
    batteries = {
        "a": Battery(100.0, 100.0, 100.0, 1.0, 1.0, 0.0, 1.0, 0.0),
        "b": Battery(100.0, 50.0, 50.0, 1.0, 1.0, 0.0, 1.0, 1.0),
    }
    fleet = Fleet(
        batteries=batteries,
        markets=(
            Reserve("up", "up_per_mw_h", "up", (0.0, 50.0)),
            Trade("spot", "price_per_mwh", (100.0, 0.0)),
        ),
    )
    data = frame({"up_per_mw_h": [20.0, 50.0, 5.0], "price_per_mwh": [10.0, -30.0, 70.0]})
    env = started(data, fleet, terminal=terminal)
    solution = energy_gym.solve(env)
    assert solution.exact
    moves = [(0.0, bid, trade, 0.0) for bid in (0.0, 1.0) for trade in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    setup = env.unwrapped.setup
    goal = Goal(setup.weights, setup.closings[0])
    plans = itertools.product(moves, repeat=3)
    best = max(play_unit(setup.unit, env.unwrapped.states, goal, np.array(plan)) for plan in plans)
    assert solution.value == pytest.approx(best, abs=1e-6)
    assert replayed(env, solution) == pytest.approx(solution.value, abs=1e-6)


def random_fleet(random: np.random.Generator, assets: int, leaking: bool, **more: Any) -> Scenario:
    batteries = {}
    for place in range(assets):
        low = float(random.uniform(0.0, 0.3))
        power = float(random.uniform(50.0, 200.0))
        batteries[f"b{place}"] = Battery(
            capacity_kwh=float(random.uniform(100.0, 400.0)),
            charge_kw=power,
            discharge_kw=float(random.uniform(50.0, 200.0)),
            efficiency_charge=float(random.uniform(0.8, 1.0)),
            efficiency_discharge=float(random.uniform(0.8, 1.0)),
            soc_min=low,
            soc_initial=float(random.uniform(low, 0.9)),
            self_discharge_per_day=0.3 if leaking else 0.0,
            wear_per_kwh=float(random.choice([0.0, 0.02])),
        )

    def powers() -> tuple[float, ...]:
        return tuple(float(power) for power in random.uniform(20.0, 150.0, assets))

    often = RandomActivation(0.4, 1.5, 0.2, 1.0)
    fined = {"energy_price": "price_per_mwh", "penalty_per_mwh": 150.0, "penalty_factor": 1.0}
    return Fleet(
        batteries=batteries,
        markets=(
            Reserve("fast", "up_per_mw_h", "up", powers(), 0.25, activation=often, **fined, **more),  # type: ignore[arg-type]
            Reserve("slow", "slow_per_mw_h", "up", powers(), 1.5, activation=often, **fined),  # type: ignore[arg-type]
            Reserve("down", "down_per_mw_h", "down", powers(), 0.5, activation=often, **fined),  # type: ignore[arg-type]
            Trade("spot", "price_per_mwh", powers()),
        ),
    )


def random_data(random: np.random.Generator, steps: int) -> pd.DataFrame:
    columns = {name: random.uniform(-5.0, 60.0, steps) for name in ("up_per_mw_h", "slow_per_mw_h", "down_per_mw_h")}
    return frame({**columns, "price_per_mwh": random.normal(40.0, 50.0, steps)})


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from(["settle", "free", "buyback"]))
def test_value_is_earned_is_the_bound_and_nothing_beats_it(seed: int, leaking: bool, terminal: str) -> None:
    random = np.random.default_rng(seed)
    env = started(random_data(random, 6), random_fleet(random, 2, leaking), terminal=terminal, activation_seed=seed)
    solution = energy_gym.solve(env)
    assert solution.exact, (solution.value, solution.bound)
    setup = env.unwrapped.setup
    goal = Goal(setup.weights, setup.closings[0])
    for _ in range(40):
        wishes = random.uniform(-1.0, 1.0, (6, setup.controls)) * random.choice([0.3, 1.0])
        assert play_unit(setup.unit, env.unwrapped.states, goal, wishes) <= solution.bound + 1e-6
    assert replayed(env, solution) == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "more",
    [{}, {"minimum_kw": 60.0}, {"tick_kw": 25.0}, {"minimum_kw": 60.0, "tick_kw": 20.0}],
    ids=["any size", "smallest bid", "ticks", "both"],
)
def test_pyomo_agrees(seed: int, more: dict[str, Any]) -> None:
    random = np.random.default_rng(seed)
    env = started(random_data(random, 5), random_fleet(random, 2, seed == 1, **more), activation_seed=seed)
    solution = energy_gym.solve(env)
    setup = env.unwrapped.setup
    model = PyomoModel(5)
    state_fleet(model, setup.unit, env.unwrapped.states, Goal(setup.weights, setup.closings[0]))
    assert solve_model(model.finished()) == pytest.approx(solution.value, abs=1e-5)
    assert solution.exact
    assert replayed(env, solution) == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("activation", [FullActivation(), RandomActivation(0.5, 1.0, 1.0, 1.0)], ids=["full", "called"])
def test_brute_force_of_two_assets_that_bid_in_ticks(activation: Any, seed: int) -> None:
    """Each asset alone is below the smallest bid: both must sell, and together whole ticks of 60 kW."""
    random = np.random.default_rng(seed)
    names = ("up_per_mw_h", "down_per_mw_h", "price_per_mwh")
    data = frame({name: random.uniform(-20.0, 60.0, 3) for name in names})
    cells = {name: Battery(180.0, 90.0, 90.0, 1.0, 1.0, 0.0, 1.0, 0.5) for name in "ab"}
    sizes: dict[str, Any] = {"activation": activation, "minimum_kw": 120.0, "tick_kw": 60.0}
    ways = (("up", (90.0, 60.0)), ("down", (60.0, 90.0)))
    fleet = Fleet(
        batteries=cells, markets=[Reserve(way, f"{way}_per_mw_h", way, powers, **sizes) for way, powers in ways]
    )
    env = started(data, fleet, terminal="free", activation_seed=seed)
    solution = energy_gym.solve(env)
    setup = env.unwrapped.setup
    goal = Goal(setup.weights, setup.closings[0])
    pairs = [(0.0, 0.0), (60.0, 60.0), (90.0, 30.0), (90.0, 60.0), (75.0, 45.0)]
    ups = [(one / 90.0, other / 60.0, 0.0, 0.0) for one, other in pairs]
    downs = [(0.0, 0.0, other / 60.0, one / 90.0) for one, other in pairs[1:]]
    plans = itertools.product([*ups, *downs], repeat=3)
    best = max(play_unit(setup.unit, env.unwrapped.states, goal, np.array(plan)) for plan in plans)
    assert solution.exact
    assert solution.value >= best - 1e-6
    assert best > 0.0
    assert replayed(env, solution) == pytest.approx(solution.value, abs=1e-6)
    for action in solution.actions:
        assert all(abs(sum(row) / 60.0 - round(sum(row) / 60.0)) < 1e-5 for row in by_market(action, fleet))


def by_market(action: Any, fleet: Scenario) -> list[list[float]]:
    count, markets = len(fleet.entities), fleet.contracts.values()
    return [
        [action[place * count + asset] * power for asset, power in enumerate(market.prequalified_kw)]
        for place, market in enumerate(markets)
        if isinstance(market, Reserve)
    ]


@pytest.mark.parametrize("dispatch", ["direct", "proportional"])
def test_nothing_beats_the_bound_of_bids_in_ticks(dispatch: str) -> None:
    random = np.random.default_rng(3)
    fleet = random_fleet(random, 2, False, minimum_kw=40.0, tick_kw=20.0)
    env = started(random_data(random, 6), fleet, dispatch=dispatch, activation_seed=3)
    solution = energy_gym.solve(env)
    setup = env.unwrapped.setup
    goal = Goal(setup.weights, setup.closings[0])
    for _ in range(200):
        wishes = random.uniform(-1.0, 1.0, (6, setup.controls)) * random.choice([0.3, 1.0])
        assert play_unit(setup.unit, env.unwrapped.states, goal, wishes) <= solution.bound + 1e-6
    assert solution.exact or dispatch == "proportional"
    assert 0.0 < solution.value == pytest.approx(replayed(env, solution), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_value_function_of_delivered_bids_is_the_milp(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(seed)
    fleet = random_fleet(random, 3, False)
    markets = {
        name: replace(item, activation=FullActivation(), duration_hours=1.0) if isinstance(item, Reserve) else item
        for name, item in fleet.contracts.items()
    }
    fleet = replace(fleet, contracts=markets)
    env = started(random_data(random, 10), fleet)
    exact = energy_gym.solve(env)
    monkeypatch.setattr("energy_gym.reserve.oracle.best_delivered", lambda *_: None)
    model = energy_gym.solve(env)
    assert exact.exact and model.exact
    assert exact.value == pytest.approx(model.value, abs=1e-5)


@pytest.mark.parametrize("dispatch", ["proportional", "optimal"])
@pytest.mark.parametrize("actions", ["continuous", "discrete-5"])
def test_dispatched_bids_are_bracketed_by_the_physical_optimum(dispatch: str, actions: str) -> None:
    random = np.random.default_rng(7)
    data, fleet = random_data(random, 6), random_fleet(random, 2, False)
    env = started(data, fleet, dispatch=dispatch, actions=actions)
    own, physical = energy_gym.solve(env), energy_gym.solve(env, continuous=True)
    assert 0.0 < own.value <= own.bound
    assert own.bound == pytest.approx(physical.bound, abs=1e-5)
    assert physical.exact
    assert replayed(env, own) == pytest.approx(own.value, abs=1e-6)
    assert replayed(started(data, fleet), physical) == pytest.approx(physical.value, abs=1e-6)


def test_one_asset_makes_its_own_bids_exact() -> None:
    random = np.random.default_rng(1)
    env = started(random_data(random, 8), random_fleet(random, 1, False), dispatch="proportional")
    solution = energy_gym.solve(env)
    assert solution.exact
    assert replayed(env, solution) == pytest.approx(solution.value, abs=1e-6)


def test_the_table_shows_the_plan() -> None:
    random = np.random.default_rng(2)
    env = started(random_data(random, 6), random_fleet(random, 2, False))
    solution = energy_gym.solve(env)
    table = solution.table
    assert table["reward"].sum() == pytest.approx(solution.value, abs=1e-9)
    for (_, row), action in zip(table.iterrows(), solution.actions, strict=True):
        info = env.step(action)[4]
        assert row["energy_kwh"] == pytest.approx(info["energy_kwh"], abs=1e-9)
        size = env.unwrapped.scenario.entities["b0"].capacity_kwh
        assert row["soc(b0)"] == pytest.approx(info["energy_kwh.b0"] / size)


def trading_desk(assets: int, markets: int, seed: int = 0) -> tuple[Scenario, pd.DataFrame]:
    """Return the fleet problem of a trading desk: random powers and prices, bids delivered in full, 24 h."""
    random = np.random.default_rng(seed)
    batteries = {}
    for place in range(assets):
        power = float(random.uniform(300.0, 1000.0))
        batteries[f"b{place}"] = Battery(float(random.uniform(500.0, 3000.0)), power, power, 1.0, 1.0, 0.1, 1.0, 0.5)
    products = [
        Reserve(
            f"m{place}",
            f"m{place}_per_mw_h",
            ("up", "down")[place % 2],
            tuple(float(power) for power in random.uniform(0.0, 800.0, assets)),
            activation=FullActivation(),
        )
        for place in range(markets)
    ]
    prices = frame({f"m{place}_per_mw_h": random.uniform(5.0, 100.0, 24) for place in range(markets)})
    return Fleet(batteries=batteries, markets=products), prices


@pytest.mark.parametrize(("assets", "markets", "seconds"), [(5, 6, 1.0), (50, 10, 60.0)])
def test_the_trading_desks_problem_is_solved_exactly_and_fast(assets: int, markets: int, seconds: float) -> None:
    fleet, data = trading_desk(assets, markets)
    env = started(data, fleet, terminal="free")
    began = time.process_time()
    solution = energy_gym.solve(env)
    assert time.process_time() - began < seconds
    assert solution.exact
    assert replayed(env, solution) == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("agent", ["idle", "uniform", "greedy", "follow", "mpc"])
def test_baselines_are_scored_against_the_physical_optimum(agent: str) -> None:
    random = np.random.default_rng(4)
    data, fleet = random_data(random, 12), random_fleet(random, 2, False)
    env = started(data, fleet, dispatch="proportional", horizon=6)
    result = energy_gym.evaluate(make_agent(agent, env, 1), env, seed=0)
    assert result.regret >= 0.0
    assert result.idle == 0.0
    assert result.score <= 1.0 + 1e-9
    if agent == "mpc":
        assert result.score > 0.0
