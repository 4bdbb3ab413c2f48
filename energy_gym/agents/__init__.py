"""Agents with one protocol: ``act(observation, info) -> action``, ``reset``, ``fit``, ``save`` and ``load``."""

from energy_gym.agents.base import Agent
from energy_gym.agents.registry import agent_ids, load_agent, make_agent

__all__ = ["Agent", "agent_ids", "load_agent", "make_agent"]
