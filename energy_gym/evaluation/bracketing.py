"""How what is attainable is worked out, by kind of environment.

From below stands what a policy earns; from above a dual bound: the best with full sight of a path, less what the path
brings against what was expected of it (`energy_gym.oracle.chain`). It holds on average under the law by which that is
expected, for the paths of this law; where the law was fitted to past prices it is an estimate for the path that came.

One rule: a share of the penalty is chosen on validation data, never on what is told.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from energy_gym.agents.bid_stochastic import BidStochastic
from energy_gym.agents.mpc import MPC
from energy_gym.agents.sdp.agent import SDP
from energy_gym.arrays import Floats
from energy_gym.bidding.env import ProducerEnv
from energy_gym.data.price_law import PriceLaw
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.evaluation.believed import Believed, Course, played
from energy_gym.evaluation.bid_path import BidPath, check_bids
from energy_gym.evaluation.blocks import days_left, rest_earned, spread, total_of
from energy_gym.evaluation.bracket import Attainable
from energy_gym.evaluation.fleet_path import FleetPath, check_fleet
from energy_gym.evaluation.site_path import SitePath
from energy_gym.oracle.chain import Paths, Penalty, PriceChain, best_on, between
from energy_gym.oracle.law import solve_law
from energy_gym.oracle.peaks import charges_demand
from energy_gym.oracle.solve import solve
from energy_gym.reserve.env import FleetEnv

FITTED_PENALTY = 0.5
"""Share of the penalty taken off on a real series: a law that was fitted is never quite that of the next year."""
SITE_PENALTY = 0.75
"""The same at a site, where it is told against what the agent itself did: the most of quarters that left neither
``sdp`` nor ``mpc`` above the bound on the validation days of six sites under both controls."""
CHARGED_PENALTY = 0.5
"""The same at a site under demand charges: the quarter that left the bound lowest, in the mean over both controls, on
the validation months of the commercial site."""
BID_PENALTY = 1.0
"""The same of a producer's deviations."""
FLEET_PENALTY = 1.0
"""The same of a fleet's prices."""
FLEET_LAW = "recent prices"


def bracket_of_law(
    env: EnergyEnv, law: PriceLaw, believed: PriceLaw | None, penalty: float, count: int, seed: int
) -> Attainable:
    """Return what is attainable where the law is known."""
    began = time.perf_counter()
    solution = solve_law(env, law, continuous=True)
    chain, place = solution.chain, solution.chain.grid.place(solution.energy_kwh)
    if believed is not None:
        if not np.array_equal(believed.levels, law.levels):
            rule = f"must have the prices of law {law.name!r}"
            raise ConfigurationError(f"cost_to_go={believed.name!r}", rule, "give the same levels, other matrices")
        chain = replace(chain, believed=believed.matrices)
    best = best_on(_drawn(env, law, chain, count, seed), chain, Penalty(np.full(count, penalty)))[0]
    bounds = between(best, place)
    mean, low, high = spread(bounds)
    seconds = time.perf_counter() - began
    return Attainable(solution.value, mean, low, high, count, seed, law.name, penalty, {}, seconds)


def _drawn(env: EnergyEnv, law: PriceLaw, chain: PriceChain, count: int, seed: int) -> Paths:
    """Return paths drawn from a law, from the price now on."""
    random, first = np.random.default_rng(seed), env.steps_left[0]
    start = law.state_of(float(env.setup.price[first]), chain.hours[0])
    states = np.full((len(chain), count), start, dtype=np.int64)
    for step in range(1, len(chain)):
        states[step] = law.follow(states[step - 1], chain.hours[step], random)
    prices = np.stack([chain.price(step)[now] for step, now in enumerate(states)])
    ends = np.concatenate([[0.0], np.cumsum(chain.closing) * chain.grid.size_kwh]) + chain.empty
    return Paths(prices, states, ends, chain.grid)


def bracket_of_series(env: EnergyEnv, fitted: SDP, penalty: float | None) -> Attainable:
    """Return what is attainable on the path that a price took, by a law that was fitted."""
    began, taken = time.perf_counter(), FITTED_PENALTY if penalty is None else penalty
    # What cannot be bounded is told before an episode is played.
    course, (days, marks) = Believed.of(env, fitted).course(), days_left(env)
    value, daily = played(env, fitted), bound_by_day(course, [taken], marks)[0]
    bound, low, high = total_of(daily)
    found, seconds = dict(zip(days, daily, strict=True)), time.perf_counter() - began
    return Attainable(value, bound, low, high, 1, None, fitted.name, taken, found, seconds)


def bracket_of_site(env: EnergyEnv, fitted: SDP, penalty: float | None) -> Attainable:
    """Return what is attainable on the path that load and generation took, by a law that was fitted.

    The interval is that of how much more it is than what the agent earned: what a week's bill is, is so for both.
    """
    charged = charges_demand(env.setup.units[0], env.setup.weights.money)
    usual = CHARGED_PENALTY if charged else SITE_PENALTY
    began, taken = time.perf_counter(), usual if penalty is None else penalty
    path, (days, marks) = SitePath.of(env, fitted), days_left(env)
    daily = path.bound_by_day(taken, marks, solve(env, continuous=True).bound)
    return _beside(path.earned, daily, (days, marks), fitted.name, taken, began)


def bracket_of_bids(env: ProducerEnv, fitted: BidStochastic, penalty: float | None) -> Attainable:
    """Return what is attainable on the path that prices of deviations took, by a law that was fitted.

    From below stands what ``mpc`` earns, and the interval is that of how much more the bound is.
    """
    check_bids(env)
    began, taken = time.perf_counter(), BID_PENALTY if penalty is None else penalty
    law = fitted.deviations or fitted.fit().deviations
    assert law is not None
    (days, marks), twin = days_left(env), copy.copy(env)
    earned, daily = np.array(rest_earned(twin, MPC(twin))), BidPath.of(env, law).bound_by_day(taken, marks)
    return _beside(earned, daily, (days, marks), fitted.name, taken, began)


def bracket_of_fleet(env: FleetEnv, penalty: float | None) -> Attainable:
    """Return what is attainable on the path that a fleet's prices took, by a law that is fitted.

    From below stands what ``mpc`` earns, and the interval is that of how much more the bound is.
    """
    check_fleet(env)
    began, taken, (days, marks) = time.perf_counter(), FLEET_PENALTY if penalty is None else penalty, days_left(env)
    daily, earned = FleetPath.of(env).bound_by_day(taken, marks)
    return _beside(earned, daily, (days, marks), FLEET_LAW, taken, began)


def _beside(
    earned: Floats, daily: Sequence[float], days: tuple[list[str], list[int]], law: str, taken: float, began: float
) -> Attainable:
    """Return what was earned by step and the bound by day, told of a path that began a day at each of some steps.

    The interval is that of how much more the bound is than what was earned.
    """
    names, marks = days
    value, more = float(earned.sum()), np.array(daily) - np.add.reduceat(earned, marks)
    bound, low, high = (value + part for part in total_of(more.tolist()))
    found, seconds = dict(zip(names, daily, strict=True)), time.perf_counter() - began
    return Attainable(value, bound, low, high, 1, None, law, taken, found, seconds)


def bound_by_day(course: Course, penalties: Sequence[float], marks: Sequence[int]) -> list[list[float]]:
    """Return what the days of a path add to its bound, for each of some shares of the penalty.

    What a day adds is told of a store that holds at its start and at its end what it holds now.

    Args:
        course: The path.
        penalties: Shares of the penalty.
        marks: The first step of each day.
    """
    paths, count = course.paths, len(penalties)
    prices, states = np.repeat(paths.prices, count, axis=1), np.repeat(paths.states, count, axis=1)
    several = paths._replace(prices=prices, states=states)
    bests = best_on(several, course.chain, Penalty(np.asarray(penalties, dtype=float), course.place), marks)
    here = [between(bests[mark], course.place) for mark in marks]
    here.append(np.repeat(between(paths.ends[None], course.place), count))
    found: list[list[float]] = (-np.diff(np.array(here), axis=0)).T.tolist()
    return found
