"""A kWh refused costs what the objective says, as a part of the penalty; no optimal plan of powers pays it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.contracts import Spot, Tariff
from energy_gym.entities import Consumer, Grid, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError
from energy_gym.scenarios.bidding import BiddingEnv
from energy_gym.scenarios.fleet_reserve import FleetReserveEnv
from energy_gym.testing import check_scenario

IDEAL: dict[str, Any] = {"efficiency_charge": 1.0, "efficiency_discharge": 1.0, "soc_min": 0.0, "soc_max": 1.0}
PRICE = {"refused_per_kwh": 0.5}


def frame(steps: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-02-01", periods=steps, freq="h", tz="UTC")
    columns = {"price_per_mwh": random.normal(60.0, 60.0, steps), "load_kw": random.uniform(0.0, 4.0, steps)}
    return pd.DataFrame({**columns, "pv_kw": random.uniform(0.0, 3.0, steps)}, index)


def made(battery: Battery, steps: int, **keywords: Any) -> EnergyEnv:
    env = EnergyEnv(data=frame(steps), battery=battery, horizon=2, episode_steps=None, **keywords)
    env.reset(seed=0)
    return env


def test_what_it_costs_by_hand() -> None:
    """From 5 of 10 kWh, 8 kWh asked for at once: 3 are refused, at 0.50."""
    env = made(Battery(**IDEAL, charge_kw=8.0), 3, refused_per_kwh=0.5, terminal="free")
    _, gain, _, _, info = env.step([1.0])
    assert (info["cost"], info["refused_cost"], info["penalty"]) == (3.0, 1.5, 1.5)
    assert gain == pytest.approx(-(info["energy_cost"] + 1.5))
    assert env.info_units["refused_cost"] == env.info_units["penalty"]


def test_it_stands_beside_what_is_not_served() -> None:
    entities = {"battery": Battery(**IDEAL), "load": Consumer(), "grid": Grid(1.0, None, 2000.0)}
    scenario = Scenario("hut", entities, {"supply": Tariff(100.0)}, objective=Objective(terminal="free", **PRICE))
    env = EnergyEnv(scenario=scenario, data=frame(6), horizon=1, episode_steps=None)
    env.reset(seed=0)
    *_, info = env.step([1.0])
    assert info["cost"] > 0.0 < info["unserved_kwh"]
    assert info["penalty"] == info["unserved_cost"] + info["refused_cost"]
    assert info["refused_cost"] == 0.5 * info["cost"]


def test_without_it_there_is_no_such_figure() -> None:
    env = made(Battery(**IDEAL), 3)
    *_, info = env.step([1.0])
    assert "refused_cost" not in info
    assert env.setup.units[0].plain


def test_the_best_plan_of_powers_refuses_nothing() -> None:
    leaky = Battery(self_discharge_per_day=0.2, wear_per_kwh=0.01)
    plain, dear = made(leaky, 30), made(leaky, 30, refused_per_kwh=5.0)
    one, other = solve(plain), solve(dear)
    assert other.exact
    assert other.value == pytest.approx(one.value, abs=1e-6)
    assert other.table["refused_cost"].sum() < 1e-6
    assert sum(dear.step(action)[1] for action in other.actions) == pytest.approx(other.value, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_levels_may_be_refused_and_the_best_of_all_sequences_is_found(seed: int) -> None:
    """With three levels a wish may be worth its refusal, or not any more: all sequences are tried."""
    data = frame(7, seed)
    found = []
    for price in (0.0, 0.02, 3.0):
        keywords = {"data": data, "battery": Battery(charge_kw=3.0), "actions": "discrete-3", "horizon": 1}
        env = EnergyEnv(**keywords, refused_per_kwh=price, episode_steps=None)
        env.reset(seed=0)
        solution = solve(env)
        best = max(played(env, plan) for plan in product(range(3), repeat=7))
        assert solution.exact
        assert solution.value == pytest.approx(best, abs=1e-9)
        found.append(best)
    assert found[0] >= found[1] >= found[2]


def played(env: EnergyEnv, plan: tuple[int, ...]) -> float:
    env.reset(seed=0)
    return sum(env.step(action)[1] for action in plan)


def test_every_promise_holds() -> None:
    entities = {"cell": Battery(), "roof": Solar(curtailment="limit"), "house": Consumer(), "grid": Grid(6.0, 1.0)}
    objective = Objective("joint", **PRICE)
    scenario = Scenario("strict", entities, {"supply": Tariff("price_per_mwh", 20.0)}, objective=objective)
    data = frame(60).assign(carbon_g_per_kwh=300.0)
    assert check_scenario(scenario, data, episodes=1, steps=12, seed=1).exact


def test_a_batch_tells_the_same() -> None:
    data = frame(5)
    keywords: dict[str, Any] = {"data": data, "horizon": 1, "episode_steps": None, **PRICE}
    env, batch = EnergyEnv(**keywords), EnergyVectorEnv(2, autoreset="disabled", **keywords)
    env.reset(seed=0)
    batch.reset(seed=0)
    for _ in range(5):
        _, gain, _, _, info = env.step([-1.0])
        _, gains, _, _, infos = batch.step(np.full((2, 1), -1.0))
        assert infos["refused_cost"].tolist() == [info["refused_cost"]] * 2
        assert gains.tolist() == [gain] * 2


@pytest.mark.parametrize("price", [-1.0, float("inf"), "much", True])
def test_a_price_that_is_none_is_refused(price: Any) -> None:
    with pytest.raises(ConfigurationError, match="refused_per_kwh"):
        Objective(refused_per_kwh=price)


def test_it_is_read_from_yaml_and_a_keyword_stands_in_its_place() -> None:
    text = "contracts: {spot: {}}\nobjective: {refused_per_kwh: 0.25}"
    scenario = Scenario.from_yaml(text)
    assert scenario == Scenario(contracts={"spot": Spot()}, objective=Objective(refused_per_kwh=0.25))
    assert EnergyEnv(scenario=scenario, data=frame(3), refused_per_kwh=1.0).setup.units[0].refused_per_kwh == 1.0


@pytest.mark.parametrize("kind", [BiddingEnv, FleetReserveEnv])
def test_who_bids_refuses_it(kind: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"refused_per_kwh=0.5: .* bids; pass 0.0"):
        kind(refused_per_kwh=0.5)


@pytest.mark.parametrize("autoreset", ["next_step", "same_step", "disabled"])
def test_a_batch_goes_on_where_nothing_can_be_refused(autoreset: str) -> None:
    """What a roof refuses is nothing whatever is asked, so that its cost is one number for all environments."""
    entities = {"roof": Solar(curtailment="action"), "house": Consumer(), "grid": Grid()}
    supply = {"supply": Tariff("price_per_mwh", 20.0)}
    scenario = Scenario("roof", entities, supply, objective=Objective(terminal="free", **PRICE))
    batch = EnergyVectorEnv(3, scenario=scenario, data=frame(9), horizon=1, autoreset=autoreset)
    batch.reset(seed=0)
    for steps in (2, 4, 3):
        batch.reset(options={"steps": steps, "reset_mask": [True, False, True]} if steps > 2 else {"steps": 9})
        for _ in range(2):
            *_, infos = batch.step(np.full((3, 1), -0.5))
            assert infos["refused_cost"].tolist() == [0.0] * 3
