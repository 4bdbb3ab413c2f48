"""Paths from the most similar past days: how days that began like this one went on.

One rule: days are compared by nothing but what was known of each at its own step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from energy_gym.arrays import Floats, Ints
from energy_gym.data.validation import check_whole
from energy_gym.errors import ConfigurationError
from energy_gym.forecast.probabilistic.errors import LEAST_DAYS, PastErrors, lag_of_latest
from energy_gym.forecast.probabilistic.residual import Residual
from energy_gym.forecast.rows import steps_per_day

DAYS_OF_YEAR = 365.25
SEASON = 0.3
"""How much half a year apart counts beside a column that differs by its standard deviation."""


@dataclass(eq=False)
class Analog(Residual):
    """The days of the training window that were most like today, and what came of them beside what was expected.

    Days are compared, at the same time of day, by the last 24 h that are known of each column, by what was expected of
    the coming steps, and by the season; each column counts alike, in units of its spread. The nearer of the chosen days
    is drawn more often. Its errors are added to what is expected now, as `Residual` does it.

    Args:
        alike: How many days are chosen.

    Raises:
        ConfigurationError: Fewer than two.

    Example:
        >>> from energy_gym.data.feed import open_feed
        >>> maker = Analog(alike=30).fit(open_feed("commercial", None, "train"))
        >>> maker.scenarios(30000, 20, 96)["pv_kw"].shape
        (20, 96)
    """

    name: ClassVar[str] = "analog"

    alike: int = 40
    _spread: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _season: Floats = field(default_factory=lambda: np.zeros(0), init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("alike", self.alike)
        if self.alike < 2:
            raise ConfigurationError(f"alike={self.alike}", "must be at least 2", f"leave it out for {2 * LEAST_DAYS}")

    def _learn(self) -> None:
        super()._learn()
        feed, window = self.trained, slice(self.trained.first, self.trained.stop)
        self._spread = {name: float(feed.values[name][window].std()) for name in self._columns}
        self._season = np.asarray(feed.times.day_of_year, dtype=np.float64)

    def _chosen(
        self, random: np.random.Generator, errors: PastErrors, among: Ints, t: int, n: int, horizon: int
    ) -> Ints:
        day = steps_per_day(self.feed)
        among = among[among + errors.first >= day]
        if t < day:
            return super()._chosen(random, errors, among, t, n, horizon)
        apart = self._apart_in_season(t, among + errors.first)
        for column in self._columns:
            apart = apart + self._apart(errors, column, among, t, horizon)
        return random.permutation(_drawn_near(random, among, apart, self.alike, n))

    def _apart_in_season(self, t: int, steps: Ints) -> Floats:
        gap = np.abs(self._season[steps] - float(self.feed.times[t].day_of_year))
        gap = np.minimum(gap, DAYS_OF_YEAR - gap) / (DAYS_OF_YEAR / 2.0)
        return np.asarray(SEASON * len(self._columns) * np.square(gap))

    def _apart(self, errors: PastErrors, column: str, among: Ints, t: int, horizon: int) -> Floats:
        """Return how far past steps are from this one by a column, mean squares in units of its variance."""
        trained, now, day = self.trained.values[column], self.feed.values[column], steps_per_day(self.feed)
        if self._spread[column] == 0.0:
            return np.zeros(len(among))
        lag = lag_of_latest(self.feed, column) or 0
        steps = among + errors.first
        came = np.lib.stride_tricks.sliding_window_view(trained, horizon)[steps]
        expected = came - errors.missed[column][among] - self._rows.row(column, t, horizon)
        before = (
            np.lib.stride_tricks.sliding_window_view(trained, day)[steps - day + lag] - now[t - day + lag : t + lag]
        )
        total = np.square(expected).mean(axis=1) + np.square(before).mean(axis=1)
        return np.asarray(total / self._spread[column] ** 2)


def _drawn_near(random: np.random.Generator, among: Ints, apart: Floats, alike: int, n: int) -> Ints:
    """Return so many of the nearest; one at the median of their distances is drawn a third as often as the nearest."""
    order = np.argsort(apart, kind="stable")[:alike]
    beyond = apart[order] - apart[order[0]]
    middle = float(np.median(beyond))
    weights = np.exp(-beyond / middle) if middle > 0.0 else np.ones(len(order))
    shares = np.cumsum(weights) / weights.sum()
    places = np.searchsorted(shares, (np.arange(n) + random.random()) / n)
    return among[order][np.minimum(places, len(order) - 1)]
