"""Gate closures over an index: what is decided at each step, and for which; one rule: the schedule alone says so.

Steps are rows of a regular UTC index. A gate falls due at the step that starts at its deadline, or else at the last
step that starts before it. What a deadline commits is cut to the index where the index ends first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from energy_gym.contracts.market import LocalDay, Market
from energy_gym.errors import ConfigurationError, IrregularIndexError, NaiveIndexError

Steps = npt.NDArray[np.int64]
_MINUTE = pd.Timedelta(minutes=1)
_EVERY = "*"


@dataclass(frozen=True)
class Gates:
    """The gates of a market over an index of n steps.

    Args:
        market: The market.
        first: First step that the gate due at a step commits, shape (n,); -1 where none is due.
        count: How many steps it commits, from the first, shape (n,); 0 where none is due.
        decided: Step at which what is delivered in a step was decided, shape (n,); -1 where it never was.
        slot_steps: Steps in a slot.

    Example:
        >>> from energy_gym.contracts.market_presets import eu_day_ahead
        >>> index = pd.date_range("2024-10-26", periods=72, freq="h", tz="UTC")
        >>> gates = derive(eu_day_ahead("Europe/Copenhagen"), index)
        >>> due = gates.due.nonzero()[0]
        >>> due.tolist(), gates.first[due].tolist(), gates.count[due].tolist()
        ([10, 35, 59], [22, 47, 71], [25, 24, 1])
    """

    market: Market
    first: Steps
    count: Steps
    decided: Steps
    slot_steps: int

    @property
    def due(self) -> npt.NDArray[np.bool_]:
        """Where a gate falls due, shape (n,)."""
        return self.count > 0

    @property
    def most_slots(self) -> int:
        """The largest number of slots that one gate commits; the size of its part of an action."""
        return int(-(-self.count.max() // self.slot_steps))

    def steps_to_gate(self) -> Steps:
        """Steps from each step to the next one with a gate (0: now), shape (n,); n where none follows."""
        size = len(self.count)
        steps = np.where(self.due, np.arange(size), 2 * size)
        following: Steps = np.minimum.accumulate(steps[::-1])[::-1]
        return np.where(following < size, following - np.arange(size), size)

    def open(self, step_minutes: float) -> npt.NDArray[np.bool_]:
        """Where the bidding window is open, shape (n,); without a window, wherever a gate is still to come."""
        to_gate = self.steps_to_gate()
        ahead = np.asarray(to_gate < len(to_gate))
        window = self.market.window_minutes
        return ahead & (to_gate * step_minutes <= window) if window else ahead


def derive(market: Market, index: pd.DatetimeIndex) -> Gates:
    """Work out the gates of a market over a regular index.

    Args:
        market: Its schedule.
        index: Regular index with a time zone, shape (n,), n at least 2.

    Raises:
        NaiveIndexError: The index has no time zone.
        IrregularIndexError: The index does not rise in equal steps.
        ConfigurationError: Slots are not multiples of the step or do not start on one, deliveries overlap, a gate comes
            after its delivery, or no gate of the index delivers into it.
    """
    utc, step = _regular(index)
    slot_steps = _slot_steps(market, step)
    closing = deadlines(market, utc[0], utc[-1] + step)
    starts, stops = _deliveries(market, closing)
    _check_order(market, closing, starts, stops)
    first, stop = _on_steps(market, starts, utc[0], step), _on_steps(market, stops, utc[0], step)
    if ((stop - first) % slot_steps).any():
        raise _fault(market, "a delivery is not a whole number of slots", "choose slots that divide it")
    at = np.asarray((closing - utc[0]) // step, dtype=np.int64)
    kept = first < len(utc)
    return _filled(market, len(utc), at[kept], first[kept], np.minimum(stop[kept], len(utc)), slot_steps)


def deadlines(market: Market, first: pd.Timestamp, stop: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the gate closures from ``first`` until before ``stop``, in UTC.

    Example:
        >>> from energy_gym.contracts.market_presets import eu_day_ahead
        >>> moments = pd.Timestamp("2024-03-30", tz="UTC"), pd.Timestamp("2024-04-01", tz="UTC")
        >>> [f"{moment:%d %H:%M}" for moment in deadlines(eu_day_ahead(), *moments)]
        ['30 11:00', '31 10:00']
    """
    zone = market.zone
    days = pd.date_range(
        (first.tz_convert(zone) - pd.Timedelta(days=1)).tz_localize(None).normalize(),
        (stop.tz_convert(zone) + pd.Timedelta(days=1)).tz_localize(None).normalize(),
        freq="D",
    )
    wall, real_time = _wall_times(market.deadline, days)
    moments = wall.tz_localize(zone, ambiguous=np.ones(len(wall), dtype=bool), nonexistent=_skip(real_time))
    if real_time:
        again = wall.tz_localize(zone, ambiguous=np.zeros(len(wall), dtype=bool), nonexistent="NaT")
        moments = moments.append(again).dropna()
    utc = moments.tz_convert("UTC").as_unit("ns").unique().sort_values()
    return utc[(utc >= first) & (utc < stop)]


def _skip(real_time: bool) -> str:
    """A local time that the spring change skips: nothing in real time, the moment of the change otherwise."""
    return "NaT" if real_time else "shift_forward"


def _wall_times(expression: str, days: pd.DatetimeIndex) -> tuple[pd.DatetimeIndex, bool]:
    """Return the naive local times of a cron expression on some days, and whether its hours follow real time."""
    from croniter import croniter

    fields, _ = croniter.expand(expression)
    minutes, hours = (_numbers(entry, stop) for entry, stop in zip(fields[:2], (60, 24), strict=True))
    clock = np.add.outer(hours * 60, minutes).ravel()
    chosen = days[_chosen_days(fields[2], fields[3], fields[4], days)]
    wall = np.add.outer(chosen.to_numpy(dtype="datetime64[m]"), clock.astype("timedelta64[m]")).ravel()
    return pd.DatetimeIndex(wall), expression.split()[1].startswith(_EVERY)


def _numbers(entry: list[int | str], stop: int) -> Steps:
    return np.arange(stop) if _EVERY in entry else np.sort(np.array(entry, dtype=np.int64))


def _chosen_days(
    month_days: list[int | str], months: list[int | str], weekdays: list[int | str], days: pd.DatetimeIndex
) -> npt.NDArray[np.bool_]:
    """Cron's rule: where both days of the month and weekdays are given, either will do."""
    by_date = np.isin(days.day, _numbers(month_days, 32))
    by_weekday = np.isin((days.day_of_week + 1) % 7, _numbers(weekdays, 8) % 7)
    both = _EVERY not in month_days and _EVERY not in weekdays
    return np.isin(days.month, _numbers(months, 13)) & ((by_date | by_weekday) if both else (by_date & by_weekday))


def _regular(index: pd.DatetimeIndex) -> tuple[pd.DatetimeIndex, pd.Timedelta]:
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise NaiveIndexError("index", "must be a time-zone-aware DatetimeIndex", "localise it, to UTC say")
    utc = index.tz_convert("UTC").as_unit("ns")
    lengths = np.unique(np.diff(utc.asi8))
    if len(lengths) != 1 or lengths[0] <= 0:
        raise IrregularIndexError("index", "must rise in equal steps, two at least", "put the data on a regular index")
    return utc, pd.Timedelta(int(lengths[0]), unit="ns")


def _slot_steps(market: Market, step: pd.Timedelta) -> int:
    minutes = step / _MINUTE
    if market.slot_minutes % minutes:
        rule = f"slots of {market.slot_minutes} min are not multiples of the step of {minutes:g} min"
        raise _fault(market, rule, "choose longer slots, or data with shorter steps")
    return int(market.slot_minutes // minutes)


def _deliveries(market: Market, closing: pd.DatetimeIndex) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Start and end (exclusive) of what each deadline commits, in UTC."""
    if isinstance(market.delivers, LocalDay):
        today = closing.tz_convert(market.zone).tz_localize(None).normalize()
        return tuple(_midnight(today, market.delivers.days + after, market.zone) for after in (0, 1))
    starts = closing + market.delivers.minutes * _MINUTE
    return starts, starts + market.delivers.slots * market.slot_minutes * _MINUTE


def _midnight(today: pd.DatetimeIndex, days: int, zone: str) -> pd.DatetimeIndex:
    local = (today + pd.Timedelta(days=days)).tz_localize(
        zone, ambiguous=np.ones(len(today), dtype=bool), nonexistent="shift_forward"
    )
    return local.tz_convert("UTC").as_unit("ns")


def _check_order(market: Market, closing: pd.DatetimeIndex, starts: pd.DatetimeIndex, stops: pd.DatetimeIndex) -> None:
    if (starts < closing).any():
        late = closing[starts < closing][0]
        raise _fault(market, f"the gate at {late:%Y-%m-%dT%H:%MZ} closes after its delivery", "move the deadline")
    order = np.argsort(starts.asi8, kind="stable")
    closing, starts, stops = closing[order], starts[order], stops[order]
    overlapping = np.flatnonzero(starts[1:] < stops[:-1])
    if len(overlapping):
        one, other = closing[overlapping[0]], closing[overlapping[0] + 1]
        rule = (
            f"the gates at {one:%Y-%m-%dT%H:%MZ} and {other:%Y-%m-%dT%H:%MZ} both deliver the slot that starts at"
            f" {starts[overlapping[0] + 1]:%Y-%m-%dT%H:%MZ}"
        )
        raise _fault(market, rule, "let each slot have one gate")


def _on_steps(market: Market, moments: pd.DatetimeIndex, origin: pd.Timestamp, step: pd.Timedelta) -> Steps:
    away = moments - origin
    if (away % step != pd.Timedelta(0)).any():
        where = moments[np.flatnonzero(away % step != pd.Timedelta(0))[0]]
        raise _fault(market, f"the slot at {where:%Y-%m-%dT%H:%MZ} does not start on a step", "align the two")
    return np.asarray(away // step, dtype=np.int64)


def _filled(market: Market, size: int, at: Steps, first: Steps, stop: Steps, slot_steps: int) -> Gates:
    if not len(at):
        rule = f"no gate of these steps delivers into them (deadline {market.deadline!r}, {market.zone})"
        raise _fault(market, rule, "take a longer span, or another schedule")
    if len(np.unique(at)) < len(at):
        raise _fault(market, "two gates fall due at one step", "take data with shorter steps")
    firsts, counts, decided = np.full(size, -1), np.zeros(size, dtype=np.int64), np.full(size, -1)
    firsts[at], counts[at] = first, stop - first
    for gate, start, end in zip(at, first, stop, strict=True):
        decided[start:end] = gate
    return Gates(market, firsts, counts, decided, slot_steps)


def _fault(market: Market, rule: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"market {market.name!r}", rule, remedy)
