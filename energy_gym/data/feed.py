"""What an environment runs on: the series of a data set or of a user's frame, with what is known about them.

One rule: a feed carries actual values; what an agent may know of them, and when, is a forecast's business.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.conversions import SECONDS_PER_HOUR
from energy_gym.data.columns import CANONICAL_COLUMNS, says_other_unit, symbol_of, unit_of
from energy_gym.errors import ConfigurationError, MissingColumnError, UnknownIdError, WindowError

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.data.cards import Statistics
    from energy_gym.data.own_frame import Told

PRICE = "price_per_mwh"
CARBON = "carbon_g_per_kwh"
FORECAST_PREFIX = "forecast_"
DEFAULT_DATASET = "ercot-2021-2022"
SPLITS = ("train", "validation", "test", "all")

Issued = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Feed:
    """Series of equal length, and the window of them that a split covers.

    ``values`` maps a column to an array of shape (steps,); ``published`` says when a column becomes known
    (``"always"``, ``"day-ahead HH:MM"`` local time, ``"after"`` its interval); ``statistics`` holds mean, offset and
    scale; ``first`` and ``stop`` bound the split (half open). ``issued`` maps a column to forecasts of shape
    (steps, H): row t was made with what was known at the start of step t, for t..t+H-1; NaN where there is none.
    ``ignored`` names the columns of a user's frame that were left out, for the messages.

    ``usual`` is the mean of a column over the training part, by which energy is valued where a plan ends before the
    episode does, and ``before`` what is expected of it before anything is known; a column that is not in them has mean
    and offset of its statistics. ``own`` marks a user's frame, ``said`` its columns of which it is settled when they
    become known, and ``zone_open`` one in UTC whose market's zone nobody said: no rule that follows local days holds
    for it. ``dataset`` is the id of a data set, ``law`` the name of the law that a frame was drawn from.
    ``scales`` has figures of columns that are worked out, such as a tariff's prices, where they are not their own.
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
    usual: Mapping[str, float] = field(default_factory=dict)
    before: Mapping[str, float] = field(default_factory=dict)
    own: bool = False
    said: tuple[str, ...] = ()
    zone_open: bool = False
    dataset: str | None = None
    law: str | None = None
    scales: Mapping[str, Statistics] = field(default_factory=dict)

    def usual_value(self, column: str) -> float:
        """Return the mean of a column over the training part."""
        return self.usual.get(column, self.statistics[column].mean)

    @property
    def unsaid(self) -> tuple[str, ...]:
        """Columns of a user's frame of which nobody said when they become known."""
        return tuple(name for name in self.values if name not in self.said and self.published[name] == "after")

    def expected_before(self, column: str) -> float:
        """Return what is expected of a column before anything of it is known."""
        return self.before.get(column, self.statistics[column].offset)

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
        from energy_gym.data.splitting import place

        first, end = (place(self.times, moment, "period", self.zone) for moment in (start, stop))
        if not self.first <= first < end <= self.stop:
            span = f"{self.times[self.first]} to {self.span(self.stop, self.stop + 1)[0]}"
            raise WindowError(
                f"period=({str(start)!r}, {str(stop)!r})",
                f"must be a part of the split, {span}",
                "choose moments in that range, the earlier one first",
            )
        return replace(self, first=first, stop=end)

    def require(self, column: str, why: str) -> None:
        """Raise MissingColumnError if the column is absent; the message names the nearest one, left out or not."""
        if column in self.values:
            return
        names = (*self.values, *self.ignored)
        unit = symbol_of(column, self.currency)
        if column in self.ignored:
            rule = f"is needed for {why}; its name ends in no unit that the suite knows, such as _per_mwh or _kw"
            raise MissingColumnError(f"column {column!r}", rule, "rename it, in the data and where it is named")
        # A name that ends in a unit of another quantity says what it is: a price is no carbon intensity to be renamed.
        wanted = unit_of(column)
        own = [name for name in names if name not in CANONICAL_COLUMNS]
        alike = [name for name in own if wanted is None or unit_of(name) in (None, wanted)]
        near = difflib.get_close_matches(column, alike, n=1, cutoff=0.4)
        hint = "".join(
            f"convert {name!r} to {unit} and call it {column!r}, or "
            if says_other_unit(name, column)
            else f"rename {name!r} if it is in {unit}, or "
            for name in near
        )
        hint += "add it with zeros where there is none, or " if unit == "kW" else ""
        found = f"is needed for {why}; {self.title} has {', '.join(names)}"
        raise MissingColumnError(f"column {column!r}", found, f"{hint}choose data that have it, or another objective")


class Prepared(str):
    """The id of a data set, or the name of a frame, with series that stand in for those that it names.

    An environment that is made with one as ``dataset=`` or ``data=`` opens these. ``windows`` holds the steps of each
    split (half open); None is the split of an environment that names none.

    Example:
        >>> feed = open_feed("ercot-2021-2022", None, "test")
        >>> short = Prepared.of("ercot-2021-2022", feed, {"test": (feed.first, feed.first + 48)})
        >>> opened = open_feed(short, None, "test")
        >>> opened.stop - opened.first, short == "ercot-2021-2022"
        (48, True)
    """

    series: Feed
    windows: Mapping[str | None, tuple[int, int]]

    @classmethod
    def of(cls, name: str, series: Feed, windows: Mapping[Any, tuple[int, int]]) -> Prepared:
        """Return the name with its series."""
        made = cls(name)
        made.series, made.windows = series, dict(windows)
        return made

    def opened(self, split: str | None) -> Feed:
        """Return the feed of a split.

        Raises:
            UnknownIdError: Nothing was prepared for it.
        """
        if split not in self.windows:
            raise UnknownIdError.of("split of the series prepared", split, map(str, self.windows))
        first, stop = self.windows[split]
        return replace(self.series, first=first, stop=stop)


def open_feed(
    dataset: str | None,
    data: pd.DataFrame | None,
    split: str | None,
    reference: pd.DataFrame | Mapping[str, Statistics] | None = None,
    told: Told | None = None,
) -> Feed:
    """Return the feed of a data set by id, or of a user's frame.

    Args:
        dataset: Id of a data set; None takes the default one unless ``data`` is given.
        data: Frame with a time-zone-aware index and columns whose names end in a unit: ``price_per_mwh``,
            ``carbon_g_per_kwh``, ``load_kw`` and the like, each with or without ``forecast_`` before it. Columns
            without a unit are left out.
        split: Part of the data. None is the training split of a data set or of ``splits``, and all of a frame without.
        reference: Frame whose statistics scale the observations and close the episodes in place of ``data``'s own; or
            these figures by column, as ``env.unwrapped.setup.feed.statistics`` of another environment.
        told: What is said of the frame beside its values.

    Raises:
        ConfigurationError: If both a data set and a frame are given, or something is said of a data set.
        DataError: The frame breaks a rule of the suite.
    """
    if isinstance(data, Prepared):
        return data.opened(split)
    if data is None:
        if reference is not None:
            raise ConfigurationError("reference=", "goes with data=", "drop it: a data set's card has the statistics")
        if told is not None and told.said:
            found = ", ".join(f"{name}=" for name in told.said)
            raise ConfigurationError(found, "goes with data=", "drop it: a data set's card says it")
        if isinstance(dataset, Prepared):
            return dataset.opened(split or "train")
        return _of_dataset(DEFAULT_DATASET if dataset is None else dataset, split or "train")
    if split is not None and split not in SPLITS:
        raise UnknownIdError.of("split", split, SPLITS)
    if dataset is not None:
        raise ConfigurationError(f"dataset={dataset!r} and data=", "exclude each other", "pass one of them")
    return _of_frame(data, split, reference, told)


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
        dataset=dataset,
        law=card.law,
    )


def _of_frame(data: Any, split: str | None, reference: Any, told: Told | None) -> Feed:
    from energy_gym.data.own_frame import Told, read_own

    own = read_own(data, Told() if told is None else told, split, reference)
    return Feed(
        title=_title(data),
        zone=own.zone,
        currency=str(data.attrs.get("currency", "currency")),
        times=own.frame.index,
        values=_arrays(own.frame),
        published=own.published,
        statistics=own.statistics,
        first=own.bounds[0],
        stop=own.bounds[1],
        filled=np.zeros(len(own.frame), dtype=bool),
        ignored=own.ignored,
        usual=own.usual,
        before=own.before,
        own=True,
        said=own.said,
        zone_open=own.zone_open,
        law=data.attrs.get("law"),
        scales=reference if isinstance(reference, Mapping) else {},
    )


def _title(data: pd.DataFrame) -> str:
    """Return the frame's own title; synthetic series say so whatever they are called."""
    title = str(data.attrs.get("title", "user data"))
    return f"Synthetic: {title}" if data.attrs.get("synthetic") and "synthetic" not in title.lower() else title


def _arrays(frame: pd.DataFrame) -> dict[str, Floats]:
    return {str(name): np.ascontiguousarray(frame[name].to_numpy(dtype=np.float64)) for name in frame.columns}
