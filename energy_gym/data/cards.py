"""Data cards: what a data set is, in one YAML file each; its one rule: a card that is not exact is refused."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from energy_gym.conversions import MINUTES_PER_DAY
from energy_gym.data.columns import UNITS, symbol_of, unit_of
from energy_gym.data.layout import Layout
from energy_gym.data.publishing import RULES, is_rule, minute_of, nearest
from energy_gym.errors import CardError

FILLS = ("similar-day", "none")
PACKAGED = ("embedded", "commercial")
_KINDS = {"embedded": "embedded", "commercial": "derived", "synthetic": "synthetic"}
# A range is more than rounding from this part of the largest value on.
ROUNDING = 1e-12
FINDINGS = ("gap", "duplicate", "nan", "frozen", "stand-in")


def _require(good: bool, where: str, value: object, rule: str, remedy: str = "correct the card") -> None:
    if not good:
        raise CardError(f"{where}={value!r}", rule, remedy)


@dataclass(frozen=True)
class Statistics:
    """Figures of a column over the training split, in the column's unit.

    Args:
        mean: Mean value; what energy left in store is worth at the end of an episode.
        offset: Median, the zero of scaled observations.
        scale: Half the range between the 5 % and the 95 % quantile, the unit of scaled observations; positive.

    Raises:
        CardError: A figure is not finite, or the scale is not positive.
    """

    mean: float
    offset: float
    scale: float

    def __post_init__(self) -> None:
        for name in ("mean", "offset", "scale"):
            _require(math.isfinite(getattr(self, name)), name, getattr(self, name), "must be a finite number")
        _require(self.scale > 0, "scale", self.scale, "must be positive")

    @classmethod
    def of(cls, series: Any) -> Statistics:
        """Return the figures of a series or an array, missing values apart; the scale of one that is constant is 1.

        One that differs by no more than rounding (1e-12 of its largest value, or of 1) counts as constant.

        Example:
            >>> Statistics.of([0.0, 10.0, 20.0, 30.0, 40.0])
            Statistics(mean=20.0, offset=20.0, scale=18.0)
        """
        low, middle, high = np.nanquantile(series, (0.05, 0.5, 0.95))
        spread, least = float((high - low) / 2.0), ROUNDING * max(float(np.nanmax(np.abs(series))), 1.0)
        return cls(float(np.nanmean(series)), float(middle), spread if spread > least else 1.0)


@dataclass(frozen=True)
class Column:
    """One series of a data set.

    Args:
        name: Canonical name, unit included.
        unit: Unit as people write it.
        title: What it is, in a few words.
        published: ``"always"``, ``"after"`` (known when its interval has ended), ``"at-start"`` (when it begins) or
            ``"day-ahead HH:MM"`` (the whole of tomorrow's local day becomes known at HH:MM local time of today;
            ``24:00`` is the end of today).
        fill: How missing steps are filled: ``"similar-day"`` or ``"none"`` (a missing step is an error).
        statistics: Figures of the training split.

    Raises:
        CardError: ``published`` or ``fill`` is not one of these.
    """

    name: str
    unit: str
    title: str
    published: str
    fill: str
    statistics: Statistics

    def __post_init__(self) -> None:
        where = f"{self.name}.published"
        _require(is_rule(self.published), where, self.published, f"must be {RULES}", nearest(self.published))
        _require(self.fill in FILLS, f"{self.name}.fill", self.fill, f"must be one of {', '.join(FILLS)}")

    @property
    def day_ahead_minute(self) -> int | None:
        """Minutes after local midnight of today at which tomorrow is published, None where it is not day-ahead.

        Example:
            >>> from energy_gym.data import card
            >>> card("ercot-2021-2022").columns["price_per_mwh"].day_ahead_minute
            810
        """
        return minute_of(self.published)


@dataclass(frozen=True)
class RawFile:
    """One file as its publisher offers it.

    Args:
        path: Path below the source's base URL.
        url: Where it is downloaded from; empty for a file that ships with the package, or lies beside its card.
        sha256: Hash of its bytes, 64 hexadecimal digits.
        folder: The source's folder in a local mirror.
    """

    path: str
    url: str
    sha256: str
    folder: str

    def __post_init__(self) -> None:
        good = re.fullmatch(r"[0-9a-f]{64}", self.sha256) is not None
        _require(good, f"files.{self.path}", self.sha256, "a sha256 has 64 lower-case hexadecimal digits")
        parts = PurePosixPath(self.path).parts
        _require(".." not in parts and parts[0] != "/", "files", self.path, "must be a path below the base URL")

    @property
    def mirrored(self) -> str:
        """Path below a local mirror (``ENERGY_GYM_DATA``)."""
        return f"{self.folder}/{self.path}"


@dataclass(frozen=True)
class Expected:
    """A defect of the raw series that is known: ``check`` reports it as information, not as a failure.

    Args:
        column: The column it concerns.
        finding: ``"gap"``, ``"duplicate"``, ``"nan"``, ``"frozen"`` or ``"stand-in"``.
        steps: How many steps it concerns, exactly; any other number fails the check.
        reason: What happened, and what the loader does about it.
    """

    column: str
    finding: str
    steps: int
    reason: str

    def __post_init__(self) -> None:
        rule = f"must be one of {', '.join(FINDINGS)}"
        _require(self.finding in FINDINGS, f"expected.{self.column}.finding", self.finding, rule)
        good = isinstance(self.steps, int) and self.steps > 0
        _require(good, f"expected.{self.column}.steps", self.steps, "must be a positive whole number")


@dataclass(frozen=True)
class Origin:
    """A file of a package that an embedded set was built from: distribution, version, member and the member's hash."""

    package: str
    version: str
    member: str
    sha256: str


@dataclass(frozen=True)
class Card:
    """What a data set is: columns, clock, splits, files with hashes, licence and known defects.

    Args:
        id: Short name, the one ``load`` takes.
        title: One line.
        description: A few sentences.
        zone: IANA time zone whose days the splits follow; the frames themselves are in UTC.
        longitude_deg: Longitude of the place, east positive; None where there is no place (no PV, a whole country).
        currency: ISO code of the prices.
        resolution_minutes: Step [min].
        span: First and last moment (UTC, half open) of the frame.
        columns: Columns by canonical name, in the order of the frame.
        splits: Whole local days, as UTC moments, half open.
        files: Raw files; one Parquet file for an embedded or derived set, none for a synthetic one.
        reader: Name of what reads them, in the table of ``energy_gym.data.readers``.
        publication: Where the publication times come from.
        licence: Licence of the data.
        attribution: Whom to name.
        source: Where they come from.
        defects: What is wrong with the data, in words.
        expected: The same in numbers, as ``check`` must find it.
        origin: What an embedded file was built from.
        layout: How its tables are laid out, for the reader ``table``.
        law: Name of the law that the series were drawn from; None where there is none.
        home: Folder of a card that does not ship with the package; its files lie there, but those with a URL.

    Raises:
        CardError: Splits, span or columns contradict each other, or a column has no unit that the suite knows.
    """

    id: str
    title: str
    description: str
    zone: str
    longitude_deg: float | None
    currency: str
    resolution_minutes: int
    span: tuple[pd.Timestamp, pd.Timestamp]
    columns: dict[str, Column]
    splits: dict[str, tuple[pd.Timestamp, pd.Timestamp]]
    files: tuple[RawFile, ...]
    reader: str
    publication: str
    licence: str
    attribution: str
    source: str
    defects: tuple[str, ...]
    expected: tuple[Expected, ...]
    origin: tuple[Origin, ...]
    layout: Layout | None = None
    law: str | None = None
    home: Path | None = None

    def __post_init__(self) -> None:
        good = re.fullmatch(r"[A-Z]{3}", self.currency) is not None
        _require(good, "currency", self.currency, "must be an ISO 4217 code")
        day_fits = self.resolution_minutes > 0 and MINUTES_PER_DAY % self.resolution_minutes == 0
        _require(day_fits, "resolution_minutes", self.resolution_minutes, "must divide a day")
        _require("train" in self.splits, "splits", tuple(self.splits), "must hold 'train'")
        _require(len(self.columns) > 0, "columns", (), "must hold at least one column")
        self._require_units()
        self._require_ordered_splits()
        for known in self.expected:
            _require(known.column in self.columns, "expected.column", known.column, "must be a column of the card")

    def _require_units(self) -> None:
        endings = ", ".join(unit.suffix for unit in UNITS)
        for name, column in self.columns.items():
            good = unit_of(name) is not None
            _require(good, "columns", name, f"a column's name must end in its unit: {endings}", "rename it on the card")
            unit = symbol_of(name, self.currency)
            _require(column.unit == unit, f"{name}.unit", column.unit, f"must be {unit!r}, as the name says")

    def _require_ordered_splits(self) -> None:
        previous = self.span[0]
        for name, (first, stop) in (*self.splits.items(), ("span", (self.span[1], self.span[1]))):
            ordered = previous <= first <= stop and (first < stop or name == "span")
            rule = "splits must follow each other inside the span without overlap"
            _require(ordered, f"splits.{name}", f"{first} .. {stop}", rule)
            previous = stop

    @property
    def embedded(self) -> bool:
        """True where the data ship with the package."""
        return self.reader == "embedded"

    @property
    def kind(self) -> str:
        """``"embedded"``, ``"derived"`` from an embedded file, ``"synthetic"``, ``"fetched"``, or ``"own"`` files."""
        return _KINDS.get(self.reader, "own" if self.offline else "fetched")

    @property
    def offline(self) -> bool:
        """True where nothing is ever downloaded."""
        return not any(file.url for file in self.files)

    @property
    def synthetic(self) -> bool:
        """True where the series are generated, not measured."""
        return self.reader == "synthetic"

    @property
    def steps(self) -> int:
        """Number of rows of the frame."""
        return int((self.span[1] - self.span[0]) // pd.Timedelta(minutes=self.resolution_minutes))

    @property
    def index(self) -> pd.DatetimeIndex:
        """The regular UTC index of the frame, named ``time``."""
        first, step = self.span[0].as_unit("ns"), pd.Timedelta(minutes=self.resolution_minutes)
        return pd.date_range(first, periods=self.steps, freq=step, name="time", unit="ns").as_unit("ns")
