"""A decision unit laid out over the steps of a split: what flows, what can be decided, what it costs.

One rule: everything that does not depend on a decision is worked out here, once, before the first step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.backends import Namespace
from energy_gym.entities import Flexible
from energy_gym.errors import DataError
from energy_gym.scenario import Site

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
TOLERANCE_KWH = 1e-9


class UnitLaws(NamedTuple):
    """What a kind of unit does in its own way, where it is not a site with a meter.

    Args:
        step: ``(unit, xp) -> advance``: its step, as `dynamics.Advance`.
        best: ``(unit, states, goal, levels, time_limit) -> best``: its best plan, as `oracle.solve.Best`.
        expected: ``(unit, outlook) -> unit``: the unit with what a forecast says, by column, in place of what will be.
        fined: ``(unit, states, xp) -> penalty``: what its states cost when an episode ends [currency], if anything.
    """

    step: Callable[[Any, Namespace], Callable[[Any, Any, Any], Any]]
    best: Callable[[Any, Sequence[float], Any, Any, float | None], Any]
    expected: Callable[[Any, Mapping[str, Floats]], Any]
    fined: Callable[[Any, Sequence[Any], Namespace], Any] | None = None


@dataclass(frozen=True)
class Unit:
    """A site over T steps of ``hours`` hours.

    Args:
        name: The site's name.
        flexibles: What can be decided, in the order of the controls.
        fixed_kwh: Energy that flows whatever is decided, shape (T,): consumption positive.
        curtailable_kwh: Generation that may be cut at the connection, shape (T,); None if there is none.
        import_kwh: Most energy that may come in in a step [kWh].
        export_kwh: Most energy that may go out.
        buy: Price of import, shape (T,) [currency/MWh].
        sell: Price of export, shape (T,).
        carbon: Carbon intensity, shape (T,) [gCO2/kWh].
        rates: Demand charge by register, shape (K,) [currency/kW].
        active: 1.0 where a step counts for a register, shape (K, T).
        fresh: 1.0 where a billing period of a register begins, shape (K, T).
        hours: Length of a step [h].
        laws: What a unit that is no site with a meter does in its own way; None for a site.
    """

    name: str
    flexibles: tuple[Flexible, ...]
    fixed_kwh: Floats
    curtailable_kwh: Floats | None
    import_kwh: float
    export_kwh: float
    buy: Floats
    sell: Floats
    carbon: Floats
    rates: Floats
    active: Floats
    fresh: Floats
    hours: float
    laws: UnitLaws | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        return len(self.buy)

    @property
    def limited(self) -> bool:
        """Whether the connection limits anything."""
        return math.isfinite(self.import_kwh) or math.isfinite(self.export_kwh)

    @property
    def controls(self) -> int:
        """Number of decisions of a step."""
        return len(self.flexibles)

    @property
    def registers(self) -> int:
        """Number of running maxima of demand."""
        return len(self.rates)

    @property
    def plain(self) -> bool:
        """Whether it is one controlled entity without signals, limits or demand charges."""
        own = self.flexibles[0].signal if len(self.flexibles) == 1 else self.fixed_kwh
        return own is None and not self.limited and not self.registers and not self.remembers

    @property
    def remembers(self) -> bool:
        """Whether any controlled entity carries more than its state from step to step."""
        return any(flexible.memory for flexible in self.flexibles)

    def nested(self, states: Sequence[Any]) -> tuple[Any, ...]:
        """Return flat states as one for each controlled entity, with its memory if it has any; then the maxima."""
        own, place = list(states[: len(self.flexibles) + self.registers]), len(self.flexibles) + self.registers
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
        """State at the start: of the controlled entities, then the running maxima [kW], then what is remembered."""
        remembered = (memory.initial for flexible in self.flexibles for memory in flexible.memory)
        return (*(flexible.initial for flexible in self.flexibles), *([0.0] * self.registers), *remembered)

    def window(self, first: int, stop: int) -> Unit:
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
            active=self.active[:, part],
            fresh=self.fresh[:, part],
        )

    def without_maxima(self) -> Unit:
        """Return the same without its running maxima."""
        none = np.zeros((0, len(self)))
        return replace(self, rates=np.zeros(0), active=none, fresh=none)

    def signals(self) -> list[tuple[Any, ...]]:
        """Return what the composed step is told, one tuple per step, on floats."""
        columns: list[Any] = [_listed(part, len(self)) for part in self._signals()]
        return list(zip(*columns, strict=True))

    def gather(self) -> Callable[[Any], tuple[Any, ...]]:
        """Return a function from an array of steps to the same for all of them: arrays of its shape.

        One step past the last is allowed, and means nothing. A series of zeros stays a plain 0.0.
        """
        return _gatherer(self._signals())

    def _signals(self) -> tuple[Any, ...]:
        """Return series (T,), and groups of them, in the order in which `dynamics.compose` takes them."""
        first = (self.buy, self.sell, self.carbon, self.fixed_kwh)
        if self.plain:
            return first
        own = tuple(_or_zeros(item.signal, len(self)) for item in self.flexibles)
        return (*first, _or_zeros(self.curtailable_kwh, len(self)), own, tuple(self.active), tuple(self.fresh))


def _listed(part: Any, steps: int) -> list[Any]:
    if isinstance(part, tuple):
        return list(zip(*(item.tolist() for item in part), strict=True)) if part else [()] * steps
    values: list[Any] = part.tolist()
    return values


def _gatherer(parts: tuple[Any, ...]) -> Callable[[Any], tuple[Any, ...]]:
    takers: dict[int, Callable[[Any], Any]] = {id(part): _taker(part) for part in parts}
    order = [id(part) for part in parts]

    def gather(steps: Any) -> tuple[Any, ...]:
        found = {key: take(steps) for key, take in takers.items()}
        return tuple([found[key] for key in order])

    return gather


def _taker(part: Any) -> Callable[[Any], Any]:
    if isinstance(part, tuple):
        return _gatherer(part) if part else lambda _: ()
    if not part.any():
        return lambda _: 0.0
    take = np.append(part, 0.0).take
    return lambda steps: take(steps)


class Registers(NamedTuple):
    """Demand charges laid out over T steps: K running maxima.

    Args:
        rates: Charge by register, shape (K,) [currency/kW].
        active: 1.0 where a step counts, shape (K, T).
        fresh: 1.0 where a billing period begins, shape (K, T).
    """

    rates: Floats
    active: Floats
    fresh: Floats

    def window(self, first: int, stop: int) -> Registers:
        """Return the same for a part of the steps."""
        return Registers(self.rates, self.active[:, first:stop], self.fresh[:, first:stop])


def lay_out(
    site: Site, values: Mapping[str, Floats], prices: tuple[Floats, Floats], registers: Registers, hours: float
) -> Unit:
    """Return a site over T steps.

    Args:
        site: Entities and contracts.
        values: Columns of the data, actual or forecast, each of shape (T,).
        prices: Prices of import and export [currency/MWh], each of shape (T,).
        registers: Its demand charges over these steps.
        hours: Length of a step [h].
    """
    steps, entities = len(prices[0]), site.entities.items()
    flexibles = [entity.flexible(name, hours, values) for name, entity in entities]
    fixed = [power for _, entity in entities if (power := entity.fixed_kw(values)) is not None]
    spare = [power for _, entity in entities if (power := entity.curtailable_kw(values)) is not None]
    import_kw, export_kw = site.grid.limits_kw()
    return Unit(
        name=site.name,
        flexibles=tuple(flexible for flexible in flexibles if flexible is not None),
        fixed_kwh=_total(fixed, steps) * hours,
        curtailable_kwh=_total(spare, steps) * hours if spare else None,
        import_kwh=import_kw * hours,
        export_kwh=export_kw * hours,
        buy=prices[0],
        sell=prices[1],
        carbon=_or_zeros(values.get(site.energy.carbon), steps),
        rates=registers.rates,
        active=registers.active,
        fresh=registers.fresh,
        hours=hours,
    )


def registers_of(site: Site, times: pd.DatetimeIndex, zone: str) -> Registers:
    """Return all windows of all demand charges of a site over some steps."""
    none = np.zeros((0, len(times)))
    rates: list[Any] = [np.zeros(0)]
    active: list[Any] = [none]
    fresh: list[Any] = [none]
    for charge in site.demand:
        schedule = charge.schedule(times, zone)
        rates.append(schedule.rates)
        active.append(schedule.active)
        fresh.append(np.tile(schedule.fresh, (len(schedule.rates), 1)))
    return Registers(*(np.concatenate(part).astype(np.float64) for part in (rates, active, fresh)))


def _total(parts: list[Floats], steps: int) -> Floats:
    total = np.zeros(steps)
    for part in parts:
        total = total + part
    return total


def _or_zeros(series: Floats | None, steps: int) -> Floats:
    return np.zeros(steps) if series is None else series


def check_signs(site: Site, values: Mapping[str, Floats], times: pd.DatetimeIndex) -> None:
    """Raise DataError where a load or a generation is negative."""
    for name, entity in site.entities.items():
        for column in entity.columns():
            bad = np.flatnonzero(values[column] < 0.0)
            if len(bad):
                raise DataError(
                    f"entities.{name}: {column}={values[column][bad[0]]} at {times[bad[0]].isoformat()}",
                    "load and generation must not be negative (the sign is the entity's)",
                    "correct the data, or clip what a meter's noise made negative",
                )


def check_fit(unit: Unit, times: pd.DatetimeIndex) -> None:
    """Raise DataError where what flows whatever is decided does not fit through the connection."""
    over = unit.fixed_kwh - unit.import_kwh
    under = -unit.export_kwh - (unit.fixed_kwh + _or_zeros(unit.curtailable_kwh, len(unit)))
    for excess, way in ((over, "import"), (under, "export")):
        bad = np.flatnonzero(excess > TOLERANCE_KWH)
        if len(bad):
            kw, when = excess[bad[0]] / unit.hours, times[bad[0]].isoformat()
            raise DataError(
                f"{unit.name}: {kw:.3f} kW above the {way} limit at {when}",
                f"load and generation must fit through the connection by themselves ({len(bad)} steps do not)",
                f'raise {way}_kw, or allow curtailment="limit" of the generation',
            )
