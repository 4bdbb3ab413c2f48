"""What a solver's model offers to those who state themselves in it: entities, contracts, and the oracle.

One rule: nothing of energy is known here. A law of ``+ - * /`` takes a model's expressions as it takes numbers; what is
not linear is stated with a binary in each step, through `Model.choose`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

TOLERANCE = 1e-7
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = Callable[[Any, Any], list[tuple[Any, Any]]]
Broken = Callable[[Callable[[Any], Floats]], Flags]


class Model(Protocol):
    """A model of ``size`` steps that is maximised: `energy_gym.oracle.model.ArrayModel` for HiGHS, or one in Pyomo.

    Variables and expressions are vectors, as a rule with a row for each step; they know ``+ - * /`` with numbers and
    arrays, ``+ -`` with each other, and indexing.
    """

    @property
    def size(self) -> int:
        """Number of steps."""

    @property
    def scale(self) -> float:
        """What a solver counts quantities in, and with them its tolerances; 1 where it counts them as they are."""

    def variable(self, lower: Any, upper: Any, size: int | None = None, whole: bool = False) -> Any:
        """Return a vector of variables between bounds, whole numbers if so asked; ``size`` is that of the model."""

    def previous(self, series: Any, start: float) -> Any:
        """Return a series one step earlier; before the first step it is ``start``."""

    def equal(self, left: Any, right: Any) -> None:
        """State that two expressions are equal in every row."""

    def at_most(self, left: Any, right: Any) -> None:
        """State that one expression is at most another in every row."""

    def choose(self, rows: Rows, broken: Broken, *, seldom: bool = False) -> None:
        """State a rule that needs one binary a step.

        Args:
            rows: ``(binary, at) -> [(left, right), ...]``: left at most right, for the steps ``at``.
            broken: ``(value) -> flags``: the steps in which a plan breaks the rule; ``value`` gives the values of an
                expression.
            seldom: Whether a plan breaks it so seldom that it is left out until one does.
        """

    def earn(self, expression: Any) -> None:
        """Add the sum of an expression to what is maximised."""


def positive_part(model: Model, value: Any, highest: Any, lowest: Any, exact: Any) -> Any:
    """Return the part of an expression that is above 0, by step: what ``xp.positive`` is in a law.

    Args:
        model: The model.
        value: The expression, with a row for each step.
        highest: Most that it can be, a number or shape (T,).
        lowest: Most that its negative can be.
        exact: The steps in which more than that part must be ruled out, by a binary, as flags of shape (T,) or one for
            all; the others are those in which more of it costs or is worth nothing, so that no best plan needs it.
    """
    most, least, strict = (
        np.broadcast_to(each, (model.size,)) for each in (np.maximum(highest, 0.0), np.maximum(lowest, 0.0), exact)
    )
    part = model.variable(0.0, most)
    model.at_most(value, part)

    def rows(below: Any, at: Any) -> list[tuple[Any, Any]]:
        below, at = below[strict[at]], at[strict[at]]
        return [(part[at], most[at] * (1.0 - below)), (part[at] - value[at], least[at] * below)]

    def broken(of: Any) -> Any:
        return strict & (of(part) > np.maximum(of(value), 0.0) + TOLERANCE * model.scale)

    if strict.any():
        model.choose(rows, broken)
    return part
