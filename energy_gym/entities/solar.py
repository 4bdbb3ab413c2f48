"""Generation from sun and wind: power as it comes, with the part that an inverter may cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace
from energy_gym.entities.base import Entity, Flexible, Laws, Values, column_name, no_cost, positive_number, register
from energy_gym.errors import UnknownIdError
from energy_gym.modelling import Model

CURTAILMENTS = ("none", "limit", "action")


class Cut(NamedTuple):
    """A curtailed generator has no figures of its own: what it makes is its signal."""


class Source(Entity):
    """A source that follows the weather, whatever it is worked out from; see `Solar` for its curtailment."""

    __slots__ = ()
    curtailment: str

    def made_kw(self, values: Values) -> Floats:
        """Return what the weather lets it make, shape (steps,) [kW, >= 0]."""
        raise NotImplementedError

    def fixed_kw(self, values: Values) -> Floats:
        """See `Entity.fixed_kw`."""
        return 0.0 - self.made_kw(values)

    def curtailable_kw(self, values: Values) -> Floats | None:
        """See `Entity.curtailable_kw`."""
        return None if self.curtailment == "none" else self.made_kw(values)

    def flexible(self, name: str, hours: float, values: Values) -> Flexible | None:
        """See `Entity.flexible`."""
        if self.curtailment != "action":
            return None
        made = self.made_kw(values) * hours
        laws = Laws(settle, next_state, no_cost, constrain)
        return Flexible(name, laws, Cut(), 0.0, None, made, 0.0, signal=made, worth=0.0, curtails=True)


def known_curtailment(kind: str, value: str) -> None:
    """Raise UnknownIdError where a curtailment is none of ours."""
    if value not in CURTAILMENTS:
        raise UnknownIdError.of(f"{kind} curtailment", value, CURTAILMENTS)


@dataclass(frozen=True, slots=True)
class Generator(Source):
    """A source whose power is a column of the data; see `Solar` and `Wind`."""

    column: str
    scale: float = 1.0
    curtailment: str = "none"

    def __post_init__(self) -> None:
        column_name(self.kind, "column", self.column)
        object.__setattr__(self, "scale", positive_number(self.kind, "scale", self.scale))
        known_curtailment(self.kind, self.curtailment)

    def columns(self) -> tuple[str, ...]:
        """See `Entity.columns`."""
        return (self.column,)

    def made_kw(self, values: Values) -> Floats:
        """See `Source.made_kw`."""
        return self.scale * values[self.column]


@register
@dataclass(frozen=True, slots=True)
class Solar(Generator):
    """Photovoltaic generation.

    Args:
        column: Column of the data with the production [kW, >= 0].
        scale: Factor on it.
        curtailment: ``"none"``: all is fed in; ``"limit"``: the inverter cuts what the connection's export limit leaves
            no room for; ``"action"``: a control cuts besides that: +1 cuts all, 0 and below nothing.

    Raises:
        UnknownIdError: An unknown curtailment.
        ConfigurationError: The column is no name, or the scale no positive number.

    Source:
        EnCortex, section 3.1.1: a source is its data, and curtailment its action.

    Example:
        >>> import numpy as np
        >>> Solar(scale=2.0).fixed_kw({"pv_kw": np.array([0.0, 1.5])}).tolist()
        [0.0, -3.0]
    """

    kind: ClassVar[str] = "solar"
    column: str = "pv_kw"


@register
@dataclass(frozen=True, slots=True)
class Wind(Generator):
    """Wind power; arguments as for `Solar`.

    Source:
        As `Solar`.

    Example:
        >>> Wind(curtailment="limit").columns()
        ('wind_kw',)
    """

    kind: ClassVar[str] = "wind"
    column: str = "wind_kw"


def settle(state: Any, wish: Any, cell: Cut, xp: Namespace, signal: Any) -> tuple[Any, Any, Any]:
    """Return the energy cut of what is made, nothing given, nothing refused [kWh].

    Source:
        By definition: the share asked for, of what is made.
    """
    return xp.positive(wish) * signal, 0.0, 0.0


def next_state(state: Any, drawn: Any, given: Any, cell: Cut, signal: Any = None) -> Any:
    """Return the state as it is: cutting leaves no trace."""
    return state


def constrain(model: Model, cell: Cut, start: float, signal: Floats) -> tuple[Any, Any, Any]:
    """State the energy cut as a variable of a solver's model."""
    return model.variable(0.0, signal), 0.0, None
