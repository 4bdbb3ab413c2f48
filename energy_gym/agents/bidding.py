"""Rules for ``energy_gym/Bidding-v1``: bid the forecast, greedy, and storage split.

One rule: they know what the environment's forecast, its calendar and their own bids say, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.base import Agent
from energy_gym.arrays import Floats
from energy_gym.bidding import outlook
from energy_gym.bidding.env import ProducerEnv
from energy_gym.contracts.market import Ahead

SPLIT = 0.5
"""Share of the storage's power that the storage split plans ahead; the rest balances."""


class Bidder(Agent):
    """An agent for a producer."""

    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("bids",)
    kinds: ClassVar[tuple[str, ...]] = ("continuous",)
    preferred_actions: ClassVar[str] = "continuous"
    env: ProducerEnv

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        action = np.zeros(self.env.setup.controls)
        self._use_storage(action)
        if self.env.gates.due[len(self.env.setup.flexibles) + 1 :].any():
            self._bid(action)
        return action

    def _use_storage(self, action: Floats) -> None:
        """Write what the storage does; by default nothing."""

    def _bid(self, action: Floats) -> None:
        """Write the bids that are due."""
        wanted = self._wanted()
        for place in range(len(self.env.setup.timetable.books)):
            outlook.write_bids(self.env, place, self._volumes(place, wanted), action)

    def _wanted(self) -> Floats:
        """Return what is to be bid in all markets by step of the look-ahead, less what is offered [kW]."""
        return 0.0 - outlook.surplus_kw(self.env) - outlook.offered_kw(self.env)

    def _volumes(self, place: int, wanted: Floats) -> Floats:
        """Return what a market is bid by step of the look-ahead [kW]."""
        return wanted


class BidForecast(Bidder):
    """Bids what is forecast to be left, or missing, once the consumer is served; the storage rests.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Bidding-v1", episode_steps=24)
        >>> observation, info = env.reset(options={"start": "2020-06-01T10:00Z"})
        >>> int((BidForecast(env).act(observation, info) != 0.0).sum())
        24
    """

    name: ClassVar[str] = "bid-forecast"


class BidGreedy(Bidder):
    """Serves the contract and sells the rest where its forecast price is highest (EnCortex, section 7.2).

    A slot's surplus is offered at a gate if no later market, nor the deviation's price of a surplus, is expected to pay
    more. Nothing is bought.
    """

    name: ClassVar[str] = "bid-greedy"

    def _volumes(self, place: int, wanted: Floats) -> Floats:
        setup, ahead = self.env.setup, self.env.outlook()
        markets = setup.trading.markets
        rivals = [outlook.surplus_price(setup, ahead)]
        if not isinstance(markets[place].delivers, Ahead):
            rivals += [ahead[market.price] for market in markets if isinstance(market.delivers, Ahead)]
        best = ahead[markets[place].price] >= np.max(rivals, axis=0)
        return np.where(best, np.minimum(wanted, 0.0), 0.0)


class BidSplit(Bidder):
    """Splits the storage: half its power moves energy from tomorrow's cheap hours to its dear ones, half balances.

    The plan is made at the day-ahead gate on the forecast prices and is part of the bids; from then on the storage
    follows it, and what power is left makes up for what the forecast got wrong.
    """

    name: ClassVar[str] = "bid-split"

    def reset(self) -> None:
        """Forget the plan."""
        self._plan: dict[int, float] = {}

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        self.reset()

    def _wanted(self) -> Floats:
        starts, size = outlook.due_slots(self.env, 0)
        if len(starts):
            self._schedule(int(starts[0]), int(starts[-1]) + size)
        now, wanted = self.env.steps_left[0], super()._wanted()
        return wanted + np.array([self._plan.get(now + step, 0.0) for step in range(len(wanted))])

    def _schedule(self, first: int, stop: int) -> None:
        """Plan to charge in the cheapest steps and to give in the dearest, as many as half the store lasts [kW]."""
        storage, setup = self.env.setup.flexibles[0], self.env.setup
        price = self.env.outlook()[setup.trading.markets[0].price][first:stop]
        cell, hours = storage.cell, setup.feed.step_hours
        room = (cell.energy_max - cell.energy_min) * SPLIT
        count = int(room // (SPLIT * float(storage.draw_kwh) * cell.efficiency_charge))
        order, now = np.argsort(price, kind="stable"), self.env.steps_left[0]
        count = min(count, len(order) // 2)
        back = cell.efficiency_charge * cell.efficiency_discharge
        cheap, dear = order[:count], order[len(order) - count :]
        if not count or price[dear].mean() * back <= price[cheap].mean():
            return
        charge = SPLIT * float(storage.draw_kwh) / hours
        self._plan |= {now + first + int(step): charge for step in cheap}
        self._plan |= {now + first + int(step): -charge * back for step in dear}

    def _use_storage(self, action: Floats) -> None:
        setup, now = self.env.setup, self.env.steps_left[0]
        storage, hours = setup.flexibles[0], setup.feed.step_hours
        planned = self._plan.get(now, 0.0)
        offered, expected = outlook.offered_kw(self.env)[0], 0.0 - outlook.surplus_kw(self.env)[0]
        spare = SPLIT * min(float(storage.draw_kwh), float(storage.give_kwh)) / hours
        balance = 0.0 if offered == 0.0 else float(np.clip(offered - expected - planned, -spare, spare))
        power = planned + balance
        rated = float(storage.draw_kwh if power > 0.0 else storage.give_kwh) / hours
        action[0] = float(np.clip(power / rated, -1.0, 1.0))
