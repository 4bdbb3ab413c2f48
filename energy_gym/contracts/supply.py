"""The supply contract: a consumer takes its demand within limits, and what is shifted must balance by the day's end.

The consumer draws its demand, cut to the contract's limits, unless the producer shifts it: more now and less later, or
the other way about, still within the limits. At the end of each matching period what is missing pays a penalty, and
what was given beyond the demand earns nothing (EnCortex, section 3.1.2: ``min_supply``, ``max_supply``, and a penalty
that is a function of supply and demand over a time horizon).

One rule: laws use ``+ - *`` and the suite's namespaces; energies in kWh, consumption positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from energy_gym.backends import Namespace
from energy_gym.contracts.base import Contract, party_names, register
from energy_gym.contracts.clock import LocalTimes, check_zone
from energy_gym.contracts.spot import KWH_PER_MWH
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.trees import number

if TYPE_CHECKING:
    import pandas as pd

MATCHING = ("day", "step")
Floats = npt.NDArray[np.float64]


@register
@dataclass(frozen=True, slots=True)
class Supply(Contract):
    """A producer's contract with a consumer.

    Args:
        price_per_mwh: What the consumer pays for energy [currency/MWh].
        min_kw: Least power that is supplied, wanted or not [kW].
        max_kw: Most power that is supplied [kW]; demand beyond it is another supplier's.
        shortfall_per_mwh: Penalty for energy still missing when a matching period ends [currency/MWh].
        surplus_per_mwh: Penalty for energy supplied beyond the demand; None takes the price: it earns nothing.
        matching: When demand must be matched: by the end of each local ``"day"``, or in every ``"step"``.
        zone: Time zone of the days; None takes that of the data.
        parties: Entities that it is settled for; empty for all.

    Raises:
        ConfigurationError: Limits are not 0 <= min <= max, or a penalty is negative.
        UnknownIdError: An unknown matching.

    Source:
        EnCortex, section 3.1.2 (least and most supply, and a penalty) and section 5.3 (daily matching).

    Example:
        >>> Supply(price_per_mwh=60.0, max_kw=30_000.0).surplus
        60.0
    """

    kind: ClassVar[str] = "supply"
    settled_by: ClassVar[str] = "producer"
    price_per_mwh: float = 80.0
    min_kw: float = 5_000.0
    max_kw: float = 40_000.0
    shortfall_per_mwh: float = 300.0
    surplus_per_mwh: float | None = None
    matching: str = "day"
    zone: str | None = None
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("price_per_mwh", "min_kw", "max_kw", "shortfall_per_mwh"):
            object.__setattr__(self, name, number(f"supply {name}", getattr(self, name), name.split("_", 1)[1]))
        if self.surplus_per_mwh is not None:
            object.__setattr__(self, "surplus_per_mwh", number("surplus_per_mwh", self.surplus_per_mwh, "per_mwh"))
        if not 0.0 <= self.min_kw <= self.max_kw:
            found = f"min_kw={self.min_kw}, max_kw={self.max_kw}"
            raise ConfigurationError(found, "must satisfy 0 <= min_kw <= max_kw", "order the limits")
        if self.shortfall_per_mwh < 0.0 or self.surplus < 0.0:
            found = f"shortfall_per_mwh={self.shortfall_per_mwh}, surplus_per_mwh={self.surplus}"
            raise ConfigurationError(found, "penalties must not be negative", "pass 0 for no penalty")
        if self.matching not in MATCHING:
            raise UnknownIdError.of("matching", self.matching, MATCHING)
        check_zone(self.zone)
        object.__setattr__(self, "parties", party_names("supply", self.parties))

    @property
    def surplus(self) -> float:
        """Penalty for energy supplied beyond the demand [currency/MWh]."""
        return self.price_per_mwh if self.surplus_per_mwh is None else self.surplus_per_mwh

    def terms(self, demand_kwh: Floats, hours: float) -> SupplyTerms:
        """Return what the contract takes and allows at each step.

        Args:
            demand_kwh: Demand of the consumer, shape (steps,).
            hours: Length of a step [h].
        """
        base = np.clip(demand_kwh, self.min_kw * hours, self.max_kw * hours)
        return SupplyTerms(base, self.max_kw * hours - base, base - self.min_kw * hours)

    def closes(self, times: pd.DatetimeIndex, zone: str) -> Floats:
        """Return 1.0 where a matching period ends with the step, shape (steps,).

        Args:
            times: Starts of the steps, and of the one after the last, shape (steps + 1,).
            zone: Zone of the data.
        """
        if self.matching == "step":
            return np.ones(len(times) - 1)
        dates = LocalTimes.of(times, self.zone or zone).dates
        return np.asarray(dates[1:] != dates[:-1], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SupplyTerms:
    """What a supply contract takes and allows, by step.

    Args:
        base_kwh: What the consumer draws if nothing is shifted, shape (steps,).
        more_kwh: How much more it can be given.
        less_kwh: How much less.
    """

    base_kwh: Floats
    more_kwh: Floats
    less_kwh: Floats


def shifted(share: Any, more_kwh: Any, less_kwh: Any, xp: Namespace) -> Any:
    """Energy supplied beyond the demand of a step [kWh]; negative where some is left for later.

    Args:
        share: In [-1, 1]: 0 supplies what is wanted, +1 all that the contract allows, -1 the least.
        more_kwh: How much more than wanted it allows.
        less_kwh: How much less.
        xp: Namespace of the numbers.

    Source:
        By definition of the share: 0 is what is wanted, and the contract's limits lie at -1 and +1.

    Example:
        >>> from energy_gym.backends import scalars
        >>> [shifted(share, 30.0, 10.0, scalars) for share in (-1.0, 0.0, 0.5)]
        [-10.0, 0.0, 15.0]
    """
    up = xp.positive(share)
    return up * more_kwh - (up - share) * less_kwh


def unmatched_cost(balance_kwh: Any, supply: Supply, xp: Namespace) -> Any:
    """What a balance of supply less demand costs when its period ends [currency].

    Source:
        EnCortex, equation 15 and appendix C: the penalty is counted over intervals such as days.

    Example:
        >>> from energy_gym.backends import scalars
        >>> contract = Supply(price_per_mwh=60.0, shortfall_per_mwh=200.0)
        >>> unmatched_cost(-10.0, contract, scalars), unmatched_cost(10.0, contract, scalars)
        (2.0, 0.6)
    """
    over = xp.positive(balance_kwh)
    return ((over - balance_kwh) * supply.shortfall_per_mwh + over * supply.surplus) / KWH_PER_MWH
