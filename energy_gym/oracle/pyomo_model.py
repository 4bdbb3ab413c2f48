"""The same problem stated in Pyomo with a binary in every step: readable, open to other solvers, and the yardstick.

One rule: the constraints call the laws of the entities; a test holds this model and the fast methods to one optimum.
"""

from __future__ import annotations

from typing import Any

from energy_gym.entities import battery
from energy_gym.errors import SolverError
from energy_gym.oracle.milp import lowest_energy
from energy_gym.oracle.problem import Problem


def build_model(problem: Problem) -> Any:
    """Return the problem as a ``pyomo.environ.ConcreteModel`` that maximises the return.

    Variables by step: ``charged``, ``discharged`` and ``energy`` (at its end) [kWh], ``charging`` (1 while charging).

    Example:
        >>> import numpy as np
        >>> from energy_gym import Battery
        >>> cell = Battery(efficiency_charge=1.0, efficiency_discharge=1.0).cell(1.0)
        >>> round(solve_model(build_model(Problem(cell, np.array([1.0, 2.0]), np.array([1.0, 2.0]), energy=5.0))), 6)
        9.0
    """
    import pyomo.environ as pyo

    cell, last = problem.cell, len(problem) - 1
    lowest = lowest_energy(problem).tolist()
    model = pyo.ConcreteModel()
    model.steps = pyo.RangeSet(0, last)
    model.charged = pyo.Var(model.steps, bounds=(0.0, cell.charge_kwh))
    model.discharged = pyo.Var(model.steps, bounds=(0.0, cell.discharge_kwh))
    model.energy = pyo.Var(model.steps, bounds=lambda _, step: (lowest[step], cell.energy_max))
    model.charging = pyo.Var(model.steps, domain=pyo.Binary)

    def balance(model: Any, step: int) -> Any:
        before = problem.energy if step == 0 else model.energy[step - 1]
        return model.energy[step] == battery.next_energy(before, model.charged[step], model.discharged[step], cell)

    def charge_only(model: Any, step: int) -> Any:
        return model.charged[step] <= cell.charge_kwh * model.charging[step]

    def discharge_only(model: Any, step: int) -> Any:
        return model.discharged[step] <= cell.discharge_kwh * (1 - model.charging[step])

    def lower_limit(model: Any, step: int) -> Any:
        slack = (cell.energy_min - lowest[step]) * model.charging[step]
        return model.energy[step] >= cell.energy_min - slack

    model.balance = pyo.Constraint(model.steps, rule=balance)
    model.charge_only = pyo.Constraint(model.steps, rule=charge_only)
    model.discharge_only = pyo.Constraint(model.steps, rule=discharge_only)
    model.lower_limit = pyo.Constraint(model.steps, rule=lower_limit)
    earned = (
        problem.sell[step] * model.discharged[step] - problem.buy[step] * model.charged[step] for step in model.steps
    )
    end = problem.end_value * model.energy[last] + problem.constant
    model.earned = pyo.Objective(expr=pyo.quicksum(earned) + end, sense=pyo.maximize)
    return model


def solve_model(model: Any, solver: str = "appsi_highs") -> float:
    """Solve the model with any solver Pyomo knows, to a relative gap of 1e-9, and return the value of the objective.

    Raises:
        SolverError: The solver is not there or does not prove an optimum.
    """
    import pyomo.environ as pyo

    chosen = pyo.SolverFactory(solver)
    if not chosen.available(exception_flag=False):
        raise SolverError(f"solver {solver!r}", "is not available to Pyomo", 'install it, or use "appsi_highs"')
    tight = ("mip_rel_gap", "mip_abs_gap", "mip_feasibility_tolerance")
    options = dict.fromkeys(tight, 1e-9) if "highs" in solver else {}
    result = chosen.solve(model, options=options) if options else chosen.solve(model)
    if result.solver.termination_condition != pyo.TerminationCondition.optimal:
        raise SolverError(
            f"{solver}: {result.solver.termination_condition}", "must prove an optimum", "check the model"
        )
    return float(pyo.value(model.earned))
