"""A good plan for a fleet on a forecast, in milliseconds: a linear programme, with the direction of each step searched.

With directions free to be mixed it is a relaxation. The step whose mix is nearest to one direction is tried both ways
and fixed to the better, then the next, until none is mixed: some twenty programmes, each solved on from the one before.
Nothing is proved.

One rule: what is stated is what the step does with bids that can be held; where more could happen, it does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.contracts.reserve import availability_income
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.entities.battery import wear_cost
from energy_gym.errors import SolverError
from energy_gym.oracle.statement import Goal
from energy_gym.reserve.laws import DOWN, UP

if TYPE_CHECKING:
    from energy_gym.reserve.unit import FleetUnit

# A direction within this of 0 or 1 is not mixed.
WHOLE = 1e-6


class Found(NamedTuple):
    """A solved programme: what it earns, and values of the columns."""

    value: float
    columns: Floats


def fits(unit: FleetUnit, states: Sequence[float], goal: Goal) -> bool:
    """Return whether a fleet is stated in full by the programme.

    It is where energy missing and left have one price, nothing leaks, markets take bids of any size, and what is held
    outlasts every call.
    """
    closing, legs = goal.closing, unit.legs
    linear = (closing.missing, closing.missing_carbon) == (closing.left, closing.left_carbon)
    any_size = not any(leg.product.minimum_kw or leg.product.tick_kw for leg in legs)
    lasting = all(
        (unit.shares[place] * unit.hours <= leg.product.duration_hours).all() for place, leg in enumerate(legs)
    )
    cells = [asset.cell for asset in unit.assets]
    tight = all(cell.keep == 1.0 and energy >= cell.energy_min for cell, energy in zip(cells, states, strict=False))
    return linear and any_size and lasting and tight


def planned(unit: FleetUnit, states: Sequence[float], goal: Goal, members: Sequence[int]) -> Floats:
    """Return the share of its prequalified power that some assets hold alike, by leg and step, shape (legs, T).

    Args:
        unit: A fleet that `fits`.
        states: States now; the energies come first.
        goal: What is maximised.
        members: Places of the assets.

    Raises:
        SolverError: HiGHS ends without a plan.
    """
    programme = _Programme(unit, states, goal, members)
    low, high = np.zeros(len(unit)), np.ones(len(unit))
    best = programme.solve(low, high)
    while (mixed := programme.mixed(best)).any():
        step = int(np.argmin(np.where(mixed > 0.0, mixed, np.inf)))
        tried = [(programme.solve(*_fixed(low, high, step, way)), way) for way in (0.0, 1.0)]
        best, way = max(tried, key=lambda pair: pair[0].value)
        low, high = _fixed(low, high, step, way)
    return np.clip(programme.shares(best), 0.0, 1.0)


def _fixed(low: Floats, high: Floats, step: int, way: float) -> tuple[Floats, Floats]:
    """Return the bounds of directions with that of one step fixed."""
    lower, upper = low.copy(), high.copy()
    lower[step] = upper[step] = way
    return lower, upper


class _Programme:
    """Columns by step: the share of each leg, the part of the step that serves up, the energy of each asset."""

    def __init__(self, unit: FleetUnit, states: Sequence[float], goal: Goal, members: Sequence[int]) -> None:
        self.unit, self.members, self.steps, self.legs = unit, list(members), len(unit), len(unit.legs)
        self.limits = np.array([unit.assets[asset].limits_kw for asset in members])
        self.upward, self.beside = np.array(unit.ways) == UP, np.array([leg.beside for leg in unit.legs])
        self._entries: list[tuple[Any, Any, Any]] = []
        self._bounds: list[tuple[Floats, Floats]] = []
        self._rows = 0
        for place, asset in enumerate(self.members):
            self._state_energy(place, asset, float(states[asset]))
        self._state_power()
        if unit.parts.beside:
            self._state_range()
        self._solver = self._loaded([float(states[asset]) for asset in members], goal)

    def _columns(self, block: int) -> npt.NDArray[np.int64]:
        """Return the columns of a block of T: of a leg, then of directions, then of an asset's energy."""
        return np.arange(block * self.steps, (block + 1) * self.steps)

    def _add(self, parts: Sequence[tuple[npt.NDArray[np.int64], Any]], lower: Any, upper: Any) -> None:
        """Add T rows, each a sum of one column from every part; a column of -1 is left out."""
        rows = self._rows + np.arange(self.steps)
        for columns, values in parts:
            kept = columns >= 0
            self._entries.append((rows[kept], columns[kept], np.broadcast_to(values, (self.steps,))[kept]))
        self._bounds.append((np.broadcast_to(lower, (self.steps,)), np.broadcast_to(upper, (self.steps,))))
        self._rows += self.steps

    def _state_energy(self, place: int, asset: int, start: float) -> None:
        """State an asset's energy from step to step, and that what is held in store is there."""
        unit, figures = self.unit, self.unit.assets[asset]
        cell, own = figures.cell, np.flatnonzero(self.limits[place])
        after = self._columns(self.legs + 1 + place)
        before, first = np.concatenate([[-1], after[:-1]]), np.zeros(self.steps)
        first[0] = start
        flows = []
        for leg in own.tolist():
            most = self.limits[place, leg] * unit.shares[leg] * unit.hours
            stored = -most / cell.efficiency_discharge if self.upward[leg] else most * cell.efficiency_charge
            flows.append((self._columns(leg), -stored))
        self._add([(after, 1.0), (before, -1.0), *flows], first, first)
        for way in (UP, DOWN):
            legs = [leg for leg in own.tolist() if unit.ways[leg] == way]
            held = [(self._columns(leg), figures.needs_kwh[leg] * self.limits[place, leg]) for leg in legs]
            sign, edge = (1.0, -cell.energy_min) if way == UP else (-1.0, cell.energy_max)
            room = edge + sign * first
            room[0] = max(room[0], 0.0)
            if held:
                self._add([*held, (before, -sign)], -np.inf, room)

    def _state_power(self) -> None:
        """State that each asset, and each leg, serves one direction within its power."""
        direction, seen = self._columns(self.legs), set()
        for place, asset in enumerate(self.members):
            for way, rated in enumerate(self.unit.assets[asset].rated_kw):
                shares = self.limits[place] / rated * (self.upward == (way == UP)) * ~self.beside
                if shares.any() and (key := (way, *np.round(shares, 9))) not in seen:
                    seen.add(key)
                    parts = [(self._columns(leg), shares[leg]) for leg in np.flatnonzero(shares).tolist()]
                    self._add([*parts, (direction, -1.0 if way == UP else 1.0)], -np.inf, float(way == DOWN))
        for leg in np.flatnonzero(~self.beside).tolist():
            up = self.upward[leg]
            self._add([(self._columns(leg), 1.0), (direction, -1.0 if up else 1.0)], -np.inf, float(not up))

    def _state_range(self) -> None:
        """State that what is held both ways about a schedule fits beside it, asset by asset."""
        traded = np.isin(np.arange(self.legs), self.unit.parts.traded)
        for limits, asset in zip(self.limits, self.members, strict=True):
            for way, rated in enumerate(self.unit.assets[asset].rated_kw):
                own = self.upward == (way == UP)
                power = limits * np.where(own, 1.0, np.where(traded, -1.0, 0.0))
                self._add([(self._columns(leg), power[leg]) for leg in np.flatnonzero(power).tolist()], -np.inf, rated)

    def _gains(self, goal: Goal) -> Floats:
        """Return what each column earns [reward units]."""
        unit, (money, carbon, worn) = self.unit, goal.weights
        gains = np.zeros((self.legs + 1 + len(self.members), self.steps))
        for leg, (known, limits) in enumerate(zip(unit.legs, self.limits.T, strict=True)):
            product = known.product
            called = unit.shares[leg] * unit.hours
            drawn = product.sign * called
            paid = 0.0 if known.free else availability_income(1.0, unit.held_prices[leg], unit.hours)
            spent = 0.0 if product.energy_price is None else energy_cost(drawn, unit.energy_prices[leg])
            worth = money * (paid - spent) - carbon * carbon_kg(drawn, unit.carbon)
            for asset, limit in zip(self.members, limits.tolist(), strict=True):
                down, up = (called, 0.0 * called) if product.sign > 0.0 else (0.0 * called, called)
                gains[leg] += limit * (worth - worn * wear_cost(down, up, unit.assets[asset].cell))
        closing = goal.closing
        end = money * energy_cost(1.0, closing.left) + carbon * carbon_kg(1.0, closing.left_carbon)
        gains[self.legs + 1 :, -1] = [end * unit.flexibles[asset].worth for asset in self.members]
        if unit.emptied is not None:
            gains[self.legs + 1 :] -= money * unit.emptied
        return gains.ravel()

    def _loaded(self, starts: Sequence[float], goal: Goal) -> Any:
        import highspy
        from scipy.sparse import coo_matrix

        rows, columns, values = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        gains = self._gains(goal)
        matrix = coo_matrix((values, (rows, columns)), shape=(self._rows, len(gains))).tocsr()
        cells = [self.unit.assets[asset].cell for asset in self.members]
        tops = [max(cell.energy_max, start) for cell, start in zip(cells, starts, strict=True)]
        alike = np.ones((self.legs + 1) * self.steps)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(gains), self._rows
        model.col_cost_ = -gains
        model.col_lower_ = np.concatenate([0.0 * alike, np.repeat([cell.energy_min for cell in cells], self.steps)])
        model.col_upper_ = np.concatenate([alike, np.repeat(tops, self.steps)])
        model.row_lower_, model.row_upper_ = (np.concatenate(side) for side in zip(*self._bounds, strict=True))
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
        model.a_matrix_.value_ = matrix.data
        solver = highspy.Highs()
        solver.silent()
        solver.passModel(model)
        return solver

    def solve(self, low: Floats, high: Floats) -> Found:
        """Solve with directions (1: up) within bounds, each of shape (T,); it goes on from the solution before."""
        import highspy

        place = self._columns(self.legs).astype(np.int32)
        self._solver.changeColsBounds(self.steps, place, low, high)
        self._solver.run()
        status = self._solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            found = f"HiGHS: {self._solver.modelStatusToString(status)}"
            raise SolverError(found, "must end with a plan", "check the fleet and series")
        value = -float(self._solver.getInfo().objective_function_value)
        return Found(value, np.asarray(self._solver.getSolution().col_value))

    def shares(self, found: Found) -> Floats:
        """Return the share of each leg, shape (legs, T)."""
        return found.columns[: self.legs * self.steps].reshape(self.legs, self.steps)

    def mixed(self, found: Found) -> Floats:
        """Return how far each direction is from up or down, shape (T,); 0 where it is one of them."""
        part = found.columns[self._columns(self.legs)]
        away = np.minimum(part, 1.0 - part)
        return np.where(away > WHOLE, away, 0.0)
