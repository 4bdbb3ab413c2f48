"""Electric vehicles: they come, are charged within their stay, and leave with what they need, or pay for the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn_promises import check_promises

from energy_gym import Battery, Scenario, solve
from energy_gym.agents import make_agent
from energy_gym.contracts import Spot
from energy_gym.data.vehicles import Stay, draw_stays, vehicle_columns
from energy_gym.entities import ElectricVehicle
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, DataError, EfficiencyError, EnergyGymError, WindowError
from energy_gym.forecast.simple import Noise
from energy_gym.testing import check_scenario
from energy_gym.testing.optimum import check_replay
from tests.test_random_scenarios import a_frame, a_scenario, every_plan, honoured

Random = np.random.Generator
KNOWN = {
    "price_per_mwh": "always",
    "ev_hours_left": "at-start",
    "ev_arrival_kwh": "at-start",
    "ev_need_kwh": "at-start",
}


def a_vehicle(random: Random, prefix: str) -> ElectricVehicle:
    return ElectricVehicle(
        capacity_kwh=float(random.uniform(5.0, 20.0)),
        charge_kw=float(random.uniform(1.0, 8.0)),
        discharge_kw=float(random.choice([0.0, random.uniform(1.0, 8.0)])),
        efficiency_charge=float(random.uniform(0.8, 1.0)),
        efficiency_discharge=float(random.uniform(0.8, 1.0)),
        reserve=float(random.uniform(0.0, 0.5)),
        shortfall_price_per_kwh=float(random.choice([0.0, 0.05, 0.5])),
        prefix=prefix,
    )


def with_vehicles(seed: int, steps: int) -> tuple[Scenario, pd.DataFrame]:
    """Return a composition and a frame as the random tests draw them, most batteries in it vehicles."""
    random, scenario, frame = np.random.default_rng(seed), a_scenario(seed), a_frame(seed, steps)
    entities = dict(scenario.entities)
    for name, item in scenario.entities.items():
        if type(item) is Battery and random.random() < 0.7:
            entities[name] = vehicle = a_vehicle(random, name)
            frame = frame.join(vehicle_columns(some_stays(random, vehicle, frame.index), frame.index, name))  # type: ignore[arg-type]
    return honoured(replace(scenario, entities=entities), frame), frame


def some_stays(random: Random, vehicle: ElectricVehicle, times: Any) -> list[Stay]:
    """Return stays one after the other, some from the first step, some at once after the last, some past the end."""
    stays, now = [], times[0]
    while now < times[-1]:
        come = now + int(random.integers(0, 4)) * (times[1] - times[0])
        now = come + int(random.integers(1, 7)) * (times[1] - times[0])
        stays.append(Stay(come, now, *(float(part) for part in random.uniform(0.0, vehicle.capacity_kwh, 2))))
    return stays


@pytest.mark.parametrize("seed", range(1, 25))
def test_every_promise_short_of_the_agents(seed: int) -> None:
    scenario, frame = with_vehicles(seed, 12)
    keywords: dict[str, Any] = {"data": frame, "horizon": 3, "episode_steps": 12, "scenario": scenario}
    check_promises(keywords, seed, window=9, rollouts=600)


def test_no_agent_beats_the_bound() -> None:
    scenario, frame = with_vehicles(3, 24)
    assert check_scenario(scenario, frame, episodes=1, steps=8, seed=3).exact


@pytest.mark.parametrize("seed", range(8))
def test_levels_against_every_sequence(seed: int) -> None:
    random, frame = np.random.default_rng(seed), a_frame(seed, 6)
    vehicle = a_vehicle(random, "ev")
    frame = frame.join(vehicle_columns(some_stays(random, vehicle, frame.index), frame.index))  # type: ignore[arg-type]
    scenario = Scenario("ev", {"ev": vehicle}, {"spot": Spot()})
    env = EnergyEnv(data=frame, horizon=1, episode_steps=None, scenario=scenario, actions="discrete-3")
    env.reset(seed=0)
    best, solution = every_plan(env, 6), solve(env)
    check_replay(env, solution)
    assert solution.value - 1e-9 <= best <= solution.bound + 1e-6


def one_night(prices: list[float], vehicle: ElectricVehicle, arrival: float, need: float) -> EnergyEnv:
    """Return hours from 18:00, the vehicle there from the second to the last but one."""
    times = pd.date_range("2024-05-01 18:00", periods=len(prices), freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"price_per_mwh": prices}, times)
    frame = frame.join(vehicle_columns([Stay(times[1], times[-1], arrival, need)], times))
    scenario = Scenario("home", {"ev": vehicle}, {"spot": Spot()})
    env = EnergyEnv(data=frame, scenario=scenario, split="all", episode_steps=None, horizon=4, published=KNOWN)
    env.reset(seed=0)
    return env


def test_it_is_charged_when_energy_is_cheapest_within_the_stay() -> None:
    """By hand: 15 kWh in two of the hours of the stay, 11 at 10 and 4 at 20; the cheaper first hour is not its own."""
    vehicle = ElectricVehicle(efficiency_charge=1.0)
    solution = solve(one_night([1.0, 50.0, 20.0, 10.0, 5.0], vehicle, 30.0, 45.0))
    assert solution.exact
    assert solution.value == pytest.approx(-(11.0 * 10.0 + 4.0 * 20.0) / 1000.0)


def test_what_is_missing_when_it_leaves_is_told_and_paid() -> None:
    env = one_night([10.0] * 5, ElectricVehicle(shortfall_price_per_kwh=2.0), 30.0, 45.0)
    rewards, infos = zip(*((step[1], step[4]) for step in (env.step(np.zeros(1)) for _ in range(5))), strict=True)
    assert [info["penalty"] for info in infos] == [0.0, 0.0, 0.0, 30.0, 0.0]
    assert sum(rewards) == -30.0
    assert env.states[:2] == (0.0, 15.0)


def test_nothing_flows_while_it_is_away() -> None:
    env = one_night([10.0] * 5, ElectricVehicle(), 30.0, 45.0)
    *_, info = env.step(np.ones(1))
    assert (info["grid_kw"], env.states[0]) == (0.0, 0.0)


def test_energy_is_given_back_down_to_the_reserve() -> None:
    """By hand: 6 kWh above the reserve at 100, 11 taken for nothing, and these given back at 10."""
    vehicle = ElectricVehicle(60.0, 11.0, 11.0, efficiency_charge=1.0, efficiency_discharge=1.0, reserve=0.5)
    solution = solve(one_night([0.0, 100.0, 0.0, 10.0, 0.0], vehicle, 36.0, 30.0))
    assert solution.value == pytest.approx((6.0 * 100.0 + 11.0 * 10.0) / 1000.0)


def test_a_plan_of_what_is_known_at_the_start_of_a_stay_meets_the_need() -> None:
    env = one_night([90.0, 80.0, 20.0, 70.0, 60.0], ElectricVehicle(efficiency_charge=1.0), 30.0, 41.0)
    agent = make_agent("mpc", env)
    observation, info = env.reset(seed=0)
    total, done = 0.0, False
    while not done:
        observation, reward, terminated, truncated, info = env.step(agent.act(observation, info))
        total, done = total + float(reward), terminated or truncated
    assert total == pytest.approx(-11.0 * 20.0 / 1000.0)


def test_stays_drawn_at_random_do_not_overlap() -> None:
    times = pd.date_range("2024-03-01", "2024-05-01", freq="15min", tz="UTC")
    for weekdays in (False, True):
        stays = draw_stays(times, zone="Europe/Berlin", weekdays=weekdays, seed=3)
        columns = vehicle_columns(stays, times)
        assert len(stays) > 35
        assert (columns["ev_arrival_kwh"] > 0.0).sum() == len(stays)
        assert columns["ev_hours_left"].max() < 17.0


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"capacity_kwh": 0.0}, ConfigurationError),
        ({"efficiency_charge": 92.0}, EfficiencyError),
        ({"discharge_kw": -1.0}, ConfigurationError),
        ({"reserve": 1.5}, ConfigurationError),
        ({"shortfall_price_per_kwh": -0.1}, ConfigurationError),
        ({"prefix": ""}, ConfigurationError),
    ],
)
def test_bad_vehicles_are_refused(fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        ElectricVehicle(**fields)


def test_bad_stays_are_refused() -> None:
    times = pd.date_range("2024-05-01", periods=6, freq="h", tz="UTC")
    with pytest.raises(ConfigurationError, match="leaves after it has come"):
        vehicle_columns([Stay(times[3], times[2], 1.0, 2.0)], times)
    with pytest.raises(ConfigurationError, match="lasts until"):
        vehicle_columns([Stay(times[0], times[3], 1.0, 2.0), Stay(times[2], times[4], 1.0, 2.0)], times)
    with pytest.raises(WindowError):
        vehicle_columns([], times[:1])
    with pytest.raises(DataError, match="holds at most 60 kWh"):
        one_night([10.0] * 5, ElectricVehicle(), 30.0, 61.0)
    quiet = pd.DataFrame({"price_per_mwh": 10.0, **dict.fromkeys(ElectricVehicle().columns(), 0.0)}, times)
    quiet.loc[times[2], "ev_arrival_kwh"] = 30.0
    with pytest.raises(DataError, match=r"ev_arrival_kwh=30 in step 2.*away then.*first step of the stay"):
        EnergyEnv(data=quiet, scenario=Scenario("home", {"ev": ElectricVehicle()}, {"spot": Spot()}), published=KNOWN)


HOURS = pd.date_range("2024-05-01", periods=6, freq="h", tz="UTC")


@pytest.mark.parametrize(
    ("stay", "times", "told"),
    [
        (Stay(HOURS[1].tz_localize(None), HOURS[3], 1.0, 2.0), HOURS, "stays[0].arrives=.*with a time zone"),
        (Stay(HOURS[1], "2024-05-01 03:00", 1.0, 2.0), HOURS, "stays[0].leaves='2024-05-01 03:00'.*with a time zone"),
        (Stay(HOURS[1], pd.NaT, 1.0, 2.0), HOURS, "stays[0].leaves=NaT.*with a time zone"),
        (Stay(HOURS[1], HOURS[3], -1.0, 2.0), HOURS, "stays[0].arrival_kwh=-1.0: must not be below zero"),
        (Stay(HOURS[1], HOURS[3], 1.0, float("nan")), HOURS, "stays[0].need_kwh=nan: must be a finite number"),
        ((1.0, 2.0), HOURS, "must be a Stay"),
        (Stay(HOURS[1], HOURS[3], 1.0, 2.0), HOURS.tz_localize(None), "must have a time zone"),
        (Stay(HOURS[1], HOURS[3], 1.0, 2.0), HOURS[[0, 1, 3]], "after 2024-05-01 01:00.*evenly spaced"),
        (Stay(HOURS[1], HOURS[3], 1.0, 2.0), HOURS[::-1], "evenly spaced and rise"),
    ],
)
def test_what_is_no_stay_and_no_step_is_named(stay: Any, times: Any, told: str) -> None:
    with pytest.raises(EnergyGymError, match=told.replace("[", r"\[")):
        vehicle_columns([stay], times)


@pytest.mark.parametrize(
    ("times", "keywords", "told"),
    [
        (HOURS, {"zone": "Mars/Olympus"}, "zone='Mars/Olympus'"),
        (HOURS, {"capacity_kwh": -1.0}, r"capacity_kwh=-1\.0: must be above 0"),
        (HOURS, {"seed": -1}, "seed=-1: must be at least 0"),
        (HOURS[:0], {}, "times of length 0"),
        (HOURS.tz_localize(None), {}, "must have a time zone"),
    ],
)
def test_what_no_stays_can_be_drawn_of_is_named(times: Any, keywords: dict[str, Any], told: str) -> None:
    with pytest.raises(EnergyGymError, match=told):
        draw_stays(times, **keywords)


def test_a_forecast_beyond_full_is_planned_with_all_the_same() -> None:
    random, steps = np.random.default_rng(0), 240
    index = pd.date_range("2024-03-01", periods=steps, freq="h", tz="UTC")
    stays = {"ev_hours_left": 1.0, "ev_arrival_kwh": 1.0, "ev_need_kwh": 9.5}
    data = pd.DataFrame({"price_per_mwh": random.normal(50.0, 20.0, steps)}, index).assign(**stays)
    entities = {"ev": ElectricVehicle(capacity_kwh=10.0)}
    scenario = Scenario("ev", entities, {"spot": Spot()})
    env = EnergyEnv(data=data, scenario=scenario, episode_steps=12, forecast=Noise(2.0))
    assert max(rows.max() for name, rows in env.setup.tape.ahead.items() if name.endswith("need_kwh")) > 10.0
    observation, info = env.reset(seed=0)
    agent, over = make_agent("mpc", env, 0), False
    while not over:
        observation, _, _, over, info = env.step(agent.act(observation, info))
