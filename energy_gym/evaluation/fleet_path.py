"""The path that the prices of a fleet's markets took, as a fitted law sees it, and the best on it.

With x for what is held or delivered in a step, decided before its price p is known, and E for what p was expected to be
as it was decided,

    earned in a step, as it came:              p x
    without what nobody could expect:          E x

The difference is zero on average under the law, whatever is bid. What the fleet's own planner made of it is left in, so
that a path's luck is.

One rule: calls, and prices that are published before their step, are seen by the best on a path; only prices that are
not lose their surprise, so that it lies above what an agent earns that knows none of them.

Source:
    Brown, Smith and Sun, Information relaxations and duality in stochastic dynamic programs, Operations Research 58(4),
    2010.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from energy_gym.agents.mpc import MPC
from energy_gym.arrays import Floats
from energy_gym.contracts.activation import ActivationSeries
from energy_gym.contracts.fleet import Leg
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.single_actions import reader
from energy_gym.errors import ConfigurationError, DataError
from energy_gym.forecast.recent import Recent, fitted, learnt_at, looked_back
from energy_gym.oracle.solution import replay
from energy_gym.oracle.solve import solve
from energy_gym.reserve.env import FleetEnv
from energy_gym.reserve.setup import FleetSetup

# Shares of a column's training split that its past is believed between; what is foreseen is the mean, not believed.
TRUSTED = (0.01, 0.99)


@dataclass(frozen=True)
class FleetPath:
    """The rest of a fleet's episode, and what its prices were expected to be.

    Args:
        env: The environment.
        expected: What prices were expected to be as their step was decided, by column, shape (T,).
    """

    env: FleetEnv
    expected: Mapping[str, Floats]

    @classmethod
    def of(cls, env: FleetEnv) -> Self:
        """Return the rest of an episode as a law fitted on the training split sees it; see `check_fleet`."""
        return cls(env, {name: _foreseen(env, name) for name in surprising(env)})

    def relaxed(self, share: float) -> FleetSetup:
        """Return the fleet with a share of what nobody could expect taken off its prices."""
        setup, window = self.env.setup, slice(*self.env.steps_left)
        unit, feed = setup.unit, setup.feed
        held, energy = unit.held_prices.copy(), unit.energy_prices.copy()
        for place, leg in enumerate(unit.legs):
            for column, rows, factor in (
                (leg.product.price, held, leg.product.price_share),
                (_called_at(leg), energy, 1.0),
            ):
                if column is not None and column in self.expected:
                    actual = feed.values[column][feed.first : feed.stop][window]
                    rows[place, window] += factor * share * (self.expected[column] - actual)
        return replace(setup, units=(replace(unit, held_prices=held, energy_prices=energy),))

    def bound_by_day(self, share: float, marks: Sequence[int]) -> tuple[list[float], Floats]:
        """Return what each day adds to the bound, and what the planner earns in each step, shape (T,) [reward units].

        Args:
            share: Share of what nobody could expect that is taken off.
            marks: The first step of each day.
        """
        setup, (first, stop), states = self.relaxed(share), self.env.steps_left, self.env.states
        wishes = _planned(self.env)
        here, there = (replay(one, first, stop, states, wishes).steps[:, -1] for one in (self.env.setup, setup))
        twin = copy.copy(self.env)
        twin.setup = setup
        best = solve(twin, continuous=True)
        daily = np.add.reduceat(best.plan.steps[:, -1] + here - there, marks)
        found: list[float] = (daily + (best.bound - best.value) / len(marks)).tolist()
        return found, here


def check_fleet(env: EnergyEnv) -> None:
    """Raise ConfigurationError where there is no surprise that can be taken off a fleet's prices."""
    rule = ""
    if not isinstance(env, FleetEnv) or not surprising(env):
        rule = "has no price that is known only after its step"
    elif not env.setup.weights.money > 0.0:
        rule = "earns no money, and so no price has a part in it"
    if rule:
        raise ConfigurationError("this fleet", rule, "compare with energy_gym.solve(env)")


def surprising(env: FleetEnv) -> list[str]:
    """Return the columns of prices that are known only after their step."""
    columns = {name for leg in env.setup.unit.legs for name in (leg.product.price, _called_at(leg)) if name}
    return sorted(name for name in columns if env.setup.feed.published.get(name) == "after")


def _called_at(leg: Leg) -> str | None:
    """Return the column at which energy is settled; None where calls may hang together with it."""
    return None if isinstance(leg.product.activation, ActivationSeries) else leg.product.energy_price


def _planned(env: FleetEnv) -> Floats:
    """Return what the fleet's planner bids for the rest of an episode, shape (T, controls)."""
    twin, read, wishes, over = copy.copy(env), reader(env.setup), list[Any](), False
    agent = MPC(twin).fit()
    while not over:
        action = agent.act(None, {})
        wishes.append(read(action, twin.steps_left[0])[0])
        _, _, _, over, _ = twin.step(action)
    return np.array(wishes, dtype=float)


def _foreseen(env: FleetEnv, column: str) -> Floats:
    """Return what a column was expected to be at each step that is left when all before it was known, shape (T,).

    Raises:
        DataError: The training split is not longer than two days.
    """
    feed, train = env.setup.feed, env.variant(split="train", episode_steps=None).setup.feed
    day, (first, stop) = round(HOURS_PER_DAY / feed.step_hours), env.steps_left
    if train.stop - train.first <= 2 * day:
        rule = f"must be longer than {2 * day} steps, for a law of prices"
        raise DataError(f"training split of {train.stop - train.first} steps", rule, "give it more data")
    past = train.values[column]
    trusted = np.quantile(past[train.first : train.stop], TRUSTED)
    at = learnt_at(train.first, train.stop, day)
    counts = fitted(Recent(np.clip(past[: train.stop], *trusted), 0, day, at).features(at), past[at])
    steps = feed.first + np.arange(first, stop)
    low = max(int(steps[0]) - looked_back(day), 0)
    values = np.clip(feed.values[column][low : int(steps[-1]) + 1], *trusted)
    return np.asarray(Recent(values, low, day, steps).features(steps) @ counts)
