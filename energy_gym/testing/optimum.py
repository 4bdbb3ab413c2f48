"""What the oracle promises: its plan earns its value, nothing beats its bound, and two models have one optimum.

One rule: the bound is held against whatever can be played, not against other optimisers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from energy_gym.agents import make_agent
from energy_gym.arrays import Floats
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.setup import Setup
from energy_gym.errors import BrokenPromiseError
from energy_gym.oracle.milp import solve_unit
from energy_gym.oracle.model import ArrayModel
from energy_gym.oracle.pyomo_model import PyomoModel, build_unit_model, solve_model
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.solution import Plan, Solution, replay
from energy_gym.oracle.solve import by_unit, solve
from energy_gym.oracle.statement import Goal
from energy_gym.scenarios.composed import ScenarioEnv
from energy_gym.testing.laws import random_wishes
from energy_gym.testing.report import differ, slack
from energy_gym.units import Unit

AGENTS = ("idle", "uniform", "mpc")
WINDOW_STEPS = 24


class Earned(NamedTuple):
    """What an episode's oracle, agents and best random rollout earned [reward units]."""

    solution: Solution
    agents: dict[str, float]
    best_random: float


def check_optimum(keywords: dict[str, Any], seed: int, rollouts: int, random: np.random.Generator) -> Earned:
    """Hold the oracle of one episode to what it promises.

    Args:
        keywords: Keywords of the environment.
        seed: Seed of the episode.
        rollouts: Random rollouts played against its bound.
        random: Source of chance.

    Raises:
        BrokenPromiseError: The plan earns something else, or something else earns more.
    """
    env = ScenarioEnv(**keywords)
    env.reset(seed=seed)
    solution = solve(env)
    check_replay(env, solution)
    # Nothing that an agent could wish for at the meter is to do nothing.
    able = [name for name in AGENTS if name != "idle" or env.setup.control == "power"]
    agents = {name: _play_agent(env, name, seed) for name in able}
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
    return np.array(_behind_gates(env, plan, wishes) if env.gates is not None else _at_once(setup, plan, wishes))


def _at_once(setup: Setup, plan: Plan, wishes: Floats) -> Floats:
    """Return what plans earn from a new episode's states, unit by unit."""
    total, control, begin = np.zeros(len(wishes)), 0, setup.started(plan.stop - plan.first)
    for unit, states, closing in zip(setup.units, by_unit(setup, begin), setup.closings, strict=True):
        own = wishes[:, :, control : control + unit.controls]
        control += unit.controls
        total = total + returns(unit.window(plan.first, plan.stop), states, Goal(setup.weights, closing), own)
    return total


def _behind_gates(env: EnergyEnv, plan: Plan, wishes: Floats) -> list[float]:
    """Return what plans earn from a new episode's states, each through gates that nothing was bid at yet."""
    found = []
    for each in wishes:
        gates = env.gates.copy()
        gates.restart(plan.first, plan.stop)
        bids = [(asked, told) for asked, _, told in map(gates.take, each)]
        found.append(replay(env.setup, plan.first, plan.stop, env.setup.initial, each, bids).value)
    return found


def check_models(env: EnergyEnv, steps: int = WINDOW_STEPS) -> float:
    """Hold the array model and the Pyomo model of each unit to one optimum over a short window; return their gap.

    Args:
        env: An environment, reset.
        steps: Most steps of the window.

    Raises:
        BrokenPromiseError: They differ, or the array model's plan earns less than it promises.
    """
    setup, (first, stop) = env.setup, env.steps_left
    rest = setup.kind.state
    if rest is not None:
        return _widest("the episode", *_two_optima(stop - first, lambda model: rest(model, env.gates, env.states)))
    widest = 0.0
    for unit, states, closing in zip(setup.units, by_unit(setup, env.states), setup.closings, strict=True):
        window, goal = unit.window(first, min(stop, first + steps)), Goal(setup.weights, closing)
        short = window.physical().by_power()
        if unit.laws is not None and unit.laws.state is not None:
            widest = max(widest, _gap_of_its_own(short, states, goal, unit.laws.state))
        elif unit.flexibles:
            widest = max(widest, _unit_gap(short, states, goal))
    return widest


def _gap_of_its_own(unit: Unit, states: Sequence[float], goal: Goal, state: Callable[..., Any]) -> float:
    """Hold both models of a unit with laws of its own to one optimum."""
    found = _two_optima(len(unit), lambda model: state(model, unit, states, goal))
    return _widest(f"unit {unit.name!r}", *found)


def _unit_gap(unit: Unit, states: Sequence[float], goal: Goal) -> float:
    """Hold both models of a unit, and what the array model's plan earns, to one optimum."""
    shares, bound = solve_unit(unit, states, goal)
    earned = float(returns(unit, states, goal, shares[None])[0])
    stated = solve_model(build_unit_model(unit, states, goal))
    played = _widest(f"unit {unit.name!r}", earned, stated, "what its plan earns")
    return max(played, _widest(f"unit {unit.name!r}", bound, stated))


def _two_optima(steps: int, state: Callable[[Any], Any]) -> tuple[float, float]:
    """Return the optimum of the array model and of the Pyomo model of what is stated."""
    model, other = ArrayModel(steps, likely=np.ones(steps, dtype=bool)), PyomoModel(steps)
    state(model)
    state(other)
    return model.solve().bound, solve_model(other.finished())


def _widest(where: str, value: float, stated: float, what: str = "the array model's bound") -> float:
    """Return how far a value is from the Pyomo model's optimum, which may be no more than rounding."""
    gap = abs(value - stated)
    if gap > slack(stated):
        rule, remedy = "one statement, one optimum", "let `constrain` state what `settle` and next_state do"
        differ(where, f"the Pyomo model's optimum and {what}", None, (stated, value), rule, remedy)
    return gap
