"""What the oracle says about itself: value, bound, actions, table, status; and what it leaves alone."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import energy_gym
from energy_gym import Battery
from energy_gym.errors import ConfigurationError, NonPositiveError, ResetNeededError

ID = "energy_gym/Arbitrage-v1"


def started(data: pd.DataFrame, **keywords: Any) -> Any:
    env = gym.make(ID, data=data, **{"episode_steps": 48, **keywords})
    env.reset(seed=3)
    return env


@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
def test_solving_leaves_the_environment_alone(series: pd.DataFrame, actions: str, objective: str) -> None:
    env, twin = (started(series, actions=actions, objective=objective) for _ in range(2))
    one, two = energy_gym.solve(env), energy_gym.solve(env)
    assert one.value == two.value
    np.testing.assert_array_equal(one.actions, two.actions)
    for action in one.actions:
        ours, theirs = env.step(action), twin.step(action)
        assert ours[0].tobytes() == theirs[0].tobytes()
        assert ours[1:] == theirs[1:]
    assert env.reset()[0].tobytes() == twin.reset()[0].tobytes()


@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
@pytest.mark.parametrize("terminal", ["settle", "free"])
def test_the_table_is_the_plan(series: pd.DataFrame, objective: str, terminal: str) -> None:
    battery = Battery(wear_per_kwh=0.01, self_discharge_per_day=0.1)
    env = started(series, objective=objective, terminal=terminal, battery=battery)
    solution = energy_gym.solve(env)
    table = solution.table
    assert len(table) == len(solution.actions) == 48
    assert table.index[0] == env.unwrapped.time
    assert table["reward"].sum() == pytest.approx(solution.value, abs=1e-9)
    window = series.loc[table.index]
    np.testing.assert_allclose(table["price_per_mwh"], window["price_per_mwh"])
    np.testing.assert_allclose(table["carbon_g_per_kwh"], window["carbon_g_per_kwh"])
    for (_, row), action in zip(table.iterrows(), solution.actions, strict=True):
        _, reward, _, _, info = env.step(action)
        assert row["reward"] == pytest.approx(reward, abs=1e-12)
        assert row["energy_kwh"] == pytest.approx(info["energy_kwh"], abs=1e-12)
        assert row["power_kw"] == pytest.approx(info["grid_kw"], abs=1e-12)
        assert row["soc"] == pytest.approx(info["energy_kwh"] / 10.0, abs=1e-12)
        for part in ("energy_cost", "carbon_kg", "wear"):
            assert row[part] == pytest.approx(info[part], abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-300.0, 300.0), min_size=2, max_size=30),
    st.floats(0.5, 1.0),
    st.floats(0.0, 0.05),
    st.sampled_from(["settle", "free"]),
)
def test_never_below_doing_nothing_and_never_above_the_bound(
    prices: list[float], efficiency: float, wear: float, terminal: str
) -> None:
    index = pd.date_range("2024-01-01", periods=len(prices), freq="h", tz="UTC")
    battery = Battery(efficiency_charge=efficiency, efficiency_discharge=efficiency, wear_per_kwh=wear)
    keywords = {"terminal": terminal, "episode_steps": None, "battery": battery}
    env = started(pd.DataFrame({"price_per_mwh": prices}, index=index), **keywords)
    solution = energy_gym.solve(env)
    assert solution.exact
    assert solution.value >= -1e-9
    assert solution.bound >= solution.value
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


def test_scaling_the_prices_scales_the_value(series: pd.DataFrame) -> None:
    small, large = started(series), started(series * 1000.0)
    assert energy_gym.solve(large).value == pytest.approx(1000.0 * energy_gym.solve(small).value, rel=1e-9)


def test_a_flat_price_is_worth_nothing_but_the_energy_in_store() -> None:
    index = pd.date_range("2024-01-01", periods=48, freq="h", tz="UTC")
    flat = pd.DataFrame({"price_per_mwh": 50.0}, index=index)
    assert energy_gym.solve(started(flat)).value == pytest.approx(0.0, abs=1e-12)
    assert energy_gym.solve(started(flat, terminal="free")).value == pytest.approx(4.0 * 0.95 * 0.05)


def test_perfect_battery_between_two_prices() -> None:
    index = pd.date_range("2024-01-01", periods=2, freq="h", tz="UTC")
    data = pd.DataFrame({"price_per_mwh": [20.0, 120.0]}, index=index)
    battery = Battery(10, 3, 4, 1.0, 1.0, 0.0, 1.0, 0.0)
    solution = energy_gym.solve(started(data, battery=battery, terminal="free", episode_steps=None))
    assert solution.value == pytest.approx(3.0 * 0.1)
    np.testing.assert_allclose(np.ravel(solution.actions), [1.0, -0.75])


def test_discrete_environment_over_the_physical_range(series: pd.DataFrame) -> None:
    env = started(series, actions="discrete-3")
    physical = energy_gym.solve(env, continuous=True)
    free = started(series)
    assert physical.value == energy_gym.solve(free).value
    assert sum(free.step(action)[1] for action in physical.actions) == pytest.approx(physical.value, abs=1e-6)


def test_wrappers_do_not_matter(series: pd.DataFrame) -> None:
    env = started(series)
    assert energy_gym.solve(gym.wrappers.TimeLimit(env, 10_000)).value == energy_gym.solve(env.unwrapped).value


def test_stored_energy_below_the_limit_is_no_trouble() -> None:
    index = pd.date_range("2024-01-01", periods=60, freq="h", tz="UTC")
    wave = 50.0 + 60.0 * np.sin(np.arange(60.0))
    battery = Battery(self_discharge_per_day=0.8, soc_min=0.3, soc_initial=0.3)
    env = started(pd.DataFrame({"price_per_mwh": wave}, index=index), battery=battery, episode_steps=None)
    for _ in range(10):
        env.step(np.zeros(1))
    assert env.unwrapped.energy_kwh < 3.0
    solution = energy_gym.solve(env)
    assert solution.exact
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


def test_what_cannot_be_solved(series: pd.DataFrame) -> None:
    with pytest.raises(ConfigurationError):
        energy_gym.solve(gym.make("CartPole-v1"))
    with pytest.raises(ConfigurationError):
        energy_gym.solve(energy_gym.make_vec(ID, 2, data=series))
    with pytest.raises(ResetNeededError):
        energy_gym.solve(gym.make(ID, data=series))
    env = started(series, episode_steps=1)
    env.step(np.zeros(1))
    with pytest.raises(ResetNeededError):
        energy_gym.solve(env)
    for limit in (0.0, -1.0, float("nan")):
        with pytest.raises(NonPositiveError):
            energy_gym.solve(started(series), time_limit=limit)
