"""What every agent is: bound to an environment, asked for an action a step, saved to and loaded from a folder.

One rule: an agent reads the environment only through the observation, ``info``, its spaces and ``outlook()``, all of
which hold nothing that was not known at the step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import yaml

from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError

FILE = "agent.yaml"
# Called during ``fit`` with the environment steps (or gradient steps, of an offline agent) so far and figures by name,
# such as the score on the validation split.
Callback = Callable[[int, Mapping[str, float]], None]


class Agent(ABC):
    """An agent for one environment.

    Args:
        env: The environment it acts in (any Gymnasium wrappers).
        seed: Seed of what the agent itself draws.

    Raises:
        ConfigurationError: The environment is not one of this package, or of a kind of action the agent cannot play.
    """

    name: ClassVar[str]
    # Draws at random when acting; learns from a seed. Both are played with several seeds.
    stochastic: ClassVar[bool] = False
    learns: ClassVar[bool] = False
    # The kinds of action it can play, and the keyword a task is made with where its own kind is not among them.
    kinds: ClassVar[tuple[str, ...]] = ("continuous", "discrete")
    preferred_actions: ClassVar[str] = "discrete-3"

    def __init__(self, env: Any, seed: int = 0) -> None:
        base = getattr(env, "unwrapped", env)
        if not isinstance(base, EnergyEnv):
            raise ConfigurationError(f"env={env!r}", "must be an environment of energy_gym", "pass gym.make(...)")
        kind = "continuous" if base.setup.levels is None else "discrete"
        if kind not in self.kinds:
            raise ConfigurationError(
                f"agent {self.name!r} on {kind} actions",
                f"plays {' or '.join(self.kinds)} actions only",
                f"make the environment with actions={self.preferred_actions!r}",
            )
        self.env: EnergyEnv = base
        self.seed = int(seed)

    @abstractmethod
    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """Return the action for the coming step, given the observation and the ``info`` that came with it."""

    def reset(self) -> None:  # noqa: B027  # most agents carry nothing from episode to episode
        """Forget the episode; called before each one."""

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """Learn; returns the agent.

        Args:
            source: An environment, or recorded trajectories; by default the training split of the agent's own.
            budget: Steps of the environment (of gradient descent, for an agent that learns offline); by default the
                agent's own figure.
            seed: Seed of what is drawn while learning; by default the agent's.
            callback: Called with steps so far and figures, now and then.
        """
        return self

    def parameters(self) -> dict[str, Any]:
        """Return what `save` must keep, as plain numbers and strings."""
        return {"seed": self.seed}

    def restore(self, parameters: Mapping[str, Any]) -> None:
        """Take back what `parameters` returned."""
        self.seed = int(parameters["seed"])

    def save(self, folder: str | Path) -> None:
        """Write the agent into a folder, which is made if need be."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        slots = [slot.name for slot in self.env.layout]
        tree = {"agent": self.name, "layout": slots, "parameters": self.parameters()}
        (path / FILE).write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path, env: Any) -> Self:
        """Read an agent from a folder, for an environment with the same observation slots.

        Raises:
            ConfigurationError: No agent of this kind is there, or it was made for another layout.
        """
        path = Path(folder) / FILE
        try:
            tree = yaml.safe_load(path.read_text(encoding="utf-8"))
            kind, slots, parameters = tree["agent"], tree["layout"], tree["parameters"]
        except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{folder}", f"holds no agent ({FILE} cannot be read)", "check the path"
            ) from error
        agent = cls(env)
        if kind != cls.name:
            raise ConfigurationError(f"{path}: agent {kind!r}", f"must be {cls.name!r}", f"load it as {kind!r}")
        own = [slot.name for slot in agent.env.layout]
        differing = sorted(set(own) ^ set(slots))
        if own != slots:
            raise ConfigurationError(
                f"{path}: {len(slots)} slots, the environment has {len(own)}",
                f"the layouts differ in {', '.join(differing) or 'their order'}",
                "make the environment with the keywords the agent was saved with",
            )
        agent.restore(parameters)
        return agent

    def power(self, share: float) -> Any:
        """Return the action for a share of rated power in [-1, 1]: the share itself, or the nearest discrete level."""
        levels = self.env.setup.levels
        if levels is None:
            return np.array([share])
        return int(np.argmin(np.abs(np.array(levels) - share)))
