"""``compare_methods``: a scheduler that learnt to optimise against the solver, on days that both plan from end to end.

One rule: both are given the same days from the same start, and pay for what they are short of it at the end of each.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from energy_gym.agents.l2o import L2O
from energy_gym.agents.learner import one_thread
from energy_gym.arrays import Flags, Floats
from energy_gym.closing import Closing
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.data.homes import DayBatch
from energy_gym.entities import Battery
from energy_gym.errors import ConfigurationError
from energy_gym.objective import Weights
from energy_gym.oracle.engines import using_solver
from energy_gym.oracle.milp import solve_unit
from energy_gym.oracle.statement import Goal
from energy_gym.units import Unit

if TYPE_CHECKING:
    from energy_gym.agents.l2o.planner import Schedule

# Energy missing at the end of a day costs far more than it can be worth, so that every optimum ends where it began.
GOAL = Goal(Weights(1.0, 0.0, 1.0), Closing(missing=10_000.0))
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Comparison:
    """What schedules of a learnt planner cost against proven optima, on N days of T steps.

    Args:
        days: The days.
        battery: The battery that was planned for.
        schedule: The planner's schedules.
        optimal_cost: Proven least cost of each day, shape (N,) [currency].
        idle_cost: Cost without a battery, shape (N,).
        feasible: Whether a schedule keeps all limits and returns to the start, shape (N,).
        solver_seconds: Wall time of all optima [s], one after the other.
        agent_seconds: Wall time of all schedules, in one batch.
    """

    days: DayBatch
    battery: Battery
    schedule: Schedule
    optimal_cost: Floats
    idle_cost: Floats
    feasible: Flags
    solver_seconds: float
    agent_seconds: float

    @property
    def cost(self) -> Floats:
        """Cost of each day under the planner's schedules, shape (N,) [currency]."""
        return self.schedule.cost

    @property
    def gaps(self) -> Floats:
        """Cost above the optimum, as a share of the mean size of a day's optimal cost, shape (N,)."""
        return (self.cost - self.optimal_cost) / (float(np.abs(self.optimal_cost).mean()) or 1.0)

    @property
    def mean_gap(self) -> float:
        """Mean of the gaps."""
        return float(self.gaps.mean())

    @property
    def median_gap(self) -> float:
        """Median of the gaps."""
        return float(np.median(self.gaps))

    @property
    def feasibility(self) -> float:
        """Share of the schedules that keep all limits and return to the start."""
        return float(self.feasible.mean())

    @property
    def speedup(self) -> float:
        """How many times as fast the planner is as the solver."""
        return self.solver_seconds / max(self.agent_seconds, 1e-9)

    def __str__(self) -> str:
        count = len(self.days)
        return "\n".join(
            (
                f"l2o against the solver on {count} days",
                f"  mean cost: optimum {self.optimal_cost.mean():.4f}, l2o {self.cost.mean():.4f}, "
                f"without battery {self.idle_cost.mean():.4f}",
                f"  gap: mean {100.0 * self.mean_gap:.2f} %, median {100.0 * self.median_gap:.2f} %",
                f"  time: solver {self.solver_seconds:.3f} s, l2o {self.agent_seconds:.4f} s: {self.speedup:,.0f}x",
                f"  feasible: {int(self.feasible.sum())} of {count} ({100.0 * self.feasibility:.1f} %)",
            )
        )

    def write_figures(self, folder: str | Path) -> list[Path]:
        """Draw schedule, inputs, gaps, times and costs into a folder; returns the five files.

        Raises:
            MissingExtraError: Matplotlib is not installed.
        """
        from energy_gym.evaluation.comparison_figures import draw

        return draw(Path(folder), self)


def compare_methods(agent: L2O, days: DayBatch, *, solver: str | None = None) -> Comparison:
    """Plan days with a learnt scheduler and solve them to the optimum.

    Args:
        agent: A fitted `energy_gym.agents.l2o.L2O`.
        days: Days with as many steps as it plans.
        solver: A solver that Pyomo knows; by default HiGHS on arrays. Each day is solved as a MILP either way.

    Raises:
        ConfigurationError: No `L2O`, or days of another length than it plans.
        ResetNeededError: It has learnt nothing yet.
        SolverError: The solver is not there or ends without an optimum.

    Source:
        The comparison of the learning-to-optimise method for home batteries: mean and median gap, time, feasibility.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.data.homes import synthetic_days
        >>> env = gym.make("energy_gym/HomeSolar-v1", split="test", episode_steps=24)
        >>> agent = L2O(env, width=16, days=100, batch_size=32).fit(budget=20)
        >>> found = compare_methods(agent, synthetic_days(10, seed=5))
        >>> found.mean_gap >= 0.0, found.feasibility
        (True, 1.0)
    """
    if not isinstance(agent, L2O):
        raise ConfigurationError(f"agent={type(agent).__name__}", "must be a learnt scheduler", "pass an L2O")
    planner = agent.ready()
    units = [day_unit(days, day, planner.battery) for day in range(len(days))]
    start = (planner.battery.energy_initial_kwh,)
    with one_thread():
        schedule = planner.plan_days(days)  # the first call of a library is slow
        began = time.perf_counter()
        schedule = planner.plan_days(days)
        planned = time.perf_counter()
        with using_solver(solver):
            best = np.array([-solve_unit(unit, start, GOAL)[1] for unit in units])
        solved = time.perf_counter()
    idle = np.array([_idle_cost(unit) for unit in units])
    feasible = _feasible(schedule, planner.battery)
    return Comparison(days, planner.battery, schedule, best, idle, feasible, solved - planned, planned - began)


def day_unit(days: DayBatch, day: int, battery: Battery) -> Unit:
    """Return a day of a home with a battery as a decision unit, as the oracle takes it."""
    none, steps = np.zeros((0, days.load_kw.shape[1])), days.load_kw.shape[1]
    flexible = battery.flexible("battery", days.step_hours, {})
    net = (days.load_kw[day] - days.pv_kw[day]) * days.step_hours
    money = (days.buy_per_mwh[day], days.sell_per_mwh[day], np.zeros(steps), np.zeros(0), none, none)
    return Unit("home", (flexible,), net, None, np.inf, np.inf, *money, days.step_hours)


def _idle_cost(unit: Unit) -> float:
    net = unit.fixed_kwh
    return float(np.maximum(net, 0.0) @ unit.buy - np.maximum(-net, 0.0) @ unit.sell) / KWH_PER_MWH


def _feasible(schedule: Schedule, battery: Battery) -> Flags:
    """Return which schedules keep limits of power and energy, one mode at a time, and return to the start."""
    energy = schedule.energy_kwh
    low, high = (share * battery.capacity_kwh for share in (battery.soc_min, battery.soc_max))
    within = ((energy >= low - TOLERANCE) & (energy <= high + TOLERANCE)).all(axis=1)
    rated = (schedule.charge_kw <= battery.charge_kw + TOLERANCE) & (
        schedule.discharge_kw <= battery.discharge_kw + TOLERANCE
    )
    alone = np.minimum(schedule.charge_kw, schedule.discharge_kw) <= TOLERANCE
    back = np.abs(energy[:, -1] - battery.energy_initial_kwh) <= TOLERANCE
    return np.asarray(within & (rated & alone).all(axis=1) & back)
