"""Regret splits into parts that add up: by step, by day, and into forecast and controller."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.errors import ConfigurationError
from energy_gym.leaderboard import run_suite
from energy_gym.leaderboard.results import read_results
from energy_gym.leaderboard.suites import Suite, Task
from energy_gym.leaderboard.summary import decomposition

ID = "energy_gym/Arbitrage-v1"


def random_env(seed: int, actions: str = "continuous") -> Any:
    """Return a short episode on random prices, negative ones among them, with a battery that leaks and wears."""
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-03-30", periods=60, freq="h", tz="UTC")
    prices, carbon = random.normal(20.0, 60.0, 60), random.uniform(0.0, 600.0, 60)
    battery = Battery(
        charge_kw=float(random.uniform(1.0, 9.0)),
        efficiency_charge=float(random.uniform(0.7, 1.0)),
        self_discharge_per_day=float(random.choice([0.0, 0.3])),
        wear_per_kwh=float(random.choice([0.0, 0.02])),
    )
    objective = str(random.choice(["cost", "carbon", "joint"]))
    data = pd.DataFrame({"price_per_mwh": prices, "carbon_g_per_kwh": carbon}, index)
    env = gym.make(ID, data=data, battery=battery, objective=objective, actions=actions, episode_steps=50)
    env.reset(seed=seed)
    return env


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
def test_losses_of_the_steps_add_up_to_the_regret(seed: int, actions: str) -> None:
    env = random_env(seed, actions)
    env.action_space.seed(seed)
    played = [env.action_space.sample() for _ in range(50)]
    lost = energy_gym.step_regret(env, played)
    best = energy_gym.solve(env, continuous=True)
    earned = sum(env.step(action)[1] for action in played)
    assert (lost >= 0.0).all() and lost.max() > 1e-3
    assert lost.sum() == pytest.approx(best.value - earned, abs=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_one_wrong_step_is_the_one_that_loses(seed: int) -> None:
    env = random_env(seed)
    best = energy_gym.solve(env)
    wrong = [np.array(action) for action in best.actions]
    losses = []
    for step in range(50):
        tried = [*wrong[:step], -wrong[step] if wrong[step][0] else np.array([1.0]), *wrong[step + 1 :]]
        lost = energy_gym.step_regret(env, tried)
        assert lost[:step].max(initial=0.0) < 1e-9
        losses.append(lost[step])
    assert max(losses) > 1e-3


def test_parts_of_the_regret_add_up_by_day_and_in_all() -> None:
    env = gym.make(ID, forecast="yesterday", split="test", episode_steps=24 * 6)
    parts = energy_gym.decompose(make_agent("uniform", env, seed=3), env, seed=2)
    assert parts.forecast > 0.0 and parts.controller > 0.0
    assert parts.forecast + parts.controller == pytest.approx(parts.regret, abs=1e-9)
    assert sum(parts.daily_forecast.values()) == pytest.approx(parts.forecast, abs=1e-9)
    assert sum(parts.daily_controller.values()) == pytest.approx(parts.controller, abs=1e-9)
    assert len(parts.daily_forecast) in (6, 7)


RULES = ("idle", "uniform", "threshold", "mpc")
SITES = ("idle", "self-consumption", "tariff-clock", "peak-shaving", "mpc")
BIDDERS = ("bid-forecast", "bid-greedy", "bid-split", "mpc")
TASKS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "market": ("Arbitrage", {"forecast": "mean", "episode_steps": 60}, RULES),
    "levels": (
        "Arbitrage",
        {"dataset": "synthetic", "objective": "joint", "actions": "discrete-3"},
        ("idle", "uniform", "mpc"),
    ),
    "carbon": (
        "Arbitrage",
        {"dataset": "synthetic", "objective": "carbon", "forecast": "yesterday"},
        ("idle", "uniform", "mpc"),
    ),
    "community": ("Microgrid", {}, SITES),
    "home": ("HomeSolar", {"home": 3}, SITES),
    "demand": ("Commercial", {"episode_steps": 12}, ("idle", "self-consumption", "mpc")),
    "fleet": ("FleetReserve", {"episode_steps": 4}, ("idle", "greedy", "follow", "mpc")),
    "bids": ("Bidding", {"episode_steps": 24}, ("idle", *BIDDERS)),
}


@pytest.mark.parametrize("task", TASKS)
def test_parts_add_up_in_the_leaderboard(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    name, keywords, agents = TASKS[task]
    keywords = {"split": "test", "episode_steps": 36, **keywords}
    suite = Suite(task, task, "One episode.", agents, (Task(task, f"energy_gym/{name}-v1", keywords),))
    frame = run_suite(suite, tmp_path, workers=1)
    table, results = decomposition(frame).set_index("agent"), read_results(tmp_path)
    assert not results.failed
    assert len(table) + len(results.misfits) == len(agents)
    assert (table["forecast"] + table["controller"]).tolist() == pytest.approx(table["regret"].tolist(), abs=1e-9)
    unproven = float((frame["oracle_bound"] - frame["oracle_value"]).iloc[0])
    days = results.daily.groupby("agent")[["forecast", "controller"]].sum()
    assert (days["forecast"] + unproven).to_dict() == pytest.approx(table["forecast"].to_dict(), abs=1e-6)
    assert days["controller"].to_dict() == pytest.approx(table["controller"].to_dict(), abs=1e-6)


@pytest.mark.parametrize(("task", "agent"), [("home", "self-consumption"), ("bids", BIDDERS[1]), ("levels", "uniform")])
def test_parts_add_up_for_one_agent(task: str, agent: str) -> None:
    name, keywords, _ = TASKS[task]
    env = gym.make(f"energy_gym/{name}-v1", **{"split": "test", "episode_steps": 30, **keywords})
    parts = energy_gym.decompose(make_agent(agent, env, 2), env, seed=3)
    assert parts.forecast + parts.controller == pytest.approx(parts.regret, abs=1e-9)
    assert sum(parts.daily_forecast.values()) + parts.unproven == pytest.approx(parts.forecast, abs=1e-6)
    assert sum(parts.daily_controller.values()) == pytest.approx(parts.controller, abs=1e-6)


def test_planning_on_the_forecast_has_no_controller_cost() -> None:
    env = gym.make(ID, forecast="yesterday", episode_steps=72)
    parts = energy_gym.decompose(make_agent("mpc", env), env, seed=1)
    assert parts.controller == 0.0
    perfect = gym.make(ID, forecast="perfect", horizon=72, episode_steps=72)
    assert energy_gym.decompose(make_agent("idle", perfect), perfect, seed=1).forecast == pytest.approx(0.0, abs=1e-9)


def test_more_than_one_storage_behind_one_price_is_refused() -> None:
    home = gym.make("energy_gym/HomeSolar-v1", episode_steps=24)
    home.reset(seed=0)
    with pytest.raises(ConfigurationError, match="one storage behind one price"):
        energy_gym.step_regret(home, [[0.0]] * 24)
    env = random_env(0)
    with pytest.raises(ConfigurationError, match="must be 50"):
        energy_gym.step_regret(env, [[0.0]] * 3)
