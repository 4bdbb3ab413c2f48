"""Energy that a fleet buys and sells beside its reserves; its one rule: a trade is delivered in full, both ways.

A fleet that only sells upward reserves runs empty when they are called: a trade is how it fills up again.
"""

from __future__ import annotations

from dataclasses import dataclass

from energy_gym.contracts.activation import require_column, require_number
from energy_gym.errors import ConfigurationError
from energy_gym.trees import sequence


@dataclass(frozen=True, slots=True)
class Trade:
    """A market for energy at a price per MWh, such as spot.

    Args:
        name: Its name in actions, ``info`` and messages.
        price: Column of its price [currency/MWh].
        prequalified_kw: Power that each asset may trade [kW], in the order of the fleet, the same both ways.

    Raises:
        ConfigurationError: A name or a power is not usable, or no asset may trade.

    Example:
        >>> Trade("spot", "price_per_mwh", (500.0, 250.0)).maximum_kw
        750.0
    """

    name: str
    price: str
    prequalified_kw: tuple[float, ...]

    def __post_init__(self) -> None:
        where = f"trade {self.name!r}"
        require_column("trade name", self.name)
        require_column(f"{where}: price", self.price)
        object.__setattr__(self, "prequalified_kw", sequence(f"{where}: prequalified_kw", self.prequalified_kw))
        for power in self.prequalified_kw:
            require_number(f"{where}: prequalified_kw", power, 0.0)
        if self.maximum_kw <= 0.0:
            found = f"{where}: prequalified_kw={self.prequalified_kw}"
            raise ConfigurationError(found, "some asset must be allowed to trade", "pass a power above 0")

    @property
    def maximum_kw(self) -> float:
        """Power that all assets together may trade [kW]."""
        total = 0.0
        for power in self.prequalified_kw:
            total = total + power
        return total
