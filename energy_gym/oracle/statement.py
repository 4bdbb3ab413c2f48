"""A decision unit stated in a solver's model: the laws of its entities and contracts, called with its variables.

One rule: the physics and the money are those of the step; nothing is restated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats, or_zeros
from energy_gym.closing import Closing
from energy_gym.contracts.ledger import Exchange
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.modelling import Model, positive_part
from energy_gym.oracle.shortage import TOLERANCE_KWH, served
from energy_gym.scenario import Weights
from energy_gym.units import Unit


@dataclass(frozen=True)
class Goal:
    """What is maximised besides the steps: weights of the reward's parts, and how the window ends.

    Args:
        weights: What a unit of money, a kg of carbon and a unit of wear count.
        closing: What energy missing or left at the end costs.
    """

    weights: Weights
    closing: Closing


@dataclass(frozen=True)
class Stated:
    """Variables of a stated unit: for each controlled entity what it draws and gives, and its state at each end.

    ``net`` is the energy at the meter by step [kWh], import positive, generation that is cut included.
    """

    drawn: tuple[Any, ...]
    given: tuple[Any, ...]
    states: tuple[Any, ...]
    net: Any


class Extra(NamedTuple):
    """Energy that flows through a unit's connection besides, decided elsewhere [kWh by step], consumption positive.

    Args:
        flow: The expression.
        most: The most that it can draw, shape (T,).
        least: The most that it can give.
    """

    flow: Any
    most: Floats
    least: Floats


def state_unit(model: Model, unit: Unit, states: Sequence[float], goal: Goal, extra: Extra | None = None) -> Stated:
    """State a unit from given states to the end of its steps, and what it earns.

    Args:
        model: The model.
        unit: The unit over the window.
        states: States now, in the order of `Unit.initial`.
        goal: What is maximised.
        extra: What flows through its connection besides.
    """
    drawn, given, after = [], [], []
    net: Any = unit.fixed_kwh if extra is None else unit.fixed_kwh + extra.flow
    spent, caused, worn = np.zeros(len(unit)), np.zeros(len(unit)), np.zeros(len(unit))
    unit = _bounded(unit) if unit.varies else unit
    now = unit.nested(states)
    for flexible, start in zip(unit.flexibles, now, strict=False):
        draws, gives, state, *tolls = flexible.laws.constrain(model, flexible.cell, start, flexible.signal)
        net = net + draws - gives
        spent, worn = _added(spent, tolls), worn + flexible.laws.cost(draws, gives, flexible.cell)
        if (burn := flexible.laws.burn) is not None:
            cost, kg = burn(_before(model, state, start), state, flexible.cell, _Dear(model))
            spent, caused = spent + cost, caused + kg
        if (age := flexible.laws.age) is not None:
            worn = worn + age(_before(model, state, start), state, flexible.cell, _Dear(model))
        drawn.append(draws)
        given.append(gives)
        after.append(state)
    if unit.most_lacking_kwh > 0.0:
        net, lost, emitted = served(model, unit, (net, most_metered_kwh(unit)[1]), drawn, goal.weights)
        spent, caused = spent + lost, caused + emitted
    net = _connect(model, unit, net, (drawn, given), extra)
    money, carbon, wearing = goal.weights
    if money:
        model.earn(-money * (spent + _energy(model, unit, net)) - wearing * worn)
        _demand(model, unit, net, now[len(unit.flexibles) :], money)
        _accounts(model, unit, net, states, money)
    elif wearing:
        model.earn(0.0 * net - wearing * worn)
    if carbon:
        model.earn(-carbon * (carbon_kg(net, unit.carbon) + caused))
    state_closing(model, unit, after, goal)
    return Stated(tuple(drawn), tuple(given), tuple(after), net)


@dataclass(frozen=True)
class _Dear:
    """What a law asks of its numbers beyond arithmetic, as far as a law of what costs needs it."""

    model: Model

    def positive(self, value: Any) -> Any:
        """Return at least the part above 0: no best plan has more of it, since it costs."""
        return positive_part(self.model, value, np.inf, np.inf, exact=False)


def _before(model: Model, after: Any, start: Any) -> Any:
    """Return all of an entity's state one step earlier."""
    if isinstance(after, tuple):
        return tuple(model.previous(*pair) for pair in zip(after, start, strict=True))
    return model.previous(after, start)


def _connect(model: Model, unit: Unit, net: Any, flows: tuple[list[Any], list[Any]], extra: Extra | None) -> Any:
    """State the limits of the connection; generation is cut where, and only as far as, the export limit demands it."""
    if not unit.limited:
        return net
    if unit.varies or np.isfinite(unit.import_kwh):
        model.at_most(net, unit.import_kwh)
    if not (unit.varies or np.isfinite(unit.export_kwh)):
        return net
    most = _most_cut(unit)
    if most is not None:
        cut = model.variable(0.0, most)
        drawn, given = flows
        by_action = [draws for flexible, draws in zip(unit.flexibles, drawn, strict=True) if flexible.curtails]
        spilt = [gives for flexible, gives in zip(unit.flexibles, given, strict=True) if flexible.spills]
        if by_action or spilt:  # what is cut by action is no longer there to be cut at the limit; what runs is
            there = or_zeros(unit.curtailable_kwh, len(unit))
            model.at_most(_added(cut, by_action), _added(there, spilt))
        net = net + cut
        _cut_only_at_the_limit(model, unit, net, (cut, most), 0.0 if extra is None else extra.most)
    model.at_most(-unit.export_kwh, net)
    return net


def _bounded(unit: Unit) -> Unit:
    """Return a unit whose limits by time are finite: no more than could ever flow, and a little."""
    highest, lowest = most_metered_kwh(unit)
    spilt = [flexible.give_kwh for flexible in unit.flexibles if flexible.spills]
    coming_in, going_out = np.maximum(_added(highest, spilt), 0.0) + 1.0, np.maximum(lowest, 0.0) + 1.0
    limits = np.minimum(unit.import_kwh, coming_in), np.minimum(unit.export_kwh, going_out)
    return replace(unit, import_kwh=limits[0], export_kwh=limits[1])


def _added(first: Any, more: list[Any]) -> Any:
    for one in more:
        first = first + one
    return first


def _most_cut(unit: Unit) -> Floats | None:
    """Return the most generation that may be cut at the connection by step, shape (T,); None if there is none."""
    spilling = [flexible for flexible in unit.flexibles if flexible.spills]
    if not spilling:
        return unit.curtailable_kwh
    most = or_zeros(unit.curtailable_kwh, len(unit))
    for flexible in spilling:
        most = most + flexible.give_kwh
    return most


def _cut_only_at_the_limit(model: Model, unit: Unit, net: Any, cutting: tuple[Any, Floats], more: Any) -> None:
    """One binary a step (1: at the export limit); needed where cutting more than the limit demands would pay."""
    (cut, most), highest = cutting, most_kwh(unit)[0] + more
    limit = np.broadcast_to(unit.export_kwh, most.shape)

    def rows(limited: Any, at: Any) -> list[tuple[Any, Any]]:
        slack = highest[at] + limit[at] + most[at]
        return [(cut[at], most[at] * limited), (net[at], -limit[at] + slack * (1.0 - limited))]

    def broken(value: Any) -> Any:
        tolerance = TOLERANCE_KWH * model.scale
        return (value(cut) > tolerance) & (value(net) > -limit + tolerance)

    model.choose(rows, broken)


def most_kwh(unit: Unit) -> tuple[Floats, Floats]:
    """Return the most energy that can come in and go out by step if nothing limits it [kWh], each of shape (T,)."""
    draw, give = np.zeros(len(unit)), np.zeros(len(unit))
    for flexible in unit.flexibles:
        draw, give = draw + flexible.draw_kwh, give + flexible.give_kwh
    return unit.fixed_kwh + draw, give - unit.fixed_kwh


def most_metered_kwh(unit: Unit) -> tuple[Floats, Floats]:
    """Return the most that can come in and go out by step, generation that is cut included, as `most_kwh` does."""
    highest, lowest = most_kwh(unit)
    return highest if unit.curtailable_kwh is None else highest + unit.curtailable_kwh, lowest


def _energy(model: Model, unit: Unit, net: Any) -> Any:
    """Return what energy costs [currency] by step: the import price on all of it, less a discount on exports."""
    if unit.buy is unit.sell:
        return energy_cost(net, unit.buy)
    highest, lowest = most_metered_kwh(unit)
    dear = unit.sell > unit.buy  # what is sold earns more than it costs: no more may be sold than goes out
    out = positive_part(model, 0.0 - net, lowest, highest, exact=dear)
    return energy_cost(net, unit.buy) + energy_cost(out, unit.buy - unit.sell)


def _demand(model: Model, unit: Unit, net: Any, peaks: Sequence[float], money: float) -> None:
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


def _accounts(model: Model, unit: Unit, net: Any, states: Sequence[float], money: float) -> None:
    """State each ledger, and what it costs."""
    if not unit.accounts:
        return
    highest, lowest = (np.maximum(most, 0.0) for most in most_metered_kwh(unit))
    exchange = Exchange(net, np.minimum(highest, unit.import_kwh), np.minimum(lowest, unit.export_kwh))
    for account, place in zip(unit.accounts, unit.booked, strict=True):
        ledger = account.ledger
        cost = ledger.constrain(model, exchange, ledger.terms, tuple(states[place]), account.signals)
        model.earn(-money * cost)


def state_closing(model: Model, unit: Unit, after: list[Any], goal: Goal) -> None:
    """State what closing the window costs: linear where missing and left have one price, else for what is missing."""
    owed: Any = 0.0
    for flexible, state in zip(unit.flexibles, after, strict=True):
        if state is not None and flexible.worth:
            level = state[0] if isinstance(state, tuple) else state
            owed = owed + flexible.worth * (np.array([flexible.initial]) - level[np.array([len(unit) - 1])])
    closing, (money, carbon, _) = goal.closing, goal.weights
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
