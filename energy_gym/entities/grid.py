"""The connection to the grid: what may flow in and out of a site, always or by time.

One rule: a limit is kept whatever is wished; what may be broken at a price is a contract's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.entities.base import Entity, Values, WallClock, finite_number, register
from energy_gym.entities.schedule import Schedule, laid_out, least, schedule_of
from energy_gym.errors import ConfigurationError

LIMITS = ("import_kw", "export_kw")


@register
@dataclass(frozen=True, slots=True)
class Grid(Entity):
    """Limits of the power that crosses the connection.

    Generation that may be curtailed is cut where the export limit leaves no room for it, and decisions are reduced to
    what fits: less discharging at the export limit, less charging at the import limit. What flows whatever is decided
    must fit by itself; a series that does not is refused when the environment is made. With a value of lost load it
    need not: what is drawn by decision is cut first, and of the load that neither imports, generation nor discharging
    then covers the rest is not served, at that price. With ``import_kw=0.0`` the site is an island.

    A limit by time is a column of the data, such as an order of the grid operator or 0 in an outage, known when its
    card or ``published=`` says; or a list of windows of the calendar, of which the least that holds counts, and between
    which nothing is limited. Both are observed.

    Args:
        import_kw: Largest import [kW]: a number, a column, or windows; None for no limit.
        export_kw: Largest export [kW], likewise; 0.0 for none at all.
        value_of_lost_load_per_mwh: What a MWh not served costs [currency/MWh]; None where all load must fit.

    Raises:
        ConfigurationError: A limit or a price that is negative or no number, windows that are none, or a price where
            nothing limits imports. When an environment is made: an hour of a window lies inside a step.

    Source:
        By definition of a connection's limits. The value of lost load is a price of each kWh not served, as in
        studies of security of supply.

    Example:
        >>> Grid(export_kw=0.0).limits_kw("grid", {})
        (inf, 0.0)
        >>> Grid(import_kw="order_kw").limits_kw("grid", {"order_kw": np.array([4.0, 0.0])})
        (array([4., 0.]), inf)
        >>> evening = Grid(import_kw=[{"kw": 4.2, "hours": [[17, 20]]}])
        >>> evening.limits_kw("grid", {"grid.import_limit0_share": np.array([0.0, 1.0])})
        (array([inf, 4.2]), inf)
    """

    kind: ClassVar[str] = "grid"
    import_kw: float | str | Schedule | None = None
    export_kw: float | str | Schedule | None = None
    value_of_lost_load_per_mwh: float | None = None

    def __post_init__(self) -> None:
        for name in LIMITS:
            value: Any = getattr(self, name)
            if value is None or (isinstance(value, str) and value):
                continue
            if isinstance(value, list | tuple):
                object.__setattr__(self, name, schedule_of(name, value))
                continue
            if isinstance(value, Mapping):
                rule = "must be a number, the name of a column, or a list of windows"
                raise ConfigurationError(f"grid {name}={value!r}", rule, f"write {name}: order_kw for a column")
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

    def columns(self) -> tuple[str, ...]:
        """See `Entity.columns`."""
        return tuple(limit for limit in (self.import_kw, self.export_kw) if isinstance(limit, str))

    def calendar(self, local: WallClock) -> Mapping[str, Floats]:
        """See `Entity.calendar`: when each window of a limit holds."""
        found: dict[str, Floats] = {}
        for way in LIMITS:
            limit = getattr(self, way)
            if isinstance(limit, tuple):
                found |= laid_out(limit, _label(way), local)
        return found

    @property
    def scheduled(self) -> tuple[str, ...]:
        """Names of the series that `calendar` gives; observations look ahead at them."""
        pairs = [(_label(way), getattr(self, way)) for way in LIMITS]
        return tuple(f"{way}{k}_share" for way, limit in pairs if isinstance(limit, tuple) for k in range(len(limit)))

    def limits_kw(self, name: str, values: Values) -> tuple[float | Floats, float | Floats]:
        """See `Entity.limits_kw`."""
        return self._limit("import_kw", name, values), self._limit("export_kw", name, values)

    def _limit(self, way: str, name: str, values: Values) -> float | Floats:
        limit = getattr(self, way)
        if isinstance(limit, str):
            return values[limit]
        if isinstance(limit, tuple):
            series = (values[f"{name}.{_label(way)}{place}_share"] for place in range(len(limit)))
            return least(limit, list(series))
        return np.inf if limit is None else float(limit)


def _label(way: str) -> str:
    return way.replace("_kw", "_limit")
