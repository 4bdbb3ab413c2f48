"""A consumer: load as it comes, and a part of it that can be put off.

One rule: energy put off is a debt; the shiftable part is a store whose level is never above zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from energy_gym.arrays import Floats
from energy_gym.backends import Namespace
from energy_gym.entities.base import (
    Entity,
    Flexible,
    Laws,
    Reach,
    Values,
    column_name,
    finite_number,
    no_cost,
    register,
)
from energy_gym.entities.base import positive_number as positive
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model


class Debt(NamedTuple):
    """Figures of a shiftable load for one step length."""

    catch_up_kwh: Any
    debt_kwh: Any


@register
@dataclass(frozen=True, slots=True)
class Consumer(Entity):
    """A load, of which a part can be served later.

    Args:
        column: Column of the data with the load [kW, >= 0].
        scale: Factor on it.
        shiftable: Share of the load that can be put off, in [0, 1]; above 0 the consumer has a control: -1 puts off
            all of that share, 0 takes the load as it comes, +1 catches up at ``catch_up_kw``.
        catch_up_kw: Most power with which energy put off is served [kW].
        debt_kwh: Most energy that may be owed at any time [kWh].

    Raises:
        ConfigurationError: A field is no number, or out of its range.

    Source:
        EnCortex, section 3.1.1 (a consumer with actions of demand response); the debt is by definition.

    Example:
        >>> import numpy as np
        >>> Consumer().fixed_kw({"load_kw": np.array([1.0, 2.0])}).tolist()
        [1.0, 2.0]
    """

    kind: ClassVar[str] = "consumer"
    column: str = "load_kw"
    scale: float = 1.0
    shiftable: float = 0.0
    catch_up_kw: float = 5.0
    debt_kwh: float = 10.0

    def __post_init__(self) -> None:
        column_name("consumer", "column", self.column)
        for name in ("scale", "catch_up_kw", "debt_kwh"):
            object.__setattr__(self, name, positive("consumer", name, getattr(self, name)))
        share = finite_number("consumer", "shiftable", self.shiftable)
        if not 0.0 <= share <= 1.0:
            raise ConfigurationError(f"consumer shiftable={share}", "is a share in [0, 1]", "pass a fraction")
        object.__setattr__(self, "shiftable", share)

    def columns(self) -> tuple[str, ...]:
        """See `Entity.columns`."""
        return (self.column,)

    def fixed_kw(self, values: Values) -> Floats:
        """See `Entity.fixed_kw`."""
        return self.scale * values[self.column]

    def flexible(self, name: str, hours: float, values: Values) -> Flexible | None:
        """See `Entity.flexible`."""
        if self.shiftable == 0.0:
            return None
        arriving = self.shiftable * self.scale * values[self.column] * hours
        cell = Debt(self.catch_up_kw * hours, self.debt_kwh)
        laws = Laws(settle, next_state, no_cost, constrain)
        span = (-self.debt_kwh, self.debt_kwh)
        reach = Reach(1.0, 1.0, 1.0, cell.catch_up_kwh, 0.0, -self.debt_kwh, 0.0)
        return Flexible(name, laws, cell, 0.0, span, cell.catch_up_kwh, arriving, signal=arriving, reach=reach)


def settle(state: Any, wish: Any, cell: Debt, xp: Namespace, signal: Any) -> tuple[Any, Any, Any]:
    """Return what is served of the debt, what is put off, and what of the wish is refused [kWh, all >= 0].

    Args:
        state: Energy ahead of the load as it comes [kWh]; never above 0: what is owed, with a minus sign.
        wish: In [-1, 1].
        cell: Figures for the step.
        xp: The namespace of the numbers.
        signal: Shiftable energy that falls due in this step [kWh].

    Source:
        By definition: what is put off is owed, and no more is served than is owed.
    """
    up = xp.positive(wish)
    serve, delay = up * cell.catch_up_kwh, (up - wish) * signal
    served = xp.bounded(serve, 0.0 - state)
    delayed = xp.bounded(delay, cell.debt_kwh + state)
    return served, delayed, (serve - served) + (delay - delayed)


def next_state(state: Any, drawn: Any, given: Any, cell: Debt, signal: Any = None) -> Any:
    """Return the level after the step [kWh].

    Source:
        By definition: the debt grows by what is put off and shrinks by what is served.
    """
    return state + drawn - given


def constrain(model: Model, cell: Debt, start: float, signal: Floats) -> tuple[Any, Any, Any]:
    """State the shiftable load in a solver's model; serving and putting off at once cancel out and are let be."""
    served = model.variable(0.0, cell.catch_up_kwh)
    delayed = model.variable(0.0, signal)
    level = model.variable(-cell.debt_kwh, 0.0)
    before = model.previous(level, start)
    model.equal(level, next_state(before, served, delayed, cell))
    model.at_most(served, 0.0 - before)
    return served, delayed, level
