"""The MILP as arrays for HiGHS, with binaries only where a relaxed plan breaks a rule that needs them.

Two rules of a storage are not linear: it must not charge and discharge in one step (which pays where burning energy
pays), and it must not discharge below its lower limit, although standby losses may carry it there. Both are switched
on, by one binary per step, where the plan of the relaxed problem breaks them, until no plan does. Each relaxation's
bound holds.

One rule: the physics is `battery.next_energy`, read off as coefficients; nothing is restated here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.entities import battery
from energy_gym.errors import SolverError
from energy_gym.oracle.problem import Problem

TOLERANCE_KWH = 1e-7
RELATIVE_GAP = 1e-9
MAX_ROUNDS = 4
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Relaxed:
    """What HiGHS found with binaries in some steps: energies by step, shape (T,), and an upper bound on the return."""

    charged: Floats
    discharged: Floats
    energy: Floats
    bound: float


def solve_milp(problem: Problem, time_limit: float | None = None) -> tuple[Floats, float]:
    """Return the energy to charge (+) or discharge (-) by step [kWh], shape (T,), and a bound on any plan's return.

    Raises:
        SolverError: HiGHS ends without a plan.
    """
    end = None if time_limit is None else time.perf_counter() + time_limit
    exclusive = problem.burning
    for attempt in range(MAX_ROUNDS):
        left = None if end is None else max(end - time.perf_counter(), 0.05)
        relaxed = _solve(problem, exclusive, left)
        broken = _broken(problem, relaxed) & ~exclusive
        if not broken.any() or (end is not None and time.perf_counter() >= end):
            break
        exclusive = exclusive | broken if attempt < MAX_ROUNDS - 2 else np.ones(len(problem), dtype=bool)
    return relaxed.charged - relaxed.discharged, relaxed.bound


def lowest_energy(problem: Problem) -> Floats:
    """Return the least energy that can be stored at each step's end [kWh], shape (T,): full discharge, then leakage."""
    cell = problem.cell
    lowest, energy = np.empty(len(problem)), problem.energy
    for step in range(len(problem)):
        kept = energy * cell.keep
        energy = min(kept, max(cell.energy_min, kept - cell.discharge_kwh / cell.efficiency_discharge))
        lowest[step] = energy
    return lowest


def _broken(problem: Problem, plan: Relaxed) -> Flags:
    both = np.minimum(plan.charged, plan.discharged) > TOLERANCE_KWH
    below = (plan.discharged > TOLERANCE_KWH) & (plan.energy < problem.cell.energy_min - TOLERANCE_KWH)
    return np.asarray(both | below)


def _solve(problem: Problem, exclusive: Flags, time_limit: float | None) -> Relaxed:
    import highspy

    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("mip_rel_gap", RELATIVE_GAP)
    solver.setOptionValue("mip_abs_gap", RELATIVE_GAP)
    solver.setOptionValue("presolve", "on" if exclusive.any() else "off")
    if time_limit is not None:
        solver.setOptionValue("time_limit", time_limit)
    solver.passModel(_model(problem, exclusive))
    solver.run()
    return _read(problem, solver, bool(exclusive.any()))


def _read(problem: Problem, solver: Any, mixed: bool) -> Relaxed:
    import highspy

    status, info, size = solver.getModelStatus(), solver.getInfo(), len(problem)
    values = np.asarray(solver.getSolution().col_value)
    optimal = status == highspy.HighsModelStatus.kOptimal
    if not optimal and status != highspy.HighsModelStatus.kTimeLimit:
        raise SolverError(
            f"HiGHS: {solver.modelStatusToString(status)}", "must end with a plan", "check the battery and series"
        )
    if len(values) == 0 or not np.isfinite(values).all():
        values = np.zeros(3 * size)
    least = info.mip_dual_bound if mixed else (info.objective_function_value if optimal else -np.inf)
    bound = problem.constant - least if np.isfinite(least) else _trivial_bound(problem)
    return Relaxed(values[:size], values[size : 2 * size], values[2 * size : 3 * size], bound)


def _trivial_bound(problem: Problem) -> float:
    """Bound by full power in the better direction at every step, and the most that the end can be worth."""
    cell = problem.cell
    gain = np.maximum(np.maximum(-problem.buy * cell.charge_kwh, problem.sell * cell.discharge_kwh), 0.0).sum()
    end = max(problem.end_value * cell.energy_max, problem.end_value * lowest_energy(problem)[-1], 0.0)
    return float(gain + end + problem.constant)


def _model(problem: Problem, exclusive: Flags) -> Any:
    """Return the HighsLp: charged, discharged, energy (T columns each), a binary per exclusive step (1: charging)."""
    import highspy

    size, where = len(problem), np.flatnonzero(exclusive)
    matrix, lower, upper = _rows(problem, where)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = 3 * size + len(where), len(lower)
    model.col_cost_ = _costs(problem, len(where))
    model.col_lower_, model.col_upper_ = _column_bounds(problem, len(where))
    model.row_lower_, model.row_upper_ = lower, upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix
    if len(where):
        kinds = [highspy.HighsVarType.kContinuous] * (3 * size) + [highspy.HighsVarType.kInteger] * len(where)
        model.integrality_ = kinds
    return model


def _costs(problem: Problem, binaries: int) -> Floats:
    """Return the cost of each column: HiGHS minimises the negative of the return, less the constant."""
    stored = np.zeros(len(problem))
    stored[-1] = -problem.end_value
    return np.concatenate([problem.buy, -problem.sell, stored, np.zeros(binaries)])


def _column_bounds(problem: Problem, binaries: int) -> tuple[Floats, Floats]:
    cell, size = problem.cell, len(problem)
    lower = np.concatenate([np.zeros(2 * size), lowest_energy(problem), np.zeros(binaries)])
    power = [np.full(size, cell.charge_kwh), np.full(size, cell.discharge_kwh)]
    return lower, np.concatenate([*power, np.full(size, cell.energy_max), np.ones(binaries)])


def _rows(problem: Problem, where: npt.NDArray[np.intp]) -> tuple[tuple[Any, Any, Any], Floats, Floats]:
    """Return the rows in compressed form with their bounds: energy balance, then three rows per exclusive step."""
    cell, size, extra = problem.cell, len(problem), len(where)
    step, order = np.arange(size), np.arange(extra)
    binary = 3 * size + order
    per_charge = -(battery.next_energy(0.0, 1.0, 0.0, cell))
    per_discharge = -(battery.next_energy(0.0, 0.0, 1.0, cell))
    kept = -(battery.next_energy(1.0, 0.0, 0.0, cell))
    floor = lowest_energy(problem)[where]
    balance, charging = step, size + order
    discharging, limiting = charging + extra, charging + 2 * extra
    one = np.ones(extra)
    entries = [
        (balance, step, np.full(size, per_charge)),
        (balance, size + step, np.full(size, per_discharge)),
        (balance, 2 * size + step, np.ones(size)),
        (balance[1:], 2 * size + step[:-1], np.full(size - 1, kept)),
        (charging, where, one),
        (charging, binary, -cell.charge_kwh * one),
        (discharging, size + where, one),
        (discharging, binary, cell.discharge_kwh * one),
        (limiting, 2 * size + where, one),
        (limiting, binary, cell.energy_min - floor),
    ]
    first = np.zeros(size)
    first[0] = -kept * problem.energy
    free = np.full(extra, -np.inf)
    lower = np.concatenate([first, free, free, np.full(extra, cell.energy_min)])
    upper = np.concatenate([first, np.zeros(extra), cell.discharge_kwh * one, np.full(extra, np.inf)])
    return _compressed(entries, len(lower)), lower, upper


def _compressed(entries: list[tuple[Any, Any, Any]], rows: int) -> tuple[Any, Any, Any]:
    """Return start, column index and value of a sparse matrix held by rows."""
    row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    order = np.argsort(row, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))])
    return start.astype(np.int32), column[order].astype(np.int32), value[order]
