"""Key figures: by hand, worked out again with pandas from what the environment tells, and in what shows them."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario, evaluate, kpis, solve
from energy_gym.agents import make_agent
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.entities import Consumer, Grid, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, ResetNeededError
from energy_gym.evaluation.kpis import KPIS, Played

BATTERY = Battery(10.0, 4.0, 5.0, 0.9, 0.8, soc_min=0.1, soc_max=0.9, soc_initial=0.5, wear_per_kwh=0.01)


def a_home(curtailment: str = "limit", **limits: float) -> Scenario:
    entities: dict[str, Any] = {"battery": BATTERY, "pv": Solar(curtailment=curtailment), "load": Consumer()}
    contracts = {"supply": Tariff(300.0, 80.0), "power": DemandCharge((DemandWindow("any", 0.3),))}
    return Scenario("home", {**entities, "grid": Grid(**limits)}, contracts)


def by_hand() -> tuple[EnergyEnv, list[Any]]:
    """Four steps of an hour: 2 kWh charged at 0.9, 4 kWh given out of 5, and nothing twice."""
    index = pd.date_range("2024-01-01 22:00", periods=4, freq="h", tz="UTC")
    data = pd.DataFrame({"load_kw": [1.0, 6.0, 2.0, 1.0], "pv_kw": [5.0, 0.0, 0.0, 3.0]}, index)
    env = EnergyEnv(scenario=a_home(import_kw=20.0, export_kw=2.0), data=data, episode_steps=None, split="all")
    env.reset(seed=0)
    return env, [np.array([share]) for share in (0.5, -0.8, 0.0, 0.0)]


def test_by_hand() -> None:
    """Net import is -2, 2, 2 and -2 kWh: 2 kWh of 8 are exported first and 2 at last, none cut."""
    found = kpis(*by_hand())
    assert found["load_kwh"] == 10.0
    assert found["generation_kwh"] == 8.0
    assert found["imported_kwh"] == pytest.approx(4.0)
    assert found["exported_kwh"] == pytest.approx(4.0)
    assert found["curtailed_kwh"] == 0.0
    assert found["self_consumption"] == pytest.approx(0.5)
    assert found["self_sufficiency"] == pytest.approx(0.6)
    assert found["peak_kw"] == pytest.approx(2.0)
    assert found["daily_peak_kw"] == pytest.approx(2.0)
    assert found["load_factor"] == pytest.approx(0.0)
    assert found["ramping_kwh"] == pytest.approx(8.0)
    assert found["full_cycles"] == pytest.approx((2.0 * 0.9 + 4.0 / 0.8) / 2.0 / 10.0)
    assert found["life_years"] == pytest.approx(6000.0 * 4.0 / 8760.0 / 0.34)
    assert found["at_storage_limit"] == 0.0
    assert found["at_grid_limit"] == 0.5
    assert found["refused_kwh"] == 0.0
    # Energy, an end 3.2 kWh below the start at 300, wear, 2 kW of demand; idle imports 6 and 2, exports 2 and 2.
    spent = (4.0 * 300.0 - 4.0 * 80.0) / 1000.0 + 3.2 * 0.3 + 4.0 * 0.01 + 2.0 * 0.3
    idle = (8.0 * 300.0 - 4.0 * 80.0) / 1000.0 + 6.0 * 0.3
    assert found["net_cost"] == pytest.approx(spent)
    assert found["gained"] == pytest.approx(idle - spent)
    assert found["gained_per_kw_year"] == pytest.approx((idle - spent) / 5.0 * 8760.0 / 4.0)
    assert found["gained_per_kwh"] == pytest.approx((idle - spent) / 4.0)


def test_a_shorter_life_is_shorter_in_proportion() -> None:
    assert kpis(*by_hand(), cycle_life=3000.0)["life_years"] == pytest.approx(kpis(*by_hand())["life_years"] / 2.0)


def by_pandas(env: EnergyEnv, actions: list[Any]) -> dict[str, float]:
    """Return the key figures of an episode from what its steps told, and from the frame that it plays."""
    hours, times = env.setup.feed.step_hours, []
    soc, infos = [env.energy_kwh], []
    for action in actions:
        times.append(env.time)
        infos.append(env.step(action)[-1])
        soc.append(infos[-1]["energy_kwh"])
    table = pd.DataFrame(infos, index=pd.DatetimeIndex(times))
    series = env.keywords["data"].tz_convert("UTC").reindex(table.index)
    change = pd.Series(soc).diff().dropna()
    grid, made = table["grid_kw"], series["pv_kw"].sum() * hours
    imported, exported = grid.clip(lower=0.0).sum() * hours, -grid.clip(upper=0.0).sum() * hours
    cut, cycles = table["curtailed_kw"].sum() * hours, change.abs().sum() / 2.0 / BATTERY.capacity_kwh
    local = grid.tz_convert(env.setup.feed.zone)
    money = table[["energy_cost", "wear", "penalty", "demand_charge"]].sum().sum()
    left = pd.Series(soc[1:])
    return {
        "load_kwh": series["load_kw"].sum() * hours,
        "generation_kwh": made,
        "imported_kwh": imported,
        "exported_kwh": exported,
        "curtailed_kwh": cut,
        "self_consumption": (made - cut - exported) / (made - cut),
        "self_sufficiency": 1.0 - imported / (series["load_kw"].sum() * hours),
        "peak_kw": grid.max(),
        "daily_peak_kw": local.groupby(local.index.date).max().mean(),
        "load_factor": grid.mean() / grid.max(),
        "ramping_kwh": (grid * hours).diff().abs().sum(),
        "full_cycles": cycles,
        "life_years": 6000.0 / (cycles / (len(table) * hours / 8760.0)),
        "net_cost": money,
        "carbon_kg": table["carbon_kg"].sum(),
        "at_storage_limit": float(((left < 1.0 + 1e-6) | (left > 9.0 - 1e-6)).mean()),
        "refused_kwh": table["cost"].sum(),
        "given_kwh": -change.clip(upper=0.0).sum() * 0.8,
    }


@pytest.mark.parametrize("seed", range(6))
def test_random_episodes_against_pandas(seed: int) -> None:
    random = np.random.default_rng(seed)
    steps, minutes = 96, [15, 30, 60][seed % 3]
    index = pd.date_range("2024-03-30 05:00", periods=2 * steps, freq=f"{minutes}min", tz="Europe/Berlin")
    columns = {"load_kw": random.uniform(0.0, 4.0, 2 * steps), "pv_kw": random.uniform(0.0, 9.0, 2 * steps)}
    data = pd.DataFrame({**columns, "carbon_g_per_kwh": random.uniform(0.0, 500.0, 2 * steps)}, index)
    env = EnergyEnv(scenario=a_home(import_kw=12.0, export_kw=3.0), data=data, episode_steps=steps)
    actions = list(random.uniform(-1.3, 1.3, (steps, 1)))
    env.reset(seed=seed)
    found = kpis(env, actions)
    env.reset(seed=seed)
    wanted = by_pandas(env, actions)
    env.reset(seed=seed)
    infos = pd.DataFrame([env.step(np.zeros(1))[-1] for _ in range(steps)])
    idle = infos[["energy_cost", "wear", "penalty", "demand_charge"]].sum().sum()
    gained = idle - wanted["net_cost"]
    wanted |= {"gained": gained, "gained_per_kwh": gained / wanted.pop("given_kwh")}
    wanted["gained_per_kw_year"] = gained / (5.0 * steps * minutes / 60.0 / 8760.0)
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert set(KPIS) - set(wanted) == {"at_grid_limit"}


@pytest.mark.parametrize(
    ("name", "steps"), [("HomeSolar", 24), ("Microgrid", 24), ("Arbitrage", 24), ("Bidding", 24), ("FleetReserve", 8)]
)
def test_a_plan_and_its_actions_and_an_agent_that_plays_them_have_the_same(name: str, steps: int) -> None:
    env = gym.make(f"energy_gym/{name}-v1", episode_steps=steps)
    env.reset(seed=4)
    best = solve(env)
    planned = kpis(best)
    env.reset(seed=4)
    assert kpis(env, best.actions) == pytest.approx(planned, rel=1e-9, abs=1e-9, nan_ok=True)
    coming = iter(best.actions)
    played = evaluate(lambda observation: next(coming), env, seed=4, oracle=best).kpis
    assert played == pytest.approx(planned, rel=1e-9, abs=1e-9, nan_ok=True)


def test_doing_nothing_gains_nothing_and_wears_nothing_out() -> None:
    env = gym.make("energy_gym/HomeSolar-v1", episode_steps=48)
    found = evaluate(make_agent("idle", env), env, seed=0).kpis
    assert (found["gained"], found["full_cycles"], found["refused_kwh"]) == (0.0, 0.0, 0.0)
    assert math.isnan(found["life_years"])
    assert math.isnan(found["gained_per_kwh"])


def test_where_there_is_neither_load_nor_sun_nor_limit_their_figures_have_no_meaning() -> None:
    env = gym.make("energy_gym/Arbitrage-v1", episode_steps=48)
    env.reset(seed=0)
    found = kpis(solve(env))
    assert all(math.isnan(found[name]) for name in ("self_consumption", "self_sufficiency", "at_grid_limit"))
    assert found["gained"] == pytest.approx(-found["net_cost"])


def test_several_meters_are_one_district() -> None:
    """What one home exports another imports: nothing crosses the border of the district."""
    index = pd.date_range("2024-01-01", periods=24, freq="h", tz="UTC")
    data = pd.DataFrame({"load_kw": np.full(24, 3.0), "pv_kw": np.full(24, 3.0)}, index)
    one, two = {"pv": Solar(), "a": Battery()}, {"load": Consumer(), "b": Battery()}
    contracts = {"x": Tariff(300.0, 80.0, parties=tuple(one)), "y": Tariff(300.0, 80.0, parties=tuple(two))}
    env = EnergyEnv(scenario=Scenario("two", {**one, **two}, contracts), data=data, episode_steps=None, split="all")
    env.reset(seed=0)
    found = kpis(env, [np.zeros(2)] * 24)
    assert (found["imported_kwh"], found["self_consumption"], found["self_sufficiency"]) == (0.0, 1.0, 1.0)
    assert found["net_cost"] == pytest.approx(72.0 * 0.22)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3,), "kpis of a int: must be of a solution, a plan or an environment"),
        (("env",), "actions=None: must be given with an environment"),
        (("env", [np.zeros(1)]), "1 actions for 4 steps: must be one for each step"),
    ],
)
def test_what_is_no_episode_is_refused(arguments: Any, words: str) -> None:
    env, _ = by_hand()
    with pytest.raises(ConfigurationError, match=words):
        kpis(*(env if part == "env" else part for part in arguments))


def test_a_cycle_life_of_nothing_and_an_episode_that_is_over_are_refused() -> None:
    env, actions = by_hand()
    with pytest.raises(ConfigurationError, match=r"cycle_life=0\.0: must be above 0"):
        kpis(env, actions, cycle_life=0.0)
    assert isinstance(Played.of_plan(solve(env).plan), Played)
    kpis(env, actions)
    with pytest.raises(ResetNeededError, match="call reset"):
        kpis(env, actions)


def test_the_public_name() -> None:
    assert energy_gym.kpis is kpis
