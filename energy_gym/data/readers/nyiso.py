"""Readers of New York's real-time prices; their one rule: what the copies hold is put on its true moment, nothing more.

The five-minute files are arrays of local days without dates, 288 values each. Days count from the end, which is
2019-12-31; two days are missing from the real-time prices early in 2011, so that earlier days lie two days before.
Real-time prices stand at the end of their interval, day-ahead prices at its start: the zeros where the clock skips an
hour show it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from energy_gym.arrays import Floats
from energy_gym.conversions import KW_PER_MW
from energy_gym.data.cards import Card
from energy_gym.data.raw import PRICE, Paths, Raw, from_wall_clock, in_utc

LAST_DAY = pd.Timestamp("2019-12-31")
LOST_BEFORE, LOST = pd.Timestamp("2011-03-05"), pd.Timedelta(days=2)
INTERVAL, PER_DAY = pd.Timedelta(minutes=5), 288
EMPTY = 280
"""A day with at least so many values of exactly 0 was not recorded."""
DAY_AHEAD, LOAD = "forecast_price_per_mwh", "forecast_load_kw"
_LBMP = "LBMP ($/MWHr)"


def read_five_minutes(card: Card, paths: Paths) -> Raw:
    """Read a zone's real-time and day-ahead price from arrays of shape (288, days).

    Raises:
        ValueError: A file holds no such array.
    """
    real_time, day_ahead = (_array(_path(paths, title), title) for title in ("RTP", "DAP"))
    empty = (real_time == 0.0).sum(axis=0) >= EMPTY
    prices, shared = _placed(real_time, card.zone, late=True)
    marks, _ = _placed(np.broadcast_to(empty, real_time.shape), card.zone, late=True)
    ahead, shared_ahead = _placed(day_ahead, card.zone, late=False)
    stand_in = {PRICE: shared.union(marks.index[marks > 0.0]), DAY_AHEAD: shared_ahead}
    note = f"{int(empty.sum())} days of real-time prices hold nothing but zeros"
    return Raw({PRICE: prices.rename(PRICE), DAY_AHEAD: ahead.rename(DAY_AHEAD)}, stand_in, (note,))


def _path(paths: Paths, title: str) -> Path:
    (path,) = (path for file, path in paths.items() if file.startswith(title))
    return path


def _array(path: Path, title: str) -> Floats:
    from scipy.io import loadmat

    days = np.asarray(loadmat(path)[title], dtype=np.float64)
    if days.ndim != 2 or days.shape[0] != PER_DAY:
        raise ValueError(f"{title} of shape {days.shape}: must have {PER_DAY} values a day")
    return days


def _placed(days: Floats, zone: str, *, late: bool) -> tuple[pd.Series, pd.DatetimeIndex]:
    """Return values at the start of their interval in UTC, and the moments that share one; late ones stand at its end.

    ``late`` values are real-time prices, from which two days are missing.
    """
    dates = pd.date_range(end=LAST_DAY, periods=days.shape[1], freq="D")
    shift = INTERVAL if late else INTERVAL * 0
    if late:
        dates = dates.where(dates >= LOST_BEFORE, dates - LOST)
    within = np.arange(PER_DAY) * INTERVAL.to_timedelta64() + shift.to_timedelta64()
    wall = pd.DatetimeIndex((dates.to_numpy()[:, None] + within).ravel())
    values, shared, _ = from_wall_clock(pd.Series(days.T.ravel(), dtype=float), wall, zone)
    return values.set_axis((values.index - shift).rename("time")), (shared - shift).rename("time")


def read_hours(_card: Card, paths: Paths) -> Raw:
    """Read a zone's hourly real-time price, day-ahead price and load forecast; stamps are UTC, at the hour's start."""
    titles = {PRICE: ("RTP", _LBMP, 1.0), DAY_AHEAD: ("DAP", _LBMP, 1.0), LOAD: ("LF", "LF", KW_PER_MW)}
    series = {}
    for name, (start, title, factor) in titles.items():
        table = pd.read_csv(_path(paths, start))
        stamps = pd.DatetimeIndex(pd.to_datetime(table["Time Stamp"], utc=True))
        series[name] = in_utc(table[title] * factor, stamps, name)
    return Raw(series)
