"""An episode by local day: on the days that a clock is changed too, and whatever stores there are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from energy_gym import Scenario
from energy_gym.contracts import Tariff
from energy_gym.entities import ENTITIES, Consumer
from energy_gym.envs.env import EnergyEnv
from energy_gym.evaluation.days import HOURS, days_of, stored_kw


@pytest.mark.parametrize(("day", "steps"), [("2024-03-31", 23), ("2024-10-27", 25), ("2024-06-01", 24)])
def test_a_day_of_a_changed_clock_is_one_day(day: str, steps: int) -> None:
    begin = pd.Timestamp(day, tz="Europe/Berlin").tz_convert("UTC")
    times = pd.date_range(begin, periods=steps, freq="h")
    found = days_of(times, "Europe/Berlin", {"reward": np.ones(steps)}, np.ones(steps), np.ones(steps))
    assert (found["day"], found["reward"]) == ([day], [float(steps)])
    assert found["stored_kw"][0].count(None) == max(HOURS - steps, 0)
    assert {hour for hour in found["stored_kw"][0] if hour is not None} == {1.0}


def test_hours_are_means_of_their_steps() -> None:
    times = pd.date_range("2024-01-01T00:00Z", periods=8, freq="15min")
    power = np.array([1.0, 2.0, 3.0, 4.0, -1.0, -1.0, -1.0, -1.0])
    found = days_of(times, "UTC", {}, -power, power)
    assert found["stored_kw"][0][:3] == [2.5, -1.0, None]
    assert found["peak_kw"] == [1.0]


@pytest.mark.parametrize("terminal", ["cyclic", "free"])
@pytest.mark.parametrize("kind", ["battery", "limited_battery", "fading_battery", "ageing_battery"])
def test_every_kind_of_store_is_counted(kind: str, terminal: str) -> None:
    data = pd.DataFrame({"load_kw": np.ones(24)}, pd.date_range("2024-01-01", periods=24, freq="h", tz="UTC"))
    scenario = Scenario("site", {"store": ENTITIES[kind](), "load": Consumer()}, {"supply": Tariff(300.0, 80.0)})
    env = EnergyEnv(scenario=scenario, data=data, split="all", episode_steps=None, terminal=terminal)
    env.reset(seed=0)
    states = np.tile(np.array(env.states, dtype=float), (5, 1))
    states[:, 0] += 0.5 * np.arange(5)
    np.testing.assert_allclose(stored_kw(env.setup, states), 0.5)
