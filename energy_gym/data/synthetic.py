"""Synthetic price, carbon, load, PV and wind with day-ahead forecasts, of any length and resolution.

One rule: every series is a fixed function of the clock and of a few hidden noise processes (weather, habits, outages),
and a forecast is the same function of those processes as they were foreseen. So a forecast has the distribution of
what it forecasts: it is unbiased, zero at night where PV is, and never outside the physical limits.

The equations, and how the figures compare with real markets, are in ``docs/synthetic.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from energy_gym.arrays import Floats
from energy_gym.conversions import MINUTES_PER_DAY
from energy_gym.data.validation import is_whole
from energy_gym.errors import ConfigurationError, NonPositiveError

COLUMNS = (
    "price_per_mwh",
    "carbon_g_per_kwh",
    "load_kw",
    "pv_kw",
    "wind_kw",
    "forecast_carbon_g_per_kwh",
    "forecast_load_kw",
    "forecast_pv_kw",
    "forecast_wind_kw",
)
"""Columns of a synthetic frame, in order."""

LOAD_KW = 100.0
"""Mean load of the site [kW]."""
PV_KW = 100.0
"""Rated power of the site's PV [kW]; the output never exceeds it."""
WIND_KW = 100.0
"""Rated power of the site's wind turbine [kW]; the output never exceeds it."""
LATITUDE_DEG = 50.0
"""Latitude of the imaginary site; its clock is UTC, so the sun stands highest at noon."""
PRICE_LIMITS_PER_MWH = (-500.0, 4000.0)
"""Lowest and highest price an auction accepts [EUR/MWh]."""
ISSUE_HOUR = 12
"""Hour of the day at which the forecasts for the whole next day are issued."""


@dataclass(frozen=True)
class _Process:
    """An Ornstein-Uhlenbeck process of unit variance; ``memory_h`` may sum a slow and a fast part.

    ``foreseen_h`` is the lead time after which the correlation between forecast and outcome has fallen to 1/e.
    """

    memory_h: tuple[tuple[float, float], ...]
    foreseen_h: float


# Order matters: each process takes its own random stream by position, so new ones go last.
_PROCESSES = {
    "demand": _Process(((1.0, 72.0),), 300.0),
    "cloud": _Process(((0.88, 60.0), (0.12, 4.0)), 400.0),
    "wind": _Process(((0.92, 60.0), (0.08, 8.0)), 500.0),
    "site_load": _Process(((1.0, 3.0),), 40.0),
    "site_cloud": _Process(((1.0, 1.5),), 20.0),
    "site_wind": _Process(((1.0, 3.0),), 40.0),
    "imports": _Process(((1.0, 72.0),), 200.0),
    "fuel": _Process(((0.5, 3000.0), (0.5, 400.0)), math.inf),
    "bids": _Process(((1.0, 5.0),), math.inf),
}


class _Clock(NamedTuple):
    """Midpoints of the steps: hour of day [0, 24), position in the year [0, 1), working share of the day, lead [h]."""

    hour: Floats
    year: Floats
    working: Floats
    lead_h: Floats


class _World(NamedTuple):
    """The state of market and site: residual load as a share of mean load, gCO2/kWh, kW, kW, kW."""

    residual: Floats
    carbon: Floats
    load: Floats
    pv: Floats
    wind: Floats


def generate(
    *, seed: int = 0, start: str = "2020-01-01", steps: int = 8784, resolution_minutes: int = 60
) -> pd.DataFrame:
    """Generate a synthetic market and site with day-ahead forecasts.

    The same seed, start and resolution give the same frame, and a longer frame starts with the shorter one. Another
    resolution is another draw from the same continuous-time model: means, spreads and autocorrelations in real time
    agree, single values do not. Generation is positive here, as measured; the scenario gives it its sign.

    Args:
        seed: Any non-negative integer.
        start: First time stamp; without a zone it is UTC.
        steps: Number of rows.
        resolution_minutes: Length of a step; it divides a day.

    Returns:
        A frame of shape (steps, 9) of float64 with a UTC index named ``time`` (start of the step) and the columns
        `COLUMNS`: price [EUR/MWh], carbon intensity [gCO2/kWh], load, PV and wind [kW], and the forecasts issued once a
        day at 12:00 for the whole next day. ``frame.attrs["synthetic"]`` is True.

    Raises:
        NonPositiveError: Where ``steps`` or ``resolution_minutes`` is not a positive integer.
        ConfigurationError: Where the seed is negative, the start is no date, or the resolution does not divide a day.

    Example:
        >>> frame = generate(seed=1, start="2022-06-01", steps=48)
        >>> frame.shape, str(frame.index[0]), frame.attrs["synthetic"]
        ((48, 9), '2022-06-01 00:00:00+00:00', True)
        >>> bool(frame["pv_kw"].iloc[0] == 0.0 < frame["pv_kw"].iloc[12])
        True
    """
    _check(seed, steps, resolution_minutes)
    base_minutes = math.gcd(resolution_minutes, 60)
    parts = resolution_minutes // base_minutes
    index = _index(start, steps * parts, base_minutes)
    values = _series(index, np.random.SeedSequence(seed), base_minutes / 60.0)
    averaged = {name: value.reshape(steps, parts).mean(axis=1) for name, value in values.items()}
    frame = pd.DataFrame(averaged, index=index[::parts], columns=list(COLUMNS))
    frame.attrs.update(synthetic=True, title=f"Synthetic market and site, seed {seed}", currency="EUR")
    return frame


def _check(seed: int, steps: int, resolution_minutes: int) -> None:
    if not is_whole(seed) or seed < 0:
        raise ConfigurationError(f"seed={seed!r}", "a seed is a non-negative integer", "pass seed=0 or above")
    if not is_whole(steps) or steps < 1:
        raise NonPositiveError(f"steps={steps!r}", "a series has at least one step", "pass a positive integer")
    name = f"resolution_minutes={resolution_minutes!r}"
    if not is_whole(resolution_minutes) or resolution_minutes < 1:
        raise NonPositiveError(name, "a step takes a positive whole number of minutes", "pass 5, 15, 30 or 60")
    if MINUTES_PER_DAY % resolution_minutes:
        raise ConfigurationError(name, "a day must hold a whole number of steps", "pass 5, 15, 30 or 60")


def _index(start: str, steps: int, minutes: int) -> pd.DatetimeIndex:
    try:
        first = pd.Timestamp(str(start))
        first = first.tz_localize("UTC") if first.tzinfo is None else first.tz_convert("UTC")
        return pd.date_range(first, periods=steps, freq=f"{minutes}min", unit="ns", name="time")
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        rule = f"the series must start and end at dates pandas can hold ({error})"
        raise ConfigurationError(f"start={start!r}", rule, 'pass a date such as "2020-01-01"') from error


def _series(index: pd.DatetimeIndex, seeds: np.random.SeedSequence, hours: float) -> dict[str, Floats]:
    clock = _clock(index, hours)
    spike_seed, *others = seeds.spawn(1 + len(_PROCESSES))
    actual, foreseen = {}, {}
    for (name, process), stream in zip(_PROCESSES.items(), others, strict=True):
        outcome, surprise = (_noise(process, child, len(index), hours) for child in stream.spawn(2))
        known = np.exp(-clock.lead_h / process.foreseen_h)
        actual[name] = outcome
        # Mixed so that the foreseen process keeps unit variance: the forecast is then unbiased through any curve.
        foreseen[name] = known * outcome + np.sqrt(1.0 - known**2) * surprise
    world, forecast = _world(clock, actual), _world(clock, foreseen)
    price = _price(forecast.residual, actual, np.random.default_rng(spike_seed), hours)
    columns = (price, *world[1:], *forecast[1:])
    return dict(zip(COLUMNS, columns, strict=True))


def _clock(index: pd.DatetimeIndex, hours: float) -> _Clock:
    elapsed_h = (index - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(hours=1)
    middle = elapsed_h.to_numpy(dtype=np.float64) + hours / 2.0
    days, hour = np.divmod(middle, 24.0)
    weekday = (days.astype(np.int64) + 3) % 7
    working = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.45, 0.25])[weekday]
    # 1 January 1970 is the origin, and 365.2425 days the mean length of a year of the calendar.
    return _Clock(hour, middle / (24.0 * 365.2425) % 1.0, working, hour + 24.0 - ISSUE_HOUR)


def _noise(process: _Process, seed: np.random.SeedSequence, steps: int, hours: float) -> Floats:
    """Sum independent parts; each sampled exactly, so that its autocorrelation in hours holds at every resolution."""
    total = np.zeros(steps)
    for (share, memory_h), child in zip(process.memory_h, seed.spawn(len(process.memory_h)), strict=True):
        decay = math.exp(-hours / memory_h)
        shocks = np.random.default_rng(child).standard_normal(steps)
        shocks[1:] *= math.sqrt(1.0 - decay**2)
        total += math.sqrt(share) * _recursion(shocks, decay)
    return total


def _recursion(shocks: Floats, decay: float) -> Floats:
    """Solve x[t] = decay x[t-1] + shocks[t] by doubling: after the pass with reach k, 2k past shocks are counted."""
    state, reach = shocks.copy(), 1
    while reach < len(state) and decay**reach > 1e-17:
        state[reach:] += decay**reach * state[:-reach]
        reach *= 2
    return state


def _world(clock: _Clock, noise: dict[str, Floats]) -> _World:
    demand = _demand(clock) * (1.0 + 0.025 * noise["demand"])
    clear, season = _clear_sky(clock), np.cos(2.0 * math.pi * (clock.year - 0.04))
    speed = 6.8 * (1.0 + 0.12 * season)
    sun = 0.8 * clear * _clearness(0.7 * noise["cloud"])
    residual = demand - sun - 0.75 * _fleet(speed * np.exp(0.38 * noise["wind"])) + 0.03 * noise["imports"]
    gust = np.exp(0.38 * noise["wind"] + 0.18 * noise["site_wind"])
    cloud = 0.8 * noise["cloud"] + 0.6 * noise["site_cloud"]
    return _World(
        residual,
        _carbon(residual, demand),
        LOAD_KW * np.maximum(demand * (1.0 + 0.08 * noise["site_load"]), 0.1),
        PV_KW * np.minimum(clear * _clearness(cloud), 1.0),
        WIND_KW * _turbine(speed * gust),
    )


def _demand(clock: _Clock) -> Floats:
    """Demand as a share of its yearly mean: night, working day, breakfast and evening, more in winter."""
    winter = np.cos(2.0 * math.pi * (clock.year - 0.04))
    work = 0.34 * clock.working * _bump(clock.hour, 12.0, 4.0)
    breakfast = (0.06 + 0.12 * clock.working) * _bump(clock.hour, 7.5, 1.7)
    evening = 0.27 * _bump(clock.hour, 19.0, 2.3)
    return (0.77 + work + breakfast + evening) * (1.0 + 0.08 * winter)


def _bump(hour: Floats, centre: float, width_h: float) -> Floats:
    """A Gaussian wrapped around the clock: 1 at the centre, continuous over midnight."""
    return np.exp((np.cos((hour - centre) * (math.pi / 12.0)) - 1.0) * (12.0 / (math.pi * width_h)) ** 2)


def _clear_sky(clock: _Clock) -> Floats:
    """Clear-sky irradiance in units of 1000 W/m2: declination of Cooper (1969), transmission of Haurwitz (1945)."""
    latitude = math.radians(LATITUDE_DEG)
    declination = math.radians(23.45) * np.sin(2.0 * math.pi * (clock.year + 285.0 / 365.0))
    turn = np.cos((clock.hour - 12.0) * (math.pi / 12.0))
    height = math.sin(latitude) * np.sin(declination) + math.cos(latitude) * np.cos(declination) * turn
    risen = np.maximum(height, 1e-3)
    return np.where(height > 1e-3, 1.098 * risen * np.exp(-0.057 / risen), 0.0)


def _clearness(noise: Floats) -> Floats:
    """Share of the clear sky that reaches the ground, between 0.12 and 1."""
    return 0.12 + 0.88 / (1.0 + np.exp(-1.6 * noise))


def _turbine(speed: Floats) -> Floats:
    """Power curve: nothing below 3 m/s, the cube of the speed between, rated from 12 m/s."""
    return np.clip((speed**3 - 27.0) / (1728.0 - 27.0), 0.0, 1.0)


def _fleet(speed: Floats) -> Floats:
    """Power of many turbines in one region, whose speeds differ: smoother than one turbine."""
    total = np.zeros_like(speed)
    for share in (0.6, 0.8, 1.0, 1.2, 1.4):
        total += _turbine(share * speed) / 5.0
    return total


def _softplus(value: Floats) -> Floats:
    return np.logaddexp(0.0, value)


def _price(residual: Floats, noise: dict[str, Floats], rng: np.random.Generator, hours: float) -> Floats:
    """Clear the auction on the forecast residual load: a convex merit order, scarcity and spikes [EUR/MWh]."""
    marginal = 72.0 + 115.0 * (residual - 0.6)
    scarcity = 14.0 * _softplus((residual - 0.95) / 0.08)
    surplus = 14.0 * _softplus((0.29 - residual) / 0.06)
    fuel = np.exp(0.28 * noise["fuel"] - 0.04)
    quiet = fuel * (marginal + scarcity - surplus) + 5.0 * noise["bids"]
    # Renewables bid about zero, so a small surplus ends just below it and only a large one is expensive.
    quiet = np.where(quiet < 0.0, quiet * np.minimum(0.25 - quiet / 400.0, 1.0), quiet)
    return np.clip(quiet + _spikes(residual, rng, hours), *PRICE_LIMITS_PER_MWH)


def _spikes(residual: Floats, rng: np.random.Generator, hours: float) -> Floats:
    """Heavy-tailed jumps that strike when the residual load is high and fade within hours [EUR/MWh]."""
    strike, size = rng.random((len(residual), 2)).T
    rate_per_h = 0.008 / (1.0 + np.exp((1.05 - residual) / 0.06))
    jump = 200.0 * (1.0 - size) ** (-1.0 / 2.5)
    return _recursion(np.where(strike < rate_per_h * hours, jump, 0.0), math.exp(-hours / 1.5))


def _carbon(residual: Floats, demand: Floats) -> Floats:
    """Average emissions of the mix: fossil plants serve the residual load above a must-run floor [gCO2/kWh]."""
    share = _softplus((residual / demand - 0.12) / 0.08) * 0.08
    return 30.0 + 560.0 * share
