"""`sdp` at sites: it pays, it knows nothing that is not known, it is saved whole, and it says what it cannot hold."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from answers import answers

from energy_gym import Battery, Scenario
from energy_gym.agents import load_agent, make_agent
from energy_gym.agents.rollout import Rollout
from energy_gym.agents.sdp.agent import SDP
from energy_gym.agents.sdp.net_noise import NetChain, Noise, between
from energy_gym.agents.sdp.site import SitePlanner
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.entities import Consumer, Grid, Solar
from energy_gym.errors import ConfigurationError, DataError, UnknownIdError, UnsuitableAgentError
from energy_gym.evaluation.episode import evaluate

HOME = "energy_gym/HomeSolar-v1"
KINDS = ("none", "ar1", "ar2", "markov")
BOTH = list(itertools.product(KINDS, ["power", "meter"]))
PARTS = {"train": ("2024-01-01", "2024-02-20"), "test": ("2024-02-20", "2024-03-06")}


def site_frame(days: int = 66, seed: int = 7) -> pd.DataFrame:
    """Return a site whose load strays from its usual course, and comes back, and whose sun changes from day to day."""
    hours = pd.date_range("2024-01-01", periods=24 * days, freq="h", tz="UTC")
    random, error, errors = np.random.default_rng(seed), 0.0, []
    for shock in random.standard_normal(len(hours)):
        error = 0.8 * error + 0.5 * shock
        errors.append(error)
    load = np.maximum(2.0 + np.sin((hours.hour - 9) * np.pi / 12.0) + errors, 0.1)
    sun = np.clip(np.sin((hours.hour - 6) * np.pi / 12.0), 0.0, None) * np.repeat(random.uniform(0.2, 1.0, days), 24)
    price = np.where((hours.hour >= 17) & (hours.hour < 21), 400.0, 150.0)
    return pd.DataFrame({"load_kw": load, "pv_kw": 4.0 * sun, "price_per_mwh": price}, index=hours)


def own(frame: pd.DataFrame | None = None, scenario: Any = None, **keywords: Any) -> Any:
    """Return a site on a frame that is split by date."""
    chosen = {"split": "test", "published": {"price_per_mwh": "always"}, **keywords}
    site = {} if scenario is None else {"scenario": scenario}
    name = HOME if scenario is None else "energy_gym/Scenario-v1"
    return gym.make(name, data=site_frame() if frame is None else frame, splits=PARTS, zone="UTC", **site, **chosen)


def charged(*windows: tuple[str, float, tuple[float, float]], export_kw: float = 20.0) -> Scenario:
    """Return a site with a demand charge on windows: name, rate, hours."""
    made = tuple(DemandWindow(name, rate, hours=(hours,)) for name, rate, hours in windows)
    entities = {
        "grid": Grid(export_kw=export_kw),
        "battery": Battery(8.0, 3.0, 3.0, soc_min=0.0, soc_max=1.0),
        "pv": Solar(curtailment="limit"),
        "load": Consumer(),
    }
    return Scenario("site", entities, {"tariff": Tariff(), "demand": DemandCharge(made)})


THREE = charged(("day", 12.0, (8.0, 16.0)), ("evening", 20.0, (16.0, 22.0)), ("night", 6.0, (22.0, 8.0)), export_kw=0.0)


def played(agent: Any, env: Any, seed: int = 0) -> tuple[list[float], float]:
    """Return what an agent does in an episode, and what it earns."""
    observation, info = env.reset(seed=seed)
    agent.reset()
    actions, total, done = [], 0.0, False
    while not done:
        action = agent.act(observation, info)
        observation, reward, _, done, info = env.step(action)
        actions.append(float(np.asarray(action).item()))
        total += float(reward)
    return actions, total


@pytest.mark.parametrize(("kind", "control"), BOTH)
def test_it_earns_more_than_a_rule(kind: str, control: str) -> None:
    env = own(control=control, episode_steps=24 * 7)
    options = {"start": "2024-02-21T00:00Z"}
    rule = evaluate(make_agent("self-consumption", env).fit(), env, options=options)
    found = evaluate(SDP(env, noise=Noise(kind, 6)).fit(), env, options=options)
    assert rule.score < found.score <= 1.0 + 1e-9


def test_what_was_seen_last_counts() -> None:
    env = gym.make(HOME, home=4, split="validation", episode_steps=480)
    earned = {kind: played(SDP(env, noise=Noise(kind, 5)).fit(), env)[1] for kind in KINDS}
    assert min(earned["ar1"], earned["ar2"], earned["markov"]) > earned["none"]


@pytest.mark.parametrize("control", ["power", "meter"])
def test_where_the_forecast_is_perfect_it_comes_near_the_oracle(control: str) -> None:
    env = own(control=control, forecast="perfect", horizon=48, episode_steps=48)
    assert evaluate(SDP(env).fit(), env, seed=2).score > 0.97


@pytest.mark.parametrize("control", ["power", "meter"])
def test_it_lowers_demand_charges(control: str) -> None:
    env = own(scenario=THREE, control=control, episode_steps=24 * 9)
    result = evaluate(SDP(env).fit(), env, options={"start": "2024-02-21T00:00Z"})
    assert result.return_ > result.idle
    assert result.score > 0.3


def test_weeks_unlike_the_usual_ones_change_what_a_maximum_is_worth() -> None:
    """Where load stays low, a maximum that is usual is not reached anyway, and is not to be raised as if it were."""
    frame = site_frame()
    level = np.where(np.arange(len(frame)) < 24 * 25, 1.2, 0.0)
    level[frame.index >= pd.Timestamp(PARTS["test"][0], tz="UTC")] = -0.8
    frame["load_kw"] = np.maximum(frame["load_kw"] + level, 0.1)
    env = own(frame, scenario=THREE, episode_steps=24 * 9)
    agent, forgetful = SDP(env).fit(), SDP(env)
    law: Any = agent.learnt
    assert 0.1 < law.course.lasts <= 1.0
    forgetful.take(law._replace(course=law.course._replace(lasts=np.zeros(()))))
    options = {"start": "2024-02-20T00:00Z"}
    earned = [evaluate(one, env, options=options).return_ for one in (agent, forgetful)]
    assert earned[0] > earned[1]


@pytest.mark.parametrize(("scenario", "control"), list(itertools.product([None, THREE], ["power", "meter"])))
def test_nothing_that_is_not_known_changes_what_it_does(scenario: Any, control: str) -> None:
    frame, moment = site_frame(), 24 * 52 + 5
    changed = frame.copy()
    changed.iloc[moment:, :2] = frame.iloc[moment:, :2].to_numpy()[::-1]
    tried = []
    for data in (frame, changed):
        env = own(data, scenario, control=control, episode_steps=24 * 6)
        agent = SDP(env).fit()
        tried.append(answers(agent, env, "2024-02-20T00:00Z", moment - 24 * 50 + 1))
    assert (tried[0] == tried[1]).all()


@pytest.mark.parametrize("scenario", [None, THREE])
def test_saved_and_loaded_it_plays_the_same(scenario: Any, tmp_path: Path) -> None:
    env = own(scenario=scenario, episode_steps=30)
    agent = SDP(env, noise=Noise("ar2", 3)).fit()
    agent.save(tmp_path)
    again = load_agent(tmp_path, env)
    assert again.noise == agent.noise  # type: ignore[attr-defined]
    assert played(again, env, 1) == played(agent, env, 1)
    (tmp_path / "sdp.npz").unlink()
    with pytest.raises(ConfigurationError, match="not the file that was saved"):
        load_agent(tmp_path, env)


def test_more_energy_is_worth_more_and_a_higher_maximum_too() -> None:
    env = own(scenario=THREE, episode_steps=24 * 9)
    agent = SDP(env).fit()
    observation, info = env.reset(options={"start": "2024-02-20T00:00Z"})
    agent.act(observation, info)
    planner = agent.ready()
    assert isinstance(planner, SitePlanner)
    step = env.unwrapped.steps_left[0]
    by_energy = planner.value(step, np.array([0.0, 4.0, 8.0]))
    by_maximum = [planner.value(step, 4.0, maximum_kw=maximum)[0] for maximum in (0.0, 1.0, 3.0)]
    assert (np.diff(by_energy) > 0.0).all()
    assert (np.diff(by_maximum) >= 0.0).all()
    assert by_maximum[-1] > by_maximum[0]


def test_it_says_what_it_cannot_hold() -> None:
    two = charged(("all", 5.0, (0.0, 24.0)), ("evening", 5.0, (16.0, 22.0)))
    with pytest.raises(UnsuitableAgentError, match="two windows are open at once"):
        SDP(own(scenario=two))
    entities = {**THREE.entities, "other": Battery()}
    with pytest.raises(UnsuitableAgentError, match="one battery behind one meter"):
        SDP(own(scenario=Scenario("two", entities, THREE.contracts)))


def test_a_noise_that_the_data_cannot_support_is_counted() -> None:
    with pytest.raises(DataError, match=r"'markov' of 9 states from 144 steps in and beside an hour: needs 180"):
        SDP(own(), noise="markov").fit(own(split="train").unwrapped.variant(period=("2024-01-02", "2024-02-20")))
    with pytest.raises(UnknownIdError, match="ar1"):
        Noise("ar3")
    with pytest.raises(ConfigurationError, match="2 to 41"):
        Noise(levels=1)
    with pytest.raises(ConfigurationError, match="must be a whole number"):
        Noise(levels=2.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_is_a_law(kind: str) -> None:
    random = np.random.default_rng(1)
    errors = np.zeros(24 * 200)
    for step in range(2, len(errors)):
        errors[step] = 0.6 * errors[step - 1] + 0.2 * errors[step - 2] + random.standard_normal()
    chain = NetChain.fit(2.0 * errors, np.arange(len(errors)) % 24, 24, Noise(kind)).check()
    assert chain.seen([0.3, -0.2]).sum() == pytest.approx(1.0)
    ahead = chain.matrices[3] @ chain.errors
    expected = {"none": 0.0, "ar1": 0.75, "ar2": 0.6, "markov": 0.75}[kind]
    found = chain.seen([1.0, 0.0]) @ ahead - chain.seen([0.0, 0.0]) @ ahead
    assert found == pytest.approx(expected, abs=0.15)
    assert between(np.array([0.0, 1.0]), 7.0).tolist() == [0.0, 1.0]


def test_a_load_that_is_never_missed_has_one_state() -> None:
    frame = site_frame().assign(load_kw=1.0, pv_kw=0.0)
    agent = SDP(own(frame, episode_steps=24)).fit()
    planner = agent.ready()
    assert isinstance(planner, SitePlanner)
    assert planner.law.chain.states == 1


def test_it_plays_levels() -> None:
    env = own(actions="discrete-5", episode_steps=72)
    result = evaluate(SDP(env).fit(), env, seed=3)
    assert result.return_ > result.idle


@pytest.mark.parametrize("control", ["power", "meter"])
@pytest.mark.parametrize(("base", "steps"), [("self-consumption", 1), ("idle", 1), ("self-consumption", 3)])
def test_a_rule_is_left_for_what_is_worth_more(base: str, steps: int, control: str) -> None:
    env = own(control=control, episode_steps=24 * 7)
    options = {"start": "2024-02-21T00:00Z"}
    found = evaluate(Rollout(env, base=base, steps=steps).fit(), env, options=options)
    assert found.return_ > found.idle
    if control == "meter":
        assert found.score > 0.8


def test_a_rollout_is_saved_and_checked(tmp_path: Path) -> None:
    env = own(scenario=THREE, episode_steps=30)
    agent = Rollout(env, steps=2, noise=Noise("ar1", 3)).fit()
    agent.save(tmp_path)
    assert played(load_agent(tmp_path, env), env) == played(agent, env)
    with pytest.raises(UnknownIdError, match="self-consumption"):
        Rollout(env, base="self-consumptoin")
    for steps in (0, 1.5, "x", True):
        with pytest.raises(ConfigurationError, match="must be 1 to"):
            Rollout(env, steps=steps)  # type: ignore[arg-type]
    with pytest.raises(UnsuitableAgentError, match="load or generation"):
        Rollout(gym.make("energy_gym/Arbitrage-v1", episode_steps=24))
