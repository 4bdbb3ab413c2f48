"""A battery that fades: its laws, and the oracle against hand calculations and enumeration."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.contracts import Spot, Tariff
from energy_gym.entities import Consumer, FadingBattery, Grid, Solar
from energy_gym.entities.fading import fade_of
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.rollout import DayRollout
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError
from energy_gym.testing import check_scenario

FREE = Objective(terminal="free")


def prices(*values: float) -> pd.DataFrame:
    index = pd.date_range("2024-03-01", periods=len(values), freq="h", tz="UTC")
    return pd.DataFrame({"price_per_mwh": np.array(values, dtype=float)}, index=index)


def ideal(**changes: Any) -> FadingBattery:
    """A battery without losses, with all of its capacity in use, that can be filled and emptied within an hour."""
    sizes = {"capacity_kwh": 10.0, "charge_kw": 10.0, "discharge_kw": 10.0, "soc_min": 0.0, "soc_max": 1.0}
    return FadingBattery(**{**sizes, "efficiency_charge": 1.0, "efficiency_discharge": 1.0, **changes})


def episode(battery: Battery, series: pd.DataFrame, **keywords: Any) -> EnergyEnv:
    env = EnergyEnv(scenario=Scenario.arbitrage(battery, objective=FREE), data=series, episode_steps=None, **keywords)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize(("first", "earned"), [(100.0, 2.4), (10.0, 2.0)])
def test_early_sales_are_worth_it_only_above_what_the_capacity_they_cost_would_earn(
    first: float, earned: float
) -> None:
    """Each kWh sold first leaves 0.1 kWh less to sell at 200: worth it above 20 a MWh."""
    env = episode(ideal(fade_per_kwh=0.1), prices(first, 0.0, 200.0))
    solution = solve(env)
    assert solution.exact
    assert solution.value == pytest.approx(earned, abs=1e-9)
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(earned, abs=1e-9)


def test_capacity_falls_by_what_is_given_out_and_limits_follow() -> None:
    env = episode(ideal(fade_per_kwh=0.1, soc_min=0.1), prices(1.0, 1.0, 1.0))
    env.step([-1.0])
    assert env.states == (1.0, 10.0 - 0.1 * 4.0)
    *_, info = env.step([1.0])
    assert env.states[0] == pytest.approx(9.6)
    assert info["cost"] == pytest.approx(10.0 - 8.6)
    env.step([-1.0])
    assert env.states[0] == pytest.approx(0.96)


def test_the_capacity_left_is_seen() -> None:
    env = episode(ideal(fade_per_kwh=0.5), prices(1.0, 1.0, 1.0))
    assert [slot.name for slot in env.layout[:2]] == ["state_of_charge", "capacity_left"]
    observation, *_ = env.step([-0.4])
    assert observation[:2] == pytest.approx([0.1, 0.8])


@settings(max_examples=20, deadline=None)
@given(
    price=st.lists(st.sampled_from([-40.0, -5.0, 0.0, 20.0, 60.0, 150.0]), min_size=4, max_size=4),
    fade=st.sampled_from([0.0, 0.05, 0.3]),
    efficiency=st.sampled_from([1.0, 0.8]),
    soc_min=st.sampled_from([0.0, 0.2]),
    wear=st.sampled_from([0.0, 0.02]),
    leak=st.sampled_from([0.0, 0.9]),
)
def test_no_plan_on_a_grid_beats_the_oracle_and_the_best_comes_close(
    price: list[float], fade: float, efficiency: float, soc_min: float, wear: float, leak: float
) -> None:
    battery = FadingBattery(
        capacity_kwh=8.0,
        charge_kw=4.0,
        discharge_kw=4.0,
        efficiency_charge=efficiency,
        efficiency_discharge=efficiency,
        soc_min=soc_min,
        soc_max=1.0,
        fade_per_kwh=fade,
        wear_per_kwh=wear,
        self_discharge_per_day=leak,
    )
    series = prices(*price)
    env = episode(battery, series)
    solution = solve(env)
    assert solution.exact
    grid = np.array(list(itertools.product(np.linspace(-1.0, 1.0, 7), repeat=4)))
    batch = EnergyVectorEnv(len(grid), scenario=env.scenario, data=series, episode_steps=None, autoreset="disabled")
    batch.reset(seed=0)
    earned = sum(batch.step(grid[:, [step]])[1] for step in range(4))
    best = float(np.max(earned))
    assert best <= solution.bound + 1e-9
    # A grid of 1.34 kWh misses at most that a step at the spread of prices.
    assert solution.value <= best + 4 * 1.34 * (max(price) - min(price) + 20.0) / 1000.0


def test_without_fade_it_is_the_ordinary_battery_bit_for_bit(series: pd.DataFrame) -> None:
    random = np.random.default_rng(3)
    plain, fading = (episode(kind, series) for kind in (Battery(), FadingBattery(fade_per_kwh=0.0)))
    for wish in random.uniform(-1.0, 1.0, (240, 1)):
        assert plain.step(wish)[1] == fading.step(wish)[1]
        assert plain.states == fading.states[:1]
    assert fading.states[1] == 10.0
    plain.reset(seed=0)
    fading.reset(seed=0)
    assert solve(plain).value == pytest.approx(solve(fading).value, rel=1e-9)


def test_the_ordinary_battery_keeps_its_short_step() -> None:
    plain, fading = (episode(kind, prices(1.0, 2.0)) for kind in (Battery(), FadingBattery()))
    assert plain.setup.units[0].plain
    assert not fading.setup.units[0].plain
    assert len(plain.states) == 1


def test_all_that_the_suite_promises_holds_on_a_market(series: pd.DataFrame) -> None:
    battery = FadingBattery(fade_per_kwh=0.01, self_discharge_per_day=0.1, wear_per_kwh=0.01)
    report = check_scenario(Scenario.arbitrage(battery), series, episodes=1, steps=24)
    assert report.exact
    assert (report.controls, report.states) == (1, 2)


def test_all_that_the_suite_promises_holds_at_a_site_beside_another_battery(site: pd.DataFrame) -> None:
    fading = FadingBattery(fade_per_kwh=0.02, soc_min=0.0, soc_max=1.0)
    entities = {"old": fading, "new": Battery(), "pv": Solar(), "load": Consumer(), "grid": Grid(20.0, 6.0)}
    scenario = Scenario("two", entities, {"supply": Tariff("price_per_mwh", 30.0)})
    report = check_scenario(scenario, site, episodes=1, steps=24)
    assert report.exact
    assert (report.controls, report.states) == (2, 3)


def test_independent_units_keep_their_memories_apart() -> None:
    entities = {"a": ideal(fade_per_kwh=0.1), "b": ideal(fade_per_kwh=0.2)}
    scenario = Scenario("pair", entities, {"one": Spot(parties=("a",)), "two": Spot(parties=("b",))}, objective=FREE)
    env = EnergyEnv(scenario=scenario, data=prices(5.0, 5.0), episode_steps=None)
    env.reset(seed=0)
    env.step([-0.5, -0.25])
    assert env.states == (0.0, 9.5, 2.5, 9.5)
    assert [slot.name for slot in env.layout if "left" in slot.name] == ["capacity_left(a)", "capacity_left(b)"]


def test_discrete_levels_are_bracketed(series: pd.DataFrame) -> None:
    env = episode(FadingBattery(fade_per_kwh=0.05), series[:24], actions="discrete-3")
    solution = solve(env)
    assert solution.value <= solution.bound
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value)


def test_a_year_of_encortex_fade() -> None:
    """Capacity after n kWh given out, geometric per 0.9 of a cycle as in the paper, against the linear law."""
    battery = FadingBattery(capacity_kwh=10.0)
    geometric, given_out = 10.0, 0.0
    while given_out < 3000.0:
        given_out += 0.9 * geometric
        geometric *= 0.99998
    assert 10.0 - battery.fade_per_kwh * given_out == pytest.approx(geometric, abs=1e-6)
    assert fade_of() == battery.fade_per_kwh


def test_wear_price_is_replacement_cost_over_usable_throughput() -> None:
    battery = FadingBattery(capacity_kwh=20.0, fade_per_kwh=1e-4)
    assert battery.throughput_kwh(0.7) == pytest.approx(60_000.0)
    assert battery.wear_price(300.0, 0.7) == pytest.approx(20.0 * 300.0 / 60_000.0)
    assert FadingBattery(fade_per_kwh=0.0).wear_price(300.0) == 0.0


@pytest.mark.parametrize("fade", [-0.1, 1.0, float("nan"), "much"])
def test_a_fade_out_of_range_is_refused(fade: Any) -> None:
    with pytest.raises(ConfigurationError, match="fade_per_kwh"):
        FadingBattery(fade_per_kwh=fade)


def test_bad_figures_of_wear_and_coefficients_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="end_of_life"):
        FadingBattery().throughput_kwh(1.0)
    with pytest.raises(ConfigurationError, match="replacement_per_kwh"):
        FadingBattery().wear_price(0.0)
    with pytest.raises(ConfigurationError, match="coefficient"):
        fade_of(1.1)


def test_where_it_cannot_go_it_says_so() -> None:
    pair = [FadingBattery(), FadingBattery(fade_per_kwh=0.1)]
    with pytest.raises(ConfigurationError, match="plain kind"):
        EnergyVectorEnv(2, battery=pair)
    pytest.importorskip("torch")
    with pytest.raises(ConfigurationError, match="plain kind"):
        DayRollout(FadingBattery())


def test_a_batch_of_one_kind_does_as_the_single_environment(series: pd.DataFrame) -> None:
    battery, series = FadingBattery(fade_per_kwh=0.05), series[:48]
    batch = EnergyVectorEnv(2, battery=[battery, battery], data=series, episode_steps=48, autoreset="disabled")
    batch.reset(seed=0)
    single = episode(battery, series)
    wishes = np.random.default_rng(0).uniform(-1.0, 1.0, (47, 1))
    for wish in wishes:
        batch.step(np.repeat(wish[None], 2, axis=0))
        single.step(wish)
    assert [state[1] for state in batch.states] == list(single.states)
