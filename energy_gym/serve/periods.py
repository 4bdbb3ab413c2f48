"""Moments as they are asked for; its one rule: one without an offset is refused, never guessed."""

from __future__ import annotations

from datetime import MAXYEAR, date, datetime

import pandas as pd

from energy_gym.serve.admission import RefusalError
from energy_gym.serve.midnights import midnight

# What pandas raises of a moment beyond the years that it knows.
CALENDAR = (ValueError, OverflowError, NotImplementedError)


def period(since: datetime, until: datetime, *names: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return two moments in UTC.

    Args:
        since: The first.
        until: The second.
        names: Where they stand in the request.

    Raises:
        RefusalError: One has no offset, or lies outside the calendar.
    """
    where = names or ("query.since", "query.until")
    for name, moment in zip(where, (since, until), strict=False):
        if moment.tzinfo is None:
            raise RefusalError(422, name, "must have an offset", "write 2024-01-01T00:00:00Z")
    try:
        return pd.Timestamp(since).tz_convert("UTC"), pd.Timestamp(until).tz_convert("UTC")
    except CALENDAR as error:
        rule = f"is no moment that is known ({error})"
        raise RefusalError(422, where[0], rule, "write a year from 1900") from error


def local_day(day: date, zone: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first moment of a day in a zone, and that of the next [UTC].

    Raises:
        RefusalError: It lies outside the calendar.

    Example:
        >>> [f"{moment:%d %H:%M}" for moment in local_day(date(2024, 3, 31), "Europe/Berlin")]
        ['30 23:00', '31 22:00']
    """
    try:
        midnights = (pd.Timestamp(day), pd.Timestamp(day) + pd.Timedelta(days=1))
        if midnights[1].year > MAXYEAR:
            raise OverflowError("it is the last of the calendar")
        return midnight(midnights[0], zone), midnight(midnights[1], zone)
    except CALENDAR as error:
        raise RefusalError(422, "path.day", f"is no day that is known ({error})", "write 2024-01-31") from error
