"""The stage on which drawn problems are played: one moment of one episode, from which any plan can be tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from drawn_problems import Problem

from energy_gym.envs.env import EnergyEnv


class Stage:
    """An environment that plays plans from one moment of one episode, each time anew.

    Args:
        env: The environment, at that moment.
        prefix: Actions that led there from the start of its episode.
        begins: Options of ``reset`` that say where its storage began.
    """

    def __init__(self, env: EnergyEnv, prefix: Sequence[Any], begins: Mapping[str, Any]) -> None:
        first, stop = env.window
        self.env, self.prefix = env, list(prefix)
        self.options = {"start": env.setup.time(first), "steps": stop - first, **begins}
        self.moment = env._t, env._states, None if env.gates is None else env.gates.copy()
        self.due: list[Any] = []

    def forward(self) -> None:
        """Lead to the moment through ``reset`` and ``step``."""
        self.env.reset(options=self.options)
        for action in self.prefix:
            self.env.step(action)

    def back(self) -> None:
        """Lead to the moment at once, for plans that are tried by the hundred."""
        self.env._t, self.env._states, gates = self.moment
        self.env._gates = None if gates is None else gates.copy()

    def play(self, plan: Sequence[Any], anew: bool = False) -> float:
        """Return what a plan earns from the moment to the end of the episode."""
        if anew:
            self.forward()
        else:
            self.back()
        total, gates = 0.0, self.env.gates
        self.due = []
        for action in plan:
            self.due.append(None if gates is None or gates.choices is not None else gates.due)
            total += self.env.step(action)[1]
        return total

    @property
    def idle(self) -> Any:
        """The action that does nothing."""
        setup = self.env.setup
        if self.env.gates is not None:
            zeros = np.zeros(setup.controls)
            return zeros if setup.levels is None else setup.levels.index(0.0)
        if setup.choices is not None:
            return int(np.abs(setup.choices).sum(axis=1).argmin())
        space = self.env.action_space
        return np.zeros(space.shape) if setup.levels is None else space.sample() * 0 + len(setup.levels) // 2


def made(problem: Problem) -> EnergyEnv:
    """Return the environment of a problem, reset."""
    env: EnergyEnv = gym.make(problem.id, disable_env_checker=True, **problem.keywords).unwrapped
    env.reset(seed=problem.seed, options={**(problem.options or {}), **problem.begins} or None)
    env.action_space.seed(problem.seed)
    return env


def started(problem: Problem) -> Stage:
    """Return the environment of a problem at the moment from which it is solved."""
    env = made(problem)
    prefix = [env.action_space.sample() for _ in range(problem.played)]
    for action in prefix:
        env.step(action)
    return Stage(env, prefix, problem.begins)
