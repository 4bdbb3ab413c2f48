"""What the coming days of a site are expected to be, as known when a plan is made: net load, prices, carbon.

One rule: weights and usual courses are learnt on the training split; at a step only the environment's forecast, what is
known for all times, and what the meter has shown since the episode began are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np

from energy_gym.agents.expecting import expected_units
from energy_gym.agents.net_load import NEWEST, slots_of, steps_per_day
from energy_gym.agents.site_rules import net_kw
from energy_gym.arrays import Floats, Ints
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import DataError
from energy_gym.following import TINY
from energy_gym.units import Unit

# What is known of a unit only as its forecast tells it.
SERIES = ("buy", "sell", "carbon", "curtailable_kwh")
# Days over which what lasts of the last ones is learnt, and parts of the day by which it is told.
FOLLOWING, SMOOTHED = 14, 6


class Course(NamedTuple):
    """What was learnt of the course of a site's days.

    Args:
        weights: What the forecast, the course of the last days, the usual course and 1 count in what is expected of
            load less generation, shape (4,).
        lasts: Share of how far the last days were off the usual course that is left in the weeks to come, shape ().
        net_kw: The usual course, shape (2 day,): steps of a working day, then of a day of a weekend [kW].
        buy: The same of the price of import, and so on [currency/MWh].
        sell: Of the price of export.
        carbon: Of the carbon intensity [gCO2/kWh].
        curtailable_kwh: Of the generation that may be cut [kWh in a step].
    """

    weights: Floats
    lasts: Floats
    net_kw: Floats
    buy: Floats
    sell: Floats
    carbon: Floats
    curtailable_kwh: Floats

    @classmethod
    def of(cls, arrays: Mapping[str, Any]) -> Self:
        """Return the course of a file."""
        return cls(*(arrays[name] for name in cls._fields))


def learnt_course(train: EnergyEnv) -> tuple[Course, Floats, Ints]:
    """Return what is learnt of a training split, what it misses there [kW], and the step of the day of each.

    Raises:
        DataError: The split has less than three days.
    """
    setup, day = train.setup, steps_per_day(train)
    if setup.steps < 3 * day:
        raise DataError(f"training split of {setup.steps} steps", "must have three days", "give it more data")
    unit, slots = setup.units[0], slots_of(train, setup.steps)
    actual = unit.fixed_kwh / setup.feed.step_hours
    usual = _usual(actual, slots, day)
    forecast = net_kw(setup.sites[0], {name: rows[:-1] for name, rows in setup.tape.ahead.items()})
    features = _features(*_as_planned(forecast + np.zeros((setup.steps, 1)), actual, slots % day, day), usual[slots])
    weights = np.asarray(np.linalg.lstsq(features[day:], actual[day:], rcond=None)[0], dtype=np.float64)
    series = {name: getattr(unit, name) for name in SERIES}
    others = (_usual(np.zeros(len(slots)) if one is None else one, slots, day) for one in series.values())
    lasts = np.asarray(_lasts(actual, slots, usual, day))
    return Course(weights, lasts, usual, *others), (actual - features @ weights)[day:], (slots % day)[day:]


def _as_planned(forecast: Floats, actual: Floats, places: Ints, day: int) -> tuple[Floats, Floats]:
    """Return what the forecast and the course of the last days said of each step as its day of planning began, (T,)."""
    steps = np.arange(len(actual))
    begins = steps // day * day
    lead, known = steps - begins, forecast.shape[1]
    memory, courses = LastDays(day), []
    for begin in range(0, len(actual), day):
        part = slice(begin, begin + day)
        courses.append(memory.course(places[part], forecast[begin]))
        for place, value in zip(places[part].tolist(), actual[part].tolist(), strict=True):
            memory.show(place, value)
    course = np.concatenate(courses)
    return np.where(lead < known, forecast[begins, np.minimum(lead, known - 1)], course), course


def _lasts(actual: Floats, slots: Ints, usual: Floats, day: int) -> float:
    """Return which share of how far the last days were off the usual course is left in the days after, 0 to 1."""
    off, places, memory = actual - usual[slots], slots % day, LastDays(day)
    seen, left = [np.zeros(day)], [np.zeros(day)]
    for begin in range(0, len(actual) - (1 + FOLLOWING) * day, day):
        last, coming = slice(begin, begin + day), slice(begin + day, begin + (1 + FOLLOWING) * day)
        for place, value in zip(places[last].tolist(), actual[last].tolist(), strict=True):
            memory.show(place, value)
        seen.append(memory.off(usual))
        left.append(np.bincount(places[coming], off[coming], day) / FOLLOWING)
    x, y = np.concatenate(seen), np.concatenate(left)
    return min(max(float(x @ y) / max(float(x @ x), TINY), 0.0), 1.0)


def _features(forecast: Floats, course: Floats, usual: Floats) -> Floats:
    return np.stack([forecast, course, usual, np.ones(len(usual))], axis=1)


def _usual(values: Floats, slots: Ints, day: int) -> Floats:
    """Return the mean by step of the day and kind of day, shape (2 day,); of both kinds where one was never seen."""
    both, seen_at_all = (np.bincount(slots % day, weights, day) for weights in (values, None))
    total, seen = (np.bincount(slots, weights, 2 * day) for weights in (values, None))
    either = np.where(seen_at_all > 0, both / np.maximum(seen_at_all, 1), values.mean())
    return np.where(seen > 0, total / np.maximum(seen, 1), np.tile(either, 2))


class LastDays:
    """The course of the last days, as a meter shows it: what is newer counts more.

    Args:
        day: Steps of a day.
    """

    def __init__(self, day: int) -> None:
        self._course, self.shown = np.full(day, np.nan), 0

    def show(self, place: int, value_kw: float) -> None:
        """Take in what was drawn at a step of the day [kW]."""
        before, self.shown = self._course[place], self.shown + 1
        self._course[place] = value_kw if np.isnan(before) else before + NEWEST * (value_kw - before)

    def course(self, places: Ints, forecast: Floats) -> Floats:
        """Return it for steps of the day [kW]; the forecast of the coming steps where nothing has been shown."""
        found = self._course[places]
        return np.where(np.isnan(found), np.resize(forecast, len(places)), found)

    def off(self, usual_kw: Floats) -> Floats:
        """Return how far it lies off the usual course, shape (day,), smoothed over a part of the day [kW].

        Args:
            usual_kw: The usual course of a working day, then of a day of a weekend, shape (2 day,).
        """
        day = len(self._course)
        off = np.nan_to_num(self._course - (5.0 * usual_kw[:day] + 2.0 * usual_kw[day:]) / 7.0)
        width = max(day // SMOOTHED, 1)
        return np.asarray(np.convolve(np.resize(off, 3 * day), np.full(width, 1.0 / width), "same")[day : 2 * day])


class Expectation:
    """What comes is expected to be, for the plans of one environment.

    Args:
        env: The environment.
        course: What was learnt.
    """

    def __init__(self, env: EnergyEnv, course: Course) -> None:
        self.env, self.course = env, course
        self.day = steps_per_day(env)
        self.slots = slots_of(env, env.setup.steps)
        self.places = self.slots % self.day
        columns = env.setup.sites[0].energy.columns()
        always = all(env.setup.feed.published[column] == "always" for column in columns)
        self._open = SERIES[2:] if always else SERIES

    def net_kw(self, memory: LastDays, first: int, stop: int) -> Floats:
        """Return load less generation of coming steps [kW]; the first of them is the environment's next one."""
        forecast = net_kw(self.env.setup.sites[0], self.env.outlook()) + np.zeros(1)
        course = memory.course(self.places[first:stop], forecast)
        told, known = course.copy(), min(len(forecast), stop - first)
        told[:known] = forecast[:known]
        return np.asarray(_features(told, course, self.course.net_kw[self.slots[first:stop]]) @ self.course.weights)

    def usual_net_kw(self, first: int, stop: int, memory: LastDays | None = None) -> Floats:
        """Return the usual load less generation of steps of the split [kW], off it by what lasts of the last days."""
        usual = self.course.net_kw[self.slots[first:stop]]
        if memory is None:
            return usual
        return np.asarray(usual + self.course.lasts * memory.off(self.course.net_kw)[self.places[first:stop]])

    def unit(self, first: int, stop: int, told: bool = True) -> Unit:
        """Return the unit over coming steps: what is known for all times, else what is forecast, else what is usual.

        Args:
            first: The first step, the environment's next one where anything is ``told``.
            stop: The step after the last.
            told: Whether the forecast is asked.
        """
        unit = self.env.setup.units[0].window(first, stop)
        size = min(self.env.setup.tape.horizon, stop - first) if told else 0
        foreseen = expected_units(self.env, size)[0] if size else unit.window(0, 0)
        changed: dict[str, Any] = {}
        for name in self._open:
            if getattr(unit, name) is not None:
                usual = getattr(self.course, name)[self.slots[first + size : stop]]
                changed[name] = np.concatenate([getattr(foreseen, name), usual])
        if unit.sell is unit.buy and "buy" in changed:
            changed["sell"] = changed["buy"]
        return replace(unit, **changed)
