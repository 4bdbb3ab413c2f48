"""What solves the arrays of a model: HiGHS itself, or any solver that Pyomo knows, for as long as one is asked for.

One rule: a solver is handed rows and columns; what they mean, and which rules are switched on, is the model's business.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.errors import ConfigurationError, SolverError

RELATIVE_GAP = 1e-9
_CHOSEN: ContextVar[str | None] = ContextVar("solver", default=None)
# What solvers call the seconds that they may take.
TIME_LIMITS = {"glpk": "tmlim", "cbc": "sec", "gurobi": "TimeLimit", "cplex": "timelimit", "scip": "limits/time"}


def chosen_solver() -> str | None:
    """Return the name of the solver that is asked for; None for HiGHS on arrays."""
    return _CHOSEN.get()


@contextmanager
def using_solver(name: str | None) -> Iterator[None]:
    """Let all models that are solved inside be handed to a solver by Pyomo; None leaves it as it is.

    Raises:
        SolverError: Pyomo does not find it.

    Example:
        >>> import gymnasium as gym, energy_gym
        >>> env = gym.make("energy_gym/Commercial-v1", split="test", episode_steps=24)
        >>> observation, info = env.reset(seed=1)
        >>> with using_solver("appsi_highs"):
        ...     by_pyomo = energy_gym.solve(env).value
        >>> abs(by_pyomo - energy_gym.solve(env).value) < 1e-6
        True
    """
    if name is not None:
        _solver(name)
    token = _CHOSEN.set(_CHOSEN.get() if name is None else name)
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def _solver(name: str) -> Any:
    import pyomo.environ as pyo

    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"solver={name!r}", "must name a solver of Pyomo", "pass 'glpk', 'cbc' or 'gurobi'")
    with _quiet("pyomo"):
        found = pyo.SolverFactory(name)
        there = found.available(exception_flag=False)
    if not there:
        remedy = "install it so that Pyomo finds it (`pyomo help --solvers` lists them), or leave it out"
        raise SolverError(f"solver {name!r}", "is not available to Pyomo", remedy)
    return found


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep a logger from telling what is told as an error of ours, by its traceback."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def run_pyomo(name: str, model: Any, whole: Any, time_limit: float | None) -> tuple[Floats, float]:
    """Return values of the columns and a lower bound on the minimum, as a solver of Pyomo finds them.

    Args:
        name: The solver.
        model: A ``highspy.HighsLp`` by rows: what HiGHS would be handed.
        whole: Which columns are whole numbers, flags of shape (columns,).
        time_limit: Seconds, told to the solvers whose word for it is known.

    Raises:
        SolverError: It is not there, or ends without an optimum.
    """
    import pyomo.environ as pyo

    solver, stated = _solver(name), _stated(model, whole)
    if time_limit is not None and name in TIME_LIMITS:
        solver.options[TIME_LIMITS[name]] = max(int(np.ceil(time_limit)), 1)
    result = solver.solve(stated, options=tight(name), load_solutions=False)
    condition = result.solver.termination_condition
    if condition != pyo.TerminationCondition.optimal:
        raise SolverError(f"{name}: {condition}", "must end with an optimum", "give it more time, or try another")
    stated.solutions.load_from(result) if len(result.solution) else solver.load_vars()
    values = np.array([pyo.value(stated.x[column], exception=False) or 0.0 for column in stated.x])
    least = float(np.asarray(model.col_cost_) @ values)
    told = result.problem.lower_bound
    return values, min(least, float(told)) if whole.any() and _finite(told) else least


def tight(name: str = "highs") -> dict[str, float]:
    """Return the options with which a solver proves what it says: HiGHS' own tolerance has lost best plans."""
    names = ("mip_rel_gap", "mip_abs_gap", "mip_feasibility_tolerance")
    return dict.fromkeys(names, RELATIVE_GAP) if "highs" in name else {}


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value))


def _stated(model: Any, whole: Any) -> Any:
    """Return rows and columns as a ``pyomo.environ.ConcreteModel`` that is minimised."""
    import pyomo.environ as pyo

    stated, costs = pyo.ConcreteModel(), np.asarray(model.col_cost_).tolist()
    bounds = [tuple(_or_none(side) for side in pair) for pair in zip(model.col_lower_, model.col_upper_, strict=True)]
    kinds = [pyo.Integers if flag else pyo.Reals for flag in whole.tolist()]
    stated.x = pyo.Var(range(len(bounds)), bounds=lambda _, at: bounds[at], domain=lambda _, at: kinds[at])
    stated.spent = pyo.Objective(expr=pyo.quicksum(cost * stated.x[at] for at, cost in enumerate(costs) if cost))
    matrix = model.a_matrix_
    start, index, value = (np.asarray(part).tolist() for part in (matrix.start_, matrix.index_, matrix.value_))
    stated.rows = pyo.ConstraintList()
    for row, (low, high) in enumerate(zip(model.row_lower_, model.row_upper_, strict=True)):
        places = range(start[row], start[row + 1])
        total = pyo.quicksum(value[at] * stated.x[index[at]] for at in places)
        if len(places):
            stated.rows.add(total == low if low == high else pyo.inequality(_or_none(low), total, _or_none(high)))
    return stated


def _or_none(side: float) -> float | None:
    return float(side) if np.isfinite(side) else None
