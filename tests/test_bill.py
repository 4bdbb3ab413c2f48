"""What an episode is charged is the bill that anyone would write from the meter's readings, month by month."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Objective, Scenario
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff, demand, tariff
from energy_gym.entities import Consumer, Grid, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv

FREE = Objective(terminal="free")
SITE = {"load": Consumer(), "pv": Solar(curtailment="limit")}


def commercial() -> tuple[dict[str, Any], pd.Timestamp]:
    battery = Battery(500.0, 250.0, 250.0, 0.9**0.5, 0.9**0.5, 0.1, 0.9, 0.5)
    entities = {"battery": battery, **SITE, "grid": Grid(export_kw=0.0)}
    contracts = {"energy": tariff.costa_rica(), "power": demand.costa_rica()}
    scenario = Scenario("office", entities, contracts, objective=FREE)
    return {"scenario": scenario, "dataset": "commercial"}, pd.Timestamp("2016-08-28 06:00", tz="UTC")


def home() -> tuple[dict[str, Any], pd.Timestamp]:
    contracts = {
        "energy": Tariff(feed_in_ratio=0.3),
        "power": DemandCharge((DemandWindow("evening", 9.0, hours=(16, 21)), DemandWindow("any", 4.0))),
    }
    scenario = Scenario("home", {"battery": Battery(20.0), **SITE}, contracts, objective=FREE)
    # Over the end of October and the end of daylight saving, on 6 November.
    return {"scenario": scenario, "dataset": "california-homes-2016"}, pd.Timestamp("2016-10-29 05:00", tz="UTC")


def metered(keywords: dict[str, Any], start: pd.Timestamp, steps: int, seed: int) -> tuple[pd.DataFrame, EnergyEnv]:
    """Play at random; return the readings of the meter and what was charged, by step."""
    env = EnergyEnv(**keywords)
    env.reset(seed=seed, options={"start": start, "steps": steps})
    random = np.random.default_rng(seed)
    times, rows = [], []
    for _ in range(steps):
        times.append(env.time)
        _, gain, _, _, info = env.step(random.uniform(-1.0, 1.0, 1))
        rows.append({**info, "reward": gain})
    return pd.DataFrame(rows, index=pd.DatetimeIndex(times)), env


def costa_rican_bill(readings: pd.DataFrame) -> tuple[float, float]:
    """Return energy and demand [CRC] of quarter-hour readings: 10-17 peak, 1-10 valley, the rest night."""
    local = readings["grid_kw"].clip(lower=0.0)
    local.index = local.index.tz_convert("America/Costa_Rica")
    band = pd.cut(local.index.hour, [-1, 0, 9, 16, 23], labels=["midnight", "valley", "peak", "night"]).astype(str)
    band = pd.Series(band, index=local.index).replace("midnight", "night")
    energy = (local * 0.25 * band.map({"peak": 70.0, "valley": 26.0, "night": 16.0})).sum()
    maxima = local.groupby([local.index.strftime("%Y-%m"), band]).max().reset_index(name="kw")
    rates = {"peak": 10154.0, "valley": 7090.0, "night": 4541.0}
    assert len(maxima) == 6
    return energy, (maxima["kw"] * maxima.iloc[:, 1].map(rates)).sum()


def net_metering_bill(readings: pd.DataFrame) -> tuple[float, float]:
    """Return energy and demand [USD] of hourly readings: exports earn 30 % of the price of imports."""
    price = energy_gym.load("california-homes-2016").frame["price_per_mwh"].reindex(readings.index) / 1000.0
    power = readings["grid_kw"]
    energy = (power.clip(lower=0.0) * price + power.clip(upper=0.0) * price * 0.3).sum()
    local = power.clip(lower=0.0)
    local.index = local.index.tz_convert("America/Los_Angeles")
    month = local.index.strftime("%Y-%m")
    evening = local[(local.index.hour >= 16) & (local.index.hour < 21)]
    charge = 4.0 * local.groupby(month).max().sum()
    charge += 9.0 * evening.groupby(evening.index.strftime("%Y-%m")).max().sum()
    return energy, charge


CASES = [(commercial, costa_rican_bill, 96 * 7), (home, net_metering_bill, 24 * 12)]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("site", "bill", "steps"), CASES, ids=["costa rica", "net metering"])
def test_what_is_charged_is_the_bill(site: Any, bill: Any, steps: int, seed: int) -> None:
    keywords, start = site()
    readings, _ = metered(keywords, start, steps, seed)
    energy, charge = bill(readings)
    assert readings["energy_cost"].sum() == pytest.approx(energy, rel=1e-12)
    assert readings["demand_charge"].sum() == pytest.approx(charge, rel=1e-12)
    assert -readings["reward"].sum() == pytest.approx(energy + charge, rel=1e-12)
    assert charge > 0.0
    assert (readings["demand_charge"] >= 0.0).all()


@pytest.mark.parametrize(("site", "bill", "steps"), CASES, ids=["costa rica", "net metering"])
def test_the_meter_reads_what_the_parts_of_the_site_do(site: Any, bill: Any, steps: int) -> None:
    keywords, start = site()
    readings, env = metered(keywords, start, steps, 3)
    series = energy_gym.load(keywords["dataset"]).frame.reindex(readings.index)
    battery, hours = env.scenario.battery, env.setup.feed.step_hours
    stored = np.diff(readings["energy_kwh"], prepend=battery.energy_initial_kwh) / hours
    drawn = np.where(stored > 0.0, stored / battery.efficiency_charge, stored * battery.efficiency_discharge)
    net = series["load_kw"] - series["pv_kw"] + readings["curtailed_kw"] + drawn
    np.testing.assert_allclose(readings["grid_kw"], net, atol=1e-9)


def test_the_batch_is_charged_the_same() -> None:
    keywords, start = commercial()
    batch = EnergyVectorEnv(3, autoreset="disabled", **keywords)
    batch.reset(options={"start": start, "steps": 96 * 5})
    random, rows = np.random.default_rng(0), []
    for _ in range(96 * 5):
        *_, info = batch.step(random.uniform(-1.0, 1.0, (3, 1)))
        rows.append([info["grid_kw"], info["energy_cost"], info["demand_charge"]])
    times = pd.date_range(start, periods=96 * 5, freq="15min")
    for index in range(3):
        columns = ["grid_kw", "energy_cost", "demand_charge"]
        readings = pd.DataFrame(np.array(rows)[:, :, index], index=times, columns=columns)
        energy, charge = costa_rican_bill(readings)
        assert readings["energy_cost"].sum() == pytest.approx(energy, rel=1e-12)
        assert readings["demand_charge"].sum() == pytest.approx(charge, rel=1e-12)


def test_the_oracle_plans_with_the_same_bill() -> None:
    keywords, start = home()
    env = EnergyEnv(**keywords)
    env.reset(options={"start": start, "steps": 24 * 4})
    table = energy_gym.solve(env).table
    readings = pd.DataFrame({"grid_kw": table["power_kw"]})
    energy, charge = net_metering_bill(readings)
    assert table["energy_cost"].sum() == pytest.approx(energy, rel=1e-9)
    assert table["demand_charge"].sum() == pytest.approx(charge, rel=1e-9)
