"""A decision unit stated in a solver's model: the laws of its entities and contracts, called with its variables.

One rule: the physics and the money are those of the step; nothing is restated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.dynamics import Closing
from energy_gym.scenario import Weights
from energy_gym.units import Unit

Floats = npt.NDArray[np.float64]
TOLERANCE_KWH = 1e-7


@dataclass(frozen=True)
class Goal:
    """What is maximised besides the steps: weights of the reward's parts, and how the window ends.

    Args:
        weights: What a unit of money and a kg of carbon count.
        closing: What energy missing or left at the end costs.
    """

    weights: Weights
    closing: Closing


@dataclass(frozen=True)
class Stated:
    """Variables of a stated unit: for each controlled entity what it draws and gives, and its state at each end."""

    drawn: tuple[Any, ...]
    given: tuple[Any, ...]
    states: tuple[Any, ...]


def state_unit(model: Any, unit: Unit, states: Sequence[float], goal: Goal) -> Stated:
    """State a unit from given states to the end of its steps, and what it earns.

    Args:
        model: An `energy_gym.oracle.model.ArrayModel` or `energy_gym.oracle.pyomo_model.PyomoModel`.
        unit: The unit over the window.
        states: States now, in the order of `Unit.initial`.
        goal: What is maximised.
    """
    drawn, given, after = [], [], []
    net: Any = unit.fixed_kwh
    spent = np.zeros(len(unit))
    now = unit.nested(states)
    for flexible, start in zip(unit.flexibles, now, strict=False):
        draws, gives, state = flexible.laws.constrain(model, flexible.cell, start, flexible.signal)
        net = net + draws - gives
        spent = spent + flexible.laws.cost(draws, gives, flexible.cell)
        drawn.append(draws)
        given.append(gives)
        after.append(state)
    net = _connect(model, unit, net, drawn)
    money, carbon = goal.weights
    if money:
        model.earn(-money * (spent + _energy(model, unit, net)))
        _demand(model, unit, net, now[len(unit.flexibles) :], money)
    if carbon:
        model.earn(-carbon * carbon_kg(net, unit.carbon))
    state_closing(model, unit, after, goal)
    return Stated(tuple(drawn), tuple(given), tuple(after))


def _connect(model: Any, unit: Unit, net: Any, drawn: list[Any]) -> Any:
    """State the limits of the connection; generation is cut where, and only as far as, the export limit demands it."""
    if not unit.limited:
        return net
    if np.isfinite(unit.import_kwh):
        model.at_most(net, unit.import_kwh)
    if not np.isfinite(unit.export_kwh):
        return net
    if unit.curtailable_kwh is not None:
        cut = model.variable(0.0, unit.curtailable_kwh)
        by_action = [draws for flexible, draws in zip(unit.flexibles, drawn, strict=True) if flexible.curtails]
        if by_action:  # what all of them cut by action is no longer there to be cut at the limit
            model.at_most(_added(cut, by_action), unit.curtailable_kwh)
        net = net + cut
        _cut_only_at_the_limit(model, unit, net, cut)
    model.at_most(-unit.export_kwh, net)
    return net


def _added(first: Any, more: list[Any]) -> Any:
    for one in more:
        first = first + one
    return first


def _cut_only_at_the_limit(model: Any, unit: Unit, net: Any, cut: Any) -> None:
    """One binary a step (1: at the export limit); needed where cutting more than the limit demands would pay."""
    highest, _ = most_kwh(unit)

    def rows(limited: Any, at: Any) -> list[tuple[Any, Any]]:
        spare = unit.curtailable_kwh[at] if unit.curtailable_kwh is not None else 0.0
        slack = highest[at] + unit.export_kwh + spare
        return [(cut[at], spare * limited), (net[at], -unit.export_kwh + slack * (1.0 - limited))]

    def broken(value: Any) -> Any:
        tolerance = TOLERANCE_KWH * model.scale
        return (value(cut) > tolerance) & (value(net) > -unit.export_kwh + tolerance)

    model.choose(rows, broken)


def most_kwh(unit: Unit) -> tuple[Floats, Floats]:
    """Return the most energy that can come in and go out by step if nothing limits it [kWh], each of shape (T,)."""
    draw, give = np.zeros(len(unit)), np.zeros(len(unit))
    for flexible in unit.flexibles:
        draw, give = draw + flexible.draw_kwh, give + flexible.give_kwh
    return unit.fixed_kwh + draw, give - unit.fixed_kwh


def _energy(model: Any, unit: Unit, net: Any) -> Any:
    """Return what energy costs [currency] by step: the import price on all of it, less a discount on exports."""
    if unit.buy is unit.sell:
        return energy_cost(net, unit.buy)
    highest, lowest = most_kwh(unit)
    if unit.curtailable_kwh is not None:
        highest = highest + unit.curtailable_kwh
    out = model.variable(0.0, np.maximum(lowest, 0.0))
    model.at_most(0.0 - net, out)
    dear = unit.sell > unit.buy
    if dear.any():
        _either_way(model, net, out, highest, lowest)
    return energy_cost(net, unit.buy) + energy_cost(out, unit.buy - unit.sell)


def _either_way(model: Any, net: Any, out: Any, highest: Floats, lowest: Floats) -> None:
    """One binary a step (1: importing), needed where selling pays more than buying costs."""
    most_in, most_out = np.maximum(highest, 0.0), np.maximum(lowest, 0.0)

    def rows(importing: Any, at: Any) -> list[tuple[Any, Any]]:
        return [
            (out[at], most_out[at] * (1.0 - importing)),
            (net[at], most_in[at] * importing),
            (out[at] + net[at], most_in[at] * importing),
        ]

    def broken(value: Any) -> Any:
        return value(out) > np.maximum(-value(net), 0.0) + TOLERANCE_KWH * model.scale

    model.choose(rows, broken)


def _demand(model: Any, unit: Unit, net: Any, peaks: Sequence[float], money: float) -> None:
    """State each running maximum of each billing period, and what its rise costs."""
    for register, (rate, peak) in enumerate(zip(unit.rates.tolist(), peaks, strict=True)):
        period = np.cumsum(unit.fresh[register] > 0.0)
        at = np.flatnonzero(unit.active[register] > 0.0)
        if not len(at) or rate == 0.0:
            continue
        starts = np.zeros(int(period[-1]) + 1)
        if unit.fresh[register][0] == 0.0:
            starts[0] = peak
        highest = model.variable(starts, np.inf, size=len(starts))
        model.at_most(net[at] / unit.hours, highest[period[at]])
        model.earn((starts - highest) * (money * rate))


def state_closing(model: Any, unit: Unit, after: list[Any], goal: Goal) -> None:
    """State what closing the window costs: linear where missing and left have one price, else for what is missing."""
    owed: Any = 0.0
    for flexible, state in zip(unit.flexibles, after, strict=True):
        if state is not None and flexible.worth:
            owed = owed + flexible.worth * (np.array([flexible.initial]) - state[np.array([len(unit) - 1])])
    closing, (money, carbon) = goal.closing, goal.weights
    left = _value(money, carbon, closing.left, closing.left_carbon)
    missing = _value(money, carbon, closing.missing, closing.missing_carbon)
    if isinstance(owed, float) or not (left or missing):
        return
    model.earn(-left * owed)
    if missing != left:
        short = model.variable(0.0, np.inf, size=1)
        model.at_most(owed, short)
        model.earn((left - missing) * short)


def _value(money: float, carbon: float, price: float, intensity: float) -> float:
    """Return what a kWh costs in reward units."""
    return money * float(energy_cost(1.0, price)) + carbon * float(carbon_kg(1.0, intensity))
