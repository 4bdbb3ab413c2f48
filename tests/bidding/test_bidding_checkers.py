"""Gymnasium's and Stable-Baselines3's checkers, presets and data sets, pictures, pickles and discrete choices."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from gymnasium.utils.env_checker import check_env

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.agents.bidding import BidForecast, BidGreedy, BidSplit
from energy_gym.agents.mpc import MPC
from energy_gym.bidding.wrapper import OfferLevels
from energy_gym.data import iex
from energy_gym.entities import PumpedHydro
from energy_gym.errors import ActionError, ConfigurationError

ID = "energy_gym/Bidding-v1"
KEYWORDS: tuple[dict[str, Any], ...] = (
    {},
    {"preset": "india-15min", "period": ("2022-03-01", "2022-04-01")},
    {"bids": "price-volume", "objective": "joint"},
    {"objective": "carbon", "storage": Battery(10_000.0, 5_000.0, 5_000.0), "split": "test"},
    {"dataset": "synthetic-dk2", "forecast": "perfect", "horizon": 12},
)


def check(run: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run()


@pytest.mark.parametrize("keywords", KEYWORDS, ids=str)
def test_both_checkers_are_silent(keywords: dict[str, Any]) -> None:
    env = gym.make(ID, **{"episode_steps": 200, **keywords})
    check(lambda: check_env(env.unwrapped))
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    check(lambda: checker.check_env(env.unwrapped, warn=True))


def test_a_whole_week_stays_in_its_spaces() -> None:
    for keywords in KEYWORDS[:3]:
        env = gym.make(ID, **keywords)
        observation, info = env.reset(seed=3)
        assert len(env.unwrapped.layout) == env.observation_space.shape[0]
        assert len(env.unwrapped.entries) == env.action_space.shape[0] == len(info["due"])
        env.action_space.seed(3)
        truncated = False
        while not truncated:
            assert env.observation_space.contains(observation)
            observation, _, _, truncated, _ = env.step(env.action_space.sample())


def test_the_layout_says_what_is_seen() -> None:
    env = gym.make(ID)
    env.reset(options={"start": "2020-06-01T10:00Z"})
    action = np.zeros(27)
    action[1], action[2:26] = 0.5, -0.2
    observation = env.step(action)[0]
    slots = env.unwrapped.layout
    seen = {slot.name: slot.offset + slot.scale * value for slot, value in zip(slots, observation, strict=True)}
    base = env.unwrapped
    assert seen["state_of_charge"] == pytest.approx(base.energy_kwh / 120_000.0)
    assert seen["supply_balance_kwh"] == pytest.approx(base.states[base.setup.unit.balance], rel=1e-4)
    assert base.states[base.setup.unit.balance] > 0.0
    assert seen["days_to_gate(day_ahead)"] == pytest.approx(23.0 / 24.0)
    assert seen["offered_kw(day_ahead)[+11]"] == pytest.approx(-30_000.0)
    assert seen["offered_kw(day_ahead)[+10]"] == 0.0
    assert seen["price_per_mwh[+1]"] == pytest.approx(base.outlook()["price_per_mwh"][1], rel=1e-4)
    for column in ("balancing_up_per_mwh", "balancing_down_per_mwh", "load_kw", "pv_kw", "wind_kw"):
        assert f"{column}[+36]" in seen


@pytest.mark.parametrize("dataset", ["dk2-2021", "dk2-2024", "belgium"])
def test_real_markets(dataset: str, real_data: Any) -> None:
    env = gym.make(ID, dataset=dataset, split="test", episode_steps=48)
    env.reset(seed=1)
    assert ("synthetic" in env.unwrapped.setup.feed.title) == (dataset != "dk2-2024")
    solution = energy_gym.solve(env, time_limit=60.0)
    assert solution.exact, solution
    result = energy_gym.evaluate(MPC(env), env, seed=1, oracle=solution)
    assert result.regret >= 0.0
    mean = env.unwrapped.setup.column("wind_kw").mean() * env.unwrapped.scenario.entities["wind"].scale
    assert 5_000.0 < mean < 90_000.0


def test_files_of_the_indian_exchange(real_data: Any) -> None:
    frame = iex.with_real_time(iex.read(real_data / "iex" / "DAM__IND.csv"))
    env = gym.make(ID, preset="india-15min", data=frame, reference=frame, episode_steps=192)
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    assert env.unwrapped.setup.feed.published["price_per_mwh"] == "day-ahead 15:00"
    assert env.unwrapped.setup.feed.published["real_time_per_mwh"] == "after"
    assert "synthetic" in env.unwrapped.setup.feed.title.lower()
    assert energy_gym.solve(env).exact


def test_pictures() -> None:
    pytest.importorskip("matplotlib")
    env = gym.make(ID, render_mode="rgb_array", episode_steps=6)
    env.reset(seed=0)
    blank = env.render()
    env.step(env.action_space.sample())
    assert env.render().shape == (720, 960, 3)
    assert (env.render() != blank).any()
    env.close()


def test_pickled_and_copied_with_changes() -> None:
    env = gym.make(ID).unwrapped
    env.reset(seed=1)
    env.action_space.seed(0)
    action = env.action_space.sample()
    for _ in range(24):
        env.step(action)
    again = pickle.loads(pickle.dumps(env))
    one, other = env.step(action), again.step(action)
    assert one[0].tobytes() == other[0].tobytes() and one[1] == other[1]
    assert env.variant(split="test").setup.feed.first > env.setup.feed.first


def test_the_scenario_goes_through_a_file(tmp_path: Any) -> None:
    for preset in ("eu-hourly", "india-15min"):
        env = gym.make(ID, preset=preset)
        path = tmp_path / f"{preset}.yaml"
        path.write_text(env.unwrapped.scenario.to_yaml(), encoding="utf-8")
        again = gym.make(ID, scenario=str(path), dataset="synthetic-" + ("dk2" if preset == "eu-hourly" else "india"))
        assert again.unwrapped.scenario == env.unwrapped.scenario
        assert again.reset(seed=1)[0].tobytes() == env.reset(seed=1)[0].tobytes()


def test_a_lossless_store_and_a_plant_are_one() -> None:
    plant = PumpedHydro(reservoir_kwh=1000.0, pump_kw=100.0, turbine_kw=100.0)
    envs = [gym.make(ID, storage=storage, episode_steps=48) for storage in (plant, plant.battery())]
    returns = []
    for env in envs:
        env.reset(seed=2)
        env.action_space.seed(2)
        returns.append([env.step(env.action_space.sample())[1] for _ in range(48)])
    assert returns[0] == returns[1]


@pytest.mark.parametrize("preset", ["eu-hourly", "india-15min"])
@pytest.mark.parametrize("kind", ["idle", "uniform", BidForecast, BidGreedy, BidSplit, MPC])
def test_every_agent_plays_and_none_beats_the_oracle(preset: str, kind: Any) -> None:
    env = gym.make(ID, preset=preset, split="test", episode_steps=48)
    agent = make_agent(kind, env) if isinstance(kind, str) else kind(env)
    result = energy_gym.evaluate(agent, env, seed=1)
    again = energy_gym.evaluate(agent, env, seed=1)
    assert result.regret >= -1e-6
    assert result.return_ == again.return_
    assert sum(result.daily_regret.values()) == pytest.approx(result.oracle_value - result.return_)
    if kind == "idle":
        assert result.return_ == pytest.approx(result.idle, abs=1e-9) and result.score == pytest.approx(0.0)


def test_planning_pays_on_the_default_market() -> None:
    env = gym.make(ID, split="test")
    scores = {kind.name: [] for kind in (BidForecast, MPC)}
    for seed in range(3):
        env.reset(seed=seed)
        best = energy_gym.solve(env)
        for kind in (BidForecast, MPC):
            scores[kind.name].append(energy_gym.evaluate(kind(env), env, seed=seed, oracle=best).score)
    assert np.mean(scores["mpc"]) > np.mean(scores["bid-forecast"]) + 0.2


def test_agents_of_producers_play_nothing_else() -> None:
    with pytest.raises(ConfigurationError, match="bids in markets"):
        BidForecast(gym.make("energy_gym/Arbitrage-v1"))


def test_discrete_choices() -> None:
    env = OfferLevels(gym.make(ID, episode_steps=48))
    assert env.action_space == gym.spaces.Discrete(12)
    env.reset(options={"start": "2020-06-01T10:00Z", "steps": 48})
    half, idle = env.action(5), env.action(4)
    assert env.choice(5) == (0.0, (0.5,)) or env.choice(6) == (0.0, (1.0,))
    assert not idle.any()
    np.testing.assert_allclose(env.action(6)[2:26], 2.0 * half[2:26])
    env.step(6)
    assert not env.action(6).any()
    for bad in (-1, 12):
        with pytest.raises(ActionError):
            env.step(bad)
    with pytest.raises(ConfigurationError, match="Bidding"):
        OfferLevels(gym.make("energy_gym/Arbitrage-v1"))
    with pytest.raises(ConfigurationError, match="shares"):
        OfferLevels(gym.make(ID), offers=())
    two = OfferLevels(gym.make(ID, preset="india-15min"), storage="discrete-5", offers=(0.0, 1.0))
    assert two.action_space == gym.spaces.Discrete(20)
    assert two.choice(11) == (0.0, (1.0, 1.0))


def test_dqn_learns_through_the_wrapper() -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    env = OfferLevels(gym.make(ID, episode_steps=48))
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    check(lambda: checker.check_env(env, warn=False))
    model = sb3.DQN("MlpPolicy", env, learning_starts=20, seed=0, policy_kwargs={"net_arch": [16]})
    model.learn(100)
    observation, _ = env.reset(seed=1)
    assert env.action_space.contains(int(model.predict(observation)[0]))


def test_synthetic_sites_and_their_scale(producers: Any) -> None:
    prices = producers.series(240)[["price_per_mwh", "imbalance_per_mwh"]]
    env = gym.make(ID, data=prices, episode_steps=48)
    setup = env.unwrapped.setup
    scale = setup.scenario.entities["consumer"].scale
    assert setup.column("load_kw").mean() * scale == pytest.approx(20_000.0, rel=0.25)
    own = prices.assign(load_kw=pd.Series(1000.0, prices.index))
    assert gym.make(ID, data=own, episode_steps=48).unwrapped.scenario.entities["consumer"].scale == 1.0
