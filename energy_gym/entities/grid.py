"""The connection to the grid: what may flow in and out of a site."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from energy_gym.entities.base import Entity, finite_number, register
from energy_gym.errors import ConfigurationError


@register
@dataclass(frozen=True, slots=True)
class Grid(Entity):
    """Limits of the power that crosses the connection.

    Generation that may be curtailed is cut where the export limit leaves no room for it, and decisions are reduced to
    what fits: less discharging at the export limit, less charging at the import limit. What flows whatever is decided
    must fit by itself; a series that does not is refused when the environment is made. With a value of lost load it
    need not: what is drawn by decision is cut first, and of the load that neither imports, generation nor discharging
    then covers the rest is not served, at that price. With ``import_kw=0.0`` the site is an island.

    Args:
        import_kw: Largest import [kW]; None for no limit.
        export_kw: Largest export [kW]; None for no limit, 0.0 for none at all.
        value_of_lost_load_per_mwh: What a MWh not served costs [currency/MWh]; None where all load must fit.

    Raises:
        ConfigurationError: A limit or a price that is negative or no number, or a price where nothing limits imports.

    Source:
        By definition of a connection's limits. The value of lost load is a price of each kWh not served, as in
        studies of security of supply.

    Example:
        >>> Grid(export_kw=0.0).limits_kw()
        (inf, 0.0)
    """

    kind: ClassVar[str] = "grid"
    import_kw: float | None = None
    export_kw: float | None = None
    value_of_lost_load_per_mwh: float | None = None

    def __post_init__(self) -> None:
        for name in ("import_kw", "export_kw"):
            value = getattr(self, name)
            if value is None:
                continue
            number = finite_number("grid", name, value)
            if number < 0.0:
                raise ConfigurationError(
                    f"grid {name}={number}", "must be a power of at least 0 kW, or None", "pass None for no limit"
                )
            object.__setattr__(self, name, number)
        if self.value_of_lost_load_per_mwh is not None:
            self._check_price(self.value_of_lost_load_per_mwh)

    def _check_price(self, value: float) -> None:
        price = finite_number("grid", "value_of_lost_load_per_mwh", value)
        found = f"grid value_of_lost_load_per_mwh={price}"
        if price < 0.0:
            raise ConfigurationError(found, "must be a price of at least 0, or None", "pass currency per MWh")
        if self.import_kw is None:
            raise ConfigurationError(found, "needs a limit above which load is not served", "pass import_kw, too")
        object.__setattr__(self, "value_of_lost_load_per_mwh", price)

    def limits_kw(self) -> tuple[float, float]:
        """See `Entity.limits_kw`."""
        return (
            math.inf if self.import_kw is None else self.import_kw,
            math.inf if self.export_kw is None else self.export_kw,
        )
