"""How far a forecast is from what came: over all leads, and over those alone that nobody could know yet.

One rule: a value beyond the end of the split is no part of any figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.feed import Feed
from energy_gym.forecast.publication import known_until
from energy_gym.forecast.rows import Forecast, Perfect


@dataclass(frozen=True)
class Accuracy:
    """Errors of a forecast of one column, in the column's unit.

    Args:
        mae: Mean absolute error over all rows and leads.
        mae_unknown: The same over values that were not public at their row; NaN where all were.
        rmse: Root of the mean squared error over all rows and leads.
        rank_correlation: Mean over rows of Spearman's correlation between the values expected and those that came.
    """

    mae: float
    mae_unknown: float
    rmse: float
    rank_correlation: float


def accuracy(forecast: Forecast, feed: Feed, column: str, horizon: int = 24, published: bool = True) -> Accuracy:
    """Compare the rows of a feed's split with what came.

    Args:
        forecast: What is examined.
        feed: Series and split.
        column: The series.
        horizon: Steps looked ahead.
        published: False counts every value as unknown until its interval is over.

    Example:
        >>> from energy_gym.data.feed import open_feed
        >>> round(accuracy(Perfect(), open_feed("ercot-2021-2022", None, "test"), "price_per_mwh").mae, 6)
        0.0
    """
    first, stop = feed.first, feed.stop
    expected = np.asarray(forecast.rows(feed, column, first, stop, horizon), dtype=np.float64)
    actual = Perfect().rows(feed, column, first, stop, horizon)
    ahead = np.arange(first, stop)[:, None] + np.arange(horizon)
    inside = ahead < stop
    rule = feed.published[column] if published else "after"
    unknown = inside & (ahead >= known_until(rule, feed, first, stop)[:, None])
    errors = expected - actual
    return Accuracy(
        mae=float(np.abs(errors[inside]).mean()),
        mae_unknown=float(np.abs(errors[unknown]).mean()) if unknown.any() else float("nan"),
        rmse=float(np.sqrt(np.square(errors[inside]).mean())),
        rank_correlation=_ranked(expected[inside.all(axis=1)], actual[inside.all(axis=1)]),
    )


def _ranked(expected: Floats, actual: Floats) -> float:
    """Return the mean of Spearman's correlation of each row; rows of equal values have none and are left out."""
    from scipy.stats import rankdata

    ranks = [rankdata(values, axis=1) for values in (expected, actual)]
    one, other = (values - values.mean(axis=1, keepdims=True) for values in ranks)
    size = np.sqrt(np.square(one).sum(axis=1) * np.square(other).sum(axis=1))
    shaped = size > 0.0
    return float(((one * other).sum(axis=1)[shaped] / size[shaped]).mean()) if shaped.any() else float("nan")
