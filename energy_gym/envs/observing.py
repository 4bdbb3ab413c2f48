"""What is observed at a step; one rule: a row that was laid out before, and the states as they are then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from energy_gym.tape import State

Observation = npt.NDArray[np.float32]


def observer(rows: Any, states: tuple[State, ...]) -> Callable[[int, tuple[float, ...]], Observation]:
    """Return a function from a step and the states then to what is observed, shape (slots,).

    Args:
        rows: What is observed at each step but for the states: a list, or what lays one out when it is asked for.
        states: The states that are observed.
    """
    spans = [(slot, state.place, state.offset, state.scale, state.top) for slot, state in enumerate(states)]

    def observe(t: int, now: tuple[float, ...]) -> Observation:
        observation = rows[t].copy()
        for slot, place, offset, scale, top in spans:
            share = (now[place] - offset) / scale
            observation[slot] = share if 0.0 < share <= top else (0.0 if share <= 0.0 else top)
        return observation

    def observe_battery(t: int, now: tuple[float, ...]) -> Observation:
        observation = rows[t].copy()
        soc = now[0] / capacity
        observation[0] = soc if 0.0 < soc <= 1.0 else (0.0 if soc <= 0.0 else 1.0)
        return observation

    if [span[:3] + span[4:] for span in spans] != [(0, 0, 0.0, 1.0)]:
        return observe
    capacity = spans[0][3]
    return observe_battery
