"""The same statements in Pyomo with a binary in every step: readable, open to other solvers, and the yardstick.

One rule: entities and contracts state themselves through the same calls as for the arrays; a test holds both to one
optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.errors import SolverError
from energy_gym.oracle.engines import tight
from energy_gym.oracle.problem import Problem, state_problem
from energy_gym.oracle.statement import Goal, state_unit
from energy_gym.units import Unit

Series = npt.NDArray[np.object_]


class PyomoModel:
    """Collects what is stated in a ``pyomo.environ.ConcreteModel``; methods as in `energy_gym.modelling.Model`."""

    def __init__(self, size: int) -> None:
        import pyomo.environ as pyo

        self.size, self.scale = size, 1.0
        self.model = pyo.ConcreteModel()
        self.model.rows = pyo.ConstraintList()
        self._count = 0
        self._earned: list[Any] = []

    def variable(self, lower: Any, upper: Any, size: int | None = None, whole: bool = False, **keywords: Any) -> Series:
        """See `Model.variable`; other keywords are Pyomo's."""
        import pyomo.environ as pyo

        if whole:
            keywords["domain"] = pyo.Integers
        count = self.size if size is None else size
        low, high = (np.broadcast_to(np.asarray(bound, dtype=float), (count,)).tolist() for bound in (lower, upper))
        block = pyo.Var(range(count), bounds=lambda _, step: (low[step], high[step]), **keywords)
        self.model.add_component(f"x{self._count}", block)
        self._count += 1
        return np.array([block[step] for step in range(count)], dtype=object)

    def previous(self, series: Series, start: float) -> Series:
        """See `Model.previous`."""
        return np.concatenate([np.array([start], dtype=object), series[:-1]])

    def equal(self, left: Any, right: Any) -> None:
        """See `Model.equal`."""
        for row in _rows(left - right):
            self._add(row, row == 0.0)

    def at_most(self, left: Any, right: Any) -> None:
        """See `Model.at_most`."""
        for row in _rows(left - right):
            self._add(row, row <= 0.0)

    def _add(self, row: Any, relation: Any) -> None:
        if not isinstance(row, float):
            self.model.rows.add(relation)

    def choose(self, rows: Any, broken: Any, *, seldom: bool = False) -> None:
        """See `Model.choose`; here a rule has its binary in every step."""
        import pyomo.environ as pyo

        binary = self.variable(0.0, 1.0, domain=pyo.Binary)
        for left, right in rows(binary, np.arange(self.size)):
            self.at_most(left, right)

    def earn(self, expression: Any) -> None:
        """See `Model.earn`."""
        self._earned += _rows(expression)

    def finished(self) -> Any:
        """Return the model with its objective ``earned``."""
        import pyomo.environ as pyo

        self.model.earned = pyo.Objective(expr=pyo.quicksum(self._earned), sense=pyo.maximize)
        return self.model


def _rows(expression: Any) -> list[Any]:
    return list(np.atleast_1d(np.asarray(expression, dtype=object)))


def build_model(problem: Problem) -> Any:
    """Return a problem as a ``pyomo.environ.ConcreteModel`` that maximises the return.

    Example:
        >>> import numpy as np
        >>> from energy_gym import Battery
        >>> cell = Battery(efficiency_charge=1.0, efficiency_discharge=1.0).cell(1.0)
        >>> round(solve_model(build_model(Problem(cell, np.array([1.0, 2.0]), np.array([1.0, 2.0]), energy=5.0))), 6)
        9.0
    """
    model = PyomoModel(len(problem))
    state_problem(model, problem)
    return model.finished()


def build_unit_model(unit: Unit, states: Sequence[float], goal: Goal) -> Any:
    """Return a decision unit, from given states, as a ``pyomo.environ.ConcreteModel`` that maximises the return."""
    model = PyomoModel(len(unit))
    state_unit(model, unit, states, goal)
    return model.finished()


def solve_model(model: Any, solver: str = "appsi_highs") -> float:
    """Solve the model with any solver Pyomo knows, to a relative gap of 1e-9, and return the value of the objective.

    Raises:
        SolverError: The solver is not there or does not prove an optimum.
    """
    import pyomo.environ as pyo

    chosen = pyo.SolverFactory(solver)
    if not chosen.available(exception_flag=False):
        raise SolverError(f"solver {solver!r}", "is not available to Pyomo", 'install it, or use "appsi_highs"')
    options = tight(solver)
    result = _solved(chosen, model, options)
    if result is None and options:
        # What presolve of HiGHS takes for a contradiction has been seen to be its own rounding.
        result = _solved(chosen, model, {**options, "presolve": "off"})
    if result is None:
        raise SolverError(f"solver {solver!r}", "must end with a plan", "check the model")
    if result.solver.termination_condition != pyo.TerminationCondition.optimal:
        raise SolverError(
            f"{solver}: {result.solver.termination_condition}", "must prove an optimum", "check the model"
        )
    return float(pyo.value(model.earned))


def _solved(solver: Any, model: Any, options: dict[str, Any]) -> Any:
    """Return what a solver of Pyomo says once it has loaded a plan into the model; None where it has none to load."""
    try:
        return solver.solve(model, options=options) if options else solver.solve(model)
    except RuntimeError:
        return None
