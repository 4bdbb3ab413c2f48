"""Does a series keep its clock? Its one rule: like is compared with like, so that seasons are no drift.

Spikes, trends and price levels say nothing about the clock, so every hour is reduced to its rank among the 25 around
it, and days are averaged to profiles. The shift between two profiles is the lag at the highest circular
cross-correlation, read to five minutes. The hours of the extremes move with the profile, but a profile has 24 hours and
is far steadier.

- *Year on year*: a calendar month against the same month a year later, where the season is the same. The statistic is
  the largest, over all moments, of the median shift of the pairs that straddle the moment: a steady slip shows in every
  pair, a jump in the twelve that straddle it, and one odd month in none.
- *Step*, where the series has no such pairs: the two, three and four weeks before a moment against those after. Seasons
  move little in that time; a clock moves at once, and then the one profile is the other, moved. Measured on the wall
  clock and on standard time, and the smallest counts: through a clock change the load follows the one, the sun the
  other.
- *Solar noon*, for PV: the centre of the production against the sun's own noon, month by month.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from energy_gym.arrays import Floats

YEARLY_LIMIT_H = 0.65
STEP_LIMIT_H = 0.7
NOON_LIMIT_H = 1.5
NOON_SPREAD_H = 0.55
_PAIRS = 6
_LIKE_YEARLY, _LIKE_STEP = 0.7, 0.8
_STEP_DAYS = (21, 14, 28)
_LARGEST_STEP_H = 6.0
_FINE = 12


@dataclass(frozen=True)
class Phase:
    """How steady the clock of a column is.

    Args:
        column: Name of the column.
        method: ``"year on year"``, ``"step"``, ``"solar noon"`` or ``"none"`` (too short, or no daily shape).
        statistic_h: Largest shift found [h], positive: later; for solar noon, the largest deviation of a month.
        limit_h: What it must stay below [h].
        when: Where it was found (a month or a day), empty where nothing was.
        extremes: Local hour of the lowest and of the highest mean value, by month (``2021-01``).
        centre_h: For PV, the median distance of the centre of production from solar noon [h]; NaN otherwise.
    """

    column: str
    method: str
    statistic_h: float
    limit_h: float
    when: str
    extremes: dict[str, tuple[int, int]]
    centre_h: float = math.nan

    @property
    def steady(self) -> bool:
        """True where no drift was found."""
        off_noon = self.method == "solar noon" and abs(self.centre_h) > NOON_LIMIT_H
        return abs(self.statistic_h) <= self.limit_h and not off_noon


def drift(series: pd.Series, zone: str) -> Phase:
    """Measure how far the daily shape of a price, carbon or load series slips.

    Args:
        series: Series with a UTC index without repeats; NaN and gaps are allowed, a day that is not whole is left out.
        zone: IANA time zone of the market.

    Example:
        >>> import numpy as np
        >>> index = pd.date_range("2022-01-01", "2024-01-01", freq="h", tz="UTC", inclusive="left")
        >>> steady = pd.Series(np.sin(index.hour / 24 * 6.283), index)
        >>> drift(steady, "UTC").statistic_h
        0.0
        >>> late = steady.shift(3).where(index >= "2023-03-01", steady)
        >>> drift(late, "UTC").statistic_h, drift(late, "UTC").when
        (3.0, '2023-03')
    """
    name = str(series.name)
    ranks = _ranks(series)
    days = _by_day(ranks, ranks.index.tz_convert(zone))
    months = _monthly(days)
    extremes = _extremes(series, series.index.tz_convert(zone))
    yearly = _year_on_year(*months)
    if yearly is not None:
        return Phase(name, "year on year", yearly[0], YEARLY_LIMIT_H, yearly[1], extremes)
    step = _step(ranks, days, zone)
    if step is not None:
        return Phase(name, "step", step[0], STEP_LIMIT_H, step[1], extremes)
    return Phase(name, "none", 0.0, math.inf, "", extremes)


def noon(series: pd.Series, longitude_deg: float, resolution_minutes: int) -> Phase:
    """Measure how far the centre of PV production lies from solar noon, month by month.

    Solar noon follows from the longitude and the equation of time (Spencer's approximation in the form of Duffie and
    Beckman, Solar Engineering of Thermal Processes, eq. 1.5.3; good to half a minute).

    Args:
        series: Production, positive, with a UTC index without repeats.
        longitude_deg: East positive.
        resolution_minutes: Step; a value stands for the middle of its step.
    """
    middle = series.index + pd.Timedelta(minutes=resolution_minutes / 2)
    clock = middle.hour + middle.minute / 60 + longitude_deg / 15 + _equation_of_time_h(middle)
    from_noon = (np.asarray(clock, dtype=np.float64)) % 24 - 12
    table = pd.DataFrame({"weight": series.clip(lower=0).to_numpy(), "at": from_noon}).dropna()
    month = _month_of(series.index)[series.notna().to_numpy()]
    table["moment"] = table["weight"] * table["at"]
    sums = table.groupby(month)[["weight", "moment"]].sum()
    centre = (sums["moment"] / sums["weight"])[sums["weight"] > 0.02 * sums["weight"].max()]
    if centre.empty:
        return Phase(str(series.name), "none", 0.0, math.inf, "", {})
    away = centre - centre.median()
    when = away.abs().idxmax()
    return Phase(
        str(series.name), "solar noon", float(away[when]), NOON_SPREAD_H, str(when), {}, float(centre.median())
    )


def _equation_of_time_h(moments: pd.DatetimeIndex) -> Floats:
    angle = 2 * math.pi * (np.asarray(moments.day_of_year, dtype=np.float64) - 1) / 365
    minutes = 229.2 * (
        0.000075
        + 0.001868 * np.cos(angle)
        - 0.032077 * np.sin(angle)
        - 0.014615 * np.cos(2 * angle)
        - 0.04089 * np.sin(2 * angle)
    )
    return np.asarray(minutes / 60, dtype=np.float64)


def _month_of(index: pd.DatetimeIndex) -> pd.Index:
    return pd.Index(index.tz_localize(None).to_period("M"))


def _ranks(series: pd.Series) -> pd.Series:
    """Rank of each hour among the 25 around it, from -0.5 to 0.5: no midnight, so no place to cut a day wrongly."""
    hourly = series.resample("h").mean()
    return hourly.rolling(25, center=True, min_periods=18).rank(pct=True) - 0.5


def _by_day(ranks: pd.Series, local: pd.DatetimeIndex) -> pd.DataFrame:
    """One row for each whole day, one column for each hour."""
    table = pd.DataFrame({"rank": ranks.to_numpy(), "day": local.tz_localize(None).normalize(), "hour": local.hour})
    return table.pivot_table(index="day", columns="hour", values="rank", aggfunc="mean").dropna()


def _extremes(series: pd.Series, local: pd.DatetimeIndex) -> dict[str, tuple[int, int]]:
    by_month = series.groupby([local.tz_localize(None).to_period("M"), local.hour]).mean().unstack()
    return {str(month): (int(row.idxmin()), int(row.idxmax())) for month, row in by_month.iterrows()}


def _monthly(days: pd.DataFrame) -> tuple[pd.PeriodIndex, Floats]:
    if days.empty:
        return pd.PeriodIndex([], freq="M"), np.empty((0, 24))
    grouped = days.groupby(days.index.to_period("M"))
    profiles = grouped.mean()[grouped.size() >= 10]
    return profiles.index, profiles.to_numpy(dtype=np.float64)


def _shifts(later: Floats, earlier: Floats) -> tuple[Floats, Floats]:
    """Return lag [h] and correlation at the best circular alignment of profiles, shape (n, hours)."""
    later, earlier = (rows - rows.mean(axis=-1, keepdims=True) for rows in (later, earlier))
    count = later.shape[-1]
    product = np.fft.rfft(later) * np.conj(np.fft.rfft(earlier))
    if count % 2 == 0:
        product[..., -1] /= 2  # the highest frequency is stored once here, and twice in the finer grid
    fine = np.fft.irfft(product, count * _FINE) * _FINE
    norm = np.linalg.norm(later, axis=-1) * np.linalg.norm(earlier, axis=-1)
    best = fine.argmax(axis=-1)
    lag = ((best + count * _FINE // 2) % (count * _FINE) - count * _FINE // 2) * 24 / (count * _FINE)
    return lag, fine.max(axis=-1) / np.where(norm > 1e-9, norm, np.inf)


def _year_on_year(months: pd.PeriodIndex, profiles: Floats) -> tuple[float, str] | None:
    later = months.get_indexer(months + 12)
    earlier = np.flatnonzero(later >= 0)
    if len(earlier) < _PAIRS:
        return None
    lag, like = _shifts(profiles[later[earlier]], profiles[earlier])
    first, lag = months[earlier[like >= _LIKE_YEARLY]], lag[like >= _LIKE_YEARLY]
    found: list[tuple[float, str, tuple[float, float, int]]] = []
    for moment in months[1:]:
        straddles = np.asarray((first < moment) & (first + 12 >= moment))
        if straddles.sum() >= _PAIRS:
            median, mean = float(np.median(lag[straddles])), float(lag[straddles].mean())
            found.append((median, str(moment), (abs(median), abs(mean), int(straddles.sum()))))
    return max(found, key=lambda entry: entry[2])[:2] if found else None


def _step(ranks: pd.Series, days: pd.DataFrame, zone: str) -> tuple[float, str] | None:
    """Largest sudden shift; the days of the wall clock and of standard time are matched by their date."""
    winter = pd.Timestamp(2021, 1, 1, tz=zone).utcoffset()
    summer = pd.Timestamp(2021, 7, 1, tz=zone).utcoffset()
    standard = ranks.index.tz_convert("UTC") + min(winter, summer)
    tables = days, _by_day(ranks, standard)
    scans = [_scan(table, width) for width in _STEP_DAYS for table in tables]
    shifts = pd.concat(scans, axis=1, keys=range(len(scans)), sort=True).dropna(subset=[0, 1])
    if shifts.empty:
        return None
    when = shifts.abs().min(axis=1).idxmax()
    return float(shifts.loc[when, shifts.loc[when].abs().idxmin()]), str(when.date())


def _scan(days: pd.DataFrame, width: int) -> pd.Series:
    """Shift between the weeks before and after each day; NaN where the shapes are not alike.

    It is 0 unless moving one profile removes more of the difference than it leaves: a new shape is no new clock.
    """
    if len(days) < 2 * width:
        return pd.Series(dtype=np.float64)
    total = np.vstack([np.zeros(days.shape[1]), np.cumsum(days.to_numpy(dtype=np.float64), axis=0)])
    at = np.arange(width, len(days) - width + 1)
    after, before = total[at + width] - total[at], total[at] - total[at - width]
    lag, like = _shifts(after, before)
    gain = like - _correlation(after, before)
    lag[gain <= 1 - like] = 0.0
    lag[(like < _LIKE_STEP) | (np.abs(lag) > _LARGEST_STEP_H)] = np.nan
    return pd.Series(lag, days.index[at])


def _correlation(first: Floats, second: Floats) -> Floats:
    first, second = (rows - rows.mean(axis=-1, keepdims=True) for rows in (first, second))
    norm = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.asarray((first * second).sum(axis=-1) / np.where(norm > 1e-9, norm, np.inf), dtype=np.float64)
