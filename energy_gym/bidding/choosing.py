"""The bidding environments with discrete actions as well: ``actions="discrete-N"`` decides by `Choices`.

One rule: a choice becomes an action of the continuous environment, which plays it; nothing else differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from energy_gym.bidding.desk import Desk
from energy_gym.bidding.env import BiddingEnv
from energy_gym.bidding.oracle import replay
from energy_gym.bidding.setup import BiddingSetup
from energy_gym.bidding.vector_env import BiddingVectorEnv
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.oracle.solution import Solution

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ChoiceSolution(Solution):
    """The best choices found, with the optimum over all bids and powers beside them."""

    freely: Solution = field(kw_only=True, repr=False)

    @property
    def physical(self) -> Solution:
        """See `Solution.physical`."""
        return self.freely


class ChoosingEnv(BiddingEnv):
    """A producer whose actions are continuous, or choices; keywords as for `BiddingEnv`."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        if self.setup.levels is not None:
            self.action_space = spaces.Discrete(len(self.setup.levels))

    @classmethod
    def batch_class(cls) -> type[EnergyVectorEnv]:
        """See `EnergyEnv.batch_class`."""
        return ChoosingVectorEnv

    def chosen(self, entries: Floats) -> Any:
        """Return the action that plays entries of shape (controls,), or the choice that comes nearest to them."""
        return entries if self.setup.levels is None else _nearest(self.desk, entries)

    def own_optimum(self, time_limit: float | None = None) -> Solution:
        """See `BiddingEnv.own_optimum`; of choices, those that come nearest to the optimum, bracketed by its bound."""
        found: Solution = super().own_optimum(time_limit)
        return found if self.setup.levels is None else _by_choice(self.desk, found)

    def _numbers(self, action: Any) -> Floats:
        if self.setup.levels is None:
            return super()._numbers(action)
        choices, now = self.setup.choices, np.array([self.desk.t])
        offered = [part[None] for part in _offered(self.desk)]
        meant: Floats = choices.entries(choices.checked(action, 1), now, offered)[0]
        return meant


class ChoosingVectorEnv(BiddingVectorEnv):
    """A batch of `ChoosingEnv`."""

    def __init__(self, num_envs: int = 1, **keywords: Any) -> None:
        super().__init__(num_envs, **keywords)
        if self.setup.levels is not None:
            self.single_action_space = spaces.Discrete(len(self.setup.levels))
            self.action_space = batch_space(self.single_action_space, self.num_envs)

    def _numbers(self, actions: Any) -> Floats:
        if self.setup.levels is None:
            return super()._numbers(actions)
        choices = self.setup.choices
        return choices.entries(choices.checked(actions, self.num_envs), self._t, self._offers.ahead)


def _offered(desk: Desk) -> list[Floats]:
    """Return what is offered in each market for the running and the coming steps, each of shape (ahead,) [kW]."""
    return [desk.offered(place, book.ahead)[0] for place, book in enumerate(desk.setup.timetable.books)]


def _nearest(desk: Desk, entries: Floats) -> int:
    return desk.setup.choices.nearest(entries, desk.t, _offered(desk))


def _by_choice(desk: Desk, best: Solution) -> ChoiceSolution:
    """Return the choices that come nearest to a plan, step by step, and what they earn."""
    setup: BiddingSetup = desk.setup
    at, numbers, meant = desk.copy(), [], []
    for entries in best.actions:
        numbers.append(_nearest(at, entries))
        offered = [part[None] for part in _offered(at)]
        meant.append(setup.choices.entries(np.array(numbers[-1:]), np.array([at.t]), offered)[0])
        at.play(meant[-1])
    plan = replay(desk, np.array(meant))
    status = "bracketed (nearest choices to the MILP)"
    own = replace(best, value=plan.value, actions=numbers, status=status, plan=plan)  # type: ignore[arg-type]  # alike
    return ChoiceSolution(**vars(own), freely=best)
