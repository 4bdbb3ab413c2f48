"""Which columns of rows only move on from step to step, so that they can be cut from a series in place of a table.

What is looked ahead at is mostly of this kind: what lies two steps ahead now lies one step ahead then. A table holds it
once for each step ahead, a series once; the series stay in the processor's cache where the table does not.

One rule: what is cut is the table to the last bit; columns that move otherwise stay in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]
# Fewer columns in a row are as well copied with what lies beside them.
LEAST = 8


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


class Cut(NamedTuple):
    """Rows, cut into series and what is left.

    Args:
        table: What is left, shape (T, columns).
        series: Series, of which the entries from t on are the columns of step t, each of shape (T + columns - 1,).
        pieces: All columns, from the first to the last.
    """

    table: Numbers
    series: tuple[Numbers, ...]
    pieces: tuple[Piece, ...]


def cut(rows: Numbers) -> Cut:
    """Return rows cut into series and what is left.

    Args:
        rows: Shape (T, width).

    Example:
        >>> price = np.arange(20, dtype=np.float32)
        >>> rows = np.stack([np.append(price[t : t + 8], t % 2) for t in range(12)]).astype(np.float32)
        >>> found = cut(rows)
        >>> found.table.shape, found.series[0].shape
        ((12, 1), (19,))
        >>> found.pieces
        (Piece(begin=0, columns=8, source=0, first=0), Piece(begin=8, columns=1, source=None, first=0))
    """
    rows = np.ascontiguousarray(rows)
    pieces: list[Piece] = []
    series: list[Numbers] = []
    left: list[slice] = []
    kept = 0
    for begin, end, slides in _runs(rows):
        if slides:
            pieces.append(Piece(begin, end - begin, len(series), 0))
            series.append(np.concatenate([rows[:, begin], rows[-1, begin + 1 : end]]))
        else:
            pieces.append(Piece(begin, end - begin, None, kept))
            left.append(slice(begin, end))
            kept += end - begin
    table = np.concatenate([rows[:, span] for span in left], axis=1) if series and left else rows
    return Cut(np.ascontiguousarray(table if left else rows[:, :0]), tuple(series), tuple(pieces))


def _runs(rows: Numbers) -> Iterator[tuple[int, int, bool]]:
    """Yield spans of columns, one behind the other, and whether a span only moves on."""
    bits, width, done = rows.view(np.uint32), rows.shape[1], 0
    follows = np.append((bits[1:, :-1] == bits[:-1, 1:]).all(axis=0), False) if len(rows) > 1 else np.zeros(width, bool)
    begin = 0
    while begin < width:
        end = begin + int(np.argmin(follows[begin:])) + 1
        if end - begin >= LEAST:
            if begin > done:
                yield done, begin, False
            yield begin, end, True
            done = end
        begin = end
    if done < width:
        yield done, width, False
