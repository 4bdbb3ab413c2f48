"""A linear program of one battery behind a meter over scenarios, for HiGHS: built once, then only its figures change.

With c and g for what the battery draws and gives, e for what it stores, i and o for imports and exports, P for the
maxima of demand, over blocks of steps t and scenarios s,

    e[t] = keep e[t-1] + efficiency c - g / efficiency         the battery's own law
    fixed <= i - o - c + g <= fixed + spare                    the meter; what lies between is generation that is cut
    P >= i / hours + above                                     in the steps that count for a maximum

c, g and e are shared by the scenarios of a group (`energy_gym.agents.stochastic.tree`), and later steps are taken
together, in blocks whose highest load is ``above`` their mean. From step to step prices, loads
and states change costs and bounds alone, so that the dual simplex method goes on from the last basis. With a risk that
counts, what a scenario costs is a row, prices stand in it, and the program is handed over anew with the last basis.

One rule: a program plans; what a plan is worth is for the environment to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from energy_gym.agents.stochastic.outlook import Scenarios
from energy_gym.agents.stochastic.risk import Risk
from energy_gym.arrays import Floats, Ints
from energy_gym.entities.battery import Cell
from energy_gym.errors import SolverError


class Columns:
    """Where the variables lie: of groups by step, then of scenarios by step, then of scenarios."""

    def __init__(self, groups: Ints, maxima: int, risky: bool) -> None:
        steps, scenarios = groups.shape
        sizes = groups.max(axis=1) + 1
        first = np.concatenate([[0], np.cumsum(sizes)])
        self.nodes = int(first[-1])
        # Of each step and scenario, (T, S): the place of its group.
        self.node = first[:-1, None] + groups
        self.drawn, self.given, self.stored = (self.node + part * self.nodes for part in range(3))
        self._count = 3 * self.nodes
        self.imported, self.exported = (self._more((steps, scenarios)) for _ in range(2))
        self.peaks = self._more((maxima, scenarios))
        self.short = self._more((scenarios,))
        self.excess = self._more((scenarios,)) if risky else np.zeros(0, dtype=np.int64)
        self.bar = self._more((1,)) if risky else np.zeros(0, dtype=np.int64)

    def _more(self, shape: tuple[int, ...]) -> Ints:
        size = int(np.prod(shape))
        first, self._count = self._count, self._count + size
        return np.arange(first, first + size).reshape(shape)

    @property
    def count(self) -> int:
        """Number of variables."""
        return self._count


class Program:
    """Plans over scenarios.

    Args:
        cell: The battery.
        hours: Length of a step [h].
        groups: Which scenarios share decisions, shape (blocks, scenarios).
        lengths: Steps that each block takes together, shape (blocks,).
        maxima: Number of running maxima of demand.
        risk: What counts beside the mean.
        seconds: Time for a plan; None: as long as it takes.
    """

    def __init__(
        self,
        cell: Cell,
        hours: float,
        groups: Ints,
        lengths: Ints,
        maxima: int,
        risk: Risk,
        seconds: float | None = None,
    ) -> None:
        import highspy

        self.cell, self.groups, self.lengths, self.risk = cell, groups, lengths, risk
        self.steps, self.scenarios = groups.shape
        self.at = Columns(groups, maxima, risk.counts)
        self._rows = _Rows(self.at, cell, hours, groups, lengths, maxima)
        # What the solver counts energy in.
        self._unit = float(max(cell.charge_kwh, cell.discharge_kwh))
        self._solver = highspy.Highs()
        self._solver.silent()
        self._solver.setOptionValue("threads", 1)
        if seconds is not None:
            self._solver.setOptionValue("time_limit", seconds)
        self._told = False
        self._first = np.unique(self.at.node[0])

    def flows(self, scenarios: Scenarios, energy: float) -> Floats | None:
        """Return what the battery draws (+) or gives in the first step of the best plan, shape (S,) [kWh].

        Args:
            scenarios: What may come; where it is shorter than the program, the rest is idle.
            energy: What is stored now [kWh].

        Returns:
            None where the time was over before there was a plan.
        """
        self._tell(scenarios, energy)
        values = self._solved()
        return None if values is None else (values[self.at.drawn[0]] - values[self.at.given[0]]) * self._unit

    def cost_of(self, flows_kwh: Floats) -> float:
        """Return what the plan costs whose first step is given, shape (S,) [kWh]; of the scenarios told last."""
        self._pin(flows_kwh)
        return np.inf if self._solved() is None else float(self._solver.getInfo().objective_function_value)

    def _tell(self, scenarios: Scenarios, energy: float) -> None:
        """Hand over what changes."""
        told = _Figures(self, scenarios, energy, self._unit)
        if self._told and not self.risk.counts:
            columns, rows = np.arange(self.at.count), np.arange(self._rows.count)
            self._solver.changeColsCost(self.at.count, columns.astype(np.int32), told.cost)
            self._solver.changeColsBounds(self.at.count, columns.astype(np.int32), told.lower, told.upper)
            self._solver.changeRowsBounds(self._rows.count, rows.astype(np.int32), told.row_lower, told.row_upper)
            return
        basis = self._solver.getBasis() if self._told else None
        self._solver.passModel(self._rows.stated(told))
        # Presolve forgets the basis, and pays only where there is none.
        self._solver.setOptionValue("presolve", "off" if self._told else "on")
        if basis is not None:
            self._solver.setBasis(basis)
        self._told = True

    def _pin(self, flows_kwh: Floats) -> None:
        """Bind the first step to flows."""
        flows = np.zeros(len(self._first))
        flows[self.groups[0]] = flows_kwh / self._unit
        columns = np.concatenate([self._first, self._first + self.at.nodes]).astype(np.int32)
        sides = np.concatenate([np.maximum(flows, 0.0), np.maximum(-flows, 0.0)])
        self._solver.changeColsBounds(len(columns), columns, sides, sides)

    def _solved(self) -> Floats | None:
        """Return the values of the variables at the optimum; None where time ran out."""
        import highspy

        self._solver.run()
        self._solver.setOptionValue("presolve", "off")
        status = self._solver.getModelStatus()
        if status == highspy.HighsModelStatus.kTimeLimit:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            found = f"HiGHS: {self._solver.modelStatusToString(status)}"
            raise SolverError(found, "must end with a plan", "check the scenarios and the site")
        return np.asarray(self._solver.getSolution().col_value)


class _Rows:
    """The rows of a program, whose coefficients are those of the battery and never change; those of risk come last."""

    def __init__(self, at: Columns, cell: Cell, hours: float, groups: Ints, lengths: Ints, maxima: int) -> None:
        self.at, (steps, scenarios) = at, groups.shape
        self._entries: list[tuple[Any, Any, Any]] = []
        self.balance = at.node
        self._battery(cell, lengths)
        first = at.nodes
        self.meter = first + np.arange(steps * scenarios).reshape(steps, scenarios)
        for columns, value in ((at.imported, 1.0), (at.exported, -1.0), (at.drawn, -1.0), (at.given, 1.0)):
            self._add(self.meter, columns, value)
        first += steps * scenarios
        self.demand = first + np.arange(maxima * steps * scenarios).reshape(maxima, steps, scenarios)
        hours_each = np.broadcast_to((hours * lengths)[:, None], self.demand.shape)
        self._add(self.demand, np.broadcast_to(at.peaks[:, None, :], self.demand.shape), 1.0)
        self._add(self.demand, np.broadcast_to(at.imported, self.demand.shape), -1.0 / hours_each)
        first += maxima * steps * scenarios
        self.close = first + np.arange(scenarios)
        self._add(self.close, at.short, 1.0)
        self._add(self.close, at.stored[-1], 1.0)
        self.fixed_rows = first + scenarios
        self.cost = self.fixed_rows + np.arange(len(at.excess))
        self.count = self.fixed_rows + len(self.cost)
        self._matrix = _compressed(self._entries, self.fixed_rows, at.count)

    def _add(self, rows: Any, columns: Any, value: Any) -> None:
        values = np.broadcast_to(value, np.shape(rows))
        self._entries.append((np.ravel(rows), np.ravel(columns), np.ravel(values)))

    def _battery(self, cell: Cell, lengths: Ints) -> None:
        """State what is stored, once for each group."""
        node, which = np.unique(self.at.node, return_index=True)
        stored, drawn, given = (np.ravel(part)[which] for part in (self.at.stored, self.at.drawn, self.at.given))
        self._add(node, stored, 1.0)
        self._add(node, drawn, -cell.efficiency_charge)
        self._add(node, given, 1.0 / cell.efficiency_discharge)
        after, which = np.unique(self.at.node[1:], return_index=True)
        kept = np.broadcast_to(cell.keep ** lengths[1:, None], self.at.stored[1:].shape)
        self._add(after, np.ravel(self.at.stored[:-1])[which], -np.ravel(kept)[which])

    def stated(self, told: _Figures) -> Any:
        """Return all of it as HiGHS takes it."""
        import highspy

        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self.at.count, self.count
        model.col_cost_, model.col_lower_, model.col_upper_ = told.cost, told.lower, told.upper
        model.row_lower_, model.row_upper_ = told.row_lower, told.row_upper
        start, index, value = self._matrix
        if len(self.cost):
            more = told.risk_entries()
            width = more[0].shape[1]
            start = np.concatenate([start, start[-1] + width * np.arange(1, len(self.cost) + 1)]).astype(np.int32)
            index, value = np.concatenate([index, more[0].ravel()]), np.concatenate([value, more[1].ravel()])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = start, index.astype(np.int32), value
        return model


class _Figures:
    """Costs and bounds of a program, for what may come from a state on.

    Costs are told in units of the dearest price, energies in what the battery can move in a step.
    """

    def __init__(self, program: Program, scenarios: Scenarios, energy: float, unit: float) -> None:
        at, size = program.at, scenarios.steps
        self._program, self._at = program, at
        self._paid(program, scenarios)
        self._bounds(program, scenarios, energy, unit)
        rows = program._rows
        self.row_lower, self.row_upper = np.full(rows.count, -np.inf), np.full(rows.count, np.inf)
        self.row_lower[: at.nodes] = self.row_upper[: at.nodes] = 0.0
        now = np.unique(at.node[0])
        self.row_lower[now] = self.row_upper[now] = program.cell.keep ** program.lengths[0] * energy / unit
        self.row_lower[rows.meter] = self.row_upper[rows.meter] = 0.0
        self.row_lower[rows.meter[:size]] = scenarios.fixed_kwh.T / unit
        self.row_upper[rows.meter[:size]] = (scenarios.fixed_kwh + scenarios.spare_kwh).T / unit
        above = np.broadcast_to(scenarios.demand.above_kw.T / unit, (size, program.scenarios))
        active = scenarios.demand.active[:, :, None] > 0.0
        self.row_lower[rows.demand[:, :size]] = np.where(active, above, -np.inf)
        self.row_lower[rows.close] = scenarios.end.initial_kwh / unit
        if len(rows.cost):
            self.row_lower[rows.cost] = 0.0

    def _paid(self, program: Program, scenarios: Scenarios) -> None:
        """Set what each variable costs, by scenario and in all."""
        at, size, end = self._at, scenarios.steps, scenarios.end
        prices = np.zeros((2, program.steps, program.scenarios))
        prices[0, :size], prices[1, :size] = scenarios.buy.T, -np.minimum(scenarios.sell, scenarios.buy).T
        dearest = max(float(np.abs(prices).max()), abs(end.left), abs(end.missing)) or 1.0
        worn = np.full(at.given.shape, scenarios.wear)
        worn[size:] = 0.0
        columns = [at.imported, at.exported, at.given, at.peaks, at.stored[-1:], at.short[None]]
        rates = np.broadcast_to(scenarios.demand.costs[:, None], at.peaks.shape)
        last = [np.full((1, program.scenarios), price) for price in (-end.left, max(end.missing - end.left, 0.0))]
        values = [prices[0], prices[1], worn, rates, *last]
        # By scenario, (S, entries).
        self._places = np.concatenate(columns).T
        self._costs = np.concatenate(values).T / dearest
        risk, count = program.risk, program.scenarios
        mean = (1.0 - risk.weight) if risk.counts else 1.0
        self.cost = np.zeros(at.count)
        np.add.at(self.cost, self._places, self._costs * mean)
        if risk.counts:
            self.cost[at.excess] = risk.weight / (1.0 - risk.level)
            self.cost[at.bar] = risk.weight * count

    def risk_entries(self) -> tuple[Ints, Floats]:
        """Return columns and coefficients of the rows that say what a scenario costs above the bar, each (S, entries).

        excess + bar - cost >= 0.
        """
        at, ones = self._at, np.ones((len(self._at.excess), 1))
        bar = np.broadcast_to(at.bar, ones.shape)
        columns = np.concatenate([self._places, at.excess[:, None], bar], axis=1)
        return columns, np.concatenate([-self._costs, ones, ones], axis=1)

    def _bounds(self, program: Program, scenarios: Scenarios, energy: float, unit: float) -> None:
        """Set between what each variable lies."""
        at, size, cell = self._at, scenarios.steps, program.cell
        lengths = program.lengths[:, None]
        self.lower, self.upper = np.zeros(at.count), np.full(at.count, np.inf)
        self.upper[at.drawn], self.upper[at.given] = (
            cell.charge_kwh / unit * lengths,
            cell.discharge_kwh / unit * lengths,
        )
        self.upper[at.drawn[size:]] = self.upper[at.given[size:]] = 0.0
        # Standby losses, and a start outside the limits, may leave less than the least or more than the most.
        kept = min(energy, cell.energy_min) * cell.keep ** np.cumsum(lengths)
        self.lower[at.stored] = kept[:, None] / unit
        self.upper[at.stored] = max(cell.energy_max, energy) / unit
        self.upper[at.imported[:size]] = scenarios.import_kwh[:, None] / unit
        self.upper[at.exported[:size]] = scenarios.export_kwh[:, None] / unit
        self.lower[at.peaks] = scenarios.demand.peaks[:, None] / unit
        if len(at.bar):
            self.lower[at.bar] = -np.inf


def _compressed(entries: Sequence[tuple[Any, Any, Any]], rows: int, columns: int) -> tuple[Any, Any, Any]:
    """Return start, column and value of a sparse matrix held by rows."""
    from scipy.sparse import coo_matrix

    row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    matrix = coo_matrix((value, (row, column)), shape=(rows, columns)).tocsr()
    return matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data
