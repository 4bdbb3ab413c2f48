"""Where ``record_expert`` is found beside the agents; it lives in `energy_gym.agents.records.experts`."""

from energy_gym.agents.records.experts import record_expert

__all__ = ["record_expert"]
