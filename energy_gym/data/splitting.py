"""The parts of a user's frame; its one rule: they follow local days and never overlap."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from energy_gym.errors import ConfigurationError, UnknownIdError, WindowError

if TYPE_CHECKING:
    import pandas as pd

Bounds = tuple[int, int]
PARTS = ("train", "validation", "test")
SHARES = (0.6, 0.8)
"""Where validation and test begin in a frame that nobody split."""
LEAST_DAYS = 5


def parts_of(frame: pd.DataFrame, splits: Mapping[str, Any] | None, zone: str) -> dict[str, Bounds]:
    """Return the steps of each part of a frame (half open)."""
    if splits is None:
        return _by_share(frame, zone)
    if not isinstance(splits, Mapping) or "train" not in splits:
        raise ConfigurationError(
            f"splits={splits!r}", "must hold 'train'", 'write {"train": ("2021-01-01", "2022-01-01")}'
        )
    found = {name: _moments(frame, name, pair, zone) for name, pair in splits.items()}
    ordered = sorted(found.items(), key=lambda item: item[1])
    for (before, (_, stop)), (name, (first, _)) in itertools.pairwise(ordered):
        if first < stop:
            raise WindowError(f"splits[{name!r}]", f"overlaps {before!r}", "let each begin where the one before ends")
    return found


def _moments(frame: pd.DataFrame, name: str, pair: Any, zone: str) -> Bounds:

    if name not in PARTS:
        raise UnknownIdError.of("split", name, PARTS)
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise WindowError(
            f"splits[{name!r}]={pair!r}", "must be a pair of moments", 'write ("2021-01-01", "2022-01-01")'
        )
    first, stop = (place(frame.index, moment, f"splits[{name!r}]", zone) for moment in pair)
    if not first < stop:
        span = f"{frame.index[0].isoformat()} to {frame.index[-1].isoformat()}"
        raise WindowError(f"splits[{name!r}]={tuple(map(str, pair))}", f"must hold steps of {span}", "choose others")
    return first, stop


def place(index: pd.DatetimeIndex, moment: Any, where: str, zone: str) -> int:
    """Return the number of the first step at or after a moment; one without a time zone is local time.

    Raises:
        WindowError: It is no moment.
    """
    import pandas as pd

    try:
        stamp = pd.Timestamp(moment)
        stamp = stamp.tz_localize(zone) if stamp.tz is None else stamp
    except (ValueError, TypeError) as error:
        raise WindowError(f"{where}: {moment!r}", "is no time stamp", 'write "2022-03-01"') from error
    return int(index.searchsorted(stamp))


def _by_share(frame: pd.DataFrame, zone: str) -> dict[str, Bounds]:
    """Split by whole local days where there are enough of them, by steps where there are not."""
    dates = frame.index.tz_convert(zone).tz_localize(None).normalize()
    days = dates.unique()
    if len(days) >= LEAST_DAYS:
        at = [int(dates.searchsorted(days[round(share * len(days))])) for share in SHARES]
    else:
        at = [max(1, round(share * len(frame))) for share in SHARES]
    ends = [0, *at, len(frame)]
    return {name: (ends[k], ends[k + 1]) for k, name in enumerate(PARTS)}
