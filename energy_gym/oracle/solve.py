"""``solve``: the best that the rest of an episode can earn, and the actions that earn it.

One rule: choose the method by what the problem is, never by how the answer looks.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, NonPositiveError, ResetNeededError
from energy_gym.oracle import levels, value_function
from energy_gym.oracle.milp import solve_milp
from energy_gym.oracle.problem import Problem, problem_of
from energy_gym.oracle.solution import EXACT, Solution, replay

Floats = npt.NDArray[np.float64]


def solve(env: Any, continuous: bool = False, time_limit: float | None = None) -> Solution:
    """Return the optimum from the environment's current state to the end of its episode.

    The environment is left as it is. One storage with continuous power is solved exactly over its value function
    (as a MILP where that function is too intricate), discrete levels exactly over the energies that can be reached.

    Args:
        env: An environment of this package, reset, in any Gymnasium wrappers.
        continuous: Optimise over the physical power range even where the environment has discrete levels. Scores use
            this one yardstick for all agents.
        time_limit: Seconds after which the best plan so far is returned with a proven bound.

    Raises:
        ConfigurationError: The environment is not one of this package.
        ResetNeededError: No episode is running.
        NonPositiveError: A time limit that is not positive.
        SolverError: The solver ends without a plan.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v0", episode_steps=24)
        >>> observation, info = env.reset(seed=1)
        >>> solution = solve(env)
        >>> earned = sum(env.step(action)[1] for action in solution.actions)
        >>> abs(earned - solution.value) < 1e-6 and solution.exact
        True
    """
    began = time.perf_counter()
    base = _unwrapped(env)
    if time_limit is not None and not time_limit > 0.0:
        raise NonPositiveError(f"time_limit={time_limit}", "must be positive", "pass seconds, or None")
    setup, (first, stop) = base.setup, base.steps_left
    window = slice(first, stop)
    start = setup.scenario.battery.energy_initial_kwh
    problem = problem_of(setup, setup.price[window], setup.carbon[window], base.energy_kwh, True, start)
    chosen: list[Any]
    if setup.levels is None or continuous:
        wishes, bound, method = best_power(problem, time_limit)
        chosen = list(wishes.reshape(-1, 1))
    else:
        chosen, bound = levels.best_levels(problem, setup.levels, time_limit)
        wishes, method = np.array(setup.levels)[chosen], "dynamic programming over reachable levels"
    plan = replay(setup, first, stop, base.energy_kwh, wishes)
    bound = max(bound, plan.value)
    proven = bound - plan.value <= EXACT * max(1.0, abs(plan.value))
    status = f"{'optimal' if proven else 'bracketed'} ({method})"
    return Solution(plan.value, bound, chosen, status, time.perf_counter() - began, plan)


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


def _unwrapped(env: Any) -> EnergyEnv:
    base = getattr(env, "unwrapped", env)
    if not isinstance(base, EnergyEnv):
        raise ConfigurationError(f"env={env!r}", "must be a single environment of energy_gym", "pass gym.make(...)")
    first, stop = base.steps_left
    if first >= stop:
        raise ResetNeededError("solve()", "no episode is running", "call env.reset() first")
    return base
