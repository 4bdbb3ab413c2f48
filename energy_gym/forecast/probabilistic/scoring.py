"""How good paths are: whether they lie where things came to lie, and whether they are as wide as they should be.

One rule: what was known when paths were made counts in no figure, and neither does what is beyond the end of the split.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from energy_gym.arrays import Flags, Floats, Ints
from energy_gym.data.feed import Feed
from energy_gym.errors import ConfigurationError, MissingExtraError
from energy_gym.forecast.probabilistic.protocol import Scenarios, checked
from energy_gym.forecast.publication import known_until
from energy_gym.forecast.rows import steps_per_day

BANDS = (0.5, 0.8, 0.95)
PIT_BINS = 10
MOST_ORIGINS = 300


@dataclass(frozen=True)
class Quality:
    """Figures of paths of one column over what was not known when they were made.

    Args:
        crps: Mean continuous ranked probability score [unit of the column]: of a single path it is the absolute error.
        mae: Mean absolute error of the median of the paths [unit of the column].
        coverage: Share of values within the band that is to hold 50, 80 and 95 % of them.
        width: Mean width of these bands [unit of the column].
        pit: Share of values in each tenth of their paths, lowest first; 0.1 each where paths are right.
    """

    crps: float
    mae: float
    coverage: tuple[float, ...]
    width: tuple[float, ...]
    pit: tuple[float, ...]


@dataclass(frozen=True)
class Scored:
    """What paths of a feed are worth.

    Args:
        columns: The figures of each column of which something was not known.
        energy: Mean energy score of whole paths of all these columns together, each value in units of its column's
            scale, over the root of the number of values [1]; unlike CRPS it sees whether paths hang together.
        origins: Steps at which paths were made.
    """

    columns: Mapping[str, Quality]
    energy: float
    origins: int


def score_scenarios(maker: Scenarios, feed: Feed, columns: tuple[str, ...], n: int = 50, horizon: int = 24) -> Scored:
    """Compare paths with what came, over the split of a feed.

    Paths are made at up to 300 steps, spread evenly over the split and over the times of day.

    Args:
        maker: What makes paths.
        feed: Series and split.
        columns: The columns that are judged.
        n: Paths made at each step, at least 2.
        horizon: Steps looked ahead.

    Raises:
        ConfigurationError: Fewer than two paths, or a split that is shorter than the horizon.
        MissingExtraError: The library of scores is not installed.

    Source:
        Gneiting and Raftery, Strictly proper scoring rules, prediction, and estimation, JASA 102 (2007); the
        estimators that are unbiased in the number of paths, as `scoringrules` has them.

    Example:
        >>> from energy_gym.data.feed import open_feed
        >>> from energy_gym.forecast import make_scenarios
        >>> feed = open_feed("commercial", None, "validation")
        >>> found = score_scenarios(make_scenarios("residual", feed), feed, ("load_kw",), horizon=8)
        >>> found.columns["load_kw"].crps < found.columns["load_kw"].mae
        True
    """
    if n < 2:
        raise ConfigurationError(f"n={n}", "must be at least 2: a single path has no spread", "pass n=50")
    origins = _origins(feed, horizon)
    library, came, paths, open_ = _library(), {}, {}, {}
    drawn = [checked(maker.scenarios(int(t), n, horizon), "scenarios", columns, n, horizon) for t in origins]
    for column in columns:
        known = known_until(feed.published[column], feed, feed.first, feed.stop)[origins - feed.first]
        ahead = origins[:, None] + np.arange(horizon)
        unknown = ahead >= known[:, None]
        if unknown.any():
            came[column], open_[column] = feed.values[column][ahead], unknown
            paths[column] = np.stack([found[column] for found in drawn])
    figures = {column: _quality(library, came[column], paths[column], open_[column]) for column in came}
    return Scored(figures, _energy(library, feed, came, paths, open_), len(origins))


def _origins(feed: Feed, horizon: int) -> Ints:
    """Return steps of a split, evenly spread, that fall on all times of day in turn."""
    last = feed.stop - horizon
    if last < feed.first:
        raise ConfigurationError(
            f"horizon={horizon}", f"is longer than the split, {feed.stop - feed.first} steps", "look less far ahead"
        )
    apart, day = max((last - feed.first) // MOST_ORIGINS, 1), steps_per_day(feed)
    while math.gcd(apart, day) > 1:
        apart += 1
    return np.arange(feed.first, last + 1, apart, dtype=np.int64)


def _quality(library: Any, came: Floats, paths: Floats, unknown: Flags) -> Quality:
    """Return the figures of one column.

    Args:
        library: `scoringrules`.
        came: What came, shape (origins, horizon).
        paths: Shape (origins, n, horizon).
        unknown: What counts, shape (origins, horizon).
    """
    actual, drawn = came[unknown], np.moveaxis(paths, 1, -1)[unknown]
    crps = library.crps_ensemble(actual, drawn, estimator="fair", backend="numpy")
    bounds = [np.quantile(drawn, [(1.0 - band) / 2.0, (1.0 + band) / 2.0], axis=1) for band in BANDS]
    return Quality(
        crps=float(np.mean(crps)),
        mae=float(np.abs(np.median(drawn, axis=1) - actual).mean()),
        coverage=tuple(float(((actual >= low) & (actual <= high)).mean()) for low, high in bounds),
        width=tuple(float((high - low).mean()) for low, high in bounds),
        pit=_pit(actual, drawn),
    )


def _pit(actual: Floats, drawn: Floats) -> tuple[float, ...]:
    """Return the share of values in each tenth of their paths; of paths that equal it, a value is evenly spread."""
    below = (drawn < actual[:, None]).sum(axis=1)
    equal = (drawn == actual[:, None]).sum(axis=1)
    places = (below + np.random.default_rng(0).random(len(actual)) * (equal + 1)) / (drawn.shape[1] + 1)
    counts = np.histogram(places, PIT_BINS, (0.0, 1.0))[0]
    return tuple(float(share) for share in counts / len(actual))


def _energy(
    library: Any, feed: Feed, came: Mapping[str, Floats], paths: Mapping[str, Floats], unknown: Mapping[str, Flags]
) -> float:
    """Return the mean energy score of whole paths over all columns, by the root of the number of values."""
    if not came:
        return 0.0
    found = []
    for place in range(len(next(iter(came.values())))):
        scaled = [(values[place] / feed.statistics[name].scale)[unknown[name][place]] for name, values in came.items()]
        drawn = [
            (values[place] / feed.statistics[name].scale)[:, unknown[name][place]] for name, values in paths.items()
        ]
        actual, tried = np.concatenate(scaled), np.concatenate(drawn, axis=1)
        if len(actual):
            score = library.es_ensemble(actual, tried, estimator="fair", backend="numpy")
            found.append(float(score) / np.sqrt(len(actual)))
    return float(np.mean(found))


def _library() -> Any:
    try:
        import scoringrules
    except ImportError as error:
        raise MissingExtraError.of("scoringrules", "scoring") from error
    return scoringrules
