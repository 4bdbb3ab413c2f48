"""One step of a scenario: the laws of its entities and contracts, composed once for floats, arrays and tensors.

One rule: no other module moves energy or computes a part of a reward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from energy_gym.backends import Namespace
from energy_gym.closing import Closing, settlement
from energy_gym.connection import fits, fits_owing, reducible_of
from energy_gym.contracts.demand import raised
from energy_gym.contracts.spot import carbon_kg, energy_cost
from energy_gym.contracts.tariff import grid_cost
from energy_gym.following import following
from energy_gym.scenario import Weights
from energy_gym.units import Unit

# What a step came to: states at its end (as in `Unit.initial`), energy from the grid [kWh, import +], energy cost
# [currency], carbon caused [kg], wear [currency], penalty [currency], demand charge [currency], energy refused [kWh],
# generation cut [kWh]. A plain tuple: a named one costs a tenth of a step.
Flow = tuple[tuple[Any, ...], Any, Any, Any, Any, Any, Any, Any, Any]
STATES, GRID, COST, CARBON, WEAR, PENALTY, DEMAND, REFUSED, CUT = range(9)
FIGURES = (
    "grid_kwh",
    "energy_cost",
    "carbon_kg",
    "wear",
    "penalty",
    "demand_charge",
    "refused_kwh",
    "curtailed_kwh",
)
"""Names of the figures of a flow, in the order in which they follow the states."""
# What an entity does to the generation that may be cut at the connection: it cuts some of it, or adds to it.
CURTAILS, SPILLS = 1, 2
Advance = Callable[[Any, Any, Any], Flow]
Guard = Callable[[int, Any, Any], Any]


def compose(units: Sequence[Unit], xp: Namespace) -> Advance:
    """Return the step of some units as one function ``(states, wishes, signals) -> Flow``.

    ``states`` and ``wishes`` are flat tuples over all units; ``signals`` is what `Unit.signals` or `Unit.gather` gives
    for the one unit, or a tuple of these for several.

    Example:
        >>> from energy_gym.backends import scalars
        >>> from energy_gym.envs.setup import make_setup
        >>> setup = make_setup(dataset="ercot-2021-2022")
        >>> advance = compose(setup.units, scalars)
        >>> advance((5.0,), (-1.0,), (100.0, 100.0, 300.0, 0.0))
        ((1.0,), -3.8, -0.38, 0.0, 0.0, 0.0, 0.0, 1.2000000000000002, 0.0)
    """
    parts = [unit.laws.step(unit, xp) if unit.laws is not None else _step(unit, xp) for unit in units]
    return parts[0] if len(parts) == 1 else _joined(units, parts)


def _step(unit: Unit, xp: Namespace) -> Advance:
    """Return the step of a usual unit."""
    play = _by_power(unit, xp)
    return play if unit.usual is None else _following(unit, play, xp)


def _by_power(unit: Unit, xp: Namespace) -> Advance:
    """Return the step whose wishes are shares of rated power."""
    if unit.plain:
        return _plain(unit, xp)
    play = _burning(unit, _general(unit, xp), xp) if unit.burns else _general(unit, xp)
    play = _ageing(unit, play, xp) if unit.ages else play
    play = _remembering(unit, play) if unit.remembers else play
    return _billed(unit, play, xp) if unit.accounts else play


def _following(unit: Unit, play: Advance, xp: Namespace) -> Advance:
    """Return a step whose batteries follow the meter: their wishes name powers there."""
    shares = following(unit, xp)
    return lambda states, wishes, signals: play(states, shares(states, wishes, signals), signals)


def _burning(unit: Unit, play: Advance, xp: Namespace) -> Advance:
    """Return a step, over states that are one for each entity, with what its entities burn."""
    laws = [
        (place, item.laws.burn, item.cell) for place, item in enumerate(unit.flexibles) if item.laws.burn is not None
    ]

    def advance(states: Any, wishes: Any, signals: Any) -> Flow:
        after, net, spent, carbon, *rest = play(states, wishes, signals)
        for place, burn, cell in laws:
            cost, kg = burn(states[place], after[place], cell, xp)
            spent, carbon = spent + cost, carbon + kg
        return (after, net, spent, carbon, *rest)

    return advance


def _ageing(unit: Unit, play: Advance, xp: Namespace) -> Advance:
    """Return a step, over states that are one for each entity, with what its entities age."""
    laws = [(place, item.laws.age, item.cell) for place, item in enumerate(unit.flexibles) if item.laws.age is not None]

    def advance(states: Any, wishes: Any, signals: Any) -> Flow:
        after, net, spent, carbon, wear, *rest = play(states, wishes, signals)
        for place, age, cell in laws:
            wear = wear + age(states[place], after[place], cell, xp)
        return (after, net, spent, carbon, wear, *rest)

    return advance


def _remembering(unit: Unit, play: Advance) -> Advance:
    """Return a step over flat states of one whose entities take and return theirs together with their memory."""

    def advance(states: Any, wishes: Any, signals: Any) -> Flow:
        after, *figures = play(unit.nested(states), wishes, signals)
        return (unit.flat(after), *figures)

    return advance


def _billed(unit: Unit, play: Advance, xp: Namespace) -> Advance:
    """Return a step of a unit whose contracts keep ledgers: each reads the meter when energy has moved."""
    parts = [1 + FIGURES.index(account.ledger.part) for account in unit.accounts]
    laws = [(account.ledger.settle, account.ledger.terms) for account in unit.accounts]
    keeps = list(zip(laws, unit.booked, parts, strict=True))
    count = len(unit.initial) - len(unit.carried)

    def advance(states: Any, wishes: Any, signals: Any) -> Flow:
        flow: list[Any] = list(play(states[:count], wishes, signals[:-1]))
        for ((settle, terms), place, part), told in zip(keeps, signals[-1], strict=True):
            carried, cost = settle(states[place], flow[GRID], terms, xp, told)
            flow[STATES] = (*flow[STATES], *carried)
            flow[part] = flow[part] + cost
        return tuple(flow)

    return advance


def _plain(unit: Unit, xp: Namespace) -> Advance:
    """Return the step of one controlled entity behind a meter without limits or demand charges.

    What is zero at every step is not worked out: this is the fast path of every environment with one battery.
    """
    flexible = unit.flexibles[0]
    (settle, next_state, cost, *_), cell, costs = flexible.laws, flexible.cell, flexible.costs
    one_price, emits = unit.buy is unit.sell, bool(unit.carbon.any())

    def advance(states: Any, wishes: Any, signals: Any) -> Flow:
        buy, sell, carbon, fixed = signals
        state = states[0]
        drawn, given, refused = settle(state, wishes[0], cell, xp)
        grid_kwh = fixed + drawn - given
        return (
            (next_state(state, drawn, given, cell),),
            grid_kwh,
            energy_cost(grid_kwh, buy) if one_price else grid_cost(grid_kwh, buy, sell, xp),
            carbon_kg(grid_kwh, carbon) if emits else 0.0,
            cost(drawn, given, cell) if costs else 0.0,
            0.0,
            0.0,
            refused,
            0.0,
        )

    return advance


def _general(unit: Unit, xp: Namespace) -> Advance:
    """Return the step of any number of controlled entities behind one meter."""
    laws = tuple((item.laws, item.cell, CURTAILS * item.curtails + SPILLS * item.spills) for item in unit.flexibles)
    rates, count, hours = unit.charges, len(laws), unit.hours
    tolled = any(law.fine is not None for law, _, _ in laws)
    reducible = reducible_of(unit)
    last, lost, dear = count + len(rates), unit.lost_load_per_mwh, unit.refused_per_kwh
    backup, lacking = unit.backup, unit.most_lacking_kwh > 0.0
    fitted = fits_owing(unit, xp) if unit.limited and any(law.owed is not None for law, *_ in laws) else None

    limits, limited = (unit.import_kwh, unit.export_kwh), unit.limited

    def advance(states: Any, wishes: Any, signals: Any, ends: tuple[Any, Any] = limits) -> Flow:
        buy, sell, carbon, fixed, spare, own, active, fresh = signals
        flows, net, refused, cut, fined = [], fixed, 0.0, 0.0, 0.0
        for (law, cell, way), state, wish, signal in zip(laws, states[:count], wishes, own, strict=True):
            drawn, given, short = law.settle(state, wish, cell, xp, signal)
            flows.append([drawn, given])
            net, refused = net + drawn - given, refused + short
            if way:
                spare = spare - drawn if way == CURTAILS else spare + given
        if fitted is not None:
            net, refused, cut, excess = fitted(ends, flows, (net, refused, spare), states, own)
        elif limited:
            fitting = flows if reducible is None else [flows[place] for place in reducible]
            net, refused, cut, excess = fits(ends, fitting, net, refused, spare, xp)
        if lacking:
            net = net - excess
        wear, after = 0.0, []
        for (law, cell, way), state, (drawn, given), signal in zip(laws, states[:count], flows, own, strict=True):
            after.append(law.next_state(state, drawn, given, cell, signal))
            wear = wear + law.cost(drawn, given, cell)
            if way == CURTAILS:
                cut = cut + drawn
        if tolled:
            fined = _fines(unit, states, after)
        charge = 0.0
        for rate, peak, counts, begins in zip(rates, states[count:last], active, fresh, strict=True):
            peak, risen = raised(peak, net / hours, counts, begins, xp)
            after.append(peak)
            charge = charge + rate * risen
        spent, kg = grid_cost(net, buy, sell, xp), carbon_kg(net, carbon)
        if backup is not None:
            made = xp.bounded(excess, backup.most_kwh)
            excess, fuel = excess - made, backup.fuel_per_kwh * made
            spent, kg = spent + fuel, kg + backup.carbon_kg_per_kwh * made
        if lost is not None:
            unserved = energy_cost(excess, lost)
            fined = fined + unserved
            after += [excess, unserved]
        if backup is not None:
            after += [made, fuel]
        if dear:
            fined = fined + dear * refused
            after.append(dear * refused)
        return tuple(after), net, spent, kg, wear, fined, charge, refused, cut

    if unit.varies:
        return lambda states, wishes, signals: advance(states, wishes, signals[:-1], signals[-1])
    return advance


def _fines(unit: Unit, before: Sequence[Any], after: Sequence[Any]) -> Any:
    """Return the penalties that follow from the states at both ends of a step [currency]."""
    fined = 0.0
    for flexible, first, last in zip(unit.flexibles, before, after, strict=False):
        if flexible.laws.fine is not None:
            fined = fined + flexible.laws.fine(first, last, flexible.cell)
    return fined


def _joined(units: Sequence[Unit], parts: Sequence[Advance]) -> Advance:
    """Return the step of independent units: each plays its own, and the figures add up in order."""
    controls = [unit.controls for unit in units]
    sizes = [len(unit.initial) for unit in units]

    def advance(states: Any, wishes: Any, signals: Any) -> Flow:
        total: tuple[Any, ...] = (0.0,) * len(FIGURES)
        after: tuple[Any, ...] = ()
        state = wish = 0
        for play, size, control, signal in zip(parts, sizes, controls, signals, strict=True):
            flow = play(states[state : state + size], wishes[wish : wish + control], signal)
            after, state, wish = after + flow[0], state + size, wish + control
            total = tuple(before + more for before, more in zip(total, flow[1:], strict=True))
        return (after, *total)

    return advance


def reward(energy_cost: Any, carbon_kg: Any, wear: Any, penalty: Any, demand_charge: Any, weights: Weights) -> Any:
    """Return the reward of a step from its parts: money earned minus spent, and carbon avoided minus caused."""
    money, carbon, worn = weights
    spent = money * (energy_cost + wear + penalty + demand_charge)
    return 0.0 - (spent + carbon * carbon_kg + (worn - money) * wear)


def gain(flow: Sequence[Any], weights: Weights) -> Any:
    """Return the reward of a step from what it came to."""
    return reward(flow[COST], flow[CARBON], flow[WEAR], flow[PENALTY], flow[DEMAND], weights)


class Course(NamedTuple):
    """What is played: units, what the end of an episode costs, and what each part counts.

    Args:
        units: The units.
        closings: What energy missing or left at the end costs, by unit; None where the end is not settled.
        weights: What each part counts in the reward.
    """

    units: Sequence[Unit]
    closings: Sequence[Closing] | None
    weights: Weights


class Move(NamedTuple):
    """A step that was played: the wishes asked of the laws, what it came to, and its reward."""

    wishes: Any
    flow: Flow
    gain: Any


def play(
    course: Course, states: Sequence[Any], wishes: Sequence[Any], signals: Sequence[Any], xp: Namespace,
    guard: Guard | None = None,
) -> Iterator[Move]:  # fmt: skip
    """Play wishes from given states, step by step; the last step settles the end.

    Args:
        course: What is played.
        states: States at the start, over all units: floats, arrays or tensors.
        wishes: Shares of rated power, one for each step: a tuple with a value by control, or an array of these.
        signals: What the composed step is told, one for each step.
        xp: The namespace of the numbers.
        guard: ``(step, states, wishes) -> wishes``: changes the wishes of a step in the light of the states.

    Example:
        >>> from energy_gym.backends import scalars
        >>> from energy_gym.envs.setup import make_setup
        >>> setup = make_setup(dataset="ercot-2021-2022")
        >>> course = Course(setup.units, setup.closings, setup.weights)
        >>> moves = list(play(course, (5.0,), [(1.0,), (-1.0,)], setup.signals[:2], scalars))
        >>> [move.flow[STATES] for move in moves]
        [(9.0,), (3.7368421052631575,)]
    """
    advance, now, last = compose(course.units, xp), tuple(states), len(signals) - 1
    for step, (wish, signal) in enumerate(zip(wishes, signals, strict=True)):
        asked = wish if guard is None else guard(step, now, wish)
        flow = advance(now, asked, signal)
        if step == last and course.closings is not None:
            flow = ended(flow, course.units, course.closings, xp)
        now = flow[STATES]
        yield Move(asked, flow, gain(flow, course.weights))


def total(moves: Iterator[Move]) -> Any:
    """Return the sum of the rewards of what is played: a float, or an array or tensor with a value for each play."""
    earned: Any = 0.0
    for move in moves:
        earned = earned + move.gain
    return earned


def ended(flow: Flow, units: Sequence[Unit], closings: Sequence[Closing], xp: Namespace) -> Flow:
    """Return what the last step of an episode came to, its end settled."""
    states, grid, cost, kg, wear, penalty, *rest = flow
    owed, owed_kg, fined = settlement(units, closings, states, xp)
    return (states, grid, cost + owed, kg + owed_kg, wear, penalty + fined, *rest)
