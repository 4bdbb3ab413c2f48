"""The rule an operator would write: charge when energy is cheap, discharge when it is dear.

One rule: the two thresholds come from the training split alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from energy_gym.agents.base import Agent, Callback
from energy_gym.contracts import spot
from energy_gym.envs.assembly import table_names
from energy_gym.envs.env import EnergyEnv, batch_of
from energy_gym.envs.keywords import WEEK_HOURS
from energy_gym.errors import ResetNeededError

QUANTILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Threshold(Agent):
    """Charges at or below one price, discharges at or above another, else idles.

    The price is what a kWh costs under the objective: money, carbon, or both. ``fit`` plays every pair of quantiles
    of the training split on that split and keeps the pair with the best median week, so that no single event decides.
    Several controls do the same.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", split="test", episode_steps=24)
        >>> agent = Threshold(env).fit()
        >>> agent.low < agent.high
        True
    """

    name: ClassVar[str] = "threshold"
    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("power",)

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        if not np.ndim(_costs(self.env)):
            raise self.refused("needs a price or a carbon intensity that changes from step to step")
        self.low: float | None = None
        self.high: float | None = None

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`.

        Raises:
            ResetNeededError: The thresholds were not fitted.
        """
        if self.low is None or self.high is None:
            raise ResetNeededError("threshold agent", "has no thresholds yet", "call fit() first")
        price = cost_of_kwh(self.env, {column: rows[0] for column, rows in self.env.outlook().items()})
        return self.power(1.0 if price <= self.low else (-1.0 if price >= self.high else 0.0))

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """See `Agent.fit`."""
        train = self.played(source, episode_steps=None)
        costs = _costs(train)
        levels = np.quantile(costs, QUANTILES)
        pairs = [(low, high) for low in levels for high in levels if low < high] or [(levels[0], levels[-1])]
        low, high = np.array(pairs).T
        weekly = _weekly_returns(train, costs, low, high)
        best = int(np.argmax(np.median(weekly, axis=0)))
        self.low, self.high = float(low[best]), float(high[best])
        return self

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        return {**super().parameters(), "low": self.low, "high": self.high}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.low, self.high = parameters["low"], parameters["high"]


def cost_of_kwh(env: EnergyEnv, values: Mapping[str, Any]) -> Any:
    """Return what a kWh from the grid costs in reward units, given price and carbon intensity by column."""
    weights, site = env.setup.weights, env.setup.sites[0]
    price = table_names(site)[0]
    money = spot.energy_cost(1.0, values[price]) if price in values else 0.0
    carbon = spot.carbon_kg(1.0, values[site.energy.carbon]) if site.energy.carbon in values else 0.0
    return weights.money * money + weights.carbon * carbon


def _costs(env: EnergyEnv) -> npt.NDArray[np.float64]:
    """Return what a kWh costs in each step of the split as it is believed then, shape (T,); () if it never changes."""
    ahead = env.setup.tape.ahead
    return np.asarray(cost_of_kwh(env, {column: rows[:-1, 0] for column, rows in ahead.items()}))


def _weekly_returns(
    train: EnergyEnv, costs: npt.NDArray[np.float64], low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Play every pair of thresholds over the whole split at once; shape (weeks, pairs)."""
    batch = batch_of(train, len(low), "disabled", actions="continuous", episode_steps=None)
    batch.reset(seed=0)
    week = round(WEEK_HOURS / train.setup.feed.step_hours)
    total = np.zeros((-(-len(costs) // week), len(low)))
    for step, cost in enumerate(costs.tolist()):
        wish = np.where(cost <= low, 1.0, np.where(cost >= high, -1.0, 0.0))
        total[step // week] += batch.step(np.repeat(wish[:, None], train.setup.controls, axis=1))[1]
    return total
