"""Forecasts that need no fitting: the mean of the days before, and the actual values with noise of a known size.

One rule: ``Mean`` uses measured values only; ``Noise`` starts from the actual values, as ``Perfect`` does, and exists
to measure what errors cost.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.feed import Feed
from energy_gym.data.validation import is_whole
from energy_gym.errors import ConfigurationError, MissingColumnError
from energy_gym.forecast.rows import Perfect, measured_until, steps_per_day

HOURS_OF_MAE = 24.0


@dataclass(frozen=True)
class Mean:
    """The mean of the same time of day over the latest days measured; the first days of the data have fewer.

    A value that is posted as its step begins (``"at-start"``) is measured then: the running step holds it.

    Args:
        days: How many days are averaged, at least 1.

    Raises:
        ConfigurationError: ``days`` is no positive whole number.

    Example:
        >>> import energy_gym, gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", forecast=Mean(days=3), horizon=2).unwrapped
        >>> observation, info = env.reset(options={"start": "2021-07-01T05:00Z"})
        >>> price = energy_gym.load("ercot-2021-2022").frame["price_per_mwh"]
        >>> past = price[["2021-06-28T05:00Z", "2021-06-29T05:00Z", "2021-06-30T05:00Z"]]
        >>> bool(abs(env.outlook()["price_per_mwh"][0] - past.mean()) < 1e-9)
        True
    """

    days: int = 10

    def __post_init__(self) -> None:
        if not is_whole(self.days) or self.days < 1:
            raise ConfigurationError(f"days={self.days!r}", "must be a whole number of at least 1", "pass 10")

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `Forecast.rows`."""
        day = steps_per_day(feed)
        now = np.arange(first, stop, dtype=np.int64)[:, None]
        limit = np.minimum(measured_until(feed, column, first, stop), len(feed))[:, None]
        ahead = now + np.arange(horizon, dtype=np.int64)
        source = ahead - np.maximum((ahead - limit) // day + 1, 0) * day
        means = daily_means(feed.values[column], day, self.days)
        rows = means[np.maximum(source, 0)]
        rows[source < 0] = feed.expected_before(column)
        # What is posted as its step begins needs no mean of other days.
        return np.where(ahead < limit, feed.values[column][np.minimum(ahead, len(feed) - 1)], rows)


def daily_means(values: Floats, day: int, days: int) -> Floats:
    """Return for each step the mean of its value and those at the same time of the days before, shape (steps,).

    Each mean is summed on its own: a running sum would carry rounding of one value into all later ones.
    """
    total, count = values.copy(), np.ones(len(values))
    for back in range(1, days):
        lag = back * day
        if lag >= len(values):
            break
        total[lag:] += values[:-lag]
        count[lag:] += 1.0
    return total / count


@dataclass(frozen=True)
class Noise:
    """The actual values plus unbiased gaussian noise of a given mean absolute error.

    The error belongs to the step that is forecast and to the lead: rows made an hour apart are revisions of each other,
    not fresh draws, so that averaging them does not take the noise away.

    Args:
        mae: Mean absolute error, in the unit of the column; one figure for all columns, or one for each by name.
        growing: False: the same error at every lead. True: the error grows with the root of the lead, as information
            comes in evenly, and has the given size 24 h ahead.
        seed: Seed of the noise; each column has noise of its own.

    Raises:
        ConfigurationError: An error that is negative or not finite.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", forecast=Noise(mae=0.0), horizon=2).unwrapped
        >>> exact = gym.make("energy_gym/Arbitrage-v1", forecast="perfect", horizon=2).unwrapped
        >>> (env.setup.tape.rows == exact.setup.tape.rows).all().item()
        True
    """

    mae: float | Mapping[str, float] = 10.0
    growing: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for size in self.mae.values() if isinstance(self.mae, Mapping) else (self.mae,):
            if not (math.isfinite(size) and size >= 0.0):
                raise ConfigurationError(f"mae={size!r}", "must be finite and not negative", "pass 10.0")

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `Forecast.rows`."""
        rows = Perfect().rows(feed, column, first, stop, horizon)
        lead = np.arange(horizon)
        target = (np.arange(first, stop)[:, None] + lead) % len(feed)
        draw = np.random.default_rng([self.seed, zlib.crc32(column.encode())])
        deviation = self._mae(column) * math.sqrt(math.pi / 2.0)
        if not self.growing:
            return rows + draw.normal(0.0, deviation, len(feed))[target]
        step = deviation * math.sqrt(feed.step_hours / HOURS_OF_MAE)
        return rows + np.cumsum(draw.normal(0.0, step, (horizon, len(feed))), axis=0)[lead, target]

    def _mae(self, column: str) -> float:
        if not isinstance(self.mae, Mapping):
            return float(self.mae)
        if column not in self.mae:
            raise MissingColumnError(f"mae of {column!r}", f"is not among {', '.join(self.mae)}", "add it")
        return float(self.mae[column])
