"""Discrete choices of a producer: one meaning for the single environment, the batch and the wrapper."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.bidding.outlook import offered_kw, surplus_kw, write_bids
from energy_gym.bidding.wrapper import OfferLevels
from energy_gym.errors import ActionError, UnknownIdError

ID = "energy_gym/Bidding-v1"
PRESETS = ("eu-hourly", "india-15min")


def actions_of(env: Any, steps: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).integers(env.action_space.n, size=steps).tolist()


@pytest.mark.parametrize(("preset", "bids"), [("eu-hourly", "volume"), ("eu-hourly", "price-volume")])
def test_the_wrapper_and_the_keyword_say_the_same(preset: str, bids: str) -> None:
    own = gym.make(ID, preset=preset, bids=bids, actions="discrete-3", episode_steps=60)
    wrapped = OfferLevels(gym.make(ID, preset=preset, bids=bids, episode_steps=60))
    assert own.action_space == wrapped.action_space
    assert own.reset(seed=1)[0].tobytes() == wrapped.reset(seed=1)[0].tobytes()
    for action in actions_of(own, 60, 2):
        one, other = own.step(action), wrapped.step(action)
        assert one[0].tobytes() == other[0].tobytes()
        assert one[1] == other[1]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_batch_does_what_single_environments_do(preset: str) -> None:
    month = {"period": ("2022-03-01", "2022-04-01")} if preset == "india-15min" else {}
    keywords = {"preset": preset, "actions": "discrete-5", "episode_steps": 40, **month}
    batch = energy_gym.make_vec(ID, num_envs=3, autoreset="disabled", **keywords)
    pickled = pickle.dumps(gym.make(ID, **keywords).unwrapped)
    singles: list[Any] = [pickle.loads(pickled) for _ in range(3)]
    observations, _ = batch.reset(seed=[4, 5, 6])
    for seed, env, observation in zip((4, 5, 6), singles, observations, strict=True):
        assert env.reset(seed=seed)[0].tobytes() == observation.tobytes()
    for step in range(40):
        actions = np.array(actions_of(singles[0], 3, step))
        observations, rewards, *_ = batch.step(actions)
        for place, env in enumerate(singles):
            observation, reward, *_ = env.step(int(actions[place]))
            assert observation.tobytes() == observations[place].tobytes()
            assert reward == rewards[place]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_share_of_what_is_left_is_bid_for_every_slot(preset: str) -> None:
    env = OfferLevels(gym.make(ID, preset=preset, episode_steps=200))
    base: Any = env.unwrapped
    env.reset(seed=3)
    gates = 0
    for _ in range(150):
        count = len(base.setup.timetable.books)
        wanted = np.zeros(base.setup.controls)
        left = 0.0 - surplus_kw(base) - offered_kw(base)
        if base.due[2:].any():
            gates += 1
            for place in range(count):
                write_bids(base, place, 0.5 * left, wanted)
        half = int(np.ravel_multi_index((1, *(1,) * count), (3, *(4,) * count)))
        np.testing.assert_allclose(env.action(half), wanted, atol=1e-12)
        env.step(half)
    assert gates >= 1


def test_the_nearest_choice_to_what_a_choice_means_is_that_choice() -> None:
    env = gym.make(ID, actions="discrete-3").unwrapped
    env.reset(options={"start": "2020-06-01T10:00Z", "steps": 48})
    choices, steps = env.gates.choices, np.full(12, env.steps_left[0])
    offered = [volumes[None].repeat(12, axis=0) for volumes in env.offered().values()]
    meant = choices.entries(np.arange(12), steps, offered)
    assert [env.gates.chosen(entries) for entries in meant] == list(range(12))


def test_the_best_choices_are_played_and_proven() -> None:
    env = gym.make(ID, actions="discrete-3", split="test", episode_steps=48)
    env.reset(seed=1)
    found, physical = energy_gym.solve(env), energy_gym.solve(env, continuous=True)
    assert all(env.action_space.contains(action) for action in found.actions)
    earned = sum(env.step(action)[1] for action in found.actions)
    assert earned == pytest.approx(found.value, abs=1e-6)
    assert found.value <= physical.value <= physical.bound + 1e-6
    assert found.exact
    assert found.bound <= physical.bound + 1e-6
    continuous = gym.make(ID, split="test", episode_steps=48)
    continuous.reset(seed=1)
    assert energy_gym.solve(continuous).value == pytest.approx(physical.value)


@pytest.mark.parametrize("name", ["idle", "uniform", "mpc"])
def test_agents_play_choices(name: str) -> None:
    env = gym.make(ID, actions="discrete-3", split="test", episode_steps=72)
    result = energy_gym.evaluate(make_agent(name, env), env, seed=2)
    assert result.regret >= -1e-6
    if name == "idle":
        assert result.return_ == pytest.approx(result.idle, abs=1e-9)
    if name == "mpc":
        assert result.score > 0.0


def test_what_is_no_choice_is_refused() -> None:
    env = gym.make(ID, actions="discrete-3", episode_steps=24)
    env.reset(seed=0)
    for bad in (-1, 12, 0.5, [0, 1], "first", None):
        with pytest.raises(ActionError, match="one of 0 to 11"):
            env.step(bad)
    with pytest.raises(UnknownIdError, match="discrete-4"):
        gym.make(ID, actions="discrete-4")
