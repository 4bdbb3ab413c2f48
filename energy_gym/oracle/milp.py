"""The optimum with continuous power as a mixed-integer linear model, for problems and for whole units.

One rule: what the solver plans is handed on as shares of rated power; what it earns is for the replay to say.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.backends import scalars
from energy_gym.dynamics import Course, play, total
from energy_gym.oracle.engines import RELATIVE_GAP
from energy_gym.oracle.linear import Linear
from energy_gym.oracle.model import Answer, ArrayModel
from energy_gym.oracle.problem import Problem, state_problem
from energy_gym.oracle.statement import Goal, Stated, state_unit
from energy_gym.units import Unit


def solve_milp(problem: Problem, time_limit: float | None = None) -> tuple[Floats, float]:
    """Return the energy to charge (+) or discharge (-) by step [kWh], shape (T,), and a bound on any plan's return.

    Raises:
        SolverError: HiGHS ends without a plan.
    """
    model = ArrayModel(len(problem), likely=problem.burning, scaled=True)
    charged, discharged = state_problem(model, problem)
    answer = model.solve(time_limit)
    return charged.value(answer.columns) - discharged.value(answer.columns), answer.bound


def solve_unit(
    unit: Unit, states: Sequence[float], goal: Goal, time_limit: float | None = None
) -> tuple[Floats, float]:
    """Return the best shares of rated power, shape (T, controls), and a bound on any plan's return.

    Args:
        unit: The unit over the window.
        states: States now.
        goal: What is maximised.
        time_limit: Seconds after which the best plan so far is returned.

    Raises:
        SolverError: HiGHS ends without a plan.
    """
    model = ArrayModel(len(unit), likely=_likely(unit, goal), scaled=True)
    stated = state_unit(model, unit, states, goal)

    def good(answer: Answer) -> bool:
        earned = play_unit(unit, states, goal, _shares(unit, stated, answer.columns))
        return earned >= answer.bound - RELATIVE_GAP * max(1.0, abs(answer.bound))

    answer = model.solve(time_limit, good)
    return _shares(unit, stated, answer.columns), answer.bound


def play_unit(unit: Unit, states: Sequence[float], goal: Goal, wishes: Floats) -> float:
    """Return what shares of rated power, shape (T, controls), earn under the laws of the environment."""
    course = Course([unit], [goal.closing], goal.weights)
    return float(total(play(course, states, [tuple(wish) for wish in wishes.tolist()], unit.signals(), scalars)))


def _likely(unit: Unit, goal: Goal) -> npt.NDArray[np.bool_]:
    """Return the steps in which energy, or exporting it, is worth less than nothing."""
    money, carbon, _ = goal.weights
    least = money * np.minimum(unit.buy, unit.sell) + carbon * unit.carbon
    return np.asarray(least < 0.0)


def _shares(unit: Unit, stated: Stated, columns: Floats) -> Floats:
    """Return energies drawn and given as shares of rated power, shape (T, controls)."""
    shares = np.zeros((len(unit), len(unit.flexibles)))
    for control, (flexible, *flows) in enumerate(zip(unit.flexibles, stated.drawn, stated.given, strict=True)):
        drawn, given = (flow.value(columns) if isinstance(flow, Linear) else np.zeros(len(unit)) for flow in flows)
        if flexible.laws.untangle is not None:
            drawn, given = flexible.laws.untangle(drawn, given, flexible.cell)
        flow = drawn - given
        rated = np.where(flow > 0.0, flexible.draw_kwh, flexible.give_kwh)
        shares[:, control] = np.clip(np.divide(flow, rated, out=np.zeros(len(unit)), where=rated > 0.0), -1.0, 1.0)
    return shares
