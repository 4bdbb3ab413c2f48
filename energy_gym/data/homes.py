"""Synthetic days of homes with PV, to train schedulers on: load, production and tariff of independent days.

One rule: a day is a fixed function of its own draws, so the first days of a seed stay the same when more are asked for.

Every day draws a home (latitude, PV size, consumption, who is at home), a moment of the year, a sky and a tariff:

- PV: clear-sky irradiance after Haurwitz (1945) with the declination of Cooper (1969), times a clearness that is that
  of the day (clear, broken or overcast) and wanders through it, more so under broken cloud.
- Load: a base, a morning, a midday (of those at home) and an evening, and use that comes and goes over an hour or two,
  scaled to the day's consumption, which is higher in summer and in winter.
- Price: half of the days have a time-of-use table of two or three levels, half a price by the hour with a morning and
  an evening peak and, the more the sun shines, a valley at noon. Energy fed in earns 0.3 of the price (net metering).

The days are not calibrated on anybody's meter; their variety is the point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_DAY, MINUTES_PER_DAY
from energy_gym.data.validation import is_whole
from energy_gym.errors import ConfigurationError, NonPositiveError

FEED_IN_RATIO = 0.3
"""Price of energy fed in, as a share of the price of energy bought."""
_DRAWS = 20
_CLEAR_SHARE, _BROKEN_SHARE = 0.4, 0.4


@dataclass(frozen=True)
class DayBatch:
    """Days of homes, each array of shape (days, steps).

    Args:
        load_kw: Consumption, positive [kW].
        pv_kw: Production, positive [kW].
        buy_per_mwh: Price of energy bought [currency/MWh].
        sell_per_mwh: Price of energy fed in [currency/MWh].

    Raises:
        ConfigurationError: The shapes differ, a value is not finite, or load or production is negative.

    Example:
        >>> days = synthetic_days(3, seed=0)
        >>> days.load_kw.shape, len(days), days.step_hours
        ((3, 24), 3, 1.0)
    """

    load_kw: Floats
    pv_kw: Floats
    buy_per_mwh: Floats
    sell_per_mwh: Floats

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, name = getattr(self, entry.name), f"{entry.name} of shape {np.shape(getattr(self, entry.name))}"
            if np.ndim(value) != 2 or np.shape(value) != np.shape(self.load_kw) or not np.size(value):
                raise ConfigurationError(name, "every array has the shape (days, steps)", "pass arrays of one shape")
            lowest = 0.0 if entry.name in ("load_kw", "pv_kw") else -np.inf
            if not np.isfinite(value).all() or (value < lowest).any():
                rule = "values are finite, load and production not negative"
                raise ConfigurationError(name, rule, "clip or drop the days concerned")

    def __len__(self) -> int:
        return len(self.load_kw)

    @property
    def step_hours(self) -> float:
        """Length of a step [h]."""
        return HOURS_PER_DAY / self.load_kw.shape[1]


def synthetic_days(count: int, seed: int, steps_per_day: int = 24) -> DayBatch:
    """Generate independent days of homes with PV and a tariff.

    Args:
        count: How many days.
        seed: Non-negative; the same seed gives the same days, and a larger count adds days behind them.
        steps_per_day: Steps of a whole number of minutes; 24 are hours.

    Raises:
        NonPositiveError: ``count`` or ``steps_per_day`` is no positive whole number.
        ConfigurationError: A step is not a whole number of minutes, or the seed is negative.

    Example:
        >>> days = synthetic_days(100, seed=1)
        >>> bool((days.pv_kw[:, 0] == 0.0).all()), bool(np.allclose(days.sell_per_mwh, 0.3 * days.buy_per_mwh))
        (True, True)
    """
    _check(count, seed, steps_per_day)
    draws, sky, use, market = np.random.SeedSequence(seed).spawn(4)
    day = np.random.default_rng(draws).random((count, _DRAWS))
    hour: Floats = (np.arange(steps_per_day, dtype=np.float64) + 0.5) * (HOURS_PER_DAY / steps_per_day)
    shape = (count, steps_per_day)
    sun = _sun(day, hour)
    clearness = _clearness(day, _wander(sky, shape, 2.0))
    load = _load(day, hour, _wander(use, shape, 1.5))
    buy = _price(day, hour, clearness.mean(axis=1, keepdims=True), _wander(market, shape, 3.0))
    return DayBatch(load, (2.0 + 5.0 * day[:, 0:1]) * sun * clearness, buy, FEED_IN_RATIO * buy)


def as_frame(batch: DayBatch, start: str = "2020-01-01") -> pd.DataFrame:
    """Return the days one after the other as a regular frame, as ``data=`` takes it; its attributes say synthetic.

    Args:
        batch: The days; a step must be a whole number of minutes.
        start: First day.

    Returns:
        UTC index named ``time``; columns ``load_kw``, ``pv_kw``, ``buy_per_mwh``, ``sell_per_mwh``.

    Raises:
        ConfigurationError: A step is not a whole number of minutes.

    Example:
        >>> frame = as_frame(synthetic_days(2, seed=0))
        >>> frame.shape, frame.index[-1].isoformat(), frame.attrs["synthetic"]
        ((48, 4), '2020-01-02T23:00:00+00:00', True)
    """
    _check_steps(batch.load_kw.shape[1])
    minutes = MINUTES_PER_DAY // batch.load_kw.shape[1]
    index = pd.date_range(start, periods=batch.load_kw.size, freq=f"{minutes}min", tz="UTC", unit="ns", name="time")
    frame = pd.DataFrame({entry.name: getattr(batch, entry.name).ravel() for entry in fields(batch)}, index=index)
    frame.attrs.update(synthetic=True, title=f"Synthetic home days ({len(batch)})", currency="EUR")
    return frame


def _check(count: int, seed: int, steps_per_day: int) -> None:
    for name, value in (("count", count), ("steps_per_day", steps_per_day)):
        if not is_whole(value) or value < 1:
            raise NonPositiveError(f"{name}={value!r}", "must be a positive whole number", "pass 24, say")
    _check_steps(steps_per_day)
    if not is_whole(seed) or seed < 0:
        raise ConfigurationError(f"seed={seed!r}", "a seed is a non-negative integer", "pass seed=0 or above")


def _check_steps(steps_per_day: int) -> None:
    if MINUTES_PER_DAY % steps_per_day:
        raise ConfigurationError(f"steps_per_day={steps_per_day}", "must divide 1440 minutes", "pass 24, 48 or 96")


def _wander(seed: np.random.SeedSequence, shape: tuple[int, int], memory_h: float) -> Floats:
    """Noise of unit variance, shape (days, steps), that forgets with the given time constant [h] at any resolution."""
    decay = math.exp(-HOURS_PER_DAY / shape[1] / memory_h)
    noise = np.random.default_rng(seed).standard_normal(shape)
    for step in range(1, shape[1]):
        noise[:, step] = decay * noise[:, step - 1] + math.sqrt(1.0 - decay**2) * noise[:, step]
    return noise


def _season(day: Floats) -> Floats:
    """Position in the year as an angle, 0 at the winter solstice, shape (days, 1)."""
    return 2.0 * math.pi * day[:, 1:2]


def _sun(day: Floats, hour: Floats) -> Floats:
    """Clear-sky irradiance in units of 1000 W/m2, shape (days, steps); latitudes from 28 to 52 degrees."""
    latitude = np.radians(28.0 + 24.0 * day[:, 2:3])
    declination = np.radians(-23.45) * np.cos(_season(day))
    height = np.sin(latitude) * np.sin(declination)
    height = height + np.cos(latitude) * np.cos(declination) * np.cos((hour - 12.0) * (math.pi / 12.0))
    risen = np.maximum(height, 1e-3)
    return np.where(height > 1e-3, 1.098 * risen * np.exp(-0.057 / risen), 0.0)


def _clearness(day: Floats, wander: Floats) -> Floats:
    """Share of the clear sky that reaches the panel, losses included: the sky of the day and what passes over."""
    kind, within = day[:, 3:4], day[:, 4:5]
    clear, broken = kind < _CLEAR_SHARE, (kind >= _CLEAR_SHARE) & (kind < _CLEAR_SHARE + _BROKEN_SHARE)
    level = np.where(clear, 0.75 + 0.15 * within, np.where(broken, 0.35 + 0.35 * within, 0.08 + 0.2 * within))
    spread = np.where(clear, 0.04, np.where(broken, 0.4, 0.25))
    return np.clip(level * np.exp(spread * wander), 0.02, 0.95)


def _bump(hour: Floats, centre: Floats, width_h: Floats) -> Floats:
    """A Gaussian wrapped around the clock: 1 at the centre, continuous over midnight."""
    return np.exp((np.cos((hour - centre) * (math.pi / 12.0)) - 1.0) * (12.0 / (math.pi * width_h)) ** 2)


def _load(day: Floats, hour: Floats, wander: Floats) -> Floats:
    weekend, at_home = day[:, 5:6] < 2.0 / 7.0, day[:, 6:7] < 0.4
    present = np.where(weekend | at_home, 0.5 + 0.5 * day[:, 7:8], 0.15 * day[:, 7:8])
    rise = np.where(weekend, 8.5, 6.5) + 1.5 * day[:, 8:9]
    morning = (0.5 + 0.7 * day[:, 9:10]) * _bump(hour, rise, np.full_like(rise, 1.3))
    midday = present * _bump(hour, np.full_like(rise, 13.0), np.full_like(rise, 3.5))
    evening = (1.0 + 0.8 * day[:, 10:11]) * _bump(hour, 18.0 + 2.5 * day[:, 11:12], np.full_like(rise, 2.0))
    shape = (0.25 + 0.3 * day[:, 12:13] + morning + midday + evening) * np.exp(0.35 * wander)
    weather = 1.0 + 0.35 * np.abs(np.cos(_season(day)))
    daily_kwh = 6.0 * np.exp(1.3 * day[:, 13:14]) * weather
    return np.asarray(shape * daily_kwh / (HOURS_PER_DAY * shape.mean(axis=1, keepdims=True)), dtype=np.float64)


def _price(day: Floats, hour: Floats, clearness: Floats, wander: Floats) -> Floats:
    table = day[:, 14:15] < 0.5
    return np.where(table, _table_price(day, hour), _hourly_price(day, hour, clearness, wander))


def _table_price(day: Floats, hour: Floats) -> Floats:
    """Two levels (night and day) or three (an evening peak too), changing on the full hour [currency/MWh]."""
    low = 80.0 + 100.0 * day[:, 15:16]
    middle, peak = low * (1.3 + 0.6 * day[:, 16:17]), low * (2.0 + 1.5 * day[:, 17:18])
    opens, closes = 6.0 + np.floor(2.0 * day[:, 18:19]), 21.0 + np.floor(3.0 * day[:, 18:19])
    begins = 16.0 + np.floor(3.0 * day[:, 19:20])
    in_peak = (hour >= begins) & (hour < begins + 4.0) & (day[:, 17:18] > 0.3)
    return np.where(in_peak, peak, np.where((hour >= opens) & (hour < closes), middle, low))


def _hourly_price(day: Floats, hour: Floats, clearness: Floats, wander: Floats) -> Floats:
    mean = 120.0 + 160.0 * day[:, 15:16]
    width = np.full_like(mean, 2.0)
    peaks = 0.35 * _bump(hour, np.full_like(mean, 8.0), width) + 0.6 * _bump(hour, np.full_like(mean, 19.0), width)
    valley = (0.2 + 0.6 * day[:, 16:17]) * clearness * _bump(hour, np.full_like(mean, 13.0), 1.4 * width)
    night = 0.2 * _bump(hour, np.full_like(mean, 3.0), 1.6 * width)
    return np.maximum(mean * (0.9 + (0.5 + day[:, 17:18]) * peaks - valley - night + 0.08 * wander), 20.0)
