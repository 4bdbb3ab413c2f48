"""What each MWh pays on its way in and out: by hand, between two units, and against all plans on a grid of powers."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario, solve
from energy_gym.contracts import Spot, Tariff, TransmissionCharge
from energy_gym.entities import Consumer, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.testing import check_scenario

IDEAL: dict[str, Any] = {"efficiency_charge": 1.0, "efficiency_discharge": 1.0, "soc_min": 0.0, "soc_max": 1.0}


def frame(steps: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-05-03", periods=steps, freq="h", tz="Europe/Berlin")
    columns = {"price_per_mwh": random.normal(60.0, 60.0, steps), "load_kw": random.uniform(0.0, 4.0, steps)}
    return pd.DataFrame({**columns, "pv_kw": random.uniform(0.0, 4.0, steps)}, index)


def made(scenario: Scenario, data: pd.DataFrame) -> EnergyEnv:
    env = EnergyEnv(scenario=scenario, data=data, episode_steps=None, horizon=1, split="all")
    env.reset(seed=0)
    return env


def a_pair() -> Scenario:
    """Return two batteries of one owner, each behind its own meter on one spot market."""
    entities = {"north": Battery(**IDEAL), "south": Battery(**IDEAL)}
    contracts: dict[str, Any] = {}
    for name in entities:
        contracts[f"spot {name}"] = Spot(parties=(name,))
        contracts[f"network {name}"] = TransmissionCharge(8.0, 2.0, parties=(name,))
    return Scenario("pair", entities, contracts)


def test_by_hand() -> None:
    """Import of 3 kWh at 8 a MWh; export of 2 kWh at 2."""
    contracts = {"supply": Tariff(0.0, 0.0), "network": TransmissionCharge(8.0, 2.0)}
    env = made(Scenario("s", {"battery": Battery(**IDEAL)}, contracts), frame(2))
    assert env.step([0.6])[-1]["energy_cost"] == pytest.approx(0.024)
    assert env.step([-0.4])[-1]["energy_cost"] == pytest.approx(0.004 + 0.0)


@pytest.mark.parametrize("power", [0.2, 0.5, 1.0])
def test_what_is_moved_between_two_units_pays_both_charges_and_nothing_else(power: float) -> None:
    env = made(a_pair(), frame(4))
    *_, info = env.step([-power, power])
    assert info["grid_kw"] == 0.0
    assert info["energy_cost"] == pytest.approx(5.0 * power * (2.0 + 8.0) / 1000.0)


def test_a_best_plan_moves_nothing_between_units_for_nothing() -> None:
    """Two stores at one price have no reason to pass energy on: no step has one giving while the other takes."""
    env = made(a_pair(), frame(36, 3))
    solution = solve(env)
    assert solution.exact
    earned = 0.0
    for action in solution.actions:
        before = np.array(env.states[:2])
        earned += env.step(action)[1]
        moved = np.array(env.states[:2]) - before
        assert moved.min() * moved.max() >= -1e-6
    assert earned == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_no_plan_on_a_grid_of_powers_beats_the_oracle(seed: int) -> None:
    contracts = {"supply": Spot(), "network": TransmissionCharge(20.0, 30.0)}
    entities = {"battery": Battery(charge_kw=3.0), "load": Consumer(), "pv": Solar()}
    env = made(Scenario("s", entities, contracts), frame(5, seed))
    solution, best = solve(env), -np.inf
    for plan in product((-1.0, -0.5, 0.0, 0.5, 1.0), repeat=5):
        env.reset(seed=0)
        best = max(best, sum(env.step([wish])[1] for wish in plan))
    assert solution.exact
    assert best <= solution.value + 1e-9


def test_every_promise_holds() -> None:
    contracts = {"supply": Tariff("price_per_mwh", 20.0), "network": TransmissionCharge(20.0, 3.0)}
    entities = {"battery": Battery(), "load": Consumer(), "pv": Solar(curtailment="action")}
    assert check_scenario(Scenario("s", entities, contracts), frame(60), episodes=1, steps=8).exact


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({}, "charge nothing"),
        ({"import_per_mwh": -1.0}, "below zero"),
        ({"export_per_mwh": "much"}, "finite number"),
        ({"import_per_mwh": float("inf")}, "finite number"),
    ],
)
def test_what_is_no_charge_is_refused(given: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        TransmissionCharge(**given)


def test_read_back_from_yaml_it_is_the_same() -> None:
    assert Scenario.from_yaml(a_pair().to_yaml()) == a_pair()
