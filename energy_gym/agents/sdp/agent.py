"""``sdp``: stochastic dynamic programming, a value of stored energy under what prices and loads usually miss.

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
from energy_gym.agents.sdp.market import MarketPlanner, fitted_chain, prices_of, suits, usual_prices
from energy_gym.arrays import Floats
from energy_gym.errors import ConfigurationError, ResetNeededError
from energy_gym.files import write_atomically
from energy_gym.forecast.error_chain import Bins, ErrorChain

ARRAYS = "chain.npz"


class SDP(Agent):
    """Plays one step of look-ahead against a value of stored energy that knows how wrong expectations usually are.

    ``fit`` learns a Markov chain over the errors of the price by hour of day on the training split: what the price of
    a step missed of the one published the day before (a column ``forecast_price_per_mwh``), or of the usual one of its
    hour. Values are worked out again whenever further prices are published, exactly but for the grid of 108 energies.

    Args:
        env: The environment.
        seed: Not used: nothing is drawn.
        bins: How errors become states; see `energy_gym.forecast.error_chain.Bins`.

    Source:
        Zheng, Jaworski and Xu, Arbitraging variable efficiency energy storage using analytical stochastic dynamic
        programming, IEEE Transactions on Power Systems 37(6), 2022 (arXiv 2108.06000).

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

    def __init__(self, env: Any, seed: int = 0, bins: Bins | None = None) -> None:
        super().__init__(env, seed)
        self._check()
        self.bins = Bins() if bins is None else bins
        self.planner: MarketPlanner | None = None
        self._usual: Floats = np.zeros(24)

    def _check(self) -> None:
        """Raise where there are more states than it can hold."""
        setup = self.env.setup
        if len(setup.units) != 1 or not suits(setup.units[0]) or setup.weights.carbon or not setup.weights.money:
            raise self.refused("holds one battery without standby losses at a market with one price, for money")

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`.

        Raises:
            ResetNeededError: Nothing was fitted.
        """
        return self.power(self.ready().share(self.env.energy_kwh))

    def reset(self) -> None:
        """See `Agent.reset`."""
        if self.planner is not None:
            self.planner.restart()

    def ready(self) -> MarketPlanner:
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
        self._usual = usual_prices(train)
        self._take(fitted_chain(train, self._usual, self.bins))
        return self

    def _take(self, chain: ErrorChain) -> None:
        sure = prices_of(self.env, self._usual).sure
        self.planner = MarketPlanner(self.env, ErrorChain.known() if sure else chain, self._usual)

    def save(self, folder: str | Path) -> None:
        """See `Agent.save`; the chain is ``chain.npz``."""
        content = _to_bytes(self.ready().chain)
        write_atomically(Path(folder) / ARRAYS, lambda path: path.write_bytes(content))
        super().save(folder)

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        digest = hashlib.sha256(_to_bytes(self.ready().chain)).hexdigest()
        return {**super().parameters(), "usual": self._usual.tolist(), "sha256": digest}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self._usual = np.array(parameters["usual"], dtype=float)
        path = folder / ARRAYS
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != parameters["sha256"]:
            raise ConfigurationError(f"{path}", "is not the file that was saved", "save the agent again")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            self._take(ErrorChain.of(arrays))


def _to_bytes(chain: ErrorChain) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **chain.arrays())
    return stream.getvalue()
