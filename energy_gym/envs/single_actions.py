"""What the action of a single environment asks for: shares of rated power, as floats.

One rule: what is no number, no level or not finite is refused; what is beyond rated power is cut, and told.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from energy_gym.envs.setup import Setup
from energy_gym.errors import ActionError

Read = Callable[[Any, int], tuple[tuple[float, ...], float]]


def reader(setup: Setup, *, discrete: bool = True) -> Read:
    """Return how actions are read: ``(action, step)`` to shares of rated power and the energy that a cut refuses [kWh].

    The shares are cut to [-1, 1]. The function raises ActionError where an action is not a finite number, or not one of
    the discrete actions. Which of three ways is found once: it is called at every step.

    Args:
        setup: What is played.
        discrete: Whether numbers of levels are read where the setup has levels; else shares are.
    """
    actions = SingleActions(setup, discrete=discrete)
    if setup.controls != 1 or setup.choices is not None:
        return actions.several
    level, cut = actions.level, actions.cut
    if discrete and setup.levels is not None:
        return lambda action, _: ((level(action),), 0.0)

    def share(action: Any, step: int) -> tuple[tuple[float, ...], float]:
        try:
            wish = float(action.item() if isinstance(action, np.ndarray) else np.asarray(action, dtype=float).item())
        except (TypeError, ValueError, AttributeError) as error:
            raise ActionError(f"action={action!r}", "must be one number", "pass an array of shape (1,)") from error
        return ((wish,), 0.0) if -1.0 <= wish <= 1.0 else cut((wish,), action, step)

    return share


class SingleActions:
    """What numbers of levels and several controls ask for; `reader` says what is read how.

    Args:
        setup: What is played.
        discrete: See `reader`.
    """

    def __init__(self, setup: Setup, *, discrete: bool = True) -> None:
        self._flexibles = setup.flexibles
        self._chosen = setup.choices is not None
        levels: Any = setup.levels if setup.choices is None else list(map(tuple, setup.choices.tolist()))
        self._levels = levels if discrete else None

    def level(self, action: Any) -> Any:
        """Return what a number means: the share of a control, or those of all of them."""
        levels = self._levels or ()
        try:
            index = operator.index(action)
        except TypeError:
            index = _only_index(action)
        if 0 <= index < len(levels):
            return levels[index]
        raise ActionError(f"action={index}", f"must be one of 0 to {len(levels) - 1}", "pass an int of that range")

    def several(self, action: Any, step: int) -> tuple[tuple[float, ...], float]:
        """Read an action of several controls."""
        if self._chosen:
            return self.level(action), 0.0
        controls = len(self._flexibles)
        try:
            wishes = np.asarray(action, dtype=float).ravel().tolist()
        except (TypeError, ValueError) as error:
            raise ActionError(
                f"action={action!r}", "must be numbers", f"pass an array of shape ({controls},)"
            ) from error
        if len(wishes) != controls:
            raise ActionError(f"action={action!r}", f"must be {controls} numbers", "pass one for each control")
        if self._levels is not None:
            return tuple(self.level(wish if wish % 1.0 else int(wish)) for wish in wishes), 0.0
        return self.cut(tuple(wishes), action, step)

    def cut(self, wishes: tuple[float, ...], action: Any, step: int) -> tuple[tuple[float, ...], float]:
        """Return the wishes cut to [-1, 1], and the energy that the cut refuses [kWh]."""
        cut, excess = [], 0.0
        for wish, flexible in zip(wishes, self._flexibles, strict=True):
            if not math.isfinite(wish):
                raise ActionError(f"action={action!r}", "must be finite", "pass numbers in [-1, 1]")
            if abs(wish) > 1.0:
                draw, give = flexible.rated(step)
                excess += (abs(wish) - 1.0) * float(draw if wish > 0.0 else give)
            cut.append(min(max(wish, -1.0), 1.0))
        return tuple(cut), excess


def _only_index(action: Any) -> int:
    """Return the one whole number that an array holds, or raise ActionError."""
    try:
        return operator.index(np.asarray(action).item())
    except (TypeError, ValueError) as error:
        raise ActionError(f"action={action!r}", "must be a whole number", "pass an int of the action space") from error
