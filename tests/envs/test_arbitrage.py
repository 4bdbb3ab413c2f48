"""Hand-calculated steps of the arbitrage environment: units, signs, losses, limits and the parts of the reward."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery

ID = "energy_gym/Arbitrage-v1"
PARTS = ("energy_cost", "carbon_kg", "wear", "penalty", "demand_charge")
CELL = Battery(
    capacity_kwh=10.0,
    charge_kw=4.0,
    discharge_kw=5.0,
    efficiency_charge=0.9,
    efficiency_discharge=0.8,
    wear_per_kwh=0.01,
)


def frame(prices: Any, carbon: Any = 300.0, minutes: int = 60) -> pd.DataFrame:
    index = pd.date_range("2024-03-04", periods=len(prices), freq=f"{minutes}min", tz="UTC")
    return pd.DataFrame({"price_per_mwh": prices, "carbon_g_per_kwh": carbon}, index=index)


def make(prices: Any, minutes: int = 60, carbon: Any = 300.0, **keywords: Any) -> Any:
    keywords = {"battery": CELL, "terminal": "free", "episode_steps": None, **keywords}
    env = gym.make(ID, data=frame(prices, carbon, minutes), **keywords)
    env.reset(seed=0)
    return env


def act(share: float) -> np.ndarray:
    return np.array([share])


def test_charging_pays_the_price_and_stores_less_than_it_takes() -> None:
    env = make([100.0] * 4)
    _, reward, terminated, truncated, info = env.step(act(0.5))
    assert info["energy_kwh"] == pytest.approx(5.0 + 0.9 * 2.0)
    assert info["grid_kw"] == pytest.approx(2.0)
    assert info["energy_cost"] == pytest.approx(0.2)
    assert info["carbon_kg"] == pytest.approx(0.6)
    assert info["wear"] == 0.0
    assert info["cost"] == info["clipped_kw"] == 0.0
    assert reward == pytest.approx(-0.2)
    assert not terminated
    assert not truncated


def test_discharging_earns_wears_and_takes_more_than_it_gives() -> None:
    env = make([100.0] * 4)
    _, reward, _, _, info = env.step(act(-0.4))
    assert info["energy_kwh"] == pytest.approx(5.0 - 2.0 / 0.8)
    assert info["grid_kw"] == pytest.approx(-2.0)
    assert info["energy_cost"] == pytest.approx(-0.2)
    assert info["carbon_kg"] == pytest.approx(-0.6)
    assert info["wear"] == pytest.approx(0.02)
    assert reward == pytest.approx(0.2 - 0.02)


def test_negative_price_pays_for_charging() -> None:
    env = make([-50.0] * 4)
    assert env.step(act(1.0))[1] == pytest.approx(0.05 * 4.0)


def test_full_battery_refuses_the_rest() -> None:
    env = make([100.0] * 4, battery=Battery(efficiency_charge=0.9, soc_initial=0.85, charge_kw=4.0))
    _, reward, _, _, info = env.step(act(1.0))
    taken = 0.5 / 0.9
    assert info["energy_kwh"] == pytest.approx(9.0)
    assert info["grid_kw"] == pytest.approx(taken)
    assert info["cost"] == pytest.approx(4.0 - taken)
    assert info["clipped_kw"] == pytest.approx(4.0 - taken)
    assert reward == pytest.approx(-0.1 * taken)


def test_empty_battery_refuses_the_rest() -> None:
    env = make([100.0] * 4, battery=Battery(efficiency_discharge=0.8, soc_initial=0.2))
    _, reward, _, _, info = env.step(act(-1.0))
    assert info["energy_kwh"] == pytest.approx(1.0)
    assert info["grid_kw"] == pytest.approx(-0.8)
    assert info["cost"] == pytest.approx(4.2)
    assert reward == pytest.approx(0.08)
    _, reward, _, _, info = env.step(act(-1.0))
    assert info["grid_kw"] == 0.0
    assert info["cost"] == pytest.approx(5.0)
    assert reward == 0.0


@pytest.mark.parametrize(("minutes", "hours"), [(30, 0.5), (15, 0.25), (5, 1.0 / 12.0)])
def test_shorter_steps_move_less_energy_at_the_same_power(minutes: int, hours: float) -> None:
    env = make([100.0] * 300, minutes=minutes)
    _, reward, _, _, info = env.step(act(1.0))
    assert info["grid_kw"] == pytest.approx(4.0)
    assert info["energy_kwh"] == pytest.approx(5.0 + 0.9 * 4.0 * hours)
    assert reward == pytest.approx(-0.4 * hours)
    info = env.step(act(2.0))[4]
    assert info["cost"] == pytest.approx(4.0 * hours)
    assert info["clipped_kw"] == pytest.approx(4.0)


def test_self_discharge_goes_first_and_below_the_lower_limit() -> None:
    env = make([100.0] * 30, battery=Battery(self_discharge_per_day=1.0 - 0.99**24, soc_initial=0.1, soc_min=0.1))
    for step in range(1, 6):
        info = env.step(act(-1.0))[4]
        assert info["energy_kwh"] == pytest.approx(0.99**step)
        assert info["grid_kw"] == 0.0
    info = env.step(act(1.0))[4]
    assert info["energy_kwh"] == pytest.approx(0.99**6 + 0.95 * 5.0)


def test_self_discharge_of_a_half_hour() -> None:
    env = make([100.0] * 60, minutes=30, battery=Battery(self_discharge_per_day=1.0 - 0.99**48))
    assert env.step(act(0.0))[4]["energy_kwh"] == pytest.approx(5.0 * 0.99)


def test_room_to_charge_counts_what_stands_to_be_lost() -> None:
    battery = Battery(self_discharge_per_day=1.0 - 0.99**24, soc_initial=0.9, efficiency_charge=1.0)
    info = make([100.0] * 30, battery=battery).step(act(1.0))[4]
    assert info["energy_kwh"] == pytest.approx(9.0)
    assert info["grid_kw"] == pytest.approx(0.09)


@pytest.mark.parametrize(
    ("action", "taken", "refused"),
    [(1.5, 4.0, 0.5 * 4.0), (-1.25, -3.2, 0.25 * 5.0 + (5.0 - 3.2)), (3, 4.0, 8.0), (np.float32(1.0), 4.0, 0.0)],
)
def test_action_out_of_range_counts_as_refused(action: Any, taken: float, refused: float) -> None:
    env = make([100.0] * 4, battery=Battery(10, 4, 5, 0.9, 0.8))
    info = env.step(act(action))[4]
    assert info["grid_kw"] == pytest.approx(taken)
    assert info["cost"] == pytest.approx(refused)


@pytest.mark.parametrize("share", [0.3, -2.0, 7.0, 1.0])
def test_action_arrays_are_left_alone(share: float) -> None:
    action = np.array([share], dtype=np.float32)
    before = action.copy()
    make([100.0] * 4).step(action)
    np.testing.assert_array_equal(action, before)
    batch = energy_gym.make_vec(ID, 3, data=frame([100.0] * 4), episode_steps=None, battery=CELL)
    batch.reset(seed=0)
    actions = np.full((3, 1), share, dtype=np.float64)
    batch.step(actions)
    np.testing.assert_array_equal(actions, share)


@pytest.mark.parametrize("count", [3, 5, 7])
def test_discrete_levels_ascend_in_power(count: int) -> None:
    powers = []
    for action in range(count):
        env = make([100.0] * 4, actions=f"discrete-{count}", battery=Battery(100.0, 6.0, 6.0))
        powers.append(env.step(action)[4]["grid_kw"])
    np.testing.assert_allclose(powers, np.linspace(-6.0, 6.0, count), atol=1e-12)
    assert make([1.0] * 4, actions=f"discrete-{count}").action_space == gym.spaces.Discrete(count)


@pytest.mark.parametrize("kind", [int, np.int64, np.int32, np.array])
def test_discrete_action_of_any_whole_type(kind: Any) -> None:
    assert make([100.0] * 4, actions="discrete-3").step(kind(2))[4]["grid_kw"] == pytest.approx(4.0)


@pytest.mark.parametrize("terminal", ["settle", "free"])
@pytest.mark.parametrize(
    ("objective", "money", "carbon"), [("cost", 1.0, 0.0), ("carbon", 0.0, 1.0), ("joint", 1.0, 0.05)]
)
@pytest.mark.parametrize("actions", ["continuous", "discrete-5"])
def test_parts_add_up_to_the_reward(
    series: pd.DataFrame, terminal: str, objective: str, money: float, carbon: float, actions: str
) -> None:
    keywords = {"objective": objective, "carbon_price": 50.0, "terminal": terminal, "actions": actions}
    env = gym.make(ID, data=series, battery=CELL, episode_steps=30, **keywords)
    env.reset(seed=4)
    env.action_space.seed(4)
    truncated = False
    while not truncated:
        _, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert not terminated
        spent = info["energy_cost"] + info["wear"] + info["penalty"] + info["demand_charge"]
        assert reward == pytest.approx(-(money * spent + carbon * info["carbon_kg"]), abs=1e-12)
        assert {*PARTS, "energy_kwh", "grid_kw", "cost", "clipped_kw"} <= set(info)
        assert all(type(info[name]) is float for name in info)
        assert type(reward) is float


def test_last_step_settles_the_stored_energy_at_the_mean() -> None:
    prices, carbon = [10.0, 30.0, 50.0, 110.0], [100.0, 200.0, 300.0, 600.0]
    free = make(prices, carbon=carbon, terminal="free")
    settled = make(prices, carbon=carbon, terminal="settle")
    for step, share in enumerate((0.5, -0.2, 1.0, 0.1)):
        _, open_reward, _, truncated, open_info = free.step(act(share))
        _, reward, _, _, info = settled.step(act(share))
        if step < 3:
            assert reward == open_reward
    above = info["energy_kwh"] - 5.0
    assert truncated
    assert above > 0.0
    assert info["energy_cost"] - open_info["energy_cost"] == pytest.approx(-above * 50.0 / 1000.0)
    assert info["carbon_kg"] - open_info["carbon_kg"] == pytest.approx(-above * 300.0 / 1000.0)
    assert reward - open_reward == pytest.approx(above * 0.05)


def test_settlement_buys_back_what_is_missing() -> None:
    env = make([40.0, 60.0], terminal="settle")
    env.step(act(-1.0))
    _, reward, _, truncated, info = env.step(act(0.0))
    assert truncated
    assert reward == pytest.approx(-(5.0 - info["energy_kwh"]) * 0.05)


def test_settlement_of_a_data_set_is_the_mean_of_its_training_split() -> None:
    data = energy_gym.load("ercot-2021-2022")
    first, stop = data.bounds("train")
    mean = float(data.frame["price_per_mwh"].iloc[first:stop].mean())
    env = gym.make(ID, split="test", episode_steps=2)
    env.reset(seed=3)
    env.step(act(1.0))
    _, reward, _, truncated, info = env.step(act(0.0))
    assert truncated
    assert reward == pytest.approx((info["energy_kwh"] - 5.0) * mean / 1000.0, rel=1e-5)


def test_reference_frame_gives_the_settlement_figures(series: pd.DataFrame) -> None:
    other = series * 2.0 + 100.0
    env = gym.make(ID, data=series, reference=other, episode_steps=1, battery=CELL)
    env.reset(seed=0, options={"start": series.index[7]})
    _, reward, _, _, info = env.step(act(1.0))
    paid = -4.0 * float(series["price_per_mwh"].iloc[7]) / 1000.0
    assert reward == pytest.approx(paid + (info["energy_kwh"] - 5.0) * float(other["price_per_mwh"].mean()) / 1000.0)


def test_carbon_price_is_per_tonne() -> None:
    env = make([0.0] * 3, carbon=500.0, objective="joint", carbon_price=100.0)
    assert env.step(act(1.0))[1] == pytest.approx(-4.0 * 500.0 / 1e6 * 100.0)


def test_reward_is_settled_at_the_actual_series_not_the_forecast() -> None:
    prices = [10.0] * 24 + [70.0] * 24
    env = make(prices, forecast="yesterday")
    env.reset(options={"start": "2024-03-05T00:00Z"})
    assert env.unwrapped.outlook()["price_per_mwh"][0] == 10.0
    assert env.step(act(1.0))[1] == pytest.approx(-0.28)
