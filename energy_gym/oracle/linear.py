"""Linear expressions over the columns of a solver's matrix, as vectors: what the laws of the entities are called with.

One rule: only ``+ - * /`` with numbers, arrays and other expressions, and indexing; anything else is no linear law.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats

Places = npt.NDArray[np.int64]


class Linear:
    """A vector of n linear expressions: a constant, and terms that each name one column and its coefficient by row.

    A column of -1 means that the term is absent in that row.

    Example:
        >>> x = Linear.columns(np.array([0, 1]))
        >>> y = 2.0 * x - np.array([1.0, 2.0])
        >>> y.value(np.array([10.0, 20.0])).tolist()
        [19.0, 38.0]
    """

    __slots__ = ("constant", "terms")
    # NumPy hands `array * expression` over to this class.
    __array_ufunc__ = None

    def __init__(self, constant: Floats, terms: list[tuple[Places, Floats]]) -> None:
        self.constant = constant
        self.terms = terms

    @classmethod
    def columns(cls, columns: Places) -> Linear:
        """Return the columns themselves, shape (n,)."""
        return cls(np.zeros(len(columns)), [(columns, np.ones(len(columns)))])

    def __len__(self) -> int:
        return len(self.constant)

    def __add__(self, other: Any) -> Linear:
        if isinstance(other, Linear):
            return Linear(self.constant + other.constant, [*self.terms, *other.terms])
        return Linear(self.constant + other, self.terms)

    __radd__ = __add__

    def __mul__(self, factor: Any) -> Linear:
        return Linear(self.constant * factor, [(columns, values * factor) for columns, values in self.terms])

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Linear:
        return self * (1.0 / divisor)

    def __neg__(self) -> Linear:
        return self * -1.0

    def __sub__(self, other: Any) -> Linear:
        return self + (-other if isinstance(other, Linear) else -1.0 * np.asarray(other))

    def __rsub__(self, other: Any) -> Linear:
        return -self + other

    def __getitem__(self, rows: Any) -> Linear:
        picked = [(columns[rows], values[rows]) for columns, values in self.terms]
        return Linear(self.constant[rows], picked)

    def value(self, solution: Floats) -> Floats:
        """Return the values of the expressions at a solution, shape (n,)."""
        total = self.constant.copy()
        for columns, values in self.terms:
            total += np.where(columns >= 0, values * solution[columns], 0.0)
        return total

    def entries(self) -> tuple[Places, Places, Floats]:
        """Return row, column and coefficient of all terms that are there."""
        rows = np.concatenate([np.arange(len(self))] * len(self.terms)) if self.terms else np.zeros(0, dtype=np.int64)
        columns = np.concatenate([term[0] for term in self.terms]) if self.terms else rows
        values = np.concatenate([term[1] for term in self.terms]) if self.terms else np.zeros(0)
        there = (columns >= 0) & (values != 0.0)
        return rows[there], columns[there], values[there]
