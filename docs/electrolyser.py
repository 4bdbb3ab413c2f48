"""An electrolyser: electricity becomes hydrogen, which waits in a tank for the pipeline that takes it.

One rule: hydrogen is in kg, and is sold as it is made; the tank is what limits making it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from energy_gym.entities import Entity, Flexible, Laws, register
from energy_gym.entities.base import finite_number, positive_number
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model


class Stack(NamedTuple):
    """An electrolyser's figures for one step length, as the laws take them."""

    draw_kwh: Any
    kg_per_kwh: Any
    keep: Any
    tank_kg: Any
    income_per_kwh: Any


@register
@dataclass(frozen=True, slots=True)
class Electrolyser(Entity):
    """An electrolyser with a tank, out of which a pipeline takes a share of the content in each hour.

    Args:
        rated_kw: Rated power [kW].
        kwh_per_kg: Electricity for a kg of hydrogen [kWh/kg].
        tank_kg: Most hydrogen in the tank [kg].
        initial_kg: Hydrogen in the tank when an episode starts [kg].
        offtake_per_hour: Share of the content that the pipeline takes in an hour, in (0, 1].
        price_per_kg: What it pays for a kg, as it is made [currency/kg].
    """

    kind: ClassVar[str] = "electrolyser"
    rated_kw: float = 100.0
    kwh_per_kg: float = 52.0
    tank_kg: float = 10.0
    initial_kg: float = 0.0
    offtake_per_hour: float = 0.1
    price_per_kg: float = 4.0

    def __post_init__(self) -> None:
        for name in ("rated_kw", "kwh_per_kg", "tank_kg", "offtake_per_hour"):
            object.__setattr__(self, name, positive_number(self.kind, name, getattr(self, name)))
        for name in ("initial_kg", "price_per_kg"):
            object.__setattr__(self, name, finite_number(self.kind, name, getattr(self, name)))
        if not (0.0 <= self.initial_kg <= self.tank_kg and self.offtake_per_hour <= 1.0):
            found = f"electrolyser initial_kg={self.initial_kg}, offtake_per_hour={self.offtake_per_hour}"
            raise ConfigurationError(found, "must lie in [0, tank_kg] and in (0, 1]", "pass kg, and a fraction")

    def flexible(self, name: str, hours: float, values: Any) -> Flexible:
        """See `Entity.flexible`."""
        made = 1.0 / self.kwh_per_kg
        keep = max(1.0 - self.offtake_per_hour * hours, 0.0)
        stack = Stack(self.rated_kw * hours, made, keep, self.tank_kg, self.price_per_kg * made)
        laws = Laws(settle, next_state, cost, constrain)
        span = (0.0, self.tank_kg)
        # What is in the tank is sold: nothing of it is settled when an episode ends.
        return Flexible(name, laws, stack, self.initial_kg, span, stack.draw_kwh, 0.0, worth=0.0)


def settle(kg: Any, wish: Any, stack: Stack, xp: Any, signal: Any = None) -> tuple[Any, Any, Any]:
    """Return electricity drawn, given (none), and refused because the tank is full [kWh]."""
    wanted = xp.positive(wish) * stack.draw_kwh
    drawn = xp.bounded(wanted, (stack.tank_kg - kg * stack.keep) / stack.kg_per_kwh)
    return drawn, 0.0, wanted - drawn


def next_state(kg: Any, drawn: Any, given: Any, stack: Stack, signal: Any = None) -> Any:
    """Return the hydrogen in the tank after the step [kg]: what the pipeline has left, and what was made."""
    return kg * stack.keep + stack.kg_per_kwh * drawn


def cost(drawn: Any, given: Any, stack: Stack) -> Any:
    """Return what the step costs besides electricity: an income, so with a minus sign [currency]."""
    return 0.0 - stack.income_per_kwh * drawn


def constrain(model: Model, stack: Stack, start: float, signal: Any = None) -> tuple[Any, Any, Any]:
    """State the same in a solver's model; returns the electricity drawn and given, and the hydrogen, by step."""
    drawn = model.variable(0.0, stack.draw_kwh)
    kg = model.variable(0.0, stack.tank_kg)
    model.equal(kg, next_state(model.previous(kg, start), drawn, 0.0, stack))
    return drawn, 0.0, kg
