"""What a scenario is run for, and its clock: objective, weights of the reward's parts, steps and look-ahead.

One rule: plain frozen data, validated when made.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from typing import NamedTuple

from energy_gym.contracts.spot import KG_PER_TONNE
from energy_gym.errors import ConfigurationError, NonPositiveError, UnknownIdError

OBJECTIVES = ("cost", "carbon", "joint")
TERMINALS = ("settle", "buyback", "cyclic", "free")
PRICES = {
    "carbon_price": "currency per tonne",
    "refused_per_kwh": "currency per kWh",
    "price_weight": "1 for money as it is",
    "wear_weight": "1 for wear as it is",
}


def check_carbon_price(price: float | None, kind: str | None, own: bool = False) -> None:
    """Raise ConfigurationError where a price of carbon is named that nothing counts.

    Args:
        price: The price [currency/tonne]; None where none is named.
        kind: The objective that is named; None where it is left to what is usual.
        own: Whether a scenario of one's own is played, in which stands what it is run for.
    """
    left = own and kind is None
    if price is not None and kind != "joint" and not left:
        found, rule = (
            f"carbon_price={price}",
            f"counts in objective 'joint' alone, and the objective is {kind or 'cost'!r}",
        )
        raise ConfigurationError(found, rule, "ask for joint, or leave the price out")


class Weights(NamedTuple):
    """How much each part counts against the reward, in reward units.

    Args:
        money: Per unit of money, wear apart.
        carbon: Per kg of carbon.
        wear: Per unit of money of wear.
    """

    money: float
    carbon: float
    wear: float


@dataclass(frozen=True, slots=True)
class Objective:
    """What is maximised, and how an episode is closed.

    Args:
        kind: ``"cost"`` (currency), ``"carbon"`` (kg CO2 avoided) or ``"joint"`` (currency plus priced carbon).
        carbon_price: Price of carbon in the joint objective [currency/tonne].
        refused_per_kwh: What each kWh of a wish that is refused costs at a site [currency/kWh], as a penalty; 0 for
            nothing. What an action asks for beyond its space is cut before, and not counted.
        price_weight: What a unit of money counts in the objectives that count money, wear apart; 0 for nothing, where
            carbon counts.
        wear_weight: What a unit of money of wear counts there; 0 for nothing.
        terminal: ``"settle"``: energy above or below the starting level is settled at the reference price and carbon
            intensity in the last reward; ``"buyback"``: energy missing is bought back at the highest price of the data
            and energy above earns nothing; ``"cyclic"``: every episode ends at the starting level, since wishes are cut
            to what leaves it within reach; ``"free"``: nothing is settled.

    Raises:
        UnknownIdError: An unknown kind or terminal.
        ConfigurationError: A price or a weight that is negative or not finite, or weights by which neither money nor
            carbon counts.

    Source:
        EnCortex, section 5.1.3: weights of price, carbon and degradation (equation 4), and a hard penalty for what
        breaks the limits of a battery.

    Example:
        >>> Objective("joint", carbon_price=80.0, wear_weight=2.0).weights
        Weights(money=1.0, carbon=0.08, wear=2.0)
    """

    kind: str = "cost"
    carbon_price: float = 80.0
    terminal: str = "settle"
    refused_per_kwh: float = 0.0
    price_weight: float = 1.0
    wear_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in OBJECTIVES:
            raise UnknownIdError.of("objective", self.kind, OBJECTIVES)
        if self.terminal not in TERMINALS:
            raise UnknownIdError.of("terminal", self.terminal, TERMINALS)
        for name, unit in PRICES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigurationError(f"{name}={value!r}", "must be a number", f"pass {unit}")
            if not 0.0 <= value <= sys.float_info.max:
                raise ConfigurationError(f"{name}={value}", "must be finite and not negative", f"pass {unit}")
        if not (self.weights.money or self.weights.carbon):
            found, rule = f"price_weight={self.price_weight}", f"lets neither money nor carbon count in {self.kind!r}"
            raise ConfigurationError(found, rule, 'pass more than 0, or kind="joint" and a carbon_price above 0')

    @property
    def weights(self) -> Weights:
        """Reward per unit of money spent, per kg of carbon caused and per unit of wear, with the sign of a cost."""
        if self.kind == "carbon":
            return Weights(0.0, 1.0, 0.0)
        carbon = self.carbon_price / KG_PER_TONNE if self.kind == "joint" else 0.0
        return Weights(float(self.price_weight), carbon, float(self.wear_weight))

    @property
    def needs_carbon(self) -> bool:
        """Whether the reward depends on the carbon intensity."""
        return self.kind != "cost"


@dataclass(frozen=True, slots=True)
class Clock:
    """Steps, look-ahead and length of an episode.

    Args:
        step_minutes: Length of a step [min] that the data must have; None takes the data's own.
        horizon: Steps of look-ahead in the observation; None takes 24.
        episode_steps: Steps of an episode; None takes one week. Keywords of ``gym.make`` win over all three.

    Raises:
        NonPositiveError: A number of steps or minutes that is not positive.

    Example:
        >>> Clock(step_minutes=15, horizon=192).episode_steps is None
        True
    """

    step_minutes: int | None = None
    horizon: int | None = None
    episode_steps: int | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise ConfigurationError(f"{item.name}={value!r}", "must be a whole number", "pass an int or None")
            if value is not None and value < 1:
                raise NonPositiveError(f"{item.name}={value}", "must be at least 1", "pass a positive number or None")
