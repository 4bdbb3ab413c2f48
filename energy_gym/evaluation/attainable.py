"""``attainable``: how much an agent that cannot see the future could earn, from below and from above.

One rule: an argument that has no part in a bracket is refused, with the reason.
"""

from __future__ import annotations

from typing import Any

from energy_gym.agents.bid_stochastic import BidStochastic
from energy_gym.agents.sdp.agent import SDP
from energy_gym.bidding.env import ProducerEnv
from energy_gym.data.price_law import PriceLaw
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ConfigurationError, DataError
from energy_gym.evaluation.bracket import Attainable
from energy_gym.evaluation.bracketing import (
    bracket_of_bids,
    bracket_of_fleet,
    bracket_of_law,
    bracket_of_series,
    bracket_of_site,
)
from energy_gym.evaluation.site_path import check_site
from energy_gym.forecast.registry import get_forecast
from energy_gym.forecast.rows import Perfect
from energy_gym.forecast.simple import Noise
from energy_gym.oracle.running import law_of, running
from energy_gym.reserve.env import FleetEnv
from energy_gym.trees import number

PATHS = 100


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
    and of a fleet the prices of its markets, by the last ones and the usual ones of the hour; ``value`` then is what
    ``mpc`` earns. The environment stays as it is.

    Args:
        env: An environment of this package, reset, with one battery at a market with one price, for money, whose price
            is known as its step begins; or behind the meter of a site with load or generation and at most three running
            maxima of demand, one at a time; or a producer whose bids of volume in one market do not move its price, and
            whose deviations have prices that are known after their step; or a fleet of which that is so.
        law: The law; by default that of the frame that is played, or one that is fitted. An ``SDP`` that was fitted
            brings its own, and so does a ``BidStochastic``.
        cost_to_go: Another law with the same prices, by which future worths are worked out, however wrong: the bound
            stays one, and lies higher. By default the law itself.
        penalty: Share of the penalty that is taken off, from 0, perfect foresight, to 1; whatever it is, the bound is
            one. By default 1 where the law is known, of a producer and of a fleet, 0.75 at a site, 0.5 at
            one under demand charges and of a price that a law was fitted to.
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
        _check_unseen(base)
        count = PATHS if paths is None else check_count("paths", paths)
        taken = 1.0 if penalty is None else penalty
        return bracket_of_law(base, known, cost_to_go, taken, count, 0 if seed is None else seed)
    for name, value in (("paths", paths), ("seed", seed), ("cost_to_go", cost_to_go)):
        if value is not None:
            rule = "is for prices drawn from a known law; here the bound is that of the path that came"
            raise ConfigurationError(f"{name}={getattr(value, 'name', value)}", rule, "leave it out, or pass law=")
    if isinstance(base, FleetEnv):
        _check_fitted(law, type(None), "a fleet, whose law is that of its own prices", "leave it out")
        _check_unseen(base)
        return bracket_of_fleet(base, penalty)
    if isinstance(base, ProducerEnv):
        _check_fitted(law, BidStochastic | None, "a producer", "pass a BidStochastic, or leave it out")
        _check_unseen(base)
        return bracket_of_bids(base, law if isinstance(law, BidStochastic) else BidStochastic(base), penalty)
    _check_fitted(law, SDP | None, "one battery", "pass an SDP, or leave it out")
    agent = law if isinstance(law, SDP) else SDP(base)
    (_check_unseen if agent.at_market else check_site)(base)
    fitted = agent if agent is law else agent.fit()
    return (bracket_of_series if fitted.at_market else bracket_of_site)(base, fitted, penalty)


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


def _check_fitted(law: Any, kind: Any, found: str, remedy: str) -> None:
    """Raise ConfigurationError for a law that is not that of such an environment."""
    if not isinstance(law, kind):
        raise ConfigurationError(f"law={type(law).__name__}", f"is no law of {found}", remedy)


def _check_unseen(env: EnergyEnv) -> None:
    """Raise ConfigurationError where the forecast is made of the prices that come: no law of theirs knows as much."""
    given = env.keywords.get("forecast") or "published"
    forecast: Any = get_forecast(given)
    while hasattr(forecast, "of"):
        forecast = get_forecast(forecast.of)
    if isinstance(forecast, Perfect | Noise):
        rule = "is made of what comes, which no law of prices knows; foresight is what can be attained with it"
        raise ConfigurationError(f"forecast={given!r}", rule, "compare with energy_gym.solve(env)")
