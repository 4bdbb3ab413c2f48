"""What has just happened: the last values of a series that are known at a step.

One rule: a value counts as known exactly when its publication says so. The last one is that of the running step where
it is known as the step begins, and that of the step before where it is known once its step is over.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.columns import PRICES
from energy_gym.data.feed import FORECAST_PREFIX, Feed
from energy_gym.data.validation import is_whole
from energy_gym.errors import ConfigurationError
from energy_gym.forecast.publication import known_until

REAL_TIME_STEPS = 12
"""Known values of a real-time price that are observed where nobody says how many.

On four zones of New York in 2018, prices of the next hour were predicted from the day-ahead price and the last values:
by five minutes the absolute error falls up to twelve of them and no further, by the hour up to about six.
"""


def past_rows(feed: Feed, column: str, first: int, stop: int, steps: int) -> Floats:
    """Return the last known values of a column at the steps ``first`` to ``stop`` (half open), the newest first.

    Before the data begin stands what is expected of the column before anything is known.

    Args:
        feed: The series, and when they become known.
        column: Name of the series.
        first: First step.
        stop: Step after the last; it may be one more than the feed has steps.
        steps: How many values.

    Returns:
        Shape (stop - first, steps), in the column's unit.

    Example:
        >>> from energy_gym.data.feed import open_feed
        >>> feed = open_feed("ercot-2021-2022", None, "test")
        >>> rows = past_rows(feed, "price_per_mwh", 100, 102, 3)
        >>> rows.shape, bool(rows[1, 1] == rows[0, 0] == feed.values["price_per_mwh"][100])
        ((2, 3), True)
    """
    now = np.arange(first, stop, dtype=np.int64)
    known = np.minimum(known_until(feed.published[column], feed, first, stop), now + 1)
    source = np.minimum(known, len(feed))[:, None] - 1 - np.arange(steps, dtype=np.int64)
    rows = feed.values[column][np.maximum(source, 0)]
    rows[source < 0] = feed.expected_before(column)
    return rows


def lag_of(feed: Feed, column: str) -> int:
    """Return how many steps before the running one the last known value lies: 0 or 1."""
    return int(feed.published[column] == "after")


def looked_back_at(feed: Feed, columns: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that have a past worth telling: what a calendar or a table says is known at all times."""
    return tuple(name for name in columns if feed.published[name] != "always")


def is_real_time(feed: Feed, column: str) -> bool:
    """Return whether a column is a real-time price.

    It is posted as its step begins, or known after it while what was believed of it the day before stands beside it.
    """
    if not column.endswith(PRICES):
        return False
    rule, believed = feed.published[column], feed.published.get(FORECAST_PREFIX + column, "")
    return rule == "at-start" or (rule == "after" and believed.startswith("day-ahead"))


def history_steps(feed: Feed, columns: Iterable[str], asked: object) -> int:
    """Return how many known values of each series are observed: as asked for, or the usual number.

    Args:
        feed: The series.
        columns: Those that are observed.
        asked: A number, 0 for none, or None: ``REAL_TIME_STEPS`` where a price is a real-time price, else none.

    Raises:
        ConfigurationError: It is no such number, or more than there are before the first step that is played.
    """
    if asked is None:
        return REAL_TIME_STEPS if any(is_real_time(feed, name) for name in columns) else 0
    if not is_whole(asked) or asked < 0:
        raise ConfigurationError(f"history={asked!r}", "must be a whole number of at least 0", "pass 12, say")
    before = feed.first or feed.stop
    if asked > before:
        where = "before the split" if feed.first else "there are"
        remedy = f"ask for at most {before}, or a later split"
        raise ConfigurationError(f"history={asked}", f"must be at most the {before} steps {where}", remedy)
    return int(asked)
