"""What an agent answers over the first steps of an episode, for tests that what nobody knows changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np


def answers(agent: Any, env: Any, start: Any, steps: int) -> Any:
    """Return the actions of an agent on so many steps from a moment on, one below the other."""
    observation, info = env.reset(options={"start": start})
    agent.reset()
    actions = []
    for _ in range(steps):
        actions.append(agent.act(observation, info))
        observation, _, _, _, info = env.step(actions[-1])
    return np.array(actions)
