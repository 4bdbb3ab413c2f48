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
# Of how many of the last known days means are taken at the time of day that is looked ahead to, and which is usual.
DAYS = (7, 28, 56)
USUAL = 28
FEATURES = len(RECENT) + len(DAYS) + 1
MOST_ROWS = 20000


@dataclass(frozen=True, eq=False, slots=True)
class Deviations(Learnt):
    """A linear forecast of how far prices of deviations lie from the first market's price, by lead.

    It looks at what the distance was at that time of day of late, and by how much the last steps were off that.

    Args:
        weights: What each feature counts, shape (columns, horizon, FEATURES).
        limits: The lowest and highest distance that is believed, shape (columns, 2) [currency/MWh].

    Raises:
        ConfigurationError: The weights are of other features than are looked at.
    """

    weights: Floats
    limits: Floats

    def __post_init__(self) -> None:
        if (found := self.weights.shape[-1]) != FEATURES:
            raise ConfigurationError(f"weights of {found} features", f"must be of {FEATURES}", "fit the agent again")

    @classmethod
    def learnt(cls, train: ProducerEnv) -> Self:
        """Return what a training split shows, by least squares for each lead.

        Raises:
            ConfigurationError: The split is not longer than the look-ahead and a day.
        """
        setup, columns = train.setup, train.setup.trading.deviation.columns
        horizon, first, stop, day = setup.tape.horizon, setup.feed.first, setup.feed.stop, _day(train)
        if stop - first <= horizon + day:
            rule = f"must be longer than {horizon + day}"
            raise ConfigurationError(f"training split of {stop - first} steps", rule, "give it more data")
        limits = np.array([np.quantile(distances(train, name)[first:stop], TRUSTED) for name in columns])
        found = cls(np.zeros((len(columns), horizon, FEATURES)), limits)
        # Means over days come into their own where so many have passed.
        begun = max(day, min(max(DAYS) * day, (stop - first - horizon) // 2))
        at = np.arange(first + begun, stop - horizon)[:: max((stop - first) // MOST_ROWS, 1)]
        for place, name in enumerate(columns):
            past = found._past(train, place, at)
            off = np.clip(distances(train, name, slice(0, stop)), *limits[place])
            for lead in range(horizon):
                features = past.features(at + lead)
                found.weights[place, lead] = np.linalg.pinv(features.T @ features) @ features.T @ off[at + lead]
        return found

    def _past(self, env: ProducerEnv, place: int, at: Ints) -> _Past:
        """Return what is known of a column where a forecast is made at steps of the data."""
        feed, name = env.setup.feed, env.setup.trading.deviation.columns[place]
        begin, day = int(at.min()), _day(env)
        known = np.minimum(known_until(feed.published[name], feed, begin, int(at.max()) + 1)[at - begin], at)
        # No more of the data is read than is looked at: this is asked at each decision.
        low = max(int(known.min()) - max(RECENT) - (max(DAYS) + 1) * day, 0)
        off = np.clip(distances(env, name, slice(low, int(known.max()))), *self.limits[place])
        return _Past(off, low, day, known)

    def expected(self, env: ProducerEnv, size: int) -> dict[str, Floats]:
        """Return how far prices of deviations are expected to lie from the first market's, by column, shape (size,)."""
        return self.foreseen(env, np.full(size, env.steps_left[0]), np.arange(size))

    def foreseen(self, env: ProducerEnv, made: Ints, lead: Ints) -> dict[str, Floats]:
        """Return the same as it was expected at some steps of the split, each for so many steps later, shape (n,)."""
        at, found = env.setup.feed.first + made, {}
        for place, name in enumerate(env.setup.trading.deviation.columns):
            features = self._past(env, place, at).features(at + lead)
            found[name] = (self.weights[place, lead] * features).sum(axis=1)
        return found


class _Past:
    """Distances of a column as far as they are known where forecasts are made.

    Args:
        off: Distances from some step of the data on, shape (n,).
        low: That step.
        day: Steps of a day.
        known: First step of the data that is not known, for each forecast.
    """

    def __init__(self, off: Floats, low: int, day: int, known: Ints) -> None:
        self._low, self._day, self._known = low, day, known
        rows = -(-len(off) // day) + 1
        by_day = np.concatenate([off, np.zeros(rows * day - len(off))]).reshape(rows, day)
        self._before = np.concatenate([np.zeros((1, day)), np.cumsum(by_day, axis=0)])
        self._recent = self._means(off)

    def features(self, target: Ints) -> Floats:
        """Return what is looked at to foresee a step of the data for each forecast, shape (forecasts, FEATURES)."""
        days_back = np.maximum(-(-(target - self._known + 1) // self._day), 1)
        at = target - (days_back - 1) * self._day - self._low
        usual = [self._usual(at, days) for days in DAYS]
        return np.column_stack([self._recent, *usual, np.ones(len(at))])

    def _usual(self, at: Ints, days: int) -> Floats:
        """Return the mean at the time of day of a step over so many days before it, or as many as there are."""
        row, place = np.divmod(at, self._day)
        first = np.maximum(row - days, 0)
        return np.asarray((self._before[row, place] - self._before[first, place]) / np.maximum(row - first, 1))

    def _means(self, off: Floats) -> Floats:
        """Return by how much the last known steps were further off than was usual, shape (forecasts, len(RECENT))."""
        total = np.concatenate([[0.0], np.cumsum(off - self._usual(np.arange(len(off)), USUAL))])
        last = self._known - self._low
        return np.stack([(total[last] - total[np.maximum(last - size, 0)]) / size for size in RECENT], axis=1)


def priced(env: ProducerEnv) -> bool:
    """Return whether deviations have one price, or one for a shortage and one for a surplus, that is known later."""
    trading, published = env.setup.trading, env.setup.feed.published
    own = isinstance(trading.deviation, SinglePrice | DualPrice)
    return own and all(published.get(name) == "after" for name in trading.deviation.columns)


def distances(env: ProducerEnv, column: str, part: slice = slice(None)) -> Floats:
    """Return how far a price of deviations lay from the first market's at steps of the data [currency/MWh]."""
    values = env.setup.feed.values
    return np.asarray(values[column][part] - values[env.setup.trading.markets[0].price][part])


def _day(env: ProducerEnv) -> int:
    return round(HOURS_PER_DAY / env.setup.feed.step_hours)
