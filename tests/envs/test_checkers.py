"""Gymnasium's and Stable-Baselines3's own checkers, over every id, action space and objective, without a warning."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import pandas as pd
import pytest
from gymnasium.utils.env_checker import check_env

import energy_gym
from energy_gym.envs.compat import MODERN
from energy_gym.scenarios.registration import MARKETS, SCENARIOS

# What bids in markets is held to the same checks by tests of its own.
IDS = sorted(set(SCENARIOS) - set(MARKETS))
ACTIONS = ("continuous", "discrete-3", "discrete-5")
OBJECTIVES = ("cost", "carbon", "joint")
DataOf = Callable[[str], pd.DataFrame]
# Ids that a price and a carbon intensity are enough for, with the keywords that make them so.
PRICED: dict[str, dict[str, Any]] = {
    "energy_gym/Arbitrage-v1": {},
    "energy_gym/Scenario-v1": {"scenario": energy_gym.Scenario.arbitrage()},
}


@pytest.fixture(params=[(name, actions, aim) for name in IDS for actions in ACTIONS for aim in OBJECTIVES], ids=str)
def keywords(request: pytest.FixtureRequest, data_of: DataOf) -> dict[str, Any]:
    name, actions, objective = request.param
    data = {"data": data_of(name), "published": "after"}
    return {"id": name, "actions": actions, "objective": objective, "episode_steps": 24, **data}


def check(run: Any) -> None:
    """Run a checker with every warning an error, whatever the command line says."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run()


def test_gymnasium(keywords: dict[str, Any]) -> None:
    env = gym.make(**keywords)
    check(lambda: check_env(env.unwrapped))


@pytest.mark.parametrize("name", IDS)
def test_gymnasium_with_pictures(name: str, data_of: DataOf) -> None:
    pytest.importorskip("matplotlib")
    env = gym.make(name, data=data_of(name), published="after", episode_steps=6, render_mode="rgb_array")
    check(lambda: check_env(env.unwrapped))


def test_stable_baselines(keywords: dict[str, Any]) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    env = gym.make(**keywords)
    check(lambda: checker.check_env(env.unwrapped, warn=True))


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("actions", ACTIONS)
def test_defaults_need_no_network_and_pass_both(name: str, actions: str) -> None:
    env = gym.make(name, actions=actions)
    check(lambda: check_env(env.unwrapped))
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    check(lambda: checker.check_env(env.unwrapped, warn=True))


@pytest.mark.parametrize("name", PRICED)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_markets(name: str, objective: str, real_data: Any) -> None:
    for dataset in ("de-lu", "encortex-uk"):
        keywords = {"objective": objective, "episode_steps": 24, **PRICED[name]}
        env = gym.make(name, dataset=dataset, split="test", **keywords)
        check(lambda env=env: check_env(env.unwrapped))


def test_a_home_that_is_fetched(real_data: Any) -> None:
    env = gym.make("energy_gym/HomeSolar-v1", dataset="ausgrid-12", split="test", episode_steps=48)
    check(lambda: check_env(env.unwrapped))


@pytest.mark.parametrize("name", IDS)
def test_registered_with_an_entry_for_batches(name: str) -> None:
    spec = gym.spec(name)
    assert spec.vector_entry_point is not None
    assert spec.max_episode_steps is None
    energy_gym.register_envs()
    assert gym.spec(name) is spec


@pytest.mark.parametrize("name", IDS)
def test_every_passive_check_of_a_whole_episode_is_silent(name: str, data_of: DataOf) -> None:
    env = gym.make(name, data=data_of(name), episode_steps=24)

    def play() -> None:
        env.reset(seed=1)
        while not env.step(env.action_space.sample())[3]:
            pass
        env.close()

    check(play)


@pytest.mark.parametrize("prefix", ["", "energy_gym:"])
def test_plain_gymnasium_finds_the_ids(prefix: str) -> None:
    if MODERN and not prefix:
        pytest.skip("Gymnasium 1.x loads no plug-ins: the module is named in front of the id, or imported")
    try:
        importlib.metadata.distribution("energy-gym")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the distribution is not installed, so Gymnasium has no entry point to find")
    code = f"import gymnasium as gym; [gym.make({prefix!r} + name).close() for name in {IDS!r}]"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
