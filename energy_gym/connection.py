"""What fits through a site's connection: what is cut, in which order, and what load then is not served.

One rule: generation that may be cut goes first, then what is given by decision, then what is drawn by decision; what
must flow whatever is decided goes last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from energy_gym.backends import Namespace
from energy_gym.units import Unit


def reducible_of(unit: Unit) -> list[int] | None:
    """Return the places of the entities whose flows the connection reduces; None if it reduces all of them."""
    places = [place for place, item in enumerate(unit.flexibles) if not item.spills]
    return None if len(places) == len(unit.flexibles) else places


def fits(
    ends: tuple[Any, Any], flows: list[list[Any]], net: Any, refused: Any, spare: Any, xp: Namespace
) -> tuple[Any, Any, Any, Any]:
    """Reduce flows to what fits through the connection: generation is cut first, then what is given, then drawn.

    ``ends`` are the most that may come in and go out in the step [kWh]. The last that is returned is what still does
    not fit: load that is not served.
    """
    import_kwh, export_kwh = ends
    excess = xp.positive(0.0 - export_kwh - net)
    curtailed = xp.bounded(excess, spare)
    net, excess = net + curtailed, excess - curtailed
    for flow in flows:
        less = xp.bounded(excess, flow[1])
        flow[1], net, excess, refused = flow[1] - less, net + less, excess - less, refused + less
    excess = xp.positive(net - import_kwh)
    for flow in flows:
        less = xp.bounded(excess, flow[0])
        flow[0], net, excess, refused = flow[0] - less, net - less, excess - less, refused + less
    return net, refused, curtailed, excess


def fits_owing(unit: Unit, xp: Namespace) -> Callable[..., tuple[Any, Any, Any, Any]]:
    """Return what fits flows as `fits` does, where some must be drawn or given: the connection cuts the rest alone.

    Such flows are no more than the connection surely leaves room for.
    """
    laws, reducible = tuple((item.laws.owed, item.cell) for item in unit.flexibles), reducible_of(unit)

    def fitted(
        ends: tuple[Any, Any], flows: list[list[Any]], now: tuple[Any, Any, Any], states: Any, own: Any
    ) -> tuple[Any, Any, Any, Any]:
        kept = []
        for (owed, cell), flow, state, signal in zip(laws, flows, states[: len(laws)], own, strict=True):
            drawn, given = (0.0, 0.0) if owed is None else owed(state, cell, xp, signal)
            kept.append((xp.bounded(drawn, flow[0]), xp.bounded(given, flow[1])))
        free = [[flow[0] - drawn, flow[1] - given] for flow, (drawn, given) in zip(flows, kept, strict=True)]
        fitting = free if reducible is None else [free[place] for place in reducible]
        net, refused, cut, excess = fits(ends, fitting, *now, xp)
        for flow, rest, (drawn, given) in zip(flows, free, kept, strict=True):
            flow[:] = [rest[0] + drawn, rest[1] + given]
        return net, refused, cut, excess

    return fitted
