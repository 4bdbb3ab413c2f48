"""Learning to optimise: the agent, its network and planner, the windows it learns from and its training."""

from energy_gym.agents.l2o.agent import L2O

__all__ = ["L2O"]
