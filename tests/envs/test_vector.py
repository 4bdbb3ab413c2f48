"""The batch against single environments: environment i does bit for bit what one alone with its seed does."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.errors import ActionError, ConfigurationError, NonPositiveError, ResetNeededError, WindowError

ID = "energy_gym/Arbitrage-v1"
COUNT = 5
FIGURES = (
    "energy_kwh",
    "grid_kw",
    "cost",
    "clipped_kw",
    "energy_cost",
    "carbon_kg",
    "wear",
    "penalty",
    "demand_charge",
)


def batteries() -> list[Battery]:
    return [
        Battery(
            5.0 + i, 1.0 + i, 4.0 - 0.5 * i, 1.0 - 0.05 * i, 0.8 + 0.04 * i, 0.05 * i, 0.8, 0.5, 0.02 * i, 0.002 * i
        )
        for i in range(COUNT)
    ]


def singles(data: pd.DataFrame, own: list[Battery], **keywords: Any) -> list[Any]:
    return [gym.make(ID, data=data, battery=battery, **keywords).unwrapped for battery in own]


def same(batch_info: dict[str, Any], index: int, info: dict[str, Any]) -> None:
    for name, value in info.items():
        assert batch_info[f"_{name}"][index], name
        assert batch_info[name][index] == value, name
    for name, mask in batch_info.items():
        if name.startswith("_") and name[1:] in FIGURES and name[1:] not in info:
            assert not mask[index], name


@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
@pytest.mark.parametrize("actions", ["continuous", "discrete-5"])
@pytest.mark.parametrize("terminal", ["settle", "free"])
@pytest.mark.parametrize("minutes", [60, 30])
def test_batch_equals_singles_over_several_episodes(objective: str, actions: str, terminal: str, minutes: int) -> None:
    random = np.random.default_rng(3)
    index = pd.date_range("2024-03-01", periods=200, freq=f"{minutes}min", tz="Europe/Berlin")
    columns = {"price_per_mwh": random.normal(40, 60, 200), "carbon_g_per_kwh": random.uniform(0, 700, 200)}
    data = pd.DataFrame(columns, index=index)
    keywords = {"objective": objective, "actions": actions, "terminal": terminal, "episode_steps": 9, "horizon": 4}
    batch = energy_gym.make_vec(ID, COUNT, data=data, battery=batteries(), autoreset="disabled", **keywords)
    alone = singles(data, batteries(), **keywords)
    for episode in range(40):
        seed = 11 if episode == 0 else None
        observations, infos = batch.reset(seed=seed)
        for i, env in enumerate(alone):
            observation, info = env.reset(seed=None if seed is None else seed + i)
            assert observation.tobytes() == observations[i].tobytes()
            same(infos, i, info)
        for _ in range(9):
            if actions == "continuous":
                wishes: Any = random.uniform(-1.3, 1.3, (COUNT, 1)).astype(np.float32)
            else:
                wishes = random.integers(0, 5, COUNT)
            observations, gains, terminated, truncated, infos = batch.step(wishes)
            for i, env in enumerate(alone):
                observation, gain, end, over, info = env.step(wishes[i])
                assert observation.tobytes() == observations[i].tobytes()
                assert (gain, end, over) == (gains[i], terminated[i], truncated[i])
                same(infos, i, info)
    assert truncated.all()
    assert observations.dtype == np.float32
    assert gains.dtype == np.float64


def test_seeds_may_be_given_one_by_one(series: pd.DataFrame) -> None:
    batch = energy_gym.make_vec(ID, 3, data=series, episode_steps=24)
    env = gym.make(ID, data=series, episode_steps=24)
    observations, _ = batch.reset(seed=[9, 4, 9])
    for seed, observation in zip([9, 4, 9], observations, strict=True):
        assert env.reset(seed=seed)[0].tobytes() == observation.tobytes()
    again, _ = batch.reset(seed=[9, 4, 9])
    np.testing.assert_array_equal(again, observations)


def test_options_mix_with_seeded_draws(series: pd.DataFrame) -> None:
    batch = energy_gym.make_vec(ID, 3, data=series, episode_steps=24, autoreset="disabled")
    alone = [gym.make(ID, data=series, episode_steps=24) for _ in range(3)]
    plans: list[tuple[Any, Any]] = [
        (5, None),
        (None, None),
        (None, {"start": series.index[17], "steps": 3}),
        (None, None),
        (None, {"steps": 40}),
        (None, None),
        (8, {"steps": 2}),
        *[(None, None)] * 40,
    ]
    for seed, options in plans:
        observations, _ = batch.reset(seed=seed, options=options)
        for i, env in enumerate(alone):
            observation, _ = env.reset(seed=None if seed is None else seed + i, options=options)
            assert observation.tobytes() == observations[i].tobytes()


def test_windows_of_their_own(series: pd.DataFrame) -> None:
    batch = energy_gym.make_vec(ID, 3, data=series, autoreset="disabled")
    starts = [series.index[i] for i in (3, 50, 100)]
    observations, _ = batch.reset(options={"start": starts, "steps": [2, 3, 4]})
    env = gym.make(ID, data=series)
    for start, observation in zip(starts, observations, strict=True):
        assert env.reset(options={"start": start, "steps": 2})[0].tobytes() == observation.tobytes()
    over = [batch.step(np.zeros((3, 1)))[3].tolist() for _ in range(2)]
    assert over == [[False] * 3, [True, False, False]]


def test_masked_reset_touches_only_the_masked(series: pd.DataFrame) -> None:
    batch = energy_gym.make_vec(ID, 3, data=series, episode_steps=24, autoreset="disabled")
    batch.reset(seed=1)
    before = batch.step(np.ones((3, 1)))[0]
    mask = np.array([False, True, False])
    after, infos = batch.reset(options={"reset_mask": mask})
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert infos["energy_kwh"][1] == 5.0
    np.testing.assert_array_equal(infos["_energy_kwh"], mask)
    np.testing.assert_array_equal(mask, [False, True, False])


def test_masked_reset_seeds_only_the_masked(series: pd.DataFrame) -> None:
    """As Gymnasium's own batches do: the draws of the others go on as they were."""
    mask = np.array([False, True, False])
    follow = []
    for seed in (None, 77):
        batch = energy_gym.make_vec(ID, 3, data=series, episode_steps=24, autoreset="disabled")
        batch.reset(seed=1)
        batch.reset(seed=seed, options={"reset_mask": mask})
        follow.append(batch.reset()[0])
    np.testing.assert_array_equal(follow[0][~mask], follow[1][~mask])


@pytest.mark.parametrize(
    "mask", [np.zeros(3, dtype=bool), np.ones(2, dtype=bool), np.ones(3, dtype=int), [[True, True, True]]]
)
def test_masks_that_make_no_sense(series: pd.DataFrame, mask: Any) -> None:
    batch = energy_gym.make_vec(ID, 3, data=series)
    batch.reset(seed=0)
    with pytest.raises(WindowError):
        batch.reset(options={"reset_mask": mask})


def test_spaces_of_the_batch(series: pd.DataFrame) -> None:
    batch = energy_gym.make_vec(ID, 4, data=series, actions="discrete-3")
    single = gym.make(ID, data=series, actions="discrete-3")
    assert batch.num_envs == 4
    assert batch.single_observation_space == single.observation_space
    assert batch.single_action_space == single.action_space
    observations, _ = batch.reset(seed=0)
    for _ in range(20):
        assert batch.observation_space.contains(observations)
        observations = batch.step(batch.action_space.sample())[0]
    assert batch.unwrapped.layout == single.unwrapped.layout
    batch.close()


@pytest.mark.parametrize(
    ("actions", "given"),
    [
        ("continuous", np.zeros((3, 1))),
        ("continuous", np.full((2, 1), np.nan)),
        ("continuous", np.array([[0.0], [np.inf]])),
        ("continuous", np.array([["a"], ["b"]])),
        ("discrete-3", np.array([0, 3])),
        ("discrete-3", np.array([-1, 0])),
        ("discrete-3", np.array([0.0, 1.0])),
        ("discrete-3", np.array([1])),
    ],
)
def test_actions_that_are_none(series: pd.DataFrame, actions: str, given: Any) -> None:
    batch = energy_gym.make_vec(ID, 2, data=series, actions=actions)
    batch.reset(seed=0)
    before = batch.unwrapped.energy_kwh
    with pytest.raises(ActionError):
        batch.step(given)
    np.testing.assert_array_equal(batch.unwrapped.energy_kwh, before)


def test_batch_settings_that_make_no_sense(series: pd.DataFrame) -> None:
    with pytest.raises(NonPositiveError):
        energy_gym.make_vec(ID, 0, data=series)
    with pytest.raises(ConfigurationError):
        energy_gym.make_vec(ID, 3, data=series, battery=[Battery()] * 2)
    with pytest.raises(ConfigurationError):
        energy_gym.make_vec(ID, 2, data=series, autoreset="sometimes")
    with pytest.raises(WindowError):
        energy_gym.make_vec(ID, 3, data=series).reset(options={"steps": [1, 2]})
    with pytest.raises(WindowError):
        energy_gym.make_vec(ID, 3, data=series).reset(seed=[1, 2])
    with pytest.raises(ResetNeededError):
        energy_gym.make_vec(ID, 3, data=series).unwrapped.step(np.zeros((3, 1)))


def test_one_environment_is_a_batch_too(series: pd.DataFrame) -> None:
    batch = energy_gym.make_vec(ID, 1, data=series, episode_steps=4)
    env = gym.make(ID, data=series, episode_steps=4)
    assert batch.reset(seed=3)[0][0].tobytes() == env.reset(seed=3)[0].tobytes()
    for _ in range(4):
        assert batch.step(np.ones((1, 1)))[1][0] == env.step(np.ones(1))[1]


def test_figures_handed_out_do_not_change_later(series: pd.DataFrame) -> None:
    batch = energy_gym.make_vec(ID, 4, data=series, episode_steps=5)
    batch.reset(seed=0)
    kept = []
    for _ in range(12):
        observations, gains, terminated, truncated, infos = batch.step(batch.action_space.sample())
        arrays = [observations, gains, terminated, truncated]
        arrays += [value for name, value in infos.items() if isinstance(value, np.ndarray) and value.dtype != object]
        kept += [(value, value.copy()) for value in arrays]
    for value, copy in kept:
        np.testing.assert_array_equal(value, copy)
