"""A tariff in tiers: bills by hand and with pandas, in every billing period, and the plan that knows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario, solve
from energy_gym.contracts import TieredTariff
from energy_gym.entities import Consumer
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError

LABELS = {"day": "%F", "week": "%G-%V", "month": "%Y-%m", "year": "%Y"}


def environment(supply: TieredTariff, load_kw: Any, first: str, freq: str = "h", zone: str = "UTC") -> EnergyEnv:
    index = pd.date_range(first, periods=len(load_kw), freq=freq, tz=zone)
    scenario = Scenario("home", {"battery": Battery(), "load": Consumer()}, {"supply": supply})
    data = pd.DataFrame({"load_kw": load_kw}, index)
    env = EnergyEnv(scenario=scenario, data=data, episode_steps=None, split="all")
    env.reset(seed=0)
    return env


def billed(supply: TieredTariff, load_kw: Any, first: str, freq: str = "h", zone: str = "UTC") -> list[float]:
    """Return the cost of each step with a battery that does nothing."""
    env = environment(supply, load_kw, first, freq, zone)
    return [env.step(np.zeros(1))[-1]["energy_cost"] for _ in range(len(load_kw))]


def test_24_mwh_a_year_by_hand() -> None:
    """2000 kWh in each month: 500 at 0.10, 1000 more at 0.15 and 500 at 0.25 make 325; a year of them 3900."""
    days = pd.date_range("2023-01-01", "2023-12-31", freq="D").days_in_month
    supply = TieredTariff((100.0, 150.0, 250.0), (500.0, 1500.0))
    costs = billed(supply, 2000.0 / days.to_numpy() / 24.0, "2023-01-01", "D")
    assert sum(costs) == pytest.approx(3900.0, abs=1e-9)


def test_24_mwh_a_year_in_tiers_of_the_year_by_hand() -> None:
    """6000 kWh at 0.10, 12,000 more at 0.15 and 6000 at 0.25: 3900 as well, most of it in autumn."""
    supply = TieredTariff((100.0, 150.0, 250.0), (6000.0, 18000.0), period="year")
    costs = billed(supply, np.full(365, 24000.0 / 365.0 / 24.0), "2023-01-01", "D")
    assert sum(costs) == pytest.approx(3900.0, abs=1e-9)
    assert sum(costs[-90:]) == pytest.approx(0.25 * 24000.0 * 90.0 / 365.0, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("period", LABELS)
def test_random_bills_against_pandas(seed: int, period: str) -> None:
    random, zone = np.random.default_rng(seed), ["UTC", "America/New_York"][seed % 2]
    count = int(random.integers(1, 5))
    limits = np.cumsum(random.uniform(5.0, 60.0, count - 1))
    prices, so_far = random.uniform(0.0, 400.0, count), float(random.uniform(0.0, 50.0))
    load = random.gamma(1.0, 2.0, 24 * 70)
    supply = TieredTariff(tuple(prices), tuple(limits), period=period, so_far_kwh=so_far)
    costs = billed(supply, load, "2023-02-07 06:00", "h", zone)
    index = pd.date_range("2023-02-07 06:00", periods=len(load), freq="h", tz=zone)
    labels = index.strftime(LABELS[period])
    total = pd.Series(load).groupby(labels).cumsum().to_numpy() + np.where(labels == labels[0], so_far, 0.0)
    edges = np.array([0.0, *limits, np.inf])
    inside = np.minimum(total[:, None], edges[1:]) - np.maximum((total - load)[:, None], edges[:-1])
    inside = np.clip(inside, 0.0, None)
    assert costs == pytest.approx((inside @ prices / 1000.0).tolist(), abs=1e-9)


def test_exports_earn_their_own_price_and_are_not_taken_off() -> None:
    supply = TieredTariff((100.0, 300.0), (4.0,), 50.0)
    env = environment(supply, [3.0, 0.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], "2024-01-01")
    env.step(np.zeros(1))
    *_, info = env.step(np.array([-1.0]))
    assert info["grid_kw"] < 0.0
    assert info["energy_cost"] == pytest.approx(info["grid_kw"] * 0.05)
    *_, info = env.step(np.zeros(1))
    assert info["energy_cost"] == pytest.approx(1.0 * 0.1 + 2.0 * 0.3)


def test_a_plan_keeps_below_a_tier_where_that_pays() -> None:
    """What is stored above the tier's end would cost 0.3 per kWh now and save 0.1 after the month has ended."""
    load = [1.0, 1.0, 1.0, 1.0, 9.0, 1.0]
    env = environment(TieredTariff((100.0, 300.0), (6.0,)), load, "2024-01-31 20:00")
    solution = solve(env)
    assert solution.exact
    costs = [env.step(action)[-1]["grid_kw"] for action in solution.actions]
    assert sum(costs[:4]) <= 6.0 + 1e-6


def test_from_yaml_and_back() -> None:
    text = """
    entities: {battery: {}, load: {kind: consumer}}
    contracts:
      supply: {kind: tiered_tariff, prices_per_mwh: [100, 150], limits_kwh: [500], period: week, so_far_kwh: 20}
    """
    scenario = Scenario.from_yaml(text)
    assert scenario.contracts["supply"] == TieredTariff((100.0, 150.0), (500.0,), period="week", so_far_kwh=20.0)
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
    with pytest.raises(ConfigurationError, match=r"contracts\.supply\.limits_kwh=.*must rise.*order the tiers"):
        Scenario.from_yaml(text.replace("[100, 150]", "[100, 150, 200]").replace("[500]", "[500, 400]"))


@pytest.mark.parametrize("carbon", ["350", "[350]", "{grid: 350}", "null", "''"])
def test_what_names_no_column_of_carbon_is_refused(carbon: str) -> None:
    """A number looks like an intensity, and would silently count as none."""
    contracts = f"contracts: {{supply: {{kind: tiered_tariff, carbon: {carbon}}}}}"
    with pytest.raises(ConfigurationError, match=r"contracts\.supply\.carbon="):
        Scenario.from_yaml("entities: {battery: {}, load: {kind: consumer}}\n" + contracts)
