"""An episode with ``terminal="cyclic"`` ends where it began, whatever was wished, and the oracle knows."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Objective, Scenario, solve
from energy_gym.agents import make_agent
from energy_gym.contracts import DemandCharge, DemandWindow, Spot, Tariff
from energy_gym.entities import Consumer, FadingBattery, Grid, PumpedHydro, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.rollout import Rollout
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.statement import Goal
from energy_gym.testing.episodes import check_returned
from energy_gym.testing.optimum import check_models, check_replay, rolled_out

CYCLIC = Objective(terminal="cyclic")


def series(seed: int, steps: int, minutes: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-05-31 09:00", periods=steps, freq=f"{minutes}min", tz="Europe/Berlin")
    columns = {
        "price_per_mwh": random.normal(40.0, 90.0, steps),
        "carbon_g_per_kwh": random.uniform(0.0, 600.0, steps),
        "load_kw": random.uniform(0.0, 4.0, steps),
        "pv_kw": random.uniform(0.0, 5.0, steps) * (random.random(steps) < 0.6),
    }
    return pd.DataFrame(columns, index)


def a_store(random: np.random.Generator) -> Any:
    low, high = float(random.uniform(0.0, 0.3)), float(random.uniform(0.6, 1.0))
    start = float(random.choice([low, high, random.uniform(low, high)]))
    losses = [float(random.choice([1.0, random.uniform(0.6, 1.0)])) for _ in range(2)]
    powers = random.uniform(0.5, 12.0, 2).tolist()
    leak = float(random.choice([0.0, 0.0, random.uniform(0.0, 0.4)]))
    wear = float(random.choice([0.0, random.uniform(0.0, 0.2)]))
    size = float(random.uniform(2.0, 12.0))
    battery = Battery(size, *powers, *losses, low, high, start, leak, wear)
    kind = random.integers(3)
    if kind == 0:
        return PumpedHydro(size, *powers, *losses, low, high, start, leak, wear)
    if kind == 1:
        own = {item.name: getattr(battery, item.name) for item in fields(battery)}
        return FadingBattery(**own, fade_per_kwh=float(random.choice([0.0, random.uniform(0.0, 0.3)])))
    return battery


def a_site(seed: int) -> Scenario:
    """Return stores, a load that can be put off and cut generation behind a connection that leaves them little room."""
    random = np.random.default_rng(seed)
    entities: dict[str, Any] = {f"store{index}": a_store(random) for index in range(random.integers(1, 4))}
    entities["load"] = Consumer(shiftable=float(random.choice([0.0, 0.5])), catch_up_kw=float(random.uniform(1.0, 4.0)))
    entities["pv"] = Solar(curtailment=str(random.choice(["none", "limit", "action"])))
    made = 5.0 if entities["pv"].curtailment == "none" else 0.0
    limits = 4.0 + float(random.uniform(0.2, 6.0)), made + float(random.choice([0.0, random.uniform(0.0, 4.0)]))
    if random.random() < 0.7:
        entities["grid"] = Grid(*limits)
    sell = float(random.choice([20.0, 300.0]))
    contracts: dict[str, Any] = {"supply": Tariff("price_per_mwh", sell)}
    if random.random() < 0.4:
        contracts["power"] = DemandCharge((DemandWindow("any", float(random.uniform(0.0, 5.0))),), period="day")
    kind = str(random.choice(["cost", "carbon", "joint"]))
    return Scenario(f"site {seed}", entities, contracts, objective=Objective(kind, 200.0, "cyclic"))


def played(env: EnergyEnv, random: np.random.Generator) -> None:
    """Play what is hardest to come back from as often as anything else."""
    over = False
    while not over:
        wish = random.choice([-1.0, 0.0, 1.0, random.uniform(-1.0, 1.0)], env.setup.controls)
        *_, over, info = env.step(wish)
        assert info["cost"] >= -1e-12


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_wished_it_ends_where_it_began(seed: int) -> None:
    random, minutes = np.random.default_rng(seed), (60, 30, 15)[seed % 3]
    try:
        env = EnergyEnv(scenario=a_site(seed), data=series(seed, 40, minutes), horizon=2, episode_steps=30)
    except ConfigurationError as error:
        assert "terminal='cyclic'" in error.value  # noqa: PT017  # what is refused says so; most are not
        return
    limit = env.setup.units[0]
    for steps in (None, None, 1, 5):
        env.reset(seed=seed, options=None if steps is None else {"steps": steps})
        played(env, random)
        check_returned(env)
        env.reset(seed=seed + 1)
        for wish in (-1.0, 1.0):
            for _ in range(15):
                *_, info = env.step(np.full(env.setup.controls, wish))
                assert -limit.export_kwh - 1e-9 <= info["grid_kw"] * limit.hours <= limit.import_kwh + 1e-9
        check_returned(env)


def test_few_sites_are_refused() -> None:
    def made(seed: int) -> bool:
        try:
            EnergyEnv(scenario=a_site(seed), data=series(seed, 40), horizon=2, episode_steps=30)
        except ConfigurationError:
            return False
        return True

    assert sum(made(seed) for seed in range(60)) >= 45


@pytest.mark.parametrize("seed", range(100, 124))
def test_the_oracle_is_the_best_of_what_can_be_played(seed: int) -> None:
    random = np.random.default_rng(seed)
    try:
        env = EnergyEnv(scenario=a_site(seed), data=series(seed, 14), horizon=2, episode_steps=None)
    except ConfigurationError:
        return
    env.reset(seed=seed)
    check_models(env, 14)
    solution = solve(env)
    assert solution.exact, solution.status
    assert rolled_out(env, solution, 300, random).max() <= solution.bound + 1e-6
    check_replay(env, solution)
    check_returned(env)


@pytest.mark.parametrize("seed", range(30))
def test_levels_against_every_sequence(seed: int) -> None:
    random = np.random.default_rng(seed)
    battery = a_store(random)
    while isinstance(battery, FadingBattery):
        battery = a_store(random)
    count, steps = ((3, 6), (5, 4))[seed % 2]
    entities = {"store": battery, "load": Consumer(), "pv": Solar(curtailment="limit"), "grid": Grid(9.0, 1.0)}
    scenario = Scenario("levels", entities, {"supply": Tariff("price_per_mwh", 60.0)}, objective=CYCLIC)
    data = series(seed, steps)
    env = EnergyEnv(scenario=scenario, data=data, horizon=1, episode_steps=None, actions=f"discrete-{count}")
    env.reset(seed=0)
    unit, levels = env.setup.units[0], np.array(env.setup.levels)
    plans = levels[np.array(list(product(range(count), repeat=steps)))][..., None]
    best = returns(unit, env.states, Goal(env.setup.weights, env.setup.closings[0]), plans).max()
    solution = solve(env)
    assert solution.exact
    assert solution.value == pytest.approx(best, abs=1e-9)
    check_replay(env, solution)
    check_returned(env)


@pytest.mark.parametrize("seed", range(8))
def test_a_rollout_in_torch_is_the_environment_bit_for_bit(seed: int) -> None:
    import torch

    env = EnergyEnv(scenario=a_site(seed), data=series(seed, 12), horizon=2, episode_steps=None)
    wishes = np.random.default_rng(seed).uniform(-1.0, 1.0, (12, env.setup.controls))
    rolled = Rollout(env)(torch.tensor([0]), torch.tensor(wishes[None]))
    env.reset(seed=0)
    for step, wish in enumerate(wishes):
        _, gain, *_ = env.step(wish)
        assert rolled.rewards[0, step].item() == gain
        assert tuple(rolled.states[0, step + 1].tolist()) == env.states


def test_a_level_that_would_lose_the_start_is_cut_and_counts_as_refused() -> None:
    prices = pd.DataFrame(
        {"price_per_mwh": [100.0, 100.0, 100.0]}, pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC")
    )
    battery = Battery(charge_kw=2.0, discharge_kw=5.0, efficiency_charge=1.0, efficiency_discharge=1.0)
    env = gym.make(
        "energy_gym/Arbitrage-v1", data=prices, battery=battery, terminal="cyclic", actions="discrete-3",
        episode_steps=None, horizon=1,
    ).unwrapped  # fmt: skip
    observation, _ = env.reset(seed=0)
    assert [slot.name for slot in env.layout[:2]] == ["state_of_charge", "steps_left"]
    assert observation[1] == pytest.approx(3 / 3)
    *_, info = env.step(0)
    assert env.energy_kwh == pytest.approx(1.0)  # 5 - 4: two steps bring back 4 kWh
    assert info["cost"] == pytest.approx(1.0)
    *_, info = env.step(1)
    assert env.energy_kwh == pytest.approx(3.0)
    assert info["cost"] == pytest.approx(2.0)
    *_, info = env.step(0)
    assert env.energy_kwh == pytest.approx(5.0)
    assert info["cost"] == pytest.approx(7.0)


def test_the_optimum_comes_back_where_feed_in_is_worth_more_or_a_demand_charge_outweighs_it() -> None:
    index = pd.date_range("2024-06-01", periods=44, freq="h", tz="UTC")
    hour = np.arange(44) % 24
    data = pd.DataFrame({"load_kw": 1.0 + (hour == 19) * 20, "pv_kw": 0.0}, index)
    demand = DemandCharge((DemandWindow("any", 10.0),))
    entities = {"battery": Battery(), "roof": Solar(), "load": Consumer()}
    for contracts in ({"s": Tariff(100.0, 300.0)}, {"s": Tariff(100.0), "d": demand}, {"s": Tariff(-50.0)}):
        scenario = Scenario("case", entities, contracts, objective=CYCLIC)
        env = EnergyEnv(scenario=scenario, data=data, episode_steps=None)
        env.reset()
        solution = solve(env)
        assert solution.exact
        assert solution.table["soc"].iloc[-1] == pytest.approx(0.5, abs=1e-9)


def test_a_fading_battery_keeps_room_for_its_start() -> None:
    battery = FadingBattery(
        10.0, 10.0, 10.0, 1.0, 1.0, soc_min=0.0, soc_max=1.0, soc_initial=0.9, fade_per_kwh=0.1
    )  # 1 kWh of capacity to spare, so 10 kWh may be given in all
    data = series(1, 12)
    env = EnergyEnv(scenario=Scenario("fade", {"b": battery}, {"s": Spot()}, objective=CYCLIC), data=data, horizon=1)
    env.reset(seed=0)
    given = 0.0
    for step in range(12):
        before = env.states[0]
        env.step([-1.0 if step % 2 == 0 else 1.0])
        given += max(before - env.states[0], 0.0)
    assert given == pytest.approx(10.0)
    assert env.states[0] == pytest.approx(9.0, abs=1e-9)
    assert env.states[1] == pytest.approx(9.0, abs=1e-9)


def test_another_order_of_the_loads_to_come_changes_nothing_that_is_cut() -> None:
    """The extremes of the data are a figure of the site; when they come decides nothing before."""
    data = series(3, 30)
    scenario = Scenario(
        "pinched",
        {"battery": Battery(), "load": Consumer(), "grid": Grid(6.0, 0.5)},
        {"supply": Tariff(100.0, 40.0)},
        objective=CYCLIC,
    )
    other = data.copy()
    other["load_kw"] = [*data["load_kw"][:10], *np.random.default_rng(0).permutation(data["load_kw"][10:])]
    one, two = (EnergyEnv(scenario=scenario, data=each, reference=data, episode_steps=None) for each in (data, other))
    for env in (one, two):
        env.reset(seed=0)
    random = np.random.default_rng(1)
    for _ in range(10):
        wish = random.uniform(-1.0, 1.0, 1)
        assert one.step(wish)[4] == two.step(wish)[4]


def test_what_cannot_be_promised_is_refused_with_what_to_do() -> None:
    data = series(0, 24)
    leaky = Battery(charge_kw=0.01, self_discharge_per_day=0.5)
    shut = {"battery": Battery(), "load": Consumer(), "pv": Solar(), "grid": Grid(import_kw=4.0, export_kw=5.0)}
    full = data.assign(load_kw=[4.0, 0.0] * 12, pv_kw=[0.0, 5.0] * 12)
    cases = [
        (Scenario("leaky", {"b": leaky}, {"s": Spot()}, objective=CYCLIC), data, "loses"),
        (Scenario("shut", shut, {"s": Tariff(100.0)}, objective=CYCLIC), full, "no room"),
    ]
    for scenario, frame, reason in cases:
        with pytest.raises(ConfigurationError, match=reason) as caught:
            EnergyEnv(scenario=scenario, data=frame)
        assert "buyback" in caught.value.remedy
        EnergyEnv(scenario=replace(scenario, objective=Objective(terminal="buyback")), data=frame)


@pytest.mark.parametrize("id", ["energy_gym/Bidding-v1", "energy_gym/FleetReserve-v1"])
def test_producers_and_fleets_refuse_it(id: str) -> None:
    with pytest.raises(ConfigurationError, match="terminal='cyclic'"):
        gym.make(id, terminal="cyclic")


def test_agents_plan_within_the_band() -> None:
    keywords = {"home": 2, "terminal": "cyclic", "episode_steps": 36, "split": "test"}
    for name in ("mpc", "self-consumption", "annealing", "idle"):
        env = gym.make("energy_gym/HomeSolar-v1", **keywords)
        played = energy_gym.evaluate(make_agent(name, env), env, seed=3)
        assert played.oracle_bound + 1e-6 >= played.return_
        check_returned(env.unwrapped)
