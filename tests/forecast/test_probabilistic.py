"""Paths of what may come: what is known in them, what is not, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym.data.feed import Feed, open_feed
from energy_gym.data.own_frame import Told
from energy_gym.errors import ConfigurationError, DataError, MissingColumnError, UnknownIdError, WindowError
from energy_gym.forecast import make_scenarios, scenario_ids
from energy_gym.forecast.error_chain import Bins
from energy_gym.forecast.probabilistic import Scenarios

ZONE = "Europe/Berlin"
DAYS, TRAINED = 70, 50
RULES = {
    "price_per_mwh": "at-start",
    "forecast_price_per_mwh": "day-ahead 13:00",
    "buy_price_per_mwh": "day-ahead 12:30",
    "load_kw": "after",
    "pv_kw": "after",
}
MOMENTS = [0, 1, 11, 12, 13, 14, 23, 24, 30]


def frame(seed: int = 0) -> pd.DataFrame:
    """Prices, load and sun of 70 days around a change of the clock."""
    random = np.random.default_rng(seed)
    index = pd.date_range(pd.Timestamp("2024-02-01", tz=ZONE), periods=24 * DAYS, freq="h")
    hour = index.hour.to_numpy()
    published = 40.0 + 20.0 * np.sin(hour / 24.0 * 2.0 * np.pi)
    weather = np.repeat(random.normal(0.0, 1.0, DAYS), 24)
    columns = {
        "price_per_mwh": published + random.normal(0.0, 15.0, len(index)) + 8.0 * weather,
        "forecast_price_per_mwh": published,
        "buy_price_per_mwh": 3.0 * published + random.normal(0.0, 5.0, len(index)),
        "load_kw": 5.0 + 2.0 * np.cos(hour / 24.0 * 2.0 * np.pi) + np.abs(random.normal(0.0, 1.0, len(index))),
        "pv_kw": np.maximum(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0) * (6.0 + 2.0 * weather),
    }
    return pd.DataFrame(columns, index)


def feed_of(data: pd.DataFrame, split: str = "test") -> Feed:
    """Return the test days of a frame, whose first 50 days are for training."""
    first, middle, end = (str((data.index[0] + pd.Timedelta(days=days)).date()) for days in (0, TRAINED, DAYS - 1))
    splits = {"train": (first, middle), "test": (middle, end)}
    return open_feed(None, data, split, None, Told(published=RULES, splits=splits))


def release(stamp: pd.Timestamp, rule: str) -> pd.Timestamp:
    """Return when the value of a step becomes known, by the words of its rule."""
    if rule in ("at-start", "after"):
        return stamp + (pd.Timedelta(hours=1) if rule == "after" else pd.Timedelta(0))
    clock = rule.removeprefix("day-ahead ").split(":")
    day = stamp.tz_convert(ZONE).date() - timedelta(days=1)
    at = {"hour": int(clock[0]), "minute": int(clock[1])}
    return pd.Timestamp(year=day.year, month=day.month, day=day.day, tz=ZoneInfo(ZONE), **at)


def corrupted(data: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Return the data with every value replaced that is not public at ``now``."""
    random, changed = np.random.default_rng(9), data.copy()
    for column, rule in RULES.items():
        hidden = np.array([stamp >= now and release(stamp, rule) > now for stamp in data.index])
        changed.loc[hidden, column] = np.abs(random.normal(0.0, 3000.0, int(hidden.sum())))
    return changed


def seen(maker: Scenarios, t: int, horizon: int = 30) -> list[bytes]:
    return [name.encode() + values.tobytes() for name, values in sorted(maker.scenarios(t, 8, horizon).items())]


MAKERS: dict[str, dict[str, Any]] = {
    "analog": {},
    "markov": {"bins": Bins(now=2, tails=(), slow=1)},
    "quantile": {"trees": 5, "samples": 1000},
    "residual": {},
}


def made(name: str, feed: Feed, **settings: Any) -> Any:
    if name == "quantile":
        pytest.importorskip("lightgbm")
    return make_scenarios(name, feed, **{**MAKERS[name], **settings})


def test_every_maker_is_tried() -> None:
    assert set(MAKERS) == set(scenario_ids())


@pytest.mark.parametrize("name", MAKERS)
def test_no_path_depends_on_what_is_not_known(name: str) -> None:
    data = frame()
    feed = feed_of(data)
    maker = made(name, feed)
    for moment in MOMENTS if name != "quantile" else MOMENTS[3:5]:
        t = feed.first + 24 + moment
        other = made(name, feed_of(corrupted(data, data.index[t])))
        assert [seen(maker, past) for past in (t - 3, t)] == [seen(other, past) for past in (t - 3, t)], moment


def test_the_test_can_fail() -> None:
    data = frame()
    feed = feed_of(data)
    t = feed.first + 24
    other = made("residual", feed_of(corrupted(data, data.index[t])), forecast="perfect")
    assert seen(made("residual", feed, forecast="perfect"), t) != seen(other, t)


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_known_is_the_same_in_all_paths_and_the_rest_is_open(name: str) -> None:
    feed = feed_of(frame())
    maker = made(name, feed)
    for moment in (0, 14):
        t = feed.first + 24 + moment
        paths = maker.scenarios(t, 50, 36)
        for column, values in paths.items():
            known = [release(stamp, RULES[column]) <= feed.times[t] for stamp in feed.times[t : t + 36]]
            assert values.dtype == np.float64
            assert (values[:, known] == feed.values[column][t : t + 36][known]).all()
            if column != "pv_kw":
                assert (np.ptp(values[:, ~np.array(known)], axis=0) > 0.0).all()
        assert np.ptp(paths["price_per_mwh"][:, 0]) == 0.0 < np.ptp(paths["load_kw"][:, 0])


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_seed_gives_the_same_paths_and_another_one_others(name: str) -> None:
    feed = feed_of(frame())
    t = feed.first + 30
    maker, again, other = made(name, feed, seed=1), made(name, feed, seed=1), made(name, feed, seed=2)
    again.scenarios(t + 5, 3, 24)
    assert seen(maker, t) == seen(maker, t) == seen(again, t) != seen(other, t)


@pytest.mark.parametrize("name", MAKERS)
def test_loads_and_generation_stay_above_zero(name: str) -> None:
    feed = feed_of(frame())
    paths = made(name, feed).scenarios(feed.first + 3, 100, 48)
    assert paths["pv_kw"].min() == 0.0 <= paths["load_kw"].min()


def test_residual_paths_hold_whole_days_of_errors_of_all_columns_together() -> None:
    feed = feed_of(frame())
    t, horizon = feed.first + 27, 24
    columns = ("price_per_mwh", "load_kw")
    maker = made("residual", feed, forecast="yesterday", columns=columns, carry=False)
    paths = maker.scenarios(t, 40, horizon)
    expected = {name: feed.values[name][t - 24 : t] for name in paths}
    errors = {
        name: np.array([values[s : s + horizon] - values[s - 24 : s] for s in range(24, t)])
        for name, values in feed.values.items()
    }
    for path in range(40):
        away = [np.abs(errors[name] - (paths[name][path] - expected[name]))[:, 1:].max(axis=1) for name in paths]
        assert (np.maximum(*away) < 1e-4).any()


def test_what_was_missed_last_moves_what_is_expected_next() -> None:
    data = frame()
    random = np.random.default_rng(3)
    drift = np.zeros(len(data))
    for step in range(1, len(data)):
        drift[step] = 0.9 * drift[step - 1] + random.normal(0.0, 1.0)
    data["load_kw"] = 40.0 + drift
    feed = feed_of(data)
    still, moved = (made("residual", feed, columns=("load_kw",), carry=carry) for carry in (False, True))
    found = {False: 0.0, True: 0.0}
    for t in range(feed.first, feed.first + 200, 5):
        for carry, maker in ((False, still), (True, moved)):
            middle = maker.scenarios(t, 100, 3)["load_kw"].mean(axis=0)
            found[carry] += float(np.abs(middle - feed.values["load_kw"][t : t + 3]).mean())
    assert found[True] < 0.7 * found[False]


def test_steps_of_the_training_window_are_not_told_their_own_errors() -> None:
    feed = feed_of(frame(), "train")
    maker = make_scenarios("residual", feed, train=feed)
    actual = feed.values["load_kw"][600:624]
    assert (np.abs(maker.scenarios(600, 60, 24)["load_kw"] - actual).max(axis=1) > 1e-3).all()


def test_an_environment_gives_its_columns_and_its_forecast() -> None:
    env = gym.make("energy_gym/Commercial-v1", split="test", forecast="mean", horizon=96)
    paths = make_scenarios("residual", env)
    feed = env.unwrapped.setup.feed
    found = paths.scenarios(feed.first + 40, 30, 96)
    assert set(found) == set(env.unwrapped.setup.tape.columns)
    middle = np.median(make_scenarios("residual", env, forecast="mean").scenarios(feed.first + 40, 30, 96)["load_kw"])
    assert np.median(found["load_kw"]) == middle


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        ((0, 0, 24), ConfigurationError, "n=0"),
        ((0, 2.5, 24), ConfigurationError, "n=2.5"),
        ((0, 5, 0), ConfigurationError, "horizon=0"),
        ((-1, 5, 24), WindowError, "t=-1"),
        ((24 * DAYS - 10, 5, 24), WindowError, "ask for at most 10"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(asked: tuple[Any, ...], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        made("residual", feed_of(frame())).scenarios(*asked)


@pytest.mark.parametrize(
    ("maker", "settings", "told"),
    [
        ("residual", {"days": "x"}, "days='x': must be a whole number"),
        ("residual", {"days": 30.5}, r"days=30\.5: must be a whole number"),
        ("residual", {"carry": float("nan")}, "carry=nan: must be true or false"),
        ("residual", {"seed": -1}, "seed=-1: must be at least 0"),
        ("analog", {"seed": "x"}, "seed='x': must be a whole number"),
        ("analog", {"alike": "x"}, "alike='x': must be a whole number"),
        ("markov", {"bins": 5}, "bins=5: must be Bins"),
        ("markov", {"seed": 0.5}, r"seed=0\.5: must be a whole number"),
    ],
)
def test_settings_that_are_none_are_refused(maker: str, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        make_scenarios(maker, feed_of(frame()), **settings)


def test_too_few_days_are_refused_with_their_number() -> None:
    feed = feed_of(frame())
    with pytest.raises(DataError, match=r"8 days of errors 24 steps ahead.*at least 20"):
        made("residual", feed, train=replace(feed, first=0, stop=240)).scenarios(feed.first, 5, 24)


def test_names_that_are_not_known_are_refused_with_the_nearest() -> None:
    feed = feed_of(frame())
    with pytest.raises(UnknownIdError, match="did you mean 'residual'"):
        make_scenarios("residuals", feed)
    with pytest.raises(UnknownIdError, match="did you mean 'forecast'"):
        make_scenarios("residual", feed, forcast="mean")
    with pytest.raises(MissingColumnError, match="wind_kw"):
        make_scenarios("residual", feed, columns=("wind_kw",))


def test_data_without_a_past_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="nothing before the split"):
        make_scenarios("residual", feed_of(frame(), "train"))
