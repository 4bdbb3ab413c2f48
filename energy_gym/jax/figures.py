"""Figures that a compiled program takes as arguments: batteries, limits and rates, taken out of units and put back.

One rule: a law is never written again; a unit whose figures are tracers is composed as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

import numpy as np

from energy_gym.backends import Namespace, Table
from energy_gym.contracts.ledger import Account
from energy_gym.entities import Flexible
from energy_gym.errors import ConfigurationError
from energy_gym.units import Unit

GUIDE = 'write it with + - * / and xp alone: see "A new kind of entity" in docs/scenarios.md'


class FlexibleFigures(NamedTuple):
    """What a controlled entity brings as numbers: its cell's, its start, what its state is worth, its rated energies.

    The last two are floats; those that change from step to step are among the series.
    """

    cell: Any
    initial: Any
    worth: Any
    draw_kwh: Any
    give_kwh: Any


class UnitFigures(NamedTuple):
    """What a unit brings as numbers."""

    flexibles: tuple[FlexibleFigures, ...]
    terms: tuple[Any, ...]
    rates: Any
    import_kwh: Any
    export_kwh: Any
    usual: Any
    lost_load_per_mwh: Any


@dataclass(frozen=True)
class TracedUnit(Unit):
    """A unit whose figures may be tracers, so that what they decide about its shape is told.

    Args:
        is_limited: Whether its connection limits anything.
    """

    is_limited: bool = field(kw_only=True)

    @property
    def limited(self) -> bool:
        """See `Unit.limited`."""
        return self.is_limited

    @property
    def charges(self) -> list[Any]:
        """See `Unit.charges`."""
        return [self.rates[register] for register in range(self.registers)]


def numbers(tree: Any) -> list[Any]:
    """Return the floats and tables of nested tuples, in their order.

    Example:
        >>> numbers((1.0, ("a", 2.0, None), 3))
        [1.0, 2.0]
    """
    if isinstance(tree, tuple):
        return [number for part in tree for number in numbers(part)]
    if isinstance(tree, Table):
        return [tree.array]
    return [tree] if isinstance(tree, float | np.floating) else []


def with_numbers(tree: Any, values: Iterator[Any]) -> Any:
    """Return nested tuples with other floats and tables; everything else stays.

    Example:
        >>> with_numbers((1.0, ("a", 2.0)), iter([3.0, 4.0]))
        (3.0, ('a', 4.0))
    """
    if isinstance(tree, tuple):
        parts = [with_numbers(part, values) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    if isinstance(tree, Table):
        table = Table(tree.array)
        table.array = next(values)
        return table
    return next(values) if isinstance(tree, float | np.floating) else tree


def shape_of(tree: Any) -> Any:
    """Return nested tuples with their numbers left out: what two of them must share to be one program.

    Example:
        >>> shape_of((1.0, ("a", 2.0))) == shape_of((5.0, ("a", 6.0)))
        True
    """
    if isinstance(tree, tuple):
        return (type(tree).__name__, *(shape_of(part) for part in tree))
    if isinstance(tree, Table):
        return ("table", tree.last)
    return "number" if isinstance(tree, float | np.floating) else tree


@dataclass(frozen=True)
class Template:
    """A unit, and which of its figures a program takes as arguments.

    Args:
        unit: The unit.
        free: By controlled entity, whether its laws can be compiled with figures that are arguments.
        open_terms: The same by ledger.
    """

    unit: Unit
    free: tuple[bool, ...]
    open_terms: tuple[bool, ...]

    @classmethod
    def of(cls, unit: Unit, xp: Namespace) -> Template:
        """Look at a unit's laws.

        Raises:
            ConfigurationError: A law that cannot be compiled at all.
        """
        if unit.laws is not None:
            return cls(unit, (False,) * len(unit.flexibles), ())
        free = tuple(_free(item, xp) for item in unit.flexibles)
        return cls(unit, free, tuple(_open(account, xp) for account in unit.accounts))

    def figures(self, unit: Unit) -> UnitFigures:
        """Return the figures of a unit of the same kind."""
        pairs = zip(unit.flexibles, self.free, strict=True)
        opened = zip(unit.accounts, self.open_terms, strict=True)
        return UnitFigures(
            tuple(_figures(item, free) for item, free in pairs),
            tuple(tuple(numbers(account.ledger.terms)) if free else () for account, free in opened),
            np.asarray(unit.rates, dtype=float),
            0.0 if unit.varies else float(unit.import_kwh),
            0.0 if unit.varies else float(unit.export_kwh),
            () if unit.usual is None else tuple(float(energy) for energy in unit.usual),
            () if unit.lost_load_per_mwh is None else (float(unit.lost_load_per_mwh),),
        )

    def shape(self, unit: Unit) -> Any:
        """Return what units must share with the template's to be played by one program."""
        if unit.laws is not None:
            own = (getattr(unit, item.name) for item in fields(unit))
            return (type(unit), *(value for value in own if not isinstance(value, np.ndarray)))
        held = tuple(_shape(item, free) for item, free in zip(unit.flexibles, self.free, strict=True))
        terms = tuple(
            (account.ledger.settle, shape_of(account.ledger.terms), None if free else numbers(account.ledger.terms))
            for account, free in zip(unit.accounts, self.open_terms, strict=True)
        )
        sheds, follows = unit.sheds, unit.usual is not None
        constants = unit.varies, unit.refused_per_kwh, unit.backup
        return held, terms, unit.registers, unit.limited, sheds, follows, unit.plain, unit.hours, constants

    def filled(self, figures: UnitFigures) -> Unit:
        """Return the unit with other figures, those of a call."""
        unit = self.unit
        if unit.laws is not None:
            return unit
        given = zip(unit.flexibles, figures.flexibles, self.free, strict=True)
        terms = zip(unit.accounts, figures.terms, self.open_terms, strict=True)
        values: dict[str, Any] = {item.name: getattr(unit, item.name) for item in fields(Unit)}
        values |= {
            "flexibles": tuple(_filled(item, own, free) for item, own, free in given),
            "accounts": tuple(_with_terms(account, own) if free else account for account, own, free in terms),
            "rates": figures.rates,
            "import_kwh": unit.import_kwh if unit.varies else figures.import_kwh,
            "export_kwh": unit.export_kwh if unit.varies else figures.export_kwh,
            "usual": figures.usual or None,
            "lost_load_per_mwh": figures.lost_load_per_mwh[0] if figures.lost_load_per_mwh else None,
        }
        return TracedUnit(**values, is_limited=unit.limited)


def _figures(item: Flexible, free: bool) -> FlexibleFigures:
    cell = tuple(numbers(item.cell)) if free else ()
    draw, give = (float(rated) if np.ndim(rated) == 0 else () for rated in (item.draw_kwh, item.give_kwh))
    return FlexibleFigures(cell, float(item.initial), float(item.worth), draw, give)


def _shape(item: Flexible, free: bool) -> Any:
    # Figures that are constants of a program must be the same in all that it plays.
    cell = (shape_of(item.cell), None if free else [np.asarray(number).tolist() for number in numbers(item.cell)])
    signals = len(item.signal) if isinstance(item.signal, tuple) else item.signal is not None
    return item.name, item.laws, cell, signals, len(item.memory), item.curtails, item.spills, item.span is None


def _filled(item: Flexible, figures: FlexibleFigures, free: bool) -> Flexible:
    cell = with_numbers(item.cell, iter(figures.cell)) if free else item.cell
    draw = item.draw_kwh if isinstance(figures.draw_kwh, tuple) else figures.draw_kwh
    give = item.give_kwh if isinstance(figures.give_kwh, tuple) else figures.give_kwh
    # A wear of zero in one parameter set is none in another, so the law of cost is always played.
    changed = {"initial": figures.initial, "worth": figures.worth, "draw_kwh": draw, "give_kwh": give}
    return replace(item, cell=cell, costs=item.costs or free, **changed)


def _with_terms(account: Account, figures: tuple[Any, ...]) -> Account:
    ledger = account.ledger
    return replace(account, ledger=replace(ledger, terms=with_numbers(ledger.terms, iter(figures))))


def _free(item: Flexible, xp: Namespace) -> bool:
    """Return whether an entity's laws can be compiled with its figures as arguments.

    Raises:
        ConfigurationError: They cannot be compiled even with its figures as constants.
    """
    state = (0.5,) * (1 + len(item.memory)) if item.memory else 0.5
    signal = (0.0,) * len(item.signal) if isinstance(item.signal, tuple) else 0.0
    told = () if item.signal is None else (signal,)

    def played(cell: Any, state: Any, wish: Any, told: Any) -> Any:
        drawn, given, refused = item.laws.settle(state, wish, cell, xp, *told)
        after = item.laws.next_state(state, drawn, given, cell, *told)
        return after, item.laws.cost(drawn, given, cell), refused

    def by_figures(figures: Any, *rest: Any) -> Any:
        return played(with_numbers(item.cell, iter(figures)), *rest)

    if numbers(item.cell) and _why_not(by_figures, tuple(numbers(item.cell)), state, 0.5, told) is None:
        return True
    why = _why_not(lambda *rest: played(item.cell, *rest), state, 0.5, told)
    if why is not None:
        found = f"entity {item.name!r} in JAX"
        raise ConfigurationError(found, f"has a law that cannot be compiled ({why})", GUIDE)
    return False


def _open(account: Account, xp: Namespace) -> bool:
    """Return the same of a contract's ledger."""
    ledger = account.ledger
    start = tuple(one.initial for one in ledger.carried)
    told = tuple(float(series[0]) for series in account.signals)

    def by_terms(figures: Any, *rest: Any) -> Any:
        states, net, told = rest
        return ledger.settle(states, net, with_numbers(ledger.terms, iter(figures)), xp, told)

    if _why_not(by_terms, tuple(numbers(ledger.terms)), start, 0.5, told) is None:
        return True
    why = _why_not(lambda states, net, told: ledger.settle(states, net, ledger.terms, xp, told), start, 0.5, told)
    if why is not None:
        found = f"contract {account.name!r} in JAX"
        raise ConfigurationError(found, f"has a law that cannot be compiled ({why})", GUIDE)
    return False


def _why_not(law: Callable[..., Any], *arguments: Any) -> str | None:
    """Return in a line why a law cannot be compiled; None if it can."""
    import jax

    try:
        jax.eval_shape(law, *arguments)
    except (jax.errors.JAXTypeError, TypeError, AttributeError, ValueError) as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    return None
