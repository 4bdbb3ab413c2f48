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
from gymnasium import spaces

from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.wrapped import ACTIONS, EVERYTHING, OBSERVATIONS, changes, check_faithful
from energy_gym.errors import ConfigurationError, UnsuitableAgentError
from energy_gym.files import write_atomically
from energy_gym.tape import Slot
from energy_gym.version import __version__

FILE = "agent.yaml"
# Goes up whenever what is saved changes its meaning.
FORMAT = 1
# Called during ``fit`` with the environment steps (or gradient steps, of an offline agent) so far and figures by name,
# such as the score on the validation split.
Callback = Callable[[int, Mapping[str, float]], None]
# What the environments of the suite ask for, by `EnergyEnv.decision`.
DECISIONS = {
    "power": "sets the power of storage",
    "bids": "bids in markets for a producer",
    "fleet": "bids for fleets",
    "mixed": "sets the power of storage and bids for fleets at once",
}


class Agent(ABC):
    """An agent for one environment.

    Args:
        env: The environment it acts in, in wrappers or not; see `energy_gym.envs.wrapped`.
        seed: Seed of what the agent itself draws.

    Raises:
        ConfigurationError: The environment is not one of this package, or of a kind of action the agent cannot play,
            or a wrapper changes observations or actions.
        UnsuitableAgentError: The agent decides on something else than the environment asks for.
    """

    name: ClassVar[str]
    # Draws at random when acting; learns from a seed. Both are played with several seeds.
    stochastic: ClassVar[bool] = False
    learns: ClassVar[bool] = False
    # Makes no sense in some environments, and raises UnsuitableAgentError there.
    selective: ClassVar[bool] = False
    # Which of `DECISIONS` it can make.
    decides: ClassVar[tuple[str, ...]] = tuple(DECISIONS)
    # Modules that ``fit`` imports, and the extra that brings each.
    requires: ClassVar[Mapping[str, str]] = {}
    # The kinds of action it can play, and the keyword a task is made with where its own kind is not among them.
    kinds: ClassVar[tuple[str, ...]] = ("continuous", "discrete")
    preferred_actions: ClassVar[str] = "discrete-3"

    def __init__(self, env: Any, seed: int = 0) -> None:
        base = getattr(env, "unwrapped", env)
        if not isinstance(base, EnergyEnv):
            raise ConfigurationError(f"env={env!r}", "must be an environment of energy_gym", "pass gym.make(...)")
        self.env: EnergyEnv = base
        if self.env.decision not in self.decides:
            raise self.refused(" or ".join(DECISIONS[item] for item in self.decides))
        kind = "continuous" if base.setup.levels is None else "discrete"
        if kind not in self.kinds:
            raise ConfigurationError(
                f"agent {self.name!r} on {kind} actions",
                f"plays {' or '.join(self.kinds)} actions only",
                f"make the environment with actions={self.preferred_actions!r}",
            )
        acts = f"agent {self.name!r} sees and plays those of the environment itself"
        check_faithful(env, (OBSERVATIONS, ACTIONS), acts, "make the agent for env.unwrapped")
        self.seed = int(seed)
        # What wrappers change that matters where it learns: see `played`.
        self._wrapped = changes(env)

    def refused(self, rule: str) -> UnsuitableAgentError:
        """Return the error that says why the agent makes no sense in its environment."""
        return UnsuitableAgentError(
            f"agent {self.name!r} on scenario {self.env.scenario.name!r}", rule, "choose another agent for it"
        )

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

    def played(self, source: Any = None, **usual: Any) -> EnergyEnv:
        """Return the environment to learn in: a source, or the training split of the agent's own with other keywords.

        Raises:
            ConfigurationError: The source is no environment of this package, or a wrapper (of the source, or of the
                agent's own environment) changes what is learnt from.
        """
        base = self.env if source is None else getattr(source, "unwrapped", source)
        if not isinstance(base, EnergyEnv):
            raise ConfigurationError(
                f"source={type(source).__name__}", f"{self.name} learns by playing", "pass an environment of energy_gym"
            )
        self.check_source(source)
        return base.variant(split="train", **usual) if source is None else base

    def check_source(self, source: Any) -> None:
        """Raise ConfigurationError where a wrapper changes what the agent would learn from."""
        found = self._wrapped if source is None else changes(source)
        for changed in EVERYTHING:
            if changed in found:
                raise ConfigurationError(
                    f"wrapper {found[changed]}",
                    f"changes {changed}, and {self.name!r} learns in batches of the environment itself",
                    "make the agent for env.unwrapped and pass fit() no wrapper, or train with a library of your own",
                )

    def parameters(self) -> dict[str, Any]:
        """Return what `save` must keep, as plain numbers and strings."""
        return {"seed": self.seed}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """Take back what `parameters` returned; further files, if the agent writes any, lie in the folder."""
        self.seed = int(parameters["seed"])

    def save(self, folder: str | Path) -> None:
        """Write the agent into a folder, which is made if need be: what it learnt, and where it can be used again."""
        home = f"{type(self).__module__}:{type(self).__qualname__}"
        # An agent from elsewhere is found again by its class.
        kind = {} if home.startswith("energy_gym.") else {"class": home}
        tree = {"format": FORMAT, "version": __version__, "agent": self.name, **kind, **self._fits()}
        text = yaml.safe_dump({**tree, "parameters": self.parameters()}, sort_keys=False)
        write_atomically(Path(folder) / FILE, lambda path: path.write_text(text, encoding="utf-8"))

    def _fits(self) -> dict[str, Any]:
        """Return what says where the agent can be used: scenario, data, actions, and the slots with their scaling."""
        setup = self.env.setup
        return {
            "scenario": yaml.safe_load(self.env.scenario.to_yaml()),
            "data": setup.feed.title,
            "actions": str(self.env.keywords.get("actions", "continuous")),
            "levels": None if setup.levels is None else list(setup.levels),
            "control": setup.control,
            "lookahead": setup.tape.lookahead,
            "history": setup.tape.history,
            "layout": [list(slot) for slot in self.env.layout],
        }

    @classmethod
    def load(cls, folder: str | Path, env: Any, *, rescaled: bool = False) -> Self:
        """Read an agent from a folder, for an environment with the same observation slots.

        Args:
            folder: Where it was saved.
            env: The environment it is to act in.
            rescaled: Accept slots of the same name with other units and scaling, as another market has.

        Raises:
            ConfigurationError: No agent of this kind is there, it was saved by an incompatible version, for another
                control, or for another layout; the message lists the slots that differ.
        """
        path = Path(folder) / FILE
        tree = read_saved(path)
        agent = cls(env)
        if tree["agent"] != cls.name:
            raise ConfigurationError(
                f"{path}: agent {tree['agent']!r}", f"must be {cls.name!r}", f"load it as {tree['agent']!r}"
            )
        _check_control(path, tree.get("control", "power"), agent.env.setup.control)
        _check_layout(path, [Slot(*slot) for slot in tree["layout"]], agent.env.layout, rescaled)
        try:
            agent.restore(tree["parameters"], Path(folder))
        except (KeyError, TypeError) as error:
            raise ConfigurationError(f"{path}", f"lacks {error}", "save the agent again") from error
        return agent

    def power(self, share: float) -> Any:
        """Return the action for a share of rated power in [-1, 1] by every control.

        It is the share itself, or the nearest discrete level.
        """
        setup = self.env.setup
        if setup.levels is None:
            return np.full(setup.controls, share)
        level = int(np.argmin(np.abs(np.array(setup.levels) - share)))
        return level if isinstance(self.env.action_space, spaces.Discrete) else np.full(setup.controls, level)


def read_saved(path: Path) -> dict[str, Any]:
    """Return the description of a saved agent, or raise ConfigurationError."""
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        saved, version = tree["format"], str(tree["version"])
        _ = tree["agent"], tree["parameters"], [Slot(*slot) for slot in tree["layout"]]
    except (OSError, yaml.YAMLError, RecursionError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path.parent}", f"holds no agent ({FILE} cannot be read)", "check the path"
        ) from error
    if saved != FORMAT:
        raise ConfigurationError(
            f"{path}: format {saved} of energy-gym {version}",
            f"energy-gym {__version__} reads format {FORMAT}",
            f"install energy-gym {version}, or train the agent again",
        )
    return dict(tree)


def _check_control(path: Path, saved: Any, own: str) -> None:
    """Raise ConfigurationError where the wishes of an agent would name something else than they did."""
    if saved != own:
        raise ConfigurationError(
            f"{path}: control={saved!r}", f"the environment has control={own!r}", f"make it with control={saved!r}"
        )


def saved_actions(tree: Mapping[str, Any]) -> str:
    """Return what an agent was saved with as ``actions``; agents of earlier versions say it by their levels.

    Example:
        >>> saved_actions({"levels": [-1.0, 0.0, 1.0]}), saved_actions({"levels": None})
        ('discrete-3', 'continuous')
    """
    levels = tree.get("levels")
    # Choices of a bidding environment repeat each level of storage for every offer.
    return str(tree.get("actions") or ("continuous" if levels is None else f"discrete-{len(set(levels))}"))


def saved_view(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of an environment that an agent was saved with: what it plays, and what it is shown.

    Example:
        >>> saved_view({"actions": "discrete-3", "levels": [-1.0, 0.0, 1.0], "lookahead": "compact-1"})
        {'actions': 'discrete-3', 'lookahead': 'compact-1'}
    """
    told = {name: tree[name] for name in ("lookahead", "history") if tree.get(name)}
    return {"actions": saved_actions(tree), **told}


def _check_layout(path: Path, saved: list[Slot], own: tuple[Slot, ...], rescaled: bool) -> None:
    """Raise ConfigurationError, with the slots that differ, where an agent would misread the observation."""
    names, here = [slot.name for slot in saved], [slot.name for slot in own]
    if names != here:
        differing = sorted(set(names) ^ set(here))
        raise ConfigurationError(
            f"{path}: {len(names)} slots, the environment has {len(here)}",
            f"the layouts differ in {', '.join(differing) or 'their order'}",
            "make the environment with the keywords the agent was saved with",
        )
    scaled = [slot.name for slot, other in zip(saved, own, strict=True) if slot != other]
    if scaled and not rescaled:
        raise ConfigurationError(
            f"{path}: {len(scaled)} slots with other units or scaling",
            f"the scaling differs in {', '.join(scaled)}",
            "use the data it was saved with, or pass rescaled=True to use it on another market",
        )
