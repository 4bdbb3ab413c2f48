"""One battery at a price that is not known in advance: what its energy is worth, step by step, and what to do with it.

The cost-to-go is worked out whenever further prices are published, back from the last step of which anything is known;
beyond that nothing is assumed but what a kWh was worth at that hour in the training split. Each decision then is one
step of look-ahead.

One rule: prices are read up to what their publication rule says is known, nowhere beyond.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.contracts import spot
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.data.feed import FORECAST_PREFIX, Feed
from energy_gym.data.price_law import Whole
from energy_gym.envs.assembly import table_names
from energy_gym.envs.env import EnergyEnv
from energy_gym.forecast.error_chain import Bins, ErrorChain
from energy_gym.forecast.publication import known_until
from energy_gym.oracle.marginal import NEVER, EnergyGrid, counted
from energy_gym.oracle.problem import is_battery
from energy_gym.units import Unit

CELLS = 108
Slopes = Floats


@dataclass(frozen=True)
class Prices:
    """The price of a feed over its split, what was expected of it, and up to where each is known.

    Args:
        feed: The series.
        column: The price.
        actual: What it was, shape (T,) [currency/MWh].
        expected: What was published of it before, or was usual, shape (T,).
        known: Steps of which the actual price is known at the start of each, shape (T + 1,), counted from the split's.
        expecting: The same of what is expected.
        hours: Local hour of each step, shape (T + 1,).
    """

    feed: Feed
    column: str
    actual: Floats
    expected: Floats
    known: Whole
    expecting: Whole
    hours: Whole

    @property
    def sure(self) -> bool:
        """Whether the price itself is known in advance, so that it has no errors."""
        return self.expected is self.actual

    @property
    def at_start(self) -> bool:
        """Whether the price of a step is known when it begins."""
        return bool((self.known[:-1] > np.arange(len(self.known) - 1)).all())


def prices_of(env: EnergyEnv, usual: Floats | None = None) -> Prices:
    """Return the price of an environment as an agent may know it.

    Args:
        env: The environment.
        usual: Usual price of each hour, shape (24,), for what nothing is published of.
    """
    feed, column = env.setup.feed, table_names(env.setup.sites[0])[0]
    first, stop = feed.first, feed.stop
    hours = feed.span(first, stop + 1).tz_convert(feed.zone).hour.to_numpy().astype(np.int64)
    actual = feed.values[column][first:stop]
    known = known_until(feed.published[column], feed, first, stop + 1) - first
    twin = FORECAST_PREFIX + column
    if twin in feed.values:
        expecting = known_until(feed.published[twin], feed, first, stop + 1) - first
        return Prices(feed, column, actual, feed.values[twin][first:stop], known, expecting, hours)
    if (known[:-1] > np.arange(1, len(known))).any():
        return Prices(feed, column, actual, actual, known, known, hours)
    profile = np.full(24, feed.usual_value(column)) if usual is None else usual
    day = round(2 * HOURS_PER_DAY / feed.step_hours)
    expecting = (np.arange(len(known), dtype=np.int64) // day + 1) * day
    return Prices(feed, column, actual, profile[hours[:-1]], known, expecting, hours)


def usual_prices(env: EnergyEnv) -> Floats:
    """Return the mean price of each local hour over the split of an environment, shape (24,) [currency/MWh]."""
    prices = prices_of(env)
    found = np.full(24, float(prices.actual.mean()))
    for hour in np.unique(prices.hours[:-1]).tolist():
        found[hour] = prices.actual[prices.hours[:-1] == hour].mean()
    return found


def fitted_chain(env: EnergyEnv, usual: Floats, bins: Bins) -> ErrorChain:
    """Return the chain of what prices missed over the split of an environment."""
    prices = prices_of(env, usual)
    if prices.sure:
        return ErrorChain.known()
    return ErrorChain.fit(prices.actual, prices.expected, prices.hours[:-1], prices.feed.step_hours, bins)


def suits(unit: Unit) -> bool:
    """Return whether a unit is one battery without standby losses at a meter with one price."""
    bare = replace(unit, flexibles=tuple(item.bare for item in unit.flexibles))
    plain = len(bare.flexibles) == 1 and bare.plain and bare.usual is None and bare.buy is bare.sell
    return plain and is_battery(bare.flexibles[0]) and bare.flexibles[0].cell.keep == 1.0


class MarketPlanner:
    """What energy is worth in each step that is known of, by the state of the price; made anew as more is published.

    Args:
        env: The environment.
        chain: The chain of the errors of its price.
        usual: Usual price of each hour, shape (24,).
        cells: Cells of the grid of energies.
    """

    def __init__(self, env: EnergyEnv, chain: ErrorChain, usual: Floats, cells: int = CELLS) -> None:
        self.env, self.chain = env, chain
        self.prices = prices_of(env, usual)
        # Half the digits, twice the speed: what a kWh is worth need not be known to a millionth.
        self._matrices = chain.matrices.astype(np.float32)
        self.grid = EnergyGrid.of(counted(env.setup.flexibles[0].bare.cell, env.setup.weights), cells)
        self.restart()

    def restart(self) -> None:
        """Forget the episode."""
        self._until = self._first = self._seen = -1
        self._slow, self._state = 0.0, 0
        self._worths: list[Slopes] = []
        self._costs: list[Floats] = []

    def share(self, energy_kwh: float) -> float:
        """Return the share of rated power to ask for now, given what is stored [kWh]."""
        step, _ = self.env.steps_left
        if self._seen < 0:
            self._catch_up(step)
        self._look(step)
        if self._until != self._end(step):
            self._plan(step)
        at = step - self._first
        price = float(self._costs[at][self._state])
        if self.prices.at_start:
            price = spot.energy_cost(1.0, float(self.prices.actual[step]))
        wanted = self.grid.target(self._worths[at][self._state], price, energy_kwh) - energy_kwh
        cell = self.env.setup.flexibles[0].bare.cell
        if wanted > 0.0:
            return min(wanted / (cell.charge_kwh * cell.efficiency_charge), 1.0)
        return max(wanted * cell.efficiency_discharge / cell.discharge_kwh, -1.0)

    def _end(self, step: int) -> int:
        """Return up to where prices are expected at a step."""
        return int(min(max(self.prices.expecting[step], step + 1), self.env.steps_left[1], len(self.prices.actual)))

    def _catch_up(self, step: int) -> None:
        """Take in the errors of the steps before an episode, as far as its split goes back."""
        memory = min(step, 4 * round(1.0 / self.chain.forgets))
        self._seen = step - memory - 1

    def _look(self, step: int) -> None:
        """Take in the prices that have become known."""
        prices, chain = self.prices, self.chain
        for at in range(self._seen + 1, int(min(prices.known[step], step + 1))):
            if not prices.sure:
                error = float(chain.errors(prices.actual[at], prices.expected[at]))
                self._slow += chain.forgets * (min(max(error, chain.limits[0]), chain.limits[1]) - self._slow)
                self._state = chain.state(error, self._slow, int(prices.hours[at]))
            self._seen = at

    def _plan(self, step: int) -> None:
        """Work out what energy is worth after each step from here to the last of which anything is known."""
        self._first, self._until = step, self._end(step)
        worth: Any = np.repeat(self._closing()[None].astype(np.float32), self.chain.states, axis=0)
        self._worths, self._costs = [], []
        back = self._back_at_start if self.prices.at_start or self.prices.sure else self._back_after
        for at in range(self._until - 1, step - 1, -1):
            worth = back(at, worth)
        self._worths.reverse()
        self._costs.reverse()

    def _closing(self) -> Floats:
        """Return what a kWh is worth where nothing more is known: the mean of the training part, or how it is settled.

        Shape (cells,). Storage that must end as it began is worth whatever it takes below that level, nothing above.
        """
        setup, grid = self.env.setup, self.grid
        ends = self._until == self.env.steps_left[1]
        closing = (setup.closings if ends else setup.continuation)[0]
        below = grid.low_kwh + (np.arange(grid.cells) + 0.5) * grid.size_kwh < setup.flexibles[0].initial
        if ends and self.env.scenario.objective.terminal == "cyclic":
            return np.where(below, NEVER, -NEVER)
        return np.where(below, spot.energy_cost(1.0, closing.missing), spot.energy_cost(1.0, closing.left))

    def _back_at_start(self, step: int, worth: Slopes) -> Slopes:
        """Go back over a step whose price is known as it begins: its state is that of the step."""
        hours = self.prices.hours
        price = spot.energy_cost(1.0, self.chain.prices(float(self.prices.expected[step]), int(hours[step])))
        return self._kept(self._matrices[hours[step + 1]] @ worth, price)

    def _back_after(self, step: int, worth: Slopes) -> Slopes:
        """Go back over a step whose price is known when it is over: its state is that of the step before."""
        hour = int(self.prices.hours[step])
        matrix = self._matrices[hour]
        price = spot.energy_cost(1.0, matrix @ self.chain.prices(float(self.prices.expected[step]), hour))
        return self._kept(matrix @ worth, price)

    def _kept(self, after: Slopes, price: Floats) -> Slopes:
        self._worths.append(after)
        self._costs.append(price)
        return self.grid.back(after, price.astype(np.float32))
