"""Checking series against their card; its one rule: what the card states in numbers is known, all else is a failure.

Raw series are checked as published, before the loader drops or fills anything. Frames (a loaded data set, or anybody's)
have to be clean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.dataset import Dataset
from energy_gym.data.phase import NOON_LIMIT_H, Phase, drift, noon
from energy_gym.data.raw import Raw
from energy_gym.data.validation import FORECAST_PREFIX
from energy_gym.errors import MissingColumnError, NaiveIndexError

FAILURE, KNOWN, NOTE = "failure", "known", "note"
_FROZEN_STEPS, _FROZEN_MINUTES = 8, 360
_CAP_RUNS = 3


@dataclass(frozen=True)
class Finding:
    """One thing found in one column.

    Args:
        column: Name of the column.
        kind: ``"gap"``, ``"duplicate"``, ``"nan"``, ``"frozen"``, ``"off-grid"``, ``"order"``, ``"stand-in"``,
            ``"filled"``, ``"phase"`` or, of a user's own series, ``"false-zero"``.
        severity: ``"failure"``, ``"known"`` (stated on the card) or ``"note"``.
        steps: How many steps it concerns (0 for phase).
        text: What was found, in words.
    """

    column: str
    kind: str
    severity: str
    steps: int
    text: str


@dataclass(frozen=True)
class Report:
    """What a check found.

    Args:
        id: Id of the card.
        findings: All findings, failures first.
        phases: How steady the clock of each column is.
        notes: What the reader did.
    """

    id: str
    findings: tuple[Finding, ...]
    phases: tuple[Phase, ...]
    notes: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that the card does not account for."""
        return tuple(finding for finding in self.findings if finding.severity == FAILURE)

    @property
    def passed(self) -> bool:
        """True where nothing failed."""
        return not self.failures


def check(data: Dataset | Raw | pd.DataFrame, card: Card) -> Report:
    """Look for gaps, duplicates, NaN, frozen values and phase drift.

    Args:
        data: Raw series (``read_raw``), a data set, or a frame with a time-zone-aware index, in any state of disorder.
        card: What it should be. The defects it expects are those of the raw series; a frame must have none of them,
            long constant stretches that were published so excepted.

    Raises:
        NaiveIndexError: The index is not a time-zone-aware DatetimeIndex.
        MissingColumnError: The frame holds no column of the card.

    Example:
        >>> from energy_gym.data import card, load
        >>> report = check(load("ercot-2021-2022"), card("ercot-2021-2022"))
        >>> report.passed, report.phases[0].method
        (True, 'year on year')
    """
    findings: list[Finding] = []
    phases: list[Phase] = []
    for name, series in _series_of(data, card).items():
        index = card.index if isinstance(data, Raw) else _own_index(series, card)
        found = [*_findings(series, index, card), *_marked(data, name), *_order(data, series)]
        findings += [_judged(finding, card, isinstance(data, Raw)) for finding in found]
        phases += _phases(series, card)
    findings += [_phase_finding(phase) for phase in phases if not phase.steady]
    findings.sort(key=lambda finding: (FAILURE, KNOWN, NOTE).index(finding.severity))
    return Report(card.id, tuple(findings), tuple(phases), data.notes if isinstance(data, Raw) else ())


def _series_of(data: Dataset | Raw | pd.DataFrame, card: Card) -> dict[str, pd.Series]:
    if isinstance(data, Raw):
        return {name: _within(data.series[name], card) for name in card.columns}
    frame = data.frame if isinstance(data, Dataset) else data
    if not isinstance(frame.index, pd.DatetimeIndex) or frame.index.tz is None:
        remedy = 'set it with frame.index = pd.DatetimeIndex(frame.index).tz_localize("UTC"), say'
        raise NaiveIndexError(f"index: {type(frame.index).__name__}", "must be a time-zone-aware DatetimeIndex", remedy)
    names = [name for name in card.columns if name in frame]
    if not names or frame.empty:
        rule = f"must hold rows and at least one column of the card: {', '.join(card.columns)}"
        raise MissingColumnError(f"frame with columns {', '.join(map(str, frame.columns))}", rule, "rename its columns")
    return {name: frame[name].astype(np.float64).tz_convert("UTC") for name in names}


def _within(series: pd.Series, card: Card) -> pd.Series:
    return series[(series.index >= card.span[0]) & (series.index < card.span[1])]


def _own_index(series: pd.Series, card: Card) -> pd.DatetimeIndex:
    step = pd.Timedelta(minutes=card.resolution_minutes)
    return pd.date_range(series.index.min(), series.index.max(), freq=step)


def _findings(series: pd.Series, index: pd.DatetimeIndex, card: Card) -> Iterator[Finding]:
    name, stamps = str(series.name), series.index
    missing = index.difference(stamps)
    if len(missing):
        gaps = 1 + int((np.diff(missing.asi8) > np.diff(index[:2].asi8)).sum())
        yield Finding(
            name,
            "gap",
            FAILURE,
            len(missing),
            f"{_steps(len(missing))} missing in {gaps} place(s) {first_moment(missing)}",
        )
    strange = stamps.difference(index)
    if len(strange):
        yield Finding(
            name, "off-grid", FAILURE, len(strange), f"{len(strange)} stamps off the grid {first_moment(strange)}"
        )
    again = stamps[stamps.duplicated()]
    if len(again):
        differing = int((series.groupby(level=0).nunique() > 1).sum())
        text = f"{len(again)} rows repeat a stamp {first_moment(again)}; {differing} stamps have differing values"
        yield Finding(name, "duplicate", FAILURE, len(again), text)
    wrong = stamps[~np.isfinite(series.to_numpy())]
    if len(wrong):
        yield Finding(name, "nan", FAILURE, len(wrong), f"{_steps(len(wrong))} NaN or infinite {first_moment(wrong)}")
    if is_market(name) and card.columns[name].published != "always":
        yield from frozen(series, card.resolution_minutes)


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def first_moment(stamps: pd.DatetimeIndex) -> str:
    """Return where something was found first, in words."""
    return f"(the first: {stamps.min():%Y-%m-%dT%H:%MZ})"


def is_market(name: str) -> bool:
    """Return whether a column holds prices or carbon intensities, forecasts of them included."""
    return name.removeprefix(FORECAST_PREFIX).startswith(("price", "carbon"))


def frozen(series: pd.Series, resolution_minutes: int) -> Iterator[Finding]:
    """Yield runs of one value, other than zero and a cap (the extreme value, reached again and again)."""
    values = series.sort_index().to_numpy()
    if not len(values):
        return
    first = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    length = np.diff(np.r_[first, len(values)])
    caps = [v for v in (np.nanmin(values), np.nanmax(values)) if np.count_nonzero(values[first] == v) >= _CAP_RUNS]
    limit = max(_FROZEN_STEPS, _FROZEN_MINUTES // resolution_minutes)
    long = (length >= limit) & (values[first] != 0) & np.isfinite(values[first]) & ~np.isin(values[first], caps)
    if long.any():
        steps, longest = int(length[long].sum()), int(length[long].max())
        start = series.sort_index().index[first[long]]
        text = f"{steps} steps in {int(long.sum())} constant run(s), the longest of {longest} {first_moment(start)}"
        yield Finding(str(series.name), "frozen", FAILURE, steps, text)


def _marked(data: Dataset | Raw | pd.DataFrame, name: str) -> Iterator[Finding]:
    if isinstance(data, Raw) and len(data.stand_in.get(name, ())):
        moments = data.stand_in[name]
        text = f"{_steps(len(moments))} share a row with another moment {first_moment(moments)}"
        yield Finding(name, "stand-in", FAILURE, len(moments), text)
    if isinstance(data, Dataset) and data.filled[name].any():
        count = int(data.filled[name].sum())
        yield Finding(name, "filled", NOTE, count, f"{_steps(count)} filled or standing in, marked as such")


def _order(data: Dataset | Raw | pd.DataFrame, series: pd.Series) -> Iterator[Finding]:
    if not isinstance(data, Raw) and not series.index.is_monotonic_increasing:
        back = int((np.diff(series.index.asi8) < 0).sum())
        yield Finding(str(series.name), "order", FAILURE, back, f"the stamps go back in time at {back} places")


def _judged(finding: Finding, card: Card, raw: bool) -> Finding:
    for known in card.expected:
        same = (known.column, known.finding) == (finding.column, finding.kind)
        if same and (raw or known.finding == "frozen"):
            if known.steps == finding.steps:
                return Finding(finding.column, finding.kind, KNOWN, finding.steps, f"{finding.text}. {known.reason}")
            text = f"{finding.text}; the card knows of {_steps(known.steps)}"
            return Finding(finding.column, finding.kind, finding.severity, finding.steps, text)
    return finding


def _phases(series: pd.Series, card: Card) -> Iterator[Phase]:
    name = str(series.name).removeprefix(FORECAST_PREFIX)
    finite = series[np.isfinite(series.to_numpy())]
    clean = finite[~finite.index.duplicated(keep="last")].sort_index()
    if not len(clean):
        return
    if is_market(name) or name == "load_kw":
        phase = drift(clean, card.zone)
        if is_market(name) or phase.method == "year on year":
            yield phase
    if name == "pv_kw" and card.longitude_deg is not None:
        yield noon(clean, card.longitude_deg, card.resolution_minutes)


def _phase_finding(phase: Phase) -> Finding:
    if phase.method == "solar noon":
        text = (
            f"PV centres {phase.centre_h:+.1f} h from solar noon (allowed {NOON_LIMIT_H}),"
            f" and {phase.statistic_h:+.1f} h from that in {phase.when} (allowed {phase.limit_h})"
        )
    else:
        compared = "a year later" if phase.method == "year on year" else "at once"
        moved = f"the daily shape moves by {phase.statistic_h:+.1f} h {compared}"
        text = f"{moved} at {phase.when} (allowed {phase.limit_h})"
    return Finding(phase.column, "phase", FAILURE, 0, text)
