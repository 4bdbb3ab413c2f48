"""Bids under uncertainty: one set of bids for several ways in which the coming days may turn out.

One rule: what may come is the forecast, and the forecast with its own latest errors added, as known at the gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.bid_planning import BidPlanner
from energy_gym.agents.bidding import Bidder
from energy_gym.agents.mpc import Planner
from energy_gym.arrays import Floats
from energy_gym.bidding.env import ProducerEnv
from energy_gym.bidding.oracle import actions_of
from energy_gym.bidding.outlook import hedged_window, past_errors, planned_steps
from energy_gym.bidding.statement import Bids, BidWindow, state_window
from energy_gym.oracle.model import ArrayModel
from energy_gym.scenario import Weights

DAYS = 9
"""Days whose errors are added to the forecast; with the forecast itself they are the scenarios."""


@dataclass
class StochasticPlanner(BidPlanner):
    """Two stages at each gate: bids that are due are the same in all scenarios, what follows is chosen in each.

    The storage's power and the supply of the running step are of the first stage too. Between gates it plans as
    `BidPlanner` does. All scenarios count alike.
    """

    def plan(self) -> Floats:
        """See `BidPlanner.plan`."""
        errors = past_errors(self.env, planned_steps(self.env), DAYS) if self.at_gate else []
        if not errors:
            return super().plan()
        windows = [self.window(), *(hedged_window(self.env, self.premium, error) for error in errors)]
        model = ArrayModel(len(windows[0].unit))
        stated = [state_window(model, _share(window, len(windows)), whole=False) for window in windows]
        for other in stated[1:]:
            self._same_first_stage(model, stated[0], other)
        return actions_of(self.env.gates, windows[0], stated[0], model.solve().columns)

    def _same_first_stage(self, model: ArrayModel, one: Bids, other: Bids) -> None:
        """State that two scenarios share the bids that are due, and what is done in the running step."""
        now = np.array([0])
        model.equal(one.shift[now], other.shift[now])
        flows, twin_flows = ((*bids.stated.drawn, *bids.stated.given) for bids in (one, other))
        for flow, twin in zip(flows, twin_flows, strict=True):
            model.equal(flow[now], twin[now])
        for volumes, twins, due in zip(one.volumes, other.volumes, self._due_slots(), strict=True):
            if volumes.bid is not None:
                first = np.arange(min(due, len(volumes.bid)))
                model.equal(volumes.bid[first], twins.bid[first])

    def _due_slots(self) -> Sequence[int]:
        """Return how many slots each market commits now; they are the first open ones of the window."""
        now = self.env.steps_left[0]
        return [int(-(-book.count[now] // book.slot_steps)) for book in self.env.setup.timetable.books]


def _share(window: BidWindow, count: int) -> BidWindow:
    """Return a window that counts as one of so many."""
    weights = Weights(*(weight / count for weight in window.goal.weights))
    return replace(window, goal=replace(window.goal, weights=weights))


class BidStochastic(Bidder):
    """Two-stage stochastic programming: bids that are best on average over the forecast and its latest errors.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Bidding-v1", episode_steps=48)
        >>> observation, info = env.reset(options={"start": "2020-06-10T10:00Z"})
        >>> BidStochastic(env).act(observation, info).shape
        (27,)
    """

    name: ClassVar[str] = "bid-stochastic"
    kinds: ClassVar[tuple[str, ...]] = ("continuous", "discrete")
    env: ProducerEnv

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        self.reset()

    def reset(self) -> None:
        """Forget the plan."""
        self._planner: Planner = StochasticPlanner(self.env)

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        return self._planner.action(info)
