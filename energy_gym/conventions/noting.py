"""What flows through each decision unit in a step, and what each of its entities could not do, noted as it is played.

One rule: units that are noted obey the laws of those they stand for; what is noted changes nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from energy_gym.backends import Namespace
from energy_gym.dynamics import REFUSED, Advance, Flow, compose
from energy_gym.entities import Flexible
from energy_gym.envs.env import EnergyEnv
from energy_gym.units import Unit, UnitLaws


class Notes:
    """The flows of the last step of an environment, unit by unit.

    Args:
        env: The environment; from now on its steps are noted.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1").unwrapped
        >>> notes = Notes(env)
        >>> observation, info = env.reset(seed=0)
        >>> observation, reward, terminated, truncated, info = env.step([1.0])
        >>> notes.refused_kwh[0] == info["cost"] == notes.short_kwh[0]
        True
    """

    def __init__(self, env: EnergyEnv) -> None:
        units = env.setup.units
        self.flows: list[Flow] = [()] * len(units)  # type: ignore[list-item]  # until the first step
        self._short: list[dict[int, float]] = [{} for _ in units]
        env.step_through([self._noted(place, unit) for place, unit in enumerate(units)])

    @property
    def refused_kwh(self) -> list[float]:
        """What each unit refused of what was asked of it [kWh]."""
        refused: list[Any] = [flow[REFUSED] for flow in self.flows]
        return refused

    @property
    def short_kwh(self) -> list[float]:
        """What of that its entities themselves refused, before any connection [kWh]."""
        return [sum(short.values(), 0.0) for short in self._short]

    def _noted(self, place: int, unit: Unit) -> Unit:
        """Return a unit whose flows are noted."""
        heard = self._heard(place, unit)

        def step(_: Any, xp: Namespace) -> Advance:
            advance = compose([heard], xp)

            def play(states: Any, wishes: Any, signals: Any) -> Flow:
                flow = self.flows[place] = advance(states, wishes, signals)
                return flow

            return play

        laws = UnitLaws(step) if unit.laws is None else unit.laws._replace(step=step)
        return replace(unit, laws=laws)

    def _heard(self, place: int, unit: Unit) -> Unit:
        """Return a unit whose entities note what they refuse; the one that is asked last in a step counts."""
        note = self._short[place]
        return replace(unit, flexibles=tuple(_heard(item, note, at) for at, item in enumerate(unit.flexibles)))


def _heard(flexible: Flexible, note: dict[int, float], place: int) -> Flexible:
    return replace(flexible, laws=flexible.laws._replace(settle=_noting(flexible.laws.settle, note, place)))


def _noting(settle: Callable[..., Any], note: dict[int, float], place: int) -> Callable[..., Any]:
    @functools.wraps(settle)
    def noted(*asked: Any) -> Any:
        settled = settle(*asked)
        note[place] = settled[2]
        return settled

    return noted
