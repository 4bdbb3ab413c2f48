"""Boosted trees for quantiles: the features of the point forecaster, a model for each level.

One rule: quantiles of a step rise with their level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.feed import Feed
from energy_gym.forecast.fitted import stretched
from energy_gym.forecast.lightgbm import LightGBM, library
from energy_gym.forecast.publication import known_until
from energy_gym.forecast.rows import Perfect

LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
NORMAL = np.array([-2.0537489106, -1.2815515655, -0.6744897502, 0.0, 0.6744897502, 1.2815515655, 2.0537489106])
"""The normal numbers of the levels."""


@dataclass(eq=False)
class QuantileTrees(LightGBM):
    """Trees for the quantiles of `LEVELS`; settings as in `LightGBM`."""

    name: ClassVar[str] = "quantile"

    def _learn(self, feed: Feed, column: str, horizon: int) -> Any:
        features, target = self._sampled(feed, column, horizon)
        data = library().Dataset(features, target, free_raw_data=False)
        settings = [{**self._parameters(), "objective": "quantile", "alpha": level} for level in LEVELS]
        return [library().train(each, data, num_boost_round=self.trees) for each in settings]

    def quantiles(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """Return the quantiles of rows, shape (stop - first, horizon, levels) [unit of the column].

        Raises:
            ConfigurationError: Steps of another length than those it learnt from, or too few of these.
        """
        trained = self._training(feed, len(feed))
        feed = self._like(trained, feed, column)
        if _all_known(trained, column, horizon):
            actual = Perfect().rows(feed, column, first, stop, horizon)
            return np.repeat(actual[:, :, None], len(LEVELS), axis=2)
        feed = replace(feed, statistics={**feed.statistics, **trained.statistics})
        place = f"{column} {horizon}"
        if place not in self._models:
            self._models[place] = self._learn(trained, column, horizon)
        features, usual = self._features(feed, column, first, stop, horizon)
        moved = np.stack([model.predict(features) + usual for model in self._models[place]], axis=1)
        rising = np.sort(stretched(moved, feed, column), axis=1)
        return rising.reshape(stop - first, horizon, len(LEVELS))


def _all_known(trained: Feed, column: str, horizon: int) -> bool:
    """Return whether a column is known as far as rows look, wherever they are."""
    first, stop = trained.first, trained.stop - horizon
    known = known_until(trained.published[column], trained, first, stop)
    return bool((known >= np.arange(first, stop) + horizon).all())
