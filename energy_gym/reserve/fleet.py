"""A fleet: batteries and the markets they sell to; its one rule: plain frozen data, validated when made.

Every market is taken apart into legs, each with one direction: a reserve is one leg, a trade is two (buying, selling).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from energy_gym.contracts.activation import (
    Activation,
    ActivationSeries,
    FullActivation,
    NoActivation,
    RandomActivation,
    require_column,
)
from energy_gym.contracts.reserve import Reserve
from energy_gym.entities import Battery
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.objective import Clock, Objective
from energy_gym.reserve.trade import Trade
from energy_gym.trees import build, check_keys, mapping, parsed, read_file, sequence, to_tree

Market = Reserve | Trade
ACTIVATIONS: dict[str, Any] = {
    "none": NoActivation,
    "full": FullActivation,
    "random": RandomActivation,
    "series": ActivationSeries,
}
MARKETS: dict[str, Any] = {"reserve": Reserve, "trade": Trade}


class Leg(NamedTuple):
    """One direction of a market.

    ``product`` says what is held and paid for; ``control`` is the market's place in an action, ``sign`` the sign of the
    action that asks for this leg; ``free`` means that holding earns nothing (a trade).
    """

    name: str
    product: Reserve
    control: int
    sign: float
    free: bool


@dataclass(frozen=True, slots=True)
class Fleet:
    """Batteries that sell to markets, each asset in one direction at a time.

    Args:
        name: A short name, shown in tables and figures.
        batteries: The assets by name, in the order of every ``prequalified_kw``.
        markets: What they sell, in the order of the controls; an asset serves them in this order.
        energy_price: Column of the price at which energy missing or left at the end of an episode is settled.
        carbon: Column of the carbon intensity.
        clock: Steps, look-ahead and length of an episode.
        objective: What is maximised.

    Raises:
        ConfigurationError: No assets or markets, a name twice, a column that is not named, or a market with powers for
            another number of assets.

    Example:
        >>> fleet = Fleet(batteries={"a": Battery()}, markets=(Reserve("up", "up_per_mw_h", "up", (5.0,)),))
        >>> Fleet.from_yaml(fleet.to_yaml()) == fleet
        True
        >>> [leg.name for leg in fleet.legs(1.0)]
        ['up']
    """

    name: str = "fleet"
    batteries: Mapping[str, Battery] = field(default_factory=dict)
    markets: tuple[Market, ...] = ()
    energy_price: str = "price_per_mwh"
    carbon: str = "carbon_g_per_kwh"
    clock: Clock = field(default_factory=Clock)
    objective: Objective = field(default_factory=Objective)

    def __post_init__(self) -> None:
        object.__setattr__(self, "batteries", dict(mapping(self.batteries, "batteries")))
        object.__setattr__(self, "markets", sequence("markets", self.markets))
        require_column("energy_price", self.energy_price)
        require_column("carbon", self.carbon)
        for part, members, kinds in (
            ("batteries", self.batteries.values(), Battery),
            ("markets", self.markets, Market),
        ):
            if not members or not all(isinstance(item, kinds) for item in members):
                found = f"fleet {self.name!r}: {part}={members!r}"
                raise ConfigurationError(found, f"must hold one or more of {kinds}", "add one")
        for market in self.markets:
            if len(market.prequalified_kw) != len(self.batteries):
                found = f"market {market.name!r}: prequalified_kw of {len(market.prequalified_kw)} assets"
                raise ConfigurationError(found, f"the fleet has {len(self.batteries)}", "pass a power for each asset")
        names = [market.name for market in self.markets]
        names += [leg.name for leg in self.legs(1.0) if leg.free]
        twice = sorted({name for name in names if names.count(name) > 1} | set(names) & set(self.batteries))
        if twice:
            raise ConfigurationError(f"fleet {self.name!r}: the name {twice[0]!r}", "is taken", "give each its own")

    @property
    def entities(self) -> Mapping[str, Battery]:
        """The assets by name."""
        return self.batteries

    def legs(self, hours: float) -> tuple[Leg, ...]:
        """Return the directions of all markets, in the order in which an asset serves them.

        Args:
            hours: Length of a step [h]: as long as a trade lasts.
        """
        found: list[Leg] = []
        for place, market in enumerate(self.markets):
            if isinstance(market, Reserve):
                found.append(Leg(market.name, market, place, 1.0, False))
            else:
                found += [_half(market, place, way, hours) for way in ("down", "up")]
        return tuple(found)

    def columns(self) -> tuple[str, ...]:
        """Return the columns of the data that its markets need, each once."""
        names = [market.price for market in self.markets]
        for market in self.markets:
            if isinstance(market, Reserve):
                names += [market.energy_price] if market.energy_price else []
                names += [market.activation.column] if isinstance(market.activation, ActivationSeries) else []
        return tuple(dict.fromkeys(names))

    def to_yaml(self) -> str:
        """Return the fleet as YAML text."""
        tree = {
            "name": self.name,
            "batteries": {name: to_tree(battery) for name, battery in self.batteries.items()},
            "markets": [_market_tree(market) for market in self.markets],
            "energy_price": self.energy_price,
            "carbon": self.carbon,
            "clock": to_tree(self.clock),
            "objective": to_tree(self.objective),
        }
        return yaml.safe_dump(tree, sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> Fleet:
        """Read a fleet from YAML text; absent parts take their defaults.

        Raises:
            ConfigurationError: Broken YAML, an unknown key or kind, or a bad value, with its path.
        """
        tree = dict(mapping(parsed(text) or {}, "fleet"))
        check_keys(tree, [item.name for item in fields(cls)], "fleet")
        batteries = mapping(tree.pop("batteries", {}), "batteries")
        markets = tree.pop("markets", ())
        if not isinstance(markets, list | tuple):
            raise ConfigurationError(f"markets={markets!r}", "must be a list", "write a dash before each market")
        tree["batteries"] = {str(name): build(Battery, item, f"batteries.{name}") for name, item in batteries.items()}
        tree["markets"] = tuple(_market(item, f"markets[{place}]") for place, item in enumerate(markets))
        tree["clock"] = build(Clock, tree.get("clock", {}), "clock")
        tree["objective"] = build(Objective, tree.get("objective", {}), "objective")
        return cls(**tree)

    @classmethod
    def read(cls, source: Fleet | str | Path) -> Fleet:
        """Return the fleet itself, or read it from the YAML file at a path.

        Raises:
            ConfigurationError: There is no such file, or it is no text.
        """
        return read_file(cls, source, "fleet", "must be a Fleet, a preset or a YAML file")


def _half(trade: Trade, place: int, way: str, hours: float) -> Leg:
    """Return buying (down) or selling (up) of a trade as a leg: always called, paid for by energy alone."""
    product = Reserve(
        trade.name,
        trade.price,
        way,
        trade.prequalified_kw,
        duration_hours=hours,
        activation=FullActivation(),
        energy_price=trade.price,
        price_share=0.0,
    )
    return Leg(f"{trade.name}.{'buy' if way == 'down' else 'sell'}", product, place, product.sign, True)


def _market_tree(market: Market) -> dict[str, Any]:
    tree = to_tree(market)
    if isinstance(market, Reserve):
        kind = next(name for name, known in ACTIVATIONS.items() if isinstance(market.activation, known))
        tree["activation"] = {"kind": kind, **to_tree(market.activation)}
    return {"kind": "reserve" if isinstance(market, Reserve) else "trade", **tree}


def _market(item: Any, path: str) -> Market:
    tree = dict(mapping(item, path))
    kind = _kind(tree, MARKETS, "reserve", path)
    if kind is Reserve and "activation" in tree:
        where = f"{path}.activation"
        process = dict(mapping(tree["activation"], where))
        made: Activation = build(_kind(process, ACTIVATIONS, "none", where), process, where)
        tree["activation"] = made
    market: Market = build(kind, tree, path)
    return market


def _kind(tree: dict[str, Any], kinds: Mapping[str, Any], usual: str, path: str) -> Any:
    kind = str(tree.pop("kind", usual))
    if kind not in kinds:
        unknown = UnknownIdError.of("kind", kind, kinds)
        raise UnknownIdError(f"{path}: {unknown.value}", unknown.rule, unknown.remedy)
    return kinds[kind]
