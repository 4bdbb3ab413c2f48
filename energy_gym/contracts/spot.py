"""The spot contract: all energy that crosses the grid connection is settled at the interval's price.

One rule: import costs, export earns, at the same price; carbon is caused by import and avoided by export.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from energy_gym.contracts.base import EnergyContract, Floats, Values, party_names, register
from energy_gym.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

KWH_PER_MWH = 1000.0
G_PER_KG = 1000.0
KG_PER_TONNE = 1000.0


@register
@dataclass(frozen=True, slots=True)
class Spot(EnergyContract):
    """A price taker on a spot market.

    Args:
        price: Column of the data with the price [currency/MWh].
        carbon: Column of the data with the carbon intensity [gCO2/kWh]; where the data have none, carbon counts as 0.
        parties: Entities whose energy it settles; empty for all.

    Raises:
        ConfigurationError: A name is not a string.

    Source:
        EnCortex, section 5.1: a battery on a market.

    Example:
        >>> Spot().price
        'price_per_mwh'
    """

    kind: ClassVar[str] = "spot"
    price: str = "price_per_mwh"
    carbon: str = "carbon_g_per_kwh"
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("price", "carbon"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise ConfigurationError(f"{name}={getattr(self, name)!r}", "must name a column", "pass its name")
        object.__setattr__(self, "parties", party_names("spot", self.parties))

    def columns(self) -> tuple[str, ...]:
        """See `EnergyContract.columns`."""
        return (self.price,)

    def price_columns(self) -> tuple[str, str]:
        """See `EnergyContract.price_columns`."""
        return self.price, self.price

    def prices(self, values: Values, times: pd.DatetimeIndex, zone: str) -> tuple[Floats, Floats]:
        """See `EnergyContract.prices`."""
        return values[self.price], values[self.price]


def energy_cost(grid_kwh: Any, price_per_mwh: Any) -> Any:
    """Money spent on energy in a step [currency]; negative where exports earn.

    Source:
        EnCortex, equation 1.

    Example:
        >>> energy_cost(-10.0, 50.0)
        -0.5
    """
    return grid_kwh * price_per_mwh / KWH_PER_MWH


def carbon_kg(grid_kwh: Any, carbon_g_per_kwh: Any) -> Any:
    """Carbon dioxide caused in a step [kg]; negative where exports avoid it.

    Source:
        EnCortex, equation 2.

    Example:
        >>> carbon_kg(10.0, 400.0)
        4.0
    """
    return grid_kwh * carbon_g_per_kwh / G_PER_KG
