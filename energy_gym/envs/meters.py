"""A site with a meter laid out over the steps of a split: what flows, what it costs, and what its contracts keep.

One rule: everything that does not depend on a decision is worked out here, once, before the first step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats, or_zeros
from energy_gym.contracts import EnergyContract
from energy_gym.contracts.base import keeps_ledger
from energy_gym.contracts.clock import LocalTimes
from energy_gym.contracts.ledger import Account, Ledger
from energy_gym.entities import Backup, BackupGenerator, Entity, Grid
from energy_gym.errors import ConfigurationError, DataError
from energy_gym.site import Site
from energy_gym.units import Unit

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE_KWH = 1e-9
UNSERVED = "give the grid a value_of_lost_load_per_mwh, at which load above it is not served"
CUT = 'allow curtailment="limit" of the generation'


class Registers(NamedTuple):
    """Demand charges laid out over T steps: K running maxima.

    Args:
        rates: Charge by register, shape (K,) [currency/kW].
        active: 1.0 where a step counts, shape (K, T).
        fresh: 1.0 where a billing period begins, shape (K, T).
    """

    rates: Floats
    active: Floats
    fresh: Floats

    def window(self, first: int, stop: int) -> Registers:
        """Return the same for a part of the steps."""
        return Registers(self.rates, self.active[:, first:stop], self.fresh[:, first:stop])


def lay_out(
    site: Site,
    values: Mapping[str, Floats],
    prices: tuple[Floats, Floats],
    registers: Registers,
    hours: float,
    accounts: tuple[Account, ...] = (),
) -> Unit:
    """Return a site over T steps.

    Args:
        site: Entities and contracts.
        values: Columns of the data, actual or forecast, each of shape (T,).
        prices: Prices of import and export [currency/MWh], each of shape (T,).
        registers: Its demand charges over these steps.
        hours: Length of a step [h].
        accounts: Ledgers of its contracts over these steps.
    """
    steps, entities = len(prices[0]), site.entities.items()
    flexibles = [entity.flexible(name, hours, values) for name, entity in entities]
    fixed = [power for _, entity in entities if (power := entity.fixed_kw(values)) is not None]
    spare = [power for _, entity in entities if (power := entity.curtailable_kw(values)) is not None]
    import_kwh, export_kwh = _limits_kwh(site, values, steps, hours)
    return Unit(
        name=site.name,
        flexibles=tuple(flexible for flexible in flexibles if flexible is not None),
        fixed_kwh=_total(fixed, steps) * hours,
        curtailable_kwh=_total(spare, steps) * hours if spare else None,
        import_kwh=import_kwh,
        export_kwh=export_kwh,
        buy=prices[0],
        sell=prices[1],
        carbon=or_zeros(values.get(site.energy.carbon), steps),
        rates=registers.rates,
        active=registers.active,
        fresh=registers.fresh,
        hours=hours,
        accounts=accounts,
        lost_load_per_mwh=site.grid.value_of_lost_load_per_mwh,
        backup=_backup(site, hours),
    )


def _backup(site: Site, hours: float) -> Backup | None:
    """Return what makes load that is missing at a site, if anything does."""
    found = {name: item for name, item in site.entities.items() if isinstance(item, BackupGenerator)}
    for place, name in enumerate(found):
        if place:
            rule = f"is a second backup generator beside {next(iter(found))!r}"
            raise ConfigurationError(f"entities.{name}", rule, "make one of both, with their rated powers added")
        if site.grid.import_kw is None:
            rule = "starts for what the connection lacks, and nothing limits imports"
            raise ConfigurationError(f"entities.{name}", rule, "add a grid with an import_kw, such as 0 for an island")
    return next((item.backup(hours) for item in found.values()), None)


def _limits_kwh(
    site: Site, values: Mapping[str, Floats], steps: int, hours: float
) -> tuple[float | Floats, float | Floats]:
    """Return the most energy that may come in and go out in a step [kWh]; both by step where one of them is."""
    name = next((name for name, entity in site.entities.items() if isinstance(entity, Grid)), "")
    coming_in, going_out = (limit * hours for limit in site.grid.limits_kw(name, values))
    if np.ndim(coming_in) == np.ndim(going_out) == 0:
        return coming_in, going_out
    return np.broadcast_to(coming_in, steps).astype(np.float64), np.broadcast_to(going_out, steps).astype(np.float64)


def calendar_of(site: Site, times: pd.DatetimeIndex, zone: str) -> dict[str, Floats]:
    """Return what the calendar tells the entities of a site over some steps, by the names that `Entity.flexible` uses.

    Raises:
        ConfigurationError: A series does not fit the steps.
    """
    told = {name: item for name, item in site.entities.items() if type(item).calendar is not Entity.calendar}
    found: dict[str, Floats] = {}
    for name, entity in told.items():
        series = entity.calendar(LocalTimes.of(times, zone))
        _check_series(f"entities.{name}", series, len(times), "calendar()")
        found |= {f"{name}.{key}": np.asarray(values, dtype=np.float64) for key, values in series.items()}
    return found


def registers_of(site: Site, times: pd.DatetimeIndex, zone: str) -> Registers:
    """Return all windows of all demand charges of a site over some steps."""
    none = np.zeros((0, len(times)))
    rates: list[Any] = [np.zeros(0)]
    active: list[Any] = [none]
    fresh: list[Any] = [none]
    for charge in site.demand:
        schedule = charge.schedule(times, zone)
        rates.append(schedule.rates)
        active.append(schedule.active)
        fresh.append(np.tile(schedule.fresh, (len(schedule.rates), 1)))
    return Registers(*(np.concatenate(part).astype(np.float64) for part in (rates, active, fresh)))


def ledgers_of(site: Site, times: pd.DatetimeIndex, zone: str, hours: float) -> dict[str, Ledger]:
    """Return the ledgers that the contracts of a site keep over some steps, by the contract's name.

    Raises:
        ConfigurationError: A contract without prices keeps none after all, or its series do not fit the steps.
    """
    found: dict[str, Ledger] = {}
    for name, contract in site.contracts.items():
        ledger = contract.ledger(times, zone, hours)
        if ledger is not None:
            _check_series(f"contracts.{name}", ledger.series, len(times), "ledger()")
            found[name] = ledger
        elif keeps_ledger(contract) and not isinstance(contract, EnergyContract):
            raise ConfigurationError(f"contracts.{name}: ledger()=None", "settles nothing", "return a Ledger")
    return found


def _check_series(path: str, given: Mapping[str, Floats], steps: int, source: str) -> None:
    for series, values in given.items():
        if np.shape(values) != (steps,) or not np.isfinite(values).all():
            found = f"{path}: series {series!r} of shape {np.shape(values)}"
            raise ConfigurationError(found, f"must be {steps} finite numbers, one a step", f"correct {source}")


def _total(parts: list[Floats], steps: int) -> Floats:
    total = np.zeros(steps)
    for part in parts:
        total = total + part
    return total


def check_signs(site: Site, values: Mapping[str, Floats], times: pd.DatetimeIndex) -> None:
    """Raise DataError where a load or a generation is negative, or the data say what cannot be of an entity."""
    for name, entity in site.entities.items():
        entity.check(name, values)
        for column in set(entity.columns()) - set(entity.signed_columns()):
            bad = np.flatnonzero(values[column] < 0.0)
            if len(bad):
                raise DataError(
                    f"entities.{name}: {column}={values[column][bad[0]]} at {times[bad[0]].isoformat()}",
                    "load, generation and limits must not be negative (the sign is the entity's)",
                    "correct the data, or clip what a meter's noise made negative",
                )


def check_fit(unit: Unit, times: pd.DatetimeIndex) -> None:
    """Raise DataError where what flows whatever is decided does not fit through the connection."""
    over = unit.fixed_kwh - unit.import_kwh - unit.most_lacking_kwh
    under = -unit.export_kwh - (unit.fixed_kwh + or_zeros(unit.curtailable_kwh, len(unit)))
    for excess, way, instead in ((over, "import", UNSERVED), (under, "export", CUT)):
        bad = np.flatnonzero(excess > TOLERANCE_KWH)
        if len(bad):
            kw, when = excess[bad[0]] / unit.hours, times[bad[0]].isoformat()
            raise DataError(
                f"{unit.name}: {kw:.3f} kW above the {way} limit at {when}",
                f"load and generation must fit through the connection by themselves ({len(bad)} steps do not)",
                f"raise {way}_kw, or {instead}",
            )
