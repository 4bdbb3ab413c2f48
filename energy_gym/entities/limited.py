"""The battery with what real ones are held to: cycles a day and a year, power that falls at both ends, ageing.

One rule: this file holds parameters; the laws are those of `energy_gym.entities.limits`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_YEAR
from energy_gym.entities import battery
from energy_gym.entities.base import (
    Flexible,
    Laws,
    Memory,
    Reach,
    Values,
    WallClock,
    finite_number,
    positive_number,
    register,
)
from energy_gym.entities.battery import Battery
from energy_gym.entities.curves import Points, converted, points_of, taper
from energy_gym.entities.limits import LimitedCell, budgets, constrain, next_state, settle
from energy_gym.errors import ConfigurationError

RULE_TAPER = "pairs of state of charge and share of rated power"
RULE_EFFICIENCY = "pairs of share of rated power and efficiency"


@register
@dataclass(frozen=True, slots=True)
class LimitedBattery(Battery):
    """A battery held to cycles a day or a year, with power that falls towards full and empty, and with ageing.

    What is counted is observed: ``given_today``, ``given_this_year`` and ``capacity_left``, as fractions. The limits of
    the state of charge are fractions of the capacity left, and the state of charge in the observation is one of the
    capacity when new. What fades is not paid for when an episode ends: ``wear_per_kwh`` is for that.

    Args:
        cycles_per_day: Most full cycles a day, in energy given out over capacity; None for any number.
        cycles_per_year: The same of a calendar year.
        day_begins: Hour of the local day at which the count of a day starts, in [0, 24).
        charge_taper: State of charge and the share of ``charge_kw`` that it allows, as pairs; between them straight
            lines, whose slope never rises. Empty for all of it.
        discharge_taper: The same of ``discharge_kw``.
        charge_efficiency: Share of ``charge_kw`` and the efficiency there, as pairs that end at 1, in place of
            ``efficiency_charge``; between them the energy stored is a straight line. Empty for one efficiency.
        discharge_efficiency: The same of ``discharge_kw``.
        fade_per_kwh: Capacity lost per energy given out [kWh/kWh], in [0, 1).
        fade_per_year: Fraction of ``capacity_kwh`` lost in 8760 hours, whatever it does, in [0, 0.5].
            The other arguments are those of `Battery`.

    Raises:
        ConfigurationError: Cycles that are not positive, an hour outside the day, a table that bends the wrong way or
            does not end at rated power, or a fade outside its range; and as `Battery`.

    Source:
        EnCortex, section 5.1.1 (rates, efficiencies, degradation). Limits of cycles: DER-VET's daily cycle limit. Power
        that falls with the state of charge: constant current, then constant voltage, by straight lines.

    Example:
        >>> home = LimitedBattery(cycles_per_day=1.0, charge_taper=((0.8, 1.0), (1.0, 0.2)))
        >>> cell = home.flexible("home", 1.0, {"home.new_day": np.zeros(1), "home.new_year": np.zeros(1)}).cell
        >>> cell.limits_kwh
        (10.0, None)
    """

    kind: ClassVar[str] = "limited_battery"
    cycles_per_day: float | None = None
    cycles_per_year: float | None = None
    day_begins: float = 0.0
    charge_taper: Points = ()
    discharge_taper: Points = ()
    charge_efficiency: Points = ()
    discharge_efficiency: Points = ()
    fade_per_kwh: float = 0.0
    fade_per_year: float = 0.0

    def __post_init__(self) -> None:
        # The form without arguments does not find the class that slots=True makes in place of this one.
        Battery.__post_init__(self)
        for name in ("cycles_per_day", "cycles_per_year"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, positive_number("battery", name, getattr(self, name)))
        for name, top in (("day_begins", 24.0), ("fade_per_kwh", 1.0), ("fade_per_year", 0.5)):
            self._check_range(name, top)
        for name in ("charge_taper", "discharge_taper"):
            object.__setattr__(self, name, points_of(name, getattr(self, name), RULE_TAPER))
        for name in ("charge_efficiency", "discharge_efficiency"):
            object.__setattr__(self, name, points_of(name, getattr(self, name), RULE_EFFICIENCY))
        self._limited_cell(1.0)

    def _check_range(self, name: str, top: float) -> None:
        value = finite_number("battery", name, getattr(self, name))
        if not 0.0 <= value < top:
            raise ConfigurationError(f"battery {name}={value}", f"lies in [0, {top:g})", "pass a number in that range")
        object.__setattr__(self, name, value)

    def calendar(self, local: WallClock) -> Mapping[str, Floats]:
        """See `Entity.calendar`."""
        if self.cycles_per_day is None and self.cycles_per_year is None:
            return {}
        moved = local.stamps - np.timedelta64(round(self.day_begins * 3600.0), "s")
        days, years = (np.diff(moved.astype(f"datetime64[{unit}]").astype(np.int64)) != 0 for unit in "DY")
        return {name: np.append(0.0, new.astype(np.float64)) for name, new in (("new_day", days), ("new_year", years))}

    def _limited_cell(self, hours: float) -> LimitedCell:
        plain = self.cell(hours)
        charging = self.charge_efficiency or ((1.0, self.efficiency_charge),)
        giving = self.discharge_efficiency or ((1.0, self.efficiency_discharge),)
        stored = converted("charge_efficiency", charging, plain.charge_kwh, inward=True)
        taken = converted("discharge_efficiency", giving, plain.discharge_kwh, inward=False)
        return LimitedCell(
            plain,
            self.capacity_kwh,
            self.soc_min,
            self.soc_max,
            taper("charge_taper", self.charge_taper),
            taper("discharge_taper", self.discharge_taper),
            stored,
            taken,
            stored.inverse(),
            taken.inverse(),
            (_energy(self.cycles_per_day, self.capacity_kwh), _energy(self.cycles_per_year, self.capacity_kwh)),
            self.fade_per_kwh,
            self.fade_per_year * self.capacity_kwh * hours / HOURS_PER_YEAR,
        )

    def flexible(self, name: str, hours: float, values: Values) -> Flexible:
        """See `Entity.flexible`."""
        cell = self._limited_cell(hours)
        counts = zip(("given_today", "given_this_year"), cell.limits_kwh, strict=True)
        memory = [Memory(label, 0.0, (0.0, limit)) for label, limit in counts if limit is not None]
        if cell.fades:
            memory.append(Memory("capacity_left", self.capacity_kwh, (0.0, self.capacity_kwh)))
        new = zip(("new_day", "new_year"), cell.limits_kwh, strict=True)
        told = tuple(values[f"{name}.{series}"] for series, limit in new if limit is not None)
        return Flexible(
            name,
            Laws(settle, next_state, battery.wear_cost, constrain),
            cell,
            self.energy_initial_kwh,
            (0.0, self.capacity_kwh),
            cell.plain.charge_kwh,
            cell.plain.discharge_kwh,
            signal=told or None,
            costs=self.wear_per_kwh > 0.0,
            memory=tuple(memory),
            follows=True,
            reach=self._reach(cell),
            unsure=_unsure(cell),
            budgets=budgets if any(limit is not None for limit in cell.limits_kwh) else None,
        )

    def _reach(self, cell: LimitedCell) -> Reach | None:
        """Return how far a step surely moves what is stored; None where the capacity fades or an efficiency bends.

        That is with the power that is left for charging at ``soc_max``, for discharging at the start.
        """
        if cell.fades or cell.stored.bends or cell.taken.bends:
            return None
        drawn, given = (
            rated * max(0.0, min([1.0, *(line.at(level) for line in lines)]))
            for rated, lines, level in (
                (cell.plain.charge_kwh, cell.charge_lines, self.soc_max),
                (cell.plain.discharge_kwh, cell.discharge_lines, min(self.soc_initial, self.soc_max)),
            )
        )
        top = self.soc_max * self.capacity_kwh
        return Reach(cell.plain.keep, cell.stored.slope, cell.taken.slope, drawn, given, 0.0, top)


def _unsure(cell: LimitedCell) -> str | None:
    """Return why it has no reach, if it has none."""
    if cell.fades:
        return "its capacity fades, so that what it can hold at the end is not known before"
    bends = cell.stored.bends or cell.taken.bends
    return "its efficiency depends on its power, so that no power gives back just what another took" if bends else None


def _energy(cycles: float | None, capacity: float) -> float | None:
    return None if cycles is None else cycles * capacity
