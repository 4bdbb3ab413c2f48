"""The series that an entry is played on: held back where it could look ahead, and with days in another order.

One rule: what an entry's process is given is the same to the byte whatever the held-out steps hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.data.feed import Feed, Prepared
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import EntryError, UnknownIdError
from energy_gym.evaluation.other_series import on, raw_feed

__all__ = ["check_held_out", "held_back", "on", "raw_feed", "reordered"]

HELD_OUT = "test"
LEARNT_FROM = ("train", "validation")
# Days change places within blocks of so many, so that they keep their season; and their hour, as clocks change.
BLOCK_DAYS = 14
# Fewer days say little of foresight.
LEAST_DAYS = 7
# Share of the days that both series begin with, before others come in another order.
COMMON = 0.1


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

    Raises:
        EntryError: There is nothing to learn from.
    """
    feed = raw_feed(env, HELD_OUT)
    learnt = _learnt_from(env)
    open_ = np.zeros(len(feed), dtype=bool)
    for part in learnt.values():
        open_[slice(*part)] = True
    first, stop = env.setup.feed.first, env.setup.feed.stop
    open_[first:stop] = False
    places = np.where(open_, np.arange(len(feed)), _again(learnt["train"], len(feed), feed.step_hours))
    series = _taken(feed, places)
    name = str(env.setup.feed.dataset or feed.title)
    windows = {HELD_OUT: (feed.first, feed.stop), **learnt}
    return Prepared.of(name, replace(series, filled=feed.filled & open_), windows)


def _learnt_from(env: EnergyEnv) -> dict[str, tuple[int, int]]:
    """Return the steps of the splits that may be learnt from; not every data set has a validation split."""
    found = {}
    for split in LEARNT_FROM:
        with suppress(UnknownIdError):
            part = raw_feed(env, split)
            found[split] = (part.first, part.stop)
    if "train" not in found:
        title = env.setup.feed.title
        raise EntryError(f"data {title!r}", "have no training split", "choose a task whose data have one")
    return found


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
    begin = first + common * day
    starts = begin + day * np.arange(days - common)
    order = _order(_clocks(feed, starts, day), np.random.default_rng(seed))
    places = np.arange(len(feed))
    moved = (starts[order][:, None] + np.arange(day)).ravel()
    places[begin : begin + len(moved)] = moved
    name = str(env.setup.feed.dataset or feed.title)
    return Prepared.of(name, _taken(feed, places), {HELD_OUT: (feed.first, feed.stop)}), common * day


def _clocks(feed: Feed, starts: Any, day: int) -> Any:
    """Return a number for each day: days of one number follow each other, and their clocks agree with each other."""
    stamps = feed.times[np.concatenate([starts, starts + day - 1])]
    local = stamps.tz_convert(feed.zone).tz_localize(None)
    ahead = (local - stamps.tz_localize(None)).total_seconds().to_numpy()
    first, last = ahead[: len(starts)], ahead[len(starts) :]
    return np.cumsum(np.concatenate([[False], (first[1:] != first[:-1]) | (last[1:] != last[:-1])]))


def _order(clocks: Any, random: np.random.Generator) -> Any:
    """Return an order of days in which none is at its own place: within blocks, and where clocks agree."""
    found = []
    for clock in np.unique(clocks):
        same = np.flatnonzero(clocks == clock)
        for block in np.array_split(same, max(len(same) // BLOCK_DAYS, 1)):
            drawn = random.permutation(block)
            # Each takes the place of the next one drawn: nobody keeps its own, but one that is alone.
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
