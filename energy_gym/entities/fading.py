"""The battery whose capacity fades with what it gives out.

With C for the capacity left and d for the energy given out in a step,

    C(t + 1) = C(t) - fade_per_kwh * d(t),     soc_min * C(t) <= energy <= soc_max * C(t),

which is linear in C and d, so that a solver states it exactly. It is also what a coefficient per cycle comes to: a
capacity that falls to a fraction c of itself with each share s of a cycle (with s * C given out) falls by (1 - c) / s
for each kWh, whatever is left of it.

One rule: what a battery does with its energy is said by `energy_gym.entities.battery`; here it is told its limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from energy_gym.backends import Namespace
from energy_gym.entities import battery
from energy_gym.entities.base import Flexible, Laws, Memory, Values, finite_number, positive_number, register
from energy_gym.entities.battery import TOLERANCE_KWH, Battery, Cell
from energy_gym.errors import ConfigurationError
from energy_gym.modelling import Model

ENCORTEX_COEFFICIENT = 0.99998
ENCORTEX_SHARE = 0.9
END_OF_LIFE = 0.8


def fade_of(coefficient: float = ENCORTEX_COEFFICIENT, share: float = ENCORTEX_SHARE) -> float:
    """Return the capacity lost per energy given out [kWh/kWh] of a coefficient per share of a cycle.

    Args:
        coefficient: What is left of the capacity after ``share`` of a cycle, as a fraction; by default EnCortex's.
        share: Share of a full cycle, in energy given out over capacity.

    Raises:
        ConfigurationError: A coefficient outside (0, 1] or a share that is not positive.

    Source:
        EnCortex, section 5.1.1, after Cao et al., IEEE Transactions on Smart Grid 11(5), 2020: a coefficient
        for each share of a cycle. Spread evenly over what is given out, by definition.

    Example:
        >>> round(fade_of() * 1e5, 4)
        2.2222
    """
    if not 0.0 < coefficient <= 1.0 or not 0.0 < share < float("inf"):
        raise ConfigurationError(
            f"coefficient={coefficient}, share={share}", "must be in (0, 1], and above 0", "pass 0.99998 and 0.9"
        )
    return (1.0 - coefficient) / share


class FadingCell(NamedTuple):
    """A fading battery's figures for one step length: those of `Cell` when it is new, and what the limits follow."""

    charge_kwh: Any
    discharge_kwh: Any
    efficiency_charge: Any
    efficiency_discharge: Any
    keep: Any
    energy_min: Any
    energy_max: Any
    wear_per_kwh: Any
    soc_min: Any
    soc_max: Any
    fade_per_kwh: Any

    def at(self, capacity: Any) -> Cell:
        """Return the figures with the limits that a capacity left [kWh] allows."""
        return Cell(*self[:5], self.soc_min * capacity, self.soc_max * capacity, self.wear_per_kwh)


@register
@dataclass(frozen=True, slots=True)
class FadingBattery(Battery):
    """A battery that loses capacity with every kWh it gives out, within the episode.

    Its limits of the state of charge are fractions of what is left. The observation has a slot more: the capacity left
    as a fraction of ``capacity_kwh``, of which the state of charge in the observation is a fraction too. What fades is
    not paid for when an episode ends: that is what ``wear_per_kwh`` is for, and :meth:`wear_price` says what it should
    be.

    Args:
        fade_per_kwh: Capacity lost per energy given out [kWh/kWh], in [0, 1); by default EnCortex's, 0.99998 per 0.9
            of a cycle. The other arguments are those of `Battery`.

    Raises:
        ConfigurationError: A fade outside [0, 1), and as `Battery`.

    Source:
        EnCortex, sections 5.1.1 and 7, what-if of degradation.

    Example:
        >>> from energy_gym import Scenario
        >>> from energy_gym.envs.env import EnergyEnv
        >>> env = EnergyEnv(scenario=Scenario.arbitrage(FadingBattery(fade_per_kwh=0.01)), episode_steps=2)
        >>> observation, info = env.reset(seed=0)
        >>> for share in (-0.5, 0.0):
        ...     observation, *_ = env.step([share])
        >>> round(env.states[1], 6), [slot.name for slot in env.layout[:2]]
        (9.975, ['state_of_charge', 'capacity_left'])
    """

    kind: ClassVar[str] = "fading_battery"
    fade_per_kwh: float = (1.0 - ENCORTEX_COEFFICIENT) / ENCORTEX_SHARE

    def __post_init__(self) -> None:
        # The form without arguments does not find the class that slots=True makes in place of this one.
        Battery.__post_init__(self)
        object.__setattr__(self, "fade_per_kwh", finite_number("battery", "fade_per_kwh", self.fade_per_kwh))
        if not 0.0 <= self.fade_per_kwh < 1.0:
            raise ConfigurationError(
                f"battery fade_per_kwh={self.fade_per_kwh}", "lies in [0, 1)", "pass kWh of capacity per kWh given out"
            )

    def throughput_kwh(self, end_of_life: float = END_OF_LIFE) -> float:
        """Return the energy it can give out until a fraction of its capacity is left [kWh]; infinite without fade.

        Example:
            >>> round(FadingBattery(capacity_kwh=10.0).throughput_kwh(0.8))
            90000
        """
        if not 0.0 <= end_of_life < 1.0:
            raise ConfigurationError(f"end_of_life={end_of_life}", "is a fraction in [0, 1)", "pass 0.8")
        return (1.0 - end_of_life) * self.capacity_kwh / self.fade_per_kwh if self.fade_per_kwh else float("inf")

    def wear_price(self, replacement_per_kwh: float, end_of_life: float = END_OF_LIFE) -> float:
        """Return the cost of wear [currency/kWh given out]: replacement cost over usable throughput.

        Args:
            replacement_per_kwh: Cost of a new battery [currency per kWh of capacity].
            end_of_life: Fraction of the capacity at which it is replaced.

        Example:
            >>> round(FadingBattery(capacity_kwh=10.0).wear_price(150.0), 6)
            0.016667
        """
        cost = positive_number("battery", "replacement_per_kwh", replacement_per_kwh) * self.capacity_kwh
        return cost / self.throughput_kwh(end_of_life)

    def flexible(self, name: str, hours: float, values: Values) -> Flexible:
        """See `Entity.flexible`."""
        cell = FadingCell(*self.cell(hours), self.soc_min, self.soc_max, self.fade_per_kwh)
        left = Memory("capacity_left", self.capacity_kwh, (0.0, self.capacity_kwh))
        return Flexible(
            name,
            Laws(settle, next_state, battery.wear_cost, constrain, battery.untangle),
            cell,
            self.energy_initial_kwh,
            (0.0, self.capacity_kwh),
            cell.charge_kwh,
            cell.discharge_kwh,
            costs=self.wear_per_kwh > 0.0,
            memory=(left,),
            follows=True,
            reach=battery.reach_of(self.cell(hours))._replace(fade_per_kwh=self.soc_max * self.fade_per_kwh),
        )


def settle(state: Any, wish: Any, cell: FadingCell, xp: Namespace, signal: Any = None) -> tuple[Any, Any, Any]:
    """Return what is charged, discharged and refused [kWh]: as `battery.settle`, within what is left.

    Source:
        As `battery.settle`.

    Example:
        >>> from energy_gym.backends import scalars
        >>> cell = FadingBattery(soc_max=0.9, efficiency_charge=1.0).flexible("battery", 1.0, {}).cell
        >>> settle((7.0, 8.0), 1.0, cell, scalars)[0]
        0.20000000000000018
    """
    energy, capacity = state
    return battery.settle(energy, wish, cell.at(capacity), xp)


def next_state(state: Any, charged: Any, discharged: Any, cell: FadingCell, signal: Any = None) -> tuple[Any, Any]:
    """Return energy and capacity left at the end of a step [kWh].

    Source:
        EnCortex, section 5.1.1; the equation stands at the top of this file.

    Example:
        >>> cell = FadingBattery(efficiency_discharge=1.0, fade_per_kwh=0.25).flexible("battery", 1.0, {}).cell
        >>> next_state((5.0, 10.0), 0.0, 2.0, cell)
        (3.0, 9.5)
    """
    energy, capacity = state
    return battery.next_energy(
        energy, charged, discharged, cell.at(capacity)
    ), capacity - cell.fade_per_kwh * discharged


def constrain(model: Model, cell: FadingCell, start: tuple[float, float], signal: Any = None) -> tuple[Any, Any, Any]:
    """State the battery in a solver's model, as `battery.constrain` with limits that follow the capacity left."""
    energy_now, capacity_now = start
    least = np.maximum(capacity_now - cell.fade_per_kwh * cell.discharge_kwh * np.arange(1, model.size + 1), 0.0)
    lowest = battery.lowest_energy(cell.at(float(least[-1])), energy_now, model.size)
    charged = model.variable(0.0, cell.charge_kwh)
    discharged = model.variable(0.0, cell.discharge_kwh)
    energy = model.variable(lowest, max(cell.soc_max * capacity_now, energy_now))
    capacity = model.variable(least, capacity_now)
    before = model.previous(capacity, capacity_now)
    stored, left = next_state((model.previous(energy, energy_now), before), charged, discharged, cell)
    model.equal(energy, stored)
    model.equal(capacity, left)
    above = energy_now > cell.soc_max * capacity_now
    if not above:
        model.at_most(energy, cell.soc_max * before)
    # Without leakage nothing carries the energy below the limit: then the limit holds in every step.
    leaks = cell.keep < 1.0 or energy_now < cell.soc_min * capacity_now
    if not leaks:
        model.at_most(cell.soc_min * before, energy)
    room = np.maximum(cell.soc_min * capacity_now - lowest, 0.0)

    def rows(charging: Any, at: Any) -> list[tuple[Any, Any]]:
        ways = [(charged[at], cell.charge_kwh * charging), (discharged[at], cell.discharge_kwh * (1.0 - charging))]
        if above:
            ways.append((energy[at], cell.soc_max * before[at] + energy_now * (1.0 - charging)))
        return [*ways, (cell.soc_min * before[at] - room[at] * charging, energy[at])] if leaks else ways

    def broken(value: Any) -> Any:
        flowing = value(discharged) > TOLERANCE_KWH
        below = flowing & (value(energy) < cell.soc_min * value(before) - TOLERANCE_KWH)
        into = value(charged) > TOLERANCE_KWH
        over = into & (value(energy) > cell.soc_max * value(before) + TOLERANCE_KWH) if above else False
        return (into & (value(discharged) > TOLERANCE_KWH)) | (below if leaks else False) | over

    model.choose(rows, broken)
    return charged, discharged, energy
