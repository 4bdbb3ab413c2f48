"""A user's own paths: an object that makes them, or a file that holds them.

One rule: what is known at a step is written over them, so that they say no less than what everybody knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.arrays import Floats, Ints
from energy_gym.data.feed import Feed
from energy_gym.errors import ConfigurationError, DataError, DuplicateStampError, WindowError
from energy_gym.forecast.from_file import ISSUED, TIME, places, read_table, stamps
from energy_gym.forecast.probabilistic.maker import settled
from energy_gym.forecast.probabilistic.protocol import Scenarios, check_asked, checked
from energy_gym.forecast.probabilistic.rows import Rows
from energy_gym.forecast.rows import Published

if TYPE_CHECKING:
    import pandas as pd

PATH = "path"


@dataclass(eq=False)
class Own:
    """A user's object with a method ``scenarios``, checked whenever it is asked.

    Args:
        maker: The object.
        feed: What it is asked about.
        columns: The columns that are needed of it.

    Raises:
        ConfigurationError: It has no such method.

    Example:
        >>> import numpy as np
        >>> from energy_gym.data.feed import open_feed
        >>> class Flat:
        ...     def scenarios(self, t, n, horizon):
        ...         return {"load_kw": np.full((n, horizon), 40.0)}
        >>> maker = Own(Flat(), open_feed("commercial", None, "test"), ("load_kw",))
        >>> maker.scenarios(100, 3, 4)["load_kw"].shape
        (3, 4)
    """

    maker: Any
    feed: Feed
    columns: tuple[str, ...]
    _rows: Rows = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.maker, Scenarios):
            remedy = "pass a name, a file, or such an object"
            raise ConfigurationError(f"{self.maker!r}", "must have a method scenarios(t, n, horizon)", remedy)
        for column in self.columns:
            self.feed.require(column, "scenarios of one's own")
        self._rows = Rows(Published(), self.feed)

    def scenarios(self, t: int, n: int, horizon: int) -> dict[str, Floats]:
        """See `Scenarios.scenarios`.

        Raises:
            ConfigurationError: The object gave no mapping, or paths of another shape.
            MissingColumnError: A column is missing.
            NonFiniteError: A value is not finite.
            WindowError: The paths would reach outside the data.
        """
        check_asked(self.feed, t, n, horizon)
        found = checked(self.maker.scenarios(t, n, horizon), type(self.maker).__name__, self.columns, n, horizon)
        return settled({name: values.copy() for name, values in found.items()}, self._rows, frozenset(), t)


@dataclass(eq=False)
class PathsFromCSV:
    """Paths read from a file with the columns ``issued``, ``time``, ``path`` and one for each series.

    A line is what path number ``path`` of those made at the moment ``issued`` holds for the step that begins at
    ``time``. At a step the newest issue counts that was made by then; it must cover every step that is asked for. Of
    more paths than are asked for, those are taken whose numbers are least.

    Args:
        path: The file.
        feed: The data it is about.
        columns: The columns that are needed of it.

    Raises:
        DataError: The file cannot be read, a stamp is no step of the data, or a path number is no whole number.
        NaiveIndexError: Stamps without an offset.
        MissingColumnError: A column is missing.
        NonFiniteError: A value is missing or not finite.
        DuplicateStampError: Two lines for the same step of the same path.
    """

    path: str | Path
    feed: Feed
    columns: tuple[str, ...]
    _issues: Ints = field(init=False, repr=False)
    _lines: list[pd.DataFrame] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = read_table(self.path, (ISSUED, TIME, PATH), (PATH, *self.columns))
        if (table[PATH] % 1 != 0).any():
            line = int(np.flatnonzero(table[PATH] % 1 != 0)[0]) + 2
            raise DataError(f"{self.path}, line {line}: {PATH}", "must be a whole number", "number the paths from 0")
        made = stamps(self.path, table[ISSUED]).as_unit("ns").asi8
        table = table.assign(step=places(self.path, self.feed, stamps(self.path, table[TIME])), made=made)
        again = table.duplicated(["made", "step", PATH]).to_numpy()
        if again.any():
            where = f"{self.path}, line {int(np.argmax(again)) + 2}"
            raise DuplicateStampError(where, "is there twice for the same issue, step and path", "keep one line")
        groups = dict(iter(table.groupby("made")))
        self._issues = np.array(sorted(groups), dtype=np.int64)
        self._lines = [groups[issue] for issue in self._issues.tolist()]

    def scenarios(self, t: int, n: int, horizon: int) -> dict[str, Floats]:
        """See `Scenarios.scenarios`.

        Raises:
            WindowError: Nothing was issued by then, or it does not cover the steps.
            ConfigurationError: There are fewer paths than were asked for.
        """
        now = self.feed.times[t]
        place = int(self._issues.searchsorted(now.as_unit("ns").value, side="right")) - 1
        if place < 0:
            raise WindowError(f"{self.path} at {now}", "holds nothing that was issued by then", "start later")
        lines = self._lines[place]
        inside = lines[(lines["step"] >= t) & (lines["step"] < t + horizon)]
        counts = inside.groupby(PATH).size()
        whole = counts.index[counts == horizon].sort_values()
        if not len(whole):
            last = self.feed.span(int(lines["step"].max()), int(lines["step"].max()) + 1)[0]
            found = f"{self.path}: {horizon} steps from {now}"
            raise WindowError(found, f"the paths that were issued last end at {last}", "look less far ahead")
        if len(whole) < n:
            rule = f"{self.path} has {len(whole)} at {now}"
            raise ConfigurationError(f"n={n} paths", rule, f"ask for at most {len(whole)}")
        chosen = inside[inside[PATH].isin(whole[:n])].sort_values([PATH, "step"])
        return {name: chosen[name].to_numpy(dtype=np.float64).reshape(n, horizon) for name in self.columns}
