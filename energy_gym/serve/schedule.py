"""When a runner runs: cron in a zone with both of its daylight-saving days, or every so many seconds.

One rule: a schedule says the next moment after a given one, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from energy_gym.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd


class Schedule(Protocol):
    """Says when something is due."""

    def after(self, moment: pd.Timestamp) -> pd.Timestamp:
        """Return the first moment after another one [UTC]."""


@dataclass(frozen=True)
class Every:
    """Every so many seconds, counted from midnight of 1 January 1970 UTC.

    Example:
        >>> import pandas as pd
        >>> Every(900.0).after(pd.Timestamp("2024-01-01T00:10Z")).isoformat()
        '2024-01-01T00:15:00+00:00'
    """

    seconds: float

    def after(self, moment: pd.Timestamp) -> pd.Timestamp:
        """See `Schedule.after`."""
        import pandas as pd

        count = int(moment.timestamp() / self.seconds + 1e-9) + 1
        return pd.Timestamp(count * self.seconds, unit="s", tz="UTC")


@dataclass(frozen=True)
class Cron:
    """A cron expression of five fields, read on the clock of a zone.

    On the days on which clocks are set, as cron itself does: where minutes or hours are wildcards (``*/15 * * * *``) it
    runs at each of the 92 or 100 quarters of the day; a fixed time (``30 2 * * *``) runs once, as much later as the
    clock was set where that time is skipped, and the first time where it comes twice.

    Args:
        expression: Minute, hour, day of the month, month, day of the week.
        zone: Name of the zone.

    Raises:
        ConfigurationError: It cannot be read, or there is no such zone.

    Example:
        >>> import pandas as pd
        >>> nightly = Cron("30 2 * * *", "Europe/Madrid")
        >>> nightly.after(pd.Timestamp("2024-03-30T12:00Z")).isoformat()
        '2024-03-31T01:30:00+00:00'
    """

    expression: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        from croniter import croniter

        if len(self.expression.split()) != 5 or not croniter.is_valid(self.expression):
            rule = "is no cron expression of five fields"
            raise ConfigurationError(f"schedule={self.expression!r}", rule, 'write "*/15 * * * *"')
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigurationError(f"zone={self.zone!r}", "is no time zone", "write Europe/Madrid") from error

    def after(self, moment: pd.Timestamp) -> pd.Timestamp:
        """See `Schedule.after`."""
        minute, hour, *_ = self.expression.split()
        return self._wildcard(moment) if "*" in minute + hour else self._fixed(moment)

    def _wildcard(self, moment: pd.Timestamp) -> pd.Timestamp:
        """Return the next minute of real time whose clock matches."""
        import pandas as pd

        local = moment.tz_convert(ZoneInfo(self.zone)).to_pydatetime(warn=False)
        return pd.Timestamp(self._next(local)).tz_convert("UTC")

    def _fixed(self, moment: pd.Timestamp) -> pd.Timestamp:
        """Return the next time of the clock, taken once where it comes twice and later where it is skipped."""
        import pandas as pd

        zone = ZoneInfo(self.zone)
        local = moment.tz_convert(zone).to_pydatetime(warn=False).replace(tzinfo=None)
        found = moment
        while not found > moment:
            local = self._next(local)
            found = pd.Timestamp(local.replace(tzinfo=zone).astimezone(ZoneInfo("UTC")))
        return found

    def _next(self, local: Any) -> Any:
        import datetime

        from croniter import croniter

        return croniter(self.expression, local).get_next(datetime.datetime)
