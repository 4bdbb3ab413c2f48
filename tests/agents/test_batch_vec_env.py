"""The adapter to Stable-Baselines3: windows that are asked for are played, infos are those of single environments."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym.errors import ConfigurationError
from energy_gym.scenarios.registration import SCENARIOS

pytest.importorskip("stable_baselines3")
COUNT, STEPS = 3, 5


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_windows_and_infos_are_those_of_single_environments(name: str) -> None:
    from energy_gym.agents.sb3_vec import BatchVecEnv

    batch = energy_gym.make_vec(name, COUNT, autoreset="same_step", episode_steps=STEPS)
    venv = BatchVecEnv(batch.unwrapped, reward_factor=0.5)
    singles: list[Any] = [gym.make(name, episode_steps=STEPS).unwrapped for _ in range(COUNT)]
    random = np.random.default_rng(len(name))
    firsts = random.integers(singles[0].setup.steps - STEPS, size=COUNT).tolist()
    asked = [{"start": singles[0].setup.time(first), "steps": STEPS - 1} for first in firsts]
    venv.set_options(asked)
    seen = venv.reset()
    for index, env in enumerate(singles):
        observation, info = env.reset(options=asked[index])
        assert observation.tobytes() == seen[index].tobytes()
        assert_same(venv.reset_infos[index], info)
    for step in range(STEPS - 1):
        actions = random.uniform(-1.0, 1.0, (COUNT, *venv.action_space.shape)).astype(np.float32)
        _, rewards, done, infos = venv.step(actions)
        for index, env in enumerate(singles):
            observation, gain, _, over, info = env.step(actions[index])
            assert rewards[index] == np.float32(gain * 0.5)
            assert done[index] == over == (step == STEPS - 2)
            # What is due says of the coming action, and after the last there is none.
            assert_same(infos[index], {name: value for name, value in info.items() if not (over and name == "due")})
            if over:
                assert infos[index]["terminal_observation"].tobytes() == observation.tobytes()
    # What was asked for holds for one reset, as it does with environments one by one.
    venv.reset()
    lengths = [bool(venv.step(actions)[2].all()) for _ in range(STEPS)]
    assert lengths == [False] * (STEPS - 1) + [True]


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for key, value in expected.items():
        assert np.array_equal(found[key], value), key


def test_an_option_for_some_is_refused() -> None:
    from energy_gym.agents.sb3_vec import BatchVecEnv

    batch = energy_gym.make_vec("energy_gym/Arbitrage-v1", 2, autoreset="same_step")
    venv = BatchVecEnv(batch.unwrapped)
    venv.set_options([{"steps": 3}, {}])
    with pytest.raises(ConfigurationError, match="must be given for all"):
        venv.reset()
