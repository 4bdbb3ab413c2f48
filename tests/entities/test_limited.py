"""Batteries held to cycles, tapers, efficiencies by power and ageing: every promise holds, and figures by hand do."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_promises import check_promises

from energy_gym import Battery, Scenario, solve
from energy_gym.contracts import Spot
from energy_gym.entities import LimitedBattery
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.testing import check_scenario
from energy_gym.testing.optimum import check_replay
from tests.test_random_scenarios import a_battery, a_frame, a_scenario, every_plan

Random = np.random.Generator
LOSSLESS = {"efficiency_charge": 1.0, "efficiency_discharge": 1.0, "soc_min": 0.0, "soc_max": 1.0}


def a_limited_battery(random: Random) -> LimitedBattery:
    """Return one with some of all that it can be held to."""
    plain = a_battery(random)
    fields: dict[str, Any] = asdict(plain)

    def some(share: float, name: str, value: Any) -> None:
        if random.random() < share:
            fields[name] = value

    def number(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    some(0.5, "cycles_per_day", number(0.1, 1.5))
    some(0.3, "cycles_per_year", number(0.1, 1.5))
    some(0.5, "charge_taper", ((0.0, 1.0), (0.6, 1.0), (1.0, number(0.0, 0.5))))
    some(0.5, "discharge_taper", ((0.0, number(0.0, 0.5)), (0.4, 1.0)))
    some(0.3, "charge_efficiency", ((0.5, number(0.8, 1.0)), (1.0, number(0.8, 0.95))))
    some(0.4, "discharge_efficiency", ((0.5, number(0.85, 1.0)), (1.0, number(0.8, 0.95))))
    some(0.3, "fade_per_kwh", float(random.choice([0.01, 0.1])))
    some(0.3, "fade_per_year", number(0.0, 0.45))
    some(0.5, "day_begins", float(random.choice([12.0, 23.0])))
    return LimitedBattery(**fields)


def a_limited_scenario(seed: int, sites: int | None = None, demand: bool = True) -> Scenario:
    """Return a composition as the random tests draw them, its batteries limited ones."""
    random, scenario = np.random.default_rng(seed), a_scenario(seed, sites, demand)
    entities = {
        name: a_limited_battery(random) if type(item) is Battery else item for name, item in scenario.entities.items()
    }
    objective = scenario.objective
    if objective.terminal == "cyclic":  # a limited battery says of no power that it is sure
        objective = replace(objective, terminal="buyback")
    return replace(scenario, entities=entities, objective=objective)


def played(battery: Battery, prices: list[float], start: str, hours: float = 1.0, **more: Any) -> EnergyEnv:
    index = pd.date_range(start, periods=len(prices), freq=pd.Timedelta(hours=hours), tz="Europe/Berlin")
    frame = pd.DataFrame({"price_per_mwh": prices}, index)
    scenario = Scenario("home", {"home": battery}, {"spot": Spot()})
    env = EnergyEnv(data=frame, scenario=scenario, episode_steps=None, split="all", terminal="free", **more)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize("seed", range(24))
def test_every_promise_short_of_the_agents(seed: int) -> None:
    keywords = {"data": a_frame(seed, 10), "horizon": 3, "episode_steps": 10, "scenario": a_limited_scenario(seed)}
    check_promises(keywords, seed, window=8, rollouts=600)


def test_no_agent_beats_the_bound() -> None:
    assert check_scenario(a_limited_scenario(3), a_frame(3), episodes=1, steps=8, seed=3).exact


@pytest.mark.parametrize("seed", range(12))
def test_levels_against_every_sequence(seed: int) -> None:
    scenario = replace(
        a_limited_scenario(seed),
        entities={"b": a_limited_battery(np.random.default_rng(seed))},
        contracts={"spot": Spot()},
    )
    env = EnergyEnv(data=a_frame(seed, 6), horizon=1, episode_steps=None, scenario=scenario, actions="discrete-3")
    env.reset(seed=0)
    best, solution = every_plan(env, 6), solve(env)
    check_replay(env, solution)
    assert solution.value - 1e-9 <= best <= solution.bound + 1e-6


def test_without_limits_it_is_a_battery() -> None:
    prices = np.random.default_rng(0).normal(50.0, 40.0, 48).tolist()
    plain = Battery(self_discharge_per_day=0.1, wear_per_kwh=0.01)
    limited = LimitedBattery(self_discharge_per_day=0.1, wear_per_kwh=0.01)
    values = [solve(played(battery, prices, "2024-05-01")).value for battery in (plain, limited)]
    assert values[0] == pytest.approx(values[1], abs=1e-9)


def test_cycles_count_from_the_hour_at_which_the_day_begins() -> None:
    """Of five hours that pay, two lie before noon: with a cycle a day from noon to noon, all can be sold but three."""
    battery = LimitedBattery(10.0, 10.0, 10.0, **LOSSLESS, soc_initial=1.0, cycles_per_day=1.0, day_begins=12.0)
    prices = [100.0, 0.0, 90.0, 0.0, 80.0]  # 10:00 to 14:00
    env = played(battery, prices, "2024-06-01 10:00")
    solution = solve(env)
    assert solution.exact
    assert solution.value == pytest.approx(1.0 + 0.9)
    at_midnight = played(replace(battery, day_begins=0.0), prices, "2024-06-01 10:00")
    assert solve(at_midnight).value == pytest.approx(1.0)


def test_the_count_of_a_day_is_observed_and_starts_anew() -> None:
    battery = LimitedBattery(10.0, 5.0, 5.0, **LOSSLESS, soc_initial=1.0, cycles_per_day=1.0)
    env = played(battery, [10.0] * 4, "2024-06-01 22:00")
    names = [slot.name for slot in env.layout]
    seen = [env.step(np.array([-0.4]))[0][names.index("given_today")] for _ in range(3)]
    assert seen == pytest.approx([0.2, 0.4, 0.2])


def test_a_year_of_cycles_ends_with_the_local_year() -> None:
    battery = LimitedBattery(10.0, 10.0, 10.0, **LOSSLESS, soc_initial=1.0, cycles_per_year=0.5)
    solution = solve(played(battery, [100.0] * 4, "2023-12-31 22:00"))
    assert solution.value == pytest.approx(1.0)


def test_power_falls_towards_full() -> None:
    """By hand: half of 4 kW at 85 %, of which two quarters of an hour store 0.5 and 0.46875 kWh."""
    battery = LimitedBattery(10.0, 4.0, 4.0, **LOSSLESS, soc_initial=0.85, charge_taper=((0.7, 1.0), (1.0, 0.0)))
    env = played(battery, [10.0] * 3, "2024-06-01", 0.25)
    for _ in range(2):
        env.step(np.ones(1))
    assert env.states[0] == pytest.approx(8.5 + 0.5 + 1.0 / 3.0)


def test_an_efficiency_follows_the_power() -> None:
    """By hand: at half power 96 % is stored, at full power 90 %, and between them a straight line."""
    battery = LimitedBattery(
        20.0, 10.0, 10.0, soc_min=0.0, soc_max=1.0, soc_initial=0.0, charge_efficiency=((0.5, 0.96), (1.0, 0.9))
    )
    stored = []
    for wish in (0.5, 0.75, 1.0):
        env = played(battery, [10.0] * 2, "2024-06-01")
        env.step(np.array([wish]))
        stored.append(env.states[0])
    assert stored == pytest.approx([4.8, 6.9, 9.0])


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9, 1e20])
def test_an_efficiency_by_power_holds_at_every_scale(scale: float) -> None:
    """By hand: of 8 kWh of room 4.8 are filled by the first 5 kWh, and 3.2 at the 84 % beyond."""
    sizes = (8.0 * scale, 10.0 * scale, 10.0 * scale)
    bends = {"charge_efficiency": ((0.5, 0.96), (1.0, 0.9))}
    env = played(LimitedBattery(*sizes, soc_min=0.0, soc_max=1.0, soc_initial=0.0, **bends), [10.0] * 2, "2024-06-01")
    assert env.step(np.ones(1))[-1]["grid_kw"] / scale == pytest.approx(5.0 + 3.2 / 0.84, rel=1e-12)


def test_capacity_fades_with_time_and_use() -> None:
    battery = LimitedBattery(10.0, 5.0, 5.0, **LOSSLESS, fade_per_kwh=0.01, fade_per_year=0.2)
    env = played(battery, [10.0] * 24, "2024-06-01")
    env.step(np.array([-0.4]))
    for _ in range(22):
        env.step(np.zeros(1))
    assert env.states[1] == pytest.approx(10.0 - 0.02 - 10.0 * 0.2 * 23.0 / 8760.0)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"cycles_per_day": 0.0}, "cycles_per_day=0.0: must be above 0"),
        ({"cycles_per_year": -1}, "must be above 0"),
        ({"day_begins": 24.0}, r"lies in \[0, 24\)"),
        ({"charge_taper": ((0.5, 1.0), (0.2, 0.5))}, "rising"),
        ({"charge_taper": ((0.0, 0.5), (0.5, 0.6), (1.0, 1.0))}, "slope never rises"),
        ({"discharge_taper": ((0.5, 1.0),)}, "slope never rises"),
        ({"discharge_taper": ((0.2, 0.2), (0.4, 1.0))}, "less than nothing"),
        ({"charge_efficiency": ((0.5, 0.9),)}, "end at 1"),
        ({"charge_efficiency": ((0.5, 0.9), (1.0, 95.0))}, "not percent"),
        ({"charge_efficiency": ((0.9, 1.0), (1.0, 0.5))}, "more power must convert more"),
        ({"fade_per_year": 0.6}, r"lies in \[0, 0.5\)"),
        ({"charge_taper": "steep"}, "must be a list"),
        ({"charge_taper": ((0.1, 0.2, 0.3),)}, "pairs of state of charge"),
    ],
)
def test_bad_limits_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        LimitedBattery(**fields)


def test_a_yaml_file_there_and_back() -> None:
    scenario = Scenario.from_yaml(
        "entities: {home: {kind: limited_battery, cycles_per_day: 1, charge_taper: [[0.8, 1], [1, 0.2]]}}\n"
        "contracts: {spot: {}}"
    )
    assert scenario.entities["home"] == LimitedBattery(cycles_per_day=1.0, charge_taper=((0.8, 1.0), (1.0, 0.2)))
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
