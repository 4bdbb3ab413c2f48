"""``attainable``: how much an agent that cannot see the future could earn, from below and from above.

From below stands what a policy earns; from above a dual bound: the best with full sight of a path, less what the path
brings against what was expected of it (`energy_gym.oracle.chain`). It holds on average under the law by which that is
expected, for the paths of this law; where the law was fitted to past prices it is an estimate for the path that came.

One rule: what is proven of a law is never said to be proven of a series that a law was fitted to.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from energy_gym.agents.bid_stochastic import BidStochastic
from energy_gym.agents.mpc import MPC
from energy_gym.agents.sdp.agent import SDP
from energy_gym.arrays import Floats
from energy_gym.bidding.env import ProducerEnv
from energy_gym.data.price_law import PriceLaw
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ConfigurationError, DataError
from energy_gym.evaluation.believed import Believed, Course, played
from energy_gym.evaluation.bid_path import BidPath, check_bids
from energy_gym.evaluation.blocks import ERRORS, blocks_of, days_left, rest_earned, spread, total_of
from energy_gym.evaluation.site_path import SitePath, check_site
from energy_gym.evaluation.statistics import Estimate
from energy_gym.oracle.chain import Paths, Penalty, PriceChain, best_on, between
from energy_gym.oracle.law import LawSolution, solve_law
from energy_gym.oracle.running import law_of, running
from energy_gym.oracle.solve import solve
from energy_gym.trees import number

PATHS = 100
FITTED_PENALTY = 0.5
"""Share of the penalty taken off on a real series: a law that was fitted is never quite that of the next year."""
SITE_PENALTY = 0.75
"""The same at a site, where it is told against what the agent itself did: the most of quarters that left neither
``sdp`` nor ``mpc`` above the bound on the validation days of six sites under both controls."""


BID_PENALTY = 1.0
"""The same of a producer's deviations."""


@dataclass(frozen=True)
class Attainable:
    """What could be attained from the environment's current state to the end of its episode [reward units].

    Args:
        value: From below: what the best policy known earns; on average where the law is known, else on the path itself.
        bound: From above: the dual bound.
        low: Lower end of the bound's 95 % interval.
        high: Upper end.
        paths: Number of paths it is the mean of; 1 for the path that came.
        seed: Seed of the paths; None for the path that came.
        law: Name of the law, or of the agent whose law was fitted.
        penalty: Share of the penalty that was taken off.
        daily: What each local day (ISO date) of the path that came adds to the bound; empty where paths were drawn.
        seconds: Wall time.
    """

    value: float
    bound: float
    low: float
    high: float
    paths: int
    seed: int | None
    law: str
    penalty: float
    daily: Mapping[str, float] = field(default_factory=dict, repr=False)
    seconds: float = 0.0

    @property
    def known(self) -> bool:
        """Whether paths were drawn from the law of the prices, so that the bound holds on average for every agent."""
        return not self.daily

    def solution(self, env: EnergyEnv) -> LawSolution | None:
        """Return the optimum under the law in an environment that was reset; None for a frame not of that law."""
        if not self.known or env.setup.feed.law != self.law:
            return None
        return solve_law(env, law_of(env, "law"), continuous=True)

    def share(self, earned: float, idle: float, daily: Mapping[str, float] | None = None) -> Estimate:
        """Return which share of the bound was earned, with its 95 % interval.

        Args:
            earned: What was earned.
            idle: What doing nothing earns.
            daily: What was earned by local day, where the bound is of the path that came: then the interval is that of
                a ratio over weeks (over days, of less than eight weeks), since what a week held it held for both. Else
                it follows from that of the bound.

        Example:
            >>> Attainable(4.0, 5.0, 4.0, 8.0, 100, 0, "law", 1.0).share(4.0, 0.0)
            Estimate(value=0.8, low=0.5, high=1.0)
        """
        value, low, high = (_share(earned - idle, bound - idle) for bound in (self.bound, self.high, self.low))
        if self.daily and daily is not None and set(daily) == set(self.daily) and len(daily) > 1:
            possible = blocks_of([self.daily[day] for day in daily])
            missed = blocks_of(list(daily.values())) - value * possible - (1.0 - value) * idle / len(possible)
            error = ERRORS * float(missed.std(ddof=1)) * math.sqrt(len(missed)) / (self.bound - idle)
            low, high = value - error, value + error
        return Estimate(value, min(low, high), max(low, high))

    def __str__(self) -> str:
        told = f"{self.value:.4f} attained, at most {self.bound:.4f} [{self.low:.4f}, {self.high:.4f}]"
        source = f"{self.paths} paths, seed {self.seed}" if self.known else "the path that came; proven for none"
        return f"{told} under law {self.law!r} ({source})"


def attainable(
    env: Any,
    *,
    law: PriceLaw | SDP | BidStochastic | None = None,
    cost_to_go: PriceLaw | None = None,
    penalty: float | None = None,
    paths: int | None = None,
    seed: int | None = None,
) -> Attainable:
    """Return how much of an episode could be earned without seeing the future, from its current state to its end.

    On prices drawn from a law, ``value`` is what its best policy earns on average and ``bound`` the mean of the dual
    bound over paths drawn from it; the two are equal where the law can be solved exactly. On other prices the law is
    that of an `energy_gym.agents.sdp.agent.SDP` fitted on the training split, taken with all prices published for the
    episode; ``value`` is what that agent earns on the path that came and ``bound`` the penalised optimum of that path,
    its interval from the spread of its weeks (of its days, in less than eight). It is at or above what an agent earns
    on average if prices follow the fitted law, and says nothing proven of this path. At a site it is load less
    generation that follows a fitted law; of a producer it is prices of deviations, as ``bid-stochastic`` learns them,
    and ``value`` is what ``mpc`` earns. The environment stays as it is.

    Args:
        env: An environment of this package, reset, with one battery at a market with one price, for money, whose price
            is known as its step begins; or behind the meter of a site with load or generation and no demand charge;
            or a producer whose bids of volume in one market do not move its price, and whose deviations have prices
            that are known after their step.
        law: The law; by default that of the frame that is played, or one that is fitted. An ``SDP`` that was fitted
            brings its own, and so does a ``BidStochastic``.
        cost_to_go: Another law with the same prices, by which future worths are worked out, however wrong: the bound
            stays one, and lies higher. By default the law itself.
        penalty: Share of the penalty that is taken off, from 0, perfect foresight, to 1; whatever it is, the bound is
            one. By default 1 where the law is known and of a producer, 0.5 where it was fitted, 0.75 at a site.
        paths: How many paths to draw where the law is known; by default 100.
        seed: Seed of these paths; by default 0.

    Raises:
        ConfigurationError: It is no such environment, the price is known in advance, paths or a seed are given where
            the path is the one that came, or ``cost_to_go`` has other prices than the law.
        UnsuitableAgentError: It is more than one battery at a market with one price, or at a site.
        DataError: The training split is too short for a law.
        ResetNeededError: No episode is running.

    Source:
        Brown, Smith and Sun, Information relaxations and duality, Operations Research 58(4), 2010.

    Example:
        >>> import gymnasium as gym
        >>> import energy_gym
        >>> store = energy_gym.Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01)
        >>> frame = energy_gym.price_law("markov-nyc-rt").draw(days=2)
        >>> env = gym.make("energy_gym/Arbitrage-v1", data=frame, published="at-start", split="all", episode_steps=48,
        ...     battery=store)
        >>> observation, info = env.reset(seed=0)
        >>> found = energy_gym.attainable(env, paths=20)
        >>> abs(found.bound - found.value) < 1e-6
        True
    """
    base = running(env, who="attainable()")
    for part, given, kinds in (
        ("law", law, PriceLaw | SDP | BidStochastic | None),
        ("cost_to_go", cost_to_go, PriceLaw | None),
    ):
        if not isinstance(given, kinds):
            raise ConfigurationError(f"{part}={given!r}", "must be a law itself", "pass energy_gym.price_law(...)")
    known = law if isinstance(law, PriceLaw) else None
    if law is None and base.setup.feed.law is not None:
        known = law_of(base, "law")
    if penalty is not None and not 0.0 <= number("penalty", penalty, "shares") <= 1.0:
        raise ConfigurationError(f"penalty={penalty}", "must be a share from 0 to 1", "pass 1.0, or 0.0 for foresight")
    if known is not None:
        count = PATHS if paths is None else check_count("paths", paths)
        taken = 1.0 if penalty is None else penalty
        return _of_law(base, known, cost_to_go, taken, count, 0 if seed is None else seed)
    for name, value in (("paths", paths), ("seed", seed), ("cost_to_go", cost_to_go)):
        if value is not None:
            rule = "is for prices drawn from a known law; here the bound is that of the path that came"
            raise ConfigurationError(f"{name}={getattr(value, 'name', value)}", rule, "leave it out, or pass law=")
    if isinstance(base, ProducerEnv):
        return _of_bids(base, law if isinstance(law, BidStochastic) else BidStochastic(base), penalty)
    agent = law if isinstance(law, SDP) else SDP(base)
    if not agent.at_market:
        check_site(base)
    fitted = agent if agent is law else agent.fit()
    return (_of_series if fitted.at_market else _of_site)(base, fitted, penalty)


def attainable_or_none(env: Any) -> Attainable | None:
    """Return how much could be attained, as `attainable` does by default; None where it cannot be told.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24)
        >>> observation, info = env.reset(seed=0)
        >>> attainable_or_none(env) is None
        True
    """
    try:
        return attainable(env)
    except (ConfigurationError, DataError):
        return None


def _of_law(
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


def _of_series(env: EnergyEnv, fitted: SDP, penalty: float | None) -> Attainable:
    """Return what is attainable on the path that a price took, by a law that was fitted."""
    began, taken = time.perf_counter(), FITTED_PENALTY if penalty is None else penalty
    # What cannot be bounded is told before an episode is played.
    course, (days, marks) = Believed.of(env, fitted).course(), days_left(env)
    value, daily = played(env, fitted), bound_by_day(course, [taken], marks)[0]
    bound, low, high = total_of(daily)
    found, seconds = dict(zip(days, daily, strict=True)), time.perf_counter() - began
    return Attainable(value, bound, low, high, 1, None, fitted.name, taken, found, seconds)


def _of_site(env: EnergyEnv, fitted: SDP, penalty: float | None) -> Attainable:
    """Return what is attainable on the path that load and generation took, by a law that was fitted.

    The interval is that of how much more it is than what the agent earned: what a week's bill is, is so for both.
    """
    began, taken = time.perf_counter(), SITE_PENALTY if penalty is None else penalty
    path, (days, marks) = SitePath.of(env, fitted), days_left(env)
    daily = path.bound_by_day(taken, marks, solve(env, continuous=True).bound)
    value, bound, low, high = _beside(path.earned, daily, marks)
    found, seconds = dict(zip(days, daily, strict=True)), time.perf_counter() - began
    return Attainable(value, bound, low, high, 1, None, fitted.name, taken, found, seconds)


def _of_bids(env: ProducerEnv, fitted: BidStochastic, penalty: float | None) -> Attainable:
    """Return what is attainable on the path that prices of deviations took, by a law that was fitted.

    From below stands what ``mpc`` earns, and the interval is that of how much more the bound is.
    """
    check_bids(env)
    began, taken = time.perf_counter(), BID_PENALTY if penalty is None else penalty
    law = fitted.deviations or fitted.fit().deviations
    assert law is not None
    (days, marks), twin = days_left(env), copy.copy(env)
    earned, daily = np.array(rest_earned(twin, MPC(twin))), BidPath.of(env, law).bound_by_day(taken, marks)
    value, bound, low, high = _beside(earned, daily, marks)
    found, seconds = dict(zip(days, daily, strict=True)), time.perf_counter() - began
    return Attainable(value, bound, low, high, 1, None, fitted.name, taken, found, seconds)


def _beside(earned: Floats, daily: Sequence[float], marks: Sequence[int]) -> tuple[float, float, float, float]:
    """Return what was earned in all, the bound, and the ends of its interval: that of how much more it is."""
    value, more = float(earned.sum()), np.array(daily) - np.add.reduceat(earned, marks)
    bound, low, high = (value + part for part in total_of(more.tolist()))
    return value, bound, low, high


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


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else math.nan
