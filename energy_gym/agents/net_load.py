"""What load less generation of a site will draw: a forecast corrected by what the meter has shown, and how it errs.

One rule: a correction is learnt on the training split alone, and played with what the meter has shown since the episode
began; where a forecast needs no correction, least squares finds none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from energy_gym.agents.arrays_kept import Learnt
from energy_gym.agents.site_rules import net_kw
from energy_gym.arrays import Floats, Ints
from energy_gym.contracts.clock import LocalTimes
from energy_gym.conversions import HOURS_PER_DAY, SECONDS_PER_DAY
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError

FILE = "correction.npz"
# How much a new day counts in the course of the last days.
NEWEST = 0.25
# Rows that least squares looks at for a lead, at most; parts of the day that err each in their own way; their outcomes.
MOST_ROWS, PARTS, OUTCOMES = 6000, 12, 9
FEATURES = 6
SATURDAY = 5
# Errors below this share of the usual load are none.
EXACT = 1e-6


@dataclass(frozen=True, eq=False, slots=True)
class Correction(Learnt):
    """A linear correction of the forecast of load less generation, and what it misses.

    Args:
        weights: What each feature counts, by lead, shape (horizon, features); see `_features`.
        usual_kw: The mean of the training split at each time of a working day, then of a day of a weekend [kW].
        missed_kw: What may come above what is expected, equally likely outcomes in order [kW]: shape (horizon, parts of
            the day, outcomes).
        spread_kw: Standard deviation of what is missed, by lead, shape (horizon,) [kW].
    """

    weights: Floats
    usual_kw: Floats
    missed_kw: Floats
    spread_kw: Floats

    @property
    def exact(self) -> bool:
        """Whether nothing was missed: such a forecast needs no hedging."""
        return bool(np.abs(self.missed_kw).max() <= EXACT * max(np.abs(self.usual_kw).max(), 1.0))


def learnt(train: EnergyEnv) -> Correction:
    """Return the correction that fits a training split best, by least squares for each lead.

    Raises:
        ConfigurationError: The split has less than two days.
    """
    seen = _Seen.of(train)
    day, steps = seen.day, len(seen.actual)
    weights, missed, spread = [], [], []
    for lead in range(min(seen.forecast.shape[1], steps - day)):
        at = np.arange(day, steps - lead)[:: max((steps - lead - day) // MOST_ROWS, 1)]
        features, coming = seen.features(at, lead), seen.actual[at + lead]
        weights.append(np.linalg.lstsq(features, coming, rcond=None)[0])
        left = coming - features @ weights[-1]
        missed.append(_outcomes(left, part_of(seen.slots[at + lead], day)))
        spread.append(left.std())
    return Correction(np.array(weights), seen.usual, np.array(missed), np.array(spread))


class _Seen(NamedTuple):
    """A training split as corrections look at it: what was forecast and what came, by step [kW]."""

    forecast: Floats
    actual: Floats
    slots: Ints
    usual: Floats
    course: Floats
    day: int

    @classmethod
    def of(cls, train: EnergyEnv) -> Self:
        """Return what a training split shows."""
        setup, day = train.setup, steps_per_day(train)
        if setup.steps < 2 * day:
            raise ConfigurationError(
                f"training split of {setup.steps} steps", "must have two days", "give it more data"
            )
        forecast = net_kw(setup.sites[0], {name: rows[:-1] for name, rows in setup.tape.ahead.items()})
        actual = setup.units[0].fixed_kwh / setup.feed.step_hours
        slots = slots_of(train, len(actual))
        return cls(forecast, actual, slots, _means(slots, actual, 2 * day), _course(actual, forecast[:, 0], day), day)

    def features(self, at: Ints, lead: int) -> Floats:
        """Return what a correction looks at, made at some steps for one lead, shape (n, features)."""
        coming, before = at + lead, at - 1
        return _features(
            self.forecast[at, lead],
            self.course[coming - (lead // self.day + 1) * self.day],
            self.usual[self.slots[coming]],
            self.actual[before] - self.usual[self.slots[before]],
            self.actual[before] - self.forecast[before, 0],
        )


def missed_by(train: EnergyEnv, correction: Correction) -> Floats:
    """Return what came above what a correction expected, by step at which that was made, shape (T, horizon) [kW].

    NaN where a day was not there to look back on, or what came lies beyond the split.
    """
    seen = _Seen.of(train)
    found = np.full((len(seen.actual), len(correction.weights)), np.nan)
    for lead, weights in enumerate(correction.weights):
        at = np.arange(seen.day, len(seen.actual) - lead)
        found[at, lead] = seen.actual[at + lead] - seen.features(at, lead) @ weights
    return found


def _features(forecast: Any, course: Any, usual: Any, level: Any, missed: Any) -> Floats:
    """Return what a correction looks at, shape (..., features).

    Args:
        forecast: The forecast [kW].
        course: The course of the last days at that time of day [kW].
        usual: The usual course of the training split [kW].
        level: By how much the last interval was above the usual [kW].
        missed: By how much the last interval was above its forecast [kW].
    """
    return np.stack(np.broadcast_arrays(forecast, course, usual, level, missed, 1.0), axis=-1)


def _outcomes(missed: Floats, parts: Ints) -> Floats:
    """Return equally likely outcomes of what was missed by part of the day, shape (parts, outcomes)."""
    shares = (np.arange(OUTCOMES) + 0.5) / OUTCOMES
    overall = np.quantile(missed, shares)
    own = (missed[parts == part] for part in range(PARTS))
    return np.array([np.quantile(values, shares) if len(values) >= OUTCOMES else overall for values in own])


def _means(slots: Ints, values: Floats, count: int) -> Floats:
    """Return the mean by slot, that of all where a slot was never seen."""
    total, seen = np.bincount(slots, values, count), np.bincount(slots, minlength=count)
    return np.asarray(np.where(seen > 0, total / np.maximum(seen, 1), values.mean()))


def _course(actual: Floats, forecast: Floats, day: int) -> Floats:
    """Return the course of the last days up to each step, at its time of day, shape (T,)."""
    found, course = np.empty(len(actual)), forecast[:day].copy()
    for begin in range(0, len(actual), day):
        new = actual[begin : begin + day]
        course = course[: len(new)] + NEWEST * (new - course[: len(new)])
        found[begin : begin + day] = course
    return found


def steps_per_day(env: EnergyEnv) -> int:
    """Return the number of steps of a day."""
    return max(round(HOURS_PER_DAY / env.setup.feed.step_hours), 1)


def slots_of(env: EnergyEnv, steps: int) -> Ints:
    """Return the place of each step of a split in the usual course: time of a working day, then of a weekend's day."""
    feed, day = env.setup.feed, steps_per_day(env)
    local = LocalTimes.of(feed.span(feed.first, feed.first + steps), feed.zone)
    place = np.minimum(local.second * day // SECONDS_PER_DAY, day - 1)
    return np.asarray(place + day * (local.weekday >= SATURDAY))


def part_of(slots: Ints, day: int) -> Ints:
    """Return the part of the day of slots, of `PARTS` that err each in their own way."""
    return np.asarray(slots % day * PARTS // day)


class NetLoad:
    """Load less generation as it is expected, step by step, from forecasts and from what the meter has shown.

    Args:
        env: The environment.
        correction: What was learnt.

    Attributes:
        slots: The place of each step of the split, and of a look-ahead after it, in the usual course.
    """

    def __init__(self, env: EnergyEnv, correction: Correction) -> None:
        self.env, self.correction = env, correction
        self._day = steps_per_day(env)
        self.slots = slots_of(env, env.setup.steps + len(correction.weights))
        self.reset()

    def reset(self) -> None:
        """Forget what the meter has shown."""
        self._course = np.full(self._day, np.nan)
        self._last: tuple[int, float] | None = None

    def expected_kw(self, outlook: Mapping[str, Floats], measured_kw: float | None) -> Floats:
        """Return what the coming steps are expected to draw [kW], shape (horizon,).

        Args:
            outlook: What the forecast says, by column.
            measured_kw: What the last interval drew; None where that is not known.
        """
        weights, usual = self.correction.weights, self.correction.usual_kw
        now = self.env.steps_left[0]
        forecast = net_kw(self.env.setup.sites[0], outlook)[: len(weights)]
        ahead = np.arange(now, now + len(forecast))
        level, missed = self._shown(now, measured_kw)
        course = self._course[ahead % self._day]
        course = np.where(np.isnan(course), forecast, course)
        self._last = now, float(forecast[0])
        features = _features(forecast, course, usual[self.slots[ahead]], level, missed)
        return np.asarray((features * weights[: len(forecast)]).sum(axis=1))

    def outcomes_kw(self, steps: int) -> Floats:
        """Return what may come above what is expected of so many coming steps [kW], shape (steps, outcomes)."""
        now = self.env.steps_left[0]
        parts = part_of(self.slots[now : now + steps], self._day)
        return np.asarray(self.correction.missed_kw[np.arange(steps), parts])

    def _shown(self, now: int, measured_kw: float | None) -> tuple[float, float]:
        """Note what the last interval drew; return by how much it was above the usual and above its forecast [kW]."""
        if measured_kw is None or self._last is None or self._last[0] != now - 1:
            return 0.0, 0.0
        forecast, place = self._last[1], (now - 1) % self._day
        before = self._course[place]
        before = forecast if np.isnan(before) else before
        self._course[place] = before + NEWEST * (measured_kw - before)
        return measured_kw - float(self.correction.usual_kw[self.slots[now - 1]]), measured_kw - forecast
