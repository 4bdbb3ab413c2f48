"""Trading: the markets that a producer bids in, and how deviations from what it has committed are settled.

One rule: nothing is settled at the meter's own price; energy is money only as committed, or as a deviation from that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from energy_gym.arrays import Floats
from energy_gym.contracts.banded import Banded, PiecewiseLinear
from energy_gym.contracts.base import EnergyContract, Values, party_names, register
from energy_gym.contracts.clearing import LinearImpact, PriceImpact, PriceTaker
from energy_gym.contracts.deviation import Deviation, DualPrice, LinearPenalty, SinglePrice
from energy_gym.contracts.market import Ahead, Limits, LocalDay, Market
from energy_gym.contracts.market_presets import eu_day_ahead, preset
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.trees import build, check_keys, kind_tree, mapping, number, of_kind, sequence, text, to_tree

if TYPE_CHECKING:
    import pandas as pd

BIDS = ("volume", "price-volume")
DEVIATIONS: dict[str, type[Any]] = {
    "banded": Banded,
    "dual-price": DualPrice,
    "linear": LinearPenalty,
    "piecewise-linear": PiecewiseLinear,
    "single-price": SinglePrice,
}
IMPACTS: dict[str, type[Any]] = {"linear": LinearImpact, "price-taker": PriceTaker}


@register
@dataclass(frozen=True, slots=True)
class Trading(EnergyContract):
    """Sales and purchases in markets with gate closures.

    Args:
        markets: The markets, in the order of their bids in an action.
        deviation: How committed less delivered energy is settled.
        sell_kw: Size of the largest offer of a slot [kW].
        buy_kw: Size of the largest purchase of a slot [kW].
        bids: ``"volume"``: a bid is taken at any price; ``"price-volume"``: each bid has a limit price.
        impact: How bids move the price; by default not at all.
        carbon: Column of the data with the carbon intensity [gCO2/kWh]; where the data have none, carbon counts as 0.
        parties: Entities whose energy is traded; empty for all.

    Raises:
        ConfigurationError: No market, two of one name, a size that is not positive or too small for a market, or a
            part that is not what it should be.
        UnknownIdError: An unknown kind of bids.

    Source:
        EnCortex, section 5.3 and appendix B: bids until a gate, deviations from them settled.

    Example:
        >>> trading = Trading(sell_kw=150_000.0)
        >>> trading.columns()
        ('price_per_mwh', 'balancing_up_per_mwh', 'balancing_down_per_mwh')
        >>> Trading.from_tree(trading.to_tree(), "contracts.trading") == trading
        True
    """

    kind: ClassVar[str] = "trading"
    settled_by: ClassVar[str] = "producer"
    markets: tuple[Market, ...] = field(default_factory=lambda: (eu_day_ahead(),))
    deviation: Deviation = field(default_factory=DualPrice)
    sell_kw: float = 150_000.0
    buy_kw: float = 60_000.0
    bids: str = "volume"
    impact: PriceImpact = field(default_factory=PriceTaker)
    carbon: str = "carbon_g_per_kwh"
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "markets", sequence("markets", self.markets))
        names = [getattr(market, "name", None) for market in self.markets]
        if not names or not all(isinstance(market, Market) for market in self.markets) or len(set(names)) < len(names):
            raise ConfigurationError(f"markets {names}", "must be markets, each with its own name", "list one or more")
        for name in ("sell_kw", "buy_kw"):
            size = number(name, getattr(self, name), "kW")
            if size <= 0.0:
                raise ConfigurationError(f"{name}={size}", "must be above 0 kW", "pass the most that can be traded")
            object.__setattr__(self, name, size)
        if self.bids not in BIDS:
            raise UnknownIdError.of("bids", self.bids, BIDS)
        self._check_parts()
        object.__setattr__(self, "parties", party_names("trading", self.parties))

    def _check_parts(self) -> None:
        for name, wanted in (("deviation", ("columns", "pieces", "cost")), ("impact", ("taken",))):
            part = getattr(self, name)
            if not all(hasattr(part, method) for method in wanted):
                raise ConfigurationError(f"{name}={part!r}", f"must have {', '.join(wanted)}", f"pass a {name} object")
        text("carbon", self.carbon)
        for market in self.markets:
            limits, most = market.limits, max(self.sell_kw, self.buy_kw)
            if min(most, limits.maximum_kw) < max(limits.minimum_kw, limits.tick_kw):
                found = f"market {market.name!r}: minimum_kw={limits.minimum_kw}, tick_kw={limits.tick_kw}"
                raise ConfigurationError(found, f"bids of {most:g} kW never reach it", "raise sell_kw or buy_kw")

    @property
    def priced(self) -> bool:
        """Whether bids carry limit prices."""
        return self.bids == "price-volume"

    def columns(self) -> tuple[str, ...]:
        """See `EnergyContract.columns`."""
        return tuple(dict.fromkeys((*(market.price for market in self.markets), *self.deviation.columns)))

    def price_columns(self) -> tuple[str, str]:
        """Return the first market's price: what stored energy is worth when an episode ends."""
        return self.markets[0].price, self.markets[0].price

    def prices(self, values: Values, times: pd.DatetimeIndex, zone: str) -> tuple[Floats, Floats]:
        """Return the first market's prices; see `EnergyContract.prices`."""
        price = values[self.markets[0].price]
        return price, price

    def to_tree(self) -> dict[str, Any]:
        """Return it as a mapping, as scenario files hold it."""
        return {
            "markets": [_market_tree(market) for market in self.markets],
            "deviation": kind_tree(self.deviation, DEVIATIONS),
            "sell_kw": self.sell_kw,
            "buy_kw": self.buy_kw,
            "bids": self.bids,
            "impact": kind_tree(self.impact, IMPACTS),
            "carbon": self.carbon,
            "parties": list(self.parties),
        }

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any], path: str) -> Trading:
        """Return it from a mapping; a market may be the name of a preset."""
        given = dict(tree)
        check_keys(given, (item.name for item in fields(cls)), path)
        if "markets" in given:
            listed = given["markets"]
            if not isinstance(listed, list | tuple):
                raise ConfigurationError(f"{path}.markets={listed!r}", "must be a list", "list presets or mappings")
            given["markets"] = tuple(_market(item, f"{path}.markets[{place}]") for place, item in enumerate(listed))
        for key, kinds in (("deviation", DEVIATIONS), ("impact", IMPACTS)):
            if key in given:
                given[key] = of_kind(given[key], f"{path}.{key}", kinds)
        return build(cls, given, path)


def _market(item: Any, path: str) -> Market:
    if isinstance(item, str):
        return preset(item)
    given = dict(mapping(item, path))
    if "delivers" in given:
        entry = mapping(given["delivers"], f"{path}.delivers")
        kind: type[Any] = LocalDay if "days" in entry else Ahead
        given["delivers"] = build(kind, entry, f"{path}.delivers")
    if "limits" in given:
        given["limits"] = build(Limits, given["limits"], f"{path}.limits")
    return build(Market, given, path)


def _market_tree(market: Market) -> dict[str, Any]:
    return {**to_tree(market), "delivers": to_tree(market.delivers), "limits": to_tree(market.limits)}
