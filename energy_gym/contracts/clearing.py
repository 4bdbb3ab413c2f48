"""Clearing: which bids a market takes, and at what price; one rule: laws on floats, arrays and tensors alike.

Volumes are average power over a slot [kW], positive buys, negative sells. A bid to sell clears when its limit is at or
below the clearing price, a bid to buy when it is at or above. A bid of volume alone is one whose limit is the cap
(buying) or the floor (selling).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol, cast

import numpy as np

from energy_gym.backends import Namespace, Traced, arrays, scalars, tensors
from energy_gym.contracts.market import Limits
from energy_gym.conversions import KW_PER_MW
from energy_gym.errors import ConfigurationError
from energy_gym.tracing import Trace

_TICK_SHARE = 1e-9
FLOAT32_SHARE = 2.0**-23
"""Actions are float32: a size below another by no more than their rounding, relative to it, counts as that one."""


class ClearingNamespace(Namespace, Protocol):
    """What the laws of a market ask of their numbers: a comparison and rounding down, beside the suite's namespace."""

    def kept(self, value: Any, test: Any) -> Any:
        """Return the value where the test is at least 0, else 0 (also where the test is NaN)."""

    def whole(self, value: Any) -> Any:
        """Return the largest whole number that is not above a finite value."""


class _Scalars:
    """Python floats."""

    __slots__ = ()
    positive = staticmethod(scalars.positive)
    bounded = staticmethod(scalars.bounded)
    lesser = staticmethod(scalars.lesser)
    looked_up = staticmethod(scalars.looked_up)

    @staticmethod
    def kept(value: float, test: float) -> float:
        return value if test >= 0.0 else 0.0

    @staticmethod
    def whole(value: float) -> float:
        return float(math.floor(value))


class _Arrays:
    """NumPy arrays of any shape."""

    __slots__ = ()
    positive = staticmethod(arrays.positive)
    bounded = staticmethod(arrays.bounded)
    lesser = staticmethod(arrays.lesser)
    looked_up = staticmethod(arrays.looked_up)

    @staticmethod
    def kept(value: Any, test: Any) -> Any:
        return np.where(np.asarray(test) >= 0.0, value, 0.0)

    @staticmethod
    def whole(value: Any) -> Any:
        return np.floor(value)


trading_scalars: ClearingNamespace = _Scalars()
trading_arrays: ClearingNamespace = _Arrays()


def trading_tensors() -> ClearingNamespace:
    """Return the namespace of torch tensors; a volume that is zero may be a float.

    Raises:
        MissingExtraError: If torch is not installed.

    Example:
        >>> import torch
        >>> trading_tensors().kept(torch.tensor(5.0), torch.tensor(-1.0)).item()
        0.0
    """
    basis = tensors()
    import torch

    def kept(value: Any, test: Any) -> Any:
        if not isinstance(test, torch.Tensor):
            return value if test >= 0.0 else value * 0.0
        like = value if isinstance(value, torch.Tensor) else torch.as_tensor(value, dtype=test.dtype)
        return torch.where(test >= 0.0, like, torch.zeros_like(like))

    def whole(value: Any) -> Any:
        return torch.floor(value) if isinstance(value, torch.Tensor) else trading_scalars.whole(value)

    space = SimpleNamespace(**vars(basis), kept=kept, whole=whole)
    return cast(ClearingNamespace, space)


def trading_of(xp: Namespace) -> ClearingNamespace:
    """Return what the laws of a market ask of the numbers of a namespace.

    Example:
        >>> trading_of(scalars).whole(2.7)
        2.0
    """
    if isinstance(xp, Traced | Trace):
        return xp
    if xp is scalars:
        return trading_scalars
    return trading_arrays if xp is arrays else trading_tensors()


def cut(volume_kw: Any, limits: Limits, xp: ClearingNamespace) -> Any:
    """Cut a bid's volume to a market's sizes [kW]: not above the maximum, down to the tick, nothing below the minimum.

    Sizes that float32 cannot tell from a multiple above them count as that multiple, and so close to the minimum as
    enough.

    Args:
        volume_kw: Volume wished for, finite.
        limits: The market's.
        xp: Namespace of the numbers.

    Source:
        By definition of a market's tick, smallest and largest size.

    Example:
        >>> rules = Limits(minimum_kw=100.0, maximum_kw=1000.0, tick_kw=100.0)
        >>> [cut(wish, rules, trading_scalars) for wish in (-2500.0, -250.0, 99.0, 300.0, 299.99999)]
        [-1000.0, -200.0, 0.0, 300.0, 300.0]
    """
    up = xp.positive(volume_kw)
    size = _cut_size(up + (up - volume_kw), limits, xp)
    bought = xp.kept(size, volume_kw)
    return bought - (size - bought)


def _cut_size(size_kw: Any, limits: Limits, xp: ClearingNamespace) -> Any:
    most, tick = limits.maximum_kw, limits.tick_kw
    size = xp.bounded(size_kw, most)
    meant = size * (1.0 + FLOAT32_SHARE)
    if not tick:
        return xp.kept(size, meant - limits.minimum_kw * (1.0 - _TICK_SHARE))
    rounded = xp.bounded(xp.whole(meant / tick + _TICK_SHARE) * tick, most)
    return xp.kept(rounded, meant - limits.minimum_kw + tick * _TICK_SHARE)


def cleared(volume_kw: Any, limit_per_mwh: Any, price_per_mwh: Any, xp: ClearingNamespace) -> Any:
    """Volume of a bid that a price taker gets [kW]: all of it or none.

    Args:
        volume_kw: Volume bid; positive buys, negative sells.
        limit_per_mwh: The worst price that the bid takes [currency/MWh]; may be infinite. NaN never clears.
        price_per_mwh: The market's clearing price.
        xp: Namespace of the numbers.

    Source:
        EnCortex, appendix B: bidders are price takers. A uniform price clears what is at or within it, by
        definition.

    Example:
        >>> [cleared(volume, 50.0, 50.0, trading_scalars) for volume in (-10.0, 10.0)]
        [-10.0, 10.0]
        >>> cleared(-10.0, 50.01, 50.0, trading_scalars)
        0.0
    """
    bought = xp.kept(xp.positive(volume_kw), limit_per_mwh - price_per_mwh)
    return bought - xp.kept(xp.positive(-volume_kw), price_per_mwh - limit_per_mwh)


def market_order(volume_kw: Any, limits: Limits, xp: ClearingNamespace) -> Any:
    """Return the limit price that makes a bid of volume alone: the cap where it buys, the floor where it sells.

    Source:
        By definition: a bid without a limit takes any price that the market allows.

    Example:
        >>> [market_order(volume, Limits(), trading_scalars) for volume in (10.0, -10.0)]
        [4000.0, -500.0]
    """
    flat = volume_kw * 0.0
    span = flat + (limits.cap_per_mwh - limits.floor_per_mwh)
    return xp.kept(span, volume_kw) + limits.floor_per_mwh


def faults(volume_kw: Any, limit_per_mwh: Any, limits: Limits) -> dict[str, Any]:
    """Say which rules a bid breaks: by rule, a bool or a bool array of its shape. Such a bid is to be refused whole.

    Example:
        >>> broken = faults(np.array([1.0, np.nan, 5.0]), np.array([10.0, 10.0, 9999.0]), Limits())
        >>> {rule: where.tolist() for rule, where in broken.items()}
        {'not a number': [False, True, False], 'limit price beyond the cap or floor': [False, False, True]}
    """
    volume, limit = np.asarray(volume_kw, dtype=np.float64), np.asarray(limit_per_mwh, dtype=np.float64)
    strange = ~np.isfinite(volume) | np.isnan(limit)
    beyond = (limit < limits.floor_per_mwh) | (limit > limits.cap_per_mwh)
    return {"not a number": strange, "limit price beyond the cap or floor": beyond}


class PriceImpact(Protocol):
    """How a market answers a bid; the extension point for markets that a bid can move.

    No bid may move a price in its own favour: that is what the oracle's bound rests on.
    """

    def taken(self, volume_kw: Any, limit_per_mwh: Any, price_per_mwh: Any, xp: ClearingNamespace) -> tuple[Any, Any]:
        """Return the volume that clears [kW] and the price it clears at [currency/MWh].

        Args:
            volume_kw: Volume bid; positive buys, negative sells.
            limit_per_mwh: The worst price that the bid takes.
            price_per_mwh: The clearing price without the bid.
            xp: Namespace of the numbers.
        """


@dataclass(frozen=True, slots=True)
class PriceTaker:
    """Bids are too small to move the price.

    Source:
        EnCortex, appendix B.

    Example:
        >>> PriceTaker().taken(-10.0, 20.0, 50.0, trading_scalars)
        (-10.0, 50.0)
    """

    def taken(self, volume_kw: Any, limit_per_mwh: Any, price_per_mwh: Any, xp: ClearingNamespace) -> tuple[Any, Any]:
        """Return all or nothing of the volume, and the price as it was."""
        return cleared(volume_kw, limit_per_mwh, price_per_mwh, xp), price_per_mwh


@dataclass(frozen=True, slots=True)
class LinearImpact:
    """Every MW bought raises the clearing price by a fixed amount, every MW sold lowers it: residual demand is a line.

    A bid is taken as far as the price, so moved, still keeps to its limit; all that is taken pays the moved price. The
    money is then quadratic in the volume: no linear programme states it exactly.

    Args:
        per_mwh_per_mw: Change of the price for one MW [currency/MWh per MW]; positive.

    Raises:
        ConfigurationError: It is not a positive finite number.

    Source:
        EnCortex, appendix B, leaves it open ("a bid-sensitive price formulation"); linear residual demand is
        the textbook's first case, and by definition here.

    Example:
        >>> LinearImpact(2.0).taken(-10_000.0, 42.0, 50.0, trading_scalars)
        (-4000.0, 42.0)
    """

    per_mwh_per_mw: float

    def __post_init__(self) -> None:
        value = self.per_mwh_per_mw
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < math.inf:
            found = f"per_mwh_per_mw={value!r}"
            raise ConfigurationError(found, "must be positive and finite", "use PriceTaker() where bids move nothing")

    def taken(self, volume_kw: Any, limit_per_mwh: Any, price_per_mwh: Any, xp: ClearingNamespace) -> tuple[Any, Any]:
        """Return the part of the volume that keeps to its limit, and the price that it moves to."""
        per_kw = self.per_mwh_per_mw / KW_PER_MW
        bought = xp.bounded(xp.positive(volume_kw), (limit_per_mwh - price_per_mwh) / per_kw)
        sold = xp.bounded(xp.positive(-volume_kw), (price_per_mwh - limit_per_mwh) / per_kw)
        volume = bought - sold
        return volume, price_per_mwh + volume * per_kw
