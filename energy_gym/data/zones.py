"""Time zones by name; its one rule: a zone is known by its rules or its offset, never by what an offset is called."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from pathlib import PurePosixPath
from typing import Any

from energy_gym.errors import NaiveIndexError, UnknownIdError

UTC = "UTC"
_OFFSET = re.compile(r"UTC[+-]\d\d:\d\d")
_AS_UTC = {"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu", "GMT", "Etc/GMT"}


def zone_of(tz: Any) -> str:
    """Return the name of a time zone as pandas takes it: IANA's, or ``UTC+HH:MM`` for a fixed offset.

    Raises:
        NaiveIndexError: Neither rules nor offset can be told from it.

    Example:
        >>> zone_of(zoneinfo.ZoneInfo("Europe/Berlin"))
        'Europe/Berlin'
        >>> zone_of(datetime.timezone(datetime.timedelta(hours=10), "EST"))
        'UTC+10:00'
    """
    if isinstance(tz, str):
        return checked_zone(tz)
    fixed = None if _named(tz) else tz.utcoffset(None)
    name = _of_offset(fixed) if fixed is not None else _named(tz) or _from_file(tz)
    if name is None:
        rule = "its rules have no name that another machine would know"
        raise NaiveIndexError(f"time zone {tz!r}", rule, 'name it: frame.tz_convert("Europe/Berlin"), say')
    return UTC if name in _AS_UTC else name


def checked_zone(zone: str) -> str:
    """Return the name of a zone as it is; UTC by whatever name it goes.

    Raises:
        UnknownIdError: It is neither an IANA time zone nor a fixed offset.

    Example:
        >>> checked_zone("Asia/Kolkata"), checked_zone("UTC+05:30"), checked_zone("Etc/UTC")
        ('Asia/Kolkata', 'UTC+05:30', 'UTC')
    """
    if isinstance(zone, str) and _OFFSET.fullmatch(zone):
        return zone
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        near = UnknownIdError.of("time zone", zone, zoneinfo.available_timezones()).remedy.partition(" Known:")[0]
        hint = near if near.startswith("did you mean") else "write it like Europe/Berlin, UTC or UTC+05:30"
        raise UnknownIdError(f"zone={zone!r}", "must be an IANA time zone or an offset", hint) from error
    return UTC if zone in _AS_UTC else zone


def _named(tz: Any) -> str | None:
    """Return the IANA name that zoneinfo and pytz keep with a zone; a fixed offset has none, whatever it is called."""
    if isinstance(tz, datetime.timezone):
        return None
    name = getattr(tz, "key", None) or getattr(tz, "zone", None)
    return name if isinstance(name, str) and _known(name) else None


def _from_file(tz: Any) -> str | None:
    """Return the IANA name in the path of a zone's file, as dateutil keeps it."""
    parts = PurePosixPath(str(getattr(tz, "_filename", ""))).parts
    names = ["/".join(parts[at:]) for at in range(len(parts))]
    return next((name for name in names if _known(name)), None)


def _known(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _of_offset(offset: datetime.timedelta) -> str:
    minutes = round(offset.total_seconds() / 60.0)
    sign = "-" if minutes < 0 else "+"
    return UTC if not minutes else f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
