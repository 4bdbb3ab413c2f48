"""Several agents in one environment, in PettingZoo's convention: each battery or other asset, or each meter, is one.

One rule: all agents act in the one step of the environment; an agent's reward is that of its own meter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from energy_gym.backends import scalars
from energy_gym.conventions.costs import base_of
from energy_gym.conventions.noting import Notes
from energy_gym.dynamics import ended, gain
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.spaces import Shares
from energy_gym.envs.windows import OPTIONS
from energy_gym.envs.wrapped import EVERYTHING, check_faithful
from energy_gym.errors import ActionError, ConfigurationError, MissingExtraError, UnknownIdError

try:
    from pettingzoo import ParallelEnv
except ImportError:
    # The module can be read without the library; what is made of it needs it.
    ParallelEnv = None

EACH = ("asset", "meter")


class ParallelEnergy(ParallelEnv or object):  # type: ignore[misc]  # of a library without types
    """An environment of this package with several agents.

    All of them see the whole observation. Agents behind one meter share what it earns: that each acts for all is what
    makes it their common task. The rewards of the first agents of all meters add up to the environment's reward.

    Args:
        env: An environment of this package; it should have several meters or several controls.
        each: ``"asset"``: an agent for each entity that is controlled, such as each battery; a fleet's bid for all of
            its markets. ``"meter"``: one for each decision unit, such as each home of a community.

    Raises:
        MissingExtraError: PettingZoo is not installed.
        ConfigurationError: The environment is not one of this package, one number decides for all entries of an action,
            a fleet's assets do not bid by themselves, or a wrapper changes what it is.
        UnknownIdError: No such agents.
    """

    metadata: dict[str, Any] = {"render_modes": [], "name": "energy_gym", "is_parallelizable": True}  # noqa: RUF012
    render_mode = None

    def __init__(self, env: Any, each: str = "asset") -> None:
        if ParallelEnv is None:
            raise MissingExtraError.of("pettingzoo", "multi-agent")
        if each not in EACH:
            raise UnknownIdError.of("each", each, EACH)
        self.env: EnergyEnv = base_of(env)
        check_faithful(env, EVERYTHING, "agents play the environment itself", "pass env.unwrapped")
        setup = self.env.setup
        if setup.levels is not None and setup.chooses and setup.controls > 1:
            raise ConfigurationError(
                f"actions={self.env.keywords.get('actions')!r} of {setup.scenario.name!r}",
                "are one number for all entries, and agents decide each for itself",
                'make the environment with actions="continuous"',
            )
        # Supply and bids, which no entity decides on, come last; a producer is one unit.
        self._units = [number for number, unit in enumerate(setup.units) for _ in unit.decisions]
        self._units += [len(setup.units) - 1] * (setup.controls - len(self._units))
        self._entries = self._by_agent(each)
        self._spaces = {name: _space(len(places), setup.levels) for name, places in self._entries.items()}
        self.possible_agents = list(self._entries)
        self.agents: list[str] = []
        self._notes = Notes(self.env)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_notes"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._notes = Notes(self.env)

    def _by_agent(self, each: str) -> dict[str, list[int]]:
        """Return the places in the action that each agent decides on."""
        setup, found = self.env.setup, dict[str, list[int]]()
        names = setup.entries if each == "asset" else [setup.sites[number].name for number in self._units]
        for place, (name, unit) in enumerate(zip(names, self._units, strict=True)):
            bids = each == "asset" and setup.units[unit].laws is not None
            if bids and "/" not in name:
                rule = "is decided on for all assets at once, and each is an agent"
                remedy = 'pass each="meter"' if setup.kind.gates else 'pass dispatch="direct", or each="meter"'
                raise ConfigurationError(f"entry {name!r}", rule, remedy)
            found.setdefault(name.rpartition("/")[2], []).append(place)
        return found

    def observation_space(self, agent: str) -> Any:
        """Return the space of what an agent sees: of all of them the same."""
        return self.env.observation_space

    def action_space(self, agent: str) -> Any:
        """Return the space of what an agent decides on."""
        return self._spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start an episode; return by agent what it sees, and ``info``.

        Of the options, those count that the environment has: ``start``, ``steps`` and ``soc_initial``.
        """
        own = {name: value for name, value in (options or {}).items() if name in OPTIONS}
        observation, info = self.env.reset(seed=seed, options=own)
        self.agents = list(self.possible_agents)
        return self._each(observation), {agent: dict(info) for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
        """Play a step; return by agent: observation, reward, terminated, truncated and ``info``.

        ``info`` has the figures of the whole step, and ``reward``, what all meters earned.

        Raises:
            ActionError: An agent's action is missing, or not one of its own.
            ResetNeededError: No episode is running.
        """
        observation, whole, terminated, truncated, info = self.env.step(self._action(actions))
        earned = self._earned(truncated)
        playing, told = self.agents, {**info, "reward": whole}
        rewards = {agent: earned[self._units[self._entries[agent][0]]] for agent in playing}
        self.agents = [] if truncated else playing
        return (
            self._each(observation),
            rewards,
            dict.fromkeys(playing, terminated),
            dict.fromkeys(playing, truncated),
            {agent: dict(told) for agent in playing},
        )

    def render(self) -> None:
        """Draw nothing: make the environment itself with a render mode for pictures."""

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def _each(self, observation: Any) -> dict[str, Any]:
        return {agent: observation.copy() for agent in self.possible_agents}

    def _action(self, actions: Mapping[str, Any]) -> Any:
        """Return the action of the environment."""
        joint: list[Any] = [0] * self.env.setup.controls
        for agent, places in self._entries.items():
            if agent not in actions:
                raise ActionError(f"actions of {', '.join(actions)}", f"lack {agent!r}", "pass one for each agent")
            own = np.ravel(actions[agent]).tolist()
            if len(own) != len(places):
                rule = f"must be {len(places)} numbers"
                raise ActionError(f"action of {agent!r}: {actions[agent]!r}", rule, "see action_space(agent)")
            for place, value in zip(places, own, strict=True):
                joint[place] = value
        return joint[0] if self.env.setup.chooses and self.env.setup.levels is not None else np.array(joint)

    def _earned(self, over: bool) -> list[float]:
        """Return what each decision unit earned in the step."""
        setup, flows = self.env.setup, self._notes.flows
        if over:
            closed = zip(flows, setup.units, setup.closings, strict=True)
            flows = [ended(flow, [unit], [closing], scalars) for flow, unit, closing in closed]
        return [gain(flow, setup.weights) for flow in flows]


def _space(count: int, levels: tuple[float, ...] | None) -> spaces.Space[Any]:
    """Return the space of some entries of an action."""
    if levels is None:
        return Shares(count)
    return spaces.Discrete(len(levels)) if count == 1 else spaces.MultiDiscrete([len(levels)] * count)
