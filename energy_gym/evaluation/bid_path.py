"""The path that prices of deviations took, as the law that ``bid-stochastic`` fitted sees it, and the best on it.

With p for the price of the market, q for that of a deviation, c for what was bid for a step, n for what is metered, E
for what q was expected to be as the step was decided, and G for how far above p it was expected at the gate,

    money of a step, as it came:          (q - p) c - q n
    without what nobody could expect:      G c      - E n

The difference is zero on average under the law, whatever is bid at the gate and moved in the step. Of what is metered
only what the producer moves counts: what is generated and consumed is settled at q either way. Where a shortage and a
surplus have prices of their own, both are replaced, and what they missed is taken not to hang together with what the
forecast of generation missed.

One rule: load, generation and the market's own price are seen by the best on a path; only deviations lose their
surprise, so that it lies above what an agent earns that knows none of them.

Source:
    Brown, Smith and Sun, Information relaxations and duality in stochastic dynamic programs, Operations Research 58(4),
    2010.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from energy_gym.agents.bid_deviations import Deviations, priced
from energy_gym.arrays import Floats, Ints
from energy_gym.backends import arrays
from energy_gym.bidding.env import ProducerEnv
from energy_gym.bidding.oracle import DEFAULT_SECONDS, replay_bids
from energy_gym.bidding.played import actions_of
from energy_gym.bidding.statement import BidWindow, nonconvex, state_window
from energy_gym.bidding.windows import actual_window
from energy_gym.contracts.clearing import PriceTaker
from energy_gym.contracts.spot import energy_cost
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.model import ArrayModel


@dataclass(frozen=True)
class BidPath:
    """The rest of a producer's episode as it came, and what was expected of it.

    Args:
        env: The environment.
        came: The rest of the episode.
        price: What prices of deviations were expected to be as each step was decided, shape (columns, T).
        distance: How far from the market's price they were expected at the gate of the step, shape (columns, T).
    """

    env: ProducerEnv
    came: BidWindow
    price: Floats
    distance: Floats

    @classmethod
    def of(cls, env: ProducerEnv, law: Deviations) -> Self:
        """Return the rest of an episode as a law sees it; see `check_bids`."""
        came, (first, stop) = actual_window(env.gates, env.states), env.steps_left
        steps, market = np.arange(first, stop), came.markets[0]
        gates = np.where(market.slot >= 0, _gates(env), steps)
        now, then = (law.foreseen(env, made, steps - made) for made in (steps, gates))
        return cls(env, came, market.price + np.stack([*now.values()]), np.stack([*then.values()]))

    def relaxed(self, share: float) -> BidWindow:
        """Return the rest of the episode with a share of what nobody could expect taken off its prices."""
        came, market = self.came, self.came.markets[0]
        actual = np.stack([*came.imbalance.values()])
        told = actual + share * (self.price - actual)
        if len(told) > 1:
            # A shortage never costs less than a surplus earns, whatever a law says.
            told = np.sort(told, axis=0)[::-1]
        off = actual - market.price + share * (self.distance - actual + market.price)
        bid = np.where(market.slot >= 0, (told - off).mean(axis=0), market.price)
        imbalance = dict(zip(came.imbalance, told, strict=True))
        return replace(came, markets=(market._replace(price=bid),), imbalance=imbalance)

    def bound_by_day(self, share: float, marks: Sequence[int]) -> list[float]:
        """Return what each day adds to the bound [reward units]; sizes of bids are any.

        Args:
            share: Share of what nobody could expect that is taken off.
            marks: The first step of each day.
        """
        window, gates = self.relaxed(share), self.env.gates
        model = ArrayModel(len(window.unit), likely=nonconvex(window))
        bids = state_window(model, window, whole=False)
        answer = model.solve(DEFAULT_SECONDS)
        plan = replay_bids(gates, self.env.states, actions_of(gates, window, bids, answer.columns))
        committed = bids.volumes[0].taken.value(answer.columns) * window.unit.hours
        metered = bids.stated.net.value(answer.columns)
        idle = self.came.markets[0].fixed_kw * window.unit.hours - window.unit.fixed_kwh
        still = self._more(window, np.zeros_like(idle), idle)
        moved = self._more(window, committed, committed - metered) - still
        daily = np.add.reduceat(plan.steps[:, -1] + moved, marks)
        bound = answer.bound - float(still.sum())
        found: list[float] = (daily + (bound - daily.sum()) / len(marks)).tolist()
        return found

    def _more(self, window: BidWindow, committed: Floats, surplus: Floats) -> Floats:
        """Return by how much more a step earns at the prices of a window than at those that came, shape (T,)."""
        hours, settled = window.unit.hours, window.trading.deviation
        here, there = (
            energy_cost(committed, one.markets[0].price) + settled.cost(surplus, one.imbalance, hours, arrays)
            for one in (window, self.came)
        )
        return np.asarray(window.goal.weights.money * (there - here))


def check_bids(env: ProducerEnv) -> None:
    """Raise ConfigurationError where surprises cannot be taken off the prices of deviations."""
    trading = env.setup.trading
    rules = {
        "several markets": ("have prices that the law of deviations does not tell", len(trading.markets) == 1),
        "bids with limit prices": ("hang on a price that their gate does not know", not trading.priced),
        "bids that move the price": ("are not settled at the price that came", isinstance(trading.impact, PriceTaker)),
        "deviations without a price known later": ("leave nothing that nobody could expect", priced(env)),
        "an objective without money": ("leaves bids nothing to earn", env.setup.weights.money > 0.0),
    }
    for found, (rule, kept) in rules.items():
        if not kept:
            raise ConfigurationError(found, rule, "compare with energy_gym.solve(env)")


def _gates(env: ProducerEnv) -> Ints:
    """Return the step of the split at which bids for each coming step are due; those due before count as due now."""
    (first, stop), book = env.steps_left, env.setup.timetable.books[0]
    found = np.full(stop - first, first, dtype=np.int64)
    for gate in np.flatnonzero(book.count[first:stop]) + first:
        begin = int(book.first[gate]) - first
        found[begin : begin + int(book.count[gate])] = gate
    return found
