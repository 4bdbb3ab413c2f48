"""The optimum of a drawn problem, found in another way: all sequences of levels tried, or the model stated in Pyomo."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.setup import CONTROLS
from energy_gym.following import followers
from energy_gym.oracle.pyomo_model import PyomoModel, build_unit_model, solve_model
from energy_gym.oracle.rounding import fixed_return, returns
from energy_gym.oracle.solve import by_unit, solve
from energy_gym.oracle.statement import Goal
from energy_gym.testing.optimum import check_replay, rolled_out

EVERY = 2**30


def every_plan(env: EnergyEnv, most: int = EVERY) -> float | None:
    """Return the most that any sequence of levels earns, each tried, unit by unit; None where there are more."""
    setup, total = env.setup, 0.0
    first, stop = env.steps_left
    for unit, states, closing in zip(setup.units, by_unit(setup, env.states), setup.closings, strict=True):
        levels, entries = setup.levels or (), (stop - first) * unit.controls
        if len(levels) ** entries > most:
            return None
        plans = np.array(list(itertools.product(levels, repeat=entries))).reshape(-1, stop - first, unit.controls)
        total += float(returns(unit.window(first, stop), states, Goal(setup.weights, closing), plans).max())
    return total


def stated_again(env: EnergyEnv) -> float:
    """Return the optimum over the physical range as Pyomo states it, with a binary in every step."""
    setup, (first, stop) = env.setup, env.steps_left
    if setup.kind.state is not None:
        model = PyomoModel(stop - first)
        setup.kind.state(model, env.gates, env.states)
        return solve_model(model.finished())
    parts = zip(setup.units, by_unit(setup, env.states), setup.closings, strict=True)
    return sum(
        _stated_unit(unit.window(first, stop).physical().by_power(), states, Goal(setup.weights, closing))
        for unit, states, closing in parts
    )


def _stated_unit(unit: Any, states: Any, goal: Goal) -> float:
    if unit.laws is not None:
        model = PyomoModel(len(unit))
        unit.laws.state(model, unit, states, goal)
        return solve_model(model.finished())
    return solve_model(build_unit_model(unit, states, goal)) if unit.flexibles else fixed_return(unit, states, goal)


def a_control(random: np.random.Generator, **keywords: Any) -> dict[str, Any]:
    """Return the keyword that says what wishes name: where anything can follow the meter, powers there at times."""
    env = EnergyEnv(**keywords)
    (unit,) = env.setup.units
    others = len(unit.flexibles) > 1 or any(item.columns() for item in env.scenario.entities.values())
    return {"control": str(random.choice(CONTROLS))} if followers(unit) and others else {}


def held_to_optimum(env: EnergyEnv, seed: int, rel: float | None = None, rollouts: int = 0) -> None:
    """Hold what the oracle says from an environment's moment on to what can be tried, or else stated.

    Args:
        env: A site's, with few steps left where its actions are levels.
        seed: What it was drawn with, for messages, and for rollouts.
        rel: How far a proven value may be from the one that Pyomo finds, as a share; None: a millionth of a unit.
        rollouts: Rollouts by chance, none of which may beat the bound; they begin where an episode does.
    """
    solution = solve(env)
    if env.setup.levels is not None:
        best = every_plan(env)
        assert best is not None and solution.value - 1e-9 <= best <= solution.bound + 1e-9, seed
    else:
        assert solution.exact, (seed, solution.status)
        assert solution.value == pytest.approx(stated_again(env), abs=1e-6, rel=rel), seed
        if rollouts:
            played = rolled_out(env, solution, rollouts, np.random.default_rng([seed, 1]))
            assert played.max() <= solution.bound + 1e-6, seed
    check_replay(env, solution)
