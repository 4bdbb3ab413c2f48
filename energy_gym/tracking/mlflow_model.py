"""A registered agent as MLflow loads it: actions for observations, in the environment that it was registered with.

One rule: what decides by the observation alone can be asked so; what plans needs an environment, and says it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.agents.learner import Learner
from energy_gym.agents.records.keywords import made_keywords
from energy_gym.agents.registry import load_agent
from energy_gym.errors import ConfigurationError
from energy_gym.tracking.packing import TASK


class Served:
    """An agent that is asked by observations.

    Args:
        agent: The agent.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def predict(self, model_input: Any, params: Any = None) -> Any:
        """Return an action for each observation, shape (n, slots).

        Raises:
            ConfigurationError: The agent plans, and an observation alone does not do.
        """
        if not isinstance(self.agent, Learner):
            raise ConfigurationError(
                f"agent {self.agent.name!r}",
                "decides by what its environment foresees, not by an observation alone",
                "fetch it with energy-gym tracked fetch, and play it in an environment",
            )
        seen = model_input["observation"] if isinstance(model_input, dict) else model_input
        return np.array([self.agent.act(row, {}) for row in np.atleast_2d(np.asarray(seen, dtype=np.float32))])


def _load_pyfunc(path: str) -> Served:
    """Return an agent from its folder; the name is MLflow's."""
    task = json.loads((Path(path) / TASK).read_text(encoding="utf-8"))
    env = gym.make(task["id"], disable_env_checker=True, **made_keywords(task["keywords"]))
    return Served(load_agent(path, env))
