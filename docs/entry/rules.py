"""An entry's own code: a class that is made with the environment and a seed, and decides on what it observes."""

from __future__ import annotations

import math
from typing import Any


class NightCharger:
    """Charges at night, gives out in the evening.

    Args:
        env: The environment; its layout says what stands where in an observation.
        seed: Seed of what an agent draws; this one draws nothing.
    """

    def __init__(self, env: Any, seed: int) -> None:
        names = [slot.name for slot in env.unwrapped.layout]
        self.clock = names.index("sin(hour_of_day)"), names.index("cos(hour_of_day)")

    def reset(self) -> None:
        """Carry nothing over from episode to episode."""

    def act(self, observation: Any, info: Any) -> list[float]:
        """Return a share of rated power: above zero charges."""
        sine, cosine = (float(observation[place]) for place in self.clock)
        hour = round(math.atan2(sine, cosine) / (2.0 * math.pi) * 24.0) % 24
        return [1.0 if 1 <= hour < 5 else -1.0 if 17 <= hour < 21 else 0.0]
