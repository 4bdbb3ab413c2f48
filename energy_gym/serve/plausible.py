"""What a site's powers can be: forecasts and meters in watts, or with another sign, are told and not believed.

One rule: what is believed of a series lies where its history says that it can.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from energy_gym.errors import EnergyGymError
from energy_gym.serve.beliefs import Announced, at_least_zero, check_plausible, check_power
from energy_gym.serve.usual import History
from energy_gym.site import Site


@dataclass(frozen=True)
class Powers:
    """The powers of a site.

    Args:
        history: Its series before now.
        columns: Names of the series that it is told of.
        unsigned: Those of them that are never below zero.
    """

    history: History
    columns: Collection[str]
    unsigned: Collection[str]

    @classmethod
    def of(cls, site: Site, history: History, columns: Collection[str]) -> Powers:
        """Return those of a site."""
        entities = site.entities.values()
        signed = {column for entity in entities for column in entity.signed_columns()}
        return cls(history, columns, {name for entity in entities for name in entity.columns()} - signed)

    def forecast(self, column: str, told: Announced) -> Announced:
        """Return a forecast as it can be believed.

        Raises:
            ConfigurationError: It cannot.
        """
        if not column.endswith("_kw"):
            return told
        check_plausible(column, told, self._usual(column))
        if column not in self.unsigned:
            return told
        return replace(told, values=at_least_zero(f"forecast of {column}", told.values, self._usual(column)))

    def metered(self, meter: Mapping[str, float], reasons: list[str]) -> dict[str, float]:
        """Return what a meter read, but for what cannot be, which is told among the reasons."""
        found: dict[str, float] = {}
        for column in (name for name in meter if name in self.columns):
            what, value, usual = f"meter {column}", meter[column], self._usual(column)
            try:
                check_power(what, abs(value), usual)
                one = np.array([value])
                found[column] = float(at_least_zero(what, one, usual)[0]) if column in self.unsigned else value
            except EnergyGymError as error:
                reasons.append(f"not believed: {error.value}: {error.rule}")
        return found

    def _usual(self, column: str) -> float:
        return float(self.history.frame[column].max())
