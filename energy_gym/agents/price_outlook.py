"""Prices that become known after their interval, as they are expected: a forecast corrected by what has just been.

One rule: what is learnt comes from the training split; what is played, from prices that are known at the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from energy_gym.agents.arrays_kept import Learnt
from energy_gym.arrays import Floats, Ints
from energy_gym.envs.env import EnergyEnv

FILE = "prices.npz"
# Shares of the training split's prices that are taken for what they are; those beyond count as the last of them.
TRUSTED = (0.01, 0.99)
# Of how many of the last known steps means are taken.
RECENT = (1, 3, 12)


@dataclass(frozen=True, eq=False, slots=True)
class PriceOutlook(Learnt):
    """A linear correction of forecasts of prices, by column and lead.

    Args:
        columns: The columns.
        weights: What each feature counts, shape (columns, horizon, features).
        limits: The lowest and highest price that is believed, shape (columns, 2).
    """

    columns: tuple[str, ...]
    weights: Floats
    limits: Floats

    @classmethod
    def learnt(cls, train: EnergyEnv) -> Self:
        """Return what fits a training split best, by least squares for each column and lead.

        Nothing is learnt, and forecasts are left as they are, where the split is shorter than twice the look-ahead and
        what is looked back on.
        """
        setup = train.setup
        columns = tuple(name for name in setup.tape.columns if setup.feed.published.get(name) == "after")
        horizon, first, stop = setup.tape.horizon, setup.feed.first, setup.feed.stop
        begin = max(RECENT)
        if stop - first < 2 * (horizon + begin):
            columns = ()
        limits = np.array([np.quantile(setup.feed.values[name][first:stop], TRUSTED) for name in columns])
        found = cls(columns, np.zeros((len(columns), horizon, len(RECENT) + 2)), limits.reshape(-1, 2))
        at = np.arange(begin, stop - first - horizon)
        for place, name in enumerate(columns):
            values = np.clip(setup.feed.values[name][first:stop], *found.limits[place])
            for lead in range(horizon):
                features = found._features(train, place, at, setup.tape.ahead[name][at, lead])
                found.weights[place, lead] = np.linalg.lstsq(features, values[at + lead], rcond=None)[0]
        return found

    def _features(self, env: EnergyEnv, place: int, at: Ints, forecast: Floats) -> Floats:
        """Return what is looked at where forecasts are made at steps of the split, shape (n, features)."""
        feed, name = env.setup.feed, self.columns[place]
        begin, end = int(at.min()) + feed.first - max(RECENT), int(at.max()) + feed.first
        values = np.clip(feed.values[name][max(begin, 0) : end], *self.limits[place])
        total = np.concatenate([[0.0], np.cumsum(values)])
        known = at + feed.first - max(begin, 0)
        size = [np.minimum(many, np.maximum(known, 1)) for many in RECENT]
        means = [(total[known] - total[np.maximum(known - many, 0)]) / many for many in size]
        return np.stack([*means, np.clip(forecast, *self.limits[place]), np.ones(len(at))], axis=1)

    def outlook(self, env: EnergyEnv) -> dict[str, Floats]:
        """Return what the coming steps are expected to hold, by column, each of shape (horizon,)."""
        found, now = dict(env.outlook()), np.array([env.steps_left[0]])
        if now[0] + env.setup.feed.first == 0:
            return found
        for place, name in enumerate(self.columns):
            rows = found[name]
            means = self._features(env, place, now, rows[:1])[0, : len(RECENT)]
            weights = self.weights[place, : len(rows)]
            forecast = np.clip(rows, *self.limits[place])
            found[name] = weights[:, :-2] @ means + weights[:, -2] * forecast + weights[:, -1]
        return found
