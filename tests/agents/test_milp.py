"""The plan of a fixed horizon: with perfect foresight the oracle's, and between plans blind."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.agents.milp import MILP
from energy_gym.errors import ConfigurationError, NonPositiveError, UnsuitableAgentError

ID = "energy_gym/Arbitrage-v1"


@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
def test_perfect_foresight_over_the_episode_makes_it_the_oracle(series: pd.DataFrame, actions: str) -> None:
    env = gym.make(ID, data=series, forecast="perfect", horizon=24, episode_steps=24, actions=actions)
    env.reset(seed=3)
    best = energy_gym.solve(env).value
    assert energy_gym.evaluate(MILP(env), env, seed=3).return_ == pytest.approx(best, abs=1e-6)


def solved(monkeypatch: pytest.MonkeyPatch, env: Any, agent: MILP) -> list[int]:
    """Play an episode; return the steps at which a plan was made."""
    made: list[int] = []
    from energy_gym.agents import milp

    original = milp.planned

    def counted(*arguments: Any, **keywords: Any) -> Any:
        made.append(env.unwrapped.steps_left[0] - env.unwrapped.window[0])
        return original(*arguments, **keywords)

    monkeypatch.setattr(milp, "planned", counted)
    observation, info = env.reset(seed=1)
    agent.reset()
    over = False
    while not over:
        observation, _, _, over, info = env.step(agent.act(observation, info))
    return made


def test_a_plan_is_followed_to_its_end(series: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    env = gym.make(ID, data=series, horizon=24, episode_steps=30)
    assert solved(monkeypatch, env, MILP(env, steps=10)) == [0, 10, 20]
    assert solved(monkeypatch, env, MILP(env)) == [0, 24]


def test_it_earns_less_than_planning_anew_where_forecasts_grow_better(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, forecast="noise", horizon=24, episode_steps=240)
    follows, anew = (energy_gym.evaluate(make_agent(name, env), env, seed=1).return_ for name in ("milp", "mpc"))
    assert follows != anew
    assert np.isfinite([follows, anew]).all()


@pytest.mark.parametrize("id", ["energy_gym/Commercial-v1", "energy_gym/FleetReserve-v1"])
def test_sites_and_fleets(id: str) -> None:
    env = gym.make(id, split="test", episode_steps=26)
    result = energy_gym.evaluate(MILP(env), env, seed=1)
    assert result.regret >= 0.0 and result.steps == 26


def test_bids_at_gates_are_left_to_mpc() -> None:
    with pytest.raises(UnsuitableAgentError, match="sets the power of storage or bids for fleets"):
        MILP(gym.make("energy_gym/Bidding-v1", episode_steps=24))


def test_steps_that_are_none_are_refused(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, horizon=24, episode_steps=24)
    with pytest.raises(NonPositiveError, match="steps=0"):
        MILP(env, steps=0)
    with pytest.raises(ConfigurationError, match=r"steps=2\.5"):
        MILP(env, steps=2.5)  # type: ignore[arg-type]
