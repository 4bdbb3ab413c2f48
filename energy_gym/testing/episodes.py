"""Episodes as Gymnasium plays them: the checker, the reward's parts, seeds, and the batch.

One rule: everything is seen from outside, through ``reset``, ``step`` and ``info``.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.envs.compiled import compiles
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import BrokenPromiseError
from energy_gym.scenarios.composed import ScenarioEnv, ScenarioVectorEnv
from energy_gym.testing.laws import random_wishes
from energy_gym.testing.report import compare, differ
from energy_gym.units import Unit

ROUNDING = 1e-9
RETURNED = 1e-9
PARTS = ("energy_cost", "wear", "penalty", "demand_charge", "carbon_kg")


def check_gymnasium(env: EnergyEnv) -> None:
    """Run Gymnasium's own checker, every warning an error."""
    from gymnasium.utils.env_checker import check_env

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(env, skip_render_check=True)
    except (AssertionError, Warning) as error:
        raise BrokenPromiseError(
            "gymnasium.utils.env_checker.check_env", f"must find nothing ({error})", "correct the entity or contract"
        ) from error


def check_episodes(keywords: dict[str, Any], episodes: int, steps: int, seed: int, random: np.random.Generator) -> None:
    """Hold rewards to be the sum of their parts, seeds to fix what happens, and the batch to do as the single one.

    Raises:
        BrokenPromiseError: One of them does not hold.
    """
    env = ScenarioEnv(**keywords)
    wishes = random_wishes(random, (episodes, steps, env.setup.controls))
    trails = [_trail(env, seed + index, wishes[index]) for index in range(episodes)]
    names = ("reward", *(slot.name for slot in env.layout))
    again = _trail(env, seed, wishes[0])
    remedy = "keep no state outside the environment's states, and draw nothing"
    compare("two episodes of one seed", names, trails[0], again, "the same seed gives the same trajectory", remedy)
    for engine in ("numpy", "compiled") if compiles(env.setup) else ("numpy",):
        together = _batch(keywords, episodes, seed, wishes, engine)
        for index, trail in enumerate(trails):
            rule = "environment i of a batch does what a single environment does"
            where = f"single and batch ({engine}), episode {index}"
            compare(where, names, trail, together[:, :, index], rule, "see the laws")


def _trail(env: EnergyEnv, seed: int, wishes: Floats) -> Floats:
    """Play an episode; return rewards and observations by step, shape (steps, 1 + slots)."""
    env.reset(seed=seed)
    rows = []
    for step, wish in enumerate(wishes):
        observation, gain, _, _, info = env.step(wish)
        _check_observation(env, step, observation)
        _check_parts(env, step, gain, info)
        rows.append([gain, *observation.tolist()])
    check_returned(env)
    return np.array(rows)


def check_returned(env: EnergyEnv) -> None:
    """Hold an episode that is over to have ended where it began, where its terminal is ``"cyclic"``.

    Raises:
        BrokenPromiseError: Something stored is not back at its start.
    """
    if env.setup.scenario.objective.terminal != "cyclic":
        return
    for first, unit in _firsts(env):
        for place, store in enumerate(unit.flexibles):
            after, size = env.states[first + place], max(map(abs, store.span or (1.0,)))
            if store.own is not None and abs(after - store.initial) > RETURNED * size:
                rule = "terminal='cyclic' ends an episode where it began"
                differ(store.name, "its state at the end", None, (after, store.initial), rule, "correct its reach")


def _firsts(env: EnergyEnv) -> list[tuple[int, Unit]]:
    """Return each unit with the place of its first state among all."""
    found, place = [], 0
    for unit in env.setup.units:
        found.append((place, unit))
        place += len(unit.initial)
    return found


def _check_observation(env: EnergyEnv, step: int, observation: Any) -> None:
    if not env.observation_space.contains(observation):
        space: Any = env.observation_space
        outside = np.flatnonzero(~((observation >= space.low) & (observation <= space.high)))
        name = env.layout[int(outside[0])].name if len(outside) else "the type"
        value = observation[outside[0]] if len(outside) else observation.dtype
        raise BrokenPromiseError(
            f"observation: {name} at step {step} is {value}", "must lie in its space", "correct the entity's span"
        )


def _check_parts(env: EnergyEnv, step: int, gain: float, info: dict[str, Any]) -> None:
    """Hold a reward to be the sum of its parts in ``info``, and all figures to be finite."""
    for name, value in info.items():
        if not np.isfinite(value).all():
            raise BrokenPromiseError(f"info: {name} at step {step} is {value}", "must be finite", "correct the laws")
    money, carbon, worn = env.setup.weights
    spent = info["energy_cost"] + info["penalty"] + info["demand_charge"]
    parts = -(money * spent + carbon * info["carbon_kg"] + worn * info["wear"])
    scale = max(1.0, sum(abs(info[name]) for name in PARTS))
    if abs(parts - gain) > ROUNDING * scale:
        differ("reward and its parts in info", "reward", step, (gain, parts), "the parts add up", "correct the laws")


def _batch(keywords: dict[str, Any], episodes: int, seed: int, wishes: Floats, engine: str) -> Floats:
    """Return what `_trail` does for all episodes at once, shape (steps, 1 + slots, episodes)."""
    batch = ScenarioVectorEnv(episodes, autoreset="disabled", engine=engine, **keywords)
    batch.reset(seed=seed)
    rows = []
    for step in range(wishes.shape[1]):
        observations, gains, *_ = batch.step(wishes[:, step])
        rows.append(np.concatenate([gains[None, :], observations.T.astype(np.float64)]))
    return np.array(rows)
