"""A plan: the command for the coming interval, and how the intervals after it are best played on what is believed.

One rule: the command is the agent's; the rest is the oracle's optimum on the belief, from where the command leads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.agents.expecting import expected_units
from energy_gym.backends import scalars
from energy_gym.dynamics import COST, DEMAND, GRID, STATES, WEAR, Course, Move, play
from energy_gym.entities import Battery
from energy_gym.entities.battery import Cell
from energy_gym.envs.env import EnergyEnv
from energy_gym.oracle.solve import best_of_unit
from energy_gym.oracle.statement import Goal
from energy_gym.serve.metered import metered, share_of_wish, wish_of_share
from energy_gym.units import Unit

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.serve.live import LiveEnv

OPTIMAL, FALLBACK, INFEASIBLE, ERROR = "optimal", "fallback", "infeasible", "error"
STATUSES = (OPTIMAL, FALLBACK, INFEASIBLE, ERROR)


@dataclass(frozen=True)
class Schedule:
    """What is planned for the coming intervals on what is believed.

    Args:
        shares: Shares of rated power, one an interval, in [-1, 1]; positive charges.
        battery_kw: Power of the battery, positive charges [kW].
        grid_kw: Power at the meter, positive imports [kW].
        soc: State of charge before each interval and after the last, so one more.
        energy_cost: What energy costs over the plan [currency].
        demand_cost: What maxima that rise cost [currency].
        wear: What the battery's use costs [currency].
    """

    shares: tuple[float, ...]
    battery_kw: tuple[float, ...]
    grid_kw: tuple[float, ...]
    soc: tuple[float, ...]
    energy_cost: float
    demand_cost: float
    wear: float

    @property
    def total_cost(self) -> float:
        """What the plan costs [currency]."""
        return self.energy_cost + self.demand_cost + self.wear

    @property
    def peak_kw(self) -> float:
        """The highest import [kW]."""
        return max(self.grid_kw, default=0.0)


@dataclass(frozen=True)
class Plan:
    """A plan for a site at a moment.

    Args:
        site: Name of the site.
        time: Start of the interval that is commanded [UTC].
        power_kw: The command, positive charges [kW].
        status: One of `STATUSES`.
        reason: Why it is not the agent's own decision on fresh forecasts; empty where it is.
        schedule: The command and what is planned after it; None where nothing could be planned.
        seconds: How long planning took [s].
        inputs: Hash of what it was made from: equal inputs give the same plan.
    """

    site: str
    time: pd.Timestamp
    power_kw: float
    status: str
    reason: str
    schedule: Schedule | None
    seconds: float
    inputs: str


def share_of(env: EnergyEnv, power_kw: float, step: int | None = None) -> float:
    """Return the wish that a battery's power is in an interval, the running one by default, within [-1, 1].

    That is its share of rated power, or the wish at the meter that comes to it.
    """
    rated = _rated_kw(env, power_kw, step)
    share = min(max(power_kw / rated, -1.0), 1.0) if rated > 0.0 else 0.0
    return wish_of_share(env, share, step) if metered(env) else share


def resting(env: EnergyEnv, steps: int) -> list[float]:
    """Return the wishes that leave a battery alone in the first steps of an episode."""
    return [share_of(env, 0.0, step) for step in range(steps)]


def power_of(env: EnergyEnv, wish: float) -> float:
    """Return the battery's power that a wish comes to in the running interval, positive charges [kW]."""
    share = share_of_wish(env, wish) if metered(env) else wish
    return share * _rated_kw(env, share)


def _rated_kw(env: EnergyEnv, way: float, step: int | None = None) -> float:
    """Return the power at which a battery charges, for a way above 0, or discharges [kW]."""
    (flexible,) = env.setup.flexibles
    draw, give = flexible.rated(env.steps_left[0] if step is None else step)
    return float(draw if way > 0.0 else give) / env.setup.feed.step_hours


def battery_power_kw(env: LiveEnv, before_kwh: float, after_kwh: float) -> float:
    """Return the power that leads a site's battery from one stored energy to another in an interval [kW]."""
    hours = env.setup.feed.step_hours
    return _power(battery_of(env).cell(hours), before_kwh, after_kwh, hours)


def wish_of(env: LiveEnv, action: Any) -> float:
    """Return the share of rated power that an agent's action asks for."""
    levels = env.setup.levels
    if levels is not None:
        return float(levels[int(np.asarray(action).item())])
    return min(max(float(np.asarray(action, dtype=float).ravel()[0]), -1.0), 1.0)


def scheduled(env: LiveEnv, *shares: float) -> Schedule:
    """Return the schedule that begins with shares of rated power, and how it turns out on what is believed.

    Args:
        env: The site, at the interval that is commanded.
        shares: The first shares, one or more; those after them are the optimum from there, by any power.
    """
    now, stop = env.steps_left
    size = min(env.setup.tape.horizon, stop - now)
    (unit,) = expected_units(env, size)
    goal = Goal(env.setup.weights, (env.setup.closings if now + size == stop else env.setup.continuation)[0])
    wishes = list(shares[:size])
    if len(wishes) < size:
        begun, rest = unit.window(0, len(wishes)), unit.window(len(wishes), size)
        *_, last = _played(env, begun, wishes)
        wishes += best_of_unit(rest, last.flow[STATES], goal, None, proving=False).wishes[:, 0].tolist()
    return _told(env, unit, wishes)


def _played(env: LiveEnv, unit: Unit, shares: Sequence[float]) -> Iterator[Move]:
    """Play shares of rated power on a unit from where the site stands now."""
    course = Course([unit], None, env.setup.weights)
    return play(course, env.states, [(share,) for share in shares], unit.signals(), scalars)


def _told(env: LiveEnv, unit: Unit, shares: Sequence[float]) -> Schedule:
    """Return what shares of rated power come to on a unit."""
    hours, battery = unit.hours, battery_of(env)
    cell = battery.cell(hours)
    energies, powers, grid = [env.states[0]], [], []
    cost: Any = 0.0
    demand: Any = 0.0
    wear: Any = 0.0
    for move in _played(env, unit, shares):
        energies.append(move.flow[STATES][0])
        powers.append(_power(cell, energies[-2], energies[-1], hours))
        drawn: Any = move.flow[GRID]
        grid.append(drawn / hours)
        cost, demand, wear = cost + move.flow[COST], demand + move.flow[DEMAND], wear + move.flow[WEAR]
    soc = tuple(energy / battery.capacity_kwh for energy in energies)
    return Schedule(tuple(shares), tuple(powers), tuple(grid), soc, float(cost), float(demand), float(wear))


def battery_of(env: LiveEnv) -> Battery:
    """Return the battery of a site."""
    (battery,) = env.setup.stores.values()
    return battery


def _power(cell: Cell, before: float, after: float, hours: float) -> float:
    """Return the power that led from one stored energy to another [kW]."""
    change = after - before * cell.keep
    return float(change / cell.efficiency_charge if change > 0.0 else change * cell.efficiency_discharge) / hours
