"""What an environment hands out is the caller's own: an agent that works in place changes nobody's later episodes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym.scenarios.registration import SCENARIOS


def seen(env: Any) -> list[Any]:
    observation, info = env.reset(seed=3)
    return [observation.tobytes(), repr(info), {name: row.tobytes() for name, row in env.unwrapped.outlook().items()}]


@pytest.mark.parametrize("name", SCENARIOS)
def test_scaling_an_outlook_in_place_changes_nothing(name: str) -> None:
    env = gym.make(name)
    before = seen(env)
    observation, _ = env.reset(seed=3)
    for row in env.unwrapped.outlook().values():
        row -= row.mean()
        row *= -7.0
    observation[:] = np.float32(0.0)
    env.step(env.action_space.sample())
    assert seen(env) == before
