"""The path that a price took, as the law that ``sdp`` fitted sees it, and what ``sdp`` earns on it.

One rule: the law is that of the training split; all prices that were published for the episode are taken as known.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from energy_gym.agents.sdp.agent import SDP
from energy_gym.agents.sdp.market import CELLS, MarketPlanner, Prices, prices_of
from energy_gym.arrays import Floats, Ints
from energy_gym.contracts import spot
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.evaluation.blocks import rest_earned
from energy_gym.forecast.error_chain import ErrorChain
from energy_gym.oracle.chain import Paths, PriceChain
from energy_gym.oracle.marginal import WHOLE, EnergyGrid, counted

FINE = 1080
"""Cells of the grid of a path where the powers fit none a whole number of times: they are taken a little larger."""


@dataclass(frozen=True)
class Course:
    """The rest of an episode as a fitted law sees it.

    Args:
        chain: The law, given all prices published for the episode.
        paths: The path that the price took, on a grid into which the powers fit.
        place: What is stored now, in cells of that grid.
    """

    chain: PriceChain
    paths: Paths
    place: float


@dataclass(frozen=True)
class Believed:
    """The split of an environment as the law of a fitted agent sees it.

    Args:
        env: The environment.
        errors: The law.
        prices: The price, and what was expected of it.
        states: State of the law in each step of the split, shape (T,).
    """

    env: EnergyEnv
    errors: ErrorChain
    prices: Prices
    states: Ints

    @classmethod
    def of(cls, env: EnergyEnv, agent: SDP) -> Self:
        """Return the split of an environment, episode or not, as a fitted agent sees it.

        Raises:
            ConfigurationError: The price is known in advance, or not yet when its step begins; or more than money
                counts.
        """
        errors, usual = agent.market()
        prices = prices_of(env, usual)
        _check(env, prices)
        missed = errors.errors(prices.actual, prices.expected)
        return cls(env, errors, prices, errors.states_of(missed, prices.hours[:-1]))

    def course(self) -> Course:
        """Return what is left of the episode that runs now."""
        env, errors, prices = self.env, self.errors, self.prices
        (first, stop), cell = env.steps_left, counted(env.setup.flexibles[0].bare.cell, env.setup.weights)
        grid, fine = EnergyGrid.of(cell, CELLS), EnergyGrid.fitting(cell) or EnergyGrid.of(cell, FINE)
        actual = np.asarray(spot.energy_cost(1.0, prices.actual[first:stop]))
        closing, ends = _ends(env, grid, fine, float(np.abs(actual).max()))
        hours, expected = prices.hours[first:stop].tolist(), prices.expected[first:stop].tolist()
        chain = PriceChain(
            grid=grid,
            matrices=errors.matrices,
            hours=hours,
            price=lambda step: np.asarray(spot.energy_cost(1.0, errors.prices(expected[step], hours[step]))),
            closing=np.diff(closing) / grid.size_kwh,
            empty=float(closing[0]),
            fixed_kwh=env.setup.units[0].fixed_kwh[first:stop],
        )
        states = self.states[first:stop, None]
        return Course(chain, Paths(actual[:, None], states, ends, fine), fine.place(env.states[0]))


def _check(env: EnergyEnv, prices: Prices) -> None:
    """Raise where there is nothing to bound, or no law to bound it by."""
    weights = env.setup.weights
    if weights.carbon or weights.money != 1.0:
        rule = "is bounded for money alone"
        raise ConfigurationError(f"objective of scenario {env.scenario.name!r}", rule, 'pass objective="cost"')
    if (prices.known[:-1] > np.arange(1, len(prices.known))).any():
        rule = "is known in advance: perfect foresight of what is published is attained by planning"
        raise ConfigurationError(f"price {prices.column!r}", rule, "compare with energy_gym.solve(env)")
    if not prices.at_start:
        rule = "is not yet known when its step begins; the bound is worked out for one that is"
        raise ConfigurationError(f"price {prices.column!r}", rule, 'pass published="at-start", if it is')


def _ends(env: EnergyEnv, grid: EnergyGrid, fine: EnergyGrid, dearest: float) -> tuple[Floats, Floats]:
    """Return what each energy is worth at the end: as values take it, on their grid, and as a path does, on its own.

    Storage that must end as it began is worth nothing else on a path, by the cell in which it began; values have a kwh
    missing cost more than any could earn. Where energy missing costs more than energy left earns, an end between
    two energies counts as begun at the lower one, so that the bound stays one.
    """
    initial = env.setup.flexibles[0].initial
    coarse_kwh, fine_kwh = (one.low_kwh + one.size_kwh * np.arange(one.cells + 1) for one in (grid, fine))
    if env.scenario.objective.terminal == "cyclic":
        dear = 4.0 * dearest
        there = np.abs(fine_kwh - initial) < fine.size_kwh * (1.0 - WHOLE)
        return dear * np.minimum(coarse_kwh - initial, 0.0), np.where(there, 0.0, -np.inf)
    closing = env.setup.closings[0]
    missing, left = (float(spot.energy_cost(1.0, price)) for price in (closing.missing, closing.left))
    begun = initial if missing == left else fine.low_kwh + fine.size_kwh * np.floor(fine.place(initial) + WHOLE)

    def worth(energy_kwh: Any) -> Floats:
        return np.asarray(missing * np.minimum(energy_kwh - begun, 0.0) + left * np.maximum(energy_kwh - begun, 0.0))

    return worth(coarse_kwh), worth(fine_kwh)


def played(env: EnergyEnv, agent: SDP) -> float:
    """Return what a fitted agent earns on the rest of an episode, played in a copy of its environment."""
    twin, acting = copy.copy(env), SDP(env, bins=agent.bins)
    acting.env = twin
    acting.planner = MarketPlanner(twin, *agent.market())
    return sum(rest_earned(twin, acting))
