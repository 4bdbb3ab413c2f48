"""What can be attained by a fleet whose prices are known after their step: the dual bound of a fitted law."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, attainable
from energy_gym.agents import make_agent
from energy_gym.agents.sdp.agent import SDP
from energy_gym.contracts.activation import ActivationSeries
from energy_gym.errors import ConfigurationError, DataError
from energy_gym.evaluation.fleet_path import FleetPath, surprising
from energy_gym.forecast.disturbed import Worse
from energy_gym.forecast.simple import Noise
from energy_gym.reserve import Fleet, Reserve, Trade
from energy_gym.reserve.drawn import drawn_fleet
from energy_gym.scenario import Scenario

DAYS, START = 40, {"start": "2024-02-02T00:00Z"}
COLUMNS = ("price_per_mwh", "up_per_mw_h")


def frame(noise: float = 1.0) -> pd.DataFrame:
    """Return hours whose prices follow the day, and each hour something of its own."""
    random, steps = np.random.default_rng(5), DAYS * 24
    index = pd.date_range("2024-01-01", periods=steps, freq="h", tz="UTC")
    day = np.sin((index.hour.to_numpy() - 9) / 24.0 * 2.0 * np.pi)
    price = 60.0 + 30.0 * day + noise * random.normal(0.0, 15.0, steps)
    up = 6.0 + 4.0 * day + noise * random.normal(0.0, 2.0, steps)
    called = np.round(random.random(steps) * (random.random(steps) < 0.2), 2)
    return pd.DataFrame({"price_per_mwh": price, "up_per_mw_h": up, "called_share": called}, index)


def fleet(**reserve: Any) -> Scenario:
    """Return one asset that trades energy and sells one reserve."""
    markets = (Trade("energy", "price_per_mwh", (400.0,)), Reserve("up", "up_per_mw_h", "up", (400.0,), **reserve))
    return Fleet(batteries={"a": Battery(1000.0, 400.0, 400.0)}, markets=markets)


def made(noise: float = 1.0, data: pd.DataFrame | None = None, **keywords: Any) -> Any:
    """Return the fleet for four days of the test split, reset."""
    splits = {"train": ("2024-01-01", "2024-02-01"), "test": ("2024-02-01", "2024-02-10")}
    usual = {"fleet": fleet(), "horizon": 12, "episode_steps": 96, "zone": "UTC", "published": "after"}
    data = frame(noise) if data is None else data
    env = gym.make(
        "energy_gym/FleetReserve-v1", data=data, splits=splits, split="test", terminal="free", **(usual | keywords)
    )
    env.reset(options=START)
    return env


def test_it_lies_between_every_agent_and_foresight() -> None:
    env = made()
    foresight = energy_gym.solve(env, continuous=True)
    within = attainable(env)
    assert attainable(env, penalty=0.0).bound == pytest.approx(foresight.bound, rel=1e-6)
    assert within.value < within.bound < foresight.bound
    assert (within.law, within.penalty, within.known) == ("recent prices", 1.0, False)
    assert sum(within.daily.values()) == pytest.approx(within.bound)
    assert list(within.daily) == [f"2024-02-{day:02d}" for day in range(2, 6)]
    for name in ("mpc", "follow", "greedy", "uniform"):
        agent = make_agent(name, env)
        found = energy_gym.evaluate(
            agent.fit() if hasattr(agent, "fit") else agent, env, options=START, attainable=within
        )
        assert found.attainable_share <= 1.0 + 1e-9, name
        if name == "mpc":
            assert found.return_ == pytest.approx(within.value)


def test_it_is_the_optimum_at_expected_prices_and_what_surprises_brought_its_planner() -> None:
    """The same from outside: the expected prices are given as data, and the planner's actions played at both."""
    env = made()
    base, path = env.unwrapped, FleetPath.of(env.unwrapped)
    feed, (first, stop) = base.setup.feed, base.steps_left
    told = frame()
    for name in COLUMNS:
        told.iloc[feed.first + first : feed.first + stop, told.columns.get_loc(name)] = path.expected[name]
    other, twin, actions = made(data=told), made(), list[Any]()
    best = energy_gym.solve(other, continuous=True).bound
    agent, over, came = make_agent("mpc", twin).fit(), False, 0.0
    while not over:
        actions.append(agent.act(None, {}))
        _, gain, _, over, _ = twin.step(actions[-1])
        came += gain
    expected = sum(other.step(action)[1] for action in actions)
    assert attainable(env).bound == pytest.approx(best + came - expected, rel=1e-6)


def test_what_can_be_expected_is_no_surprise() -> None:
    """Prices that follow the day to the cent leave nothing to take off."""
    env = made(noise=0.0)
    assert surprising(env.unwrapped) == sorted(COLUMNS)
    assert attainable(env).bound == pytest.approx(energy_gym.solve(env, continuous=True).bound, rel=1e-6)


def test_surprises_are_none_on_average() -> None:
    """Over the training split itself, where least squares make it so; a rule is fitted to no step of another split."""
    env = made()
    env = env.unwrapped.variant(split="train", episode_steps=None)
    env.reset(seed=0)
    path, feed = FleetPath.of(env), env.setup.feed
    for name in COLUMNS:
        missed = (feed.values[name][feed.first : feed.stop] - path.expected[name])[24 * 16 :]
        assert abs(missed.mean()) < 3.0 * missed.std() / np.sqrt(len(missed))
        assert missed.std() < 0.8 * feed.values[name].std()


def test_energy_is_left_at_its_price_where_calls_may_hang_together_with_it() -> None:
    sold = fleet(energy_price="called_per_mwh", activation=ActivationSeries("called_share"))
    data = frame().assign(called_per_mwh=lambda made: made["price_per_mwh"] + 100.0 * made["called_share"])
    base = made(data=data, fleet=sold).unwrapped
    assert surprising(base) == sorted(COLUMNS)
    relaxed = FleetPath.of(base).relaxed(1.0).unit
    called = [leg.name for leg in relaxed.legs].index("up")
    assert np.array_equal(relaxed.energy_prices[called], base.setup.unit.energy_prices[called])
    assert not np.array_equal(relaxed.held_prices[called], base.setup.unit.held_prices[called])


def test_the_future_beyond_a_step_changes_nothing_expected_of_it() -> None:
    base = made().unwrapped
    moment = base.setup.feed.first + base.steps_left[0] + 30
    other = frame()
    other.iloc[moment:] = other.iloc[moment:].to_numpy()[::-1] * 1.5
    here, there = (FleetPath.of(env).expected for env in (base, made(data=other).unwrapped))
    for name in COLUMNS:
        assert np.array_equal(here[name][:31], there[name][:31])
        assert not np.array_equal(here[name][31:], there[name][31:])


@pytest.mark.parametrize("seed", range(4))
def test_drawn_fleets_are_bracketed(seed: int) -> None:
    """Whatever the prices, which here nobody could expect: without a penalty it is foresight, and with one below."""
    sold, prices = drawn_fleet(seed, assets=1 + seed % 2, markets=1 + seed, steps=24 * 12)
    splits = {"train": ("2024-01-01", "2024-01-09"), "test": ("2024-01-09", "2024-01-13")}
    kept = {"splits": splits, "split": "test", "published": "after", "zone": "UTC", "terminal": "free", "horizon": 6}
    dispatch = ("proportional", "direct")[seed % 2]
    env = gym.make(
        "energy_gym/FleetReserve-v1", data=prices, fleet=sold, dispatch=dispatch, episode_steps=24 + seed, **kept
    )
    env.reset(seed=seed)
    best = energy_gym.solve(env, continuous=True)
    here, there = attainable(env, penalty=0.0), attainable(env)
    assert here.bound == pytest.approx(best.bound, rel=1e-5)
    assert here.value == there.value <= there.bound < best.bound


def test_fleets_that_cannot_be_told_are_refused() -> None:
    known = made(published="day-ahead 12:00")
    with pytest.raises(ConfigurationError, match=r"no price that is known only after its step.*energy_gym\.solve"):
        attainable(known)
    with pytest.raises(ConfigurationError, match="earns no money"):
        attainable(made(data=frame().assign(carbon_g_per_kwh=300.0), objective="carbon"))
    for forecast in ("perfect", Noise(mae=1.0), Worse(Noise(mae=1.0))):
        with pytest.raises(ConfigurationError, match=r"forecast=.*is made of what comes"):
            attainable(made(forecast=forecast))
    home = gym.make("energy_gym/HomeSolar-v1", split="validation", episode_steps=24)
    with pytest.raises(ConfigurationError, match=r"law=SDP.*no law of a fleet"):
        attainable(made(), law=SDP(home))
    splits = {"train": ("2024-01-31", "2024-02-02"), "test": ("2024-02-02", "2024-02-10")}
    short = gym.make(
        "energy_gym/FleetReserve-v1",
        data=frame(),
        fleet=fleet(),
        splits=splits,
        split="test",
        published="after",
        horizon=6,
        episode_steps=24,
        zone="UTC",
        terminal="free",
    )
    short.reset(seed=0)
    with pytest.raises(DataError, match=r"training split of 48 steps.*longer than 48"):
        attainable(short)
