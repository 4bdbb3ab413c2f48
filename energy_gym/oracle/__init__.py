"""The proven optimum of an episode: exact algorithms for one storage, a MILP as arrays, and the same model in Pyomo."""

from energy_gym.oracle.solution import Solution
from energy_gym.oracle.solve import solve

__all__ = ["Solution", "solve"]
