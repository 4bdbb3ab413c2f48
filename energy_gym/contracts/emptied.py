"""Storage that is to be empty at an hour of the day; one rule: what is left then is charged, and stays where it is.

A plan for the day that begins and ends empty is what an operator hands in who settles each day by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.contracts.base import Contract, party_names, register
from energy_gym.contracts.clock import LocalTimes, check_zone
from energy_gym.contracts.fleet import FleetMarket, check_batteries
from energy_gym.conversions import KWH_PER_MWH, SECONDS_PER_DAY, SECONDS_PER_HOUR
from energy_gym.errors import ConfigurationError
from energy_gym.trees import number

if TYPE_CHECKING:
    import pandas as pd


@register
@dataclass(frozen=True, slots=True)
class EmptyAt(Contract):
    """A charge for what the batteries of a fleet still store, above their lower limits, at an hour of each day.

    A charge above all prices makes a plan keep it wherever it can: with the round-trip loss, anything above the highest
    price divided by the efficiency of discharging will do.

    Args:
        penalty_per_mwh: Charge for what is left [currency/MWh of stored energy].
        hour: Local hour at which it is due; 0 is midnight.
        zone: Time zone of that hour; that of the data where none is given.
        parties: The batteries; empty for all of the scenario.

    Raises:
        ConfigurationError: A charge below zero, no hour of the day, or no time zone.

    Source:
        The target for the state of charge at the end of each day of DER-VET's dispatch, as a price on missing it.

    Example:
        >>> EmptyAt(penalty_per_mwh=3000.0).hour
        0.0
    """

    kind: ClassVar[str] = "empty_at"
    settled_by: ClassVar[str] = "fleet"
    penalty_per_mwh: float
    hour: float = 0.0
    zone: str | None = None
    parties: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, unit in (("penalty_per_mwh", "currency/MWh"), ("hour", "h")):
            object.__setattr__(self, name, number(name, getattr(self, name), unit))
        if self.penalty_per_mwh < 0.0:
            found = f"penalty_per_mwh={self.penalty_per_mwh}"
            raise ConfigurationError(found, "must not be below zero", "pass what a MWh that is left costs")
        if not 0.0 <= self.hour < 24.0:
            raise ConfigurationError(f"hour={self.hour}", "must lie in [0, 24)", "0 is midnight")
        check_zone(self.zone)
        object.__setattr__(self, "parties", party_names(self.kind, self.parties))

    def check_unit(self, name: str, entities: Mapping[str, Any], contracts: Mapping[str, Contract]) -> None:
        """See `Contract.check_unit`: it stands beside a market or more."""
        check_batteries(self, name, entities)
        if not any(isinstance(contract, FleetMarket) for contract in contracts.values()):
            rule = "says when a fleet is to be empty that sells to no market"
            raise ConfigurationError(f"contracts.{name}", rule, "add a reserve or a trade")

    def due(self, times: pd.DatetimeIndex, zone: str, hours: float) -> Floats:
        """Return the charge for each kWh stored at the end of each step, shape (T,) [currency/kWh].

        Args:
            times: Starts of the steps, shape (T,).
            zone: Time zone of the data.
            hours: Length of a step [h].

        Raises:
            ConfigurationError: The hour falls inside a step.

        Example:
            >>> import pandas as pd
            >>> times = pd.date_range("2024-01-01 22:00", periods=4, freq="h", tz="UTC")
            >>> EmptyAt(500.0).due(times, "UTC", 1.0).tolist()
            [0.0, 0.5, 0.0, 0.0]
        """
        step = np.timedelta64(round(hours * SECONDS_PER_HOUR), "s")
        ends = LocalTimes.of(times + step, self.zone or zone)
        second = round(self.hour * SECONDS_PER_HOUR)
        behind = (ends.second - second) % SECONDS_PER_DAY
        inside = (behind > 0) & (behind < step.astype(np.int64))
        if inside.any():
            place = int(np.argmax(inside))
            found = f"hour={self.hour:g} ({self.zone or zone})"
            rule = f"falls inside the step that starts at {times[place]}"
            raise ConfigurationError(found, rule, "choose an hour at which a step ends")
        return np.where(behind == 0, self.penalty_per_mwh / KWH_PER_MWH, 0.0)
