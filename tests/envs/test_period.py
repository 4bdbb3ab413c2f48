"""A part of a split: the same steps, scaling and look-ahead as the whole split has there."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.errors import EpisodeLengthError, WindowError

ID = "energy_gym/Arbitrage-v1"
MARCH = ("2021-03-01", "2021-04-01")


def test_a_month_is_what_the_whole_split_is_there() -> None:
    whole: Any = gym.make(ID, episode_steps=None).unwrapped
    month: Any = gym.make(ID, episode_steps=None, period=MARCH).unwrapped
    assert month.setup.time(0) == pd.Timestamp("2021-03-01", tz="America/Chicago")
    assert month.setup.steps == 31 * 24 - 1
    seen, _ = whole.reset(options={"start": month.setup.time(0), "steps": 48})
    observed, _ = month.reset(options={"steps": 48, "start": month.setup.time(0)})
    assert month.layout == whole.layout
    for _ in range(48):
        np.testing.assert_array_equal(seen, observed)
        seen, gain, *_ = whole.step([0.3])
        observed, earned, *_ = month.step([0.3])
        assert gain == earned


def test_draws_stay_inside() -> None:
    batch = energy_gym.make_vec(ID, 64, period=MARCH, autoreset="disabled")
    batch.reset(seed=0)
    assert batch.setup.steps == 743
    for _ in range(168):
        done = batch.step(np.zeros((64, 1)))[3]
    assert done.all()


def test_another_split_drops_it() -> None:
    env: Any = gym.make(ID, period=MARCH).unwrapped
    assert env.variant(split="validation", episode_steps=None).setup.steps > 4000


@pytest.mark.parametrize(
    ("period", "error"),
    [
        (("2022-03-01", "2022-04-01"), WindowError),
        (("2021-04-01", "2021-03-01"), WindowError),
        (("2021-03-01", "2021-03-01"), WindowError),
        (("spring", "2021-03-01"), WindowError),
        ("2021-03", WindowError),
        (("2021-03-01", "2021-03-01T05:00"), EpisodeLengthError),
    ],
)
def test_what_is_no_part_of_the_split(period: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        gym.make(ID, period=period, episode_steps=24)
