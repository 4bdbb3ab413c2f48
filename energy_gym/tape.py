"""Series and forecasts laid out once as contiguous rows, so that an observation is one indexed copy.

One rule: the row of step t is what the agent sees before it acts in t; the first slots, the states, are filled in then.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_DAY, MINUTES_PER_HOUR
from energy_gym.data.columns import symbol_of
from energy_gym.data.feed import Feed
from energy_gym.data.notices import notice
from energy_gym.data.own_frame import tell_of_unsaid
from energy_gym.errors import ConfigurationError
from energy_gym.forecast import Forecast
from energy_gym.forecast.past import lag_of, looked_back_at, past_rows
from energy_gym.lookahead import FULL, HOURS, Blocks, View, compact_view, require_effect

if TYPE_CHECKING:
    import pandas as pd

OBSERVATION_LIMIT = 10.0
MAX_ROWS_BYTES = 2**31
MOST_CLIPPED = 0.01
"""Share of a column's values that observations may cut without a word."""
CLOCK = ("hour_of_day", "day_of_week", "day_of_year")
DAYS_PER_YEAR = 365.25


class Slot(NamedTuple):
    """One entry of the observation: ``value = offset + scale * observed`` in ``unit`` (unless clipped).

    Example:
        >>> Slot("price_per_mwh[+0]", "currency/MWh", 40.0, 25.0).scale
        25.0
    """

    name: str
    unit: str
    offset: float
    scale: float


class ActionSlot(NamedTuple):
    """One entry of an action: 0 names 0, ``at`` names ``high`` and ``-at`` names ``low``, in ``unit``.

    Between these it is a straight line on either side of 0. A wish beyond ``at`` runs on to as far as the battery can
    go in its interval.

    Example:
        >>> ActionSlot("meter(battery)", "kW", -8.0, 6.0, 0.9).high
        6.0
    """

    name: str
    unit: str
    low: float
    high: float
    at: float = 1.0


class State(NamedTuple):
    """A state that is observed as ``(state - offset) / scale``, cut to [0, top].

    ``place`` is its place among the states; offset and scale are floats, or arrays with a value per environment.
    """

    place: int
    slot: Slot
    offset: Any
    scale: Any
    top: float


@dataclass(frozen=True)
class Tape:
    """The look-ahead of a window of a feed, for the steps ``feed.first`` to ``feed.stop`` and the moment after.

    ``columns`` are the series looked ahead at, ``states`` what is filled in before them; ``rows`` has shape (steps + 1,
    slots), float32; ``ahead`` maps a column to the unscaled rows, shape (steps + 1, horizon), float64. Behind the
    look-ahead stand the last ``history`` known values of each series that is not known at all times; ``past`` maps such
    a column to these rows, shape (steps + 1, history). ``lookahead`` says which version of it ``rows`` show:
    ``"full"``, or one that `energy_gym.lookahead` makes of it; ``ahead`` is the same for all.
    """

    feed: Feed
    forecast: Forecast
    horizon: int
    columns: tuple[str, ...]
    states: tuple[State, ...]
    history: int = field(default=0, kw_only=True)
    lookahead: str = field(default=FULL, kw_only=True)

    def __post_init__(self) -> None:
        require_effect(self.lookahead, self.horizon)
        slots = len(self.states) + 2 * len(CLOCK) + self._told
        need = (self.feed.stop - self.feed.first + 1) * slots * 4
        if need > MAX_ROWS_BYTES:
            past = f", history={self.history}" if self.history else ""
            raise ConfigurationError(
                f"horizon={self.horizon}{past} over {self.feed.stop - self.feed.first} steps",
                f"the look-ahead rows would take {need / 2**30:.1f} GiB (limit 2 GiB)",
                "use a shorter horizon, history or split",
            )
        if self.feed.own:
            tell_of_unsaid(name for name in self.columns if name in self.feed.unsaid)
        for column in self.columns if self.feed.own else ():
            self._require_zone(column)
            self._tell_what_clips(column)

    @cached_property
    def remembered(self) -> tuple[str, ...]:
        """The columns of which the last known values are told."""
        return looked_back_at(self.feed, self.columns) if self.history else ()

    @property
    def _told(self) -> int:
        """Figures kept of the series: what is to come of each, and what has been."""
        return self.horizon * len(self.columns) + self.history * len(self.remembered)

    def _require_zone(self, column: str) -> None:
        """Raise where a rule follows local days, and neither the index nor the user says of which zone."""
        said = self.feed.published[column]
        if self.feed.zone_open and said.startswith("day-ahead"):
            rule = "follows the days of the market's zone; the index is in UTC and does not say it"
            remedy = 'pass zone="Europe/Berlin", say (zone="UTC" if the market\'s days are those of UTC)'
            raise ConfigurationError(f"published[{column!r}]={said!r}", rule, remedy)

    def _tell_what_clips(self, column: str) -> None:
        figures, window = self.feed.statistics[column], slice(self.feed.first, self.feed.stop)
        scaled = (self.feed.values[column][window] - figures.offset) / figures.scale
        clipped = float(np.mean(np.abs(scaled) > OBSERVATION_LIMIT))
        if clipped > MOST_CLIPPED:
            low, high = (figures.offset + way * OBSERVATION_LIMIT * figures.scale for way in (-1.0, 1.0))
            notice(
                f"{clipped:.1%} of the values of {column!r} lie outside {low:.4g} to {high:.4g} and are cut to that in "
                "observations, which are scaled by the training part: pass reference= with data of the usual size."
            )

    @cached_property
    def layout(self) -> tuple[Slot, ...]:
        """Name, unit, offset and scale of each slot of the observation."""
        clock = [Slot(f"{part}({name})", "1", 0.0, 1.0) for name in CLOCK for part in ("sin", "cos")]
        return (*(state.slot for state in self.states), *clock, *self._series)

    @cached_property
    def views(self) -> dict[str, View]:
        """What is shown of the look-ahead, by column."""
        return {column: self._view(column) for column in self.columns}

    def _view(self, column: str) -> View:
        if self.lookahead == FULL:
            return Blocks(tuple(range(self.horizon + 1)))
        feed, known = self.feed, self.feed.published[column] == "always"
        return compact_view(feed.values[column], self.ahead[column] if known else None, feed.step_hours, self.horizon)

    @cached_property
    def _series(self) -> tuple[Slot, ...]:
        """The slots of the series: what is to come of each, and what has been."""
        ahead = [self._slot(column, *entry) for column, view in self.views.items() for entry in view.entries(column)]
        past = [
            self._slot(column, f"{column}[{f'-{step}' if step else 'now'}]")
            for column in self.remembered
            for step in range(lag_of(self.feed, column), lag_of(self.feed, column) + self.history)
        ]
        return (*ahead, *past)

    def _slot(self, column: str, name: str, hours: bool = False) -> Slot:
        if hours:
            return Slot(name, "h", 0.0, HOURS)
        statistics = self.feed.statistics[column]
        return Slot(name, symbol_of(column, self.feed.currency), statistics.offset, statistics.scale)

    def show_as(self, other: Tape) -> None:
        """Show the same slots as another tape, whose series are of the same scenario."""
        self.__dict__.update(views=other.views, layout=other.layout, _series=other._series)

    def at(self, step: int) -> Tape:
        """Return the look-ahead of one step and of the moment after it alone, in the same slots."""
        first = self.feed.first + step
        found = copy(self)
        found.__dict__.update(feed=replace(self.feed, first=first, stop=first + 1))
        for laid in ("ahead", "past", "rows"):
            found.__dict__.pop(laid, None)
        found.show_as(self)
        return found

    def due(self, observations: npt.NDArray[Any], controls: int) -> npt.NDArray[np.bool_]:
        """Return which entries of an action count at its moment, as observations show it: here all do.

        Args:
            observations: Shape (n, slots).
            controls: Entries of an action.

        Returns:
            Shape (n, controls).
        """
        return np.ones((len(observations), controls), dtype=np.bool_)

    @cached_property
    def bounds(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Lowest and highest observation, each of shape (slots,)."""
        clock, longest = len(CLOCK) * 2, min(self.horizon * self.feed.step_hours / HOURS, OBSERVATION_LIMIT)
        entries = [entry for column, view in self.views.items() for entry in view.entries(column)]
        spans = [(0.0, longest) if entry.hours else (-OBSERVATION_LIMIT, OBSERVATION_LIMIT) for entry in entries]
        spans += [(-OBSERVATION_LIMIT, OBSERVATION_LIMIT)] * (len(self._series) - len(entries))
        lows, highs = np.array(spans).reshape(-1, 2).T
        tops = np.array([state.top for state in self.states])
        low = np.concatenate([0.0 * tops, -np.ones(clock), lows])
        high = np.concatenate([tops, np.ones(clock), highs])
        return low.astype(np.float32), high.astype(np.float32)

    @cached_property
    def ahead(self) -> dict[str, Floats]:
        """Unscaled look-ahead rows by column, each of shape (steps + 1, horizon)."""
        return {column: self._ahead(column) for column in self.columns}

    @cached_property
    def past(self) -> dict[str, Floats]:
        """The last known values by column, the newest first, each of shape (steps + 1, history)."""
        first, end = self.feed.first, self.feed.stop + 1
        return {column: past_rows(self.feed, column, first, end, self.history) for column in self.remembered}

    def _ahead(self, column: str) -> Floats:
        first, end = self.feed.first, self.feed.stop + 1
        rows = np.asarray(self.forecast.rows(self.feed, column, first, end, self.horizon), dtype=np.float64)
        if rows.shape != (end - first, self.horizon) or not np.isfinite(rows).all():
            raise ConfigurationError(
                f"forecast {self.forecast!r} of {column!r}: shape {rows.shape}",
                f"must give finite rows of shape {(end - first, self.horizon)}",
                "correct its rows()",
            )
        return rows

    @cached_property
    def rows(self) -> npt.NDArray[np.float32]:
        """Observations but for the states, shape (steps + 1, slots), scaled and clipped."""
        rows = np.zeros((self.feed.stop - self.feed.first + 1, len(self.layout)), dtype=np.float32)
        begin = len(self.states)
        start = begin + 2 * len(CLOCK)
        rows[:, begin:start] = clock_features(self.feed.span(self.feed.first, self.feed.stop + 1), self.feed.zone)
        shown = (view.of(self.ahead[column]) for column, view in self.views.items())
        slots = iter(self._series)
        for values in chain(shown, self.past.values()):
            own, end = list(islice(slots, values.shape[1])), start + values.shape[1]
            offsets, scales = np.array([slot.offset for slot in own]), np.array([slot.scale for slot in own])
            rows[:, start:end] = np.clip((values - offsets) / scales, -OBSERVATION_LIMIT, OBSERVATION_LIMIT)
            start = end
        rows.flags.writeable = False
        return rows


def clock_features(times: pd.DatetimeIndex, zone: str) -> Floats:
    """Return sine and cosine of the local hour of day, day of week and day of year, shape (steps, 6).

    Example:
        >>> import pandas as pd
        >>> clock_features(pd.DatetimeIndex(["2024-01-01T06:00Z"]), "UTC")[0, :2].round(6).tolist()
        [1.0, 0.0]
    """
    local = times.tz_convert(zone)
    hour = (local.hour + local.minute / MINUTES_PER_HOUR).to_numpy(dtype=np.float64)
    day = local.day_of_week.to_numpy(dtype=np.float64) + hour / HOURS_PER_DAY
    year = local.day_of_year.to_numpy(dtype=np.float64) - 1.0 + hour / HOURS_PER_DAY
    return _circles([hour / HOURS_PER_DAY, day / 7.0, year / DAYS_PER_YEAR])


def _circles(phases: Sequence[Floats]) -> Floats:
    return np.stack([turn(2.0 * np.pi * phase) for phase in phases for turn in (np.sin, np.cos)], axis=1)
