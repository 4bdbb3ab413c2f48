"""A backup generator makes what is missing, before load is not served and never before it is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.entities import BackupGenerator, Consumer, Grid, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError, DataError, NonPositiveError
from energy_gym.scenarios.bidding import BiddingEnv
from energy_gym.testing import check_scenario

IDEAL: dict[str, Any] = {"efficiency_charge": 1.0, "efficiency_discharge": 1.0, "soc_min": 0.0, "soc_max": 1.0}
SET = BackupGenerator(rated_kw=2.0, fuel_per_kwh=0.5, carbon_g_per_kwh=800.0)


def frame(**columns: Any) -> pd.DataFrame:
    steps = len(next(iter(columns.values())))
    return pd.DataFrame(columns, pd.date_range("2024-02-01", periods=steps, freq="h", tz="UTC"))


def a_site(grid: Grid, data: pd.DataFrame, objective: Objective | None = None, **more: Any) -> EnergyEnv:
    entities = {"battery": Battery(**IDEAL), "load": Consumer(), "genset": SET, "grid": grid, **more}
    aim = objective or Objective(terminal="free")
    scenario = Scenario("hut", entities, {"supply": Tariff(100.0, 20.0)}, objective=aim)
    env = EnergyEnv(scenario=scenario, data=data, horizon=1, episode_steps=None)
    env.reset(seed=0)
    return env


def test_what_it_makes_by_hand() -> None:
    """3 kW come in. Of 6 kWh of load the set makes 2 and 1 is lost; of 5 where the battery gives 1, it makes 1."""
    data = frame(load_kw=[6.0, 5.0, 2.0], carbon_g_per_kwh=[0.0] * 3)
    env = a_site(Grid(3.0, None, 2000.0), data)
    *_, info = env.step([1.0])
    assert (info["grid_kw"], info["backup_kwh"], info["unserved_kwh"], info["cost"]) == (3.0, 2.0, 1.0, 5.0)
    assert (info["energy_cost"], info["backup_cost"], info["penalty"]) == pytest.approx((0.3 + 1.0, 1.0, 2.0))
    assert info["carbon_kg"] == pytest.approx(1.6)
    *_, info = env.step([-0.2])
    assert (info["backup_kwh"], info["unserved_kwh"]) == (1.0, 0.0)
    *_, info = env.step([1.0])  # it does not charge the battery
    assert (info["grid_kw"], info["backup_kwh"]) == (3.0, 0.0)


def test_without_a_value_of_lost_load_all_must_fit_with_it() -> None:
    data = frame(load_kw=[5.0, 4.0])
    env = a_site(Grid(3.0), data)
    *_, info = env.step([0.0])
    assert (info["backup_kwh"], info["penalty"]) == (2.0, 0.0)
    assert "unserved_kwh" not in info
    with pytest.raises(DataError, match=r"1\.000 kW above the import limit"):
        a_site(Grid(3.0), frame(load_kw=[5.0, 6.0]))


@pytest.mark.parametrize(("kind", "lost"), [("cost", 100.0), ("cost", 3000.0), ("carbon", 3000.0), ("joint", 900.0)])
@pytest.mark.parametrize("charged", [False, True])
def test_the_oracle_starts_it_as_the_step_does_even_where_losing_load_were_cheaper(
    kind: str, lost: float, charged: bool
) -> None:
    random = np.random.default_rng(3)
    data = frame(
        load_kw=random.uniform(0.0, 6.0, 12),
        carbon_g_per_kwh=random.uniform(100.0, 500.0, 12),
        line_kw=random.choice([0.0, 3.0], 12),
    )
    entities = {"battery": Battery(**IDEAL), "load": Consumer(), "genset": SET, "grid": Grid("line_kw", None, lost)}
    contracts: dict[str, Any] = {"supply": Tariff(100.0, 20.0)}
    if charged:
        contracts["peaks"] = DemandCharge((DemandWindow("any", 0.5),))
    scenario = Scenario("hut", entities, contracts, objective=Objective(kind, terminal="settle"))
    env = EnergyEnv(scenario=scenario, data=data, horizon=1, episode_steps=None)
    env.reset(seed=0)
    solution = solve(env)
    assert solution.exact
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
    for _ in range(30):
        env.reset(seed=0)
        assert sum(env.step(random.uniform(-1.0, 1.0, 1))[1] for _ in range(12)) <= solution.bound + 1e-6


def test_an_outage_that_is_foreseen_is_stored_for() -> None:
    data = frame(load_kw=[1.0] * 6, line_kw=[9.0, 9.0, 9.0, 0.0, 0.0, 0.0])
    env = a_site(Grid("line_kw", None, 9000.0), data, battery=Battery(**IDEAL, soc_initial=0.0))
    solution = solve(env)
    assert solution.table["backup_kwh"].sum() == pytest.approx(0.0, abs=1e-9)
    assert solution.value == pytest.approx(-0.6)


def test_every_promise_holds() -> None:
    random = np.random.default_rng(1)
    entities = {
        "cell": Battery(wear_per_kwh=0.01),
        "roof": Solar(curtailment="action"),
        "works": Consumer(shiftable=0.3, catch_up_kw=2.0, debt_kwh=4.0),
        "genset": SET,
        "grid": Grid("line_kw", 1.0, 900.0),
    }
    load, line = random.uniform(0.0, 4.0, 60), random.choice([0.0, 2.0], 60)
    data = frame(load_kw=load, line_kw=line, pv_kw=random.uniform(0.0, 3.0, 60), carbon_g_per_kwh=load * 90.0)
    scenario = Scenario("works", entities, {"supply": Tariff(200.0, 20.0)}, objective=Objective("joint"))
    assert check_scenario(scenario, data, episodes=1, steps=8, seed=2).exact


def test_a_batch_tells_the_same() -> None:
    data = frame(load_kw=[6.0, 5.0, 2.0])
    env = a_site(Grid(3.0, None, 2000.0), data)
    batch = EnergyVectorEnv(2, scenario=env.scenario, data=data, horizon=1, episode_steps=None, autoreset="disabled")
    batch.reset(seed=0)
    for _ in range(3):
        _, gain, _, _, info = env.step([-0.1])
        _, gains, _, _, infos = batch.step(np.full((2, 1), -0.1))
        assert infos["backup_kwh"].tolist() == [info["backup_kwh"]] * 2
        assert gains.tolist() == [gain] * 2


def test_where_nothing_can_be_missing_it_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"entities\.genset: .* nothing limits imports; add a grid"):
        a_site(Grid(export_kw=3.0), frame(load_kw=[1.0, 1.0]))
    with pytest.raises(ConfigurationError, match="a second backup generator beside 'genset'"):
        a_site(Grid(3.0), frame(load_kw=[1.0, 1.0]), other=SET)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [({"rated_kw": 0.0}, NonPositiveError), ({"fuel_per_kwh": -1.0}, ConfigurationError),
     ({"carbon_g_per_kwh": "much"}, ConfigurationError)],
)  # fmt: skip
def test_what_is_no_generator_is_refused(fields: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind, match=next(iter(fields))):
        BackupGenerator(**fields)


def test_a_producer_refuses_it() -> None:
    scenario = BiddingEnv(episode_steps=48).scenario
    entities = {**scenario.entities, "genset": SET, "fuse": Grid(import_kw=9e9)}
    changed = Scenario("by itself", entities, scenario.contracts)
    with pytest.raises(ConfigurationError, match="backup generator of a producer"):
        BiddingEnv(scenario=changed)
