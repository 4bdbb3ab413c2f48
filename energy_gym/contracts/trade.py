"""Energy that a fleet buys and sells beside its reserves; its one rule: a trade is delivered in full, both ways.

A fleet that only sells upward reserves runs empty when they are called: a trade is how it fills up again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from energy_gym.contracts.activation import FullActivation, require_column
from energy_gym.contracts.base import party_names, register
from energy_gym.contracts.fleet import FleetMarket, Leg, checked_powers
from energy_gym.contracts.reserve import Reserve
from energy_gym.errors import ConfigurationError
from energy_gym.trees import text


@register
@dataclass(frozen=True, slots=True)
class Trade(FleetMarket):
    """A market for energy at a price per MWh, such as spot.

    Args:
        name: Its name, which is its key among the contracts of a scenario.
        price: Column of its price [currency/MWh].
        prequalified_kw: Power that each asset may trade [kW], in the order of the parties, the same both ways.
        parties: The assets; empty for all batteries of the scenario.

    Raises:
        ConfigurationError: A name or a power is not usable, or no asset may trade.

    Source:
        By definition of a price per MWh.

    Example:
        >>> trade = Trade("spot", "price_per_mwh", (500.0, 250.0))
        >>> trade.maximum_kw, [leg.name for leg in trade.legs(0, ("a", "b"), 1.0)]
        (750.0, ['spot.buy', 'spot.sell'])
    """

    kind: ClassVar[str] = "trade"
    name: str
    price: str
    prequalified_kw: tuple[float, ...]
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        text("name", self.name)
        require_column("price", self.price)
        object.__setattr__(self, "prequalified_kw", checked_powers(self.prequalified_kw))
        if self.maximum_kw <= 0.0:
            found = f"prequalified_kw={self.prequalified_kw}"
            raise ConfigurationError(found, "some asset must be allowed to trade", "pass a power above 0")
        object.__setattr__(self, "parties", party_names("trade", self.parties))

    def legs(self, control: int, assets: Sequence[str], hours: float) -> tuple[Leg, ...]:
        """See `FleetMarket.legs`: buying (down) and selling (up), always called, paid for by energy alone."""
        powers = self.powers(assets)
        return tuple(
            Leg(f"{self.name}.{side}", product, control, product.sign, True)
            for side, way in (("buy", "down"), ("sell", "up"))
            for product in (self._half(way, powers, hours),)
        )

    def _half(self, way: str, powers: tuple[float, ...], hours: float) -> Reserve:
        return Reserve(
            self.name,
            self.price,
            way,
            powers,
            duration_hours=hours,
            activation=FullActivation(),
            energy_price=self.price,
            price_share=0.0,
        )
