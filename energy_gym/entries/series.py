"""The series that an entry is played on: held back where it could look ahead, and with days in another order.

One rule: what an entry's process is given is the same to the byte whatever the held-out steps hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.data.feed import Feed, Prepared, open_feed
from energy_gym.data.own_frame import Told
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import EntryError

HELD_OUT = "test"
LEARNT_FROM = ("train", "validation")
# Days change places within blocks of so many, so that they keep their season.
BLOCK_DAYS = 14
# Fewer days say little of foresight.
LEAST_DAYS = 7
# Share of the days that both series begin with, before others come in another order.
COMMON = 0.1
TOLD = ("published", "zone", "splits", "stamps")


def raw_feed(env: EnergyEnv, split: str) -> Feed:
    """Return the feed that an environment was laid out on, for one of its splits.

    Columns that the environment drew to complete it, such as the load of a site, are in it.

    Raises:
        UnknownIdError: The data have no such split.
        WindowError: The split is empty.
    """
    asked, laid = env.keywords, env.setup.feed
    if laid.own:
        said = {name: asked[name] for name in TOLD if asked.get(name) is not None}
        feed = open_feed(None, asked["data"], split, asked.get("reference"), Told(**said))
    elif laid.dataset is None:  # drawn for the environment, as the prices of a fleet are
        return env.variant(split=split).setup.feed
    else:
        feed = open_feed(laid.dataset, None, split)
    drawn = [name for name in laid.values if name not in feed.values and laid.published[name] != "always"]
    if not drawn:
        return feed
    return replace(
        feed,
        values={**feed.values, **{name: laid.values[name] for name in drawn}},
        published={**feed.published, **{name: laid.published[name] for name in drawn}},
        statistics={**feed.statistics, **{name: laid.statistics[name] for name in drawn}},
    )


def on(env: EnergyEnv, data: Prepared) -> dict[str, Any]:
    """Return the keywords of an environment with other series in place of its own."""
    given = {name: value for name, value in env.keywords.items() if name not in ("reference", *TOLD)}
    if env.decision == "fleet" and env.keywords.get("scenario") is None:
        given.setdefault("fleet", env.scenario)
    return {**given, ("data" if env.setup.feed.own else "dataset"): data}


def check_held_out(name: str, env: EnergyEnv) -> None:
    """Raise EntryError unless a task is played on what nobody learns from, for days enough to tell foresight."""
    split = env.keywords.get("split")
    if split != HELD_OUT:
        raise EntryError(f"task {name!r}: split={split!r}", "must be played on what is held out", "choose split: test")
    first, stop = env.window
    days = (stop - first) * env.setup.feed.step_hours / HOURS_PER_DAY
    if days < LEAST_DAYS:
        rule = f"is too short to tell foresight, which takes {LEAST_DAYS}"
        raise EntryError(f"task {name!r}: {days:g} days", rule, "choose a longer task")


def held_back(env: EnergyEnv) -> Prepared:
    """Return the data of an environment on its test split with all that is not learnt from held back.

    In place of what is held back stands the training part, again and again, so that it has a usual look; columns that
    are always known stay as they are.
    """
    feed = raw_feed(env, HELD_OUT)
    windows = {HELD_OUT: (feed.first, feed.stop)}
    for split in LEARNT_FROM:
        part = raw_feed(env, split)
        windows[split] = (part.first, part.stop)
    open_ = np.zeros(len(feed), dtype=bool)
    for split in LEARNT_FROM:
        open_[slice(*windows[split])] = True
    first, stop = env.setup.feed.first, env.setup.feed.stop
    open_[first:stop] = False
    places = np.where(open_, np.arange(len(feed)), _again(windows["train"], len(feed), feed.step_hours))
    series = _taken(feed, places)
    name = str(env.setup.feed.dataset or feed.title)
    return Prepared.of(name, replace(series, filled=feed.filled & open_), windows)


def _again(part: tuple[int, int], steps: int, step_hours: float) -> Any:
    """Return for each step one of a part, at the same time of the day and, if the part is that long, of the week."""
    first, stop = part
    day = max(round(HOURS_PER_DAY / step_hours), 1)
    unit = 7 * day if stop - first >= 7 * day else day
    length = max((stop - first) // unit * unit, 1)
    return first + (np.arange(steps) - first) % length


def reordered(env: EnergyEnv, seed: int) -> tuple[Prepared, int]:
    """Return the data of an environment with the days of its episode in another order, and the first step that differs.

    The first tenth of the days is as it was. The order is drawn so that no day keeps its place where it can move.
    """
    feed, day = raw_feed(env, HELD_OUT), max(round(HOURS_PER_DAY / env.setup.feed.step_hours), 1)
    first, stop = (env.setup.feed.first + step for step in env.window)
    days = (stop - first) // day
    common = max(round(COMMON * days), 1)
    order = _order(days - common, np.random.default_rng(seed))
    begin = first + common * day
    places = np.arange(len(feed))
    moved = (begin + order[:, None] * day + np.arange(day)).ravel()
    places[begin : begin + len(moved)] = moved
    name = str(env.setup.feed.dataset or feed.title)
    return Prepared.of(name, _taken(feed, places), {HELD_OUT: (feed.first, feed.stop)}), common * day


def _order(days: int, random: np.random.Generator) -> Any:
    """Return an order of days without one at its own place, within blocks."""
    blocks = max(days // BLOCK_DAYS, 1)
    found = []
    for block in np.array_split(np.arange(days), blocks):
        drawn = random.permutation(block)
        # Each takes the place of the next one drawn: nobody keeps its own.
        cycle = np.empty_like(block)
        cycle[drawn - block[0]] = np.roll(drawn, 1)
        found.append(cycle)
    return np.concatenate(found)


def _taken(feed: Feed, places: Any) -> Feed:
    """Return a feed whose hidden columns at each step are those of another one."""

    def of(columns: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _column(feed, name, series, places) for name, series in columns.items()}

    return replace(feed, values=of(feed.values), issued=of(feed.issued))


def _column(feed: Feed, name: str, series: Floats, places: Any) -> Floats:
    return series if feed.published.get(name) == "always" else np.ascontiguousarray(series[places])
