"""Paths around any point forecast: what it missed on past days, whole days at a time.

One rule: an error is what a forecast missed of what came, from the step it was made at to the end of the look-ahead;
nothing but errors of the training window is drawn.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from energy_gym.arrays import Floats, Ints
from energy_gym.data.feed import Feed
from energy_gym.data.validation import check_whole
from energy_gym.errors import ConfigurationError
from energy_gym.forecast.fitted import Fitted
from energy_gym.forecast.probabilistic.errors import LEAST_DAYS, PastErrors, lag_of_latest
from energy_gym.forecast.probabilistic.maker import AroundPoint
from energy_gym.forecast.registry import get_forecast
from energy_gym.forecast.rows import Forecast, steps_per_day

LEARNT_SHARE = 2.0 / 3.0
"""Of a forecaster that learns, errors are those on the last third of the training window, learnt on what is before."""


@dataclass(eq=False)
class Residual(AroundPoint):
    """Any point forecast, and what it missed at the same time of day on days of the training window.

    Days are of the same kind (Monday, Tuesday to Friday, Saturday, Sunday) where there are 20 of it. What the forecast
    missed of the latest value that is known moves a day's errors by as much as it did in training, by least squares for
    each hour and lead.

    Args:
        forecast: The point forecast, by name or as an object.
        days: Days of errors at most, the newest of the training window.
        carry: Whether what was missed last moves what is missed next.

    Raises:
        ConfigurationError: Fewer than 20 days.

    Example:
        >>> from energy_gym.data.feed import open_feed
        >>> maker = Residual(forecast="yesterday").fit(open_feed("ercot-2021-2022", None, "train"))
        >>> paths = maker.scenarios(9000, 20, 24)["price_per_mwh"]
        >>> paths.shape, len(set(paths[:, 0].tolist()))
        ((20, 24), 1)
    """

    name: ClassVar[str] = "residual"

    days: int = 400
    carry: bool = True
    _kept: dict[int, PastErrors] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        get_forecast(self.forecast)
        check_whole("days", self.days)
        if not isinstance(self.carry, bool):
            raise ConfigurationError(f"carry={self.carry!r}", "must be true or false", "leave it out for True")
        if self.days < LEAST_DAYS:
            raise ConfigurationError(f"days={self.days}", f"must be at least {LEAST_DAYS}", "leave it out for 400")

    def _learn(self) -> None:
        super()._learn()
        self._kept = {}

    def _drawn(self, random: np.random.Generator, t: int, n: int, horizon: int) -> dict[str, Floats]:
        errors = self._errors(horizon)
        apart = max(horizon, steps_per_day(self.feed))
        among = errors.origins(*self._rows.kind(t), t + self._behind(), apart)
        chosen = self._chosen(random, errors, among, t, n, horizon)
        return {
            column: self._rows.row(column, t, horizon) + errors.errors(column, chosen, self._latest(column, t, horizon))
            for column in self._columns
        }

    def _chosen(
        self, random: np.random.Generator, errors: PastErrors, among: Ints, t: int, n: int, horizon: int
    ) -> Ints:
        """Return the rows of which the errors are drawn, shape (n,)."""
        return _drawn_evenly(random, among, n)

    def _errors(self, horizon: int) -> PastErrors:
        """Return what the forecast missed in the training window; they are worked out once for a horizon."""
        if horizon not in self._kept:
            feed = self.trained
            forecast, first = honest(get_forecast(self.forecast), feed)
            first = max(first, feed.stop - horizon + 1 - self.days * steps_per_day(feed))
            self._kept[horizon] = PastErrors.of(forecast, feed, self._columns, first, horizon)
        return self._kept[horizon]

    def _latest(self, column: str, t: int, horizon: int) -> float | None:
        """Return what the row before a step missed of the latest value known at it; None where there is none."""
        lag = lag_of_latest(self.feed, column)
        if not self.carry or lag is None or lag >= horizon or t == 0:
            return None
        return float(self.feed.values[column][t - 1 + lag] - self._rows.row(column, t - 1, horizon)[lag])


def honest(forecast: Forecast, feed: Feed) -> tuple[Forecast, int]:
    """Return a forecast and the first step of a window from which on its errors say what later ones will be.

    One that learns has learnt from what lies before. On the first day of the data a forecast has nothing to go by.
    """
    if not isinstance(forecast, Fitted):
        return forecast, max(feed.first, steps_per_day(feed))
    first = feed.first + round(LEARNT_SHARE * (feed.stop - feed.first))
    return copy.deepcopy(forecast).fit(replace(feed, stop=first)), first


def _drawn_evenly(random: np.random.Generator, among: Ints, n: int) -> Ints:
    """Return so many of some, each as often as any other."""
    rounds = -(-n // len(among))
    return np.concatenate([random.permutation(among) for _ in range(rounds)])[:n]
