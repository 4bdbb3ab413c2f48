"""`sdp` on a market whose price is not known in advance: its law, what it knows and earns, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.agents import load_agent, make_agent
from energy_gym.agents.sdp.agent import SDP
from energy_gym.data.price_law import check_rows
from energy_gym.errors import ConfigurationError, DataError, ResetNeededError, UnsuitableAgentError
from energy_gym.forecast.error_chain import Bins, ErrorChain

STORE = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01)
PARTS = {"train": ("2024-01-01", "2024-03-01"), "test": ("2024-03-01", "2024-03-15")}
SMALL = Bins(now=4, tails=(), slow=2)
RULES = {"price_per_mwh": "at-start", "forecast_price_per_mwh": "day-ahead 11:00"}


def prices(seed: int = 0, days: int = 75) -> pd.DataFrame:
    """Return a price by the quarter hour that strays, and comes back, from one that was published the day before."""
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-01-01", periods=96 * days, freq="15min", tz="Etc/GMT+5")
    hour = index.hour.to_numpy()
    published = 40.0 + 20.0 * np.sin((hour - 9.0) / 24.0 * 2.0 * np.pi) + np.repeat(random.normal(0.0, 5.0, days), 96)
    error, errors = 0.0, []
    for shock in random.standard_t(3, len(index)) * 6.0:
        error = 0.8 * error + shock
        errors.append(error)
    return pd.DataFrame({"price_per_mwh": published + errors, "forecast_price_per_mwh": published}, index=index)


def make(frame: pd.DataFrame | None = None, rules: Any = None, **keywords: Any) -> Any:
    chosen = {"split": "test", "episode_steps": None, "battery": STORE, "terminal": "free", "horizon": 2, **keywords}
    return gym.make(
        "energy_gym/Arbitrage-v1",
        data=prices() if frame is None else frame,
        published=RULES if rules is None else rules,
        splits=PARTS,
        **chosen,
    )


def play(agent: Any, env: Any) -> tuple[list[Any], float]:
    observation, info = env.reset(seed=0)
    agent.reset()
    actions, total, done = [], 0.0, False
    while not done:
        actions.append(agent.act(observation, info))
        observation, reward, _, done, info = env.step(actions[-1])
        total += reward
    return actions, total


def test_it_earns_most_of_what_foresight_would_and_more_than_without_the_errors() -> None:
    env = make()
    env.reset(seed=0)
    best = energy_gym.solve(env).value
    _, earned = play(SDP(env, bins=SMALL).fit(), env)
    _, planned = play(make_agent("threshold", env).fit(), env)
    assert planned < earned < best
    assert earned > 0.6 * best


@pytest.mark.parametrize("rules", [RULES, {**RULES, "price_per_mwh": "after"}, {"price_per_mwh": "at-start"}])
def test_it_knows_nothing_that_is_not_published(rules: Any) -> None:
    frame = prices() if "forecast_price_per_mwh" in rules else prices()[["price_per_mwh"]]
    env = make(frame, rules)
    agent = SDP(env, bins=SMALL).fit()
    actions, _ = play(agent, env)
    first = env.unwrapped.setup.feed.first
    for step in (0, 43, 44, 500):
        changed = frame.copy()
        at = first + step
        begun = 1 if rules["price_per_mwh"] == "at-start" else 0
        changed.iloc[at + begun :, 0] = 1e3
        if "forecast_price_per_mwh" in rules:
            day = (at // 96 + (2 if at % 96 >= 44 else 1)) * 96
            changed.iloc[day:, 1] = -1e3
        again = make(changed, rules)
        other = SDP(again, bins=SMALL)
        assert agent.learnt is not None
        other.take(agent.learnt)
        observation, info = again.reset(seed=0)
        for action in actions[: step + 1]:
            assert other.act(observation, info) == action
            observation, _, _, _, info = again.step(action)


def test_a_price_that_is_known_is_planned_without_errors() -> None:
    env = make(prices()[["price_per_mwh"]], "day-ahead 11:00")
    agent = SDP(env).fit()
    assert agent.ready().chain.states == 1
    _, earned = play(agent, env)
    env.reset(seed=0)
    assert earned > 0.9 * energy_gym.solve(env).value


def test_storage_that_must_end_as_it_began_does() -> None:
    env = make(terminal="cyclic", episode_steps=96)
    agent = SDP(env, bins=SMALL).fit()
    _, earned = play(agent, env)
    assert env.unwrapped.energy_kwh == pytest.approx(500.0, abs=10.0)
    assert earned > 0.0


def test_saved_and_loaded_it_plays_the_same(tmp_path: Path) -> None:
    env = make(episode_steps=200)
    agent = SDP(env, bins=SMALL).fit()
    agent.save(tmp_path)
    assert play(load_agent(tmp_path, env), env) == play(agent, env)
    (tmp_path / "sdp.npz").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="not the file that was saved"):
        load_agent(tmp_path, env)


def test_it_says_what_it_cannot_hold() -> None:
    with pytest.raises(UnsuitableAgentError, match="without standby losses"):
        SDP(make(battery=Battery(self_discharge_per_day=0.01)))
    env = make()
    observation, info = env.reset(seed=0)
    with pytest.raises(ResetNeededError, match="call fit"):
        SDP(env).act(observation, info)


def test_too_few_samples_are_counted() -> None:
    with pytest.raises(DataError, match=r"133 states from 240 steps .*needs 20 .*2660"):
        SDP(make(), bins=Bins(now=15)).fit()


def test_a_law_is_a_distribution() -> None:
    matrices = np.full((24, 2, 2), 0.5)
    check_rows(matrices)
    matrices[3, 1, 0] = 0.6
    with pytest.raises(DataError, match=r"row \(3, 1\) .* sums to 1.1"):
        check_rows(matrices)


WRONG: list[dict[str, Any]] = [
    *({"now": 0}, {"slow": 0}, {"memory_hours": 0.0}, {"floor": -1.0}, {"pooled": -1}, {"pooled": 24}),
    *({"now": 2.5}, {"now": True}, {"now": "4"}, {"slow": None}, {"memory_hours": "1"}, {"memory_hours": float("nan")}),
    *({"floor": float("inf")}, {"tails": (2.0,)}, {"tails": (0.4,)}, {"tails": 0.98}, {"tails": "0.98"}),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_bins_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        Bins(**wrong)


def test_the_mean_of_past_errors_forgets() -> None:
    chain = ErrorChain.fit(np.full(2400, 30.0), np.full(2400, 20.0), np.arange(2400) % 24, 1.0, Bins(1, (), 1, 2.0))
    assert chain.means(np.array([1.0, 1.0, 0.0])).tolist() == [0.5, 0.75, 0.375]
    assert chain.prices(40.0, 5).tolist() == [60.0]
