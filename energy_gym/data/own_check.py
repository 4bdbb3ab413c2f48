"""Checks of a user's own series, without a card; its one rule: what it names may be looked up, nothing is repaired.

Beside the checks of cards (gaps, repeated stamps, NaN, frozen values, a clock that shifts) it looks for false zeros:
zeros in a series that comes nowhere near zero otherwise.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from energy_gym.conversions import MINUTES_PER_DAY
from energy_gym.data.cards import Card, Column, Statistics
from energy_gym.data.checks import FAILURE, NOTE, Finding, Report, check, first_moment, frozen, is_market
from energy_gym.data.columns import NO_CURRENCY, canonical_names, conversion_of, is_readable, symbol_of
from energy_gym.data.own_frame import no_unit
from energy_gym.data.raw import Raw
from energy_gym.data.validation import numbers
from energy_gym.data.zones import UTC, checked_zone, zone_of
from energy_gym.errors import IrregularIndexError, NaiveIndexError, RawFileError

TIME_TITLES = ("time", "timestamp", "datetime", "date", "utc", "index")
LEAST_USUAL_PRICE = 1.0
"""A median below it [currency/MWh] is told: in most currencies it is the price of a kWh under a wrong name."""
MONTHS = 12
_FEW_ZEROS, _NEAR_ZERO = 0.05, 0.1


def check_file(path: Path, zone: str | None = None, time: str | None = None, longitude: float | None = None) -> Report:
    """Check the series of a CSV or Parquet file.

    Args:
        path: The file: a column of time stamps, and columns whose names end in a unit.
        zone: Zone of the place or market; also the clock of stamps that carry no offset.
        time: Title of the column of stamps; None looks for a usual one, then takes the first column.
        longitude: Longitude of the place, east positive [degrees]; PV is then held against the sun.

    Raises:
        RawFileError: The file cannot be read, or has no stamps.
        NaiveIndexError: Stamps carry no offset, and no zone was given.
        MissingColumnError: No column's name ends in a unit.
        IrregularIndexError: The usual step does not divide a day.
    """
    return check_frame(read_frame(path, zone, time), zone, longitude, path.stem)


def check_frame(
    frame: pd.DataFrame, zone: str | None = None, longitude: float | None = None, title: str = "frame"
) -> Report:
    """Check a user's frame, in any state of disorder; see `check_file`.

    Example:
        >>> index = pd.date_range("2024-01-01", periods=240, freq="h", tz="UTC")
        >>> frame = pd.DataFrame({"carbon_g_per_kwh": 300.0 + 9.0 * np.sin(np.arange(240.0))}, index)
        >>> frame.iloc[[30, 31, 90]] = 0.0
        >>> [(finding.kind, finding.steps) for finding in check_frame(frame.drop(frame.index[50:60])).failures]
        [('gap', 10), ('false-zero', 3)]
    """
    if not isinstance(frame.index, pd.DatetimeIndex) or frame.index.tz is None:
        remedy = 'set it with frame.index = pd.DatetimeIndex(frame.index).tz_localize("UTC"), say'
        raise NaiveIndexError(f"index: {type(frame.index).__name__}", "must be a time-zone-aware DatetimeIndex", remedy)
    names = [str(name) for name in frame.columns if is_readable(name)]
    if not names:
        raise no_unit(frame.columns)
    series = {to: _in_our_unit(frame, name, to) for name, to in canonical_names(names).items()}
    its = _card(title, series, zone_of(frame.index.tz) if zone is None else checked_zone(zone), longitude)
    report = check(Raw(series), its)
    found = report.findings if zone or its.zone != UTC else tuple(map(_without_a_zone, report.findings))
    more = [finding for each in series.values() for finding in _more(each.sort_index(), its)]
    left = [str(name) for name in frame.columns if str(name) not in names]
    notes: tuple[str, ...] = (f"left out, for their names end in no unit: {', '.join(left)}",) if left else ()
    notes += tuple(_doubts(series))
    findings = sorted((*found, *more), key=lambda finding: (FAILURE, NOTE).index(finding.severity))
    return Report(title, tuple(findings), report.phases, notes)


def _in_our_unit(frame: pd.DataFrame, name: str, to: str) -> pd.Series:
    """Return a column under its name in the suite's unit; an energy of a step stays one: no check asks for its size."""
    found = conversion_of(name)
    series = pd.Series(numbers(frame, name), frame.index.tz_convert("UTC"), name=to)
    return series if found is None else series * found.factor


def _doubts(series: Mapping[str, pd.Series]) -> Iterator[str]:
    """Yield what is asked about units: a name is believed, unless its values can hardly be what it says."""
    for name, each in series.items():
        usual = float(np.nanmedian(np.abs(each))) if name.endswith("_per_mwh") else np.nan
        if 0.0 < usual < LEAST_USUAL_PRICE:
            yield (
                f"{name}: half of the values are below {usual:.3g} per MWh; is that the price of a kWh? Then call it "
                f"{name.removesuffix('_per_mwh')}_per_kwh"
            )


def _without_a_zone(finding: Finding) -> Finding:
    """A shift in UTC may be the clock change of a zone that nobody named."""
    if finding.kind != "phase" or finding.column.endswith("pv_kw"):  # the sun keeps no zone
        return finding
    return replace(finding, severity=NOTE, text=f"{finding.text}; name the zone to tell it from its clock change")


def read_frame(path: Path, zone: str | None = None, time: str | None = None) -> pd.DataFrame:
    """Return the series of a CSV or Parquet file, with a time-zone-aware index; arguments as for `check_file`.

    Raises:
        RawFileError: The file cannot be read, or has no stamps.
        NaiveIndexError: Stamps carry no offset, and no zone was given.
    """
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, sep=None, engine="python")
    except (OSError, ValueError, csv.Error) as error:
        raise RawFileError(
            str(path), f"must be a CSV or Parquet file ({error})", "check the path and the file"
        ) from error
    if isinstance(table.index, pd.DatetimeIndex):
        if table.index.tz is not None:
            return table
        if zone is None:
            raise _no_clock(path)
        return table.tz_localize(checked_zone(zone), ambiguous="infer")
    usual = [name for name in table if str(name).lower() in TIME_TITLES]
    title = time if time is not None else (usual or list(table.columns))[0]
    if title not in table:
        found = f"{path.name} with columns {', '.join(map(str, table.columns))}"
        raise RawFileError(found, f"has no column {title!r} of time stamps", "name it with --time")
    return table.drop(columns=title).set_axis(_stamps(path, table[title], zone), axis=0)


def _stamps(path: Path, written: pd.Series, zone: str | None) -> pd.DatetimeIndex:
    text = written.astype(str)
    offsets, day_first = bool(text.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$").all()), _day_first(path, text)
    clock = None if zone is None else checked_zone(zone)
    try:
        stamps = pd.DatetimeIndex(pd.to_datetime(written, utc=offsets, dayfirst=day_first))
        if offsets:
            return stamps
        if clock is not None:
            return stamps.tz_localize(clock, ambiguous="infer")
    except (ValueError, TypeError) as error:
        cause = str(error).partition("\n")[0].partition(". You might")[0]
        rule = f"must hold time stamps on the clock of its zone ({cause})"
        raise RawFileError(f"{path.name}: column {written.name!r}", rule, "write 2024-03-01T00:00Z") from error
    raise _no_clock(path)


def _day_first(path: Path, text: pd.Series) -> bool:
    """Return whether dates such as 13/02/2024 begin with the day, which one of them must show."""
    parts = text.str.extract(r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}").dropna().astype(int)
    if parts.empty:
        return False
    day, month = (int(parts[place].max()) > MONTHS for place in (0, 1))
    if not day and not month:
        found, rule = f"{path.name}: stamp {text.iloc[0]!r}", "leaves open which is the day and which the month"
        raise RawFileError(found, rule, "write 2024-03-01T00:00")
    return day


def _no_clock(path: Path) -> NaiveIndexError:
    remedy = "say whose clock it is, such as --zone Europe/Berlin, or zone= in Python"
    return NaiveIndexError(f"{path.name}: stamps carry no offset", "their moment is open", remedy)


def _card(title: str, series: dict[str, pd.Series], zone: str, longitude: float | None) -> Card:
    """Return a card of what the series would be if nothing were wrong with them."""
    stamps = next(iter(series.values())).index
    steps = np.diff(np.unique(stamps.asi8))
    step = pd.Timedelta(int(np.median(steps)) if len(steps) else 0, stamps.unit).as_unit("ns")
    minutes = step / pd.Timedelta(minutes=1)
    if minutes < 1.0 or minutes != int(minutes) or MINUTES_PER_DAY % int(minutes):
        rule = f"the usual step, {step}, must be whole minutes and divide a day"
        raise IrregularIndexError(f"{len(stamps)} rows", rule, "resample them")
    first, stop = stamps.min().as_unit("ns"), (stamps.max() + step).as_unit("ns")
    columns = {
        name: Column(name, symbol_of(name, NO_CURRENCY), name, "after", "none", Statistics(0.0, 0.0, 1.0))
        for name in series
    }
    nothing: dict[str, Any] = dict.fromkeys(("description", "publication", "licence", "attribution", "source"), "")
    return Card(
        id=title,
        title=title,
        zone=zone,
        longitude_deg=longitude,
        currency=NO_CURRENCY,
        resolution_minutes=int(minutes),
        span=(first, stop),
        columns=columns,
        splits={"train": (first, stop)},
        files=(),
        reader="table",
        defects=(),
        expected=(),
        origin=(),
        **nothing,
    )


def _more(series: pd.Series, its: Card) -> Iterator[Finding]:
    name = str(series.name)
    if not is_market(name):
        yield from frozen(series, its.resolution_minutes)
    values = series.to_numpy()
    sizes = np.abs(values[np.isfinite(values) & (values != 0.0)])
    zeros = series.index[values == 0.0]
    if not len(zeros) or not len(sizes) or len(zeros) > _FEW_ZEROS * len(values):
        return
    if np.quantile(sizes, 0.01) > _NEAR_ZERO * np.median(sizes):
        text = f"{len(zeros)} zeros in a series that comes nowhere near zero otherwise {first_moment(zeros)}"
        yield Finding(name, "false-zero", FAILURE, len(zeros), text)
