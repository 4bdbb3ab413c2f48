"""Plans over scenarios: they are the oracle's where nothing is open, honest where something is, and saved whole."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from answers import answers

import energy_gym
from energy_gym import Scenario
from energy_gym.agents import load_agent, make_agent
from energy_gym.agents.stochastic.agent import MPCStochastic
from energy_gym.agents.stochastic.futures import Told
from energy_gym.agents.stochastic.outlook import Demand, End, Scenarios
from energy_gym.agents.stochastic.program import Program
from energy_gym.agents.stochastic.risk import Risk
from energy_gym.agents.stochastic.tree import grouped
from energy_gym.contracts import Tariff
from energy_gym.entities import Battery, Consumer, Grid, Solar
from energy_gym.errors import ConfigurationError, NonPositiveError, UnknownIdError, UnsuitableAgentError
from energy_gym.evaluation.episode import evaluate

HOME, SITE, MARKET = "energy_gym/HomeSolar-v1", "energy_gym/Commercial-v1", "energy_gym/Arbitrage-v1"
CELL = Battery(capacity_kwh=4.0, charge_kw=2.0, discharge_kw=2.0, soc_min=0.0, soc_max=1.0).cell(1.0)


def site_frame(days: int = 60) -> pd.DataFrame:
    """Return a site whose load changes from day to day and within the day, more than its forecast says."""
    hours = pd.date_range("2024-01-01", periods=24 * days, freq="h", tz="UTC")
    random = np.random.default_rng(7)
    load = 2.0 + np.sin((hours.hour - 9) * np.pi / 12.0) + 0.8 * random.standard_normal(len(hours))
    sun = np.clip(np.sin((hours.hour - 6) * np.pi / 12.0), 0.0, None) * np.repeat(random.uniform(0.2, 1.0, days), 24)
    price = np.where((hours.hour >= 17) & (hours.hour < 21), 400.0, 150.0) + 40.0 * random.standard_normal(len(hours))
    frame = {"load_kw": np.maximum(load, 0.1), "pv_kw": 4.0 * sun, "price_per_mwh": price}
    return pd.DataFrame(frame, index=hours)


def own(name: str, frame: pd.DataFrame, split: str, price: str, **keywords: Any) -> Any:
    """Return an environment on a frame that is split by date."""
    splits = {"train": ("2024-01-01", "2024-02-10"), "test": ("2024-02-10", "2024-03-01")}
    published = {"price_per_mwh": price}
    return gym.make(name, data=frame, splits=splits, split=split, published=published, zone="UTC", **keywords)


def scenarios(fixed: np.ndarray, buy: np.ndarray, rate: float = 0.0) -> Scenarios:
    """Return scenarios of load [kWh] at prices [per kWh], nothing paid for exports, each of shape (S, T)."""
    count, steps = fixed.shape
    demand = Demand(np.array([rate]), np.array([1.0]), np.ones((1, steps)))
    none, free = np.zeros((count, steps)), np.full(steps, np.inf)
    return Scenarios(fixed, none, buy, none, free, free, demand, End(2.0, 0.0, 0.0))


def program(groups: np.ndarray, risk: Risk | None = None) -> Program:
    return Program(CELL, 1.0, groups, np.ones(len(groups), dtype=np.int64), 1, risk or Risk())


@pytest.mark.parametrize("control", ["power", "meter"])
def test_where_the_forecast_is_perfect_it_is_the_oracle(control: str) -> None:
    env = gym.make(HOME, home=3, split="test", forecast="perfect", horizon=48, episode_steps=48, control=control)
    env.reset(seed=2)
    assert evaluate(MPCStochastic(env, paths=4).fit(), env, seed=2).score == pytest.approx(1.0, abs=1e-5)


def test_without_fit_the_forecast_is_the_one_scenario() -> None:
    env = gym.make(SITE, split="test", forecast="perfect", horizon=16, episode_steps=16)
    env.reset(seed=2)
    assert evaluate(MPCStochastic(env), env, seed=2).score == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("control", ["power", "meter"])
def test_demand_charges_do_not_make_it_dearer_than_doing_nothing(control: str) -> None:
    env = gym.make(SITE, split="test", episode_steps=60, control=control)
    result = evaluate(MPCStochastic(env, paths=4).fit(), env, options={"start": env.unwrapped.setup.time(120)})
    assert result.return_ > result.idle


@pytest.mark.parametrize(
    ("name", "price", "control"),
    [(HOME, "always", "power"), (HOME, "always", "meter"), (HOME, "after", "power"), (MARKET, "at-start", "power")],
)
def test_nothing_that_is_not_known_changes_what_it_does(name: str, price: str, control: str) -> None:
    frame = site_frame()
    frame = frame if name == HOME else frame[["price_per_mwh"]]
    changed, moment = frame.copy(), 24 * 42
    # At the moment itself a price that is posted as its step begins is known.
    open_from = moment + (name == MARKET)
    columns = slice(0, 2) if price == "always" else slice(0, frame.shape[1])
    changed.iloc[open_from:, columns] = frame.iloc[open_from:, columns].to_numpy()[::-1]
    played = []
    for data in (frame, changed):
        env = own(name, data, "test", price, control=control, episode_steps=24 * 3)
        agent = MPCStochastic(env, paths=4).fit()
        played.append(answers(agent, env, data.index[24 * 40], 49))
    assert np.array_equal(*played)


@pytest.mark.parametrize(
    "keywords", [{"home": 1}, {"home": 1, "control": "meter"}, {"home": 1, "actions": "discrete-5"}]
)
def test_saved_and_loaded_it_plays_the_same(keywords: dict[str, Any], tmp_path: Path) -> None:
    env = gym.make(HOME, split="test", episode_steps=12, **keywords)
    agent = MPCStochastic(env, paths=3, risk=(0.5, 0.5), continuation="none", seconds=5.0).fit()
    agent.save(tmp_path)
    loaded = load_agent(tmp_path, env)
    assert loaded.settings == agent.settings  # type: ignore[attr-defined]
    one, two = (evaluate(player, env, seed=4).return_ for player in (agent, loaded))
    assert one == two


def test_paths_of_prices_are_learnt_anew_where_it_is_loaded(tmp_path: Path) -> None:
    env = own(MARKET, site_frame()[["price_per_mwh"]], "test", "at-start", episode_steps=12)
    agent = MPCStochastic(env, seed=3, paths=3).fit()
    agent.save(tmp_path)
    one, two = (evaluate(player, env, seed=4).return_ for player in (agent, load_agent(tmp_path, env)))
    assert one == two


def test_a_forecast_of_ones_own_is_asked() -> None:
    env = gym.make(HOME, home=1, split="test", episode_steps=6)

    class Flat:
        def scenarios(self, t: int, n: int, horizon: int) -> dict[str, np.ndarray]:
            return {name: np.full((n, horizon), 1.0) for name in env.unwrapped.setup.tape.columns}

    agent = MPCStochastic(env, scenarios=Flat(), paths=3).fit()
    assert evaluate(agent, env, seed=1).steps == 6
    with pytest.raises(ConfigurationError, match="is not saved with the agent"):
        agent.parameters()

    class Short(Flat):
        def scenarios(self, t: int, n: int, horizon: int) -> dict[str, np.ndarray]:
            return {name: rows[:, :-1] for name, rows in super().scenarios(t, n, horizon).items()}

    with pytest.raises(ConfigurationError, match="of shape"):
        evaluate(MPCStochastic(env, scenarios=Short()), env, seed=1)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"stages": (4, 1)}, ConfigurationError, "must be steps of 1 or more that rise"),
        ({"stages": ()}, ConfigurationError, "must be steps of 1 or more that rise"),
        ({"stages": 3}, ConfigurationError, "stages=3: must be steps of 1 or more that rise"),
        ({"seconds": "soon"}, ConfigurationError, "seconds='soon': must be a finite number"),
        ({"risk": (1.0, 0.5)}, ConfigurationError, "a level in"),
        ({"risk": 0.5}, ConfigurationError, "a level in"),
        ({"paths": 0}, NonPositiveError, "paths"),
        ({"seconds": 0.0}, NonPositiveError, "must be positive"),
        ({"continuation": "mean"}, UnknownIdError, "continuation"),
        ({"scenarios": 3}, ConfigurationError, r"scenarios\(\)"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        MPCStochastic(gym.make(HOME, episode_steps=6), **settings)


def test_more_than_two_stages_are_refused_at_the_meter() -> None:
    with pytest.raises(ConfigurationError, match="must be two"):
        MPCStochastic(gym.make(HOME, episode_steps=6, control="meter"), stages=(1, 4))


def test_more_than_one_battery_is_refused_in_a_line() -> None:
    with pytest.raises(UnsuitableAgentError, match="sets the power of storage"):
        make_agent("mpc-stochastic", gym.make("energy_gym/Bidding-v1"))


def test_scenarios_share_what_they_cannot_tell_apart() -> None:
    groups = grouped(20, 12, (1, 4, 8))
    assert [int(row.max()) + 1 for row in groups[[0, 1, 4, 8]]] == [1, 3, 9, 20]
    for early, late in itertools.pairwise(groups):
        pairs = {(one, other) for one, other in zip(late.tolist(), early.tolist(), strict=True)}
        assert len(pairs) == len(set(late.tolist()))


def test_one_decision_is_the_best_for_all_scenarios_together() -> None:
    # Energy is dear in the second step of one scenario, and cheap in that of the other two.
    fixed, buy = np.full((3, 2), 2.0), np.array([[2.0, 9.0], [2.0, 1.0], [2.0, 1.0]])
    told = scenarios(fixed, buy)
    flows = program(grouped(3, 2)).flows(told, 2.0)
    assert flows is not None
    assert np.ptp(flows) == pytest.approx(0.0, abs=1e-9)
    # Kept, 1.9 kWh at the terminals earn (9 + 1 + 1) / 3 each; given now, 2.
    assert flows[0] > -1e-9
    alone = program(np.arange(3)[None] + np.zeros((2, 1), dtype=np.int64)).flows(told, 2.0)
    assert alone is not None
    assert alone[0] > 0.0 > alone[1]


def test_it_is_warm_and_the_same_as_from_cold() -> None:
    random = np.random.default_rng(0)
    warm, groups = program(grouped(5, 12)), grouped(5, 12)
    for _ in range(6):
        told = scenarios(random.uniform(0.0, 4.0, (5, 12)), random.uniform(0.1, 0.4, (5, 12)), rate=2.0)
        one, other = warm.flows(told, 1.0), program(groups).flows(told, 1.0)
        assert one is not None
        assert warm.cost_of(one) == pytest.approx(program_cost(groups, told, other), rel=1e-9)


@pytest.mark.parametrize("told", [{"actions": "discrete-5"}, {"control": "meter"}])
def test_what_does_not_fit_through_an_export_limit_stays_stored_at_prices_below_zero(told: dict[str, Any]) -> None:
    """A battery told to give more than the limit leaves beside the sun gives less; a plan that began so had no end."""
    entities = {"battery": Battery(), "load": Consumer(), "pv": Solar(), "grid": Grid(8.0, 4.0)}
    scenario = Scenario("narrow", entities, {"tariff": Tariff("price_per_mwh", -20.0)})
    frame = site_frame().assign(price_per_mwh=lambda each: each["price_per_mwh"] - 300.0)
    env = own("energy_gym/Scenario-v1", frame, "test", "after", scenario=scenario, episode_steps=24, horizon=8, **told)
    agent = MPCStochastic(env, paths=6).fit()
    observation, info = env.reset(options={"start": "2024-02-11"})
    over, stored = False, []
    while not over:
        observation, _, _, over, info = env.step(agent.act(observation, info))
        stored.append(info["energy_kwh"])
    assert max(stored) > 8.0


def program_cost(groups: np.ndarray, told: Scenarios, flows: Any) -> float:
    cold = program(groups)
    cold.flows(told, 1.0)
    return cold.cost_of(flows)


def test_risk_is_what_it_is_defined_to_be() -> None:
    """Of first steps on a grid, the one with the least mean of the dearest is no better than the plan."""
    fixed = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0], [0.0, 3.0]])
    buy = np.broadcast_to(np.array([1.0, 1.05]), fixed.shape)
    told, risk = scenarios(fixed, buy), Risk(0.75, 1.0)
    flows = program(grouped(4, 2), risk).flows(told, 0.0)
    mean = program(grouped(4, 2)).flows(told, 0.0)
    assert flows is not None
    assert mean is not None

    def dearest(flow: float) -> float:
        stored = flow * CELL.efficiency_charge
        given = np.minimum(fixed[:, 1], min(stored * CELL.efficiency_discharge, 2.0))
        return float((flow + 1.05 * (fixed[:, 1] - given)).max())

    # A kWh charged comes back as 0.9025: that pays in no scenario, so nothing is bought ahead, whatever the risk.
    assert flows[0] == pytest.approx(0.0, abs=1e-9)
    dear = scenarios(fixed, np.broadcast_to(np.array([1.0, 1.3]), fixed.shape))
    cautious, calm = program(grouped(4, 2), risk).flows(dear, 0.0), program(grouped(4, 2)).flows(dear, 0.0)
    assert cautious is not None
    assert calm is not None
    assert cautious[0] == pytest.approx(2.0, abs=1e-9)
    assert calm[0] < cautious[0]
    assert dearest(0.0) <= min(dearest(flow) for flow in np.linspace(0.0, 2.0, 21)) + 1e-9


def test_paths_of_a_forecast_that_agree_are_laid_out_once() -> None:
    env: Any = own(MARKET, site_frame()[["price_per_mwh"]], "test", "always", episode_steps=12).unwrapped
    _, info = env.reset(seed=0)
    agent = MPCStochastic(env, paths=3).fit()
    units = Told(env, agent.drawn, 3).units(info, 6)
    assert units[0] is units[1]
    assert energy_gym.evaluate(agent, env, seed=0).score == pytest.approx(1.0, abs=1e-6)
