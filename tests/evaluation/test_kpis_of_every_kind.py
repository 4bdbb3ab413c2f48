"""Key figures of sites with every kind of store and source: from what crossed the meter, and what each step told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario, kpis, solve
from energy_gym.contracts import Tariff
from energy_gym.entities import ENTITIES, Consumer, Grid, Solar, StorageTarget
from energy_gym.envs.env import EnergyEnv

STEPS = 72
INDEX = pd.date_range("2024-03-30", periods=STEPS, freq="h", tz="Europe/Berlin")
PLAIN = {"capacity_kwh": 10.0, "charge_kw": 3.0, "discharge_kw": 4.0, "efficiency_charge": 0.9}
PLAIN |= {"efficiency_discharge": 0.8, "soc_min": 0.1, "soc_max": 0.9, "soc_initial": 0.5}
BENDS = {"charge_efficiency": ((0.5, 0.95), (1.0, 0.8)), "discharge_efficiency": ((0.5, 0.9), (1.0, 0.7))}
STORES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "plain": ("battery", {}, {}),
    "held to cycles, with a taper": (
        "limited_battery",
        {"cycles_per_day": 0.7, "charge_taper": ((0.5, 1), (1, 0.2))},
        {},
    ),
    "with efficiencies by power": ("limited_battery", BENDS, {}),
    "fading with time and use": ("limited_battery", {"fade_per_kwh": 0.02, "fade_per_year": 0.4}, {}),
    "fading with use": ("fading_battery", {"fade_per_kwh": 0.02}, {}),
    "ageing by depth": ("ageing_battery", {}, {}),
    "brought back": ("battery", {}, {"terminal": "cyclic"}),
    "led back": ("battery", {"soc_initial": 0.05}, {}),
    "held to a target": ("battery", {}, {"target": {"soc": 0.7, "at": "07:00"}}),
    "asked for a target": ("ageing_battery", {}, {"target": {"soc": 0.7, "at": "07:00", "missed_price_per_kwh": 0.1}}),
}


def series(**columns: Any) -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame({"load_kw": random.uniform(2.0, 4.0, STEPS), **columns}, INDEX)


def site(kind: str, fields: dict[str, Any], target: dict[str, Any] | None = None, **keywords: Any) -> EnergyEnv:
    entities: dict[str, Any] = {"battery": ENTITIES[kind](**(PLAIN | fields)), "load": Consumer()}
    if target is not None:
        entities["ready"] = StorageTarget("battery", **target)
    scenario = Scenario("site", entities, {"supply": Tariff(300.0, 80.0)})
    env = EnergyEnv(scenario=scenario, data=series(), split="all", episode_steps=None, **keywords)
    env.reset(seed=0)
    return env


def taken_and_stored(fields: dict[str, Any], power: pd.Series) -> tuple[float, float]:
    """Return what was taken from and put into the store, by the efficiencies at both ends of each piece [kWh]."""
    drawn, given = power.clip(lower=0.0), -power.clip(upper=0.0)
    if "charge_efficiency" not in fields:
        return float(given.sum() / 0.8), float(drawn.sum() * 0.9)
    stored = np.interp(drawn, [0.0, 1.5, 3.0], [0.0, 1.5 * 0.95, 3.0 * 0.8])
    return float(np.interp(given, [0.0, 2.0, 4.0], [0.0, 2.0 / 0.9, 4.0 / 0.7]).sum()), float(stored.sum())


@pytest.mark.parametrize("store", STORES)
def test_cycles_money_by_power_and_time_at_limits_of_every_store(store: str) -> None:
    kind, fields, more = STORES[store]
    env = site(kind, fields, **more)
    actions = list(np.random.default_rng(1).uniform(-1.0, 1.0, (STEPS, 1)))
    found = kpis(env, actions)
    env.reset(seed=0)
    places = [slot.name for slot in env.layout]
    infos, left = [], []
    for action in actions:
        observation, *_, info = env.step(action)
        infos.append(info)
        left.append(observation[places.index("capacity_left")] if "capacity_left" in places else 1.0)
    table = pd.DataFrame(infos, INDEX)
    power = table["grid_kw"] - series()["load_kw"]
    taken, stored = taken_and_stored(fields, power)
    assert found["full_cycles"] == pytest.approx((taken + stored) / 2.0 / 10.0, rel=1e-6)
    idle = site(kind, fields, **more)
    spent = sum(-idle.step(np.zeros(1))[1] for _ in range(STEPS))
    assert found["gained"] == pytest.approx(spent - found["net_cost"])
    assert found["gained_per_kw_year"] == pytest.approx(found["gained"] / 4.0 / STEPS * 8760.0)
    assert found["gained_per_kwh"] == pytest.approx(found["gained"] / -power.clip(upper=0.0).sum())
    energy, capacity = table["energy_kwh"], 10.0 * np.array(left, dtype=float)
    limited = (energy <= 0.1 * capacity + 2e-5) | (energy >= 0.9 * capacity - 2e-5)
    assert found["at_storage_limit"] == pytest.approx(limited.mean())


def test_following_the_meter_gains_against_doing_nothing_too() -> None:
    columns = series(pv_kw=np.random.default_rng(4).uniform(0.0, 9.0, STEPS))
    scenario = Scenario(
        "home",
        {"battery": Battery(**PLAIN), "pv": Solar(), "load": Consumer()},
        {"supply": Tariff(300.0, 80.0)},
    )
    found = []
    for control in ("power", "meter"):
        env = EnergyEnv(scenario=scenario, data=columns, split="all", episode_steps=None, control=control)
        env.reset(seed=0)
        best = solve(env)
        found += [kpis(best), kpis(env, best.actions)]
    assert found[0]["gained"] > 1.0
    for others in found[1:]:
        assert others["gained"] == pytest.approx(found[0]["gained"], rel=1e-6)


SOURCES: dict[str, tuple[str, dict[str, Any], dict[str, float]]] = {
    "power of the sun": ("solar", {"scale": 2.0}, {"pv_kw": 3.0}),
    "irradiance": ("solar_array", {}, {"poa_w_per_m2": 600.0}),
    "speed of the wind": ("wind_turbine", {}, {"wind_m_per_s": 8.0}),
    "power of a river": ("run_of_river", {}, {"river_kw": 6.0}),
}


@pytest.mark.parametrize("source", SOURCES)
def test_all_that_follows_the_weather_is_generation(source: str) -> None:
    kind, fields, columns = SOURCES[source]
    entities = {"battery": Battery(**PLAIN), "made": ENTITIES[kind](**fields), "load": Consumer()}
    frame = series(**{name: value * np.linspace(0.0, 2.0, STEPS) for name, value in columns.items()})
    scenario = Scenario("site", entities, {"supply": Tariff(300.0, 80.0)})
    env = EnergyEnv(scenario=scenario, data=frame, split="all", episode_steps=None)
    env.reset(seed=0)
    grid = [env.step(np.zeros(1))[-1]["grid_kw"] for _ in range(STEPS)]
    made = float((frame["load_kw"] - grid).sum())
    env.reset(seed=0)
    found = kpis(env, [np.zeros(1)] * STEPS)
    exported = -np.clip(grid, None, 0.0).sum()
    assert made > 1.0
    assert found["generation_kwh"] == pytest.approx(made)
    assert found["self_consumption"] == pytest.approx(1.0 - exported / made)


def test_load_that_is_not_served_makes_nobody_self_sufficient() -> None:
    """Only load that is served counts: 2 kW come through the fuse at all times, and there is nothing else."""
    entities = {"battery": Battery(**PLAIN), "load": Consumer(), "grid": Grid(2.0, value_of_lost_load_per_mwh=1000.0)}
    island = Scenario("cabin", entities, {"supply": Tariff(300.0)})
    env = EnergyEnv(scenario=island, data=series(), split="all", episode_steps=None)
    env.reset(seed=0)
    found = kpis(env, [np.zeros(1)] * STEPS)
    assert found["load_kwh"] > found["imported_kwh"] + 1.0
    assert found["self_sufficiency"] == pytest.approx(0.0)
    env.reset(seed=0)
    best = solve(env)
    served = found["load_kwh"] - best.table["unserved_kwh"].sum()
    assert kpis(best)["self_sufficiency"] == pytest.approx(1.0 - best.table["grid_kwh"].sum() / served)
