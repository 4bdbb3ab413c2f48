"""An episode by local day: what each earned and from what, its highest import, and what was stored hour by hour.

One rule: what is shown by the day adds up to what is shown for the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.envs.setup import Setup
from energy_gym.evaluation.kept import stores_of

if TYPE_CHECKING:
    import pandas as pd

HOURS = 24
DIGITS = 7
Days = dict[str, list[Any]]
"""Columns of equal length: ``day`` (ISO dates), sums by name, ``peak_kw``, and ``stored_kw`` (24 means a day)."""


def days_of(times: pd.DatetimeIndex, zone: str, sums: Mapping[str, Floats], grid_kw: Floats, stored_kw: Floats) -> Days:
    """Return an episode by local day.

    Args:
        times: Starts of the T steps [UTC].
        zone: Time zone whose days are meant.
        sums: What adds up, by name, each of shape (T,).
        grid_kw: Power at the meter, positive imports, shape (T,).
        stored_kw: Power into the stores, positive charges, shape (T,).

    Hours of a day that were not played hold None.

    Example:
        >>> import pandas as pd
        >>> times = pd.date_range("2024-01-01T22:00Z", periods=4, freq="h")
        >>> found = days_of(times, "UTC", {"reward": np.ones(4)}, np.arange(4.0), np.full(4, 5.0))
        >>> found["day"], found["reward"], found["peak_kw"], found["stored_kw"][1][:3]
        (['2024-01-01', '2024-01-02'], [2.0, 2.0], [1.0, 3.0], [5.0, 5.0, None])
    """
    local = times.tz_convert(zone).tz_localize(None).to_numpy()
    dates = local.astype("datetime64[D]")
    days, place = np.unique(dates, return_inverse=True)
    count = len(days)
    found: Days = {"day": days.astype(str).tolist()}
    for name, values in sums.items():
        found[name] = np.bincount(place, np.asarray(values, dtype=np.float64), count).tolist()
    peaks = np.full(count, -np.inf)
    np.maximum.at(peaks, place, np.asarray(grid_kw, dtype=np.float64))
    found["peak_kw"] = peaks.tolist()
    hour = (local - dates) // np.timedelta64(1, "h")
    found["stored_kw"] = _means(place * HOURS + hour.astype(np.int64), stored_kw, count * HOURS)
    return found


def _means(slots: Any, values: Floats, size: int) -> list[list[float | None]]:
    """Return means by slot, in rows of a day; None where nothing falls into a slot."""
    seen = np.bincount(slots, minlength=size)
    total = np.bincount(slots, np.asarray(values, dtype=np.float64), size)
    means = [float(f"{x / n:.{DIGITS}g}") if n else None for x, n in zip(total.tolist(), seen.tolist(), strict=True)]
    return [means[at : at + HOURS] for at in range(0, size, HOURS)]


def stored_kw(setup: Setup, states: Floats) -> Floats:
    """Return the power into all stores of a setup, losses apart, positive charges [kW].

    Args:
        setup: What was played.
        states: States at the start and at the end of each step, shape (T + 1, states).
    """
    places = [store.place for store in stores_of(setup)]
    return np.diff(states[:, places].sum(axis=1)) / setup.feed.step_hours
