"""Batches of other libraries over every id, and their wrappers around ours: what comes out is what they say.

Gymnasium's processes, Stable-Baselines3's processes and its running normalisation, and Gymnasium's wrappers of batches,
each against environments played one by one.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.envs.compat import MODERN
from energy_gym.errors import ConfigurationError
from energy_gym.scenarios.registration import MARKETS, SCENARIOS
from tests.conftest import make_site

IDS = sorted(SCENARIOS)
COUNT, STEPS = 2, 4
# Processes are made as copies of this one, in which libraries have threads; newer Pythons say so.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


OWN = {
    **dict.fromkeys(set(SCENARIOS) - set(MARKETS), make_site(240)),
    "energy_gym/Commercial-v1": make_site(31 * 96, minutes=15),
}


@functools.cache
def keywords(name: str) -> dict[str, Any]:
    """Return short series where an id takes prices and loads alone, so that making one takes no time."""
    data = {"split": "train"} if name in MARKETS else {"data": OWN[name], "published": "after"}
    return {**data, "episode_steps": STEPS}


@functools.cache
def makers(name: str) -> list[Callable[[], Any]]:
    return [functools.partial(gym.make, name, **keywords(name))] * COUNT


@functools.cache
def script(name: str) -> Any:
    """Return actions of several episodes of a batch, shape (steps, COUNT, entries)."""
    shape = (2 * STEPS, COUNT, *makers(name)[0]().action_space.shape)
    return np.random.default_rng(len(name)).uniform(-1.0, 1.0, shape).astype(np.float32)


@functools.cache
def one_by_one(name: str) -> tuple[Any, Any]:
    """Return observations and rewards of the first episode, shapes (STEPS + 1, COUNT, slots) and (STEPS, COUNT)."""
    seen, earned = [], []
    for index in range(COUNT):
        env = makers(name)[0]()
        course, gains = [env.reset(seed=7 + index)[0]], []
        for actions in script(name)[:STEPS]:
            observation, gain, _, over, _ = env.step(actions[index])
            course.append(observation)
            gains.append(gain)
        assert over
        seen.append(course)
        earned.append(gains)
    return np.array(seen).swapaxes(0, 1), np.array(earned).T


@pytest.mark.parametrize("name", IDS)
def test_processes_of_gymnasium(name: str) -> None:
    batch = gym.vector.AsyncVectorEnv(makers(name), context="fork")
    try:
        seen, earned = one_by_one(name)
        assert batch.reset(seed=7)[0].tobytes() == seen[0].tobytes()
        for step in range(STEPS):
            observations, rewards, terminated, truncated, _ = batch.step(script(name)[step])
            np.testing.assert_array_equal(rewards, earned[step])
            assert not terminated.any()
            assert truncated.all() == truncated.any() == (step == STEPS - 1)
            # Gymnasium 0.29 hands out the first observation of the next episode in the last step.
            if MODERN or step < STEPS - 1:
                assert observations.tobytes() == seen[step + 1].tobytes()
        for actions in script(name)[STEPS:]:
            batch.step(actions)
    finally:
        batch.close()
    with pytest.raises(ConfigurationError, match="must be an environment of energy_gym"):
        energy_gym.evaluate(lambda seen: seen, batch)


@pytest.mark.parametrize("name", IDS)
def test_processes_and_running_normalisation_of_stable_baselines3(name: str) -> None:
    library = pytest.importorskip("stable_baselines3.common.vec_env")
    seen, earned = one_by_one(name)
    # Slots that have not moved yet would be clipped.
    venv = library.VecNormalize(library.SubprocVecEnv(makers(name), start_method="fork"), gamma=0.9, clip_obs=1e6)
    try:
        venv.seed(7)
        venv.reset()
        assert venv.get_original_obs().tobytes() == seen[0].tobytes()
        for step in range(STEPS):
            observations, rewards, done, infos = venv.step(script(name)[step])
            # Some versions of the library keep what they are given in float64, others do not.
            np.testing.assert_array_equal(np.float32(venv.get_original_reward()), np.float32(earned[step]))
            assert np.isfinite(observations).all() and np.isfinite(rewards).all()
        assert done.all()
        for index, info in enumerate(infos):
            last = venv.unnormalize_obs(info["terminal_observation"])
            np.testing.assert_allclose(last, seen[-1][index], atol=1e-3)
        with pytest.raises(ConfigurationError, match="must be an environment of energy_gym"):
            make_agent("idle", venv)
    finally:
        venv.close()


@pytest.mark.parametrize("name", IDS)
def test_running_normalisation_around_our_batch(name: str) -> None:
    library = pytest.importorskip("stable_baselines3.common.vec_env")
    from energy_gym.agents.sb3_vec import BatchVecEnv

    seen, earned = one_by_one(name)
    batch = energy_gym.make_vec(name, COUNT, **keywords(name), autoreset="same_step")
    venv = library.VecNormalize(BatchVecEnv(batch.unwrapped), gamma=0.9)
    venv.seed(7)
    venv.reset()
    for step in range(STEPS):
        assert venv.get_original_obs().tobytes() == seen[step].tobytes()
        venv.step(script(name)[step])
        np.testing.assert_array_equal(np.float32(venv.get_original_reward()), np.float32(earned[step]))


ZERO, ONE = np.float32(0.0), np.float32(1.0)
OLD = "gymnasium.experimental.wrappers.vector"
# By the name in Gymnasium 1.x: the name in 0.29, arguments, and what becomes of a reward on its way out and of an
# action on its way in (None: it is as it was).
Change = Callable[[Any], Any] | None
WRAPPERS: dict[str, tuple[str, tuple[Any, ...], Change, Change]] = {
    "RescaleAction": ("RescaleActionV0", (ZERO, ONE), None, lambda action: action * 2.0 - 1.0),
    "ClipAction": ("ClipActionV0", (), None, None),
    "FlattenObservation": ("FlattenObservationV0", (), None, None),
    "TransformReward": ("LambdaRewardV0", (np.abs,), np.abs, None),
    "ClipReward": ("ClipRewardV0", (-0.01, 0.01), lambda reward: np.clip(reward, -0.01, 0.01), None),
}


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrappers_of_batches_do_what_they_say(name: str, wrapper: str) -> None:
    older, arguments, on_reward, on_action = WRAPPERS[wrapper]
    module = importlib.import_module("gymnasium.wrappers.vector" if MODERN else OLD)
    kind = getattr(module, wrapper if MODERN else older)
    plain, outer = (energy_gym.make_vec(name, COUNT, **keywords(name)) for _ in range(2))
    wrapped = kind(outer, *arguments)
    assert wrapped.reset(seed=7)[0].tobytes() == plain.reset(seed=7)[0].tobytes()
    for actions in np.abs(script(name)):
        theirs, ours = wrapped.step(actions), plain.step(on_action(actions) if on_action else actions)
        assert theirs[0].tobytes() == ours[0].tobytes()
        np.testing.assert_array_equal(theirs[1], on_reward(ours[1]) if on_reward else ours[1])
        assert (theirs[2] == ours[2]).all() and (theirs[3] == ours[3]).all()
    with pytest.raises(ConfigurationError, match="must be an environment of energy_gym"):
        energy_gym.evaluate(lambda seen: seen, wrapped)


# The older Gymnasium's own wrapper asks in a way that it says is out of date.
@pytest.mark.filterwarnings("ignore:.*to get variables from other wrappers is deprecated")
@pytest.mark.parametrize("name", IDS)
def test_running_normalisation_of_gymnasium(name: str) -> None:
    module = importlib.import_module("gymnasium.wrappers.vector" if MODERN else "gymnasium.wrappers")
    wrapped = energy_gym.make_vec(name, COUNT, **keywords(name))
    wrapped = module.NormalizeReward(module.NormalizeObservation(wrapped), gamma=0.9)
    first, _ = wrapped.reset(seed=7)
    for actions in script(name):
        observations, rewards, *_ = wrapped.step(actions)
        assert np.isfinite(observations).all() and np.isfinite(rewards).all()
    assert first.shape == observations.shape == (COUNT, *wrapped.single_observation_space.shape)
