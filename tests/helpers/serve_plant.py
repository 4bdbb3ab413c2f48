"""The commercial site as the tests of the service play it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

HOURS = 6


def commercial(**keywords: Any) -> Any:
    """Return the commercial site, looking a few hours ahead."""
    told = {"split": "test", "horizon": 4 * HOURS, "disable_env_checker": True, **keywords}
    return gym.make("energy_gym/Commercial-v1", **told).unwrapped
