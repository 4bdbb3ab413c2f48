"""``sdp``: stochastic dynamic programming, a value of what is stored under what prices and loads usually miss.

One rule: what is fitted comes from the training split; what is decided, from what is known at the step.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from energy_gym.agents.base import Agent, Callback
from energy_gym.agents.sdp.learnt import Learnt, MarketLaw, from_arrays, to_arrays
from energy_gym.agents.sdp.market import MarketPlanner, fitted_chain, prices_of, suits, usual_prices
from energy_gym.agents.sdp.net_noise import Noise
from energy_gym.agents.sdp.site import SitePlanner, learnt_law, refusal
from energy_gym.arrays import Floats
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, ResetNeededError
from energy_gym.files import write_atomically
from energy_gym.forecast.error_chain import Bins, ErrorChain

ARRAYS = "sdp.npz"


class SDP(Agent):
    """Plays one step of look-ahead against a value of stored energy that knows how wrong expectations usually are.

    At a market, ``fit`` learns a Markov chain over the errors of the price by hour of day on the training split: what
    the price of a step missed of the one published the day before (a column ``forecast_price_per_mwh``), or of the
    usual one of its hour. Values are worked out again whenever further prices are published, exactly but for the grid
    of 108 energies.

    At a site, what is not known is load and generation. ``fit`` learns what a day may be expected to be, and a chain of
    what that misses; values of energy, of that chain's states and of running maxima of demand are worked out once a day
    for the coming two. A price that is not known in advance is taken there to be what it is expected to be.

    Args:
        env: The environment.
        seed: Not used: nothing is drawn.
        bins: How errors of a price become states; see `energy_gym.forecast.error_chain.Bins`.
        noise: What is remembered of the errors of load less generation; see `energy_gym.agents.sdp.net_noise.Noise`,
            or its kind by itself.

    Raises:
        UnsuitableAgentError: There are more states than it can hold.

    Source:
        Zheng, Jaworski and Xu, Arbitraging variable efficiency energy storage using analytical stochastic dynamic
        programming, IEEE Transactions on Power Systems 37(6), 2022 (arXiv 2108.06000), for markets; Le Franc,
        Carpentier, Chancelier and De Lara, EMSx, Energy Systems 14, 2023 (arXiv 2001.00450), for sites.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", split="test", episode_steps=24)
        >>> agent = SDP(env).fit()
        >>> observation, info = env.reset(seed=0)
        >>> agent.act(observation, info).shape
        (1,)
    """

    name: ClassVar[str] = "sdp"
    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("power",)

    def __init__(self, env: Any, seed: int = 0, bins: Bins | None = None, noise: Noise | str | None = None) -> None:
        super().__init__(env, seed)
        self.at_market = _at_market(self.env)
        rule = None if self.at_market else _too_much(self.env)
        if rule is not None:
            raise self.refused(rule)
        if not isinstance(bins, Bins | None):
            raise ConfigurationError(
                f"bins={bins!r}", "must be Bins", "pass energy_gym.forecast.error_chain.Bins(now=8)"
            )
        self.bins = Bins() if bins is None else bins
        self.noise = noise if isinstance(noise, Noise) else Noise() if noise is None else Noise(noise)
        self.learnt: Learnt | None = None
        self.planner: MarketPlanner | SitePlanner | None = None

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`.

        Raises:
            ResetNeededError: Nothing was fitted.
        """
        planner = self.ready()
        if isinstance(planner, MarketPlanner):
            return self.power(planner.share(self.env.energy_kwh))
        return self.power(planner.wish(info))

    def reset(self) -> None:
        """See `Agent.reset`."""
        if self.planner is not None:
            self.planner.restart()

    def ready(self) -> MarketPlanner | SitePlanner:
        """Return what plans, or raise ResetNeededError."""
        if self.planner is None:
            raise ResetNeededError("sdp agent", "knows no errors yet", "call fit() first")
        return self.planner

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """See `Agent.fit`.

        Raises:
            DataError: The training split has too few steps by hour for so many states.
        """
        train = self.played(source, episode_steps=None)
        if self.at_market:
            usual = usual_prices(train)
            self.take(MarketLaw(fitted_chain(train, usual, self.bins), usual))
        else:
            self.take(learnt_law(train, self.noise))
        return self

    def take(self, learnt: Learnt) -> None:
        """Plan with what was learnt, here or elsewhere."""
        self.learnt = learnt
        if isinstance(learnt, MarketLaw):
            sure = prices_of(self.env, learnt.usual).sure
            self.planner = MarketPlanner(self.env, ErrorChain.known() if sure else learnt.chain, learnt.usual)
        else:
            self.planner = SitePlanner(self.env, learnt)

    def market(self) -> tuple[ErrorChain, Floats]:
        """Return the chain of errors of the price that it plans with, and the usual price of each hour, shape (24,).

        Raises:
            ResetNeededError: Nothing was fitted.
            ConfigurationError: It plays a site.
        """
        planner = self.ready()
        if isinstance(self.learnt, MarketLaw) and isinstance(planner, MarketPlanner):
            return planner.chain, self.learnt.usual
        raise ConfigurationError("sdp at a site", "knows no errors of a price", "fit it at a market")

    def worth(self, step: int, energy_kwh: Floats) -> Floats:
        """Return what stored energy is usually worth at the beginning of a step; see `Continuation.worth`.

        Raises:
            ConfigurationError: At a market, or under demand charges.
        """
        planner = self.ready()
        if isinstance(planner, MarketPlanner):
            raise ConfigurationError("sdp at a market", "plans for itself", "pass continuation='mean-price'")
        return planner.usual_worth(step, energy_kwh)

    def save(self, folder: str | Path) -> None:
        """See `Agent.save`; what was learnt is ``sdp.npz``."""
        content = self._content()
        write_atomically(Path(folder) / ARRAYS, lambda path: path.write_bytes(content))
        super().save(folder)

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        noise = {"kind": self.noise.kind, "levels": self.noise.levels}
        return {**super().parameters(), "noise": noise, "sha256": hashlib.sha256(self._content()).hexdigest()}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.noise = Noise(**parameters["noise"])
        path = folder / ARRAYS
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != parameters["sha256"]:
            raise ConfigurationError(f"{path}", "is not the file that was saved", "save the agent again")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            self.take(from_arrays(arrays))

    def _content(self) -> bytes:
        self.ready()
        stream = io.BytesIO()
        np.savez(stream, **to_arrays(self.learnt))
        return stream.getvalue()


def _at_market(env: EnergyEnv) -> bool:
    """Return whether it is one battery at a market with one price, for money, and nothing else."""
    setup = env.setup
    alone = len(setup.units) == 1 and suits(setup.units[0]) and not setup.units[0].fixed_kwh.any()
    return alone and bool(setup.weights.money) and not setup.weights.carbon


def _too_much(env: EnergyEnv) -> str | None:
    """Return why it does not hold a site, or what is one no more; None where it does."""
    loads = (entity.fixed_kw(env.setup.feed.values) for site in env.setup.sites for entity in site.entities.values())
    if not any(load is not None for load in loads):
        return "holds one battery without standby losses at a market with one price, for money"
    return refusal(env)
