"""A mixed-integer linear model as arrays for HiGHS, stated by the laws themselves.

Rules that are not linear are stated as choices, one binary a step. A choice is switched on only in the steps where the
plan of the relaxed model breaks its rule, until no plan does; the bound of each relaxation holds.

One rule: nothing of energy is known here; statements come from entities and contracts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from energy_gym.arrays import Flags, Floats
from energy_gym.errors import SolverError
from energy_gym.modelling import Broken, Rows
from energy_gym.oracle.engines import RELATIVE_GAP, chosen_solver, run_pyomo, tight
from energy_gym.oracle.linear import Linear

MAX_ROUNDS = 6
USUAL_SIZE = 64.0


@dataclass
class Choice:
    """A rule that needs a binary: rows that state it, what breaks it, and the steps where it is switched on."""

    rows: Rows
    broken: Broken
    on: Flags


@dataclass(frozen=True)
class Answer:
    """What HiGHS found: values of the columns, an upper bound on the maximum, and whether there is a plan."""

    columns: Floats
    bound: float


class ArrayModel:
    """A model of ``size`` steps that is maximised; see `energy_gym.modelling.Model`.

    Args:
        size: Number of steps.
        likely: Steps in which rules that need a binary are likely to be broken, shape (size,); they are switched on
            from the start.
        gap: Relative gap between plan and bound at which a search ends.
        kept: Steps in which rules that need a binary are kept, shape (size,); elsewhere the plan is that of the
            relaxation. None: all.
        scaled: Scale quantities by the largest of them. What is stated to the penny beside large quantities, such as
            the price of moving a market, is better left as it is.
    """

    def __init__(
        self,
        size: int,
        likely: Flags | None = None,
        gap: float = RELATIVE_GAP,
        *,
        scaled: bool = False,
        kept: Flags | None = None,
    ) -> None:
        self._scaled = scaled
        self.size = size
        self._gap = gap
        self._likely = np.zeros(size, dtype=bool) if likely is None else likely
        self._kept = np.ones(size, dtype=bool) if kept is None else kept
        self._lower: list[Floats] = []
        self._upper: list[Floats] = []
        self._whole: list[Flags] = []
        self._count = 0
        self._rows: list[tuple[Linear, Floats, Floats]] = []
        self._earned: list[Linear] = []
        self._choices: list[Choice] = []

    def variable(self, lower: Any, upper: Any, size: int | None = None, whole: bool = False) -> Linear:
        """See `Model.variable`."""
        count = self.size if size is None else size
        self._whole.append(np.full(count, whole))
        self._lower.append(np.broadcast_to(np.asarray(lower, dtype=float), (count,)))
        self._upper.append(np.broadcast_to(np.asarray(upper, dtype=float), (count,)))
        first, self._count = self._count, self._count + count
        return Linear.columns(np.arange(first, first + count))

    def previous(self, series: Linear, start: float) -> Linear:
        """See `Model.previous`."""
        constant = np.concatenate([[start], series.constant[:-1]])
        terms = [
            (np.concatenate([[-1], columns[:-1]]), np.concatenate([[0.0], values[:-1]]))
            for columns, values in series.terms
        ]
        return Linear(constant, terms)

    def equal(self, left: Any, right: Any) -> None:
        """See `Model.equal`."""
        row = left - right
        self._rows.append((row, -row.constant, -row.constant))

    def at_most(self, left: Any, right: Any) -> None:
        """See `Model.at_most`."""
        self._rows.append(_at_most(left, right))

    def choose(self, rows: Rows, broken: Broken, *, seldom: bool = False) -> None:
        """See `Model.choose`; a rule that is seldom broken is off even in the likely steps until a plan breaks it."""
        self._choices.append(Choice(rows, broken, self._likely & self._kept & (not seldom)))

    @property
    def scale(self) -> float:
        """What the solver counts as one: a power of two, in proportion to the largest bounded quantity.

        Tolerances and the search itself then depend on the problem and not on the unit of its size.
        """
        largest = 0.0
        if not self._scaled:
            return 1.0
        for whole, *sides in zip(self._whole, self._lower, self._upper, strict=True):
            for side in sides:
                counted = np.abs(side[np.isfinite(side) & ~whole])
                largest = max(largest, float(counted.max(initial=0.0)))
        return float(2.0 ** np.round(np.log2(largest / USUAL_SIZE))) if largest else 1.0

    def earn(self, expression: Linear) -> None:
        """See `Model.earn`."""
        self._earned.append(expression)

    def solve(self, time_limit: float | None = None, good: Callable[[Answer], bool] | None = None) -> Answer:
        """Return the best plan found, and a proven bound.

        Args:
            time_limit: Seconds after which the best plan so far is returned.
            good: Says whether a plan that breaks rules can be played all the same for what its bound promises; then
                no binaries are switched on for it.

        Raises:
            SolverError: HiGHS ends without a plan.
        """
        end = None if time_limit is None else time.perf_counter() + time_limit
        # From the last round but one on, each round settles at least one rule for good.
        for attempt in range(MAX_ROUNDS + len(self._choices)):
            left = None if end is None else max(end - time.perf_counter(), 0.01)
            answer = self._run(left)
            broken = [self._broken(choice, answer) for choice in self._choices]
            late = end is not None and time.perf_counter() >= end
            if late or not any(flags.any() for flags in broken) or (good is not None and good(answer)):
                break
            self._switch(broken, every=attempt >= MAX_ROUNDS - 2)
        return answer

    def _broken(self, choice: Choice, answer: Answer) -> Flags:
        """Return the steps without a binary in which the plan breaks a rule that is kept."""
        return np.asarray(choice.broken(lambda series: series.value(answer.columns)) & self._kept & ~choice.on)

    def _switch(self, broken: list[Flags], every: bool) -> None:
        """Switch binaries on where rules are broken, or everywhere for these rules."""
        for choice, flags in zip(self._choices, broken, strict=True):
            if flags.any():
                choice.on = self._kept.copy() if every else choice.on | flags

    def _run(self, time_limit: float | None) -> Answer:
        import highspy

        binaries, rows = self._stated_choices()
        if (name := chosen_solver()) is not None:
            return self._handed(name, binaries, [*self._rows, *rows], time_limit)
        solver = highspy.Highs()
        solver.silent()
        for option, value in {**tight(), "mip_rel_gap": self._gap}.items():
            solver.setOptionValue(option, value)
        if time_limit is not None:
            solver.setOptionValue("time_limit", time_limit)
        solver.passModel(self._matrix(binaries, [*self._rows, *rows]))
        solver.run()
        if solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
            # There always is a plan; what presolve takes for a contradiction has been seen to be its own rounding.
            solver.clearSolver()
            solver.setOptionValue("presolve", "off")
            solver.run()
        return self._read(solver, binaries > 0 or any(part.any() for part in self._whole))

    def _handed(self, name: str, binaries: int, rows: list[tuple[Linear, Floats, Floats]], limit: Any) -> Answer:
        """Return what a solver of Pyomo finds."""
        whole = self._kinds(binaries)
        values, least = run_pyomo(name, self._matrix(binaries, rows), whole, limit)
        return Answer(values[: self._count] * self._units(whole)[: self._count], self.constant - least * self.scale)

    def _kinds(self, binaries: int) -> Flags:
        """Return which columns are whole numbers."""
        return np.concatenate([*self._whole, np.ones(binaries, dtype=bool)])

    def _stated_choices(self) -> tuple[int, list[tuple[Linear, Floats, Floats]]]:
        """Return how many binaries are switched on, and the rows that use them."""
        count, rows = 0, []
        for choice in self._choices:
            at = np.flatnonzero(choice.on)
            if len(at):
                binary = Linear.columns(self._count + count + np.arange(len(at)))
                count += len(at)
                rows += [_at_most(left, right) for left, right in choice.rows(binary, at)]
        return count, rows

    def _matrix(self, binaries: int, rows: list[tuple[Linear, Floats, Floats]]) -> Any:
        import highspy

        columns = self._count + binaries
        whole = self._kinds(binaries)
        unit, scale = self._units(whole), self.scale
        model = highspy.HighsLp()
        model.num_col_ = columns
        model.col_cost_ = -self._gains(columns) * (unit / scale)
        model.col_lower_ = np.concatenate([*self._lower, np.zeros(binaries)]) / unit
        model.col_upper_ = np.concatenate([*self._upper, np.ones(binaries)]) / unit
        entries, lower, upper = _stacked(rows)
        model.num_row_ = len(lower)
        model.row_lower_, model.row_upper_ = lower / scale, upper / scale
        start, index, value = _compressed(*entries, len(lower))
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_ = start, index
        model.a_matrix_.value_ = value * (unit[index] / scale)
        if whole.any():
            kinds = highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger
            model.integrality_ = [kinds[flag] for flag in whole.tolist()]
        return model

    def _units(self, whole: Flags) -> Floats:
        """Return what each column's solver value of 1 stands for: whole numbers stand for themselves."""
        return np.where(whole, 1.0, self.scale)

    def _gains(self, columns: int) -> Floats:
        gains = np.zeros(columns)
        for expression in self._earned:
            _, column, value = expression.entries()
            np.add.at(gains, column, value)
        return gains

    @property
    def constant(self) -> float:
        """The part of what is maximised that no variable changes."""
        return float(sum(expression.constant.sum() for expression in self._earned))

    def _read(self, solver: Any, mixed: bool) -> Answer:
        import highspy

        status, info = solver.getModelStatus(), solver.getInfo()
        values = np.asarray(solver.getSolution().col_value)
        optimal = status == highspy.HighsModelStatus.kOptimal
        if not optimal and status != highspy.HighsModelStatus.kTimeLimit:
            raise SolverError(
                f"HiGHS: {solver.modelStatusToString(status)}", "must end with a plan", "check the scenario and series"
            )
        if len(values) == 0 or not np.isfinite(values).all():
            values = np.zeros(self._count)
        values = values[: self._count] * self._units(np.concatenate(self._whole))
        least = info.mip_dual_bound if mixed else (info.objective_function_value if optimal else -np.inf)
        bound = self.constant - least * self.scale if np.isfinite(least) else self._trivial_bound()
        return Answer(values, bound)

    def _trivial_bound(self) -> float:
        """Bound what is maximised by the better bound of every variable."""
        gains = self._gains(self._count)
        with np.errstate(invalid="ignore"):
            best = np.maximum(gains * np.concatenate(self._lower), gains * np.concatenate(self._upper))
        return float(np.where(gains == 0.0, 0.0, best).sum() + self.constant)


def _at_most(left: Any, right: Any) -> tuple[Linear, Floats, Floats]:
    row = left - right
    return row, np.full(len(row), -np.inf), -row.constant


def _stacked(rows: list[tuple[Linear, Floats, Floats]]) -> tuple[tuple[Any, Any, Any], Floats, Floats]:
    """Return all entries with their row numbers, and the bounds of the rows."""
    none = np.zeros(0)
    parts, first = [(none.astype(np.int64), none.astype(np.int64), none)], 0
    for row, _, _ in rows:
        numbers, columns, values = row.entries()
        parts.append((numbers + first, columns, values))
        first += len(row)
    entries = tuple(np.concatenate(part) for part in zip(*parts, strict=True))
    lower, upper = (np.concatenate([none, *(row[side] for row in rows)]) for side in (1, 2))
    return entries, lower, upper  # type: ignore[return-value]  # three parts go in and come out


def _compressed(row: Any, column: Any, value: Any, rows: int) -> tuple[Any, Any, Any]:
    """Return start, column index and value of a sparse matrix held by rows; entries of one place are added up."""
    from scipy.sparse import coo_matrix

    matrix = coo_matrix((value, (row, column)), shape=(rows, int(column.max(initial=0)) + 1)).tocsr()
    matrix.sum_duplicates()
    return matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data
