"""Deviation: what energy committed but not delivered costs; one rule: every penalty is a line with kinks through zero.

The surplus is committed minus delivered energy in the suite's sign (import positive): above 0 the party drew less, or
gave more, than it had committed; below 0 it is short. A cost is money paid [currency]; negative where it is earned.

Each contract names its ``pieces`` at given prices: kinks [kWh] and slopes [currency/MWh], which is all an oracle needs.
Where slopes never fall from left to right the cost is convex; a contract's ``convex`` is True where that holds at every
price, and ``Pieces.convex`` says it of the prices at hand.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from energy_gym.backends import Namespace
from energy_gym.contracts.spot import KWH_PER_MWH
from energy_gym.errors import ConfigurationError

Prices = Mapping[str, Any]
"""Prices of a step by column [currency/MWh]: floats, arrays of shape (num_envs,) or tensors."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A cost as a function of the surplus: 0 at 0, and linear between kinks.

    Args:
        kinks_kwh: Rising surpluses where the slope changes [kWh], one fewer than slopes.
        slopes_per_mwh: Change of the cost with the surplus [currency/MWh]; floats, arrays or tensors.

    Raises:
        ConfigurationError: Kinks do not rise or are not finite, or their number does not fit that of slopes.

    Source:
        By definition of a line with kinks.

    Example:
        >>> Pieces((0.0,), (-80.0, -30.0)).convex
        True
    """

    kinks_kwh: tuple[float, ...]
    slopes_per_mwh: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(self.slopes_per_mwh) != len(self.kinks_kwh) + 1:
            found = f"{len(self.kinks_kwh)} kinks and {len(self.slopes_per_mwh)} slopes"
            raise ConfigurationError(found, "there is one slope more than kinks", "add or drop a slope")
        rising = all(one < other for one, other in itertools.pairwise(self.kinks_kwh))
        if not rising or not all(math.isfinite(kink) for kink in self.kinks_kwh):
            raise ConfigurationError(f"kinks_kwh={self.kinks_kwh}", "kinks are finite and rise", "sort them")

    @property
    def convex(self) -> bool:
        """True where no slope falls from left to right (in no element, for arrays)."""
        slopes = self.slopes_per_mwh
        return all(bool(np.all(_plain(one <= other))) for one, other in itertools.pairwise(slopes))

    def cost(self, surplus_kwh: Any, xp: Namespace) -> Any:
        """Cost of a surplus [currency]: the slope left of the kinks from 0 on, and every kink's change beyond it.

        Example:
            >>> from energy_gym.backends import scalars
            >>> penalty = Pieces((0.0,), (-80.0, -30.0))
            >>> penalty.cost(-10.0, scalars), penalty.cost(10.0, scalars)
            (0.8, -0.3)
        """
        slopes = self.slopes_per_mwh
        total = surplus_kwh * slopes[sum(kink < 0.0 for kink in self.kinks_kwh)]
        for kink, left, right in zip(self.kinks_kwh, slopes, slopes[1:], strict=False):
            beyond = xp.positive(kink - surplus_kwh) if kink < 0.0 else xp.positive(surplus_kwh - kink)
            total = total + (right - left) * beyond
        return total / KWH_PER_MWH


def _plain(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


class Deviation(Protocol):
    """How a contract settles deviations."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the data whose prices it needs."""

    @property
    def convex(self) -> bool:
        """True where the cost is convex in the surplus at every price."""

    def pieces(self, prices: Prices, step_hours: float) -> Pieces:
        """Return the cost of a step's surplus as kinks and slopes.

        Args:
            prices: Prices of the step by column.
            step_hours: Length of a step [h].
        """

    def cost(self, surplus_kwh: Any, prices: Prices, step_hours: float, xp: Namespace) -> Any:
        """Return the cost of a step's surplus [currency]: that of its pieces, without stating them first.

        Args:
            surplus_kwh: Committed minus delivered energy [kWh].
            prices: Prices of the step by column.
            step_hours: Length of a step [h].
            xp: Namespace of the numbers.
        """


def deviation_cost(
    contract: Deviation, committed_kwh: Any, delivered_kwh: Any, prices: Prices, step_hours: float, xp: Namespace
) -> Any:
    """Money paid for the deviation of a step [currency]; negative where it is earned.

    Args:
        contract: How deviations are settled.
        committed_kwh: Energy committed, import positive.
        delivered_kwh: Energy metered, import positive.
        prices: Prices of the step by the contract's columns.
        step_hours: Length of a step [h].
        xp: Namespace of the numbers.

    Source:
        EnCortex, equation 15: a penalty function of what was committed less what was delivered.

    Example:
        >>> from energy_gym.backends import scalars
        >>> deviation_cost(SinglePrice("imbalance"), -100.0, -80.0, {"imbalance": 60.0}, 0.25, scalars)
        1.2
    """
    return contract.cost(committed_kwh - delivered_kwh, prices, step_hours, xp)


def _require_number(name: str, value: object, low: float = -math.inf) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= low
    if not good:
        rule = "must be a finite number" + (f" of at least {low:g}" if low > -math.inf else "")
        raise ConfigurationError(f"{name}={value!r}", rule, f"correct {name}")


def _require_column(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name}={value!r}", "must name a column", "pass its name")


@dataclass(frozen=True, slots=True)
class LinearPenalty:
    """A fixed penalty for every MWh that is missing, and another for every MWh too much.

    Args:
        short_per_mwh: Penalty for a MWh short [currency/MWh]; at least 0.
        surplus_per_mwh: Penalty for a MWh too much [currency/MWh]; at least 0.

    Raises:
        ConfigurationError: A penalty is not a number of at least 0.

    Source:
        EnCortex, section 3.1.2.

    Example:
        >>> LinearPenalty(100.0).pieces({}, 1.0).slopes_per_mwh
        (-100.0, 0.0)
    """

    short_per_mwh: float
    surplus_per_mwh: float = 0.0

    def __post_init__(self) -> None:
        _require_number("short_per_mwh", self.short_per_mwh, 0.0)
        _require_number("surplus_per_mwh", self.surplus_per_mwh, 0.0)

    @property
    def columns(self) -> tuple[str, ...]:
        """No prices are needed."""
        return ()

    @property
    def convex(self) -> bool:
        """Always."""
        return True

    def pieces(self, prices: Prices, step_hours: float) -> Pieces:
        """Return one kink, at 0."""
        return Pieces((0.0,), (-self.short_per_mwh, self.surplus_per_mwh))

    def cost(self, surplus_kwh: Any, prices: Prices, step_hours: float, xp: Namespace) -> Any:
        """Return the penalty of the side that the surplus is on."""
        short, over = xp.positive(-surplus_kwh), xp.positive(surplus_kwh)
        return (short * self.short_per_mwh + over * self.surplus_per_mwh) / KWH_PER_MWH


@dataclass(frozen=True, slots=True)
class SinglePrice:
    """European single imbalance pricing: a surplus is paid, and a shortage charged, at one imbalance price.

    As in Commission Regulation (EU) 2017/2195, article 55, and its harmonisation of single pricing in article 52.

    Args:
        price: Column of the imbalance price.

    Raises:
        ConfigurationError: The column is not named.

    Source:
        Commission Regulation (EU) 2017/2195, articles 52 and 55.

    Example:
        >>> SinglePrice("imbalance").pieces({"imbalance": 60.0}, 0.25)
        Pieces(kinks_kwh=(), slopes_per_mwh=(-60.0,))
    """

    price: str = "imbalance_per_mwh"

    def __post_init__(self) -> None:
        _require_column("price", self.price)

    @property
    def columns(self) -> tuple[str, ...]:
        """The imbalance price."""
        return (self.price,)

    @property
    def convex(self) -> bool:
        """Always: it is linear."""
        return True

    def pieces(self, prices: Prices, step_hours: float) -> Pieces:
        """Return one slope, without a kink."""
        return Pieces((), (-prices[self.price],))

    def cost(self, surplus_kwh: Any, prices: Prices, step_hours: float, xp: Namespace) -> Any:
        """Return what the shortage costs, or what the surplus earns."""
        return -surplus_kwh * prices[self.price] / KWH_PER_MWH


@dataclass(frozen=True, slots=True)
class DualPrice:
    """European dual imbalance pricing: a shortage pays one price, a surplus earns another.

    In the Nordic two-price system the price of a shortage is that of up-regulation, and of a surplus that of
    down-regulation. The cost is convex where a shortage costs at least what a surplus earns, which the data decide.

    Args:
        short: Column of the price that a shortage pays.
        surplus: Column of the price that a surplus earns.

    Raises:
        ConfigurationError: A column is not named.

    Source:
        Commission Regulation (EU) 2017/2195, article 52, which lets dual prices be applied; the Nordic
        two-price system.

    Example:
        >>> contract = DualPrice()
        >>> prices = {"balancing_up_per_mwh": 80.0, "balancing_down_per_mwh": 30.0}
        >>> contract.convex, contract.pieces(prices, 1.0).convex
        (False, True)
    """

    short: str = "balancing_up_per_mwh"
    surplus: str = "balancing_down_per_mwh"

    def __post_init__(self) -> None:
        _require_column("short", self.short)
        _require_column("surplus", self.surplus)

    @property
    def columns(self) -> tuple[str, ...]:
        """Both prices."""
        return self.short, self.surplus

    @property
    def convex(self) -> bool:
        """Not at every price: see ``pieces``."""
        return False

    def pieces(self, prices: Prices, step_hours: float) -> Pieces:
        """Return one kink, at 0."""
        return Pieces((0.0,), (-prices[self.short], -prices[self.surplus]))

    def cost(self, surplus_kwh: Any, prices: Prices, step_hours: float, xp: Namespace) -> Any:
        """Return what the shortage costs, or what the surplus earns, each at its price."""
        short, over = xp.positive(-surplus_kwh), xp.positive(surplus_kwh)
        return (short * prices[self.short] - over * prices[self.surplus]) / KWH_PER_MWH
