"""Wall-clock time of a zone: local calendar figures of moments, and labels that hold for whole steps.

One rule: clock changes are right to the second; where a label would change inside a step, that is an error, no guess.
"""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Flags, Ints
from energy_gym.conversions import MINUTES_PER_HOUR, SECONDS_PER_DAY, SECONDS_PER_MINUTE
from energy_gym.errors import ConfigurationError, NaiveIndexError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, slots=True)
class LocalTimes:
    """Wall-clock times of a zone as whole seconds, shape (T,), dtype ``datetime64[s]``.

    Example:
        >>> import pandas as pd
        >>> local = LocalTimes.of(pd.DatetimeIndex(["2024-07-01 22:30"], tz="UTC"), "Europe/Berlin")
        >>> local.month, local.weekday, local.second / 3600
        (array([7]), array([1]), array([0.5]))
    """

    stamps: npt.NDArray[np.datetime64]

    @classmethod
    def of(cls, times: pd.DatetimeIndex, zone: str) -> LocalTimes:
        """Convert moments to the wall clock of a zone.

        Args:
            times: Moments with a time zone, shape (T,).
            zone: Time zone, such as ``"Europe/Berlin"``.

        Raises:
            NaiveIndexError: The times have no time zone.
            ConfigurationError: The zone is not known.
        """
        if getattr(times, "tz", None) is None:
            raise NaiveIndexError("times", "need a time zone", "localise them, for example to UTC")
        try:
            local = times.tz_convert(zone)
        except (KeyError, ValueError, TypeError) as error:
            raise unknown_zone(zone) from error
        return cls(local.tz_localize(None).to_numpy().astype("datetime64[s]"))

    @property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """Local dates (T,), dtype ``datetime64[D]``."""
        return self.stamps.astype("datetime64[D]")

    @property
    def second(self) -> Ints:
        """Seconds of the wall clock since 00:00 (T,)."""
        return (self.stamps - self.dates).astype(np.int64)

    @property
    def weekday(self) -> Ints:
        """Days of the week (T,), Monday 0."""
        return (self.dates.astype(np.int64) + 3) % 7

    @property
    def month(self) -> Ints:
        """Months of the year (T,), January 1."""
        return self.stamps.astype("datetime64[M]").astype(np.int64) % 12 + 1

    @property
    def day(self) -> Ints:
        """Days of the month (T,), from 1."""
        return (self.dates - self.stamps.astype("datetime64[M]")).astype(np.int64) + 1

    def on(self, holidays: Iterable[str]) -> Flags:
        """Tell which times fall on a holiday (T,), given as ``"2024-12-25"`` (once) or ``"12-25"`` (every year)."""
        days = tuple(holidays)
        once = np.array([day for day in days if len(day) > 5], dtype="datetime64[D]")
        yearly = [int(day[:2]) * 100 + int(day[3:]) for day in days if len(day) == 5]
        return np.isin(self.dates, once) | np.isin(self.month * 100 + self.day, yearly)


def check_zone(zone: str | None) -> None:
    """Raise if a table's zone is neither None nor the name of a time zone.

    Raises:
        ConfigurationError: It is neither; the nearest name is suggested.
    """
    if zone is None:
        return
    try:
        zoneinfo.ZoneInfo(zone)
    except (KeyError, ValueError, TypeError, OSError, AttributeError) as error:
        raise unknown_zone(zone) from error


def unknown_zone(zone: object) -> ConfigurationError:
    """Return the error for a time zone that is not known."""
    near = difflib.get_close_matches(str(zone), zoneinfo.available_timezones(), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "write it like 'Europe/Berlin' or 'UTC'"
    return ConfigurationError(f"zone={zone!r}", "is no known time zone", hint)


def hour_text(second: int) -> str:
    """Return a second of the day as a wall-clock time; the end of the day is 24:00.

    Example:
        >>> hour_text(48600)
        '13:30'
    """
    hours, minutes = divmod(second // SECONDS_PER_MINUTE, MINUTES_PER_HOUR)
    return f"{hours:02d}:{minutes:02d}"


def by_step(
    times: pd.DatetimeIndex,
    zone: str,
    edges: Iterable[int],
    label: Callable[[LocalTimes], npt.NDArray[Any]],
) -> npt.NDArray[Any]:
    """Label each step by the local time of its start, and prove that the label holds until its end.

    Args:
        times: Starts of the steps, shape (T,); a step lasts until the next start, the last as long as the one before.
        zone: Time zone of the edges.
        edges: Seconds of the local day at which a label may change; midnight always is one.
        label: Gives labels of shape (..., T) for T local times.

    Returns:
        The labels, shape (..., T).

    Raises:
        ConfigurationError: A label changes inside a step.
        NaiveIndexError: The times have no time zone.
    """
    local = LocalTimes.of(times, zone)
    labels = label(local)
    steps, offsets = _inside(times, local, zone, sorted({0, *edges}))
    if len(steps):
        probe = LocalTimes.of(times[steps] + offsets.astype("timedelta64[s]"), zone)
        differs = label(probe) != labels[..., steps]
        hits = np.flatnonzero(differs.reshape(-1, len(steps)).any(axis=0))
        if len(hits):
            raise _divided(local, probe, int(steps[hits[0]]), int(hits[0]), zone)
    return labels


def _inside(times: pd.DatetimeIndex, local: LocalTimes, zone: str, edges: Sequence[int]) -> tuple[Ints, Ints]:
    """Return step numbers and seconds into the step (N,) of all moments at which a label may have changed."""
    utc = times.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    if len(utc) < 2:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    width = np.diff(utc, append=2 * utc[-1] - utc[-2])
    after = LocalTimes.of(times + width.astype("timedelta64[s]"), zone).stamps.astype(np.int64)
    # Where the clock is changed during a step, its edges are not where the wall clock of the start puts them.
    changed = np.flatnonzero(after - local.stamps.astype(np.int64) != width)
    found = [
        (step, second)
        for step in changed
        for second in range(-int(utc[step]) % SECONDS_PER_MINUTE, int(width[step]), SECONDS_PER_MINUTE)
    ]
    pairs = [np.array(found, dtype=np.int64).reshape(-1, 2)]
    for edge in edges:
        for days in range(0, int(width.max()), SECONDS_PER_DAY):
            offset = (edge - local.second) % SECONDS_PER_DAY + days
            steps = np.flatnonzero((offset > 0) & (offset < width))
            pairs.append(np.stack([steps, offset[steps]], axis=1))
    both = np.concatenate(pairs)
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    return both[:, 0], both[:, 1]


def _divided(local: LocalTimes, probe: LocalTimes, step: int, hit: int, zone: str) -> ConfigurationError:
    edge = str(probe.stamps[hit]).replace("T", " ")
    start = str(local.stamps[step]).replace("T", " ")
    return ConfigurationError(
        f"the edge at {edge} ({zone})",
        f"falls inside step {step}, which starts at {start}",
        "use steps that end at the edges, or move the edge",
    )
