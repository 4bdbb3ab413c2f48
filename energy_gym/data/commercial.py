"""Load and PV of a commercial site, made from the embedded homes; its one rule: every step is fixed, nothing is drawn.

It is a stand-in: the course of the days, their weather and their variety are measured, the shape of an office, the
size and the place are ours.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from energy_gym.arrays import Floats

HOMES_ZONE = "America/Los_Angeles"
HOMES_STANDARD = "Etc/GMT+8"
LOAD_DELAY_H = 1
"""The homes use most about noon; one hour later, the site does between 13:00 and 14:00."""
PEAK_LOAD_KW = 400.0
BASE_LOAD_KW = 100.0
"""Part of the load that never changes (cooling, servers, safety); the course of the homes makes the rest."""
PEAK_PV_KW = 200.0
SATURDAY, SUNDAY = 0.6, 0.4
"""The part of the load that changes, against that of a working day of the same course."""
OCCUPANCY_HOURS = (0.0, 5.0, 9.0, 13.5, 17.0, 21.0, 24.0)
OCCUPANCY = (0.4, 0.4, 0.9, 1.0, 0.9, 0.4, 0.4)
"""Share of the homes' load that counts, straight between these hours: the site closes at night."""
QUARTERS = np.array([-0.375, -0.125, 0.125, 0.375])
"""Centres of the quarters of an hour, from its middle [h]."""


def profile(homes: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Return load and PV of the site [kW] by quarter hours, on the local clock of a zone without daylight saving.

    Args:
        homes: Columns ``load_kw`` and ``pv_kw`` by the hour, UTC index.
        zone: IANA time zone of the site.
    """
    hours = pd.date_range(_wall(homes.index[0]), periods=len(homes), freq="h")
    load, pv = _load(homes["load_kw"], hours), _pv(homes["pv_kw"])
    columns = {
        "load_kw": quarters(BASE_LOAD_KW + load * ((PEAK_LOAD_KW - BASE_LOAD_KW) / load.max())),
        "pv_kw": quarters(pv * (PEAK_PV_KW / pv.max())),
    }
    index = pd.date_range(hours[0], periods=4 * len(hours), freq="15min", name="time").tz_localize(zone)
    return pd.DataFrame(columns, index=index)


def quarters(hourly: Floats) -> Floats:
    """Return four quarter-hour means for each hourly mean, shape (4 n,): their mean is that of the hour.

    Within an hour the values follow a straight line whose slope is the lesser of the two steps to the neighbours, and
    zero where these differ in sign (the minmod limiter of B. van Leer, J. Comput. Phys. 32, 1979): no quarter exceeds
    the hours around it, so nothing turns negative and no new peak appears.

    Example:
        >>> quarters(np.array([0.0, 8.0, 24.0, 24.0])).tolist()[4:8]
        [5.0, 7.0, 9.0, 11.0]
    """
    steps = np.diff(hourly, prepend=hourly[0], append=hourly[-1])
    before, after = steps[:-1], steps[1:]
    slope = np.where(before * after > 0.0, np.sign(before) * np.minimum(np.abs(before), np.abs(after)), 0.0)
    return (hourly[:, None] + slope[:, None] * QUARTERS).ravel()


def _wall(moment: pd.Timestamp) -> pd.Timestamp:
    return moment.tz_convert(HOMES_ZONE).tz_localize(None)


def _load(homes: pd.Series, hours: pd.DatetimeIndex) -> Floats:
    """People follow the wall clock: the hour it skips takes the value before, of one it repeats the first counts."""
    wall = homes.tz_convert(HOMES_ZONE).tz_localize(None)
    course = wall[~wall.index.duplicated()].reindex(hours).ffill().to_numpy(dtype=np.float64)
    damped = np.array([1.0, 1.0, 1.0, 1.0, 1.0, SATURDAY, SUNDAY])[hours.day_of_week]
    open_share = np.interp(hours.hour + 0.5, OCCUPANCY_HOURS, OCCUPANCY)
    return np.asarray(np.roll(course, LOAD_DELAY_H) * damped * open_share, dtype=np.float64)


def _pv(homes: pd.Series) -> Floats:
    """The sun follows standard time, whose noon is as near to the sun's there as it is here."""
    first = homes.index[0].tz_convert(HOMES_STANDARD)
    return np.roll(homes.to_numpy(dtype=np.float64), first.hour - 24 if first.hour else 0)
