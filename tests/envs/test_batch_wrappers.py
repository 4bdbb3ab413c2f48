"""A batch in Gymnasium's wrapper that counts returns, on either lane; and batches that no machine holds."""

from __future__ import annotations

import importlib
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym.envs import batched
from energy_gym.envs.compat import MODERN
from energy_gym.errors import ConfigurationError
from energy_gym.scenarios.registration import SCENARIOS

STEPS = 4
# Of the older Gymnasium both the usual wrapper and the one of its experimental batches are in use.
OLD = ("gymnasium.wrappers", "gymnasium.experimental.wrappers.vector")
PLACES = ("gymnasium.wrappers.vector",) if MODERN else OLD


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_returns_of_a_batch_are_counted(name: str, place: str) -> None:
    module = importlib.import_module(place)
    kind = getattr(module, "RecordEpisodeStatistics", None) or module.RecordEpisodeStatisticsV0
    plain: Any = energy_gym.make_vec(name, 3, episode_steps=STEPS, autoreset="same_step")
    counted: Any = kind(energy_gym.make_vec(name, 3, episode_steps=STEPS, autoreset="same_step"))
    for batch in (plain, counted):
        batch.reset(seed=5)
    plain.action_space.seed(0)
    total = np.zeros(3)
    for _ in range(STEPS):
        actions = plain.action_space.sample()
        total += plain.step(actions)[1]
        info = counted.step(actions)[4]
    np.testing.assert_allclose(info["episode"]["r"], total, rtol=1e-5, atol=1e-5)
    assert info["episode"]["l"].tolist() == [STEPS] * 3
    assert info["_episode"].all()
    if not MODERN:
        assert isinstance(counted.unwrapped, type(plain.unwrapped))


@pytest.mark.parametrize("more", [{}, {"battery": energy_gym.Battery()}])
def test_more_environments_than_memory_holds_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"num_envs=10+: would take .* GiB .*; ask for fewer"):
        energy_gym.make_vec("energy_gym/Arbitrage-v1", 10**15, **more)


def test_what_is_seen_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = len(gym.make("energy_gym/Arbitrage-v1").unwrapped.layout)  # type: ignore[attr-defined]
    monkeypatch.setattr(batched, "memory_bytes", lambda: 100 * slots * batched.ROOM_PER_SLOT)
    assert energy_gym.make_vec("energy_gym/Arbitrage-v1", 100).num_envs == 100
    with pytest.raises(ConfigurationError, match="num_envs=101"):
        energy_gym.make_vec("energy_gym/Arbitrage-v1", 101)
