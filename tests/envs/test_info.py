"""The figures of info: one set of names for resets and steps, single and batch, each with its unit."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.contracts import Tariff
from energy_gym.entities import Consumer, Solar
from energy_gym.envs.compat import FINAL_INFO, MODERN
from energy_gym.errors import ConfigurationError
from energy_gym.reserve import Reserve, Trade
from energy_gym.scenarios.registration import SCENARIOS

STEPS = 5
UNITS = {"kWh", "kW", "kg CO2", "1"}
PARTS = ("energy_cost", "wear", "penalty", "demand_charge")


def two_fleets() -> Scenario:
    """Return a site with generation to cut beside two fleets; names with what paths and HDF5 read in their way."""
    entities = {"cell": Battery(), "roof": Solar(), "works": Consumer()}
    assets = {name: Battery(100.0, 40.0, 50.0) for name in ("north/1", "north/2", "south")}
    contracts = {
        "tariff": Tariff(buy=250.0, sell=60.0, parties=tuple(entities)),
        "up": Reserve("up", "up_per_mw_h", "up", (40.0, 20.0), parties=("north/1", "north/2")),
        "spot": Trade("spot", "price_per_mwh", (20.0,), parties=("south",)),
    }
    return Scenario("together", {**entities, **assets}, contracts)


@pytest.fixture(params=[*sorted(SCENARIOS), "together"])
def keywords(request: pytest.FixtureRequest, site: pd.DataFrame) -> dict[str, Any]:
    if request.param != "together":
        return {"id": request.param, "episode_steps": STEPS}
    data = site.assign(up_per_mw_h=10.0)
    return {"id": "energy_gym/Scenario-v1", "scenario": two_fleets(), "data": data, "episode_steps": STEPS}


def played(env: Any, seed: int) -> list[dict[str, Any]]:
    """Return what is said at the reset and at each step of an episode."""
    infos = [env.reset(seed=seed)[1]]
    env.action_space.seed(seed)
    return infos + [env.step(env.action_space.sample())[4] for _ in range(STEPS)]


@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
def test_a_reset_says_what_a_step_says(keywords: dict[str, Any], actions: str) -> None:
    env: Any = gym.make(**keywords, actions=actions).unwrapped
    for seed in (1, 2):
        first, *rest = played(env, seed)
        for info in (first, *rest):
            assert list(info) == list(env.info_units)
            for name, value in info.items():
                assert np.shape(value) == np.shape(first[name])
                assert np.asarray(value).dtype == np.asarray(first[name]).dtype
        begun = {name for name, value in first.items() if name != "due" and value != 0.0}
        assert begun == {name for name in first if name.partition(".")[0] == "energy_kwh" and first[name] > 0.0}


def test_each_figure_has_a_unit(keywords: dict[str, Any]) -> None:
    env: Any = gym.make(**keywords).unwrapped
    units = env.info_units
    currency = env.setup.feed.currency
    assert set(units.values()) <= {*UNITS, currency}
    assert {units[name] for name in PARTS} == {currency}
    assert units["cost"] == units["energy_kwh"] == "kWh"
    for name, unit in units.items():
        kind = name.partition(".")[0]
        assert not set(name) & set("/\\ ") and name.strip(".") == name
        assert unit == next((said for end, said in (("_kwh", "kWh"), ("_kw", "kW")) if kind.endswith(end)), unit)
    units["cost"] = "changed"
    assert env.info_units["cost"] == "kWh"


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_a_batch_says_the_same(keywords: dict[str, Any], mode: str) -> None:
    single: Any = gym.make(**keywords).unwrapped
    batch: Any = energy_gym.make_vec(num_envs=2, autoreset=mode, **keywords)
    names = list(single.info_units)
    assert batch.info_units == single.info_units
    infos = [batch.reset(seed=3)[1]]
    batch.action_space.seed(0)
    for step in range(2 * STEPS):
        if mode == "disabled" and step == STEPS:
            infos.append(batch.reset(options={"reset_mask": np.array([True, False]), "steps": STEPS + 1})[1])
            assert infos[-1]["_cost"].tolist() == [True, False]
            break
        infos.append(batch.step(batch.action_space.sample())[4])
    for info in infos:
        said = [name for name in info if not name.startswith("_") and not name.startswith("final_")]
        assert said == names
        for name in names:
            assert info[name].shape[0] == 2
            assert info[f"_{name}"].dtype == np.bool_
    assert all(info[f"_{name}"].all() for info in infos[:STEPS] for name in names)


def test_the_last_step_is_told_in_full(keywords: dict[str, Any]) -> None:
    """Where the next episode begins in the same step, what was said of the last one is handed over whole."""
    batch: Any = energy_gym.make_vec(num_envs=2, autoreset="same_step", **keywords)
    alone: list[Any] = [gym.make(**keywords).unwrapped for _ in range(2)]
    batch.reset(seed=7)
    for index, env in enumerate(alone):
        env.reset(seed=7 + index)
    batch.action_space.seed(1)
    for _ in range(STEPS):
        actions = batch.action_space.sample()
        info = batch.step(actions)[4]
        last = [env.step(action)[4] for env, action in zip(alone, actions, strict=True)]
    final = info[FINAL_INFO]
    for index, expected in enumerate(last):
        told = {name: final[name][index] for name in expected} if MODERN else final[index]
        assert list(told) == list(expected)
        for name, value in expected.items():
            np.testing.assert_array_equal(told[name], value)
    for index, env in enumerate(alone):
        for name, value in env.reset()[1].items():
            np.testing.assert_array_equal(info[name][index], value)


def test_several_units_with_a_figure_of_one_name(site: pd.DataFrame) -> None:
    keywords = {"scenario": two_fleets(), "data": site.assign(up_per_mw_h=10.0), "episode_steps": STEPS}
    env: Any = gym.make("energy_gym/Scenario-v1", **keywords).unwrapped
    units = env.info_units
    assert "availability" not in units
    assert {"availability.up", "availability.spot", "held_kw.up.north.1", "energy_kwh.south"} <= set(units)
    env.reset(seed=0)
    info = env.step(np.array([0.0, 1.0, 0.0]))[4]
    held = info["held_kw.up.north.1"] + info["held_kw.up.north.2"]
    assert info["availability.up"] == pytest.approx(held * 10.0 / 1000.0) and held > 0.0
    assert info["availability.spot"] == 0.0


def test_two_figures_of_one_name_are_refused(site: pd.DataFrame) -> None:
    assets = {"b.c": Battery(), "c": Battery()}
    sold = [Reserve(name, "up_per_mw_h", "up", (5.0, 5.0)) for name in ("a", "a.b")]
    fleet = Scenario.fleet("dotted", assets, sold)
    with pytest.raises(ConfigurationError, match=r"'held_kw\.a\.b\.c'.*rename one of them"):
        gym.make("energy_gym/FleetReserve-v1", fleet=fleet, data=site.assign(up_per_mw_h=10.0))
