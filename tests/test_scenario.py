"""Scenarios in YAML and back; unknown keys name the nearest known one."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym import Battery, Objective, Scenario
from energy_gym.contracts import Spot
from energy_gym.errors import ConfigurationError, EfficiencyError, NonPositiveError, StateOfChargeError, UnknownIdError

ID = "energy_gym/Arbitrage-v1"
sizes = st.floats(1e-3, 1e6)
fractions = st.floats(0.01, 1.0)


@settings(max_examples=60, deadline=None)
@given(
    sizes,
    sizes,
    fractions,
    st.floats(0.0, 0.4),
    st.floats(0.0, 0.99),
    st.sampled_from(["cost", "carbon", "joint"]),
    st.floats(0.0, 500.0),
    st.sampled_from(["settle", "free"]),
    st.text(min_size=1, max_size=12),
)
def test_round_trip(
    capacity: float,
    power: float,
    efficiency: float,
    low: float,
    loss: float,
    kind: str,
    carbon_price: float,
    terminal: str,
    name: str,
) -> None:
    battery = Battery(capacity, power, power, efficiency, efficiency, low, 0.9, 0.5, loss, 0.01)
    scenario = Scenario(
        name,
        {"battery": battery},
        {"spot": Spot("price_per_mwh")},
        objective=Objective(kind, carbon_price, terminal),
    )
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario


def test_absent_parts_take_their_defaults() -> None:
    assert Scenario.from_yaml("") == Scenario()
    tree = "entities: {battery: {capacity_kwh: 20}}"
    assert Scenario.from_yaml(tree) == Scenario.arbitrage(battery=Battery(capacity_kwh=20.0))
    assert Scenario.from_yaml("objective: {kind: carbon}").objective == Objective("carbon")


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("objectiv: {}", "objective"),
        ("entities: {batery: {}}", "battery"),
        ("contracts: {sport: {}}", "spot"),
        ("entities: {battery: {capacity_kw: 5}}", "capacity_kwh"),
        ("objective: {carbon_pric: 5}", "carbon_price"),
        ("contracts: {spot: {prise: x}}", "price"),
    ],
)
def test_unknown_keys_suggest_the_nearest(text: str, near: str) -> None:
    with pytest.raises(ConfigurationError, match=f"did you mean '{near}'"):
        Scenario.from_yaml(text)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("entities: {battery: {capacity_kwh: -1}}", NonPositiveError),
        ("entities: {battery: {efficiency_charge: 95}}", EfficiencyError),
        ("entities: {battery: {soc_initial: 1.95}}", StateOfChargeError),
        ("entities: {battery: {capacity_kwh: large}}", ConfigurationError),
        ("entities: {battery: {capacity_kwh: .nan}}", ConfigurationError),
        ("objective: {kind: money}", UnknownIdError),
        ("objective: {terminal: open}", UnknownIdError),
        ("objective: {carbon_price: -1}", ConfigurationError),
        ("objective: {carbon_price: .nan}", ConfigurationError),
        ("objective: {carbon_price: many}", ConfigurationError),
        ("entities: [1, 2]", ConfigurationError),
        ("entities: null", ConfigurationError),
        ("- 1", ConfigurationError),
        ("a: [", ConfigurationError),
        ("contracts: {spot: {price: 5}}", ConfigurationError),
    ],
)
def test_bad_values_name_their_place(text: str, error: type[ConfigurationError]) -> None:
    with pytest.raises(error) as caught:
        Scenario.from_yaml(text)
    assert caught.value.value and caught.value.rule and caught.value.remedy


def test_a_scenario_drives_the_environment(series: pd.DataFrame, tmp_path: Path) -> None:
    battery = Battery(capacity_kwh=40.0, charge_kw=8.0, soc_initial=0.25)
    scenario = Scenario.arbitrage(battery=battery, objective=Objective("joint", 100.0, "free"))
    path = tmp_path / "site.yaml"
    path.write_text(scenario.to_yaml(), encoding="utf-8")
    plain = {"battery": battery, "objective": "joint", "carbon_price": 100.0, "terminal": "free"}
    envs = [gym.make(ID, data=series, **kw) for kw in ({"scenario": scenario}, {"scenario": str(path)}, plain)]
    assert all(env.unwrapped.scenario == scenario for env in envs)
    trails = []
    for env in envs:
        env.reset(seed=1)
        trails.append([env.step(np.array([0.3]))[1] for _ in range(20)])
    assert trails[0] == trails[1] == trails[2]


def test_keywords_win_over_the_scenario(series: pd.DataFrame) -> None:
    scenario = Scenario.arbitrage(battery=Battery(capacity_kwh=40.0), objective=Objective("joint", 100.0, "free"))
    env = gym.make(ID, data=series, scenario=scenario, battery=Battery(), terminal="settle").unwrapped
    assert env.scenario.battery == Battery()
    assert env.scenario.objective == Objective("joint", 100.0, "settle")
    with pytest.raises(ConfigurationError):
        gym.make(ID, data=series, scenario="no/such/file.yaml")
