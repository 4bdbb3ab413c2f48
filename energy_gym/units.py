"""A decision unit laid out over the steps of a split: what flows, what can be decided, what it costs.

One rule: everything that does not depend on a decision is worked out here, once, before the first step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np

from energy_gym.arrays import Floats, gatherer, listed, or_zeros
from energy_gym.backends import Namespace
from energy_gym.contracts.ledger import Account, Carried
from energy_gym.entities import Backup, Flexible

MONEY = "currency"
"""Stands for the currency of the data in the units of figures."""


class Told(NamedTuple):
    """A state that is a figure of the step before, for ``info`` to tell.

    Args:
        name: Its name in ``info``.
        place: Its place among the unit's states.
        unit: Its unit, `MONEY` for the currency of the data.
        owner: The entity it is of; empty for the unit.
    """

    name: str
    place: int
    unit: str
    owner: str = ""


GIVEN = object()
"""Stands in a unit's series for what is told to a step by whoever plays it, such as what was bid for it."""


class UnitLaws(NamedTuple):
    """What a kind of unit does in its own way, where it is not a site with a meter.

    Args:
        step: ``(unit, xp) -> advance``: its step, as `dynamics.Advance`.
        best: ``(unit, states, goal, levels, time_limit) -> best``: its best plan, as `oracle.solve.Best`; None where
            that depends on more than its states, such as what was bid before.
        expected: ``(unit, outlook) -> unit``: the unit with what a forecast says, by column, in place of what will be.
        fined: ``(unit, states, xp) -> penalty``: what its states cost when an episode ends [currency], if anything.
        state: ``(model, unit, states, goal)``: states it, and what it earns, in a solver's model.
    """

    step: Callable[[Any, Namespace], Callable[[Any, Any, Any], Any]]
    best: Callable[[Any, Sequence[float], Any, Any, float | None], Any] | None = None
    expected: Callable[[Any, Mapping[str, Floats]], Any] | None = None
    fined: Callable[[Any, Sequence[Any], Namespace], Any] | None = None
    state: Callable[[Any, Any, Sequence[float], Any], Any] | None = None


@dataclass(frozen=True)
class Unit:
    """A site over T steps of ``hours`` hours.

    Args:
        name: The site's name.
        flexibles: What can be decided, in the order of the controls.
        fixed_kwh: Energy that flows whatever is decided, shape (T,): consumption positive.
        curtailable_kwh: Generation that may be cut at the connection, shape (T,); None if there is none.
        import_kwh: Most energy that may come in in a step [kWh]: a float, or shape (T,), and so is ``export_kwh``.
        export_kwh: Most energy that may go out.
        buy: Price of import, shape (T,) [currency/MWh].
        sell: Price of export, shape (T,).
        carbon: Carbon intensity, shape (T,) [gCO2/kWh].
        rates: Demand charge by register, shape (K,) [currency/kW].
        active: 1.0 where a step counts for a register, shape (K, T).
        fresh: 1.0 where a billing period of a register begins, shape (K, T).
        hours: Length of a step [h].
        laws: What a unit that is no site with a meter does in its own way; None for a site.
        accounts: Ledgers of its contracts, in the order of the contracts.
        usual: Load and generation that are high, but usual [kWh in a step], where the wishes of its batteries name
            powers at the meter (see `energy_gym.following`); None where they are shares of rated power.
        lost_load_per_mwh: Price of load that is not served above ``import_kwh`` [currency/MWh]; None where all is.
        backup: What makes load that is missing above ``import_kwh``, before it is not served; None where nothing does.
        refused_per_kwh: Penalty for each kWh of a wish that is refused [currency/kWh].
    """

    name: str
    flexibles: tuple[Flexible, ...]
    fixed_kwh: Floats
    curtailable_kwh: Floats | None
    import_kwh: Any
    export_kwh: Any
    buy: Floats
    sell: Floats
    carbon: Floats
    rates: Floats
    active: Floats
    fresh: Floats
    hours: float
    laws: UnitLaws | None = field(default=None, kw_only=True)
    accounts: tuple[Account, ...] = field(default=(), kw_only=True)
    usual: tuple[float, float] | None = field(default=None, kw_only=True)
    lost_load_per_mwh: float | None = field(default=None, kw_only=True)
    backup: Backup | None = field(default=None, kw_only=True)
    refused_per_kwh: float = field(default=0.0, kw_only=True)

    def __len__(self) -> int:
        return len(self.buy)

    @property
    def limited(self) -> bool:
        """Whether the connection limits anything."""
        return self.varies or math.isfinite(self.import_kwh) or math.isfinite(self.export_kwh)

    @property
    def varies(self) -> bool:
        """Whether the limits of the connection change from step to step."""
        return np.ndim(self.import_kwh) > 0

    @property
    def sheds(self) -> bool:
        """Whether load above what can be imported is left unserved, at a price."""
        return self.lost_load_per_mwh is not None

    @property
    def most_lacking_kwh(self) -> float:
        """Most load above what can be imported that a step may have [kWh]."""
        if self.sheds:
            return math.inf
        return 0.0 if self.backup is None else self.backup.most_kwh

    @property
    def decisions(self) -> tuple[Flexible, ...]:
        """What an action decides, in its order; here what can be decided at all."""
        return self.flexibles

    @property
    def controls(self) -> int:
        """Number of wishes that its step takes."""
        return len(self.decisions)

    @property
    def undifferentiable(self) -> str | None:
        """Why its step is no differentiable function of the wishes; None where it is one."""
        return None

    def physical(self) -> Self:
        """Return the same with the decisions that physics allows, where those of an action are fewer."""
        return self

    def by_power(self) -> Self:
        """Return the same with shares of rated power as wishes."""
        return self if self.usual is None else replace(self, usual=None)

    @property
    def charges(self) -> list[Any]:
        """Demand charge by register, as the step takes it [currency/kW]."""
        charges: list[Any] = self.rates.tolist()
        return charges

    @property
    def registers(self) -> int:
        """Number of running maxima of demand."""
        return len(self.rates)

    @property
    def plain(self) -> bool:
        """Whether it is one controlled entity without signals, limits, demand charges or ledgers."""
        own = self.flexibles[0].signal if len(self.flexibles) == 1 else self.fixed_kwh
        billed = self.registers or self.accounts or self.burns or self.ages or self.refused_per_kwh
        return own is None and not self.limited and not billed and not self.remembers

    @property
    def remembers(self) -> bool:
        """Whether any controlled entity carries more than its state from step to step."""
        return any(flexible.memory for flexible in self.flexibles)

    @property
    def burns(self) -> bool:
        """Whether any controlled entity burns fuel or the like."""
        return any(flexible.laws.burn is not None for flexible in self.flexibles)

    @property
    def ages(self) -> bool:
        """Whether what any controlled entity costs in wear depends on its states."""
        return any(flexible.laws.age is not None for flexible in self.flexibles)

    @property
    def countdowns(self) -> tuple[int, ...]:
        """Places of the states that count the steps left of an episode."""
        memories = (memory for flexible in self.flexibles for memory in flexible.memory)
        first = len(self.flexibles) + self.registers + len(self.told)
        return tuple(first + place for place, memory in enumerate(memories) if memory.counts_down)

    @property
    def told(self) -> tuple[Told, ...]:
        """The states that are figures of the step before, for ``info`` to tell."""
        unserved = (("unserved_kwh", "kWh"), ("unserved_cost", MONEY)) if self.sheds else ()
        made = (("backup_kwh", "kWh"), ("backup_cost", MONEY)) if self.backup is not None else ()
        figures = (*unserved, *made, *((("refused_cost", MONEY),) if self.refused_per_kwh else ()))
        first = len(self.flexibles) + self.registers
        return tuple(Told(name, first + place, unit) for place, (name, unit) in enumerate(figures))

    @property
    def noted(self) -> tuple[Told, ...]:
        """The same of what its entities remember."""
        first = len(self.flexibles) + self.registers + len(self.told)
        pairs = [(item.name, memory) for item in self.flexibles for memory in item.memory]
        return tuple(
            Told(memory.name, first + place, memory.told, owner)
            for place, (owner, memory) in enumerate(pairs)
            if memory.told is not None
        )

    @property
    def carried(self) -> tuple[Carried, ...]:
        """What its ledgers carry from step to step."""
        return tuple(carried for account in self.accounts for carried in account.ledger.carried)

    @property
    def booked(self) -> tuple[slice, ...]:
        """Places among the states of what each ledger carries."""
        end = len(self.initial)
        sizes = [len(account.ledger.carried) for account in self.accounts]
        return tuple(slice(end - sum(sizes[at:]), end - sum(sizes[at + 1 :])) for at in range(len(sizes)))

    def nested(self, states: Sequence[Any]) -> tuple[Any, ...]:
        """Return flat states as one for each controlled entity, with its memory if it has any; then the maxima."""
        own = list(states[: len(self.flexibles) + self.registers])
        place = len(own) + len(self.told)
        for index, flexible in enumerate(self.flexibles):
            if flexible.memory:
                own[index] = (own[index], *states[place : place + len(flexible.memory)])
                place += len(flexible.memory)
        return tuple(own)

    def flat(self, nested: Sequence[Any]) -> tuple[Any, ...]:
        """Return what `nested` made of flat states as these again."""
        heads = [state[0] if isinstance(state, tuple) else state for state in nested]
        return (*heads, *(more for state in nested if isinstance(state, tuple) for more in state[1:]))

    @property
    def initial(self) -> tuple[Any, ...]:
        """State at the start.

        Of the controlled entities, then the running maxima [kW], then figures of the step before, then what is
        remembered, then what ledgers carry.
        """
        remembered = (memory.initial for flexible in self.flexibles for memory in flexible.memory)
        own = (flexible.initial for flexible in self.flexibles)
        return (
            *own,
            *([0.0] * (self.registers + len(self.told))),
            *remembered,
            *(carried.initial for carried in self.carried),
        )

    def window(self, first: int, stop: int) -> Self:
        """Return the same for a part of the steps."""
        part = slice(first, stop)
        return replace(
            self,
            flexibles=tuple(flexible.window(part) for flexible in self.flexibles),
            fixed_kwh=self.fixed_kwh[part],
            curtailable_kwh=None if self.curtailable_kwh is None else self.curtailable_kwh[part],
            buy=(buy := self.buy[part]),
            sell=buy if self.sell is self.buy else self.sell[part],
            carbon=self.carbon[part],
            import_kwh=self.import_kwh[part] if self.varies else self.import_kwh,
            export_kwh=self.export_kwh[part] if self.varies else self.export_kwh,
            active=self.active[:, part],
            fresh=self.fresh[:, part],
            accounts=tuple(account.window(part) for account in self.accounts),
        )

    def unproved(self) -> Unit:
        """Return the same where a plan needs no bound, if that is found sooner than one with a bound."""
        return self

    def without_maxima(self) -> Unit:
        """Return the same without its running maxima."""
        none = np.zeros((0, len(self)))
        return replace(self, rates=np.zeros(0), active=none, fresh=none)

    def signals(self) -> list[tuple[Any, ...]]:
        """Return what the composed step is told, one tuple per step, on floats."""
        columns: list[Any] = [listed(part, len(self)) for part in self.series()]
        return list(zip(*columns, strict=True))

    def gather(self) -> Callable[[Any], tuple[Any, ...]]:
        """Return a function from an array of steps to the same for all of them: arrays of its shape.

        One step past the last is allowed, and means nothing. A series of zeros stays a plain 0.0.
        """
        return gatherer(self.series())

    def series(self) -> tuple[Any, ...]:
        """Return series (T,), `GIVEN`, and groups of them, in the order in which `dynamics.compose` takes them."""
        first = (self.buy, self.sell, self.carbon, self.fixed_kwh)
        if self.plain:
            return first
        own = tuple(or_zeros(item.signal, len(self)) for item in self.flexibles)
        told: tuple[Any, ...] = (*first, or_zeros(self.curtailable_kwh, len(self)), own)
        told = (*told, tuple(self.active), tuple(self.fresh))
        told = (*told, (self.import_kwh, self.export_kwh)) if self.varies else told
        return (*told, tuple(account.signals for account in self.accounts)) if self.accounts else told
