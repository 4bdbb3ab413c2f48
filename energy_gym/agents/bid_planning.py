"""Plans of a producer: the oracle's problem on what is known now, made anew at each gate and at least every hour.

One rule: a plan knows what the environment's forecast, its calendar and its own bids say, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.bidding.env import ProducerEnv
from energy_gym.bidding.outlook import hedged_window
from energy_gym.bidding.played import actions_of
from energy_gym.bidding.statement import BidWindow, state_window
from energy_gym.bidding.windows import actual_window
from energy_gym.oracle.model import ArrayModel

PREMIUM = 0.1
"""What a deviation is expected to cost, in units of the spread of the first market's price."""


@dataclass
class BidPlanner:
    """Plans with bids of any size, which the environment rounds to ticks; between plans the last one is played.

    It does not speculate: a deviation is expected to cost a tenth of the price's usual spread, either way (see
    `energy_gym.bidding.outlook.hedged_window`).

    Args:
        env: The environment, whose forecast and state are read at each call.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Bidding-v1", episode_steps=24).unwrapped
        >>> observation, info = env.reset(options={"start": "2020-06-01T10:00Z"})
        >>> BidPlanner(env).action().shape
        (27,)
    """

    env: ProducerEnv
    _plan: Floats = field(default_factory=lambda: np.zeros((0, 0)), init=False)
    _made: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        setup = self.env.setup
        self._every = max(round(1.0 / setup.feed.step_hours), 1)
        self.premium = PREMIUM * setup.feed.statistics[setup.trading.markets[0].price].scale

    def action(self, info: Mapping[str, Any] | None = None) -> Any:
        """Return the action for the coming step: entries of shape (controls,), or the choice nearest to them.

        ``info`` says nothing that it needs.
        """
        now = self.env.steps_left[0]
        if self.at_gate or not 0 <= now - self._made < min(self._every, len(self._plan)):
            self._plan, self._made = self.plan(), now
        return self.env.gates.chosen(self._plan[now - self._made])

    @property
    def at_gate(self) -> bool:
        """Whether bids are due now."""
        return bool(self.env.gates.due[len(self.env.setup.flexibles) + 1 :].any())

    def window(self) -> BidWindow:
        """Return the coming steps as they are planned for."""
        return hedged_window(self.env, self.premium)

    def _model(self, size: int) -> ArrayModel:
        """Return an empty model of a window."""
        return ArrayModel(size)

    def plan(self) -> Floats:
        """Return the best actions on what is known now, as far as the look-ahead goes, shape (steps, controls)."""
        window = self.window()
        model = self._model(len(window.unit))
        bids = state_window(model, window, whole=False)
        return actions_of(self.env.gates, window, bids, model.solve().columns)


@dataclass
class BidForesight(BidPlanner):
    """The same over what will really happen, as far as it is looked ahead: an expert, not a competitor.

    Args:
        env: The environment.
        ahead: Steps looked ahead; at least as far as bids reach.
    """

    ahead: int = 0

    def window(self) -> BidWindow:
        """See `BidPlanner.window`."""
        return actual_window(self.env.gates, self.env.states, max(self.ahead, self.env.setup.timetable.ahead))
