"""Where regret comes from: what the forecast costs, what the controller costs, and how much each action lost.

One rule: the parts add up to the regret, and no part is measured twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from energy_gym.agents.mpc import MPC
from energy_gym.arrays import Floats
from energy_gym.data.price_law import PriceLaw
from energy_gym.errors import ConfigurationError
from energy_gym.evaluation.bracket import Attainable
from energy_gym.evaluation.episode import Evaluation, evaluate
from energy_gym.oracle.law import LawSolution
from energy_gym.oracle.problem import problem_now
from energy_gym.oracle.running import running
from energy_gym.oracle.solution import replay
from energy_gym.oracle.solve import solve
from energy_gym.oracle.value_function import value_at, value_functions


@dataclass(frozen=True)
class Decomposition:
    """Regret in two parts, in reward units, for an episode and for each local day of it (ISO dates).

    Args:
        regret: What the agent lost against the oracle.
        forecast: What perfect use of the forecast loses: the oracle's return less that of a plan made anew at every
            step on the environment's forecast.
        controller: The rest: what the agent loses against that plan; negative where it does better.
        unproven: By how much the oracle's proven bound lies above its best plan; zero where that is optimal. Regret
            is measured against the bound, so that it is a part of ``forecast``, and of no day.
        daily_forecast: The first part by day, less ``unproven``; empty where the oracle's days are not known.
        daily_controller: The second part by day.
        unforeseeable: What no agent avoids that cannot see the future, as far as that is known: the oracle's bound less
            what could be attained at most, on average; a part of the regret cut another way. NaN where not asked for.
        attainable_share: Share of what could be attained that the agent earned; see `energy_gym.Evaluation`.
    """

    regret: float
    forecast: float
    controller: float
    unproven: float
    daily_forecast: Mapping[str, float]
    daily_controller: Mapping[str, float]
    unforeseeable: float = math.nan
    attainable_share: float = math.nan


def decompose(
    agent: Any,
    env: Any,
    *,
    seed: int | None = None,
    options: dict[str, Any] | None = None,
    planner: Any = None,
    attainable: bool | Attainable = False,
) -> Decomposition:
    """Play an episode with an agent and with perfect planning on the forecast, and split the agent's regret.

    Args:
        agent: As for `energy_gym.evaluate`.
        env: An environment of this package.
        seed: Seed of the episode.
        options: Options of ``reset``.
        planner: What plans anew on the forecast at every step, an agent for the same environment; by default mpc.
        attainable: As for `energy_gym.evaluate`.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.agents import make_agent
        >>> env = gym.make("energy_gym/Arbitrage-v1", forecast="yesterday", episode_steps=72)
        >>> parts = decompose(make_agent("idle", env), env, seed=1)
        >>> abs(parts.forecast + parts.controller - parts.regret) < 1e-9
        True
    """
    planned = evaluate(planner or MPC(env), env, seed=seed, options=options)
    played = evaluate(agent, env, seed=seed, options=options, oracle=_known(planned), attainable=attainable)
    days = planned.daily_regret
    oracle_days = set(days) == set(played.daily_regret)
    return Decomposition(
        regret=played.regret,
        forecast=planned.regret,
        controller=played.regret - planned.regret,
        unproven=planned.oracle_bound - planned.oracle_value,
        daily_forecast=dict(days) if oracle_days else {},
        daily_controller={day: played.daily_regret[day] - days[day] for day in days} if oracle_days else {},
        unforeseeable=planned.oracle_bound - played.attainable_bound,
        attainable_share=played.attainable_share,
    )


@dataclass(frozen=True)
class _Known:
    value: float
    bound: float
    daily: Mapping[str, float]


def _known(planned: Evaluation) -> _Known:
    """Return the oracle of an episode that was evaluated, so that it is not solved twice."""
    daily = {day: lost + planned.daily_return[day] for day, lost in planned.daily_regret.items()}
    return _Known(planned.oracle_value, planned.oracle_bound, daily)


def step_regret(env: Any, actions: Sequence[Any], *, information: PriceLaw | str = "foresight") -> Floats:
    """Return how much each action loses against acting best from there on [reward units], shape (T,).

    With V for the value of stored energy, the loss of a step is V before it, less its reward, less V after it. It is
    never negative, and the losses add up to the regret of the whole: dense labels of where an agent errs.

    Args:
        env: An environment of this package with one storage behind one price, reset; it is left as it is.
        actions: Its actions from now to the end of the episode.
        information: What acting best knows: all that will be, or a law, as for `energy_gym.solve`. Under a law the
            losses add up to what the actions earn less than the best that cannot see the future, without luck; acting
            best then is free to choose any power.

    Raises:
        ConfigurationError: The environment is more than one storage, the actions do not fill the episode, or the law
            is not solved for it.
        UnknownIdError: Unknown information.

    Example:
        >>> import gymnasium as gym, energy_gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24)
        >>> observation, info = env.reset(seed=1)
        >>> best = energy_gym.solve(env)
        >>> float(step_regret(env, best.actions).max()) < 1e-9
        True
        >>> lost = step_regret(env, [[0.0]] * 24)
        >>> idle = sum(env.step([0.0])[1] for _ in range(24))
        >>> bool(abs(lost.sum() - (best.value - idle)) < 1e-9)
        True
    """
    base = running(env, who="step_regret()")
    if information != "foresight":
        return _under_law(solve(base, continuous=True, information=information), base, actions)
    problem = problem_now(base)
    curves = None if problem is None else value_functions(problem)
    if problem is None or curves is None:
        raise ConfigurationError(
            f"env of scenario {base.scenario.name!r}", "must be one storage behind one price", "use an Arbitrage-v1"
        )
    _check_count(actions, len(problem))
    energy, losses = np.array([problem.energy]), np.empty(len(problem))
    for step, action in enumerate(actions):
        after, gain = problem.play(step, energy, np.array([_share(base, action)]))
        before, then = value_at(curves[step], float(energy[0])), value_at(curves[step + 1], float(after[0]))
        losses[step] = max(before - float(gain[0]) - then, 0.0)
        energy = after
    return losses


def _under_law(solution: LawSolution, env: Any, actions: Sequence[Any]) -> Floats:
    """Return what each action loses against the best policy under a law."""
    _check_count(actions, len(solution.chain))
    wishes = np.array([[_share(env, action)] for action in actions])
    first, stop = env.steps_left
    return solution.lost_by(replay(env.setup, first, stop, env.states, wishes))


def _check_count(actions: Sequence[Any], steps: int) -> None:
    if len(actions) != steps:
        raise ConfigurationError(f"{len(actions)} actions", f"must be {steps}", "pass one for each step left")


def _share(env: Any, action: Any) -> float:
    """Return the share of rated power that an action asks for."""
    value = float(np.asarray(action).item())
    return float(np.clip(value, -1.0, 1.0)) if env.setup.levels is None else float(env.setup.levels[int(value)])
