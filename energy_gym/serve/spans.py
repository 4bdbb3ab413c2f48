"""The stretch of time that a site is looked at as one episode: fixed by its settings, else month after month.

One rule: a span without an end reaches over the month that runs and the one after it, so that what a month's maximum
costs and what is worth keeping for the next are seen whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from energy_gym.errors import ConfigurationError, WindowError
from energy_gym.serve.midnights import midnight
from energy_gym.serve.site_parts import Span


@dataclass(frozen=True)
class Spans:
    """Spans of a site.

    Args:
        step: Length of an interval.
        horizon: Intervals that a plan looks ahead.
        zone: Time zone of the site.
        fixed: The span that the settings give; None: one follows the other.

    Raises:
        ConfigurationError: The span that is given is not a whole number of intervals, or does not begin with one.

    Example:
        >>> spans = Spans(pd.Timedelta("1h"), 24, "Europe/Madrid")
        >>> found = spans.times(*[pd.Timestamp("2024-03-10T12:00Z")] * 2)
        >>> found[0].isoformat(), found[-1].isoformat()
        ('2024-03-10T12:00:00+00:00', '2024-04-30T21:00:00+00:00')
        >>> spans.lasts(found, pd.Timestamp("2024-04-30T00:00Z"))
        False
    """

    step: pd.Timedelta
    horizon: int
    zone: str
    fixed: Span | None = None

    def __post_init__(self) -> None:
        if self.fixed is not None:
            since, until = self._ends(self.fixed)
            if since.floor(self.step) != since or until.floor(self.step) != until or until - since < 2 * self.step:
                found = f"span {since.isoformat()} to {until.isoformat()}"
                rule = f"must be intervals of {self.step.total_seconds() / 60:g} min, two or more"
                raise ConfigurationError(found, rule, "let both ends be starts of intervals")

    def lasts(self, times: pd.DatetimeIndex, moment: pd.Timestamp) -> bool:
        """Return whether a span goes on at a moment: enough is left of it for a plan, or it is the one given."""
        return self.fixed is not None or moment + self.horizon * self.step <= times[-1] + self.step

    def times(self, start: pd.Timestamp, moment: pd.Timestamp) -> pd.DatetimeIndex:
        """Return the starts of the intervals of the span that holds at a moment [UTC].

        Args:
            start: The interval that the site stands at, of those kept.
            moment: The one that is planned for.

        Raises:
            WindowError: The span that is given does not hold both.
        """
        if self.fixed is None:
            return pd.date_range(start, self._month_after(moment), freq=self.step, inclusive="left")
        since, until = self._ends(self.fixed)
        if not since <= start <= moment < until:
            found = f"{moment.isoformat()}, from {start.isoformat()} on"
            rule = f"lies outside the span, {since.isoformat()} to {until.isoformat()}"
            raise WindowError(found, rule, "give the site another span, or none")
        return pd.date_range(since, until, freq=self.step, inclusive="left")

    def _month_after(self, moment: pd.Timestamp) -> pd.Timestamp:
        """Return the end of the local month after that of a moment, at the start of an interval [UTC]."""
        local = moment.tz_convert(self.zone).tz_localize(None)
        return midnight(local.normalize().replace(day=1) + pd.DateOffset(months=2), self.zone).ceil(self.step)

    @staticmethod
    def _ends(span: Span) -> tuple[pd.Timestamp, pd.Timestamp]:
        return pd.Timestamp(span.since).tz_convert("UTC"), pd.Timestamp(span.until).tz_convert("UTC")
