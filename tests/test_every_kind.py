"""Every kind of scenario through Scenario-v1: all promises, files, recordings, and what may stand together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.agents.records.keywords import made_keywords, plain_keywords
from energy_gym.bidding.presets import preset
from energy_gym.contracts import DemandCharge, DemandWindow, Supply, Tariff, Trading
from energy_gym.entities import Consumer, Solar, Wind
from energy_gym.errors import ConfigurationError, EnergyGymError, UnknownIdError
from energy_gym.reserve import RandomActivation, Reserve, Trade
from energy_gym.testing import check_scenario

ID = "energy_gym/Scenario-v1"
ASSETS = {"one": Battery(100.0, 40.0, 50.0, wear_per_kwh=0.004), "two": Battery(60.0, 60.0, 30.0, 0.9, 0.92)}
SOLD = {
    "up": Reserve(
        "up", "up_per_mw_h", "up", (40.0, 20.0), activation=RandomActivation(0.3, 2.0), energy_price="up_per_mwh"
    ),
    "spot": Trade("spot", "price_per_mwh", (20.0, 0.0)),
}


def site() -> Scenario:
    entities = {"battery": Battery(40.0, 15.0, 20.0), "pv": Solar(), "load": Consumer()}
    demand = DemandCharge((DemandWindow("any", 3.0),))
    return Scenario("site", entities, {"tariff": Tariff(buy=250.0, sell=60.0), "demand": demand})


def producer() -> Scenario:
    entities = {"wind": Wind(), "battery": Battery(800.0, 300.0, 400.0), "load": Consumer(scale=20.0)}
    trading = Trading(sell_kw=2000.0, buy_kw=800.0)
    return Scenario("producer", entities, {"trading": trading, "supply": Supply(60.0, 0.0, 1000.0)})


def fleet() -> Scenario:
    return Scenario.fleet("fleet", ASSETS, SOLD)


def both() -> Scenario:
    home = site()
    parties = tuple(home.entities)
    metered = {name: replace(contract, parties=parties) for name, contract in home.contracts.items()}
    sold = {name: replace(contract, parties=tuple(ASSETS)) for name, contract in SOLD.items()}
    return Scenario("both", {**home.entities, **ASSETS}, {**metered, **sold})


KINDS = {"site": site, "producer": producer, "fleet": fleet, "both": both}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    hours = pd.date_range("2024-03-28", periods=24 * 12, freq="h", tz="Europe/Copenhagen")
    random = np.random.default_rng(3)
    price = 60.0 + 40.0 * np.sin(hours.hour.to_numpy() / 3.0) + 20.0 * random.normal(size=len(hours))
    columns = {
        "price_per_mwh": price,
        "balancing_up_per_mwh": price + 25.0 * random.random(len(hours)),
        "balancing_down_per_mwh": price - 25.0 * random.random(len(hours)),
        "up_per_mwh": price + 30.0,
        "up_per_mw_h": 10.0 * random.random(len(hours)),
        "load_kw": 12.0 + 6.0 * random.random(len(hours)),
        "pv_kw": 15.0 * np.clip(np.sin((hours.hour.to_numpy() - 6) * np.pi / 12.0), 0.0, None),
        "wind_kw": 900.0 * random.random(len(hours)),
    }
    return pd.DataFrame(columns, index=hours)


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_the_suite_promises_holds(kind: str, frame: pd.DataFrame) -> None:
    report = check_scenario(KINDS[kind](), frame, episodes=2, steps=24)
    assert report.controls >= 1
    assert report.best_random <= 1e-6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
def test_recorded_and_made_again(kind: str, actions: str, frame: pd.DataFrame, tmp_path: Any) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(KINDS[kind]().to_yaml(), encoding="utf-8")
    env = gym.make(ID, scenario=str(path), data=frame, actions=actions, episode_steps=12).unwrapped
    kept = {name: value for name, value in plain_keywords(env).items() if name != "data"}
    again = gym.make(ID, data=frame, **made_keywords(kept)).unwrapped
    assert again.scenario == env.scenario
    for one in (env, again):
        one.reset(seed=4)
        one.action_space.seed(1)
    assert env.action_space == again.action_space
    for _ in range(12):
        action = env.action_space.sample()
        assert env.step(action)[1] == again.step(action)[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
def test_the_plan_earns_what_it_promises(kind: str, actions: str, frame: pd.DataFrame) -> None:
    env = gym.make(ID, scenario=KINDS[kind](), data=frame, actions=actions, episode_steps=16)
    env.reset(seed=2)
    for _ in range(4):
        env.step(env.action_space.sample())
    solution = energy_gym.solve(env, time_limit=20.0)
    physical = energy_gym.solve(env, continuous=True, time_limit=20.0)
    earned = sum(env.step(action)[1] for action in solution.actions)
    assert earned == pytest.approx(solution.value, abs=1e-6)
    assert solution.value <= solution.bound + 1e-9
    assert solution.value <= physical.bound + 1e-6


def test_independent_units_add_up(frame: pd.DataFrame) -> None:
    """What a site and a fleet earn together is what each earns by itself."""
    together = gym.make(ID, scenario=both(), data=frame, episode_steps=24)
    alone = [gym.make(ID, scenario=KINDS[kind](), data=frame, episode_steps=24) for kind in ("site", "fleet")]
    options = {"start": frame.index[30]}
    for env in (together, *alone):
        env.reset(options=options)
    random, split = np.random.default_rng(0), alone[0].action_space.shape[0]
    for _ in range(24):
        action = random.uniform(-1.0, 1.0, together.action_space.shape)
        parts = [env.step(part)[1] for env, part in zip(alone, np.split(action, [split]), strict=True)]
        assert together.step(action)[1] == pytest.approx(sum(parts), abs=1e-9)


def test_what_cannot_stand_together_is_refused_with_the_reason(frame: pd.DataFrame) -> None:
    home, bids = site(), producer()
    parted = {name: replace(item, parties=tuple(home.entities)) for name, item in home.contracts.items()}
    renamed = {f"{name}_2": item for name, item in bids.entities.items()}
    sold = {name: replace(item, parties=tuple(renamed)) for name, item in bids.contracts.items()}
    scenario = Scenario("three", {**home.entities, **renamed}, {**parted, **sold})
    with pytest.raises(ConfigurationError, match=r"contracts\.trading of a producer beside contracts\.tariff: bids"):
        gym.make(ID, scenario=scenario, data=frame)
    with pytest.raises(ConfigurationError, match="is settled by the fleet, while 'tariff' of the same parties"):
        Scenario("shared", ASSETS, {"tariff": Tariff(), **SOLD})


@pytest.mark.parametrize(
    ("scenario", "keywords"),
    [(site, {"dispatch": "direct"}), (fleet, {"storage": Battery()}), (producer, {"activation_seed": 1})],
)
def test_keywords_of_another_kind_are_refused(scenario: Any, keywords: dict[str, Any], frame: pd.DataFrame) -> None:
    with pytest.raises(UnknownIdError, match=next(iter(keywords))):
        gym.make(ID, scenario=scenario(), data=frame, **keywords)


def test_the_presets_of_both_markets_are_scenarios() -> None:
    for scenario in (preset("eu-hourly"), preset("india-15min"), energy_gym.reserve.presets.get_fleet("synthetic")):
        assert Scenario.from_yaml(scenario.to_yaml()) == scenario


def test_a_composition_that_cannot_be_priced_names_what_is_missing(frame: pd.DataFrame) -> None:
    with pytest.raises(EnergyGymError, match="market 'up'"):
        gym.make(ID, scenario=both(), data=frame.drop(columns="up_per_mw_h"))
