"""Where episodes begin and end: seeds, options, truncation, whole splits and daylight-saving days."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.errors import EpisodeLengthError, NonPositiveError, ResetNeededError, WindowError

ID = "energy_gym/Arbitrage-v1"


def play(env: Any, seed: int | None, options: dict[str, Any] | None = None) -> list[Any]:
    observation, info = env.reset(seed=seed, options=options)
    random = np.random.default_rng(0)
    trail = [observation.tobytes(), info]
    truncated = False
    while not truncated:
        observation, reward, terminated, truncated, info = env.step(random.uniform(-1.2, 1.2, 1))
        assert not terminated
        trail += [observation.tobytes(), reward, info]
    return trail


def test_same_seed_same_trajectory_also_on_the_second_reset(series: pd.DataFrame) -> None:
    one, two = (gym.make(ID, data=series, episode_steps=24) for _ in range(2))
    first = play(one, 5)
    assert first == play(two, 5)
    second = play(one, None)
    assert second == play(two, None)
    assert second != first
    assert play(one, 5) == first
    assert play(one, None) == second
    assert play(one, 6) != first


def test_an_options_reset_keeps_the_seeds_reproducible(series: pd.DataFrame) -> None:
    options = {"start": series.index[3], "steps": 5}
    one, two = (gym.make(ID, data=series, episode_steps=24) for _ in range(2))
    trails = [[play(env, 5), play(env, None, options), play(env, None)] for env in (one, two)]
    assert trails[0] == trails[1]


def test_global_random_state_is_neither_read_nor_written(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, episode_steps=24)
    np.random.seed(1)  # the global state is the subject
    before = np.random.get_state()[1].copy()
    first = play(env, 5)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    np.random.seed(2)
    assert play(env, 5) == first


def test_starts_cover_the_split_and_stay_in_it(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series.iloc[:30], episode_steps=24)
    starts = {env.reset(seed=seed)[0] is not None and env.unwrapped.window[0] for seed in range(150)}
    assert starts == set(range(7))


def test_default_episode_is_a_week_from_a_random_start() -> None:
    env = gym.make(ID)
    env.reset(seed=1)
    first, stop = env.unwrapped.window
    assert stop - first == 168
    env.reset()
    assert env.unwrapped.window[0] != first


@pytest.mark.parametrize(("minutes", "steps"), [(60, 168), (30, 336), (15, 672)])
def test_a_week_in_steps_of_any_length(minutes: int, steps: int) -> None:
    index = pd.date_range("2024-01-01", periods=700, freq=f"{minutes}min", tz="UTC")
    env = gym.make(ID, data=pd.DataFrame({"price_per_mwh": 1.0}, index=index))
    env.reset(seed=0)
    first, stop = env.unwrapped.window
    assert stop - first == steps


def test_whole_split_from_its_first_step(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, episode_steps=None)
    trail = play(env, 3)
    assert (len(trail) - 2) // 3 == len(series)
    env = gym.make(ID, split="validation", episode_steps=None)
    env.reset(seed=1)
    assert env.unwrapped.time == pd.Timestamp("2022-01-01", tz="America/Chicago")
    first, stop = env.unwrapped.window
    hours = 181 * 24 - 1
    assert (first, stop) == (0, hours)


def test_splits_tile_the_data_set_in_order() -> None:
    edges = []
    for split in ("train", "validation", "test"):
        base = gym.make(ID, split=split, episode_steps=None).unwrapped
        base.reset()
        edges += [base.time, base.time + pd.Timedelta("1h") * (base.window[1] - base.window[0])]
    whole = gym.make(ID, split="all", episode_steps=None).unwrapped
    whole.reset()
    assert edges[0] == whole.time
    assert edges[1] == edges[2]
    assert edges[3] == edges[4]
    assert edges[5] == whole.time + pd.Timedelta("1h") * whole.window[1]


@pytest.mark.parametrize(
    "start",
    ["2024-03-03T05:00Z", "2024-03-03T05:00", "2024-03-03T06:00+01:00", pd.Timestamp("2024-03-03T05:00Z")],
)
def test_options_pick_start_and_length(series: pd.DataFrame, start: Any) -> None:
    env = gym.make(ID, data=series, episode_steps=24)
    env.reset(options={"start": start, "steps": 7})
    assert env.unwrapped.time == pd.Timestamp("2024-03-03T05:00Z")
    truncations = [env.step(env.action_space.sample())[3] for _ in range(7)]
    assert truncations == [False] * 6 + [True]
    env.reset(options={"start": start})
    assert env.unwrapped.window == (53, 77)
    env.reset(options={"steps": 9})
    first, stop = env.unwrapped.window
    assert stop - first == 9


def test_start_alone_plays_a_whole_split_to_its_end(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, episode_steps=None)
    env.reset(options={"start": series.index[200]})
    assert env.unwrapped.window == (200, 240)


def test_the_very_last_window_fits(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, episode_steps=24)
    play(env, None, {"start": series.index[-24]})
    play(env, None, {"start": series.index[-1], "steps": 1})


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"start": "2030-01-01T00:00Z"}, WindowError),
        ({"start": "2024-03-03T05:30Z"}, WindowError),
        ({"start": "2024-02-29T23:00Z"}, WindowError),
        ({"start": "never"}, WindowError),
        ({"stat": "2024-03-03T05:00Z"}, WindowError),
        ({"start": "2024-03-10T00:00Z"}, EpisodeLengthError),
        ({"start": "2024-03-03T05:00Z", "steps": 10_000}, EpisodeLengthError),
        ({"steps": 241}, EpisodeLengthError),
        ({"start": "2024-03-03T05:00Z", "steps": 0}, NonPositiveError),
        ({"steps": -3}, NonPositiveError),
    ],
)
def test_windows_that_do_not_exist(series: pd.DataFrame, options: dict[str, Any], error: type[Exception]) -> None:
    env = gym.make(ID, data=series, episode_steps=25)
    with pytest.raises(error) as caught:
        env.reset(options=options)
    assert caught.value.value and caught.value.rule and caught.value.remedy
    batch = energy_gym.make_vec(ID, 2, data=series, episode_steps=25)
    with pytest.raises(error):
        batch.reset(options=options)


def test_a_start_of_another_split_is_refused() -> None:
    env = gym.make(ID, split="train")
    with pytest.raises(WindowError, match="split"):
        env.reset(options={"start": "2022-08-01T00:00Z"})


def test_stepping_outside_an_episode(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, episode_steps=2).unwrapped
    with pytest.raises(ResetNeededError):
        env.step(np.zeros(1))
    env.reset(seed=0)
    env.step(np.zeros(1))
    assert env.step(np.zeros(1))[3]
    with pytest.raises(ResetNeededError):
        env.step(np.zeros(1))


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25), ("2024-06-01", 24)])
def test_daylight_saving_days_have_their_real_hours(day: str, hours: int) -> None:
    begin = pd.Timestamp(day, tz="Europe/Berlin")
    index = pd.date_range(begin - pd.Timedelta("2D"), periods=120, freq="h")
    frame = pd.DataFrame({"price_per_mwh": np.arange(120.0)}, index=index)
    env = gym.make(ID, data=frame)
    end = pd.Timestamp(day, tz="Europe/Berlin") + pd.DateOffset(days=1)
    env.reset(options={"start": begin, "steps": hours})
    for _ in range(hours):
        truncated = env.step(np.zeros(1))[3]
    assert truncated
    assert env.unwrapped.time == end


def test_energy_starts_at_the_initial_level_every_time(series: pd.DataFrame) -> None:
    env = gym.make(ID, data=series, episode_steps=6, battery=energy_gym.Battery(soc_initial=0.3))
    for _ in range(3):
        observation, info = env.reset()
        assert info["energy_kwh"] == 3.0
        assert observation[0] == np.float32(0.3)
        for _ in range(6):
            env.step(np.ones(1))
