"""The tariff of a grid connection: one price for what is bought, another for what is sold.

One rule: imports cost and exports earn, each at its own price of the step; with equal prices it is the spot contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from energy_gym.backends import Namespace
from energy_gym.contracts.base import EnergyContract, party_names, register
from energy_gym.contracts.spot import KWH_PER_MWH
from energy_gym.contracts.time_of_use import Band, TimeOfUse
from energy_gym.errors import ConfigurationError, DataError, MissingColumnError
from energy_gym.trees import build, check_keys, mapping, number, text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Band", "Tariff", "TimeOfUse", "costa_rica", "grid_cost"]

Floats = npt.NDArray[np.float64]


@register
@dataclass(frozen=True, slots=True)
class Tariff(EnergyContract):
    """What a kilowatt-hour costs when it is bought and earns when it is sold.

    Each price is a number [currency/MWh], the name of a column of the data with such prices, or a table.

    Args:
        buy: Price of imported energy.
        sell: Price of exported energy; negative prices make exports cost.
        feed_in_ratio: Net metering: exports earn this fraction of the price of imports, in [0, 1]; excludes ``sell``.
            With neither, exports earn nothing.
        carbon: Column of the data with the carbon intensity [gCO2/kWh]; where the data have none, carbon counts as 0.
        parties: Entities whose energy it settles; empty for all.

    Raises:
        ConfigurationError: A price is none of these, a ratio is outside [0, 1], or both ways to sell are given.

    Source:
        EnCortex, section 5.2; net metering as in learning to optimise home batteries (exports earn a ratio of
        the price).

    Example:
        >>> Tariff(buy=300.0, feed_in_ratio=0.3).columns()
        ()
        >>> Tariff(buy="price_per_mwh", sell="feed_in_per_mwh").columns()
        ('price_per_mwh', 'feed_in_per_mwh')
    """

    kind: ClassVar[str] = "tariff"
    buy: float | str | TimeOfUse = "price_per_mwh"
    sell: float | str | TimeOfUse | None = None
    feed_in_ratio: float | None = None
    carbon: str = "carbon_g_per_kwh"
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parties", party_names("tariff", self.parties))
        object.__setattr__(self, "buy", _price("buy", self.buy))
        text("carbon", self.carbon)
        if self.sell is not None:
            object.__setattr__(self, "sell", _price("sell", self.sell))
        if self.feed_in_ratio is not None:
            self._check_ratio()

    def _check_ratio(self) -> None:
        ratio = number("feed_in_ratio", self.feed_in_ratio, "a fraction")
        if not 0.0 <= ratio <= 1.0:
            raise ConfigurationError(f"feed_in_ratio={ratio}", "must lie in [0, 1]", "write 30 % as 0.3")
        if self.sell is not None:
            raise ConfigurationError(f"feed_in_ratio={ratio}", "excludes a price for sales", "give one of the two")
        object.__setattr__(self, "feed_in_ratio", ratio)

    def columns(self) -> tuple[str, ...]:
        """Return the columns of prices that the data must have."""
        return tuple(dict.fromkeys(price for price in (self.buy, self.sell) if isinstance(price, str)))

    def price_columns(self) -> tuple[str | None, str | None]:
        """See `EnergyContract.price_columns`."""
        buy, sell = (price if isinstance(price, str) else None for price in (self.buy, self.sell))
        return buy, sell

    def varying(self) -> tuple[bool, bool]:
        """See `EnergyContract.varying`."""
        buy, sell = (isinstance(price, str | TimeOfUse) for price in (self.buy, self.sell))
        return buy, sell

    def prices(self, values: Mapping[str, Floats], times: pd.DatetimeIndex, zone: str) -> tuple[Floats, Floats]:
        """Return the prices of buying and of selling for each step [currency/MWh], each (T,), float64.

        Args:
            values: The columns of the data, each (T,).
            times: Starts of the steps (UTC), shape (T,).
            zone: Time zone of the data.

        Raises:
            MissingColumnError: A column is not there.
            DataError: A column has another length than the times.
            ConfigurationError: A table does not fit the steps.

        Example:
            >>> import pandas as pd
            >>> times = pd.date_range("2024-01-01", periods=2, freq="h", tz="UTC")
            >>> Tariff(feed_in_ratio=0.5).prices({"price_per_mwh": [80.0, -10.0]}, times, "UTC")
            (array([ 80., -10.]), array([40., -5.]))
        """
        buy = _series(self.buy, values, times, zone)
        if self.feed_in_ratio is not None:
            return buy, self.feed_in_ratio * buy
        return buy, _series(0.0 if self.sell is None else self.sell, values, times, zone)

    def to_tree(self) -> dict[str, Any]:
        """Return the tariff as a plain tree, without ways to sell that it does not use."""
        tree = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            name: value.to_tree() if isinstance(value, TimeOfUse) else list(value) if name == "parties" else value
            for name, value in tree.items()
            if value is not None and value != ()
        }

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any], path: str) -> Tariff:
        """Read a tariff from a plain tree; a price that is a mapping is a table.

        Args:
            tree: Keys ``buy``, ``sell``, ``feed_in_ratio`` and ``carbon``.
            path: Where the tree stands in its file; errors start with it.

        Raises:
            ConfigurationError: An unknown key or a bad value, with its path.

        Example:
            >>> Tariff.from_tree({"buy": 300, "feed_in_ratio": 0.3}, "contracts.supply").buy
            300.0
        """
        tree = dict(mapping(tree, path))
        check_keys(tree, (item.name for item in fields(cls)), path)
        for name in ("buy", "sell"):
            if isinstance(tree.get(name), Mapping):
                tree[name] = TimeOfUse.from_tree(tree[name], f"{path}.{name}")
        return build(cls, tree, path)


def grid_cost(grid_kwh: Any, buy_per_mwh: Any, sell_per_mwh: Any, xp: Namespace) -> Any:
    """Money spent on a step [currency]: import times the price of buying less export times the price of selling.

    It is written as the price of selling on all energy, plus the margin between the two prices on imports. So equal
    prices give, bit for bit, what :func:`~energy_gym.contracts.spot.energy_cost` gives.

    Args:
        grid_kwh: Energy through the connection [kWh], import positive.
        buy_per_mwh: Price of buying [currency/MWh].
        sell_per_mwh: Price of selling [currency/MWh].
        xp: How these numbers spell ``positive``.

    Source:
        By definition: the bill of learning to optimise home batteries, import times its price less export times
        its own.

    Example:
        >>> from energy_gym.backends import scalars
        >>> grid_cost(10.0, 300.0, 90.0, scalars), grid_cost(-10.0, 300.0, 90.0, scalars)
        (3.0, -0.9)
    """
    return (grid_kwh * sell_per_mwh - xp.positive(grid_kwh) * (sell_per_mwh - buy_per_mwh)) / KWH_PER_MWH


def costa_rica() -> Tariff:
    """Return the commercial time-of-use energy prices of Costa Rica [CRC/MWh], with nothing paid for exports.

    Source:
        The tariff that a model-predictive-control service states for Costa Rica's commercial customers.

    Example:
        >>> [(band.name, band.price_per_mwh) for band in costa_rica().buy.bands]
        [('peak', 70000.0), ('valley', 26000.0), ('night', 16000.0)]
    """
    bands = (
        Band("peak", 70000.0, hours=((10, 17),)),
        Band("valley", 26000.0, hours=((1, 10),)),
        Band("night", 16000.0, hours=((17, 1),)),
    )
    return Tariff(buy=TimeOfUse(bands, zone="America/Costa_Rica"))


def _price(name: str, value: Any) -> float | str | TimeOfUse:
    if isinstance(value, TimeOfUse):
        return value
    return text(name, value) if isinstance(value, str) else number(name, value, "currency/MWh, or name a column")


def _series(price: float | str | TimeOfUse, values: Mapping[str, Floats], times: pd.DatetimeIndex, zone: str) -> Floats:
    if isinstance(price, TimeOfUse):
        return price.series(times, zone)
    if isinstance(price, float):
        return np.full(len(times), price)
    if price not in values:
        raise MissingColumnError(f"column {price!r}", "is needed by the tariff", f"the data have {', '.join(values)}")
    series = np.array(values[price], dtype=np.float64)
    if series.shape != (len(times),):
        rule = f"must have one value for each of the {len(times)} steps"
        raise DataError(f"column {price!r} of shape {series.shape}", rule, "cut the data to their common period")
    return series
