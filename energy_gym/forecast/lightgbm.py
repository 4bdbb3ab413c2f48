"""Gradient-boosted trees on lags, the calendar and what else is known ahead: one model for all leads, each direct.

One rule: a feature of row t is computed from what was known at t; unknown ones are NaN, which the trees understand.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.data.feed import Feed
from energy_gym.errors import ConfigurationError, MissingExtraError
from energy_gym.forecast.fitted import CHUNK, Fitted, squeezed, stretched
from energy_gym.forecast.publication import known_until
from energy_gym.forecast.rows import steps_per_day
from energy_gym.forecast.simple import daily_means

Positions = npt.NDArray[np.int64]
DAYS_BACK = (1, 2, 3, 6, 7, 13)
LATEST = (1, 2, 3, 4)
MEAN_DAYS = 10
WEEK = 7


@dataclass(eq=False)
class LightGBM(Fitted):
    """LightGBM on the change from the latest day known, least absolute error; see `Fitted` for what it may know.

    Values are squeezed by asinh about the column's median, so that a storm does not decide the trees; squeezing keeps
    order, so the median that least absolute error aims at is still the median.

    Features of a value expected at a step: lead, local hour, day of week and day of year; the values at the same time
    of the last days known, of a week before and their mean; the latest values known and how they differ from a day
    before; and every other column's forecast, or value, where it has been published.

    Args:
        trees: Number of trees.
        leaves: Leaves of a tree.
        learning_rate: Weight of each tree.
        samples: Pairs of row and lead learnt from at most; they are drawn evenly.

    Raises:
        ConfigurationError: A setting that is no positive number.

    Source: Ke et al., LightGBM: a highly efficient gradient boosting decision tree (2017).

    Example:
        >>> LightGBM(trees=50).trees
        50
    """

    name: ClassVar[str] = "lightgbm"

    trees: int = 300
    leaves: int = 31
    learning_rate: float = 0.08
    samples: int = 100_000

    def __post_init__(self) -> None:
        for setting in ("trees", "leaves", "learning_rate", "samples"):
            value = getattr(self, setting)
            if not value > 0:
                raise ConfigurationError(f"{setting}={value!r}", "must be positive", "leave it out for the default")

    def settings(self) -> str:
        """See `Fitted.settings`."""
        library()
        return f"{self!r} lightgbm {metadata.version('lightgbm')}"

    def _learn(self, feed: Feed, column: str, horizon: int) -> Any:
        features, target = self._sampled(feed, column, horizon)
        settings = {**self._parameters(), "objective": "l1"}
        return library().train(settings, library().Dataset(features, target), num_boost_round=self.trees)

    def _parameters(self) -> dict[str, Any]:
        return {
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": 50,
            "feature_fraction": 0.8,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }

    def _sampled(self, feed: Feed, column: str, horizon: int) -> tuple[Floats, Floats]:
        """Draw pairs of row and lead whose value is not known, but lies within the period."""
        first, stop = feed.first + steps_per_day(feed), feed.stop - horizon
        share = min(1.0, self.samples / ((stop - first) * horizon))
        random = np.random.default_rng(self.seed)
        features, targets = [], []
        for begin in range(first, stop, CHUNK):
            end = min(begin + CHUNK, stop)
            made, usual = self._features(feed, column, begin, end, horizon)
            ahead = (np.arange(begin, end)[:, None] + np.arange(horizon)).ravel()
            unknown = ahead >= np.repeat(self.known(feed, column, begin, end), horizon)
            use = np.flatnonzero(unknown & (random.random(len(ahead)) < share / max(unknown.mean(), share)))
            features.append(made[use])
            targets.append(squeezed(feed, column)[ahead[use]] - usual[use])
        return np.concatenate(features), np.concatenate(targets)

    def _predict(self, model: Any, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        features, usual = self._features(feed, column, first, stop, horizon)
        return stretched(model.predict(features) + usual, feed, column).reshape(stop - first, horizon)

    def _features(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> tuple[Floats, Floats]:
        """Return the features of rows and leads, shape ((stop - first) * horizon, features), and the usual values."""
        known = np.repeat(self.known(feed, column, first, stop), horizon)
        ahead = (np.arange(first, stop)[:, None] + np.arange(horizon)).ravel()
        lead = np.tile(np.arange(horizon), stop - first)
        day, series = steps_per_day(feed), squeezed(feed, column)
        same = ahead - np.maximum((ahead - known) // day + 1, 0) * day
        usual = _at(series, same, 0.0)
        lags = [_at(series, same - back * day) - usual for back in DAYS_BACK]
        mean = _at(daily_means(series, day, MEAN_DAYS), same) - usual
        week = ahead - np.maximum((ahead - known) // (WEEK * day) + 1, 0) * WEEK * day
        latest = [_at(series, known - back) for back in LATEST]
        moved = [value - _at(series, known - back - day) for value, back in zip(latest, LATEST, strict=True)]
        level = [_at(daily_means(series, 1, days * day), known - 1) for days in (1, WEEK)]
        others = [_known_other(feed, name, first, stop, horizon) for name in self.others(feed, column)]
        features = [
            *(lead, ahead - known, *_calendar(feed, first, stop, horizon), usual),
            *(mean, *lags, _at(series, week) - usual, *latest, *moved, *level, *others),
        ]
        return np.stack(features, axis=1), usual


def _at(series: Floats, places: Positions, missing: float = np.nan) -> Floats:
    """Return the values at places of the past; ``missing`` before the data begin."""
    return np.where(places >= 0, series[np.maximum(places, 0)], missing)


def _calendar(feed: Feed, first: int, stop: int, horizon: int) -> list[Floats]:
    """Return local hour of day, day of week and day of year of each value expected."""
    local = feed.span(first, stop + horizon).tz_convert(feed.zone)
    parts = (local.hour + local.minute / 60.0, local.day_of_week, local.day_of_year)
    places = (np.arange(stop - first)[:, None] + np.arange(horizon)).ravel()
    return [np.asarray(part, dtype=np.float64)[places] for part in parts]


def _known_other(feed: Feed, name: str, first: int, stop: int, horizon: int) -> Floats:
    """Return another column's value at each step expected, NaN where it was not public at the row."""
    limit = np.minimum(known_until(feed.published[name], feed, first, stop), len(feed))
    ahead = np.arange(first, stop)[:, None] + np.arange(horizon)
    public = ahead < limit[:, None]
    return np.where(public, feed.values[name][np.minimum(ahead, len(feed) - 1)], np.nan).ravel()


def library() -> Any:
    """Return LightGBM.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtraError.of("lightgbm", "forecast") from error
    return lightgbm
