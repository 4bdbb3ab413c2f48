"""``solve``: the best that the rest of an episode can earn, and the actions that earn it.

One rule: choose the method by what the problem is, never by how the answer looks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.backends import scalars
from energy_gym.data.price_law import PriceLaw
from energy_gym.dynamics import STATES, compose
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.setup import Setup
from energy_gym.errors import ConfigurationError, NonPositiveError
from energy_gym.following import naming
from energy_gym.oracle import metered, value_function
from energy_gym.oracle.engines import chosen_solver, using_solver
from energy_gym.oracle.law import LawSolution, solve_law
from energy_gym.oracle.levels import best_levels
from energy_gym.oracle.milp import play_unit, solve_milp, solve_unit
from energy_gym.oracle.peaks import Known, best_under_charges, charges_demand
from energy_gym.oracle.problem import Problem, problem_of
from energy_gym.oracle.rounding import fixed_return, improved
from energy_gym.oracle.running import law_of, running
from energy_gym.oracle.solution import EXACT, Solution, replay
from energy_gym.oracle.statement import Goal
from energy_gym.oracle.storage_steps import StorageSteps, one_known
from energy_gym.units import Unit

LEAST_SECONDS = 0.01


@overload
def solve(
    env: Any,
    continuous: bool = False,
    time_limit: float | None = None,
    *,
    solver: str | None = None,
    information: Literal["foresight"] = "foresight",
) -> Solution: ...


@overload
def solve(env: Any, continuous: bool = False, *, information: PriceLaw | str) -> LawSolution: ...


def solve(
    env: Any,
    continuous: bool = False,
    time_limit: float | None = None,
    *,
    solver: str | None = None,
    information: PriceLaw | str = "foresight",
) -> Solution | LawSolution:
    """Return the optimum from the environment's current state to the end of its episode.

    The environment is left as it is. One battery behind a meter without demand charges is solved exactly over its value
    function, whatever imports cost and exports earn (as a MILP where that function is too intricate), every other unit
    as a MILP; discrete levels of one storage exactly over the energies that can be reached. Independent units are
    solved one by one.

    Some things are bracketed and not proven in general, so that ``exact`` may be False: discrete levels of one storage
    under a demand charge, where the best plan below caps on demand is sought over a grid of energies; and discrete
    levels of several controls, of fleets or of other kinds of entities than ours, whose bound is that of continuous
    power. Discrete choices of a producer are proven where it has one storage.

    Args:
        env: An environment of this package, reset, in Gymnasium wrappers that leave actions and the length of episodes
            as they are; what is counted are its own rewards.
        continuous: Optimise over the physical power range even where the environment has discrete levels. Scores use
            this one yardstick for all agents.
        time_limit: Seconds after which the best plan so far is returned with a proven bound, for all units together.
        solver: A solver that Pyomo knows, such as ``"glpk"``, ``"cbc"`` or ``"gurobi"``: every unit is then stated as
            a MILP and handed to it, whatever faster methods there are; by default HiGHS, where one is needed. How near
            to the optimum it ends is its own setting.
        information: What the one who decides knows: ``"foresight"``, all that will be; or a law, ``"law"`` for that of
            the frame that is played: then the answer is a `energy_gym.oracle.law.LawSolution`, the best policy of one
            who does not see the future, and what it earns on average.

    Raises:
        ConfigurationError: The environment is not one of this package, a wrapper would make something else of the
            plan, or a law is asked for that its frame was not drawn from, or that is not solved for such an
            environment.
        UnknownIdError: Unknown information.
        ResetNeededError: No episode is running.
        NonPositiveError: A time limit that is not positive.
        SolverError: The solver ends without a plan, or Pyomo does not find it.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24)
        >>> observation, info = env.reset(seed=1)
        >>> solution = solve(env)
        >>> earned = sum(env.step(action)[1] for action in solution.actions)
        >>> abs(earned - solution.value) < 1e-6 and solution.exact
        True
    """
    if information != "foresight":
        base = running(env)
        for name, value in (("time_limit", time_limit), ("solver", solver)):
            if value is not None:
                rule = "has no effect under a law, which is solved step by step over a grid of energies"
                raise ConfigurationError(f"{name}={value!r}", rule, 'leave it out, or pass information="foresight"')
        return solve_law(base, law_of(base, information), continuous=continuous)
    with using_solver(solver):
        return _solved(running(env), continuous, time_limit)


def _solved(base: EnergyEnv, continuous: bool, time_limit: float | None) -> Solution:
    """Return the optimum of an environment; see `solve`."""
    began = time.perf_counter()
    if time_limit is not None and not time_limit > 0.0:
        raise NonPositiveError(f"time_limit={time_limit}", "must be positive", "pass seconds, or None")
    if base.gates is not None and base.setup.kind.best is not None:
        found_bids: Solution = base.setup.kind.best(base.gates, base.states, time_limit)
        return found_bids.physical if continuous else found_bids
    setup, (first, stop) = base.setup.physical() if continuous else base.setup, base.steps_left
    levels = None if continuous else setup.levels
    found, parts = [], zip(setup.units, by_unit(setup, base.states), setup.closings, strict=True)
    for number, (unit, states, closing) in enumerate(parts):
        limit = None if time_limit is None else _share(began + time_limit, len(setup.units) - number)
        found.append(best_of_unit(unit.window(first, stop), states, Goal(setup.weights, closing), levels, limit))
    wishes = np.concatenate([best.wishes for best in found], axis=1)
    plan = replay(setup, first, stop, base.states, wishes)
    bound = max(sum(best.bound for best in found), plan.value)
    proven = bound - plan.value <= EXACT * max(1.0, abs(plan.value))
    methods = ", ".join(dict.fromkeys(best.method for best in found))
    status = f"{'optimal' if proven else 'bracketed'} ({methods})"
    actions = list(wishes) if levels is None else setup.chosen(wishes)
    return Solution(plan.value, bound, actions, status, time.perf_counter() - began, plan)


def _share(end: float, units: int) -> float:
    """Return the seconds that one of so many units may take; what it does not need is left to the others."""
    return max((end - time.perf_counter()) / units, LEAST_SECONDS)


class Best(NamedTuple):
    """The best found for a unit: its wishes (T, controls), a proven bound on any return, and the method."""

    wishes: Floats
    bound: float
    method: str


def best_of_unit(
    unit: Unit,
    states: Sequence[float],
    goal: Goal,
    levels: tuple[float, ...] | None = None,
    time_limit: float | None = None,
    proving: bool = True,
) -> Best:
    """Return the best plan for a unit from given states to the end of its steps.

    Args:
        unit: The unit over the window.
        states: States now.
        goal: What is maximised.
        levels: Shares of rated power that may be chosen; None for any.
        time_limit: Seconds after which the best plan so far is returned.
        proving: Whether to search on for seconds where levels meet demand charges; a plan that is made anew at every
            step need not be the best.
    """
    if unit.laws is not None:
        return _best_of_its_own(unit, states, goal, levels, time_limit)
    if not unit.flexibles:
        return Best(np.zeros((len(unit), 0)), fixed_return(unit, states, goal), "nothing to decide")
    if levels is not None:
        return _best_levels(unit, states, goal, levels, time_limit, proving)
    best = _best_power(unit.by_power(), states, goal, time_limit)
    return best._replace(wishes=named_wishes(unit, states, best.wishes))


def named_wishes(unit: Unit, states: Sequence[float], shares: Floats) -> Floats:
    """Return the wishes of a unit that come to shares of rated power, each of shape (T, controls).

    They are these shares themselves, unless the wishes of its batteries name powers at the meter.
    """
    if unit.usual is None:
        return shares
    name, advance, now, found = naming(unit), compose([unit.by_power()], scalars), tuple(states), []
    for share, signal in zip(shares.tolist(), unit.signals(), strict=True):
        found.append(name(now, share, signal))
        now = advance(now, share, signal)[STATES]
    return np.array(found)


def _best_power(unit: Unit, states: Sequence[float], goal: Goal, time_limit: float | None) -> Best:
    """Return the best shares of rated power."""
    if chosen_solver() is not None:
        return _best_stated(unit, states, goal, time_limit)
    problem = problem_of(unit, states, goal)
    if problem is None:
        began = time.perf_counter()
        found = _best_metered(unit, states, goal, time_limit)
        left = None if time_limit is None else _share(began + time_limit, 1)
        return found or _best_stated(unit, states, goal, left)
    wishes, bound, method = best_power(problem, time_limit)
    return Best(wishes[:, None], bound, method)


def _best_of_its_own(unit: Unit, states: Sequence[float], goal: Goal, levels: Any, time_limit: float | None) -> Best:
    """Return the best plan of a unit with laws of its own, which says it itself."""
    if unit.laws is None or unit.laws.best is None:
        rule = "has no best plan of its own: that depends on what was bid before"
        raise ConfigurationError(f"unit {unit.name!r}", rule, "call energy_gym.solve with its environment")
    best: Best = unit.laws.best(unit, states, goal, levels, time_limit)
    return best


def _best_stated(unit: Unit, states: Sequence[float], goal: Goal, time_limit: float | None) -> Best:
    """Return the best plan of a MILP; where time ran out before there was a good one, that of doing nothing."""
    wishes, bound = solve_unit(unit, states, goal, time_limit)
    if time_limit is not None:
        idle = np.zeros_like(wishes)
        wishes = max((wishes, idle), key=lambda plan: play_unit(unit, states, goal, plan))
    name = chosen_solver()
    return Best(wishes, bound, "MILP" if name is None else f"MILP by {name}")


def _best_metered(unit: Unit, states: Sequence[float], goal: Goal, time_limit: float | None) -> Best | None:
    """Return the best plan of one battery behind a meter; None if there is more, its value too intricate, time over."""
    problem = metered.metered_of(unit, states, goal)
    curves = None if problem is None else metered.curves_of(problem, time_limit=time_limit)
    if problem is None or curves is None:
        return None
    bound = value_function.value_at(curves[0], problem.energy) + problem.constant
    return Best(metered.best_shares(problem, curves)[:, None], bound, "value function")


def _best_levels(
    unit: Unit,
    states: Sequence[float],
    goal: Goal,
    levels: tuple[float, ...],
    time_limit: float | None,
    proving: bool,
) -> Best:
    """Return the best levels: exact for one of our entities without running maxima, else the best found and a bound."""
    end = None if time_limit is None else time.perf_counter() + time_limit
    problem: Problem | StorageSteps | None = problem_of(unit, states, goal)
    if problem is None and one_known(unit) and not charges_demand(unit, goal.weights.money):
        problem = StorageSteps.of(unit, states, goal)
    if problem is not None:
        chosen, bound = best_levels(problem, levels, time_limit)
        return Best(np.array(levels)[chosen][:, None], bound, "dynamic programming over reachable levels")
    shares, bound = solve_unit(unit.by_power(), states, goal, None if time_limit is None else time_limit / 2.0)
    plan = improved(unit, states, goal, levels, named_wishes(unit, states, shares))
    if proving and one_known(unit):
        found, bound = best_under_charges(unit, states, goal, levels, Known(plan[:, 0], bound), end)
        return Best(found[:, None], bound, "dynamic programming below caps on demand")
    return Best(plan, bound, "rounded optimum, improved step by step")


def by_unit(setup: Setup, states: Sequence[float]) -> list[tuple[float, ...]]:
    """Return the states of each unit."""
    sizes = np.cumsum([0, *(len(unit.initial) for unit in setup.units)]).tolist()
    return [tuple(states[begin:end]) for begin, end in pairwise(sizes)]


def best_power(problem: Problem, time_limit: float | None = None) -> tuple[Floats, float, str]:
    """Return the best share of rated power for each step, shape (T,), a proven bound, and the method used."""
    values = value_function.value_functions(problem)
    if values is not None:
        bound = value_function.value_at(values[0], problem.energy) + problem.constant
        return shares(problem, value_function.best_flows(problem, values)), bound, "value function"
    flows, bound = solve_milp(problem, time_limit)
    return shares(problem, flows), bound, "MILP"


def shares(problem: Problem, flows: Floats) -> Floats:
    """Return energies to charge (+) or discharge (-) at the terminals [kWh] as shares of rated power."""
    cell = problem.cell
    return np.clip(np.where(flows > 0.0, flows / cell.charge_kwh, flows / cell.discharge_kwh), -1.0, 1.0)
