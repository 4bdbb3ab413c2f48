"""What an agent sees: always inside the space, decoded by the layout, scaled by fixed figures."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import energy_gym
from energy_gym import Battery

ID = "energy_gym/Arbitrage-v1"


def frame(values: Any, zone: str = "UTC") -> pd.DataFrame:
    index = pd.date_range("2024-03-30", periods=len(values), freq="h", tz=zone)
    return pd.DataFrame({"price_per_mwh": values, "carbon_g_per_kwh": np.abs(values)}, index=index)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(-10_000.0, 10_000.0), min_size=30, max_size=30),
    st.sampled_from(["cost", "carbon", "joint"]),
    st.sampled_from(["perfect", "published", "yesterday"]),
    st.floats(0.0, 0.9),
)
def test_always_inside_the_space(prices: list[float], objective: str, forecast: str, loss: float) -> None:
    battery = Battery(self_discharge_per_day=loss, soc_initial=0.15)
    keywords = {"objective": objective, "forecast": forecast, "battery": battery, "episode_steps": None, "horizon": 5}
    env = gym.make(ID, data=frame(prices), **keywords)
    random = np.random.default_rng(0)
    observation, _ = env.reset()
    truncated = False
    while not truncated:
        assert env.observation_space.contains(observation)
        assert observation.dtype == np.float32
        observation, _, _, truncated, _ = env.step(random.uniform(-1.5, 1.5, 1))
    assert env.observation_space.contains(observation)


@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
@pytest.mark.parametrize("source", ["data", "reference"])
def test_layout_decodes_the_observation(series: pd.DataFrame, objective: str, source: str) -> None:
    keywords: dict[str, Any] = {"objective": objective, "forecast": "perfect", "horizon": 6, "episode_steps": 48}
    if source == "reference":
        keywords["reference"] = series * 1.5 + 3.0
    env = gym.make(ID, data=series, battery=Battery(capacity_kwh=8.0), **keywords)
    layout = env.unwrapped.layout
    observation, info = env.reset(seed=2)
    columns = {"cost": ["price_per_mwh"], "carbon": ["carbon_g_per_kwh"]}.get(objective, list(series.columns))
    assert len(layout) == len(observation) == 7 + 6 * len(columns)
    for _ in range(40):
        decoded = {
            slot.name: slot.offset + slot.scale * float(seen) for slot, seen in zip(layout, observation, strict=True)
        }
        assert decoded["state_of_charge"] == pytest.approx(info["energy_kwh"] / 8.0, abs=1e-6)
        position = series.index.get_loc(env.unwrapped.time)
        for column in columns:
            for step in range(6):
                actual = float(series[column].iloc[position + step])
                assert decoded[f"{column}[+{step}]"] == pytest.approx(actual, abs=2e-3)
        observation, _, _, _, info = env.step(env.action_space.sample())


def test_units_of_the_layout(series: pd.DataFrame) -> None:
    series.attrs["currency"] = "EUR"
    slots = {slot.name: slot for slot in gym.make(ID, data=series, objective="joint", horizon=2).unwrapped.layout}
    assert slots["price_per_mwh[+1]"].unit == "EUR/MWh"
    assert slots["carbon_g_per_kwh[+0]"].unit == "gCO2/kWh"
    assert slots["state_of_charge"].unit == "1"
    ercot = gym.make(ID).unwrapped.layout
    assert next(slot.unit for slot in ercot if slot.name.startswith("price")) == "USD/MWh"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Chicago", "Asia/Kolkata"])
def test_clock_is_local(zone: str) -> None:
    data = frame(np.arange(60.0), zone)
    env = gym.make(ID, data=data, episode_steps=None)
    observation, _ = env.reset()
    for stamp in data.index:
        hour = (stamp.hour + stamp.minute / 60.0) / 24.0
        day = (stamp.weekday() + hour) / 7.0
        year = (stamp.timetuple().tm_yday - 1 + hour) / 365.25
        phases = [turn(2.0 * math.pi * phase) for phase in (hour, day, year) for turn in (math.sin, math.cos)]
        np.testing.assert_allclose(observation[1:7], phases, atol=1e-6)
        observation = env.step(np.zeros(1))[0]


def test_scaling_is_that_of_the_training_split_in_every_split() -> None:
    layouts = [gym.make(ID, split=split).unwrapped.layout for split in ("train", "validation", "test", "all")]
    assert all(layout == layouts[0] for layout in layouts)
    data = energy_gym.load("ercot-2021-2022")
    first, stop = data.bounds("train")
    slot = layouts[0][7]
    assert slot.name == "price_per_mwh[+0]"
    assert slot.offset == pytest.approx(float(data.frame["price_per_mwh"].iloc[first:stop].median()))


def test_extreme_values_are_cut_in_the_observation_only() -> None:
    usual = frame(np.linspace(0.0, 100.0, 40))
    env = gym.make(ID, data=frame(np.full(40, 10_000.0)), reference=usual, published="always", episode_steps=None)
    observation, _ = env.reset()
    assert observation[7:].max() == 10.0
    assert env.step(np.array([1.0]))[1] == pytest.approx(-10.0 * (4.0 / 0.95))


def test_stored_energy_below_zero_or_above_one_is_never_seen() -> None:
    env = gym.make(ID, data=frame(np.ones(40)), battery=Battery(soc_min=0.0, soc_max=1.0), episode_steps=None)
    random = np.random.default_rng(4)
    env.reset()
    for _ in range(40):
        observation, _, _, _, info = env.step(np.sign(random.normal(size=1)))
        assert 0.0 <= observation[0] <= 1.0
        assert -1e-9 <= info["energy_kwh"] <= 10.0 + 1e-9


def test_observations_are_copies(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, episode_steps=4)
    first, _ = env.reset(options={"start": series.index[0]})
    kept = first.copy()
    first[:] = 9.0
    again, _ = env.reset(options={"start": series.index[0]})
    np.testing.assert_array_equal(again, kept)
    env.step(np.array([1.0]))
    np.testing.assert_array_equal(again, kept)
    batch = energy_gym.make_vec(ID, 2, data=series, episode_steps=None)
    seen, _ = batch.reset()
    before = seen.copy()
    batch.step(np.ones((2, 1)))
    np.testing.assert_array_equal(seen, before)


def test_users_frame_is_left_alone(series: pd.DataFrame) -> None:
    before = series.copy()
    env = gym.make(ID, data=series, episode_steps=None)
    env.reset()
    for _ in range(20):
        env.step(env.action_space.sample())
    pd.testing.assert_frame_equal(series, before)


@pytest.mark.parametrize("zone", ["Etc/GMT-10", "UTC+01:00", "+10:00"])
def test_fixed_offsets_are_zones_too(zone: str) -> None:
    index = pd.date_range("2024-03-30", periods=30, freq="h").tz_localize(
        zone if zone.startswith("Etc") else pd.Timestamp(f"2024-01-01T00:00{zone[-6:]}").tz
    )
    env = gym.make(ID, data=pd.DataFrame({"price_per_mwh": np.arange(30.0)}, index=index), episode_steps=None)
    observation, _ = env.reset()
    assert observation[1] == pytest.approx(0.0, abs=1e-6)
    assert observation[2] == pytest.approx(1.0)
