"""The contract of every registered id: names, docstrings, keywords, defaults, copies and pickles."""

from __future__ import annotations

import importlib
import pickle
import re
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.contracts import DemandCharge, EnergyContract, Tariff
from energy_gym.entities import Consumer
from energy_gym.entities.solar import Generator
from energy_gym.scenario import Scenario
from energy_gym.scenarios.microgrid import microgrid
from energy_gym.scenarios.registration import MARKETS, SCENARIOS, current_id, earlier_ids

# What bids in markets is held to the same checks by tests of its own.
IDS = sorted(set(SCENARIOS) - set(MARKETS))


def expected_slots(scenario: Scenario) -> tuple[int, tuple[int, int, int]]:
    """Return how many states there are, and how many series are looked ahead at for money, for carbon and for both."""
    windows = sum(len(item.windows) for item in scenario.contracts.values() if isinstance(item, DemandCharge))
    rows = sum(isinstance(item, Consumer | Generator) for item in scenario.entities.values())
    (energy,) = (item for item in scenario.contracts.values() if isinstance(item, EnergyContract))
    prices = sum(energy.varying()) if isinstance(energy, Tariff) else 1
    money = rows + max(prices, 1) + bool(windows)
    return 1 + windows, (money, rows + 1, money + 1)


@pytest.fixture(params=IDS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def data(name: str, data_of: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    return data_of(name)


def test_an_id_has_a_version_and_a_page(name: str) -> None:
    assert re.fullmatch(r"energy_gym/[A-Z][A-Za-z]+-v\d+", name)
    module, single, batch = SCENARIOS[name]
    for part in ("Decision", "Observation", "Reward", "Episode", "Keywords", "Versions"):
        assert f"**{part}.**" in getattr(importlib.import_module(module), single).__doc__
    assert getattr(importlib.import_module(module), batch).__doc__


def test_defaults(name: str) -> None:
    env = gym.make(name)
    assert isinstance(env.action_space, gym.spaces.Box)
    assert env.action_space.shape == (1,)
    assert env.action_space.low == -1.0
    assert env.action_space.high == 1.0
    assert isinstance(env.observation_space, gym.spaces.Box)
    assert len(env.observation_space.shape) == 1
    assert env.observation_space.dtype == np.float32
    assert np.isfinite(env.observation_space.low).all()
    assert np.isfinite(env.observation_space.high).all()
    assert len(env.unwrapped.layout) == env.observation_space.shape[0]
    assert env.unwrapped.render_mode is None


def test_spaces_of_the_action_keywords(name: str) -> None:
    assert gym.make(name, actions="discrete-3").action_space == gym.spaces.Discrete(3)
    assert gym.make(name, actions="discrete-5").action_space == gym.spaces.Discrete(5)


@pytest.mark.parametrize("horizon", [1, 2, 24, 100])
def test_horizon_sets_the_number_of_slots(name: str, data: pd.DataFrame, horizon: int) -> None:
    states, series = expected_slots(gym.make(name, data=data).unwrapped.scenario)
    for objective, count in zip(("cost", "carbon", "joint"), series, strict=True):
        env = gym.make(name, data=data, horizon=horizon, objective=objective)
        assert env.observation_space.shape == (states + 6 + count * horizon,)
        names = [slot.name for slot in env.unwrapped.layout]
        assert names[0] == "state_of_charge"
        assert sum(name.startswith("running_maximum_kw") for name in names) == states - 1
        assert sum(name.endswith(f"[+{horizon - 1}]") for name in names) == count


def test_state_can_be_pickled_and_goes_on_the_same(name: str, data: pd.DataFrame) -> None:
    env = gym.make(name, data=data).unwrapped
    env.reset(seed=1)
    env.step(np.array([0.5]))
    twin = pickle.loads(pickle.dumps(env))
    for _ in range(5):
        one, two = env.step(np.array([-0.2])), twin.step(np.array([-0.2]))
        assert one[0].tobytes() == two[0].tobytes()
        assert one[1:] == two[1:]
    assert env.reset()[0].tobytes() == twin.reset()[0].tobytes()


def test_processes_of_their_own(name: str) -> None:
    """Gymnasium's asynchronous batch sends what makes an environment to other processes."""
    spec = gym.make(name, episode_steps=5, actions="discrete-3").spec
    again = gym.make(pickle.loads(pickle.dumps(spec)))
    assert again.reset(seed=0)[0].tobytes() == gym.make(name, episode_steps=5).reset(seed=0)[0].tobytes()


def test_a_variant_changes_only_what_is_asked(name: str, data: pd.DataFrame) -> None:
    env = gym.make(name, data=data, objective="joint", episode_steps=7).unwrapped
    other = env.variant(episode_steps=9)
    other.reset(seed=0)
    assert other.window[1] - other.window[0] == 9
    assert other.scenario == env.scenario
    env.reset(seed=0)
    assert env.window[1] - env.window[0] == 7


def test_gymnasium_wrappers_work(name: str, data: pd.DataFrame) -> None:
    env: Any = gym.make(name, data=data, max_episode_steps=5)
    env = gym.wrappers.RecordEpisodeStatistics(gym.wrappers.RescaleAction(env, np.float32(-2.0), np.float32(2.0)))
    env.reset(seed=0)
    for step in range(5):
        _, _, terminated, truncated, info = env.step(np.array([2.0], dtype=np.float32))
        assert not terminated
        assert truncated == (step == 4)
    assert "episode" in info


def test_unknown_keywords_are_refused(name: str, data: pd.DataFrame) -> None:
    for make in (gym.make, energy_gym.make_vec):
        with pytest.raises(energy_gym.EnergyGymError, match=r"keyword 'horizn'.*did you mean 'horizon'"):
            make(name, data=data, horizn=5)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_name_of_an_earlier_version_makes_the_newest_and_says_that_it_is_out_of_date(name: str) -> None:
    (earlier,) = earlier_ids(name)
    keywords = {"scenario": microgrid()} if "Scenario" in name else {}
    with pytest.warns(DeprecationWarning, match="out of date"):
        env = gym.make(earlier, episode_steps=24, **keywords)
    newest = gym.make(name, episode_steps=24, **keywords)
    assert type(env.unwrapped) is type(newest.unwrapped)
    assert current_id(earlier) == name
    assert np.array_equal(env.reset(seed=3)[0], newest.reset(seed=3)[0])
