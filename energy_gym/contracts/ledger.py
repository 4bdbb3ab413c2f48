"""The ledger of a metered contract: what it carries from step to step, and the law that turns it into money.

One rule: a ledger sees the energy through the meter and its own signals, and nothing else; it moves no energy.

A contract offers one through `Contract.ledger`. Its two laws say the same thing twice: ``settle`` with floats, arrays
and tensors, ``constrain`` with the variables of a solver's model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import scalars
from energy_gym.errors import ConfigurationError, UnknownIdError

PARTS = ("energy_cost", "penalty", "demand_charge")


class Carried(NamedTuple):
    """A figure that a ledger carries from step to step; it is observed as ``(figure - offset) / scale``.

    Args:
        name: Its name, such as ``"imported_kwh"``.
        unit: Its unit.
        scale: What it is divided by in the observation; None, for a power, takes a high but usual load of the site.
        initial: Its value at the start of an episode.
        offset: Its least value of interest: what lies below is observed as 0.
        top: Largest observation; None for as much as observations hold.
    """

    name: str
    unit: str
    scale: float | None
    initial: float = 0.0
    offset: float = 0.0
    top: float | None = None


class Exchange(NamedTuple):
    """What crosses the meter, in a solver's model.

    Args:
        net_kwh: Energy by step, an expression of the model: import positive [kWh].
        import_kwh: Most that can come in in each step, shape (T,) [kWh, >= 0].
        export_kwh: Most that can go out, likewise.
    """

    net_kwh: Any
    import_kwh: Floats
    export_kwh: Floats


@dataclass(frozen=True)
class Ledger:
    """A contract's ledger over T steps.

    Its laws use ``+ - * /`` and ``xp.positive``, ``xp.bounded``, ``xp.lesser``, so that floats, arrays and tensors give
    the same bits. ``signals`` is a tuple of what the ledger is told at a step: its ``series``, then its ``columns``;
    one that is 0 at every step may be a plain 0.0 where the others are arrays.

    Args:
        settle: ``(states, net_kwh, terms, xp, signals) -> (states, cost)``: the figures carried after a step, and what
            the step costs [currency], for the energy that came in (+) or went out (-) in it.
        constrain: ``(model, exchange, terms, start, signals) -> cost``: the same in a solver's model, as an expression
            whose rows add up to the cost; ``start`` holds the figures carried so far, ``signals`` arrays (T,).
        terms: The contract's figures, as the laws take them.
        carried: What is carried from step to step.
        series: What the laws are told that the calendar decides, by name (one that is ``seen`` ends in its unit, such
            as ``"rate_per_mwh"``): known at all times, each of shape (T,).
        columns: Columns of the data that the laws are told, as they are, or in a plan as they are forecast.
        seen: Names of the ``series`` that observations look ahead at; the ``columns`` are looked ahead at anyway.
        part: The reward's part that it is: ``"energy_cost"``, ``"penalty"`` or ``"demand_charge"``.

    Raises:
        UnknownIdError: An unknown part, or a series to be seen that is not there.
        ConfigurationError: Two figures of one name, or a scale that is not above 0.
    """

    settle: Callable[..., Any]
    constrain: Callable[..., Any]
    terms: Any = None
    carried: tuple[Carried, ...] = ()
    series: Mapping[str, Floats] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    part: str = "energy_cost"

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise UnknownIdError.of("part of the reward", self.part, PARTS)
        for name in self.seen:
            if name not in self.series:
                raise UnknownIdError.of("series of the ledger", name, self.series)
        names = [one.name for one in self.carried]
        if len(set(names)) < len(names) or not all(one.scale is None or one.scale > 0.0 for one in self.carried):
            raise ConfigurationError(
                f"carried={self.carried!r}", "needs a name of its own and a scale above 0 for each", "correct them"
            )


@dataclass(frozen=True)
class Account:
    """A ledger laid out over the steps of a unit: what it is told at each of them.

    Args:
        name: The contract's name in the scenario.
        ledger: Its ledger.
        signals: What its laws are told, series then columns, each of shape (T,).
    """

    name: str
    ledger: Ledger
    signals: tuple[Floats, ...]

    @classmethod
    def of(cls, name: str, ledger: Ledger, values: Mapping[str, Floats]) -> Account:
        """Lay a ledger out over the columns of the data, each of shape (T,)."""
        series = (np.asarray(part, dtype=np.float64) for part in ledger.series.values())
        return cls(name, ledger, (*series, *(values[column] for column in ledger.columns)))

    def check(self) -> None:
        """Settle a step without energy.

        Raises:
            ConfigurationError: The law returns more or fewer figures than are carried.
        """
        start = tuple(one.initial for one in self.ledger.carried)
        told = tuple(float(series[0]) for series in self.signals)
        after, _ = self.ledger.settle(start, 0.0, self.ledger.terms, scalars, told)
        if len(after) != len(start):
            found = f"contracts.{self.name}: settle returns {len(after)} figures to carry"
            raise ConfigurationError(found, f"must be the {len(start)} of `carried`", "return one for each")

    def window(self, part: slice) -> Account:
        """Return the same for a part of the steps."""
        return replace(self, signals=tuple(series[part] for series in self.signals))

    def expected(self, values: Mapping[str, Floats]) -> Account:
        """Return the same with columns as they are forecast in place of what will be; the calendar is known."""
        columns = self.ledger.columns
        known = self.signals[: len(self.signals) - len(columns)]
        return replace(self, signals=(*known, *(values[column] for column in columns)))
