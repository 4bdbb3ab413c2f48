"""Which columns of rows move on from step to step, or repeat, so that they can be cut from a series, not a table.

What is looked ahead at is mostly of this kind: what lies two steps ahead now lies one step ahead then. A table holds it
once for each step ahead, a series once; the series stay in the processor's cache where the table does not. Where a
forecast is made anew, once a day perhaps, a stretch of the series ends and another begins. Of what repeats, such as the
hour of the day, a series holds each case once.

One rule: what is cut is the table to the last bit; columns that move otherwise stay in one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]
# Fewer columns in a row are as well copied with what lies beside them: of those that move on, and that repeat.
LEAST, BESIDE = 8, 4
# Steps of which more than half differ in what does not repeat.
PROBED = 1024
# Shares: of the steps, at which columns may begin anew, and of cases among them that repeat; of a table, for a series.
ANEW, CASES, WORTH = 0.1, 1.0 / 16.0, 0.5


class Piece(NamedTuple):
    """Some columns side by side.

    Args:
        begin: The first of them.
        columns: How many there are.
        source: The number of the series that they are cut from; None where they stay in the table.
        first: The first of them in the table.
    """

    begin: int
    columns: int
    source: int | None
    first: int


class Series(NamedTuple):
    """Numbers that columns are cut from.

    Args:
        values: The numbers, shape (n,).
        begins: Where in them the columns of each step begin, shape (T,); None where that is the step's own number.
    """

    values: Numbers
    begins: npt.NDArray[np.int32] | None


class Cut(NamedTuple):
    """Rows, cut into series and what is left.

    Args:
        table: What is left, shape (T, columns).
        series: The series.
        pieces: All columns, from the first to the last.
    """

    table: Numbers
    series: tuple[Series, ...]
    pieces: tuple[Piece, ...]


def cut(rows: Numbers) -> Cut:
    """Return rows cut into series and what is left.

    Args:
        rows: Shape (T, width).

    Example:
        >>> price = np.arange(20, dtype=np.float32)
        >>> rows = np.stack([np.append(price[t : t + 8], t % 2) for t in range(12)]).astype(np.float32)
        >>> found = cut(rows)
        >>> found.table.shape, found.series[0].values.shape
        ((12, 1), (19,))
        >>> found.pieces
        (Piece(begin=0, columns=8, source=0, first=0), Piece(begin=8, columns=1, source=None, first=0))
    """
    rows = np.ascontiguousarray(rows)
    pieces: list[Piece] = []
    series: list[Series] = []
    left: list[slice] = []
    kept = done = 0
    for begin, end, found in [*_found(rows), (rows.shape[1], rows.shape[1], None)]:
        if done < begin:
            pieces.append(Piece(done, begin - done, None, kept))
            left.append(slice(done, begin))
            kept += begin - done
        if found is not None:
            pieces.append(Piece(begin, end - begin, len(series), 0))
            series.append(found)
        done = end
    table = np.concatenate([rows[:, span] for span in left], axis=1) if series and left else rows
    return Cut(np.ascontiguousarray(table if left else rows[:, :0]), tuple(series), tuple(pieces))


def _found(rows: Numbers) -> Iterator[tuple[int, int, Series]]:
    """Yield spans of columns, each with the series that it is cut from."""
    bits = rows.view(np.uint32)
    same = bits[1:, :-1] == bits[:-1, 1:]
    if not same.size:
        return
    done = 0
    for begin, end, series in [*_moving(rows, same), (rows.shape[1], rows.shape[1], None)]:
        yield from _repeating(rows, done, begin)
        if series is not None:
            yield begin, end, series
        done = end


def _moving(rows: Numbers, same: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, Series]]:
    """Yield spans of columns that move on, given which are what the next one was a step before, (T - 1, width - 1)."""
    for begin, end in _spans(same.mean(axis=0) >= 1.0 - ANEW):
        series = _stretches(rows[:, begin:end], ~np.asarray(same[:, begin : end - 1].all(axis=1)))
        if len(series.values) <= WORTH * len(rows) * (end - begin):
            yield begin, end, series
            continue
        for first, last in _spans(np.asarray(same[:, begin : end - 1].all(axis=0))):
            never = np.zeros(len(same), dtype=bool)
            yield begin + first, begin + last, _stretches(rows[:, begin + first : begin + last], never)


def _repeating(rows: Numbers, begin: int, end: int) -> Iterator[tuple[int, int, Series]]:
    """Yield spans of the columns from one to before another in which few cases repeat."""
    first, codes = begin, None
    for column in range(begin, end + 1):
        more = _coded(rows, column, codes) if column < end else None
        if more is None and codes is not None:
            if column - first >= BESIDE:
                _, shown = np.unique(codes, return_index=True)
                begins = (codes * (column - first)).astype(np.int32)
                yield first, column, Series(rows[shown, first:column].ravel(), begins)
            more = _coded(rows, column, None) if column < end else None
            first = column
        codes, first = more, first if more is not None else column + 1


def _coded(rows: Numbers, column: int, codes: npt.NDArray[np.int64] | None) -> npt.NDArray[np.int64] | None:
    """Return the case of each step, told apart by a column and by what was coded before; None where they are many."""
    bits = rows[:, column].view(np.uint32)
    if len(np.unique(bits[:PROBED])) > PROBED // 2:
        return None
    cases, found = np.unique(bits, return_inverse=True)
    if codes is not None:
        cases, found = np.unique(codes * len(cases) + found, return_inverse=True)
    return found if len(cases) <= CASES * len(rows) else None


def _spans(follows: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield spans of enough columns, of which each but the last is what the next one was a step before."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], follows, [False]]).astype(np.int8)))
    for begin, last in edges.reshape(-1, 2).tolist():
        if last + 1 - begin >= LEAST:
            yield begin, last + 1


def _stretches(columns: Numbers, anew: npt.NDArray[np.bool_]) -> Series:
    """Return the series of some columns, shape (T, columns), given after which steps they begin anew, (T - 1,)."""
    if not anew.any():
        return Series(np.concatenate([columns[:, 0], columns[-1, 1:]]), None)
    edges = [0, *(np.flatnonzero(anew) + 1).tolist(), len(columns)]
    more = columns.shape[1] - 1
    parts = [
        np.concatenate([columns[first:last, 0], columns[last - 1, 1:]]) for first, last in itertools.pairwise(edges)
    ]
    # Each stretch is longer than its steps are many by all columns but one.
    begins = np.arange(len(columns)) + more * np.concatenate([[0], np.cumsum(anew)])
    return Series(np.concatenate(parts), begins.astype(np.int32))
