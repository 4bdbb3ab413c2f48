"""What a fleet of batteries settles: the base of its markets, their legs, and what energy in store is worth to it.

One rule: a market is taken apart into legs, each with one direction; it states powers in the order of its parties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from energy_gym.arrays import Floats
from energy_gym.contracts.activation import require_column, require_number
from energy_gym.contracts.base import Contract, EnergyContract, Values, party_names, register
from energy_gym.entities.battery import Battery
from energy_gym.errors import ConfigurationError
from energy_gym.trees import check_keys, listed, mapping, sequence, text

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.contracts.reserve import Reserve


class Leg(NamedTuple):
    """One direction of a market.

    ``product`` says what is held and paid for, its powers in the order of the fleet; ``control`` is the market's place
    in an action, ``sign`` the sign of the action that asks for this leg; ``free`` means that holding earns nothing (a
    trade).
    """

    name: str
    product: Reserve
    control: int
    sign: float
    free: bool

    @property
    def beside(self) -> bool:
        """Whether it is held while its asset serves the other direction."""
        return self.product.both_ways


class FleetMarket(Contract):
    """Base of what a fleet sells to.

    ``name`` is its key among the contracts of the scenario, ``price`` the column of its price, ``prequalified_kw`` the
    power of each party, in their order.
    """

    __slots__ = ()
    settled_by: ClassVar[str] = "fleet"
    name: str
    price: str
    prequalified_kw: tuple[float, ...]

    @property
    def maximum_kw(self) -> float:
        """Power of all assets together [kW]."""
        total = 0.0
        for power in self.prequalified_kw:
            total = total + power
        return total

    def columns(self) -> tuple[str, ...]:
        """Return the columns of the data that it needs."""
        return (self.price,)

    def powers(self, assets: Sequence[str]) -> tuple[float, ...]:
        """Return the power of each asset of a fleet, in the order of the fleet [kW]."""
        own = dict(zip(self.parties or assets, self.prequalified_kw, strict=True))
        return tuple(own[asset] for asset in assets)

    def legs(self, control: int, assets: Sequence[str], hours: float) -> tuple[Leg, ...]:
        """Return its directions, in the order in which an asset serves them.

        Args:
            control: Its place in an action.
            assets: Names of the batteries, in the order of the fleet.
            hours: Length of a step [h].
        """
        raise ConfigurationError(f"contract {self.kind!r}", "has no directions", "define legs() on its class")

    def check_unit(self, name: str, entities: Mapping[str, Any], contracts: Mapping[str, Contract]) -> None:
        """See `Contract.check_unit`: all parties are batteries, each has a power, and no leg takes another's name."""
        check_batteries(self, name, entities)
        parties = self.parties or tuple(entities)
        if len(parties) != len(self.prequalified_kw):
            found = f"contracts.{name}.prequalified_kw={self.prequalified_kw}"
            rule = f"is the power of {len(self.prequalified_kw)} assets, and the fleet has {len(parties)}"
            raise ConfigurationError(found, rule, "pass a power for each asset, 0 where it may not sell")
        for leg in self.legs(0, parties, 1.0):
            if leg.name != name and (leg.name in contracts or leg.name in entities):
                raise ConfigurationError(f"contracts.{name}: the name {leg.name!r}", "is taken", "give each its own")


def checked_powers(powers: Any) -> tuple[float, ...]:
    """Return ``prequalified_kw`` as a tuple, or raise ConfigurationError."""
    found = sequence("prequalified_kw", powers)
    for power in found:
        require_number("prequalified_kw", power, 0.0)
    return found


@register
@dataclass(frozen=True, slots=True)
class EnergyValue(EnergyContract):
    """What energy in store is worth to a fleet when an episode ends, and what its energy emits; at most one a fleet.

    Args:
        price: Column of the price at which energy missing or left at the end is settled [currency/MWh].
        carbon: Column of the carbon intensity of what is drawn [gCO2/kWh].
        parties: Batteries of the fleet; empty for all.

    Raises:
        ConfigurationError: A name is not a string.

    Source:
        By definition of this suite: what is left when an episode ends is settled at one price.

    Example:
        >>> EnergyValue().price_columns()
        ('price_per_mwh', 'price_per_mwh')
    """

    kind: ClassVar[str] = "energy_value"
    settled_by: ClassVar[str] = "fleet"
    price: str = "price_per_mwh"
    carbon: str = "carbon_g_per_kwh"
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_column("price", self.price)
        require_column("carbon", self.carbon)
        object.__setattr__(self, "parties", party_names("energy_value", self.parties))

    def columns(self) -> tuple[str, ...]:
        """See `EnergyContract.columns`."""
        return (self.price,)

    def price_columns(self) -> tuple[str, str]:
        """See `EnergyContract.price_columns`."""
        return self.price, self.price

    def prices(self, values: Values, times: pd.DatetimeIndex, zone: str) -> tuple[Floats, Floats]:
        """See `EnergyContract.prices`."""
        return values[self.price], values[self.price]

    def check_unit(self, name: str, entities: Mapping[str, Any], contracts: Mapping[str, Contract]) -> None:
        """See `Contract.check_unit`: a fleet has one, beside a market or more."""
        check_batteries(self, name, entities)
        own = [key for key, contract in contracts.items() if isinstance(contract, EnergyValue)]
        if name != own[0]:
            raise ConfigurationError(f"contracts.{name}", f"is a second value of energy beside {own[0]!r}", "keep one")
        if not any(isinstance(contract, FleetMarket) for contract in contracts.values()):
            rule = "says what energy is worth to a fleet that sells to no market"
            raise ConfigurationError(f"contracts.{name}", rule, "add a reserve or a trade")


def check_batteries(contract: Contract, name: str, entities: Mapping[str, Any]) -> None:
    """Raise ConfigurationError where a party of a fleet's contract is anything but a plain battery."""
    for party, entity in entities.items():
        found = f"contracts.{name} (kind {contract.kind!r}): its party {party!r} is of kind {entity.kind!r}"
        if not isinstance(entity, Battery):
            raise ConfigurationError(found, "the assets of a fleet are batteries", "leave it out of its parties")
        if type(entity).flexible is not Battery.flexible:
            rule = "the assets of a fleet are plain batteries; this one has laws of its own, which would not be played"
            raise ConfigurationError(found, rule, "pass a Battery, with what its use costs as wear_per_kwh")


def contracts_of(markets: Any, price: str, carbon: str) -> dict[str, Contract]:
    """Return the contracts of a fleet by name: its markets, and what energy is worth to it where that is not the usual.

    Args:
        markets: A mapping by name, or a list of markets, which carry their names.
        price: Column of the price at which energy missing or left at the end is settled.
        carbon: Column of the carbon intensity.

    Raises:
        ConfigurationError: There are none, two share a name, or a column is no name.
    """
    if isinstance(markets, Mapping):
        found = dict(markets)
    else:
        found = {item.name: item for item in listed("markets", sequence("markets", markets), FleetMarket)}
    require_column("energy_price", price)
    require_column("carbon", carbon)
    value = EnergyValue(price, carbon)
    if value == EnergyValue():
        return found
    if EnergyValue.kind in found:
        raise ConfigurationError(f"markets.{EnergyValue.kind}", "is taken by energy_price and carbon", "rename it")
    return {**found, EnergyValue.kind: value}


def scenario_tree(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tree of a scenario from one written as a fleet: ``batteries``, and a list of ``markets`` with names.

    Raises:
        ConfigurationError: An unknown key, or a market without a name or with one that is taken.

    Example:
        >>> sold = [{"name": "up", "price": "up_per_mw_h"}]
        >>> scenario_tree({"batteries": {"a": {}}, "markets": sold})["contracts"]
        {'up': {'kind': 'reserve', 'name': 'up', 'price': 'up_per_mw_h'}}
    """
    usual = {"energy_price": EnergyValue().price, "carbon": EnergyValue().carbon}
    check_keys(tree, ("name", "batteries", "markets", *usual, "clock", "objective"), "fleet")
    batteries = mapping(tree.get("batteries", {}), "batteries")
    contracts: dict[str, Any] = {}
    for place, item in enumerate(sequence("markets", tree.get("markets", ()))):
        market = mapping(item, f"markets[{place}]")
        name = text(f"markets[{place}].name", market.get("name"))
        if name in contracts:
            raise ConfigurationError(f"markets[{place}].name={name!r}", "is taken", "give each a name of its own")
        contracts[name] = {"kind": "reserve", **market}
    worth = {key: tree.get(key, column) for key, column in usual.items()}
    if worth != usual:
        contracts[EnergyValue.kind] = {"price": worth["energy_price"], "carbon": worth["carbon"]}
    assets = {name: {"kind": "battery", **mapping(item, f"batteries.{name}")} for name, item in batteries.items()}
    rest = {key: tree[key] for key in ("clock", "objective") if key in tree}
    return {"name": tree.get("name", "fleet"), "entities": assets, "contracts": contracts, **rest}
