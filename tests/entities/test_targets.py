"""A store is held to targets: hard ones are met whatever is wished, soft ones cost what is missed."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.agents import make_agent
from energy_gym.contracts import Spot
from energy_gym.contracts.clock import LocalTimes
from energy_gym.entities import AgeingBattery, Consumer, FadingBattery, Grid, LimitedBattery, PumpedHydro, StorageTarget
from energy_gym.entities.target import due_at
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, EnergyGymError, StateOfChargeError, UnknownIdError
from energy_gym.oracle.pyomo_model import build_unit_model, solve_model
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.statement import Goal
from energy_gym.testing import check_scenario

ZONE = "Europe/Berlin"
STORE = Battery(10.0, 2.5, 4.0, 0.9, 0.95, 0.1, 0.9, 0.5, 0.05)


def frame(steps: int = 48, start: str = "2024-03-30", seed: int = 0, minutes: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    index = pd.date_range(start, periods=steps, freq=f"{minutes}min", tz=ZONE)
    columns = {"price_per_mwh": random.normal(50.0, 60.0, steps), "load_kw": random.uniform(0.0, 3.0, steps)}
    return pd.DataFrame(columns, index)


def site(*targets: StorageTarget, store: Any = STORE, **more: Any) -> Scenario:
    aims = {f"aim{number}": target for number, target in enumerate(targets)}
    objective = Objective(terminal=more.pop("terminal", "settle"))
    return Scenario("held", {"battery": store, **aims, **more}, {"spot": Spot()}, objective=objective)


def made(scenario: Scenario, data: pd.DataFrame | None = None, **keywords: Any) -> EnergyEnv:
    keywords = {"data": frame() if data is None else data, "published": "at-start", "zone": ZONE, **keywords}
    env: EnergyEnv = gym.make(
        "energy_gym/Scenario-v1", scenario=scenario, disable_env_checker=True, **keywords
    ).unwrapped
    return env


def stated(env: EnergyEnv) -> float:
    """Return the optimum as Pyomo states it."""
    (unit,), setup = env.setup.units, env.setup
    goal = Goal(setup.weights, setup.closings[0])
    return solve_model(build_unit_model(unit.window(*env.steps_left), env.states, goal))


FULL = StorageTarget("battery", 0.9, "07:00")
FLOOR = StorageTarget("battery", 0.3)
LOSSLESS = Battery(10.0, 2.5, 10.0, 0.9, 1.0, 0.0, 0.9, 0.5)
TIGHT = Grid(float(frame()["load_kw"].max()), 3.0)


@pytest.mark.parametrize("seed", range(6))
def test_a_hard_target_is_met_whatever_is_wished(seed: int) -> None:
    env = made(site(FULL, FLOOR), episode_steps=None)
    env.reset(seed=seed)
    env.action_space.seed(seed)
    for _ in range(48):
        time = env.time.tz_convert(ZONE) + pd.Timedelta(hours=1)
        wish = env.action_space.sample() if seed else -np.ones(1)
        *_, info = env.step(wish)
        asked = {7: 9.0, 0: 3.0}.get(time.hour, 0.0)
        assert info["energy_kwh"] >= asked - 1e-9
        assert info["missed_kwh"] == pytest.approx(0.0, abs=1e-9)
        assert info["missed_cost"] == 0.0


def test_the_band_is_worked_back_at_rated_power() -> None:
    """By hand: 9 kWh at 07:00 from 2.25 kWh an hour stored, so 6.75 at six, 4.5 at five, 2.25 at four."""
    env = made(site(FULL, store=LOSSLESS), episode_steps=None)
    env.reset()
    seen = [env.step([-1.0])[4]["energy_kwh"] for _ in range(8)]
    assert seen == pytest.approx([0.0, 0.0, 0.0, 2.25, 4.5, 6.75, 9.0, 0.0], abs=1e-9)


def test_what_is_changed_counts_as_refused() -> None:
    env = made(site(FULL, store=LOSSLESS), episode_steps=None)
    env.reset()
    told = [env.step([0.0])[4]["cost"] for _ in range(7)]
    assert told == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.0, 1.75 / 0.9, 2.5], abs=1e-9)


@pytest.mark.parametrize("targets", [(FULL,), (FULL, FLOOR), (StorageTarget("battery", 0.9, 7, (5, 6), 0.1), FLOOR)])
@pytest.mark.parametrize("seed", range(3))
def test_the_oracle_is_the_best_that_can_be_played(targets: tuple[StorageTarget, ...], seed: int) -> None:
    env = made(site(*targets), frame(seed=seed), episode_steps=None)
    env.reset()
    solution = solve(env)
    assert solution.exact
    assert solution.value == pytest.approx(stated(env), abs=1e-6)
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
    unit, plans = env.setup.units[0], np.random.default_rng(seed).uniform(-1.0, 1.0, (300, 48, 1))
    goal = Goal(env.setup.weights, env.setup.closings[0])
    assert returns(unit, env.setup.started(48), goal, plans).max() <= solution.bound + 1e-6


@pytest.mark.parametrize("price", [None, 0.0, 0.05, 2.0])
def test_levels_are_the_best_of_all_sequences(price: float | None) -> None:
    for seed in range(3):
        target = StorageTarget("battery", 0.7, "04:00", missed_price_per_kwh=price)
        env = made(site(target), frame(7, seed=seed), episode_steps=None, actions="discrete-3")
        env.reset()
        solution = solve(env)
        plans = np.array(list(product((-1.0, 0.0, 1.0), repeat=7)))[..., None]
        goal = Goal(env.setup.weights, env.setup.closings[0])
        best = returns(env.setup.units[0], env.setup.started(7), goal, plans).max()
        assert solution.exact
        assert solution.value == pytest.approx(best, abs=1e-6)


def test_a_soft_target_costs_what_is_missed() -> None:
    """By hand: 9 kWh asked for at 07:00, 5 stored, a price of 0.2: 4 kWh missed, 0.80."""
    store = replace(STORE, self_discharge_per_day=0.0)
    env = made(site(replace(FULL, missed_price_per_kwh=0.2), store=store), episode_steps=None)
    _, first = env.reset()
    assert first["missed_kwh"] == first["missed_cost"] == 0.0
    told = [env.step([0.0])[4] for _ in range(8)]
    assert [round(info["missed_kwh"], 9) for info in told] == [0.0] * 6 + [4.0, 0.0]
    assert told[6]["penalty"] == told[6]["missed_cost"] == pytest.approx(0.8)
    assert env.info_units["missed_kwh"] == "kWh"
    assert "missed_kwh" not in {slot.name for slot in env.layout}


def test_a_price_that_is_high_enough_is_as_good_as_hard() -> None:
    firm, dear = (
        made(site(StorageTarget("battery", 0.9, "07:00", "all", price)), episode_steps=None) for price in (None, 9.0)
    )
    values = []
    for env in (firm, dear):
        env.reset()
        values.append(solve(env).value)
    assert values[0] == pytest.approx(values[1], abs=1e-6)


def test_an_episode_that_begins_too_late_charges_and_tells_what_it_missed() -> None:
    env = made(site(FULL), episode_steps=24)
    env.reset(options={"start": pd.Timestamp("2024-03-30 06:00", tz=ZONE), "steps": 12})
    solution = solve(env)
    assert solution.value == pytest.approx(stated(env), abs=1e-6)
    *_, info = env.step([-1.0])
    assert info["energy_kwh"] == pytest.approx(5.0 * 0.95 ** (1 / 24) + 2.25)
    assert info["missed_kwh"] == pytest.approx(9.0 - info["energy_kwh"])


def test_two_stores_are_told_apart() -> None:
    entities = {"other": Battery(), "evening": StorageTarget("other", 0.6, "20:00", missed_price_per_kwh=0.1)}
    env = made(site(FULL, **entities), episode_steps=None)
    assert {"missed_kwh.battery", "missed_kwh.other"} <= set(env.info_units)


@pytest.mark.parametrize("agent", ["mpc", "milp", "uniform", "idle"])
def test_agents_play_it(agent: str) -> None:
    env = made(site(FULL, FLOOR, load=Consumer()), episode_steps=30)
    observation, info = env.reset(seed=1)
    acting, missed = make_agent(agent, env, 0), 0.0
    acting.reset()
    for _ in range(30):
        observation, *_, info = env.step(acting.act(observation, info))
        missed += info["missed_kwh"]
    assert missed == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    "scenario",
    [
        site(FULL, FLOOR),
        site(StorageTarget("battery", 0.6, "07:00", missed_price_per_kwh=0.1), terminal="cyclic"),
        site(FULL, load=Consumer(), grid=Grid(7.0, 3.0)),
        site(StorageTarget("battery", 0.8, "06:00", "weekday", 0.3), store=FadingBattery(fade_per_kwh=0.01)),
        site(StorageTarget("battery", 0.8), store=PumpedHydro(10.0, 3.0, 3.0)),
        site(StorageTarget("battery", 0.8, "24:00", "all", 0.1), store=LimitedBattery(cycles_per_day=1.0)),
    ],
)
def test_all_that_the_suite_promises_holds(scenario: Scenario) -> None:
    check_scenario(scenario, data=frame(72))


def test_times_are_local_and_survive_changes_of_the_clock() -> None:
    """The hour from 02:00 is left out on 31 March: what is due within it is due at the change."""
    times = pd.date_range("2024-03-30 21:00", periods=8, freq="h", tz=ZONE)
    local = LocalTimes.of(times, ZONE)
    due = {at: np.flatnonzero(due_at(local, int(at * 3600), (6,), at)).tolist() for at in (2.0, 2.5, 3.0, 4.0)}
    assert due == {2.0: [4], 2.5: [4], 3.0: [4], 4.0: [5]}
    assert np.flatnonzero(due_at(local, 86400, (5,), "24:00")).tolist() == [2]
    assert np.flatnonzero(due_at(local, 0, (6,), "00:00")).tolist() == [2]


def test_yaml_reads_times_as_they_are_meant() -> None:
    text = "entities: {{battery: {{}}, aim: {{kind: storage_target, soc: 0.8, at: {}}}}}"
    found = [
        Scenario.from_yaml(text.format(at)).entities["aim"].at for at in ('"07:00"', "07:00", "17:30", "7", "13.5")
    ]
    assert found == ["07:00", "07:00", "17:30", "07:00", "13:30"]
    assert Scenario.from_yaml((again := Scenario.from_yaml(text.format("17:30"))).to_yaml()) == again


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"at": "25:00"}, "no time of the day"),
        ({"at": "noon"}, "no time of the day"),
        ({"at": True}, "no time of the day"),
        ({"at": -1.0}, "no time of the day"),
        ({"days": "workday"}, "days='workday'"),
        ({"days": (7,)}, "numbers from 0 to 6"),
        ({"soc": 0.0}, "fraction in"),
        ({"soc": 80}, "fraction in"),
        ({"missed_price_per_kwh": -0.1}, "must not be negative"),
        ({"store": ""}, "name a column"),
    ],
)
def test_bad_figures_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        StorageTarget(**fields)


@pytest.mark.parametrize(
    ("scenario", "error", "words"),
    [
        (site(StorageTarget("battery", 0.95)), StateOfChargeError, "0.500 kWh above the soc_max"),
        (site(StorageTarget("battery", 0.95, missed_price_per_kwh=1.0)), StateOfChargeError, "0.500 kWh above"),
        (site(StorageTarget("batery", 0.8)), UnknownIdError, "did you mean 'battery'"),
        (site(StorageTarget("load", 0.8), load=Consumer()), ConfigurationError, "neither a battery nor"),
        (site(StorageTarget("battery", 0.9, "01:00")), ConfigurationError, r"1\.76. kWh short at a hard target"),
        (site(FULL, store=Battery(self_discharge_per_day=0.9, charge_kw=0.1)), ConfigurationError, "kWh short"),
        (site(FULL, load=Consumer(), grid=TIGHT), ConfigurationError, "no room to charge"),
        (site(FULL, store=FadingBattery()), ConfigurationError, "fades"),
        (
            site(FULL, store=LimitedBattery(cycles_per_day=1.0, soc_max=1.0), terminal="cyclic"),
            ConfigurationError,
            "terminal='cyclic': is always to be met, and the cycles",
        ),
        (
            site(FULL, store=replace(STORE, self_discharge_per_day=0.9999), terminal="cyclic"),
            ConfigurationError,
            "terminal='cyclic': is always to be met, and 2.5 kWh a step do not keep",
        ),
        (site(FULL, store=LimitedBattery(fade_per_year=0.1)), ConfigurationError, "its capacity fades"),
        (
            site(FULL, store=LimitedBattery(charge_efficiency=((0.5, 0.9), (1.0, 0.8)))),
            ConfigurationError,
            "its efficiency depends on its power",
        ),
        (site(StorageTarget("battery", 0.8, "07:10")), ConfigurationError, "falls inside a step"),
    ],
)
def test_what_cannot_be_met_is_refused_with_what_is_missing(scenario: Scenario, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        made(scenario, episode_steps=None)


def test_producers_and_fleets_refuse_targets() -> None:
    for name in ("Bidding", "FleetReserve"):
        base = gym.make(f"energy_gym/{name}-v1", disable_env_checker=True).unwrapped.scenario
        store = next(key for key, item in base.entities.items() if isinstance(item, Battery | PumpedHydro))
        entities = {**base.entities, "aim": StorageTarget(store, 0.5)}
        contracts = {key: replace(item, parties=()) for key, item in base.contracts.items()}
        with pytest.raises(ConfigurationError, match="aim"):
            gym.make("energy_gym/Scenario-v1", scenario=replace(base, entities=entities, contracts=contracts))


@pytest.mark.parametrize("price", [None, 0.1])
def test_a_batch_goes_on_into_the_next_episode(price: float | None) -> None:
    env = made(site(replace(FULL, missed_price_per_kwh=price)), episode_steps=10)
    batch = env.batch_class()(3, **env.keywords)
    _, info = batch.reset(seed=0)
    for _ in range(25):
        _, _, _, _, info = batch.step(np.zeros((3, 1), dtype=np.float32))
        assert info["missed_kwh"].shape == info["missed_cost"].shape == (3,)


def test_batteries_that_differ_within_a_batch_are_refused() -> None:
    env, batteries = made(site(FULL), episode_steps=24), [Battery(), Battery(capacity_kwh=12.0)]
    with pytest.raises(EnergyGymError, match="targets"):
        env.batch_class()(2, **{**env.keywords, "battery": batteries})


def test_a_store_that_ages_ages_under_a_target_too() -> None:
    store, target = AgeingBattery(soc_initial=0.9, segments=3), StorageTarget("battery", 0.8, "07:00", "all", 0.3)
    env, alone = (made(scenario, episode_steps=None) for scenario in (site(target, store=store), site(store=store)))
    env.reset()
    alone.reset()
    pairs = [(env.step([wish])[4]["wear"], alone.step([wish])[4]["wear"]) for wish in (-1.0, 1.0, -0.5)]
    assert all(held == free for held, free in pairs)
    assert pairs[0][0] > 0.0
    env.reset()
    solution = solve(env)
    assert solution.value == pytest.approx(stated(env), abs=1e-6)
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("price", [None, 0.02, 0.3])
@pytest.mark.parametrize("start", [0.0, 0.5])
def test_a_month_that_leaks_is_proven(price: float | None, start: float) -> None:
    """Its value function knows the band and the fines; Pyomo states a part of it."""
    store = Battery(10.0, 2.5, 4.0, 0.9, 0.95, 0.1, 0.9, start, 0.3)
    env = made(site(replace(FULL, missed_price_per_kwh=price), FLOOR, store=store), frame(720), episode_steps=None)
    env.reset()
    solution = solve(env)
    assert solution.exact
    assert "value function" in solution.status
    env.reset(options={"start": env.setup.time(0), "steps": 30})
    assert solve(env).value == pytest.approx(stated(env), abs=1e-6)
