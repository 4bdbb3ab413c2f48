"""Baselines for fleets in reserve markets: bid what pays now, and follow a plan made on the forecast.

One rule: they read prices from the environment's own forecast, and calls at their typical share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.agents.expecting import expected_units
from energy_gym.arrays import Floats
from energy_gym.backends import scalars
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.oracle.solve import best_of_unit, by_unit
from energy_gym.oracle.statement import Goal
from energy_gym.reserve.laws import DOWN, UP, rooms_kwh
from energy_gym.reserve.unit import FleetUnit


class FleetGreedy(Agent):
    """Bids all it has where a kW earns most in the coming step, in the direction that earns more.

    What a kW earns is the payment for holding it, and for the energy it is expected to be called for, against what that
    energy is usually worth. The fleet's rated power is offered to the dearest market first.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/FleetReserve-v1", episode_steps=24)
        >>> observation, info = env.reset(seed=0)
        >>> FleetGreedy(env).act(observation, info).shape
        (5,)
    """

    name: ClassVar[str] = "greedy"
    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("fleet",)

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        unit: Any = expected_units(self.env, 1)[0]  # a fleet's, as `decides` says
        worth = worth_per_kw(unit, self.env.setup.continuation[0].left)
        ways = [_bid_way(unit, way, worth, self.env.states) for way in (UP, DOWN)]
        bids = max(ways, key=lambda way: way[1])[0]
        return self.env.setup.chosen(bids[None])[0]


def worth_per_kw(unit: FleetUnit, usual_per_mwh: float) -> Floats:
    """Return what a kW sold on each leg is expected to earn in the first step of a unit, shape (legs,) [currency].

    Args:
        unit: A fleet as it is expected.
        usual_per_mwh: What energy in store is usually worth [currency/MWh].
    """
    signs = np.array([leg.product.sign for leg in unit.legs])
    priced = np.array([leg.product.energy_price is not None for leg in unit.legs])
    drawn = signs * unit.shares[:, 0] * unit.hours
    energy = drawn * (usual_per_mwh - np.where(priced, unit.energy_prices[:, 0], 0.0))
    return np.asarray((unit.held_prices[:, 0] * unit.hours + energy) / KWH_PER_MWH)


def holdable_kw(unit: FleetUnit, leg: int, states: Sequence[float]) -> float:
    """Return the power that the fleet could hold for one leg alone with the energy it has [kW]."""
    total, way = 0.0, unit.ways[leg]
    for asset, energy in zip(unit.assets, states, strict=False):
        room = rooms_kwh(energy, asset.cell, scalars)[way]
        total += min(asset.limits_kw[leg], asset.rated_kw[way], room / asset.needs_kwh[leg])
    return total


def _bid_way(unit: FleetUnit, way: int, worth: Floats, states: Sequence[float]) -> tuple[Floats, float]:
    """Return the bids in one direction, the dearest market first up to the fleet's rated power, and their worth."""
    left = float(sum(asset.rated_kw[way] for asset in unit.assets))
    bids, total = np.zeros(unit.controls), 0.0
    count = unit.controls // len(unit.markets)
    for place in np.argsort(-worth).tolist():
        leg = unit.legs[place]
        if unit.ways[place] != way or worth[place] <= 0.0 or left <= 0.0:
            continue
        size = min(leg.product.maximum_kw, left)
        bids[leg.control * count : (leg.control + 1) * count] = leg.sign * size / leg.product.maximum_kw
        total += min(size, holdable_kw(unit, place, states)) * float(worth[place])
        left -= size
    return bids, total


class FleetFollow(Agent):
    """Plans once for as long as it can see, on the forecast alone, and follows the plan to its end.

    What the fleet really holds and is called for does not change the plan: the difference to ``mpc``, which plans anew
    at each step, is what feedback is worth.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/FleetReserve-v1", episode_steps=4, horizon=4)
        >>> observation, info = env.reset(seed=0)
        >>> FleetFollow(env).act(observation, info).shape
        (5,)
    """

    name: ClassVar[str] = "follow"
    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("fleet",)

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        self.reset()

    def reset(self) -> None:
        """Forget the plan."""
        self._plan: list[Any] = []

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        if not self._plan:
            self._plan = self._made()
        return self._plan.pop(0)

    def _made(self) -> list[Any]:
        setup, (now, stop) = self.env.setup, self.env.steps_left
        size = min(setup.tape.horizon, stop - now)
        closing = (setup.closings if now + size == stop else setup.continuation)[0]
        unit = expected_units(self.env, size)[0]
        best = best_of_unit(unit, by_unit(setup, self.env.states)[0], Goal(setup.weights, closing), setup.levels)
        return setup.chosen(best.wishes)
