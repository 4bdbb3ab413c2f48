"""The rules for a frame that a user hands in as ``data=``; its one rule: nothing is repaired, a fault is named."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TypeGuard

import numpy as np
import numpy.typing as npt
import pandas as pd

from energy_gym.data.columns import CANONICAL_COLUMNS
from energy_gym.errors import (
    ConfigurationError,
    DataError,
    DuplicateStampError,
    IrregularIndexError,
    MissingColumnError,
    NaiveIndexError,
    NonFiniteError,
    NonPositiveError,
)

FORECAST_PREFIX = "forecast_"
FILL = "fill them with values of a like day: energy_gym.data.fill_similar_day (docs/your-data.md)"
NOT_NEGATIVE = ("load_kw", "pv_kw", "wind_kw")


def validate_frame(frame: pd.DataFrame, columns: Sequence[str] = ("price_per_mwh",)) -> pd.DataFrame:
    """Return a float64 copy of the frame in UTC with its index named ``time``, or say what is wrong with it.

    Every column is checked, the ones required and any other. Nothing is sorted, filled or dropped.

    Args:
        frame: Shape (steps, columns), at least two rows; a time-zone-aware DatetimeIndex rising in equal steps of real
            time, each stamp the start of its step; numbers in the units of the canonical names (``price_per_mwh``,
            ``carbon_g_per_kwh``, ...).
        columns: Names that must be present.

    Raises:
        NaiveIndexError: The index is not a time-zone-aware DatetimeIndex.
        DuplicateStampError: A time stamp occurs twice.
        IrregularIndexError: The index does not rise in equal steps of real time, or has fewer than two rows.
        MissingColumnError: A required column is not there.
        NonFiniteError: A column holds NaN or infinity.
        DataError: The frame is not a DataFrame, or a column does not hold real numbers.

    Example:
        >>> import pandas as pd
        >>> index = pd.date_range("2024-03-31", periods=3, freq="h", tz="Europe/Berlin")
        >>> clean = validate_frame(pd.DataFrame({"price_per_mwh": [30, -5, 12]}, index=index))
        >>> clean.index[0].isoformat(), clean["price_per_mwh"].tolist()
        ('2024-03-30T23:00:00+00:00', [30.0, -5.0, 12.0])
    """
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"data of type {type(frame).__name__}", "must be a pandas DataFrame", "pass a DataFrame")
    index = _checked_index(frame.index)
    _require_columns(frame, columns)
    clean = pd.DataFrame({str(name): numbers(frame, name) for name in frame.columns}, index=index)
    _require_finite(clean)
    return clean


def require_not_negative(frame: pd.DataFrame) -> None:
    """Raise unless consumption and production are given as positive numbers, each under its own name.

    Args:
        frame: Columns that end in ``load_kw``, ``pv_kw`` or ``wind_kw``, forecasts included, are looked at.

    Raises:
        DataError: Names the column, how many values are negative, and the first of them.

    Example:
        >>> index = pd.date_range("2024-06-01", periods=2, freq="h", tz="UTC", name="time")
        >>> require_not_negative(pd.DataFrame({"pv_kw": [0.0, -3.0]}, index=index))
        Traceback (most recent call last):
        energy_gym.errors.DataError: column 'pv_kw': 1 negative values, the first at 2024-06-01T01:00:00+00:00: ...
    """
    for name in frame.columns:
        wrong = frame[name].to_numpy() < 0.0
        if str(name).endswith(NOT_NEGATIVE) and wrong.any():
            first = frame.index[int(np.argmax(wrong))].isoformat()
            found = f"column {name!r}: {int(wrong.sum())} negative values, the first at {first}"
            rule = "consumption and production are positive numbers here, whatever their sign in the balance"
            raise DataError(found, rule, f"turn the sign: frame[{name!r}] = -frame[{name!r}], or clip meter noise at 0")


def _checked_index(index: pd.Index) -> pd.DatetimeIndex:
    if isinstance(index.dtype, pd.ArrowDtype) and index.dtype.kind == "M":
        index = pd.DatetimeIndex(index)
    if not isinstance(index, pd.DatetimeIndex) and _offsets_differ(index):
        found, rule = f"index: {type(index).__name__} of stamps with several offsets", "must be a DatetimeIndex"
        remedy = 'set frame.index = pd.to_datetime(frame.index, utc=True), and say zone="Europe/Berlin" when making'
        raise NaiveIndexError(found, rule, remedy)
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        found = "a DatetimeIndex without a time zone" if isinstance(index, pd.DatetimeIndex) else type(index).__name__
        remedy = 'set it with frame.index = pd.DatetimeIndex(frame.index).tz_localize("Europe/Berlin"), say'
        raise NaiveIndexError(f"index: {found}", "must be a time-zone-aware DatetimeIndex", remedy)
    utc = index.tz_convert("UTC").as_unit("ns").rename("time")
    if len(utc) < 2:
        raise IrregularIndexError(f"{len(utc)} rows", "a series needs at least two steps", "pass more rows")
    if utc.hasnans:
        count = int(np.count_nonzero(utc.isna()))
        raise IrregularIndexError(f"index: {count} missing stamps (NaT)", "every row needs a stamp", "drop those rows")
    if utc.has_duplicates:
        first, count = utc[utc.duplicated()][0], int(utc.duplicated().sum())
        remedy = 'drop them with frame[~frame.index.duplicated(keep="first")]'
        raise DuplicateStampError(f"{first.isoformat()} and {count - 1} more", "each stamp occurs once", remedy)
    _require_regular(utc)
    return utc


def _offsets_differ(index: pd.Index) -> bool:
    """Return whether an index holds stamps whose offsets differ, as a file written in local time does."""
    if index.dtype != object and not pd.api.types.is_string_dtype(index.dtype):
        return False
    try:
        stamps = [pd.Timestamp(value) for value in (*index[:1], *index[len(index) // 2 :][:1], *index[-1:])]
        return all(stamp.tz is not None for stamp in stamps)
    except (ValueError, TypeError):
        return False


def _require_regular(index: pd.DatetimeIndex) -> None:
    steps = np.diff(index.asi8)
    usual = int(np.median(steps))
    wrong = np.flatnonzero((steps != usual) | (steps <= 0))
    if not len(wrong):
        return
    at = int(wrong[0])
    found = f"{index[at].isoformat()} is followed by {index[at + 1].isoformat()} ({len(wrong)} such places)"
    rule = f"the index must rise in equal steps of real time ({pd.Timedelta(usual, 'ns')} is the usual one here)"
    raise IrregularIndexError(found, rule, _how_to_make_regular(steps))


def _how_to_make_regular(steps: npt.NDArray[np.int64]) -> str:
    """Return advice: where the step changes for good, a settled value is repeated, never ramped to the next one."""
    lengths, changes = np.unique(steps), int(np.count_nonzero(np.diff(steps)))
    if lengths[0] <= 0:
        return "sort the rows with frame.sort_index()"
    if len(lengths) == 2 and changes == 1 and lengths[1] % lengths[0] == 0:
        short = pd.Timedelta(int(lengths[0]), "ns")
        before, after = (pd.Timedelta(int(step), "ns") for step in (steps[0], steps[-1]))
        return (
            f"the step changes from {before} to {after}: repeat "
            f"each longer value, frame.resample(pd.Timedelta({str(short)!r})).ffill(); a straight line between settled "
            "prices is no price"
        )
    return f"cut at the gaps, or {FILL}; a straight line between settled prices is no price"


def _require_columns(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    present = [str(name) for name in frame.columns]
    repeated = sorted({name for name in present if present.count(name) > 1})
    if repeated:
        raise DataError(f"column {repeated[0]!r} occurs twice", "each column occurs once", "rename or drop one")
    for name in columns:
        if name not in present:
            near = difflib.get_close_matches(name, present, n=1, cutoff=0.4)
            hint = f"rename {near[0]!r}?" if near else "rename yours"
            remedy = f"{hint} Known names: {', '.join(CANONICAL_COLUMNS)} (or {FORECAST_PREFIX}*)"
            raise MissingColumnError(f"column {name!r}", f"is needed; the data have {', '.join(present)}", remedy)


def numbers(frame: pd.DataFrame, name: object) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a column as float64, NaN where it has no value.

    Raises:
        DataError: It holds something else than real numbers.

    Example:
        >>> numbers(pd.DataFrame({"load_kw": [1, 2]}), "load_kw").tolist()
        [1.0, 2.0]
    """
    column = frame.loc[:, [name]].iloc[:, 0]
    if not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_complex_dtype(column.dtype):
        remedy = "convert it with pd.to_numeric, or leave the column out"
        if column.astype(str).str.fullmatch(r"-?\d+,\d+").any():
            remedy = "its numbers have commas: write decimals with a point, or read it with pd.read_csv(decimal=',')"
        raise DataError(f"column {name!r} of type {column.dtype}", "must hold real numbers", remedy)
    return np.array(column.to_numpy(dtype=np.float64, na_value=np.nan), copy=True)


def _require_finite(frame: pd.DataFrame) -> None:
    for name in frame.columns:
        wrong = ~np.isfinite(frame[name].to_numpy())
        if wrong.any():
            first = frame.index[int(np.argmax(wrong))].isoformat()
            found = f"column {name!r}: {int(wrong.sum())} NaN or infinite values, the first at {first}"
            remedy = f"cut them, or {FILL}"
            raise NonFiniteError(found, "every value must be a finite number", remedy)


def check_whole(name: str, value: object, least: int = 1) -> None:
    """Raise where a value is no whole number of at least some least one.

    Raises:
        ConfigurationError: It is no whole number.
        NonPositiveError: It is less than the least one.
    """
    if not is_whole(value):
        raise ConfigurationError(f"{name}={value!r}", "must be a whole number", f"pass an int for {name}")
    if value < least:
        raise NonPositiveError(f"{name}={value}", f"must be at least {least}", f"pass {max(least, 1)}")


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number, of Python or NumPy, and no truth value.

    Example:
        >>> is_whole(3), is_whole(3.0), is_whole(True)
        (True, False, False)
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
