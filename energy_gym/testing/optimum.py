"""What the oracle promises: its plan earns its value, nothing beats its bound, and two models have one optimum.

One rule: the bound is held against whatever can be played, not against other optimisers alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.agents import make_agent
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import BrokenPromiseError
from energy_gym.oracle.milp import solve_unit
from energy_gym.oracle.pyomo_model import build_unit_model, solve_model
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.solution import Solution
from energy_gym.oracle.solve import by_unit, solve
from energy_gym.oracle.statement import Goal
from energy_gym.testing.laws import random_wishes
from energy_gym.testing.report import differ, slack
from energy_gym.units import Unit

Floats = npt.NDArray[np.float64]
AGENTS = ("idle", "uniform", "mpc")
WINDOW_STEPS = 24


class Earned(NamedTuple):
    """What an episode's oracle, agents and best random rollout earned [reward units]."""

    solution: Solution
    agents: dict[str, float]
    best_random: float


def check_optimum(
    make: type[EnergyEnv], keywords: dict[str, Any], seed: int, rollouts: int, random: np.random.Generator
) -> Earned:
    """Hold the oracle of one episode to what it promises.

    Args:
        make: Class of the environment.
        keywords: Keywords of the environment.
        seed: Seed of the episode.
        rollouts: Random rollouts played against its bound.
        random: Source of chance.

    Raises:
        BrokenPromiseError: The plan earns something else, or something else earns more.
    """
    env = make(**keywords)
    env.reset(seed=seed)
    solution = solve(env, time_limit=env.setup.kind.mark_seconds)
    check_replay(env, solution)
    agents = {name: _play_agent(env, name, seed) for name in AGENTS}
    played = rolled_out(env, solution, rollouts, random)
    for name, value in {**agents, "a random rollout": float(played.max())}.items():
        if value > solution.bound + slack(solution.bound):
            differ(
                f"episode of seed {seed}",
                f"the return of {name} and the oracle's bound",
                None,
                (value, solution.bound),
                "nothing may earn more than the oracle's bound",
                "let `constrain` allow whatever `settle` and the connection can do",
            )
    return Earned(solution, agents, float(played.max()))


def check_replay(env: EnergyEnv, solution: Solution) -> None:
    """Play the oracle's plan in the environment, which must earn its value.

    Raises:
        BrokenPromiseError: It does not; the first step that differs from the plan is named.
    """
    gains = [env.step(action)[1] for action in solution.actions]
    planned = solution.plan.steps[:, -1]
    if abs(sum(gains) - solution.value) > slack(solution.value):
        step = int(np.argmax(np.abs(planned - gains) > slack(solution.value) / len(gains)))
        rule, remedy = "the plan, played, earns the oracle's value", "keep no state outside the environment's states"
        differ("oracle's plan", "reward", step, (planned[step], gains[step]), rule, remedy)
    if not solution.bound >= solution.value:
        found = f"bound {solution.bound!r} and value {solution.value!r}"
        raise BrokenPromiseError(found, "a bound is at least the value", "report it: this is a fault of the oracle")


def _play_agent(env: EnergyEnv, name: str, seed: int) -> float:
    observation, info = env.reset(seed=seed)
    agent, total, over = make_agent(name, env, seed), 0.0, False
    while not over:
        observation, gain, _, over, info = env.step(agent.act(observation, info))
        total += gain
    return total


def rolled_out(env: EnergyEnv, solution: Solution, rollouts: int, random: np.random.Generator) -> Floats:
    """Return what random plans for the oracle's window earn, shape (rollouts,): two in three near its own plan."""
    setup, plan = env.setup, solution.plan
    shape = (rollouts, *plan.wishes.shape)
    wishes = random_wishes(random, shape)
    third = rollouts // 3
    wishes[:third] = plan.wishes + random.normal(0.0, 0.05, wishes[:third].shape)
    few = random.random(wishes[third : 2 * third].shape) < 2.0 / shape[1]
    wishes[third : 2 * third] = np.where(few, wishes[third : 2 * third], plan.wishes)
    wishes = np.clip(wishes, -1.0, 1.0)
    if setup.levels is not None:
        grid = np.array(setup.levels)
        wishes = grid[np.abs(wishes[..., None] - grid).argmin(axis=-1)]
    total, control = np.zeros(rollouts), 0
    for unit, states, closing in zip(setup.units, by_unit(setup, setup.initial), setup.closings, strict=True):
        own = wishes[:, :, control : control + unit.controls]
        control += unit.controls
        total = total + returns(unit.window(plan.first, plan.stop), states, Goal(setup.weights, closing), own)
    return total


def _best(unit: Unit, states: Sequence[float], goal: Goal) -> tuple[Floats, float]:
    """Return the best plan of a unit by the array model, and its bound."""
    if unit.laws is None or unit.laws.best is None:
        return solve_unit(unit, states, goal)
    best = unit.laws.best(unit, states, goal, None, None)
    return best.wishes, best.bound


def check_models(env: EnergyEnv, steps: int = WINDOW_STEPS) -> float:
    """Hold the array model and the Pyomo model of each unit to one optimum over a short window; return their gap.

    Args:
        env: An environment, reset.
        steps: Most steps of the window.

    Raises:
        BrokenPromiseError: They differ, or the array model's plan earns less than it promises.
    """
    setup, (first, stop) = env.setup.physical(), env.steps_left
    widest = 0.0
    for unit, states, closing in zip(setup.units, by_unit(setup, env.states), setup.closings, strict=True):
        if not unit.flexibles or (unit.laws is not None and (unit.laws.state is None or unit.laws.best is None)):
            continue
        short, goal = unit.window(first, min(stop, first + steps)), Goal(setup.weights, closing)
        shares, bound = _best(short, states, goal)
        earned = float(returns(short, states, goal, shares[None])[0])
        stated = solve_model(build_unit_model(short, states, goal))
        for what, value in (("the array model's bound", bound), ("what its plan earns", earned)):
            gap = abs(value - stated)
            widest = max(widest, gap)
            if gap > slack(stated):
                rule, remedy = "one statement, one optimum", "let `constrain` state what `settle` and next_state do"
                differ(
                    f"unit {unit.name!r}", f"the Pyomo model's optimum and {what}", None, (stated, value), rule, remedy
                )
    return widest
