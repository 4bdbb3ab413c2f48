"""How energy becomes money and emissions."""

from energy_gym.contracts.spot import Spot

__all__ = ["Spot"]
