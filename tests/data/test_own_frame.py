"""A user's frame: what is known when, in which zone, split, scaled and converted, on frames that the tests draw.

Everything goes through `gym.make` and what an environment shows. Values that nobody can know yet are replaced by noise,
and nothing before may change.
"""

from __future__ import annotations

import datetime as dt
import warnings
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.tz
import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from answers import answers

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.errors import (
    ConfigurationError,
    DataError,
    DataNotice,
    EnergyGymError,
    EpisodeLengthError,
    MissingColumnError,
    NaiveIndexError,
    RawFileError,
    UnknownIdError,
    WindowError,
)
from energy_gym.reserve import Reserve
from energy_gym.scenario import Scenario

ID, PRICE = "energy_gym/Arbitrage-v1", "price_per_mwh"
ZONES = ("Europe/Berlin", "America/Chicago", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
RULES = ("after", "at-start", "always", "day-ahead 10:30", "day-ahead 13:00", "day-ahead 24:00")


def frame(seed: int, days: int = 20, minutes: int = 60, zone: str = "UTC", level: float = 60.0) -> pd.DataFrame:
    random, steps = np.random.default_rng(seed), days * 1440 // minutes
    index = pd.date_range("2024-03-20", periods=steps, freq=f"{minutes}min", tz="UTC").tz_convert(zone)
    return pd.DataFrame({PRICE: level * (1.0 + 0.5 * random.standard_normal(steps))}, index)


def known_at(rule: str, stamps: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """Return when each value becomes known, worked out one by one."""
    step = stamps[1] - stamps[0]
    if rule in ("after", "at-start"):
        return stamps + (step if rule == "after" else pd.Timedelta(0))
    if rule == "always":
        return pd.DatetimeIndex([stamps[0] - pd.Timedelta(days=9)] * len(stamps))
    hour, minute = map(int, rule.removeprefix("day-ahead ").split(":"))
    found = []
    for stamp in stamps.tz_convert(zone):
        day = stamp.date() - dt.timedelta(days=1 - hour // 24)
        found.append(pd.Timestamp(dt.datetime(day.year, day.month, day.day, hour % 24, minute, tzinfo=ZoneInfo(zone))))
    return pd.DatetimeIndex([moment.tz_convert("UTC") for moment in found])


def outlooks(data: pd.DataFrame, at: list[int], **keywords: Any) -> list[bytes]:
    env = gym.make(ID, data=data, horizon=30, **keywords).unwrapped
    seen = []
    for step in at:
        observation, info = env.reset(options={"start": data.index[step], "steps": 2})
        after = env.step(np.zeros(1))
        seen += [observation.tobytes(), env.outlook()[PRICE].tobytes(), after[0].tobytes(), repr(info).encode()]
    return seen


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_seen_before_it_is_known(seed: int) -> None:
    random = np.random.default_rng(seed)
    rule, zone = str(random.choice(RULES)), str(random.choice(ZONES))
    minutes = int(random.choice([15, 30, 60]))
    data = frame(seed, minutes=minutes, zone=zone)
    # The scaling is that of the beginning: later values may change at will.
    now = int(random.integers(len(data) // 3, len(data) - 100))
    hidden = np.asarray(known_at(rule, data.index, zone) > data.index[now])
    changed = data.copy()
    changed.loc[hidden, PRICE] = random.normal(0.0, 5e3, int(hidden.sum()))
    keywords: dict[str, Any] = {"zone": zone} if rule == "after" else {"zone": zone, "published": {PRICE: rule}}
    env = gym.make(ID, data=data, horizon=30, **keywords).unwrapped
    other = gym.make(ID, data=changed, horizon=30, **keywords).unwrapped
    for each in (env, other):
        each.reset(options={"start": data.index[now], "steps": 2})
    assert env.outlook()[PRICE].tobytes() == other.outlook()[PRICE].tobytes()
    # And what is known is seen, up to the first value that is not.
    count = int(np.argmax(hidden[now:])) if hidden[now:].any() else 30
    assert env.outlook()[PRICE][: min(count, 30)].tolist() == data[PRICE].iloc[now : now + min(count, 30)].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_a_frame_says_nothing_of_its_future_unless_it_is_told(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = frame(seed, minutes=5, days=4)
    now = int(random.integers(300, 900))
    changed = data.copy()
    changed.iloc[now:] = random.uniform(-900.0, 900.0, (len(data) - now, 1))
    steps = [now - 40, now - 1]
    for agent in (None, "mpc"):
        seen = []
        for each in (data, changed):
            env = gym.make(ID, data=each, horizon=12)
            player = None if agent is None else make_agent(agent, env)
            for step in steps:
                observation, info = env.reset(options={"start": data.index[step], "steps": 200})
                seen.append(
                    (observation.tobytes(), None if player is None else player.act(observation, info).tobytes())
                )
        assert seen[: len(steps)] == seen[len(steps) :]


def test_the_users_own_forecast_is_what_is_believed() -> None:
    data = frame(1).assign(forecast_price_per_mwh=np.arange(480.0))
    env = gym.make(ID, data=data).unwrapped
    env.reset(options={"start": data.index[158], "steps": 3})
    assert env.outlook()[PRICE].tolist() == np.arange(158.0, 182.0).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_reserve_prices_too(seed: int) -> None:
    data = frame(seed).assign(up_per_mw_h=lambda it: it[PRICE] * 0.4)
    market = Reserve("up", "up_per_mw_h", "up", (4.0,), 0.5)
    its = Scenario(entities={"a": Battery()}, contracts={"up": market})
    env = gym.make("energy_gym/FleetReserve-v1", fleet=its, data=data).unwrapped
    at = int(np.random.default_rng(seed).integers(200, 400))
    env.reset(options={"start": data.index[at], "steps": 5})
    shown = env.outlook()["up_per_mw_h"]
    assert shown.tolist() == data["up_per_mw_h"].iloc[at - 24 : at].tolist()
    env = gym.make("energy_gym/FleetReserve-v1", fleet=its, data=data, published="always").unwrapped
    env.reset(options={"start": data.index[at], "steps": 5})
    assert env.outlook()["up_per_mw_h"].tolist() == data["up_per_mw_h"].iloc[at : at + 24].tolist()


@pytest.mark.parametrize("seed", range(6))
def test_how_the_index_is_written_changes_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    zone = str(random.choice(ZONES[:4]))
    data = frame(seed, zone=zone)
    at = [int(step) for step in random.integers(100, 400, 5)]
    written = [data, data.tz_convert("UTC"), data.tz_convert("Asia/Tokyo"), data.tz_convert(dt.UTC)]
    seen = [outlooks(it, at, zone=zone, published={PRICE: "day-ahead 13:00"}) for it in written]
    assert all(each == seen[0] for each in seen)


def test_the_zone_of_a_market_is_asked_for_where_nobody_says_it() -> None:
    data = frame(0)
    with pytest.raises(ConfigurationError, match=r"the index is in UTC and does not say it; pass zone="):
        gym.make(ID, data=data, published={PRICE: "day-ahead 13:00"})
    for zone in ("UTC", "Europe/Berlin"):
        gym.make(ID, data=data, published={PRICE: "day-ahead 13:00"}, zone=zone)
    gym.make(ID, data=data.tz_convert("Europe/Berlin"), published={PRICE: "day-ahead 13:00"})
    gym.make(ID, data=data, published={PRICE: "at-start"})


ZONE_OBJECTS = [
    (dateutil.tz.tzutc(), 0.0),
    (dateutil.tz.gettz("Europe/Berlin"), 1.0),
    (dateutil.tz.tzoffset("EST", 36000), 10.0),
    (dt.timezone(dt.timedelta(hours=10), "EST"), 10.0),
    (dt.timezone(dt.timedelta(hours=10), "NEM"), 10.0),
    (dt.timezone(-dt.timedelta(hours=3, minutes=30)), -3.5),
    (ZoneInfo("Asia/Kolkata"), 5.5),
    ("Etc/GMT-10", 10.0),
]


@pytest.mark.parametrize(("zone", "ahead"), ZONE_OBJECTS, ids=lambda it: repr(it))
def test_a_zone_is_its_rules_or_its_offset_not_what_an_offset_is_called(zone: Any, ahead: float) -> None:
    data = frame(0).tz_convert(zone)
    env = gym.make(ID, data=data)
    for start in (200, 231):
        observation, _ = env.reset(options={"start": data.index[start], "steps": 4})
        hour = np.arctan2(observation[1], observation[2]) / (2.0 * np.pi) * 24.0 % 24.0
        utc = data.index[start].tz_convert("UTC")
        assert hour == pytest.approx((utc.hour + ahead) % 24.0, abs=1e-4)
    gym.make(ID, data=data, published="day-ahead 12:00", zone="Europe/Berlin").reset()


@pytest.mark.parametrize(
    ("zone", "said"), [("Europe/Berln", "did you mean 'Europe/Berlin'"), (5, "zone=5"), ("", "zone")]
)
def test_zones_that_are_none(zone: Any, said: str) -> None:
    with pytest.raises(UnknownIdError, match=said):
        gym.make(ID, data=frame(0), zone=zone)


@pytest.mark.parametrize("seed", range(6))
def test_splits_by_date(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = frame(seed, days=int(random.integers(5, 60)), zone=str(random.choice(ZONES)))
    parts = {}
    for name in ("train", "validation", "test", "all"):
        env = gym.make(ID, data=data, split=name, episode_steps=None).unwrapped
        env.reset()
        parts[name] = (env.setup.feed.first, env.setup.feed.stop)
    ends = [0, parts["train"][1], parts["validation"][1], len(data)]
    assert parts == {
        "train": (ends[0], ends[1]),
        "validation": (ends[1], ends[2]),
        "test": (ends[2], ends[3]),
        "all": (0, len(data)),
    }
    assert ends[1] / len(data) == pytest.approx(0.6, abs=0.15)
    assert all(data.index[end].date() != data.index[end - 1].date() for end in ends[1:3])


def test_splits_as_the_user_says() -> None:
    data = frame(0, zone="Europe/Berlin")
    splits = {"train": ("2024-03-22", "2024-03-30"), "test": ("2024-04-02", pd.Timestamp("2024-04-05T00:00+02:00"))}
    for name, (first, stop) in splits.items():
        env = gym.make(ID, data=data, split=name, splits=splits, episode_steps=None).unwrapped
        env.reset()
        feed = env.setup.feed
        assert feed.times[feed.first] == pd.Timestamp(first).tz_localize("Europe/Berlin")
        assert feed.span(feed.stop, feed.stop + 1)[0] == (
            pd.Timestamp(stop) if pd.Timestamp(stop).tz else pd.Timestamp(stop).tz_localize("Europe/Berlin")
        )
    assert gym.make(ID, data=data, splits=splits).unwrapped.setup.steps == 8 * 24
    with pytest.raises(UnknownIdError, match="validation"):
        gym.make(ID, data=data, split="validation", splits=splits)


@pytest.mark.parametrize(
    ("splits", "error", "said"),
    [
        ({"test": ("2024-03-22", "2024-03-30")}, ConfigurationError, "must hold 'train'"),
        ({"train": "2024"}, WindowError, "must be a pair of moments"),
        ({"train": ("2024-03-30", "2024-03-22")}, WindowError, "must hold steps"),
        ({"train": ("2023-03-22", "2023-03-30")}, WindowError, "must hold steps"),
        ({"train": ("soon", "later")}, WindowError, "is no time stamp"),
        (
            {"train": ("2024-03-22", "2024-03-30"), "test": ("2024-03-25", "2024-04-01")},
            WindowError,
            "overlaps 'train'",
        ),
        ({"train": ("2024-03-22", "2024-03-30"), "tst": ("2024-04-01", "2024-04-02")}, UnknownIdError, "'test'"),
    ],
)
def test_splits_that_are_none(splits: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        gym.make(ID, data=frame(0), splits=splits)


def test_a_frame_too_short_for_parts_says_so() -> None:
    data = frame(0).iloc[:4]
    gym.make(ID, data=data).reset()
    with pytest.raises(EpisodeLengthError, match='split="all"'):
        gym.make(ID, data=data, split="test")
    with pytest.raises(EpisodeLengthError):
        gym.make(ID, data=frame(0, days=6), split="test", episode_steps=100)


def test_learners_on_a_frame_that_nobody_split_use_all_of_it() -> None:
    env = gym.make(ID, data=frame(0)).unwrapped
    assert env.variant(split="validation").setup.steps == env.setup.steps
    split = gym.make(ID, data=frame(0), split="test").unwrapped
    assert split.variant(split="train").setup.steps == 12 * 24
    assert split.layout == split.variant(split="train").layout == env.layout


@pytest.mark.parametrize("seed", range(8))
def test_observations_spread_whatever_the_currency(seed: int) -> None:
    random = np.random.default_rng(seed)
    level = float(10.0 ** random.uniform(-1.0, 5.0))
    data = frame(seed, days=40, level=level)
    splits = {"train": (data.index[0], data.index[600])} if seed % 2 else None
    for part in ("train", "all"):
        env = gym.make(ID, data=data, splits=splits, split=part, episode_steps=None, published="always").unwrapped
        rows = env.setup.tape.rows[:-1, 7:]
        assert 0.3 < rows.std() < 1.5
        assert (np.abs(rows) >= 10.0).mean() < 0.01
        slot = env.layout[7]
        fitted = data[PRICE].iloc[: 600 if splits else len(data) // 5]
        assert slot.offset == pytest.approx(float(fitted.median()))
        assert slot.scale == pytest.approx(float(np.diff(fitted.quantile([0.05, 0.95]))[0]) / 2.0)


def test_a_load_far_above_the_battery_is_seen() -> None:
    hours = np.arange(480.0)
    data = frame(2).assign(
        load_kw=400.0 + 100.0 * np.sin(hours / 4.0), pv_kw=np.clip(200 * np.sin(hours / 4.0), 0, None)
    )
    env = gym.make("energy_gym/Microgrid-v1", data=data, battery=Battery()).unwrapped
    env.reset(seed=0)
    places = [place for place, slot in enumerate(env.layout) if slot.name.startswith("load_kw")]
    shown = env.setup.tape.rows[24:-1][:, places]
    assert (np.abs(shown) < 10.0).all()
    assert shown.std() > 0.2


def told(**keywords: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        gym.make(ID, **keywords)
    return [str(each.message) for each in seen if issubclass(each.category, DataNotice)]


def test_what_is_assumed_is_told_at_making() -> None:
    data = frame(0)
    assert ["Nobody said when 'price_per_mwh' is published" in text for text in told(data=data)] == [True]
    assert told(data=data, published={PRICE: "at-start"}) == []
    (split,) = told(data=data, split="test", published="at-start")
    assert "three fifths of its days are for training" in split
    assert "2024-04-05T00:00:00+00:00 to 2024-04-08T23:00:00+00:00" in split
    assert told() == []
    spiky = data.copy()
    spiky.iloc[200:220] = 1e6
    (clipped,) = told(data=spiky, published="at-start")
    assert clipped.startswith("4.2% of the values of 'price_per_mwh' lie outside")
    assert "reference=" in clipped
    assert told(data=spiky, published="at-start", reference=data * 1e5) == []


def test_a_notice_points_at_the_users_own_line() -> None:
    with pytest.warns(DataNotice) as seen:
        gym.make(ID, data=frame(0))
    assert [each.filename for each in seen] == [__file__]


CONVERSIONS = [
    ("price_per_kwh", PRICE, 1e3),
    ("price_ct_per_kwh", PRICE, 10.0),
    ("price_cents_per_kwh", PRICE, 10.0),
    ("load_w", "load_kw", 1e-3),
    ("load_mw", "load_kw", 1e3),
    ("load_kwh", "load_kw", None),
    ("pv_wh", "pv_kw", None),
    ("forecast_load_mw", "forecast_load_kw", 1e3),
    ("carbon_kg_per_kwh", "carbon_g_per_kwh", 1e3),
    ("carbon_kg_per_mwh", "carbon_g_per_kwh", 1.0),
    ("carbon_t_per_mwh", "carbon_g_per_kwh", 1e3),
    ("up_per_kw_h", "up_per_mw_h", 1e3),
]


@pytest.mark.parametrize(("name", "to", "factor"), CONVERSIONS)
@pytest.mark.parametrize("minutes", [15, 60])
def test_units_that_are_named_are_converted(name: str, to: str, factor: float | None, minutes: int) -> None:
    random = np.random.default_rng(len(name))
    data = frame(3, minutes=minutes)
    data = data.drop(columns=PRICE) if to == PRICE else data
    values = random.uniform(1.0, 9.0, len(data))
    energy = {"load_kwh": 60.0 / minutes, "pv_wh": 0.06 / minutes}.get(name, 0.0)
    with pytest.warns(DataNotice, match=f"Column '{name}' is read as '{to}': its values times"):
        env = gym.make(ID, data=data.assign(**{name: values}))
    assert env.unwrapped.setup.feed.values[to] == pytest.approx(values * (factor or energy), rel=1e-12)
    assert name not in env.unwrapped.setup.feed.values


def test_a_price_per_kwh_earns_what_it_says() -> None:
    data = frame(4)
    returns = []
    for each in (data, (data / 1e3).rename(columns={PRICE: "price_per_kwh"})):
        env = gym.make(ID, data=each, episode_steps=48)
        env.reset(options={"start": data.index[100]})
        returns.append(energy_gym.solve(env).value)
    assert returns[0] == pytest.approx(returns[1], rel=1e-12)


def test_a_column_in_two_units_is_refused() -> None:
    with pytest.raises(DataError, match="'load_mw': is converted to 'load_kw', which is there as well"):
        gym.make(ID, data=frame(0).assign(load_kw=1.0, load_mw=1.0))


@pytest.mark.parametrize("name", ["load_kva", "load_j", "price_per_gj", "price_per_therm", "carbon_lb", "load_btu"])
def test_advice_never_renames_across_units(name: str) -> None:
    wanted = f"{name.split('_')[0]}_kw" if name.startswith("load") else PRICE
    site = "energy_gym/Microgrid-v1" if wanted == "load_kw" else ID
    data = frame(0).assign(pv_kw=0.0)
    data = (data if wanted == "load_kw" else data.drop(columns=PRICE)).assign(**{name: 1.0})
    with pytest.raises(MissingColumnError) as caught:
        gym.make(site, data=data)
    assert f"rename {name!r}" not in str(caught.value)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_kept_is_valued_by_the_training_part_alone(seed: int) -> None:
    """What comes after the part that a frame is scaled by changes no decision of mpc before it."""
    random = np.random.default_rng(seed)
    data = frame(seed, days=50)
    later = data.copy()
    later.iloc[600:] *= float(random.choice([0.05, 10.0]))
    battery = Battery(capacity_kwh=float(random.uniform(10.0, 100.0)))
    keywords: dict[str, Any] = {
        "battery": battery,
        "terminal": "free",
        "episode_steps": 24 * 14,
        "forecast": "yesterday",
    }
    splits = {"train": (data.index[0], data.index[480])} if seed else None
    done = []
    for each in (data, later):
        env = gym.make(ID, data=each, split="all", splits=splits, **keywords)
        done.append(answers(make_agent("mpc", env), env, data.index[250], 72))
    np.testing.assert_array_equal(*done)


@pytest.mark.parametrize("seed", range(3))
def test_stamps_that_end_their_step(seed: int) -> None:
    data = frame(seed)
    ended = data.set_axis(data.index + pd.Timedelta(hours=1), axis=0)
    seen = []
    for each, stamps in ((data, "start"), (ended, "end")):
        env = gym.make(ID, data=each, stamps=stamps)
        seen.append(env.reset(options={"start": data.index[99], "steps": 9})[0].tobytes())
    assert seen[0] == seen[1]
    with pytest.raises(UnknownIdError, match="stamps 'stop'"):
        gym.make(ID, data=data, stamps="stop")


def test_what_is_said_of_a_data_set_is_refused() -> None:
    for keywords in ({"published": "always"}, {"zone": "UTC"}, {"splits": {}}, {"stamps": "end"}):
        for name in (ID, "energy_gym/Bidding-v1", "energy_gym/FleetReserve-v1"):
            with pytest.raises(ConfigurationError, match="goes with data="):
                gym.make(name, **keywords)


@pytest.mark.parametrize(
    ("published", "said"),
    [
        ({"price": "after"}, "column of published="),
        (3, "published=3: must be a rule for all prices"),
        (["at-start"], r"published=\['at-start'\]: must be a rule for all prices"),
        ({PRICE: "day-ahead"}, "must be 'always'"),
        ({PRICE: "at start"}, "did you mean 'at-start'"),
        ({PRICE: "dayahead 9:30"}, "did you mean 'day-ahead 09:30'"),
        ("real-time", "did you mean 'at-start'"),
        ({PRICE: "day-ahead 25:00"}, "must be 'always'"),
        ({PRICE: None}, "must be 'always'"),
        ("tomorrow", "must be 'always'"),
    ],
)
def test_publications_that_are_none(published: Any, said: str) -> None:
    with pytest.raises(EnergyGymError, match=said):
        gym.make(ID, data=frame(0), published=published)


def test_a_zone_without_a_name_is_asked_for() -> None:
    class Nowhere(dt.tzinfo):
        def utcoffset(self, moment: dt.datetime | None) -> dt.timedelta | None:
            return None if moment is None else dt.timedelta(hours=1 + moment.month % 2)

        def dst(self, moment: dt.datetime | None) -> dt.timedelta | None:
            return dt.timedelta(0)

    from energy_gym.data.zones import zone_of

    with pytest.raises(NaiveIndexError, match="tz_convert"):
        zone_of(Nowhere())


def test_scenarios_take_it_too() -> None:
    data = frame(5).tz_convert("Europe/Berlin")
    env = gym.make("energy_gym/Scenario-v1", scenario=Scenario(), data=data, published="day-ahead 13:00", split="test")
    env.reset(seed=0)
    assert env.unwrapped.setup.steps == 3 * 24 + 2  # the index begins and ends at one o'clock


def test_a_path_takes_the_place_of_a_frame(tmp_path) -> None:
    hours = pd.date_range("2024-01-01", periods=240, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"price_per_mwh": 50.0 + 10.0 * np.sin(hours.hour)}, hours)
    frame.rename_axis("time").to_csv(tmp_path / "mine.csv")
    told = {"zone": "Europe/Berlin", "split": "test", "episode_steps": None}
    read = gym.make("energy_gym/Arbitrage-v1", data=str(tmp_path / "mine.csv"), **told).unwrapped
    given = gym.make("energy_gym/Arbitrage-v1", data=frame, **told).unwrapped
    seen = [its.reset(seed=0)[0].tolist() for its in (read, given)]
    assert seen[0] == seen[1]
    assert read.variant(split="train").setup.steps == given.variant(split="train").setup.steps
    with pytest.raises(RawFileError, match=r"no.csv"):
        gym.make("energy_gym/Arbitrage-v1", data=tmp_path / "no.csv", **told)
