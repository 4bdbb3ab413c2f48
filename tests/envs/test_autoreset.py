"""Autoreset as Gymnasium does it: the batch is held against Gymnasium's own batch of single environments."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.errors import ResetNeededError

ID = "energy_gym/Arbitrage-v1"
COUNT = 4
MODERN = hasattr(gym.vector, "AutoresetMode")
FINAL = "final_obs" if MODERN else "final_observation"


def makers(data: pd.DataFrame, own: list[Battery], **keywords: Any) -> list[Any]:
    return [lambda battery=battery: gym.make(ID, data=data, battery=battery, **keywords) for battery in own]


def batteries() -> list[Battery]:
    return [Battery(charge_kw=1.0 + i, efficiency_charge=0.9, wear_per_kwh=0.001 * i) for i in range(COUNT)]


def yardstick(data: pd.DataFrame, mode: str, **keywords: Any) -> Any:
    made = makers(data, batteries(), **keywords)
    if MODERN:
        return gym.vector.SyncVectorEnv(made, autoreset_mode=gym.vector.AutoresetMode[mode.upper()])
    return gym.vector.SyncVectorEnv(made)


def assert_same_info(ours: Any, theirs: Any, final: bool = False) -> None:
    for name in set(ours) | set(theirs):
        if name.startswith("_"):
            continue
        mask = np.asarray(theirs.get(f"_{name}", np.zeros(COUNT, dtype=bool)))
        np.testing.assert_array_equal(ours.get(f"_{name}", np.zeros(COUNT, dtype=bool)), mask, err_msg=name)
        if not mask.any():
            continue
        if isinstance(theirs[name], dict):
            assert_same_info(ours[name], theirs[name], final=True)
            continue
        for i in np.flatnonzero(mask):
            if isinstance(theirs[name][i], dict):
                assert ours[name][i] == theirs[name][i]
            else:
                assert np.asarray(ours[name][i]).tobytes() == np.asarray(theirs[name][i]).tobytes(), name


@pytest.mark.parametrize("mode", ["next_step", "same_step"])
@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_as_gymnasium_does(series: pd.DataFrame, mode: str, actions: str, steps: int) -> None:
    if not MODERN and mode == "next_step":
        pytest.skip("Gymnasium 0.29 has no next-step autoreset to compare with")
    keywords: dict[str, Any] = {"objective": "joint", "actions": actions, "episode_steps": steps, "horizon": 3}
    ours = energy_gym.make_vec(ID, COUNT, data=series, battery=batteries(), autoreset=mode, **keywords)
    theirs = yardstick(series, mode, **keywords)
    random = np.random.default_rng(1)
    seen, info = ours.reset(seed=5)
    expected, expected_info = theirs.reset(seed=5)
    np.testing.assert_array_equal(seen, expected)
    assert_same_info(info, expected_info)
    for _ in range(120):
        wishes: Any = random.integers(0, 3, COUNT)
        if actions == "continuous":
            wishes = random.uniform(-1.0, 1.0, (COUNT, 1)).astype(np.float32)
        seen, gains, terminated, truncated, info = ours.step(wishes)
        expected, expected_gains, ends, overs, expected_info = theirs.step(wishes)
        assert seen.tobytes() == expected.tobytes()
        assert gains.tobytes() == expected_gains.tobytes()
        np.testing.assert_array_equal(terminated, ends)
        np.testing.assert_array_equal(truncated, overs)
        assert_same_info(info, expected_info)
    assert not terminated.any()


@pytest.mark.parametrize("mode", ["next_step", "same_step"])
def test_windows_of_unequal_length(series: pd.DataFrame, mode: str) -> None:
    """Each environment ends in its own time; a model of the mode on single environments says what must be seen."""
    lengths = [1, 2, 3, 5]
    ours = energy_gym.make_vec(ID, COUNT, data=series, battery=batteries(), autoreset=mode, episode_steps=6)
    alone = [maker() for maker in makers(series, batteries(), episode_steps=6)]
    start = series.index[30]
    ours.reset(seed=2)
    ours.reset(options={"start": start, "steps": lengths})
    for i, env in enumerate(alone):
        env.reset(seed=2 + i)
        env.reset(options={"start": start, "steps": lengths[i]})
    waiting = [False] * COUNT
    random = np.random.default_rng(0)
    for _ in range(60):
        wishes = random.uniform(-1.5, 1.5, (COUNT, 1))
        seen, gains, terminated, truncated, info = ours.step(wishes)
        assert not terminated.any()
        for i, env in enumerate(alone):
            if waiting[i]:
                observation, figures = env.reset()
                gain, over = 0.0, False
                assert list(figures) == list(env.info_units)
            else:
                observation, gain, _, over, figures = env.step(wishes[i])
            waiting[i] = over and mode == "next_step"
            if over and mode == "same_step":
                assert info[FINAL][i].tobytes() == observation.tobytes()
                final = info["final_info"]
                last = final[i] if not isinstance(final, dict) else {name: final[name][i] for name in figures}
                assert last == figures
                observation, figures = env.reset()
            assert seen[i].tobytes() == observation.tobytes()
            assert gains[i] == gain
            assert truncated[i] == over
            for name, value in figures.items():
                assert info[name][i] == value
                assert info[f"_{name}"][i]


def test_disabled_asks_for_a_reset(series: pd.DataFrame) -> None:
    batch = energy_gym.make_vec(ID, 2, data=series, autoreset="disabled")
    batch.reset(seed=0, options={"steps": [1, 3]})
    assert batch.step(np.zeros((2, 1)))[3].tolist() == [True, False]
    with pytest.raises(ResetNeededError):
        batch.step(np.zeros((2, 1)))
    batch.reset(options={"reset_mask": np.array([True, False]), "steps": [2, 9]})
    assert batch.step(np.zeros((2, 1)))[3].tolist() == [False, False]
    assert batch.step(np.zeros((2, 1)))[3].tolist() == [True, True]


def test_the_mode_is_announced(series: pd.DataFrame) -> None:
    if not MODERN:
        pytest.skip("Gymnasium 0.29 has no metadata for it")
    for mode in ("next_step", "same_step", "disabled"):
        batch = energy_gym.make_vec(ID, 2, data=series, autoreset=mode)
        assert batch.metadata["autoreset_mode"] == gym.vector.AutoresetMode[mode.upper()]
    assert energy_gym.make_vec(ID, 2, data=series).metadata["autoreset_mode"] == gym.vector.AutoresetMode.NEXT_STEP


def test_the_default_is_that_of_the_installed_gymnasium(series: pd.DataFrame) -> None:
    batch = energy_gym.make_vec(ID, 2, data=series, episode_steps=1)
    batch.reset(seed=0)
    info = batch.step(np.zeros((2, 1)))[4]
    assert (FINAL in info) is not MODERN


def test_gymnasiums_own_maker(series: pd.DataFrame) -> None:
    if MODERN:
        batch = gym.make_vec(ID, num_envs=2, vectorization_mode="vector_entry_point", data=series)
    else:
        batch = gym.make_vec(ID, num_envs=2, vectorization_mode="custom", vector_kwargs={"data": series})
    assert batch.reset(seed=0)[0].shape == (2, 31)


def test_masked_resets_as_gymnasium_does(series: pd.DataFrame) -> None:
    if not MODERN:
        pytest.skip("Gymnasium 0.29 has no masked resets to compare with")
    ours = energy_gym.make_vec(ID, COUNT, data=series, battery=batteries(), autoreset="disabled", episode_steps=5)
    theirs = yardstick(series, "disabled", episode_steps=5)
    ours.reset(seed=3)
    theirs.reset(seed=3)
    mask = np.array([True, False, False, True])
    for seed in (None, 50, None):
        for _ in range(2):
            ours.step(np.ones((COUNT, 1), dtype=np.float32))
            theirs.step(np.ones((COUNT, 1), dtype=np.float32))
        seen, info = ours.reset(seed=seed, options={"reset_mask": mask})
        expected, expected_info = theirs.reset(seed=seed, options={"reset_mask": mask})
        np.testing.assert_array_equal(seen, expected)
        assert_same_info(info, expected_info)
        seen, info = ours.reset()
        expected, expected_info = theirs.reset()
        np.testing.assert_array_equal(seen, expected)
