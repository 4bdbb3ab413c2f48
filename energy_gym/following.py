"""How a battery follows the meter: what power a wish names there, and the share of rated power that reaches it.

With w for the wish, n for what all else draws at the meter in the interval, and I and E for the import and export end,

    w in [-0.9, 0.9]    names w / 0.9 times I (w above 0) or E (below 0): 0 is no power at the meter
    w beyond            runs on, in a straight line, to as far as the battery can go in that interval at w = 1 or -1

so that the inner wishes name the same power whatever happens, and none that the battery could reach is out of reach,
however much load comes.

One rule: the law sees the meter of its own interval and nothing later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from energy_gym.backends import Namespace, scalars
from energy_gym.units import Unit

INNER = 0.9
"""The wish that names an end."""
TAIL = 1.0 - INNER
TINY = 1e-30
"""What keeps a division by a reach of nothing finite: nothing divided by it stays nothing."""
Turned = Callable[[Any, Any, Any], tuple[Any, ...]]


class Ends(NamedTuple):
    """Energy at the meter that the wishes 0.9 and -0.9 name [kWh, both >= 0].

    Args:
        coming_in: At the import end.
        going_out: At the export end.
    """

    coming_in: Any
    going_out: Any


class Rated(NamedTuple):
    """The most that a battery can draw and give in a step [kWh, both > 0]."""

    draw: Any
    give: Any


def target_kwh(wish: Any, net: Any, ends: Ends, rated: Rated, xp: Namespace) -> Any:
    """Return the energy at the meter that a wish names [kWh], import positive.

    Args:
        wish: In [-1, 1].
        net: What all else draws there in the interval [kWh], import positive.
        ends: What the wishes 0.9 and -0.9 name.
        rated: The battery's most.
        xp: The namespace of the numbers.

    Source:
        By definition; the lines stand at the top of this file.

    Example:
        >>> from energy_gym.backends import scalars
        >>> [target_kwh(wish, 4.0, Ends(9.0, 6.0), Rated(7.0, 3.0), scalars) for wish in (0.0, 0.45, -0.9, 1.0)]
        [0.0, 4.5, -6.0, 11.0]
    """
    up = xp.positive(wish)
    down = up - wish
    inner_up, inner_down = xp.lesser(up, INNER), xp.lesser(down, INNER)
    further_in = xp.positive(net + rated.draw - ends.coming_in)
    further_out = xp.positive(rated.give - net - ends.going_out)
    named = inner_up * (ends.coming_in / INNER) - inner_down * (ends.going_out / INNER)
    return named + (up - inner_up) / TAIL * further_in - (down - inner_down) / TAIL * further_out


def share_for(wish: Any, net: Any, ends: Ends, rated: Rated, xp: Namespace) -> Any:
    """Return the share of rated power, in [-1, 1], with which a battery reaches what a wish names, or comes nearest.

    Example:
        >>> from energy_gym.backends import scalars
        >>> share_for(0.0, -3.5, Ends(9.0, 6.0), Rated(7.0, 3.0), scalars)
        0.5
        >>> share_for(0.0, 40.0, Ends(9.0, 6.0), Rated(7.0, 3.0), scalars)
        -1.0
    """
    flow = target_kwh(wish, net, ends, rated, xp) - net
    up = xp.positive(flow)
    return xp.lesser(up, rated.draw) / rated.draw - xp.lesser(up - flow, rated.give) / rated.give


def wish_of(target: Any, net: Any, ends: Ends, rated: Rated, xp: Namespace) -> Any:
    """Return the wish that names an energy at the meter [kWh], where all else draws ``net`` there; in [-1, 1].

    What is beyond the battery's reach, infinite or not, is as far as it can go.

    Example:
        >>> from energy_gym.backends import scalars
        >>> ends, rated = Ends(9.0, 6.0), Rated(7.0, 3.0)
        >>> [round(wish_of(target, 4.0, ends, rated, scalars), 6) for target in (float("inf"), 10.0, 4.5, 0.0)]
        [1.0, 0.95, 0.45, 0.0]
        >>> round(wish_of(-1.0, 1.0, ends._replace(going_out=0.0), rated, scalars), 6)  # nothing may go out
        -0.95
    """
    above = xp.positive(target)
    inward = _along(above, ends.coming_in, net + rated.draw, xp)
    return inward - _along(xp.positive(0.0 - target), ends.going_out, rated.give - net, xp)


def _along(size: Any, end: Any, furthest: Any, xp: Namespace) -> Any:
    """Return the size of the wish for an energy on one side of 0: up to the end, and beyond it to the furthest."""
    beyond = (size - xp.lesser(size, end)) / (xp.positive(furthest - end) + TINY)
    # Where the end is nothing, whatever there is lies beyond it.
    return xp.lesser(INNER * xp.lesser(size / (end + TINY), 1.0) + TAIL * xp.lesser(beyond, 1.0), 1.0)


def wish_for(share: Any, net: Any, ends: Ends, rated: Rated, xp: Namespace) -> Any:
    """Return a wish that moves a battery with a share of its rated power: the other way round.

    Example:
        >>> from energy_gym.backends import scalars
        >>> ends, rated = Ends(9.0, 6.0), Rated(7.0, 3.0)
        >>> wish = wish_for(0.4, 12.0, ends, rated, scalars)
        >>> round(wish, 6), round(share_for(wish, 12.0, ends, rated, scalars), 12)
        (0.958, 0.4)
    """
    up = xp.positive(share)
    return wish_of(net + up * rated.draw - (up - share) * rated.give, net, ends, rated, xp)


def followers(unit: Unit) -> tuple[int, ...]:
    """Return the places of a unit's controlled entities that can follow the meter."""
    return tuple(place for place, flexible in enumerate(unit.flexibles) if flexible.follows)


def ends_of(unit: Unit, xp: Namespace) -> Ends:
    """Return what the wishes 0.9 and -0.9 name at a unit's meter.

    That is usual load (generation) and what its batteries can draw (give) besides, as far as the connection lets it.
    """
    coming_in, going_out = (0.0, 0.0) if unit.usual is None else unit.usual
    for place in followers(unit):
        draw, give = rated_of(unit, place)
        coming_in, going_out = coming_in + draw, going_out + give
    if unit.varies:  # what the limits will be is not known beforehand, and a wish names one power at all times
        return Ends(coming_in, going_out)
    return Ends(xp.lesser(coming_in, unit.import_kwh), xp.lesser(going_out, unit.export_kwh))


def rated_of(unit: Unit, place: int) -> Rated:
    """Return the most that a controlled entity of a unit, by its place, can draw and give in a step."""
    return Rated(unit.flexibles[place].draw_kwh, unit.flexibles[place].give_kwh)


def following(unit: Unit, xp: Namespace) -> Turned:
    """Return ``(states, wishes, signals) -> shares``: for batteries, what reaches the power that a wish names.

    Batteries follow one by one: each sees the meter with all that does not follow it, and the batteries before it. Any
    other wish stays what it is.

    Example:
        >>> from energy_gym.scenarios.microgrid import MicrogridEnv
        >>> unit = MicrogridEnv(control="meter").setup.units[0]
        >>> signal = unit.signals()[0]
        >>> following(unit, scalars)((60.0,), (0.0,), signal)[0] == -signal[3] / 30.0
        True
    """
    ends = ends_of(unit, xp)

    def turn(wish: Any, net: Any, rated: Rated) -> tuple[Any, Any]:
        share = share_for(wish, net, ends, rated, xp)
        return share, share

    return _turned(unit, turn, xp)


def naming(unit: Unit) -> Turned:
    """Return ``(states, shares, signals) -> wishes``: the other way round, on floats.

    Example:
        >>> from energy_gym.scenarios.microgrid import MicrogridEnv
        >>> unit = MicrogridEnv(control="meter").setup.units[0]
        >>> signal = unit.signals()[0]
        >>> wishes = naming(unit)((60.0,), (0.25,), signal)
        >>> round(following(unit, scalars)((60.0,), wishes, signal)[0], 12)
        0.25
    """
    ends = ends_of(unit, scalars)

    def turn(share: float, net: float, rated: Rated) -> tuple[float, float]:
        return wish_for(share, net, ends, rated, scalars), share

    return _turned(unit, turn, scalars)


def _turned(unit: Unit, turn: Callable[[Any, Any, Rated], tuple[Any, Any]], xp: Namespace) -> Turned:
    """Return what turns what is asked of each battery: ``turn`` returns it in its other form, and as a share."""
    laws = [(item.laws.settle, item.cell) for item in unit.flexibles]
    rated = [(place, rated_of(unit, place)) for place in followers(unit)]
    others = [place for place in range(len(laws)) if place not in followers(unit)]
    last, plain, remembers = followers(unit)[-1], unit.plain, unit.remembers

    def turned(states: Any, asked: Any, signals: Any) -> tuple[Any, ...]:
        net, own = signals[3], (None,) if plain else signals[5]
        now, found = unit.nested(states) if remembers else states, list(asked)

        def with_flow(place: int, share: Any) -> Any:
            (settle, cell), told = laws[place], own[place]
            drawn, given, _ = settle(now[place], share, cell, xp, told)
            return net + drawn - given

        for place in others:
            net = with_flow(place, asked[place])
        for place, most in rated:
            found[place], share = turn(asked[place], net, most)
            if place != last:
                net = with_flow(place, share)
        return tuple(found)

    return turned
