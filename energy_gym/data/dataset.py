"""A data set in memory; its one rule: regular in UTC, no NaN, and every filled step marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from energy_gym.data.cards import Card
from energy_gym.data.validation import validate_frame
from energy_gym.errors import DataError, UnknownIdError

Issued = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Dataset:
    """A card with its series.

    Args:
        card: What the series are.
        frame: float64, shape (steps, columns), in the units of the card; strictly regular UTC index named ``time``.
        filled: bool, same shape and labels; True where the value is not as published (filled, or a stand-in).
        issued: Forecasts as they were issued, by column, each of shape (steps, H): row t was made with what was known
            at the start of step t, for the steps t..t+H-1; NaN where none was issued. Made read-only.

    Raises:
        DataError: The frames do not fit each other or the card, or a forecast does not fit the frame.

    Example:
        >>> from energy_gym.data import load
        >>> ercot = load("ercot-2021-2022")
        >>> ercot.bounds("test")
        (13103, 17520)
        >>> ercot.frame.shape, int(ercot.filled.to_numpy().sum())
        ((17520, 1), 0)
    """

    card: Card
    frame: pd.DataFrame
    filled: pd.DataFrame
    issued: Mapping[str, Issued] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = tuple(self.card.columns)
        object.__setattr__(self, "frame", validate_frame(self.frame, columns))
        same = self.frame.index.equals(self.filled.index) and self.frame.columns.equals(self.filled.columns)
        if not same or tuple(self.frame.columns) != columns:
            found = f"columns {', '.join(map(str, self.frame.columns))}"
            raise DataError(found, f"must be those of the card, and of filled: {', '.join(columns)}", "select them")
        object.__setattr__(self, "issued", {name: self._forecast(name, rows) for name, rows in self.issued.items()})

    def _forecast(self, name: str, rows: Issued) -> Issued:
        found = f"issued[{name!r}] of shape {np.shape(rows)}"
        if name not in self.card.columns:
            raise DataError(found, f"must forecast a column of the card: {', '.join(self.card.columns)}", "drop it")
        if rows.ndim != 2 or len(rows) != len(self.frame) or not rows.shape[1]:
            raise DataError(found, f"must have one row for each of the {len(self.frame)} steps", "reindex it")
        if np.isinf(rows).any():
            raise DataError(found, "must be finite, or NaN where no forecast was issued", "replace infinite values")
        fixed = rows.view()
        fixed.setflags(write=False)
        return fixed

    def bounds(self, split: str) -> tuple[int, int]:
        """Return the first row of a split and the one after its last; ``"all"`` is the whole frame.

        Raises:
            UnknownIdError: The card has no such split.
        """
        if split == "all":
            return 0, len(self.frame)
        if split not in self.card.splits:
            raise UnknownIdError.of("split", split, ("all", *self.card.splits))
        first, stop = self.frame.index.searchsorted(pd.DatetimeIndex(self.card.splits[split]))
        return int(first), int(stop)
