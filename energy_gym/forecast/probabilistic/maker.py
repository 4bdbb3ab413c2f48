"""What every maker of paths shares: where it learns, what it is asked about, and that what is known stays as it is.

One rule: a maker learns from the window it is given, and nothing after it; a path reads nothing that was not known.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.feed import FORECAST_PREFIX, Feed
from energy_gym.data.validation import check_whole
from energy_gym.errors import ConfigurationError, ResetNeededError
from energy_gym.forecast.fitted import Fitted
from energy_gym.forecast.probabilistic.protocol import check_asked, checked
from energy_gym.forecast.probabilistic.rows import Rows
from energy_gym.forecast.registry import get_forecast
from energy_gym.forecast.rows import Forecast, Published


@dataclass(eq=False)
class Maker(ABC):
    """A maker of paths: ``fit`` it to a training window, ask it for ``scenarios``.

    Args:
        seed: Seed of what is drawn.
    """

    name: ClassVar[str]

    seed: int = 0
    _trained: Feed | None = field(default=None, init=False, repr=False)
    _feed: Feed | None = field(default=None, init=False, repr=False)
    _columns: tuple[str, ...] = field(default=(), init=False, repr=False)
    _floored: frozenset[str] = field(default=frozenset(), init=False, repr=False)

    def __post_init__(self) -> None:
        """Raise ConfigurationError where a setting is none; makers with settings of their own add to it."""
        check_whole("seed", self.seed, least=0)

    @abstractmethod
    def _learn(self) -> None:
        """Forget what was learnt, and get ready to learn from ``trained``."""

    @abstractmethod
    def _drawn(self, random: np.random.Generator, t: int, n: int, horizon: int) -> dict[str, Floats]:
        """Return paths by column, shape (n, horizon); what is known is written over them afterwards."""

    def fit(self, feed: Feed, columns: Sequence[str] = ()) -> Self:
        """Learn from the window of a feed (``feed.first`` to ``feed.stop``), and be asked about that feed.

        Args:
            feed: The series; nothing after its window is read.
            columns: The columns that have paths; all but forecasts where none is named.

        Raises:
            MissingColumnError: The feed does not have a column.
            ConfigurationError: The window is too short.
        """
        self._columns = tuple(columns) or own_columns(feed)
        for column in self._columns:
            feed.require(column, f"scenarios of {self.name!r}")
        self._trained = cut(feed)
        self._floored = never_negative(self._trained, self._columns)
        self._learn()
        return self.on(feed)

    def on(self, feed: Feed) -> Self:
        """Be asked about another feed of the same columns and steps, such as the test year.

        Raises:
            MissingColumnError: The feed does not have a column.
            ConfigurationError: Its steps are of another length.
        """
        for column in self._columns:
            feed.require(column, f"scenarios of {self.name!r}, which learnt from it")
        if feed.step_hours != self.trained.step_hours:
            found = f"{self.name} on steps of {feed.step_hours:g} h"
            rule = f"it learnt from steps of {self.trained.step_hours:g} h"
            raise ConfigurationError(found, rule, "fit it on data of the same resolution")
        self._feed = feed
        self._bind()
        return self

    def _bind(self) -> None:
        """Get ready for the feed that is asked about."""
        self._rows = Rows(self.point, self.feed)

    @property
    def point(self) -> Forecast:
        """The point forecast that paths are told about."""
        return Published()

    @property
    def feed(self) -> Feed:
        """The feed that is asked about."""
        if self._feed is None:
            raise ResetNeededError(f"scenarios of {self.name!r}", "are not fitted to any data", "call fit() first")
        return self._feed

    @property
    def trained(self) -> Feed:
        """What was learnt from, without what came after it."""
        if self._trained is None:
            raise ResetNeededError(f"scenarios of {self.name!r}", "are not fitted to any data", "call fit() first")
        return self._trained

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that have paths."""
        return self._columns

    def scenarios(self, t: int, n: int, horizon: int) -> dict[str, Floats]:
        """See `Scenarios.scenarios`.

        Raises:
            ResetNeededError: It was not fitted.
            ConfigurationError: ``n`` or ``horizon`` is no whole number of at least 1.
            DataError: The training window is too short.
            WindowError: The paths would reach outside the data.
        """
        check_asked(self.feed, t, n, horizon)
        drawn = self._drawn(np.random.default_rng([self.seed, t, n]), t, n, horizon)
        return settled(checked(drawn, self.name, self._columns, n, horizon), self._rows, self._floored, t)

    def _behind(self) -> int:
        """Return how many steps the training data begin before those that are asked about."""
        step = self.feed.times[1] - self.feed.times[0]
        return round((self.feed.times[0] - self.trained.times[0]) / step)


@dataclass(eq=False)
class AroundPoint(Maker):
    """A maker of paths around a point forecast of the user's choice.

    Args:
        forecast: The point forecast, by name or as an object.
    """

    forecast: str | Forecast = "published"
    _point: Forecast | None = field(default=None, init=False, repr=False)

    @property
    def point(self) -> Forecast:
        """The point forecast; one that learns has learnt from the training window."""
        return get_forecast(self.forecast) if self._point is None else self._point

    def _learn(self) -> None:
        chosen = get_forecast(self.forecast)
        self._point = copy.deepcopy(chosen).fit(self.trained) if isinstance(chosen, Fitted) else chosen


def settled(paths: dict[str, Floats], rows: Rows, floored: frozenset[str], t: int) -> dict[str, Floats]:
    """Write over paths what is known at a step, and keep columns at or above zero that cannot be below it."""
    for column, values in paths.items():
        if column in floored:
            np.maximum(values, 0.0, out=values)
        stop = min(rows.known(column, t), t + values.shape[1])
        if stop > t:
            values[:, : stop - t] = rows.feed.values[column][t:stop]
    return paths


def own_columns(feed: Feed) -> tuple[str, ...]:
    """Return the columns of a feed that are no forecasts of others."""
    return tuple(name for name in feed.values if name.removeprefix(FORECAST_PREFIX) not in set(feed.values) - {name})


def never_negative(feed: Feed, columns: Sequence[str]) -> frozenset[str]:
    """Return the columns that are nowhere below zero in the window of a feed."""
    window = slice(feed.first, feed.stop)
    return frozenset(name for name in columns if feed.values[name][window].min() >= 0.0)


def cut(feed: Feed) -> Feed:
    """Return a feed without what comes after its window."""
    values = {name: series[: feed.stop] for name, series in feed.values.items()}
    issued = {name: rows[: feed.stop] for name, rows in feed.issued.items()}
    return replace(feed, values=values, issued=issued, times=feed.times[: feed.stop], filled=feed.filled[: feed.stop])
