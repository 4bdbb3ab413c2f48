"""What an environment runs on: the series of a data set or of a user's frame, with what is known about them.

One rule: a feed carries actual values; what an agent may know of them, and when, is a forecast's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.errors import ConfigurationError, MissingColumnError, UnknownIdError, WindowError

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.data.cards import Statistics

PRICE = "price_per_mwh"
CARBON = "carbon_g_per_kwh"
FORECAST_PREFIX = "forecast_"
DEFAULT_DATASET = "ercot-2021-2022"
# A user's frame is scaled by fixed figures, not its own: its later rows must not show in early observations.
UNIT_SCALING = {PRICE: (50.0, 50.0), CARBON: (300.0, 200.0)}
UNIT_PUBLICATION = {PRICE: "day-ahead 13:00", CARBON: "after"}
SPLITS = ("train", "validation", "test", "all")
SECONDS_PER_HOUR = 3600.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Feed:
    """Series of equal length, and the window of them that a split covers.

    ``values`` maps a column to an array of shape (steps,); ``published`` says when a column becomes known
    (``"always"``, ``"day-ahead HH:MM"`` local time, ``"after"`` its interval); ``statistics`` holds mean, offset and
    scale; ``first`` and ``stop`` bound the split (half open).
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
        """Raise MissingColumnError if the column is absent."""
        if column not in self.values:
            raise MissingColumnError(
                f"column {column!r}",
                f"is needed for {why}; {self.title} has {', '.join(self.values)}",
                "choose data that have it, or another objective",
            )


def open_feed(
    dataset: str | None, data: pd.DataFrame | None, split: str, reference: pd.DataFrame | None = None
) -> Feed:
    """Return the feed of a data set by id, or of a user's frame.

    Args:
        dataset: Id of a data set; None takes the default one unless ``data`` is given.
        data: Frame with a time-zone-aware index and a column ``price_per_mwh``; ``carbon_g_per_kwh`` and
            ``forecast_*`` columns are optional, others are left out.
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
        published={name: UNIT_PUBLICATION.get(name, "day-ahead 12:00") for name in frame.columns},
        statistics={name: _statistics(name, fitted, own=reference is None) for name in frame.columns},
        first=0,
        stop=len(frame),
        filled=np.zeros(len(frame), dtype=bool),
    )


def _title(data: pd.DataFrame) -> str:
    """Return the frame's own title; synthetic series say so whatever they are called."""
    title = str(data.attrs.get("title", "user data"))
    return f"Synthetic: {title}" if data.attrs.get("synthetic") and "synthetic" not in title.lower() else title


def _validated(data: Any) -> pd.DataFrame:
    from energy_gym.data.validation import validate_frame

    known = (PRICE, CARBON, FORECAST_PREFIX + PRICE, FORECAST_PREFIX + CARBON)
    columns = getattr(data, "columns", ())
    return validate_frame(data[[name for name in columns if name in known]] if PRICE in columns else data, (PRICE,))


def _statistics(name: str, fitted: pd.DataFrame, own: bool) -> Statistics:
    from energy_gym.data.cards import Statistics

    series = fitted[name] if name in fitted.columns else fitted[PRICE]
    plain = name.removeprefix(FORECAST_PREFIX)
    offset, scale = UNIT_SCALING[plain] if own else _scaling(series)
    return Statistics(mean=float(series.mean()), offset=offset, scale=scale)


def _scaling(series: Any) -> tuple[float, float]:
    """Median, and half the width of the central 90 % (1 for a constant series)."""
    low, middle, high = series.quantile([0.05, 0.5, 0.95])
    return float(middle), float((high - low) / 2.0) or 1.0


def _arrays(frame: pd.DataFrame) -> dict[str, Floats]:
    return {str(name): np.ascontiguousarray(frame[name].to_numpy(dtype=np.float64)) for name in frame.columns}
