"""Where the agent ``Behaviour`` is found beside the others; it lives in `energy_gym.agents.records.behaviour`."""

from energy_gym.agents.records.behaviour import Behaviour

__all__ = ["Behaviour"]
