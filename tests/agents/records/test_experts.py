"""Experts at play: they earn what the oracle promises, see only what the environment shows, and are quick."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.agents.records.demonstrations import demonstrations
from energy_gym.agents.records.experts import record_expert
from energy_gym.errors import ConfigurationError, EpisodeLengthError, UnknownIdError, UnsuitableAgentError

ID = "energy_gym/Arbitrage-v1"
FLEET = "energy_gym/FleetReserve-v1"
KINDS = ("continuous", "discrete-3", "discrete-5")
# Seconds allowed for a year, of hourly steps and a window of 24 h.
YEAR = {"continuous": 60.0, "discrete-5": 180.0}


def replayed(env: Any, episode: Any, actions: Any) -> float:
    env.reset(seed=episode.seed)
    return float(sum(float(env.step(action)[1]) for action in actions))


@pytest.mark.parametrize("actions", KINDS)
@pytest.mark.parametrize("objective", ["cost", "joint"])
@pytest.mark.parametrize("terminal", ["settle", "free"])
def test_the_whole_plan_earns_what_the_oracle_promised(
    series: pd.DataFrame, actions: str, objective: str, terminal: str
) -> None:
    battery = Battery(wear_per_kwh=0.002, charge_kw=3.0)
    env = gym.make(ID, data=series, battery=battery, actions=actions, objective=objective, terminal=terminal)
    for episode in record_expert(env, window=None, episode_steps=100, episodes=2).episodes:
        assert len(episode) == 100
        assert episode.return_ == pytest.approx(episode.oracle_value, abs=1e-6)
        assert episode.oracle_bound >= episode.oracle_value


@pytest.mark.parametrize("actions", KINDS)
def test_a_window_over_the_whole_episode_is_the_oracle(series: pd.DataFrame, actions: str) -> None:
    env = gym.make(ID, data=series, actions=actions, episode_steps=36)
    episode = record_expert(env, window=36, seed=4).episodes[0]
    assert episode.return_ == pytest.approx(episode.oracle_value, abs=1e-6)


@pytest.mark.parametrize("actions", KINDS)
def test_what_was_recorded_happens_again(actions: str) -> None:
    env = gym.make(ID, actions=actions)
    data = record_expert(env, noise=0.3, episodes=2, seed=7)
    for episode in data.episodes:
        observation, _ = env.reset(seed=episode.seed)
        assert env.unwrapped.time.isoformat() == episode.start
        for step, action in enumerate(episode.actions):
            assert observation.tobytes() == episode.observations[step].tobytes()
            observation, reward, _, _, _ = env.step(action)
            assert reward == episode.rewards[step]
        assert observation.tobytes() == episode.observations[-1].tobytes()
        assert all(seen in env.observation_space for seen in episode.observations)


@pytest.mark.parametrize("actions", KINDS)
def test_weeks_of_the_expert_score_above_nine_tenths(actions: str) -> None:
    data = record_expert(gym.make(ID, actions=actions), episodes=4)
    scores = [episode.score for episode in data.episodes]
    assert all(score is not None and score <= 1.0 + 1e-9 for score in scores)
    assert np.mean(np.array(scores, dtype=float)) > 0.9


def test_advice_is_what_was_played_without_noise() -> None:
    data = record_expert(gym.make(ID, actions="discrete-3"))
    assert data.actions.tobytes() == data.advice.tobytes()


@pytest.mark.parametrize("actions", ["continuous", "discrete-5"])
def test_noise_plays_its_share_and_leaves_the_advice_alone(actions: str) -> None:
    data = record_expert(gym.make(ID, actions=actions, episode_steps=500), noise=0.2, seed=5)
    differing = float(np.mean(data.actions.ravel() != data.advice.ravel()))
    chance = 0.2 if actions == "continuous" else 0.2 * 4 / 5
    assert differing == pytest.approx(chance, abs=0.05)
    episode = data.episodes[0]
    assert episode.return_ < episode.oracle_value
    again = record_expert(gym.make(ID, actions=actions, episode_steps=500), noise=0.2, seed=5)
    assert again.actions.tobytes() == data.actions.tobytes()
    other = record_expert(gym.make(ID, actions=actions, episode_steps=500), noise=0.2, seed=6)
    assert other.actions.tobytes() != data.actions.tobytes()


def test_advice_after_a_random_action_is_for_the_state_it_led_to() -> None:
    env = gym.make(ID, actions="discrete-3", episode_steps=60)
    data = record_expert(env, noise=0.4, window=60, seed=2)
    env.reset(seed=2)
    for action, advice in zip(data.actions, data.advice, strict=True):
        best = energy_gym.solve(env).value
        other = gym.make(ID, actions="discrete-3", episode_steps=60)
        other.reset(seed=2)
        taken = data.actions[: env.unwrapped.steps_left[0] - env.unwrapped.window[0]]
        for before in taken:
            other.step(before)
        first = other.step(advice)[1]
        left = energy_gym.solve(other).value if other.unwrapped.steps_left[0] < other.unwrapped.steps_left[1] else 0.0
        assert first + left == pytest.approx(best, abs=1e-9)
        env.step(action)


@pytest.mark.parametrize("levels", [3, 5])
def test_the_discrete_expert_is_no_rounded_continuous_plan(series: pd.DataFrame, levels: int) -> None:
    battery = Battery(charge_kw=4.0, discharge_kw=4.0, capacity_kwh=13.0)
    keywords: dict[str, Any] = {"data": series, "battery": battery, "episode_steps": 120}
    discrete = gym.make(ID, actions=f"discrete-{levels}", **keywords)
    shares = record_expert(gym.make(ID, **keywords), window=None, seed=1).actions[:, 0]
    rounded = np.rint((shares + 1.0) / 2.0 * (levels - 1)).astype(int)
    expert = record_expert(discrete, window=None, seed=1).episodes[0]
    assert expert.return_ >= replayed(discrete, expert, rounded.tolist())
    assert expert.return_ == pytest.approx(expert.oracle_value, abs=1e-6)


def test_the_mpc_expert_is_the_mpc_agent() -> None:
    env = gym.make(ID, forecast="yesterday", actions="discrete-3", episode_steps=72)
    episode = record_expert(env, policy="mpc", seed=3).episodes[0]
    result = energy_gym.evaluate(make_agent("mpc", env), env, seed=3)
    assert episode.return_ == result.return_
    assert episode.score == pytest.approx(result.score)
    foreseeing = record_expert(env, seed=3).episodes[0]
    assert foreseeing.return_ > episode.return_
    assert foreseeing.observations[0].tobytes() == episode.observations[0].tobytes()


def test_any_rule_may_be_the_expert() -> None:
    env = gym.make(ID, episode_steps=48)
    trajectories = record_expert(env, policy="uniform", seed=3)
    assert trajectories.policy == "uniform"
    result = energy_gym.evaluate(make_agent("uniform", env, 3), env, seed=3)
    # Recorded actions are the next float32 away from zero.
    assert trajectories.episodes[0].return_ == pytest.approx(result.return_, abs=1e-5)


def test_a_fleet_is_shown_by_the_rule_that_follows_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path))
    fleet, direct = (gym.make(FLEET, dispatch=way, episode_steps=24).unwrapped for way in ("proportional", "direct"))
    shown = demonstrations(fleet, fleet, {"noise": 0.2})
    assert shown.policy == "follow"
    again = demonstrations(fleet, fleet, {"noise": 0.2})
    assert again.episodes[0].actions.tobytes() == shown.episodes[0].actions.tobytes()
    # Another way to share bids among assets is another task, though all that is seen is the same.
    wide = demonstrations(direct, direct, {"noise": 0.2})
    assert wide.episodes[0].actions.shape[1] > shown.episodes[0].actions.shape[1]


def test_the_best_plan_of_a_fleet_is_within_its_bound() -> None:
    (episode,) = record_expert(gym.make(FLEET, episode_steps=24), policy="follow", noise=0.2).episodes
    assert episode.oracle_value <= episode.oracle_bound + 1e-6


def test_an_episode_that_is_not_judged_is_played_all_the_same() -> None:
    env = gym.make(ID, episode_steps=48)
    (told,), (untold,) = (record_expert(env, noise=0.3, seed=3, judged=judged).episodes for judged in (True, False))
    assert told.actions.tobytes() == untold.actions.tobytes()
    assert (told.return_, told.score is None) == (untold.return_, False)
    assert (untold.oracle_value, untold.oracle_bound, untold.physical_value, untold.score) == (None,) * 4


def test_progress_runs_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    record_expert(gym.make(ID, episode_steps=150), episodes=2, progress=lambda done, of: told.append((done, of)))
    assert told == [(100, 300), (150, 300), (250, 300), (300, 300)]


@pytest.mark.parametrize(
    ("keywords", "kind", "match"),
    [
        ({"policy": "orcale"}, UnknownIdError, "did you mean 'oracle'"),
        ({"policy": "dqn"}, ConfigurationError, "policy='dqn': learns"),
        ({"policy": "bid-greedy"}, UnsuitableAgentError, "bids in markets"),
        ({"noise": 1.5}, ConfigurationError, "noise=1.5"),
        ({"noise": float("nan")}, ConfigurationError, "noise=nan"),
        ({"window": 0}, ConfigurationError, "window=0"),
        ({"window": None, "noise": 0.1}, ConfigurationError, "window=None with noise=0.1"),
        ({"episodes": 0}, ConfigurationError, "episodes=0"),
        ({"episode_steps": 10**7}, EpisodeLengthError, "10000000 steps"),
    ],
)
def test_bad_input_is_refused(keywords: dict[str, Any], kind: type[Exception], match: str) -> None:
    with pytest.raises(kind, match=match):
        record_expert(gym.make(ID), **keywords)


def test_another_environment_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="must be a single environment of energy_gym"):
        record_expert(object())


@pytest.mark.parametrize("actions", sorted(YEAR))
def test_a_year_stays_within_its_time(actions: str) -> None:
    steps = 500
    env = gym.make(ID, actions=actions, episode_steps=steps)
    began = time.process_time()
    record_expert(env)
    assert time.process_time() - began < YEAR[actions] * steps / 8760.0
