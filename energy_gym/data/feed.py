"""What an environment runs on: the series of a data set or of a user's frame, with what is known about them.

One rule: a feed carries actual values; what an agent may know of them, and when, is a forecast's business.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.data.columns import UNITS, unit_of
from energy_gym.errors import ConfigurationError, MissingColumnError, UnknownIdError, WindowError

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.data.cards import Statistics

PRICE = "price_per_mwh"
CARBON = "carbon_g_per_kwh"
FORECAST_PREFIX = "forecast_"
DEFAULT_DATASET = "ercot-2021-2022"
FORECAST_PUBLICATION = "day-ahead 12:00"
SPLITS = ("train", "validation", "test", "all")
SECONDS_PER_HOUR = 3600.0

Floats = npt.NDArray[np.float64]
Issued = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Feed:
    """Series of equal length, and the window of them that a split covers.

    ``values`` maps a column to an array of shape (steps,); ``published`` says when a column becomes known
    (``"always"``, ``"day-ahead HH:MM"`` local time, ``"after"`` its interval); ``statistics`` holds mean, offset and
    scale; ``first`` and ``stop`` bound the split (half open). ``issued`` maps a column to forecasts of shape
    (steps, H): row t was made with what was known at the start of step t, for t..t+H-1; NaN where there is none.
    ``ignored`` names the columns of a user's frame that were left out, for the messages.
    """

    title: str
    zone: str
    currency: str
    times: pd.DatetimeIndex
    values: Mapping[str, Floats]
    published: Mapping[str, str]
    statistics: Mapping[str, Statistics]
    first: int
    stop: int
    filled: npt.NDArray[np.bool_]
    issued: Mapping[str, Issued] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @property
    def step_hours(self) -> float:
        """Length of a step [h]."""
        return float((self.times[1] - self.times[0]).total_seconds()) / SECONDS_PER_HOUR

    def span(self, first: int, stop: int) -> pd.DatetimeIndex:
        """Return the starts of the steps from ``first`` to ``stop`` (half open), also beyond the end of the data."""
        import pandas as pd

        step = self.times[1] - self.times[0]
        return pd.date_range(self.times[0] + first * step, periods=stop - first, freq=step, name="time")

    def __len__(self) -> int:
        return len(self.times)

    def within(self, start: Any, stop: Any) -> Feed:
        """Return the same series with the split narrowed to a period (half open).

        Args:
            start: First moment, such as ``"2021-01-01"``; without a time zone it is local time.
            stop: The moment after the last.

        Raises:
            WindowError: The period is no part of the split.
        """
        first, end = (self._place("period", moment) for moment in (start, stop))
        if not self.first <= first < end <= self.stop:
            span = f"{self.times[self.first]} to {self.span(self.stop, self.stop + 1)[0]}"
            raise WindowError(
                f"period=({str(start)!r}, {str(stop)!r})",
                f"must be a part of the split, {span}",
                "choose moments in that range, the earlier one first",
            )
        return replace(self, first=first, stop=end)

    def _place(self, name: str, moment: Any) -> int:
        """Return the number of the first step at or after a moment."""
        import pandas as pd

        try:
            stamp = pd.Timestamp(moment)
            stamp = stamp.tz_localize(self.zone) if stamp.tz is None else stamp
        except (ValueError, TypeError) as error:
            raise WindowError(f"{name}: {moment!r}", "is no time stamp", 'write "2022-03-01"') from error
        return int(self.times.searchsorted(stamp))

    def require(self, column: str, why: str) -> None:
        """Raise MissingColumnError if the column is absent; the message names the nearest one, left out or not."""
        if column in self.values:
            return
        names = (*self.values, *self.ignored)
        if column in self.ignored:
            rule = f"is needed for {why}; its name ends in no unit that the suite knows, such as _per_mwh or _kw"
            raise MissingColumnError(f"column {column!r}", rule, "rename it, in the data and where it is named")
        near = difflib.get_close_matches(column, names, n=1, cutoff=0.4)
        hint = f"rename {near[0]!r}, or " if near else ""
        found = f"is needed for {why}; {self.title} has {', '.join(names)}"
        raise MissingColumnError(f"column {column!r}", found, f"{hint}choose data that have it, or another objective")


def open_feed(
    dataset: str | None, data: pd.DataFrame | None, split: str, reference: pd.DataFrame | None = None
) -> Feed:
    """Return the feed of a data set by id, or of a user's frame.

    Args:
        dataset: Id of a data set; None takes the default one unless ``data`` is given.
        data: Frame with a time-zone-aware index and columns whose names end in a unit: ``price_per_mwh``,
            ``carbon_g_per_kwh``, ``load_kw`` and the like, each with or without ``forecast_`` before it. Columns
            without a unit are left out.
        split: Split of the data set; a frame has no splits, each name means the whole of it.
        reference: Frame whose statistics scale the observations and close the episodes, in place of ``data``'s own.

    Raises:
        ConfigurationError: If both a data set and a frame are given.
        DataError: The frame breaks a rule of the suite.
    """
    if data is None:
        if reference is not None:
            raise ConfigurationError("reference=", "goes with data=", "drop it: a data set's card has the statistics")
        return _of_dataset(DEFAULT_DATASET if dataset is None else dataset, split)
    if split not in SPLITS:
        raise UnknownIdError.of("split", split, SPLITS)
    if dataset is not None:
        raise ConfigurationError(f"dataset={dataset!r} and data=", "exclude each other", "pass one of them")
    return _of_frame(data, reference)


def _of_dataset(dataset: str, split: str) -> Feed:
    from energy_gym.data import load

    loaded = load(dataset)
    card, frame = loaded.card, loaded.frame
    first, stop = loaded.bounds(split)
    return Feed(
        title=card.title,
        zone=card.zone,
        currency=card.currency,
        times=frame.index,
        values=_arrays(frame),
        published={name: column.published for name, column in card.columns.items()},
        statistics={name: column.statistics for name, column in card.columns.items()},
        first=first,
        stop=stop,
        filled=loaded.filled.to_numpy().any(axis=1),
        issued=loaded.issued,
    )


def _of_frame(data: Any, reference: Any) -> Feed:
    frame = _validated(data)
    fitted = frame if reference is None else _validated(reference)
    return Feed(
        title=_title(data),
        zone=str(data.index.tz),
        currency=str(data.attrs.get("currency", "currency")),
        times=frame.index,
        values=_arrays(frame),
        published={name: _published(name) for name in frame.columns},
        statistics={name: _statistics(name, fitted, own=reference is None) for name in frame.columns},
        first=0,
        stop=len(frame),
        filled=np.zeros(len(frame), dtype=bool),
        ignored=tuple(str(name) for name in data.columns if unit_of(name) is None),
    )


def _published(column: str) -> str:
    unit = unit_of(column)
    return FORECAST_PUBLICATION if column.startswith(FORECAST_PREFIX) or unit is None else unit.published


def _title(data: pd.DataFrame) -> str:
    """Return the frame's own title; synthetic series say so whatever they are called."""
    title = str(data.attrs.get("title", "user data"))
    return f"Synthetic: {title}" if data.attrs.get("synthetic") and "synthetic" not in title.lower() else title


def _validated(data: Any) -> pd.DataFrame:
    from energy_gym.data.validation import require_not_negative, validate_frame

    columns = getattr(data, "columns", ())
    known = [unit_of(name) is not None for name in columns]
    if len(columns) and not any(known):
        raise _no_unit(columns)
    frame = validate_frame(data.loc[:, known] if any(known) else data, ())
    require_not_negative(frame)
    return frame


def _no_unit(columns: Iterable[object]) -> MissingColumnError:
    from energy_gym.data.validation import CANONICAL_COLUMNS

    names = [str(name) for name in columns]
    near = [(name, difflib.get_close_matches(name, CANONICAL_COLUMNS, n=1, cutoff=0.4)) for name in names]
    hint = next((f"rename {name!r} to {match[0]!r}? " for name, match in near if match), "")
    rule = f"at least one must end in a unit: {', '.join(unit.suffix for unit in UNITS)}"
    return MissingColumnError(f"columns {', '.join(names)}", rule, f"{hint}Known names: {', '.join(CANONICAL_COLUMNS)}")


def _statistics(name: str, fitted: pd.DataFrame, own: bool) -> Statistics:
    from energy_gym.data.cards import Statistics

    plain, unit = name.removeprefix(FORECAST_PREFIX), unit_of(name)
    source = name if name in fitted.columns else plain
    if source not in fitted.columns or unit is None:
        found = f"must hold what the data hold; it has {', '.join(fitted.columns)}"
        raise MissingColumnError(f"reference= without column {name!r}", found, "add the column, or drop it from data=")
    figures = Statistics.of(fitted[source])
    return replace(figures, offset=unit.offset, scale=unit.scale) if own else figures


def _arrays(frame: pd.DataFrame) -> dict[str, Floats]:
    return {str(name): np.ascontiguousarray(frame[name].to_numpy(dtype=np.float64)) for name in frame.columns}
