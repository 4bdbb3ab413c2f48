"""control="meter": wishes name powers at the meter, which the battery keeps within its limits, whatever comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario, solve
from energy_gym.agents import make_agent
from energy_gym.agents.l2o import L2O
from energy_gym.agents.registry import agent_class
from energy_gym.backends import arrays, scalars, tensors
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.entities import Consumer, Entity, FadingBattery, Grid, LimitedBattery, PumpedHydro, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, UnknownIdError, UnsuitableAgentError
from energy_gym.following import Ends, Rated, share_for, target_kwh, wish_for, wish_of
from energy_gym.oracle.solution import idle_return
from energy_gym.testing import check_scenario

TOLERANCE = 1e-9
SITES = ("Microgrid", "HomeSolar", "Commercial")
LAWS: tuple[Callable[..., Any], ...] = (target_kwh, share_for)


def a_battery(random: np.random.Generator) -> Battery:
    return Battery(
        capacity_kwh=float(random.uniform(1.0, 15.0)),
        charge_kw=float(random.uniform(0.5, 8.0)),
        discharge_kw=float(random.uniform(0.5, 8.0)),
        efficiency_charge=float(random.uniform(0.7, 1.0)),
        efficiency_discharge=float(random.uniform(0.7, 1.0)),
        soc_min=float(random.uniform(0.0, 0.3)),
        soc_max=float(random.uniform(0.6, 1.0)),
        self_discharge_per_day=float(random.choice([0.0, 0.3])),
    )


def a_frame(random: np.random.Generator, steps: int = 72, minutes: int = 60) -> pd.DataFrame:
    """Return load and PV of no pattern, so that no forecast of them is any good; now and then far beyond the usual."""
    index = pd.date_range("2024-05-01", periods=steps, freq=f"{minutes}min", tz="UTC")
    load = random.gamma(1.0, 2.0, steps)
    made = random.gamma(1.0, 2.0, steps) * (random.random(steps) < 0.6)
    return pd.DataFrame({"load_kw": load, "pv_kw": made, "price_per_mwh": random.uniform(0.0, 300.0, steps)}, index)


def a_site(random: np.random.Generator, **others: Entity) -> Scenario:
    cut = bool(random.random() < 0.5)
    grid = Grid(export_kw=float(random.uniform(0.0, 2.0)) if cut else None)
    entities = {"grid": grid, "pv": Solar(curtailment="limit" if cut else "none"), "load": Consumer()}
    return Scenario("site", {**entities, "battery": a_battery(random), **others}, {"supply": Tariff(feed_in_ratio=0.5)})


def follow(scenario: Scenario, data: pd.DataFrame, **keywords: Any) -> EnergyEnv:
    return EnergyEnv(scenario=scenario, data=data, episode_steps=None, horizon=4, control="meter", **keywords)


@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
@pytest.mark.parametrize("seed", range(30))
def test_self_consumption_never_imports_while_it_stores_nor_exports_while_it_has_room(seed: int, actions: str) -> None:
    random = np.random.default_rng(seed)
    minutes = int(random.choice([60, 30, 15]))
    env = follow(a_site(random), a_frame(random, minutes=minutes), actions=actions)
    agent, cell, hours = make_agent("self-consumption", env), env.setup.flexibles[0].cell, minutes / 60.0
    observation, info = env.reset(seed=seed)
    over, crossed = False, 0
    while not over:
        kept = info["energy_kwh"] * cell.keep
        observation, _, _, over, info = env.step(agent.act(observation, info))
        stored, meter = info["energy_kwh"] - kept, info["grid_kw"] * hours
        crossed += abs(meter) > TOLERANCE
        assert not (stored > TOLERANCE and meter > TOLERANCE)
        assert not (stored < -TOLERANCE and meter < -TOLERANCE)
        full = (
            info["energy_kwh"] > cell.energy_max - TOLERANCE or stored > cell.charge_kwh * cell.efficiency_charge - 1e-9
        )
        empty = kept + stored < cell.energy_min + TOLERANCE
        assert meter > -TOLERANCE or full
        assert meter < TOLERANCE or empty or stored < TOLERANCE - cell.discharge_kwh / cell.efficiency_discharge
    assert 0 < crossed < len(env.setup.signals)


def test_a_wish_names_the_power_that_the_layout_says() -> None:
    random = np.random.default_rng(0)
    scenario = Scenario(
        "site",
        {"pv": Solar(), "load": Consumer(), "battery": Battery(1e6, 1e4, 1e4)},
        {"supply": Tariff(200.0, 100.0)},
    )
    env = follow(scenario, a_frame(random))
    (slot,) = env.action_layout
    assert (slot.name, slot.unit, slot.at) == ("meter(battery)", "kW", 0.9)
    env.reset(seed=0)
    for share in (0.3, -0.3, 0.9, 0.0, -0.9):
        *_, info = env.step([0.9 * share])
        assert info["grid_kw"] == pytest.approx(share * (slot.high if share > 0.0 else -slot.low), abs=1e-6)


def test_the_ends_are_those_of_the_connection_or_what_is_high_but_usual() -> None:
    data = a_frame(np.random.default_rng(1))
    data["load_kw"], data["pv_kw"] = np.linspace(0.0, 10.0, len(data)), 0.0
    battery = Battery(charge_kw=3.0, discharge_kw=2.0)
    for grid, ends in ((Grid(), (-2.0, 17.0)), (Grid(import_kw=12.0, export_kw=1.0), (-1.0, 12.0))):
        scenario = Scenario("site", {"grid": grid, "load": Consumer(), "battery": battery}, {"supply": Tariff(200.0)})
        env = follow(scenario, data, reference=data)
        # The median of the load is 5 kW, and its scale 4.5 kW.
        assert (env.action_layout[0].low, env.action_layout[0].high) == pytest.approx(ends)
    (slot,) = EnergyEnv(scenario=scenario, data=data).action_layout
    assert (slot.name, slot.low, slot.high, slot.at) == ("battery", -2.0, 3.0, 1.0)


@pytest.mark.parametrize("name", SITES)
def test_both_controls_have_one_optimum_and_its_actions(name: str) -> None:
    keywords: dict[str, Any] = {"split": "test", "episode_steps": 96}
    values = []
    for control in ("power", "meter"):
        env: Any = gym.make(f"energy_gym/{name}-v1", control=control, **keywords)
        env.reset(seed=4)
        first, stop = env.unwrapped.window
        solution, idle = solve(env), idle_return(env.unwrapped.setup, first, stop, env.unwrapped.states)
        assert solution.exact
        assert all(env.action_space.contains(action) for action in solution.actions)
        earned = sum(float(env.step(action)[1]) for action in solution.actions)
        assert earned == pytest.approx(solution.value, rel=1e-9, abs=1e-6)
        values.append((solution.value, idle))
    assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_float32_actions_lose_next_to_nothing() -> None:
    env = gym.make("energy_gym/HomeSolar-v1", control="meter", episode_steps=96)
    env.reset(seed=4)
    solution = solve(env)
    actions = [action.astype(np.float32) for action in solution.actions]
    assert all(env.action_space.contains(action) for action in actions)
    assert sum(float(env.step(action)[1]) for action in actions) == pytest.approx(solution.value, abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_the_law_gives_the_same_bits_on_floats_arrays_and_tensors_and_can_be_turned_round(seed: int) -> None:
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(seed)
    size = 500
    wish = random.uniform(-1.0, 1.0, size)
    wish[:100] = random.choice([-1.0, -0.9, -0.0, 0.0, 0.9, 1.0], 100)
    net = random.normal(0.0, 10.0, size)
    ends = [random.uniform(0.0, 12.0, size) * (random.random(size) < 0.8) for _ in range(2)]
    rated = [random.uniform(0.1, 9.0, size) for _ in range(2)]

    def told(kind: Any) -> tuple[Any, ...]:
        return kind(wish), kind(net), Ends(*map(kind, ends)), Rated(*map(kind, rated))

    both = [
        [law(*given, xp) for law in LAWS]
        for given, xp in ((told(np.asarray), arrays), (told(torch.as_tensor), tensors()))
    ]
    for index in range(size):
        own = Ends(*(float(end[index]) for end in ends)), Rated(*(float(most[index]) for most in rated))
        alone = [law(float(wish[index]), float(net[index]), *own, scalars) for law in LAWS]
        assert [np.float64(value).tobytes() for value in alone] == [part[index].tobytes() for part in both[0]]
        back = wish_for(alone[1], float(net[index]), *own, scalars)
        assert -1.0 <= back <= 1.0
        assert share_for(back, float(net[index]), *own, scalars) == pytest.approx(alone[1], abs=1e-9)
        assert wish_of(alone[0], float(net[index]), *own, scalars) == pytest.approx(
            wish_of(alone[0], net, Ends(*ends), Rated(*rated), arrays)[index], abs=0.0
        )
    for one, two in zip(*both, strict=True):
        assert one.tobytes() == np.ascontiguousarray(two.numpy()).tobytes()
    assert (np.abs(both[0][1]) <= 1.0).all()


@pytest.mark.parametrize("seed", range(6))
def test_nothing_that_the_battery_could_reach_is_out_of_reach(seed: int) -> None:
    """Loads far beyond the usual ones, ends of 0 kW or not: every share of rated power has a wish."""
    random = np.random.default_rng(seed)
    for _ in range(200):
        ends = Ends(*(random.uniform(0.0, 5.0, 2) * (random.random(2) < 0.7)).tolist())
        rated = Rated(*random.uniform(0.1, 5.0, 2).tolist())
        net, share = float(random.normal(0.0, 30.0)), float(random.uniform(-1.0, 1.0))
        wish = wish_for(share, net, ends, rated, scalars)
        assert share_for(wish, net, ends, rated, scalars) == pytest.approx(share, abs=1e-9)
        assert [share_for(end, net, ends, rated, scalars) for end in (-1.0, 1.0)] == pytest.approx([-1.0, 1.0])


def test_a_batch_with_different_batteries_does_as_single_environments_do() -> None:
    random = np.random.default_rng(2)
    batteries, wishes = [a_battery(random) for _ in range(5)], random.uniform(-1.0, 1.0, (60, 5))
    keywords: dict[str, Any] = {"control": "meter", "split": "test", "episode_steps": 80}
    batch = energy_gym.make_vec("energy_gym/Microgrid-v1", 5, battery=batteries, **keywords)
    batch.reset(seed=3)
    gains = np.array([batch.step(row[:, None])[1] for row in wishes])
    for index, battery in enumerate(batteries):
        scenario = batch.scenario.with_battery(battery)
        env = gym.make("energy_gym/Microgrid-v1", scenario=scenario, **keywords)
        env.reset(seed=3 + index)
        alone = np.array([env.step([wish])[1] for wish in wishes[:, index]])
        assert alone.tobytes() == np.ascontiguousarray(gains[:, index]).tobytes()


@pytest.mark.parametrize("name", SITES)
def test_the_rollout_is_the_environment_with_gradients_where_the_loop_is_free(name: str) -> None:
    torch = pytest.importorskip("torch")
    from energy_gym.envs.rollout import Rollout

    env: Any = gym.make(f"energy_gym/{name}-v1", control="meter", episode_steps=24).unwrapped
    env.reset(seed=0)
    asked = np.random.default_rng(0).uniform(-1.0, 1.0, (1, 24, 1))
    asked[0, ::3] = np.random.default_rng(0).choice([0.0, 1.0, -1.0])
    wishes = torch.tensor(asked, requires_grad=True)
    played = Rollout(env)(torch.tensor([env.window[0]]), wishes)
    gains = np.array([env.step(wish)[1] for wish in asked[0]])
    assert played.rewards.detach().numpy()[0].tobytes() == gains.tobytes()
    played.returns.sum().backward()
    assert wishes.grad is not None and torch.isfinite(wishes.grad).all() and (wishes.grad != 0.0).any()


@pytest.mark.parametrize(
    "others",
    [
        {"second": Battery(capacity_kwh=4.0, charge_kw=1.0)},
        {"plant": PumpedHydro(reservoir_kwh=20.0, pump_kw=3.0, turbine_kw=2.0)},
        {"fading": FadingBattery(fade_per_kwh=0.01), "wind": Solar(column="wind_kw", curtailment="action")},
        {"limited": LimitedBattery(cycles_per_day=1.0)},
        {"shifted": Consumer(column="wind_kw", shiftable=0.5)},
    ],
)
def test_every_promise_with_other_controls_at_the_meter(others: dict[str, Entity]) -> None:
    random = np.random.default_rng(5)
    scenario = a_site(random, **others)
    data = a_frame(random, 48).assign(wind_kw=random.uniform(0.0, 3.0, 48))
    report = check_scenario(scenario, data, episodes=1, steps=10, control="meter")
    assert set(report.returns) == {"uniform", "mpc"}


def test_batteries_follow_one_by_one() -> None:
    data = a_frame(np.random.default_rng(0))
    data["load_kw"], data["pv_kw"] = 5.0, 0.0
    entities = {"load": Consumer(), "one": Battery(discharge_kw=3.0), "two": Battery(discharge_kw=3.0)}
    env = follow(Scenario("site", entities, {"supply": Tariff(200.0)}), data)
    env.reset(seed=0)
    assert [slot.name for slot in env.action_layout] == ["meter(one)", "meter(two)"]
    before = env.states
    *_, info = env.step([0.0, 0.0])
    given = [(then - now) * 0.95 for then, now in zip(before, env.states, strict=True)]
    assert given == pytest.approx([3.0, 2.0])
    assert info["grid_kw"] == pytest.approx(0.0)


def test_what_the_battery_refuses_is_what_its_limits_take_from_it() -> None:
    data = a_frame(np.random.default_rng(0))
    data["load_kw"], data["pv_kw"] = 5.0, 0.0
    battery = Battery(10.0, 5.0, 3.0, 1.0, 1.0, soc_min=0.1, soc_initial=0.3)
    env = follow(Scenario("site", {"load": Consumer(), "b": battery}, {"supply": Tariff(200.0)}), data)
    env.reset(seed=0)
    refused = [env.step([0.0])[4]["cost"] for _ in range(2)]
    assert refused == pytest.approx([1.0, 3.0])


@pytest.mark.parametrize("agent", ["tariff-clock", "peak-shaving", "mpc", "self-consumption", "annealing", "uniform"])
@pytest.mark.parametrize("actions", ["continuous", "discrete-5"])
def test_agents_wish_within_the_space(agent: str, actions: str) -> None:
    env = gym.make("energy_gym/Commercial-v1", control="meter", actions=actions, episode_steps=8, horizon=8)
    player: Any = make_agent(agent, env)
    if agent == "peak-shaving":
        player.shares = (0.6, 0.6, 0.6)
    observation, info = env.reset(seed=0)
    for _ in range(8):
        action = player.act(observation, info)
        assert env.action_space.contains(action)
        observation, _, _, _, info = env.step(action)


def test_a_cap_on_import_is_kept_whatever_load_comes() -> None:
    """The load that comes is not the one of yesterday: only who follows the meter can keep below a target."""
    random = np.random.default_rng(3)
    data = a_frame(random, 24 * 30).assign(pv_kw=0.0)
    data["load_kw"] = 2.0 + 6.0 * (random.random(len(data)) < 0.15)
    battery = Battery(200.0, 5.0, 6.0, soc_initial=0.9)
    charge = DemandCharge((DemandWindow("any", 10.0),), period="month")
    scenario = Scenario("site", {"load": Consumer(), "b": battery}, {"supply": Tariff(200.0), "peaks": charge})
    highest = {}
    for control in ("power", "meter"):
        env = EnergyEnv(scenario=scenario, data=data, forecast="yesterday", control=control, episode_steps=None)
        agent = make_agent("peak-shaving", env)
        agent.shares = (0.5,)
        observation, info = env.reset(seed=0)
        over = False
        while not over:
            observation, _, _, over, info = env.step(agent.act(observation, info))
        highest[control] = env.states[1]
    assert highest["meter"] <= 4.0 + TOLERANCE < 8.0 <= highest["power"]


@pytest.mark.parametrize("agent", ["self-consumption", "mpc"])
def test_who_follows_the_meter_needs_no_good_forecast(agent: str) -> None:
    scores = {}
    for control in ("power", "meter"):
        env = gym.make("energy_gym/HomeSolar-v1", split="test", control=control, episode_steps=480)
        scores[control] = energy_gym.evaluate(make_agent(agent, env), env, seed=1).score
    assert scores["meter"] > scores["power"] + 0.1


def test_l2o_wishes_at_the_meter_for_what_it_plans() -> None:
    pytest.importorskip("torch")
    scores = {}
    for control in ("power", "meter"):
        env = gym.make("energy_gym/HomeSolar-v1", control=control, forecast="perfect", episode_steps=24)
        agent = L2O(env, width=16, candidates=1, days=100, batch_size=32).fit(budget=20)
        scores[control] = energy_gym.evaluate(agent, env, seed=1).return_
    assert scores["meter"] == pytest.approx(scores["power"], abs=1e-6)


@pytest.mark.parametrize("wishes", ["Arbitrage", "Scenario"])
def test_a_meter_that_shows_the_battery_alone_is_refused(wishes: str) -> None:
    alone: dict[str, Any] = (
        {} if wishes == "Arbitrage" else {"scenario": Scenario.arbitrage(), "dataset": "ercot-2021-2022"}
    )
    with pytest.raises(ConfigurationError, match="names the same power"):
        gym.make(f"energy_gym/{wishes}-v1", control="meter", **alone)


def test_what_else_is_refused() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'meter'"):
        gym.make("energy_gym/Microgrid-v1", control="metre")
    for name in ("Bidding", "FleetReserve"):
        with pytest.raises(UnknownIdError, match="control"):
            gym.make(f"energy_gym/{name}-v1", control="meter")
    with pytest.raises(UnsuitableAgentError, match="no power at the meter"):
        make_agent("idle", gym.make("energy_gym/Microgrid-v1", control="meter"))


def test_a_saved_agent_keeps_to_its_control(tmp_path: Path) -> None:
    envs = {control: gym.make("energy_gym/Microgrid-v1", control=control) for control in ("power", "meter")}
    make_agent("self-consumption", envs["meter"]).save(tmp_path)
    agent_class("self-consumption").load(tmp_path, envs["meter"])
    with pytest.raises(ConfigurationError, match="control='power'"):
        agent_class("self-consumption").load(tmp_path, envs["power"])
