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
from energy_gym.forecast.recent import FEATURES, Recent, fitted, learnt_at, looked_back

FILE = "deviations.npz"
# Shares of the training split's distances that are taken for what they are; those beyond count as the last of them.
TRUSTED = (0.01, 0.99)


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
        at = learnt_at(first, stop - horizon, day)
        for place, name in enumerate(columns):
            past = found._past(train, place, at)
            off = np.clip(distances(train, name, slice(0, stop)), *limits[place])
            for lead in range(horizon):
                found.weights[place, lead] = fitted(past.features(at + lead), off[at + lead])
        return found

    def _past(self, env: ProducerEnv, place: int, at: Ints) -> Recent:
        """Return what is known of a column where a forecast is made at steps of the data."""
        feed, name = env.setup.feed, env.setup.trading.deviation.columns[place]
        begin, day = int(at.min()), _day(env)
        known = np.minimum(known_until(feed.published[name], feed, begin, int(at.max()) + 1)[at - begin], at)
        # No more of the data is read than is looked at: this is asked at each decision.
        low = max(int(known.min()) - looked_back(day), 0)
        off = np.clip(distances(env, name, slice(low, int(known.max()))), *self.limits[place])
        return Recent(off, low, day, known)

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
