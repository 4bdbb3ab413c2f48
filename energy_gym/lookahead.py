"""What an observation shows of the steps to come: each by itself, or fewer figures that are made of them.

One rule: what is shown is made of the forecast's row at that moment and of nothing else, so that it knows no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.errors import ConfigurationError, UnknownIdError

FULL, COMPACT = "full", "compact-1"
VERSIONS = {"full": FULL, "compact": COMPACT, COMPACT: COMPACT}
"""What each name means: ``"compact"`` is the newest version; each version's slots have names of their own."""
COARSENESS = 4
"""Steps that lie so many times further ahead than a block is long are shown as one block."""
CHANGES = 4
"""How many changes to come are shown of a series that changes seldom."""
HOURS = 12.0
"""Hours to a change that are observed as 1."""
SELDOM = 0.25
"""Changes a step, at most, of such a series."""
ERRATIC = 2 / 3
"""Changes a step, at least, of forecasts that do not keep still where the series does."""


class Entry(NamedTuple):
    """A slot of the look-ahead: its name, and whether it holds hours, not a value of the series."""

    name: str
    hours: bool = False


class View(Protocol):
    """What is shown of a series' look-ahead."""

    def entries(self, column: str) -> tuple[Entry, ...]:
        """Return the slots of a column."""
        ...

    def of(self, rows: Floats) -> Floats:
        """Return what they hold, shape (steps, slots), of look-ahead rows of shape (steps, horizon)."""
        ...


@dataclass(frozen=True)
class Blocks:
    """The mean of each block of steps; ``edges`` are the first steps of the blocks, then the step after the last.

    Example:
        >>> view = Blocks((0, 1, 2, 4))
        >>> [entry.name for entry in view.entries("load_kw")], view.of(np.array([[1.0, 2.0, 3.0, 5.0]])).tolist()
        (['load_kw[+0]', 'load_kw[+1]', 'load_kw[+2..+3]'], [[1.0, 2.0, 4.0]])
    """

    edges: tuple[int, ...]

    def entries(self, column: str) -> tuple[Entry, ...]:
        """See `View.entries`."""
        spans = zip(self.edges[:-1], self.edges[1:], strict=True)
        return tuple(Entry(f"{column}[+{a}]" if b == a + 1 else f"{column}[+{a}..+{b - 1}]") for a, b in spans)

    def of(self, rows: Floats) -> Floats:
        """See `View.of`."""
        if len(self.edges) == rows.shape[1] + 1:
            return rows
        means: Floats = np.add.reduceat(rows, self.edges[:-1], axis=1) / np.diff(self.edges)
        return means


@dataclass(frozen=True)
class Changes:
    """The value now, then of each change to come the hours until then and the value from then on.

    Where no more changes are seen, the hours are those of the whole look-ahead, and the value is its last.

    Args:
        step_hours: Length of a step [h].
        count: How many changes are shown.

    Example:
        >>> view = Changes(0.5, 2)
        >>> [entry.name for entry in view.entries("buy")]
        ['buy[+0]', 'hours_to_change(buy)[1]', 'buy[change 1]', 'hours_to_change(buy)[2]', 'buy[change 2]']
        >>> view.of(np.array([[7.0, 7.0, 9.0, 9.0]])).tolist()
        [[7.0, 1.0, 9.0, 2.0, 9.0]]
    """

    step_hours: float
    count: int = CHANGES

    def entries(self, column: str) -> tuple[Entry, ...]:
        """See `View.entries`."""
        pairs = [
            (Entry(f"hours_to_change({column})[{k}]", hours=True), Entry(f"{column}[change {k}]"))
            for k in range(1, self.count + 1)
        ]
        return (Entry(f"{column}[+0]"), *(entry for pair in pairs for entry in pair))

    def of(self, rows: Floats) -> Floats:
        """See `View.of`."""
        horizon = rows.shape[1]
        so_far = np.cumsum(rows[:, 1:] != rows[:, :-1], axis=1, dtype=np.int32)
        shown = [rows[:, 0]]
        for k in range(1, self.count + 1):
            place = 1 + np.count_nonzero(so_far < k, axis=1)
            value = np.take_along_axis(rows, np.minimum(place, horizon - 1)[:, None], axis=1)[:, 0]
            shown += [place * self.step_hours, value]
        return np.stack(shown, axis=1)


def version_of(lookahead: object) -> str:
    """Return the version that a name of a look-ahead means.

    Raises:
        UnknownIdError: It is no such name.

    Example:
        >>> version_of("compact")
        'compact-1'
    """
    if not isinstance(lookahead, str) or lookahead not in VERSIONS:
        raise UnknownIdError.of("lookahead", lookahead, VERSIONS)
    return VERSIONS[lookahead]


def require_effect(version: str, horizon: int) -> None:
    """Raise where a compact look-ahead would be none.

    Raises:
        ConfigurationError: So few steps are looked ahead that each is a block of its own.
    """
    if version != FULL and len(block_edges(horizon)) == horizon + 1:
        shortest = 2 * COARSENESS + 2
        rule = f"shows the steps as they are: blocks of several begin with the {shortest}th"
        raise ConfigurationError(
            f'lookahead="compact", horizon={horizon}', rule, f"leave it out, or pass horizon={shortest} or more"
        )


def block_edges(horizon: int) -> tuple[int, ...]:
    """Return the edges of blocks that grow with their distance, for `Blocks`.

    Example:
        >>> block_edges(24)
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 24)
    """
    edges = [0]
    while edges[-1] < horizon:
        edges.append(min(edges[-1] + max(1, edges[-1] // COARSENESS), horizon))
    return tuple(edges)


def compact_view(values: Floats, rows: Floats | None, step_hours: float, horizon: int) -> View:
    """Return the compact view of a series: as its next changes where it is known at all times and changes seldom.

    Args:
        values: The series, shape (steps,).
        rows: Its look-ahead, shape (steps, horizon), if it is known at all times; else None.
        step_hours: Length of a step [h].
        horizon: Steps of look-ahead.
    """
    if rows is not None and _changing(values[None]) <= SELDOM and _changing(rows) < ERRATIC:
        return Changes(step_hours)
    return Blocks(block_edges(horizon))


def _changing(rows: Floats) -> float:
    """Return in what share of its steps a series changes."""
    return float(np.mean(rows[:, 1:] != rows[:, :-1])) if rows.shape[1] > 1 else 0.0
