"""Model predictive control: at each step, optimise over the look-ahead and play the first action.

One rule: it sees the environment's own forecast and the state, nothing else; what it optimises is the oracle's problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.oracle.levels import best_levels
from energy_gym.oracle.problem import Problem, problem_of
from energy_gym.oracle.solve import best_power


class MPC(Agent):
    """Rolling horizon on the environment's forecast, re-solved exactly from the current state at each step.

    Energy left at the end of the look-ahead is valued at the settlement price (mean of the training split), unless the
    episode ends there.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v0", episode_steps=24)
        >>> observation, info = env.reset(seed=0)
        >>> -1.0 <= MPC(env).act(observation, info).item() <= 1.0
        True
    """

    name: ClassVar[str] = "mpc"

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        problem = self._problem(float(info["energy_kwh"]))
        levels = self.env.setup.levels
        if levels is not None:
            return best_levels(problem, levels)[0][0]
        return best_power(problem)[0][:1]

    def _problem(self, energy: float) -> Problem:
        """Return the problem over the look-ahead, or over what is left of the episode where that is shorter."""
        env = self.env
        now, stop = env.steps_left
        size = min(env.setup.tape.horizon, stop - now)
        outlook, contract = env.outlook(), env.scenario.spot
        none = np.zeros(size)
        price = outlook[contract.price][:size] if contract.price in outlook else none
        carbon = outlook[contract.carbon][:size] if contract.carbon in outlook else none
        start = env.scenario.battery.energy_initial_kwh
        return problem_of(env.setup, price, carbon, energy, now + size == stop, start)
