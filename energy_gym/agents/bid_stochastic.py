"""Bids under uncertainty: one set of bids for several ways in which the coming days may turn out.

What is bid is planned as a producer plans that does not speculate. What has been bid is sold or bought: from then on a
deviation costs what its own price is expected to be, and storage is moved to where that is worth most, step by step.

One rule: what may come is the forecast, and the forecast with its own latest errors added, as known at the gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np

from energy_gym.agents.base import Callback
from energy_gym.agents.bid_deviations import FILE, Deviations, priced
from energy_gym.agents.bid_planning import BidPlanner
from energy_gym.agents.bidding import Bidder
from energy_gym.agents.mpc import Planner
from energy_gym.arrays import Floats
from energy_gym.bidding.env import ProducerEnv
from energy_gym.bidding.outlook import hedged_window, past_errors, planned_steps
from energy_gym.bidding.played import actions_of
from energy_gym.bidding.statement import Bids, BidWindow, state_window
from energy_gym.files import write_atomically
from energy_gym.oracle.model import ArrayModel
from energy_gym.scenario import Weights

DAYS = 9
"""Days whose errors are added to the forecast; with the forecast itself they are the scenarios."""


@dataclass
class StochasticPlanner(BidPlanner):
    """Two stages at each gate: bids that are due are the same in all scenarios, what follows is chosen in each.

    The storage's power and the supply of the running step are of the first stage too. Between gates it plans as
    `BidPlanner` does. All scenarios count alike.

    Args:
        deviations: What prices of deviations are expected to be; with it a plan is made anew at every step.
    """

    deviations: Deviations | None = None

    def __post_init__(self) -> None:
        """Plan at every step where what deviations cost changes with each."""
        super().__post_init__()
        if self.deviations is not None:
            self._every = 1

    def window(self) -> BidWindow:
        """See `BidPlanner.window`; deviations of what has been bid cost what is expected."""
        return self._expecting(super().window())

    def _expecting(self, window: BidWindow) -> BidWindow:
        """Return a window whose deviations cost what is expected where no bid is open."""
        if self.deviations is None:
            return window
        off = list(self.deviations.expected(self.env, len(window.unit)).values())
        price = window.markets[0].price
        over, under = np.minimum(off[0], off[-1]), np.maximum(off[0], off[-1])
        bid = np.all([market.slot < 0 for market in window.markets], axis=0)
        (short, dear), (surplus, cheap) = window.imbalance.items()
        told = {
            short: np.where(bid, price + under, dear),
            surplus: np.where(bid, price + over, cheap),
        }
        return replace(window, imbalance=told)

    def plan(self) -> Floats:
        """See `BidPlanner.plan`."""
        errors = past_errors(self.env, planned_steps(self.env), DAYS) if self.at_gate else []
        if not errors:
            return super().plan()
        hedged = (hedged_window(self.env, self.premium, error) for error in errors)
        windows = [self.window(), *(self._expecting(window) for window in hedged)]
        model = self._model(len(windows[0].unit))
        stated = [state_window(model, _share(window, len(windows)), whole=False) for window in windows]
        for other in stated[1:]:
            self._same_first_stage(model, stated[0], other)
        return actions_of(self.env.gates, windows[0], stated[0], model.solve().columns)

    def _model(self, size: int) -> ArrayModel:
        """See `BidPlanner._model`; rules that need a binary are kept in the steps that are played, else relaxed."""
        return ArrayModel(size, kept=np.arange(size) < self._every)

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

    ``fit`` learns what prices of deviations are expected to be, given the last ones that are known; without it a
    deviation is expected to cost what the first market's price and a premium are.

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
    deviations: Deviations | None = None

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        self.reset()

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """See `Agent.fit`; bands of deviations, which have no price of their own, are left as they are."""
        train = cast(ProducerEnv, self.played(source, episode_steps=None))
        self.deviations = Deviations.learnt(train) if priced(train) else None
        self.reset()
        return self

    def save(self, folder: str | Path) -> None:
        """See `Agent.save`."""
        super().save(folder)
        if self.deviations is not None:
            write_atomically(Path(folder) / FILE, self.deviations.write)

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        return {**super().parameters(), "deviations": self.deviations is not None}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.deviations = Deviations.read(folder / FILE) if parameters.get("deviations") else None
        self.reset()

    def reset(self) -> None:
        """Forget the plan."""
        self._planner: Planner = StochasticPlanner(self.env, self.deviations)

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        return self._planner.action(info)
