"""Price, carbon and wear count as the objective weighs them; the oracle follows the same weights."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.entities import Consumer
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.testing import check_scenario

WORN: dict[str, Any] = {"wear_per_kwh": 0.05, "charge_kw": 3.0, "discharge_kw": 3.0}
PARTS = ("energy_cost", "penalty", "demand_charge")


def frame(steps: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-02-01", periods=steps, freq="h", tz="UTC")
    columns = {"price_per_mwh": random.normal(60.0, 90.0, steps), "load_kw": random.uniform(0.0, 4.0, steps)}
    return pd.DataFrame({**columns, "carbon_g_per_kwh": random.uniform(0.0, 700.0, steps)}, index)


def made(steps: int = 24, seed: int = 0, **keywords: Any) -> EnergyEnv:
    env = EnergyEnv(data=frame(steps, seed), battery=Battery(**WORN), horizon=2, episode_steps=None, **keywords)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 3.0), (2.0, 0.0), (0.0, 1.5)])
def test_a_reward_is_the_weighted_sum_of_its_parts(weights: tuple[float, float]) -> None:
    price, wear = weights
    env = made(objective="joint", carbon_price=200.0, price_weight=price, wear_weight=wear)
    for wish in (-0.8, 0.6, -0.3):
        _, gain, _, _, info = env.step([wish])
        money = price * sum(info[name] for name in PARTS) + wear * info["wear"]
        assert gain == pytest.approx(-(money + 0.2 * info["carbon_kg"]), abs=1e-12)


def test_what_weighs_one_changes_no_bit() -> None:
    one, other = made(), made(price_weight=1.0, wear_weight=1.0)
    for wish in (-0.8, 0.6, -0.3, 0.77):
        assert one.step([wish])[1] == other.step([wish])[1]


def test_wear_that_weighs_more_gives_out_less() -> None:
    given = []
    for weight in (0.0, 1.0, 4.0, 1e3):
        env = made(48, wear_weight=weight)
        solution = solve(env)
        assert solution.exact
        assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
        given.append(float(solution.table["wear"].sum()))
    assert given[0] > given[1] > given[2] > given[3] - 1e-9
    assert given[3] < 1e-9


def test_a_price_that_weighs_twice_is_wear_that_weighs_half() -> None:
    one, other = solve(made(48, price_weight=2.0)), solve(made(48, wear_weight=0.5))
    assert one.value == pytest.approx(2.0 * other.value, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_no_sequence_of_levels_beats_the_oracle(seed: int) -> None:
    keywords = {"objective": "joint", "carbon_price": 90.0, "price_weight": 0.7, "wear_weight": 2.5}
    env = made(7, seed, actions="discrete-3", **keywords)
    solution = solve(env)
    best = -np.inf
    for plan in product(range(3), repeat=7):
        env.reset(seed=0)
        best = max(best, sum(env.step(action)[1] for action in plan))
    assert solution.exact
    assert solution.value == pytest.approx(best, abs=1e-9)


def test_every_promise_holds_beside_a_demand_charge() -> None:
    entities = {"cell": Battery(**WORN), "house": Consumer()}
    contracts: dict[str, Any] = {
        "supply": Tariff("price_per_mwh", 20.0),
        "peaks": DemandCharge((DemandWindow("any", 0.5),), period="day"),
    }
    objective = Objective("joint", price_weight=0.6, wear_weight=3.0)
    assert check_scenario(
        Scenario("weighed", entities, contracts, objective=objective), frame(60), episodes=1, steps=8
    ).exact


def test_they_are_read_from_yaml() -> None:
    scenario = Scenario.from_yaml("contracts: {spot: {}}\nobjective: {kind: joint, price_weight: 0.5, wear_weight: 2}")
    assert scenario.objective.weights == (0.5, 0.08, 2.0)
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario


def test_carbon_alone_is_kg_whatever_money_weighs() -> None:
    assert Objective("carbon", price_weight=0.0, wear_weight=9.0).weights == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("name", ["price_weight", "wear_weight"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), "much", False])
def test_a_weight_that_is_none_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Objective(**{name: value})


@pytest.mark.parametrize("more", [{"kind": "cost"}, {"kind": "joint", "carbon_price": 0.0}])
def test_what_counts_nothing_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="neither money nor carbon"):
        Objective(price_weight=0.0, **more)
