"""Which learner plays which environment, with which actions, and why not: asked of the agents, never written by hand.

One rule: a refusal is the agent's own, in one line.

    python -m energy_gym.agents.suitability     # the table of docs/learning.md
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from energy_gym.agents.registry import agent_factory, learner_ids
from energy_gym.errors import ConfigurationError
from energy_gym.scenarios.registration import SCENARIOS

KINDS = {"continuous": "continuous", "discrete-3": "levels"}
# From an id and a kind of actions to an environment.
Made = Callable[[str, str], Any]


def why_not(agent: str, env: Any) -> str | None:
    """Return why an agent does not play an environment, in one line; None where it does.

    Example:
        >>> why_not("l2o", gym.make("energy_gym/Bidding-v1", episode_steps=2))
        'sets the power of storage'
    """
    try:
        agent_factory(agent).make(env, 0)
    except ConfigurationError as error:
        return error.rule
    return None


def table(made: Made | None = None) -> str:
    """Return the table of learners and environments as Markdown, with the reasons below it.

    Args:
        made: What makes an environment; by default each id as it comes.
    """
    make = made or (lambda name, actions: gym.make(name, actions=actions, episode_steps=2))
    ids = sorted(SCENARIOS)
    envs = {name: {kind: make(name, actions) for actions, kind in KINDS.items()} for name in ids}
    short = [name.partition("/")[2].removesuffix("-v1") for name in ids]
    reasons: list[str] = []
    lines = ["| agent | " + " | ".join(short) + " |", "| --- " * (len(ids) + 1) + "|"]
    for agent in learner_ids():
        cells = [_cell(agent, envs[name], reasons) for name in ids]
        lines.append(f"| `{agent}` | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *(f"({number}) {reason}." for number, reason in enumerate(reasons, 1))])


def _cell(agent: str, envs: dict[str, Any], reasons: list[str]) -> str:
    """Return what an agent plays an id with, whose environments are given by kind, or the number of its reason."""
    said = {kind: why_not(agent, env) for kind, env in envs.items()}
    played = [kind for kind, why in said.items() if why is None]
    if played:
        return ", ".join(played)
    return _numbered(next(why for why in said.values() if why is not None), reasons)


def _numbered(why: str, reasons: list[str]) -> str:
    if why not in reasons:
        reasons.append(why)
    return f"({reasons.index(why) + 1})"


if __name__ == "__main__":
    print(table())
