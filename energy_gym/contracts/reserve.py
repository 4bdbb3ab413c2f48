"""Reserve: capacity held for the grid, and paid for; one rule: a product is data, its money is laws.

"up" is a reserve that raises the grid's frequency: a battery discharges, its energy counts negative. "down" is the
other one: a battery charges. Powers here are sizes (0 or more); the direction says which way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from energy_gym.backends import Namespace
from energy_gym.contracts.activation import (
    ACTIVATIONS,
    Activation,
    ActivationSeries,
    NoActivation,
    require_column,
    require_number,
)
from energy_gym.contracts.base import party_names, register
from energy_gym.contracts.fleet import FleetMarket, Leg, checked_powers
from energy_gym.conversions import KW_PER_MW, KWH_PER_MWH
from energy_gym.errors import ConfigurationError, NonPositiveError
from energy_gym.trees import build, kind_tree, of_kind, text, to_tree

DIRECTIONS = ("up", "down")
TICK_SHARE = 1e-9


@register
@dataclass(frozen=True, slots=True)
class Reserve(FleetMarket):
    """A reserve product, and what a fleet may sell of it.

    Args:
        name: Its name, which is its key among the contracts of a scenario.
        price: Column of the data with the payment for holding one MW for one hour [currency/MW/h].
        direction: ``"up"`` (discharge) or ``"down"`` (charge).
        prequalified_kw: Power that each asset may sell of it [kW], in the order of the parties; 0 where it may not.
        duration_hours: How long the power must last: energy to match is held all the while [h].
        minimum_kw: Smallest bid [kW], a multiple of the tick.
        tick_kw: Bids are multiples of this [kW]; 0 where any size will do.
        activation: How it is called.
        energy_price: Column of the price at which called energy is settled [currency/MWh]; None: it is not paid for.
        penalty_per_mwh: Penalty for energy called and not delivered [currency/MWh].
        penalty_factor: The same, as a multiple of the payment for holding that power; the two add up.
        price_share: Share of the column's price that is paid: a half for each half of a symmetric product.
        both_ways: Whether an asset may hold it while it serves the other direction, as regulation up and down are held
            in one hour, about the schedule of a trade: what a trade draws is power that can be given up, and the other
            way round. Energy called up and down in a step bears the losses of both.
        parties: The assets; empty for all batteries of the scenario.

    Raises:
        ConfigurationError: A direction, a column or a figure is not usable, or the assets together cannot bid.
        NonPositiveError: The duration is not positive.

    Source:
        The fleet problem of a trading desk (up and down markets, prequalified power for each asset and market);
        holding, calls and durations are those of European reserve products.

    Example:
        >>> fcr = Reserve("fcr_d_up", "fcr_d_up_per_mw_h", "up", prequalified_kw=(500.0, 0.0), duration_hours=1 / 3)
        >>> fcr.maximum_kw
        500.0
    """

    kind: ClassVar[str] = "reserve"
    name: str
    price: str
    direction: str
    prequalified_kw: tuple[float, ...]
    duration_hours: float = 1.0
    minimum_kw: float = 0.0
    tick_kw: float = 0.0
    activation: Activation = field(default_factory=NoActivation)
    energy_price: str | None = None
    penalty_per_mwh: float = 0.0
    penalty_factor: float = 0.0
    price_share: float = 1.0
    both_ways: bool = False
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        text("name", self.name)
        require_column("price", self.price)
        if self.energy_price is not None:
            require_column("energy_price", self.energy_price)
        if self.direction not in DIRECTIONS:
            found = f"direction={self.direction!r}"
            raise ConfigurationError(found, "must be 'up' (discharge) or 'down' (charge)", "pass one of these")
        process: object = self.activation
        if not isinstance(process, Activation):
            found = f"activation={process!r}"
            raise ConfigurationError(found, "must say how it is called", "pass FullActivation() or another of its kind")
        self._check_sizes()
        object.__setattr__(self, "parties", party_names("reserve", self.parties))

    def _check_sizes(self) -> None:
        object.__setattr__(self, "prequalified_kw", checked_powers(self.prequalified_kw))
        flag: object = self.both_ways
        if not isinstance(flag, bool):
            rule = "must say whether it may be held while its asset serves the other direction"
            raise ConfigurationError(f"both_ways={flag!r}", rule, "pass True or False")
        for name in ("minimum_kw", "tick_kw", "penalty_per_mwh", "penalty_factor", "price_share"):
            require_number(name, getattr(self, name), 0.0)
        require_number("duration_hours", self.duration_hours, 0.0)
        if self.duration_hours == 0.0:
            found = f"duration_hours={self.duration_hours}"
            raise NonPositiveError(found, "must be above 0 h", "pass how long the power must last")
        if self.maximum_kw <= 0.0 or self.maximum_kw < max(self.minimum_kw, self.tick_kw):
            found = f"prequalified_kw={self.prequalified_kw}, minimum_kw={self.minimum_kw}"
            found += f", tick_kw={self.tick_kw}" if self.tick_kw else ""
            raise ConfigurationError(found, "the assets together must reach the smallest bid", "prequalify more power")
        if self.tick_kw and abs(self.minimum_kw / self.tick_kw - round(self.minimum_kw / self.tick_kw)) > TICK_SHARE:
            found = f"minimum_kw={self.minimum_kw}, tick_kw={self.tick_kw}"
            raise ConfigurationError(found, "bids are multiples of the tick", "change the smallest bid or the tick")

    @property
    def sign(self) -> float:
        """Sign of its energy in the suite's convention: -1.0 for up (discharge), 1.0 for down (charge)."""
        return -1.0 if self.direction == "up" else 1.0

    def columns(self) -> tuple[str, ...]:
        """See `FleetMarket.columns`: prices, and the share that is called where the data say it."""
        energy = (self.energy_price,) if self.energy_price is not None else ()
        called = (self.activation.column,) if isinstance(self.activation, ActivationSeries) else ()
        return (self.price, *energy, *called)

    def legs(self, control: int, assets: Sequence[str], hours: float) -> tuple[Leg, ...]:
        """See `FleetMarket.legs`: a reserve has one."""
        product = replace(self, prequalified_kw=self.powers(assets), parties=()) if self.parties else self
        return (Leg(self.name, product, control, 1.0, False),)

    def to_tree(self) -> dict[str, Any]:
        """Return it as a mapping, as scenario files hold it."""
        return {**to_tree(self), "activation": kind_tree(self.activation, ACTIVATIONS)}

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any], path: str) -> Reserve:
        """Return it from a mapping, in which the activation names its kind.

        Example:
            >>> tree = {"name": "up", "price": "up_per_mw_h", "direction": "up", "prequalified_kw": [5.0]}
            >>> Reserve.from_tree(tree, "contracts.up")
            Reserve(name='up', price='up_per_mw_h', direction='up', prequalified_kw=(5.0,), ...)
        """
        given = dict(tree)
        if "activation" in given:
            given["activation"] = of_kind(given["activation"], f"{path}.activation", ACTIVATIONS, "none")
        return build(cls, given, path)


def availability_income(power_kw: Any, price_per_mw_h: Any, step_hours: float) -> Any:
    """Payment for holding power through a step [currency].

    Source:
        By definition of a price per MW and hour.

    Example:
        >>> availability_income(500.0, 40.0, 0.25)
        5.0
    """
    return power_kw * price_per_mw_h * step_hours / KW_PER_MW


def energy_held_kwh(power_kw: Any, duration_hours: float, efficiency: Any, direction: str) -> Any:
    """Energy in store (up) or room in store (down) that a reserve holds back [kWh], losses included.

    Args:
        power_kw: Power sold, at the terminals.
        duration_hours: How long it must last [h].
        efficiency: Of discharging for ``"up"``, of charging for ``"down"``.
        direction: ``"up"`` or ``"down"``.

    Source:
        By definition of the efficiency: what is given out at the terminals takes more from the store, what is
        taken in fills it with less.

    Example:
        >>> energy_held_kwh(95.0, 1.0, 0.95, "up"), energy_held_kwh(100.0, 0.5, 0.9, "down")
        (100.0, 45.0)
    """
    energy = power_kw * duration_hours
    return energy / efficiency if direction == "up" else energy * efficiency


def called_kwh(power_kw: Any, share: Any, step_hours: float) -> Any:
    """Energy that a call asks for in a step [kWh], as a size.

    Source:
        By definition of the share that is called.

    Example:
        >>> called_kwh(500.0, 0.4, 0.25)
        50.0
    """
    return power_kw * share * step_hours


def non_delivery_cost(product: Reserve, asked_kwh: Any, delivered_kwh: Any, price_per_mw_h: Any, xp: Namespace) -> Any:
    """Penalty for energy called and not delivered in a step [currency].

    The factor counts a MWh missing as a MW missing for one hour.

    Args:
        product: The product.
        asked_kwh: Energy called, a size.
        delivered_kwh: Energy delivered, a size; more than asked earns nothing.
        price_per_mw_h: Payment for holding, of this step.
        xp: Namespace of the numbers.

    Source:
        By definition of the penalty.

    Example:
        >>> from energy_gym.backends import scalars
        >>> product = Reserve("mfrr_up", "mfrr_up_per_mw_h", "up", (1000.0,), penalty_per_mwh=200.0, penalty_factor=2.0)
        >>> non_delivery_cost(product, 100.0, 60.0, 50.0, scalars)
        12.0
    """
    missing = xp.positive(asked_kwh - delivered_kwh)
    return missing * (product.penalty_per_mwh + product.penalty_factor * price_per_mw_h) / KWH_PER_MWH
