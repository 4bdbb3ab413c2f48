"""What deviations will cost a producer: the first market's price, and what their own price was off it of late.

One rule: what is learnt comes from the training split; what is played, from prices that are known at the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from energy_gym.agents.arrays_kept import Learnt
from energy_gym.arrays import Floats, Ints
from energy_gym.bidding.env import ProducerEnv
from energy_gym.contracts.deviation import DualPrice, SinglePrice
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.errors import ConfigurationError
from energy_gym.forecast.publication import known_until

FILE = "deviations.npz"
# Shares of the training split's distances that are taken for what they are; those beyond count as the last of them.
TRUSTED = (0.01, 0.99)
# Of how many of the last known steps means are taken, beside the last one.
RECENT = (1, 2, 4, 12)
MOST_ROWS = 20000


@dataclass(frozen=True, eq=False, slots=True)
class Deviations(Learnt):
    """A linear forecast of how far prices of deviations lie from the first market's price, by lead.

    Args:
        weights: What each feature counts, shape (columns, horizon, features).
        limits: The lowest and highest distance that is believed, shape (columns, 2) [currency/MWh].
        mean: Mean distance by hour of the day in UTC and column, shape (columns, 24).
    """

    weights: Floats
    limits: Floats
    mean: Floats

    @classmethod
    def learnt(cls, train: ProducerEnv) -> Self:
        """Return what a training split shows, by least squares for each lead.

        Raises:
            ConfigurationError: The split is not longer than the look-ahead and a day.
        """
        setup, columns = train.setup, train.setup.trading.deviation.columns
        horizon, first, stop = setup.tape.horizon, setup.feed.first, setup.feed.stop
        day = round(HOURS_PER_DAY / setup.feed.step_hours)
        if stop - first <= horizon + day:
            rule = f"must be longer than {horizon + day}"
            raise ConfigurationError(f"training split of {stop - first} steps", rule, "give it more data")
        limits = np.array([np.quantile(distances(train, name)[first:stop], TRUSTED) for name in columns])
        mean = np.array(
            [
                _by_hour(train, np.clip(distances(train, name), *limit), first, stop)
                for name, limit in zip(columns, limits, strict=True)
            ]
        )
        found = cls(np.zeros((len(columns), horizon, len(RECENT))), limits, mean)
        at = np.arange(first + day, stop - horizon)[:: max((stop - first) // MOST_ROWS, 1)]
        for place in range(len(columns)):
            off, features = found._off_usual(train, place, slice(0, stop)), found._features(train, place, at)
            gram = np.linalg.pinv(features.T @ features) @ features.T
            for lead in range(horizon):
                found.weights[place, lead] = gram @ off[at + lead]
        return found

    def _off_usual(self, env: ProducerEnv, place: int, part: slice) -> Floats:
        """Return by how much each step of a part of the data was further off than is usual at its hour."""
        name = env.setup.trading.deviation.columns[place]
        off = np.clip(distances(env, name, part), *self.limits[place])
        return np.asarray(off - self.mean[place][_hours(env, part)])

    def _features(self, env: ProducerEnv, place: int, at: Ints) -> Floats:
        """Return what is looked at where a forecast is made at steps of the data, shape (n, features)."""
        feed, name = env.setup.feed, env.setup.trading.deviation.columns[place]
        begin = int(at.min())
        known = np.minimum(known_until(feed.published[name], feed, begin, int(at.max()) + 1)[at - begin], at)
        # No more of the data is read than is looked at: this is asked at each decision.
        low = max(int(known.min()) - max(RECENT), 0)
        total = np.concatenate([[0.0], np.cumsum(self._off_usual(env, place, slice(low, int(known.max()))))])
        means = [(total[known - low] - total[np.maximum(known - low - size, 0)]) / size for size in RECENT]
        return np.stack(means, axis=1)

    def expected(self, env: ProducerEnv, size: int) -> dict[str, Floats]:
        """Return how far prices of deviations are expected to lie from the first market's, by column, shape (size,)."""
        return self.foreseen(env, np.array([env.steps_left[0]]), np.arange(size))

    def foreseen(self, env: ProducerEnv, made: Ints, lead: Ints) -> dict[str, Floats]:
        """Return the same as it was expected at some steps of the split, each for so many steps later, shape (n,)."""
        at = env.setup.feed.first + made
        hours, found = _hours(env, at + lead), {}
        for place, name in enumerate(env.setup.trading.deviation.columns):
            features = self._features(env, place, at)
            found[name] = (self.weights[place, lead] * features).sum(axis=1) + self.mean[place][hours]
        return found


def priced(env: ProducerEnv) -> bool:
    """Return whether deviations have one price, or one for a shortage and one for a surplus, that is known later."""
    trading, published = env.setup.trading, env.setup.feed.published
    own = isinstance(trading.deviation, SinglePrice | DualPrice)
    return own and all(published.get(name) == "after" for name in trading.deviation.columns)


def distances(env: ProducerEnv, column: str, part: slice = slice(None)) -> Floats:
    """Return how far a price of deviations lay from the first market's at steps of the data [currency/MWh]."""
    values = env.setup.feed.values
    return np.asarray(values[column][part] - values[env.setup.trading.markets[0].price][part])


def _hours(env: ProducerEnv, part: slice | Ints) -> Ints:
    return np.asarray(env.setup.feed.times[part].hour, dtype=np.int64)


def _by_hour(env: ProducerEnv, values: Floats, first: int, stop: int) -> Floats:
    """Return the mean of a part of the data by hour, shape (24,)."""
    hours, part = _hours(env, slice(first, stop)), values[first:stop]
    seen = np.bincount(hours, minlength=24)
    return np.where(seen > 0, np.bincount(hours, part, 24) / np.maximum(seen, 1), part.mean())
