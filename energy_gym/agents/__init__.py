"""Agents with one protocol: ``act(observation, info) -> action``, ``reset()``, ``save``, ``load`` and, where it means something, ``fit``."""

from energy_gym.agents.base import Agent
from energy_gym.agents.registry import agent_ids, make_agent

__all__ = ["Agent", "agent_ids", "make_agent"]
