"""Simulated annealing: near the optimum of what it is shown, never seeing more, and repeatable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.agents import make_agent
from energy_gym.agents.annealing import Annealing
from energy_gym.agents.expecting import expected_units
from energy_gym.agents.mpc import MPC
from energy_gym.agents.schedules import Changes, UnitWindow, resampled
from energy_gym.contracts import Spot, Tariff
from energy_gym.entities import Consumer, Grid
from energy_gym.errors import ConfigurationError, NonPositiveError
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.solve import by_unit
from energy_gym.oracle.statement import Goal

ID = "energy_gym/Arbitrage-v1"


def make(data: pd.DataFrame, **keywords: Any) -> Any:
    return gym.make(ID, data=data, **{"horizon": 8, "episode_steps": 18, "forecast": "perfect", **keywords})


def actions(agent: Any, env: Any, seed: int = 2) -> list[Any]:
    observation, info = env.reset(seed=seed)
    agent.reset()
    played, over = [], False
    while not over:
        played.append(np.asarray(agent.act(observation, info)).tolist())
        observation, _, _, over, info = env.step(np.asarray(played[-1]) if env.action_space.shape else played[-1])
    return played


@pytest.mark.parametrize("kind", ["continuous", "discrete-3", "discrete-5"])
@pytest.mark.parametrize("objective", ["cost", "joint"])
def test_close_to_mpc_and_above_idle_and_chance(series: pd.DataFrame, kind: str, objective: str) -> None:
    env = make(series, actions=kind, objective=objective)
    mpc = energy_gym.evaluate(make_agent("mpc", env), env, seed=2)
    chance = energy_gym.evaluate(make_agent("uniform", env), env, seed=2)
    found = energy_gym.evaluate(Annealing(env, proposals=2048), env, seed=2)
    assert found.return_ > max(found.idle, chance.return_)
    assert found.return_ > mpc.return_ - 0.03 * (mpc.oracle_value - mpc.idle)


def test_one_schedule_over_all_that_is_left_is_near_the_optimum(series: pd.DataFrame) -> None:
    env = make(series, horizon=24, episode_steps=24)
    env.reset(seed=5)
    best = energy_gym.solve(env)
    plain = energy_gym.evaluate(Annealing(env, proposals=6144), env, seed=5)
    assert plain.score > 0.97
    assert plain.oracle_value == pytest.approx(best.value, abs=1e-9)


def test_more_proposals_lose_less(series: pd.DataFrame) -> None:
    env = make(series, horizon=18)
    few, many = (
        np.mean([energy_gym.evaluate(Annealing(env, k, proposals=size), env, seed=2).regret for k in range(3)])
        for size in (16, 4096)
    )
    assert many < 0.5 * few


@pytest.mark.parametrize("kind", ["continuous", "discrete-3"])
def test_the_same_seed_gives_the_same_actions(series: pd.DataFrame, kind: str, tmp_path: Path) -> None:
    env = make(series, actions=kind)
    agent = Annealing(env, seed=7, proposals=64, chains=32)
    first = actions(agent, env)
    assert actions(agent, env) == first
    assert actions(Annealing(env, seed=8, proposals=64, chains=32), env) != first
    agent.save(tmp_path)
    twin = make(series, actions=kind)
    assert actions(Annealing.load(tmp_path, twin), twin) == first


def test_a_time_that_is_over_at_once_leaves_one_round(series: pd.DataFrame) -> None:
    env = make(series)
    hurried = Annealing(env, seed=1, proposals=10**9, seconds=1e-9, chains=64)
    assert actions(hurried, env) == actions(Annealing(env, seed=1, proposals=64, chains=64), env)


def test_a_time_that_is_never_over_changes_nothing(series: pd.DataFrame) -> None:
    env = make(series)
    patient = Annealing(env, seed=1, proposals=256, seconds=1e9, chains=64)
    assert actions(patient, env) == actions(Annealing(env, seed=1, proposals=256, chains=64), env)


@pytest.mark.parametrize("ahead", ["published", "yesterday"])
def test_what_is_not_forecast_changes_nothing(series: pd.DataFrame, ahead: str) -> None:
    """At the first step all that comes is changed, except what was published before."""
    start = series.index[100]
    env = make(series, reference=series, forecast=ahead)
    known = 100 + (24 if ahead == "published" else 0)
    later = series.copy()
    later.iloc[known:] = series.iloc[known:][::-1].to_numpy() * 1.7
    later.loc[later.index[100:], "carbon_g_per_kwh"] += 50.0
    other = make(later, reference=series, forecast=ahead)
    chosen = []
    for each in (env, other):
        observation, info = each.reset(options={"start": start})
        agent = Annealing(each, seed=3, proposals=512)
        chosen.append(agent.act(observation, info).item())
    assert chosen[0] == chosen[1]


def several() -> Scenario:
    """Return two meters: a battery on a spot market; two batteries behind a tariff."""
    yard = ("grid", "near", "far", "works")
    return Scenario(
        name="several",
        entities={
            "store": Battery(capacity_kwh=5.0),
            "grid": Grid(),
            "near": Battery(capacity_kwh=6.0, charge_kw=2.0, discharge_kw=3.0),
            "far": Battery(capacity_kwh=4.0, charge_kw=1.0, discharge_kw=2.0, efficiency_charge=0.8),
            "works": Consumer(),
        },
        contracts={"market": Spot(parties=("store",)), "supply": Tariff(sell=20.0, parties=yard)},
    )


@pytest.mark.parametrize("kind", ["continuous", "discrete-3"])
def test_several_controls_on_several_meters(site: pd.DataFrame, kind: str) -> None:
    keywords = {"scenario": several(), "data": site, "forecast": "perfect", "actions": kind}
    env: Any = gym.make("energy_gym/Scenario-v1", horizon=8, episode_steps=8, **keywords)
    found = energy_gym.evaluate(Annealing(env, proposals=8192), env, seed=1)
    mpc = energy_gym.evaluate(MPC(env), env, seed=1)
    assert env.unwrapped.setup.controls == 3
    assert found.return_ > mpc.return_ - 0.05 * (mpc.oracle_value - mpc.idle)


@pytest.mark.parametrize(
    "name", ["energy_gym/Microgrid-v1", "energy_gym/HomeSolar-v1", "energy_gym/Commercial-v1", "energy_gym/Scenario-v1"]
)
def test_every_id_is_played(name: str, data_of: Callable[[str], pd.DataFrame]) -> None:
    env = gym.make(name, data=data_of(name), episode_steps=6, horizon=6, forecast="perfect")
    found = energy_gym.evaluate(Annealing(env, proposals=1024), env, seed=0)
    assert found.return_ >= found.idle - 1e-9
    assert found.regret <= 0.2 * (found.oracle_bound - found.idle) + 1e-6


@pytest.mark.parametrize("name", [ID, "energy_gym/Commercial-v1"])
def test_schedules_are_worth_what_the_oracle_says(name: str, data_of: Callable[[str], pd.DataFrame]) -> None:
    env: Any = gym.make(name, data=data_of(name), episode_steps=12, horizon=12)
    env.reset(seed=1)
    setup = env.unwrapped.setup
    unit, states = expected_units(env.unwrapped, 12)[0], by_unit(setup, setup.initial)[0]
    goal = Goal(setup.weights, setup.closings[0])
    plans = Changes(np.random.default_rng(0), None).fresh((20, 12, setup.controls))
    assert UnitWindow.of(unit, states, goal).returns(plans) == pytest.approx(
        returns(unit, states, goal, plans), abs=1e-9
    )


@pytest.mark.parametrize("levels", [None, np.array([-1.0, -0.5, 0.0, 0.5, 1.0])])
def test_a_change_stays_playable_and_touches_two_controls_at_most(levels: Any) -> None:
    changes = Changes(np.random.default_rng(1), levels)
    plans = changes.fresh((500, 9, 3))
    after = changes.of(plans)
    assert after is not plans and np.abs(after).max() <= 1.0
    if levels is not None:
        assert np.isin(after, levels).all()
    touched = (after != plans).any(axis=1).sum(axis=1)
    assert touched.max() == 2 and 0.5 < touched.mean() < 1.5


def test_members_are_drawn_by_their_weight() -> None:
    worth = np.log([1.0, 2.0, 5.0, 8.0])
    counts = np.zeros(4)
    for seed in range(400):
        counts += np.bincount(resampled(worth, 1.0, np.random.default_rng(seed)), minlength=4)
    assert counts / counts.sum() == pytest.approx([1 / 16, 2 / 16, 5 / 16, 8 / 16], abs=0.02)
    assert resampled(worth, 0.0, np.random.default_rng(0)).tolist() == [0, 1, 2, 3]


def test_after_a_jump_in_time_the_old_schedule_is_dropped(series: pd.DataFrame) -> None:
    env = make(series, battery=Battery(capacity_kwh=6.0))
    agent = Annealing(env, proposals=256)
    observation, info = env.reset(options={"start": series.index[0]})
    agent.act(observation, info)
    observation, info = env.reset(options={"start": series.index[200]})
    assert env.action_space.contains(agent.act(observation, info).astype(np.float32))


@pytest.mark.parametrize("budget", [{"proposals": 0}, {"chains": 0}, {"seconds": 0.0}, {"seconds": float("nan")}])
def test_a_budget_must_be_positive(series: pd.DataFrame, budget: dict[str, Any]) -> None:
    with pytest.raises(NonPositiveError):
        Annealing(make(series), **budget)
    with pytest.raises(ConfigurationError):
        Annealing(make(series), proposals=1.5)  # type: ignore[arg-type]
