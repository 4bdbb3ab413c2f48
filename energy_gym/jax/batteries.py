"""Parameters with other batteries, whose figures may be tracers: to size one by its gradient, or many at once.

One rule: what a figure of a battery means is stated by `Battery` alone; it is asked here with other numbers.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, cast

import numpy as np

from energy_gym.entities import Battery, Flexible
from energy_gym.envs.setup import Setup
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.jax.figures import FlexibleFigures
from energy_gym.jax.parameters import Params


def with_figures(battery: Battery, **figures: Any) -> Battery:
    """Return a battery with other figures, which are not checked: they may be tracers or tensors.

    Example:
        >>> with_figures(Battery(), capacity_kwh=20.0).energy_initial_kwh
        10.0
    """
    other: Battery = object.__new__(type(battery))
    for item in fields(battery):
        object.__setattr__(other, item.name, figures.get(item.name, getattr(battery, item.name)))
    return other


def check_figures(battery: Battery, figures: dict[str, Any]) -> None:
    """Raise ConfigurationError unless a battery can have these figures; of tracers, only their shape is known."""
    import jax

    for name, value in figures.items():
        if np.ndim(value):
            found = f"battery {name} of shape {np.shape(value)}"
            remedy = "jax.vmap over them, or stack parameters of each: energy_gym.jax.stack"
            raise ConfigurationError(found, "must be one number", remedy)
    if not any(isinstance(value, jax.core.Tracer) for value in figures.values()):
        replace(battery, **{name: cast(float, np.asarray(value)[()]) for name, value in figures.items()})


def with_battery(setup: Setup, params: Params, name: str | None, figures: dict[str, Any]) -> Params:
    """Return parameters in which a battery has other figures; see `Environment.with_battery`."""
    battery, unit, place = _found(setup, name)
    known = [item.name for item in fields(battery)]
    for figure in figures:
        if figure not in known:
            raise UnknownIdError.of("figure of a battery", figure, known)
    check_figures(battery, figures)
    item = with_figures(battery, **figures).flexible(setup.units[unit].flexibles[place].name, setup.feed.step_hours, {})
    state = sum(len(other.initial) for other in setup.units[:unit]) + place
    return params.replace(
        figures=_put(params.figures, unit, _put_entity(params.figures[unit], place, item)),
        initial=_put(params.initial, state, item.initial),
        spans=tuple(
            item.span if one.place == state else span for one, span in zip(setup.tape.states, params.spans, strict=True)
        ),
    )


def _put_entity(figures: Any, place: int, item: Flexible) -> Any:
    own = figures.flexibles[place]
    changed = FlexibleFigures(tuple(item.cell), item.initial, own.worth, item.draw_kwh, item.give_kwh)
    return figures._replace(flexibles=_put(figures.flexibles, place, changed))


def _put(parts: Any, place: int, part: Any) -> tuple[Any, ...]:
    return (*parts[:place], part, *parts[place + 1 :])


def _found(setup: Setup, name: str | None) -> tuple[Battery, int, int]:
    """Return a battery, the place of its unit, and its place there.

    Raises:
        ConfigurationError: It is of a kind whose figures are constants of a program.
        UnknownIdError: There is none of the name, or several where none is named.
    """
    places = {
        item.name: (number, place)
        for number, unit in enumerate(setup.units)
        for place, item in enumerate(unit.flexibles)
        if item.name in setup.stores
    }
    chosen = next(iter(places)) if name is None and len(places) == 1 else name
    if chosen not in places:
        raise UnknownIdError.of("battery", str(chosen), places)
    unit, place = places[chosen]
    battery = setup.scenario.entities[chosen]
    if type(battery) is not Battery or setup.units[unit].laws is not None or setup.units[unit].flexibles[place].own:
        rule = "has figures that are constants of a compiled program"
        raise ConfigurationError(f"battery {chosen!r}", rule, "make an environment for each with energy_gym.jax.make")
    return battery, unit, place
