"""Forecasts that are worse than they should be: with errors of a multiple of the usual size, or that do not arrive.

They exist to measure what an agent makes of them that learnt with good ones.

One rule: a row tells of what comes no more than the forecast that it was made from.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.feed import Feed
from energy_gym.errors import ConfigurationError
from energy_gym.forecast.publication import known_until
from energy_gym.forecast.registry import get_forecast
from energy_gym.forecast.rows import Forecast

# Rows by which the usual error is measured; and the longest time without a forecast [h].
SAMPLE, LONGEST_HOURS = 100, 24


@dataclass(frozen=True)
class Worse:
    """A forecast with gaussian errors on top, of a multiple of its own mean absolute error, where it may be wrong.

    What is published stays as it is. The error belongs to the step that is forecast, whenever the forecast was made.

    Args:
        of: The forecast, by name or as an object.
        factor: How many times its own mean absolute error the errors on top have on average.
        seed: Seed of the errors; each column has its own.

    Raises:
        ConfigurationError: A factor that is negative or not finite.

    Example:
        >>> import gymnasium as gym
        >>> env, worse = (gym.make("energy_gym/Microgrid-v1", forecast=forecast, horizon=24).unwrapped.setup
        ...     for forecast in ("published", Worse("published", 10.0)))
        >>> rows, others = (each.tape.ahead["load_kw"][:-24] for each in (env, worse))
        >>> usual = abs(rows[:, 0] - env.feed.values["load_kw"][:len(rows)]).mean()
        >>> bool(abs(others - rows).mean() > 5.0 * usual)
        True
    """

    of: str | Forecast = "published"
    factor: float = 10.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.factor) and self.factor >= 0.0):
            raise ConfigurationError(f"factor={self.factor!r}", "must be finite and not negative", "pass 10.0")

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `Forecast.rows`."""
        rows = get_forecast(self.of).rows(feed, column, first, stop, horizon)
        ahead = np.arange(first, stop)[:, None] + np.arange(horizon)
        random = np.random.default_rng([self.seed, zlib.crc32(column.encode())])
        size = self.factor * self._usual_error(feed, column, horizon) * math.sqrt(math.pi / 2.0)
        errors = random.normal(0.0, 1.0, len(feed) + horizon)[ahead]
        return np.where(
            ahead >= known_until(feed.published[column], feed, first, stop)[:, None], rows + size * errors, rows
        )

    def _usual_error(self, feed: Feed, column: str, horizon: int) -> float:
        """Return the mean absolute error of the forecast where it is not known to be right, over rows evenly spread."""
        found, values = [], feed.values[column]
        for first in np.unique(np.linspace(0, max(len(feed) - horizon - 1, 0), SAMPLE).astype(int)).tolist():
            row = get_forecast(self.of).rows(feed, column, first, first + 1, horizon)[0]
            begin = int(known_until(feed.published[column], feed, first, first + 1)[0]) - first
            stop = min(horizon, len(feed) - first)
            found.append(np.abs(row[begin:stop] - values[first + begin : first + stop]))
        errors = np.concatenate(found)
        return float(errors.mean()) if len(errors) else 0.0


@dataclass(frozen=True)
class Missing:
    """A forecast that does not arrive at a share of the steps, for hours on end: the last one that did is what is seen.

    It grows old as time goes by; beyond its end stands its last day again. A value of the running step that would be
    posted is missing as well.

    Args:
        of: The forecast, by name or as an object.
        share: Share of the steps without one.
        hours: Mean length of the time without one, of at most a day.
        seed: Seed of when it is missing, the same for all columns.

    Raises:
        ConfigurationError: A share that is none, or a length that is not positive.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", forecast=Missing("published", share=0.2), horizon=24).unwrapped
        >>> whole = gym.make("energy_gym/Arbitrage-v1", horizon=24).unwrapped
        >>> same = (env.setup.tape.ahead["price_per_mwh"] == whole.setup.tape.ahead["price_per_mwh"]).all(axis=1)
        >>> bool(0.7 < same.mean() < 1.0)
        True
    """

    of: str | Forecast = "published"
    share: float = 0.2
    hours: float = 6.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.share < 1.0:
            raise ConfigurationError(f"share={self.share!r}", "must be at least 0 and below 1", "pass 0.2")
        if not 0.0 < self.hours <= LONGEST_HOURS:
            raise ConfigurationError(
                f"hours={self.hours!r}", f"must be above 0 and at most {LONGEST_HOURS}", "pass 6.0"
            )

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `Forecast.rows`."""
        most = round(LONGEST_HOURS / feed.step_hours)
        begin = max(first - most, 0)
        age = self._age(feed, most)[begin:stop]
        if stop > len(feed):
            age = np.append(age, 0)
        day = min(most, horizon)
        whole = get_forecast(self.of).rows(feed, column, begin, stop, horizon)
        steps = np.arange(first - begin, stop - begin)
        ahead = age[steps][:, None] + np.arange(horizon)
        # Beyond the end of a forecast stands its last day again.
        beyond = np.maximum((ahead - horizon) // day + 1, 0) * day
        return whole[(steps - age[steps])[:, None], ahead - beyond]

    def _age(self, feed: Feed, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return for each step of the feed how many steps ago the last forecast arrived."""
        random, steps = np.random.default_rng(self.seed), len(feed)
        mean = max(self.hours / feed.step_hours, 1.0)
        # A time with forecasts and one without, in turn, so long on average that the share comes out.
        age, place = np.zeros(steps, dtype=np.int64), 0
        while place < steps and self.share > 0.0:
            place += 1 + random.geometric(min(self.share / (mean * (1.0 - self.share)), 1.0))
            length = min(int(random.geometric(1.0 / mean)), most)
            gone = age[place : place + length]
            gone[:] = np.arange(1, len(gone) + 1)
            place += length
        return age
