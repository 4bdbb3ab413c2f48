"""What a law around a store leaves as it is: one that brings it back, leads it back or holds it to a target.

One rule: such a law changes flows and states; what a step costs besides energy, and what a solver's flows are untangled
to, stay the store's own.
"""

from __future__ import annotations

from typing import Any

from energy_gym.backends import Namespace
from energy_gym.entities.base import Flexible, Laws
from energy_gym.modelling import Model


def laws_around(flexible: Flexible, settle: Any, next_state: Any, constrain: Any, owed: Any, **more: Any) -> Laws:
    """Return the laws of a store within a law: those given, and what it costs and how it is untangled as before.

    Args:
        flexible: The store.
        settle: See `Laws`; so are all that follow.
        next_state: See `Laws`.
        constrain: See `Laws`.
        owed: See `Laws`.
        more: ``fine`` and ``age``; without, ageing is that of the store whose counter stands behind its state.
    """
    untangled = None if flexible.laws.untangle is None else untangle
    if flexible.laws.age is not None:
        more.setdefault("age", age)
    return Laws(settle, next_state, cost, constrain, untangled, owed=owed, **more)


def cost(drawn: Any, given: Any, cell: Any) -> Any:
    """Return what the step costs besides energy [currency].

    Source:
        The store's own.
    """
    return cell.laws.cost(drawn, given, cell.figures)


def age(before: Any, after: Any, cell: Any, xp: Namespace) -> Any:
    """Return what ageing costs on a step [currency], of a store that counts steps behind its state.

    Source:
        The store's own.
    """
    return cell.laws.age(own_state(before), own_state(after), cell.figures, xp)


def untangle(drawn: Any, given: Any, cell: Any) -> Any:
    """See `Laws.untangle`."""
    return cell.laws.untangle(drawn, given, cell.figures)


def level_of(state: Any) -> Any:
    """Return how much is stored, of a store's own state with or without memory.

    Example:
        >>> level_of((3.0, 1.0)), level_of(3.0)
        (3.0, 3.0)
    """
    return state[0] if isinstance(state, tuple) else state


def own_state(state: Any) -> Any:
    """Return a store's own state, with its memory if it has any, of one that counts steps behind it.

    Example:
        >>> own_state((3.0, 24.0)), own_state((3.0, 1.0, 24.0))
        (3.0, (3.0, 1.0))
    """
    return state[0] if len(state) == 2 else state[:-1]


def with_count(model: Model, state: Any) -> Any:
    """Return what a solver is told of a state with a count of steps behind it, which no law asks of it there."""
    return (*state, model.variable(0.0, 0.0)) if isinstance(state, tuple) else state


def counted(state: Any, drawn: Any, given: Any, cell: Any, signal: Any, steps: float) -> tuple[Any, ...]:
    """Return the store's own state and memory at the end of a step, and its count of steps behind them, moved on."""
    after = cell.laws.next_state(own_state(state), drawn, given, cell.figures, signal)
    return (*(after if isinstance(after, tuple) else (after,)), state[-1] + steps)
