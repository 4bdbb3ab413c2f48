"""What a drawn problem is held to: whatever the suite says of it is tried, played and stated in another way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from drawn_optimum import every_plan, stated_again
from drawn_problems import Problem
from drawn_stage import Stage, started

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.envs.compiled import compiles
from energy_gym.envs.env import EnergyEnv
from energy_gym.evaluation.episode import evaluate
from energy_gym.oracle.rounding import returns
from energy_gym.oracle.solution import EXACT, Solution
from energy_gym.oracle.solve import by_unit
from energy_gym.oracle.statement import Goal
from energy_gym.testing.check import check_round_trip
from energy_gym.testing.laws import check_laws, random_wishes

ROUNDING = 1e-6
FLOAT32 = 1e-4
PLANS = 300
MOVES = 80
MOST_TRIED = 70_000
SECONDS = 10.0
"""What a solution may take; one that takes longer is bracketed, and held to its bracket alone."""


def slack(value: float) -> float:
    return ROUNDING * max(1.0, abs(value))


def held_to_its_word(problem: Problem) -> None:
    """Hold what the suite says of a problem to what can be tried; its seed stands in every message."""
    seed, random = problem.seed, np.random.default_rng([problem.seed, 1])
    check_round_trip(problem.scenario)
    stage = started(problem)
    env = stage.env
    window = env.steps_left
    assert window[1] - window[0] == problem.steps, seed
    solution = energy_gym.solve(env, time_limit=SECONDS)
    assert env.steps_left == window, (seed, "solve moved the environment")
    check_solution(problem, stage, solution)
    check_claims(problem, stage, solution)
    if problem.levels:
        check_levels(problem, stage, solution)
    else:
        check_optimum(problem, stage, solution)
    check_bound(problem, stage, solution, random)
    check_readings(problem, env, random)
    if seed % 8 == 0:
        check_regret(problem, stage)


def check_solution(problem: Problem, stage: Stage, solution: Solution) -> None:
    """Hold a plan to earn what is promised, and no less than doing nothing."""
    seed, value = problem.seed, solution.value
    assert np.inf > solution.bound >= value, (seed, value, solution.bound)
    assert len(solution.actions) == problem.steps, seed
    assert abs(stage.play(solution.actions, anew=True) - value) <= slack(value), (seed, "replay", value)
    if problem.keywords.get("control") == "meter":
        return  # where a wish names a power at the meter, none of them lets a battery rest
    idle = stage.play([stage.idle] * problem.steps)
    assert idle <= value + slack(value), (seed, "idling earns more", idle, value)


def check_claims(problem: Problem, stage: Stage, solution: Solution) -> None:
    """Hold a solution to say of itself what it is, in actions of the environment."""
    seed, value = problem.seed, solution.value
    assert solution.exact == (solution.bound - value <= EXACT * max(1.0, abs(value))), seed
    space = stage.env.action_space
    asked = [np.asarray(action, dtype=space.dtype) for action in solution.actions]
    for action in asked:
        assert space.contains(action if action.ndim else int(action)), (seed, action)
    if solved_by_steps(stage.env):
        return  # of splits that are worth the same now, a bid's rounding may pick another, and later steps differ
    rounded = stage.play(asked)
    assert abs(rounded - value) <= FLOAT32 * max(1.0, abs(value)), (seed, "in float32", rounded, value)


def solved_by_steps(env: EnergyEnv) -> bool:
    """Return whether a fleet solves a programme at every step, which costs milliseconds and has no gradient."""
    return any(getattr(getattr(unit, "dispatch", None), "name", "") == "optimal" for unit in env.setup.units)


def quadratic(env: EnergyEnv) -> bool:
    """Return whether money is no piecewise linear function, so that no model of Pyomo's states it."""
    trading = getattr(env.setup, "trading", None)
    return trading is not None and type(trading.impact).__name__ == "LinearImpact"


def check_optimum(problem: Problem, stage: Stage, solution: Solution) -> None:
    """Hold what is exact to Pyomo's optimum, and what is bracketed to lie around, or below, it."""
    seed, env = problem.seed, stage.env
    stage.back()
    if quadratic(env) or out_of_time(solution):
        return
    best = stated_again(env)
    tolerance = 2.0 * slack(best)
    assert solution.value <= best + tolerance, (seed, solution.value, best)
    assert best <= solution.bound + tolerance, (seed, best, solution.bound)
    by_rule = any(getattr(unit, "dispatch", None) is not None for unit in env.setup.units)
    ruled = by_rule and problem.keywords.get("dispatch") != "direct"
    if not ruled:
        assert solution.exact, (seed, solution.status, solution.value, solution.bound, best)
        return
    stage.back()
    physical = energy_gym.solve(env, continuous=True, time_limit=SECONDS)
    if out_of_time(physical):
        return
    assert physical.exact, (seed, physical.status, physical.value, physical.bound, best)
    assert abs(physical.value - best) <= tolerance, (seed, physical.value, best)
    assert solution.value <= physical.value + tolerance, (seed, solution.value, physical.value)


def plans_tried(problem: Problem, stage: Stage) -> float | None:
    """Return the most that any sequence of levels earns, each tried; None where there are too many."""
    env = stage.env
    stage.back()
    setup = env.setup
    if setup.kind.state is not None or setup.choices is not None:
        count = env.action_space.n**problem.steps
        if count > (MOST_TRIED // 500 if solved_by_steps(env) else MOST_TRIED // 20):
            return None
        return max(stage.play(plan) for plan in itertools.product(range(env.action_space.n), repeat=problem.steps))
    return every_plan(env, MOST_TRIED // 500 if solved_by_steps(env) else MOST_TRIED)


def out_of_time(solution: Solution) -> bool:
    """Return whether a solution is bracketed because its time was up."""
    return not solution.exact and solution.seconds > SECONDS / 4.0


def check_levels(problem: Problem, stage: Stage, solution: Solution) -> None:
    """Hold a plan of levels to the best of all sequences, and that to its bound."""
    seed, best = problem.seed, plans_tried(problem, stage)
    stage.back()
    physical = energy_gym.solve(stage.env, continuous=True, time_limit=SECONDS)
    assert solution.value <= physical.bound + slack(physical.bound), (seed, solution.value, physical.bound)
    if best is None:
        return
    assert solution.value <= best + slack(best), (seed, solution.value, best)
    assert best <= solution.bound + slack(best), (seed, "tried plans beat the bound", best, solution.bound)
    if solution.exact:
        assert abs(best - solution.value) <= 2.0 * slack(best), (seed, solution.value, best)


def check_bound(problem: Problem, stage: Stage, solution: Solution, random: np.random.Generator) -> None:
    """Look for better plans in the environment, from the plan and from chance: none may beat the bound."""
    limit = solution.bound + slack(solution.bound)
    most = near_ones(stage, solution, random)
    assert most <= limit, (problem.seed, "a plan near the oracle's earns", most, "bound", solution.bound)
    for value, found in searched(problem, stage, solution, random):
        assert value <= limit, (problem.seed, "beaten by", value, "bound", solution.bound, found)


def near_ones(stage: Stage, solution: Solution, random: np.random.Generator) -> float:
    """Return the most that many plans near the oracle's, and of chance, earn at once, unit by unit."""
    stage.back()
    setup, plan, total, control = stage.env.setup, solution.plan, 0.0, 0
    if stage.env.gates is not None or setup.choices is not None:
        return -np.inf
    count = PLANS // 15 if solved_by_steps(stage.env) else PLANS
    for unit, states, closing in zip(setup.units, by_unit(setup, stage.env.states), setup.closings, strict=True):
        own = plan.wishes[:, control : control + unit.controls]
        control += unit.controls
        tried = np.repeat(own[None], count, axis=0)
        few = random.random(tried.shape) < random.choice([0.1, 0.3, 1.0], (count, 1, 1))
        tried = np.where(few, random_wishes(random, tried.shape), tried)
        tried[: count // 3] = own + random.normal(0.0, 0.05, tried[: count // 3].shape)
        tried = np.clip(tried, -1.0, 1.0)
        if setup.levels is not None:
            grid = np.array(setup.levels)
            tried = grid[np.abs(tried[..., None] - grid).argmin(axis=-1)]
        goal = Goal(setup.weights, closing)
        total += float(returns(unit.window(plan.first, plan.stop), states, goal, tried).max())
    return total


def searched(
    problem: Problem, stage: Stage, solution: Solution, random: np.random.Generator
) -> Iterator[tuple[float, Any]]:
    """Yield what plans earn, and the plans: the oracle's, changed here and there, and chance's, climbing."""
    space = stage.env.action_space
    chance = [np.asarray(space.sample()) for _ in range(problem.steps)]
    known = [np.asarray(action) for action in solution.actions]
    climbs = [(stage.play(plan), plan) for plan in (known, chance)]
    yield from climbs
    moves = 2 * MOVES if stage.env.gates is not None else MOVES
    for move in range(MOVES // 6 if solved_by_steps(stage.env) else moves):
        at = move % 2
        value, plan = climbs[at]
        other = changed(space, plan, stage.due, random)
        earned = stage.play(other)
        yield earned, other
        if earned >= value:
            climbs[at] = earned, other


def changed(space: Any, plan: list[Any], due: Sequence[Any], random: np.random.Generator) -> list[Any]:
    """Return a plan with one to three entries changed, of those that count."""
    other = [np.array(action) for action in plan]
    for _ in range(int(random.integers(1, 4))):
        step = int(random.integers(len(other)))
        if isinstance(space, gym.spaces.Discrete):
            other[step] = np.asarray(random.integers(space.n))
            continue
        flat, counts = other[step].reshape(-1), due[step]
        entry = int(random.choice(np.flatnonzero(counts))) if counts is not None else int(random.integers(flat.size))
        if isinstance(space, gym.spaces.MultiDiscrete):
            flat[entry] = random.integers(space.nvec[entry])
            continue
        near = flat[entry] + random.normal(0.0, 0.05)
        flat[entry] = np.clip(random.choice([near, near, -1.0, 0.0, 1.0, random.uniform(-1.0, 1.0)]), -1.0, 1.0)
    return other


def check_readings(problem: Problem, env: EnergyEnv, random: np.random.Generator) -> None:
    """Hold floats, NumPy and torch to the same bits, and a batch to what single environments do."""
    sequences = 3
    check_laws(env.setup, min(problem.steps, 6), sequences, random, False if solved_by_steps(env) else None)
    if problem.seed % 3:
        return
    for engine in ("numpy", "compiled") if compiles(env.setup) else ("numpy",):
        check_batch(problem, env, engine)


def check_batch(problem: Problem, env: EnergyEnv, engine: str) -> None:
    """Hold a batch to what single environments do."""
    batch = env.batch_class()(2, autoreset="disabled", engine=engine, **env.complete(env.keywords))
    assert batch.engine == engine
    batch.reset(seed=[problem.seed, problem.seed + 1], options=dict(problem.begins) or None)
    batch.action_space.seed(problem.seed)
    actions = [batch.action_space.sample() for _ in range(min(problem.steps, 5))]
    together = []
    for action in actions:
        seen, gains, _, over, _ = batch.step(action)
        together.append((gains, np.array(seen)))
        if np.any(over):
            break
    for place in range(2):
        env.reset(seed=problem.seed + place, options=dict(problem.begins) or None)
        for action, (gains, seen) in zip(actions, together, strict=False):
            alone, gain, *_ = env.step(action[place])
            assert gain == gains[place], (problem.seed, "batch", gain, gains[place])
            assert alone.tobytes() == seen[place].tobytes(), (problem.seed, "observations of the batch")
            assert env.observation_space.contains(alone), (problem.seed, alone)


def check_regret(problem: Problem, stage: Stage) -> None:
    """Hold the regret of chance to be no less than nothing."""
    for agent in ("uniform", "idle") if stage.env.setup.control == "power" else ("uniform",):
        made_agent = make_agent(agent, stage.env, problem.seed)
        found = evaluate(made_agent, stage.env, seed=problem.seed, options=stage.options)
        assert found.regret >= -slack(found.oracle_bound), (problem.seed, agent, found.regret)
