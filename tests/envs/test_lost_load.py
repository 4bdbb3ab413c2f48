"""Load above what can be imported is not served, at the value of lost load; the oracle serves as a step does."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.cli.app import app
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.entities import Consumer, Grid, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError, DataError
from energy_gym.testing import check_scenario

IDEAL = {"efficiency_charge": 1.0, "efficiency_discharge": 1.0, "soc_min": 0.0, "soc_max": 1.0}
FREE = Objective(terminal="free")


def frame(**columns: list[float]) -> pd.DataFrame:
    steps = len(next(iter(columns.values())))
    return pd.DataFrame(columns, pd.date_range("2024-02-01", periods=steps, freq="h", tz="UTC"))


def a_site(grid: Grid, data: pd.DataFrame, objective: Objective = FREE, **more: Any) -> EnergyEnv:
    entities = {"battery": Battery(**IDEAL), "load": Consumer(), "pv": Solar(), "grid": grid}
    contracts = {"supply": Tariff(100.0, 20.0)}
    scenario = Scenario("cabin", {**entities, **more}, contracts, objective=objective)
    env = EnergyEnv(scenario=scenario, data=data, horizon=1, episode_steps=None)
    env.reset(seed=0)
    return env


def test_without_the_price_it_is_refused_with_a_remedy_that_names_it() -> None:
    data = frame(load_kw=[1.0, 6.0], pv_kw=[0.0, 0.0])
    with pytest.raises(DataError, match="value_of_lost_load_per_mwh"):
        a_site(Grid(import_kw=5.0), data)
    a_site(Grid(import_kw=5.0, value_of_lost_load_per_mwh=1000.0), data)


@pytest.mark.parametrize("price", [-1.0, float("inf"), "much", True])
def test_a_price_that_is_none_is_refused(price: Any) -> None:
    with pytest.raises(ConfigurationError, match="value_of_lost_load"):
        Grid(import_kw=5.0, value_of_lost_load_per_mwh=price)


def test_a_price_without_a_limit_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="import_kw"):
        Grid(value_of_lost_load_per_mwh=1000.0)


def test_what_is_not_served_by_hand() -> None:
    """The fuse carries 3 kW: charging gives way first, then the rest of the load is lost."""
    data = frame(load_kw=[5.0, 5.0, 2.0, 5.0], pv_kw=[0.0, 1.0, 0.0, 0.0])
    env = a_site(Grid(import_kw=3.0, value_of_lost_load_per_mwh=2000.0), data)
    rows = []
    for wish in (1.0, -0.1, 0.5, -0.8):
        _, gain, _, _, info = env.step([wish])
        rows.append((info["grid_kw"], info["unserved_kwh"], info["unserved_cost"], info["cost"], env.energy_kwh))
        spent = info["energy_cost"] + info["wear"] + info["penalty"] + info["demand_charge"]
        assert info["penalty"] == info["unserved_cost"]
        assert gain == pytest.approx(-spent)
    assert np.array(rows) == pytest.approx(
        np.array(
            [(3.0, 2.0, 4.0, 5.0, 5.0), (3.0, 0.5, 1.0, 0.0, 4.5), (3.0, 0.0, 0.0, 1.5, 5.5), (1.0, 0.0, 0.0, 0.0, 1.5)]
        )
    )


def test_an_island_shares_out_what_it_has() -> None:
    """3 kWh stored and 2 kWh of sun for 8 kWh of load: 3 are lost, and what is lost costs the same at any time."""
    data = frame(load_kw=[2.0, 2.0, 2.0, 2.0], pv_kw=[0.0, 0.0, 2.0, 0.0])
    battery = Battery(**IDEAL, capacity_kwh=10.0, soc_initial=0.3)
    env = a_site(Grid(0.0, 0.0, 1000.0), data, battery=battery)
    solution = solve(env)
    assert solution.exact
    assert solution.value == pytest.approx(-3.0)
    assert solution.table["unserved_kwh"].sum() == pytest.approx(3.0)
    assert solution.table["grid_kwh"].abs().max() < 1e-9


@pytest.mark.parametrize("kind", ["cost", "carbon"])
@pytest.mark.parametrize("registers", [False, True])
def test_load_that_can_be_served_is_served_even_where_that_is_dear(kind: str, registers: bool) -> None:
    """Losing load for nothing would pay, were it free to choose: for money at 300, for carbon at any price."""
    data = frame(load_kw=[5.0, 1.0, 6.0], pv_kw=[0.0] * 3, carbon_g_per_kwh=[500.0] * 3)
    contracts: dict[str, Any] = {"supply": Tariff(300.0)}
    if registers:  # then the oracle is a MILP
        contracts["power"] = DemandCharge((DemandWindow("any", 0.1),))
    battery = Battery(**IDEAL, charge_kw=1.0, discharge_kw=1.0)
    entities = {"battery": battery, "load": Consumer(), "grid": Grid(4.0, 0.0, 0.0)}
    scenario = Scenario("dear", entities, contracts, objective=Objective(kind, terminal="free"))
    env = EnergyEnv(scenario=scenario, data=data, horizon=1, episode_steps=None)
    env.reset(seed=0)
    solution = solve(env)
    assert solution.exact
    assert solution.table["unserved_kwh"].sum() <= 1.0 + 2.0 + 1e-9
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-9)


def test_every_promise_holds_at_a_site_that_sheds_and_at_one_beside_it() -> None:
    entities = {
        "grid": Grid(2.0, 1.0, 900.0),
        "cell": Battery(capacity_kwh=4.0, charge_kw=2.0, discharge_kw=2.0, wear_per_kwh=0.02),
        "roof": Solar(curtailment="action"),
        "works": Consumer(shiftable=0.3, catch_up_kw=2.0, debt_kwh=4.0),
        "fuse": Grid(1.0, None, 400.0),
        "store": Battery(self_discharge_per_day=0.05),
        "house": Consumer(),
    }
    yard, home = ("grid", "cell", "roof", "works"), ("fuse", "store", "house")
    windows = (DemandWindow("day", 1.0, hours=(8, 20)),)
    contracts: dict[str, Any] = {
        "supply": Tariff("price_per_mwh", 20.0, parties=yard),
        "peaks": DemandCharge(windows, period="day", parties=yard),
        "other": Tariff("price_per_mwh", parties=home),
    }
    random = np.random.default_rng(5)
    index = pd.date_range("2024-03-01", periods=60, freq="h", tz="Europe/Berlin")
    columns = {"price_per_mwh": random.normal(80.0, 60.0, 60), "load_kw": random.uniform(0.0, 4.0, 60)}
    data = pd.DataFrame({**columns, "pv_kw": random.uniform(0.0, 3.0, 60)}, index)
    scenario = Scenario("shedding", entities, contracts)
    report = check_scenario(scenario, data, episodes=1, steps=12, seed=2)
    assert report.exact
    env = EnergyEnv(scenario=scenario, data=data, horizon=1, episode_steps=12)
    env.reset(seed=0)
    *_, info = env.step(np.zeros(env.setup.controls))
    assert {"unserved_kwh.supply", "unserved_kwh.other"} <= set(info)


def test_a_batch_tells_the_same() -> None:
    data = frame(load_kw=[5.0, 5.0, 2.0, 5.0], pv_kw=[0.0, 1.0, 0.0, 0.0])
    env = a_site(Grid(import_kw=3.0, value_of_lost_load_per_mwh=2000.0), data)
    batch = EnergyVectorEnv(2, scenario=env.scenario, data=data, horizon=1, episode_steps=None, autoreset="disabled")
    batch.reset(seed=0)
    for _ in range(4):
        *_, info = env.step([0.3])
        *_, infos = batch.step(np.full((2, 1), 0.3))
        assert infos["unserved_kwh"].tolist() == [info["unserved_kwh"]] * 2
        assert infos["unserved_cost"].tolist() == [info["unserved_cost"]] * 2


def test_a_producer_refuses_it() -> None:
    env = gym.make("energy_gym/Bidding-v1", episode_steps=48).unwrapped
    scenario = env.scenario
    shedding = Scenario(
        "shedding",
        {**scenario.entities, "grid": Grid(1e9, None, 100.0)},
        {name: _with(item, "grid") for name, item in scenario.contracts.items()},
        scenario.clock,
        scenario.objective,
    )
    with pytest.raises(ConfigurationError, match="value_of_lost_load"):
        gym.make("energy_gym/Bidding-v1", scenario=shedding, episode_steps=48)


def _with(contract: Any, name: str) -> Any:
    from dataclasses import replace

    return replace(contract, parties=(*contract.parties, name)) if contract.parties else contract


def test_the_summary_of_a_plan_says_it(tmp_path: Any) -> None:
    data = frame(load_kw=[5.0, 5.0], pv_kw=[0.0, 0.0])
    nearly_empty = Battery(**IDEAL, soc_initial=0.1)
    env = a_site(Grid(import_kw=3.0, value_of_lost_load_per_mwh=2000.0), data, battery=nearly_empty)
    (tmp_path / "site.yaml").write_text(env.scenario.to_yaml())
    data.to_csv(tmp_path / "data.csv")
    words = ["solve", "energy_gym/Scenario-v1", "--scenario", str(tmp_path / "site.yaml"), "--split", "all"]
    result = CliRunner().invoke(app, [*words, "--data", str(tmp_path / "data.csv")])
    assert result.exit_code == 0, result.output
    assert "load not served" in result.output
    assert "3.00 kWh" in result.output
