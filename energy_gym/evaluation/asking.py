"""How whatever decides is asked for an action: agents of the package, models of other libraries, plain functions.

One rule: nothing is guessed in silence; what cannot be asked is refused with the ways that can.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.envs.wrapped import ACTIONS, OBSERVATIONS, check_faithful
from energy_gym.errors import ConfigurationError


class Asked:
    """Anything that decides, behind ``act`` and ``reset``.

    Args:
        decide: From observation and ``info`` to an action.
        restart: Called before each episode.
    """

    def __init__(self, decide: Callable[[Any, Mapping[str, Any]], Any], restart: Callable[[], None]) -> None:
        self.act = decide
        self.reset = restart


class Model:
    """A model of Stable-Baselines3: its most likely action, with the state that a recurrent policy carries over."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.reset()

    def reset(self) -> None:
        """Forget the episode."""
        self._state: Any = None
        self._first = True

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """Return the action of the policy without exploration."""
        begins = np.array([self._first])
        action, self._state = self.model.predict(
            observation, state=self._state, episode_start=begins, deterministic=True
        )
        self._first = False
        return action


def asked(agent: Any, env: Any) -> Any:
    """Return what has ``act`` and ``reset`` and decides as the agent does.

    Raises:
        ConfigurationError: It can not be asked for actions, or not in this environment.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1")
        >>> asked(lambda observation, info: info["energy_kwh"], env).act(None, {"energy_kwh": 3.0})
        3.0
    """
    if isinstance(agent, Agent):
        return _own(agent, env)
    if isinstance(agent, type):
        raise ConfigurationError(f"agent {agent.__name__}", "is a class", "make one for the environment")
    if callable(getattr(agent, "act", None)):
        restart = getattr(agent, "reset", None)
        return agent if callable(restart) else Asked(agent.act, _nothing)
    if callable(getattr(agent, "predict", None)):
        return _model(agent, env)
    if callable(agent):
        return Asked(_function(agent), _nothing)
    raise ConfigurationError(
        f"agent of type {type(agent).__name__}",
        "must have act(observation, info) or predict(observation), or be a function of the observation",
        "pass one of these",
    )


def _own(agent: Agent, env: Any) -> Agent:
    if agent.env is not env.unwrapped:
        raise ConfigurationError(f"agent {agent.name!r}", "was made for another environment", "make it for this one")
    who = f"agent {agent.name!r} sees and plays those of the environment itself"
    check_faithful(env, (OBSERVATIONS, ACTIONS), who, "evaluate it on env.unwrapped")
    return agent


def _model(model: Any, env: Any) -> Any:
    """Return a model of another library, once its observations and actions are found to be those of the environment."""
    for part in ("observation_space", "action_space"):
        theirs, ours = getattr(model, part, None), getattr(env, part)
        if theirs is not None and (type(theirs) is not type(ours) or theirs.shape != ours.shape):
            raise ConfigurationError(
                f"model with {part} {theirs}", f"the environment has {ours}", "make it with the keywords it learnt with"
            )
    if "deterministic" in inspect.signature(model.predict).parameters:
        return Model(model)
    # d3rlpy answers batches.
    return Asked(lambda observation, _: model.predict(np.asarray(observation)[None])[0], _nothing)


def _function(function: Callable[..., Any]) -> Callable[[Any, Mapping[str, Any]], Any]:
    """Return a function of observation and ``info``; one that can be called with the observation alone is."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return function
    except ValueError:  # built in, and says nothing of itself
        pass
    return lambda observation, _: function(observation)


def _nothing() -> None:
    """Carry nothing over."""
