"""A scenario laid out on a feed: units, closing prices, and what is seen of them.

One rule: what is known of a price in advance is the feed's business; a price that comes from a tariff's table becomes a
column of the feed, known at all times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.closing import Closing
from energy_gym.contracts.ledger import Account, Ledger
from energy_gym.data.cards import Statistics
from energy_gym.data.feed import Feed
from energy_gym.entities import Consumer, Grid
from energy_gym.envs.brought_back import brought_back
from energy_gym.envs.held_stores import led_back, with_targets
from energy_gym.envs.meters import Registers, calendar_of, check_fit, check_signs, lay_out, ledgers_of, registers_of
from energy_gym.errors import ConfigurationError
from energy_gym.following import followers
from energy_gym.scenario import Scenario
from energy_gym.site import Site
from energy_gym.tape import OBSERVATION_LIMIT, Slot, State
from energy_gym.units import Unit

# What counts as high, but usual: so many scales above the median, which is about the 95 % quantile.
HIGH = 2.0


class Laid(NamedTuple):
    """A scenario on a feed; see `Setup` for the fields."""

    feed: Feed
    sites: tuple[Site, ...]
    units: tuple[Unit, ...]
    closings: tuple[Closing, ...]
    continuation: tuple[Closing, ...]
    columns: tuple[str, ...]
    states: tuple[State, ...]


class Bills(NamedTuple):
    """What a site's contracts carry from step to step, laid out over a feed: running maxima, and ledgers by name."""

    registers: Registers
    ledgers: Mapping[str, Ledger]


def lay_out_scenario(scenario: Scenario, feed: Feed, sites: tuple[Site, ...] | None = None) -> Laid:
    """Return the units of a scenario over the split of a feed: of all its sites, or of those given.

    Raises:
        MissingColumnError: The data lack a column.
        DataError: A series breaks a rule of an entity.
        ConfigurationError: There is nothing to decide.
    """
    sites = scenario.sites() if sites is None else sites
    for site in sites:
        _require(site, scenario, feed)
    priced = [(site, site.energy.prices(feed.values, feed.times, feed.zone)) for site in sites]
    billed = [_bills(site, feed) for site in sites]
    full = _with_tables(feed, zip(priced, billed, strict=True))
    units = tuple(_unit(site, prices, bills, full) for (site, prices), bills in zip(priced, billed, strict=True))
    if dear := scenario.objective.refused_per_kwh:
        units = tuple(replace(unit, refused_per_kwh=dear) for unit in units)
    if scenario.objective.terminal == "cyclic":
        units = tuple(brought_back(unit, site, feed) for unit, site in zip(units, sites, strict=True))
    units = tuple(with_targets(led_back(unit, site, full), site, full) for unit, site in zip(units, sites, strict=True))
    decided = [(site, unit) for site, unit in zip(sites, units, strict=True) if unit.flexibles]
    if not decided:
        raise ConfigurationError(f"scenario {scenario.name!r}", "has nothing to decide", "add a battery or the like")
    return Laid(
        feed=full,
        sites=sites,
        units=units,
        closings=tuple(_closing(scenario, site, prices, full) for site, prices in priced),
        continuation=tuple(_usual_value(site, full) for site in sites),
        columns=tuple(dict.fromkeys(name for site, unit in decided for name in _seen(scenario, site, unit))),
        states=tuple(states_of(sites, units, full.statistics)),
    )


def refuse_refusal_price(scenario: Scenario, who: str) -> None:
    """Raise where a kWh refused is to cost something of those who are asked for no power.

    Raises:
        ConfigurationError: Its ``refused_per_kwh`` is above 0.
    """
    if price := scenario.objective.refused_per_kwh:
        rule = f"is charged on power that a site's control asks for, and {who} bids"
        raise ConfigurationError(f"objective.refused_per_kwh={price}", rule, "pass 0.0, or leave it out")


def _require(site: Site, scenario: Scenario, feed: Feed) -> None:
    for column in site.energy.columns():
        feed.require(column, f"contract {site.energy.kind!r}")
    for name, entity in site.entities.items():
        for column in entity.columns():
            feed.require(column, f"entity {name!r}")
    if scenario.objective.needs_carbon:
        feed.require(site.energy.carbon, f"objective={scenario.objective.kind!r}")


def _bills(site: Site, feed: Feed) -> Bills:
    """Return what a site's contracts carry from step to step."""
    ledgers = ledgers_of(site, feed.times, feed.zone, feed.step_hours)
    for name, ledger in ledgers.items():
        for column in ledger.columns:
            feed.require(column, f"contract {name!r}")
    return Bills(registers_of(site, feed.times, feed.zone), ledgers)


def _unit(site: Site, prices: tuple[Floats, Floats], bills: Bills, feed: Feed) -> Unit:
    window = slice(feed.first, feed.stop)
    values = {name: series[window] for name, series in feed.values.items()}
    buy = prices[0][window]
    sell = buy if prices[1] is prices[0] else prices[1][window]
    check_signs(site, values, feed.times[window])
    registers = bills.registers.window(feed.first, feed.stop)
    accounts = tuple(Account.of(name, ledger, feed.values).window(window) for name, ledger in bills.ledgers.items())
    for account in accounts:
        account.check()
    unit = lay_out(site, values, (buy, sell), registers, feed.step_hours, accounts)
    check_fit(unit, feed.times[window])
    return unit


def table_names(site: Site) -> tuple[str, str, str]:
    """Return the names of the columns that hold a site's prices of import and export and its demand rate."""
    buy, sell = site.energy.price_columns()
    return (
        buy or f"{site.name}.buy_per_mwh",
        sell or f"{site.name}.sell_per_mwh",
        f"{site.name}.demand_rate_per_kw",
    )


def _with_tables(feed: Feed, priced: Iterator[tuple[tuple[Site, tuple[Floats, Floats]], Bills]]) -> Feed:
    """Return the feed with what comes from tables, prices and the like, as columns that are always known."""
    added: dict[str, Floats] = {}
    for (site, prices), (registers, ledgers) in priced:
        added |= calendar_of(site, feed.times, feed.zone)
        charged = [registers.rates @ registers.active] if len(registers.rates) else []
        for name, series in zip(table_names(site), (*prices, *charged), strict=False):
            if name not in feed.values:
                added[name] = series
        for contract, ledger in ledgers.items():
            added |= {f"{contract}.{name}": np.asarray(ledger.series[name], dtype=float) for name in ledger.seen}
    figures = {name: feed.scales.get(name) or Statistics.of(series) for name, series in added.items()}
    return replace(
        feed,
        values={**feed.values, **added},
        published={**feed.published, **dict.fromkeys(added, "always")},
        statistics={**feed.statistics, **figures},
    )


def _closing(scenario: Scenario, site: Site, prices: tuple[Floats, Floats], feed: Feed) -> Closing:
    """Return what energy missing or left over costs when an episode ends."""
    terminal = scenario.objective.terminal
    if terminal in ("free", "cyclic"):
        return Closing()
    if terminal == "buyback":
        return Closing(max(float(prices[0].max()), 0.0), 0.0, _mean_value(site, feed).missing_carbon, 0.0)
    return _mean_value(site, feed)


def _mean_value(site: Site, feed: Feed) -> Closing:
    """Return the mean price and carbon intensity, for energy missing as for energy left."""
    carbon = feed.statistics[site.energy.carbon].mean if site.energy.carbon in feed.values else 0.0
    price = feed.statistics[table_names(site)[0]].mean
    return Closing(price, price, carbon, carbon)


def _usual_value(site: Site, feed: Feed) -> Closing:
    """Return the same over the training part: what a plan that ends before the episode may know."""
    carbon = feed.usual_value(site.energy.carbon) if site.energy.carbon in feed.values else 0.0
    price = feed.usual_value(table_names(site)[0])
    return Closing(price, price, carbon, carbon)


def _seen(scenario: Scenario, site: Site, unit: Unit) -> Iterator[str]:
    """Yield the columns an agent must see: those that its reward depends on."""
    kind = scenario.objective.kind
    if kind != "carbon":
        pairs = zip(table_names(site)[:2], site.energy.varying(), strict=True)
        yield from (name for name, varies in pairs if varies)
        if unit.registers:
            yield table_names(site)[2]
        for account in unit.accounts:
            yield from (f"{account.name}.{series}" for series in account.ledger.seen)
            yield from account.ledger.columns
    if kind != "cost":
        yield site.energy.carbon
    for name, entity in site.entities.items():
        yield from entity.columns()
        if isinstance(entity, Grid):
            yield from (f"{name}.{series}" for series in entity.scheduled)


def states_of(
    sites: tuple[Site, ...], units: tuple[Unit, ...], statistics: Mapping[str, Statistics]
) -> Iterator[State]:
    """Yield the states that are observed: of the controlled entities, the running maxima, and what ledgers carry."""
    several = sum(flexible.span is not None for unit in units for flexible in unit.flexibles) > 1
    place = 0
    for site, unit in zip(sites, units, strict=True):
        for flexible in unit.flexibles:
            if flexible.span is not None and flexible.state_name is not None:
                slot = Slot(f"{flexible.state_name}({flexible.name})", flexible.unit, *flexible.span)
                yield State(place, slot, *flexible.span, 1.0)
            elif flexible.span is not None:
                name = f"state_of_charge({flexible.name})" if several else "state_of_charge"
                yield State(place, Slot(name, flexible.unit, 0.0, 1.0), *flexible.span, 1.0)
            place += 1
        for window in (window for charge in site.demand for window in charge.windows):
            usual = usual_load_kw(site, statistics)
            yield State(
                place, Slot(f"running_maximum_kw({window.name})", "kW", 0.0, usual), 0.0, usual, OBSERVATION_LIMIT
            )
            place += 1
        place += len(unit.told)
        for flexible in unit.flexibles:
            for memory in flexible.memory:
                if memory.told is None:
                    name = f"{memory.name}({flexible.name})" if several else memory.name
                    yield State(place, Slot(name, "1", 0.0, 1.0), *memory.span, 1.0)
                place += 1
        for account in unit.accounts:
            for one in account.ledger.carried:
                top = OBSERVATION_LIMIT if one.top is None else one.top
                scale = usual_load_kw(site, statistics) if one.scale is None else one.scale
                slot = Slot(f"{one.name}({account.name})", one.unit, one.offset, scale)
                yield State(place, slot, one.offset, scale, top)
                place += 1


def at_the_meter(laid: Laid) -> tuple[Unit, ...]:
    """Return the units with wishes of their batteries that name powers at the meter.

    Raises:
        ConfigurationError: Nothing follows a meter that shows anything else.
    """
    pairs = list(zip(laid.sites, laid.units, strict=True))
    if not any(followers(unit) and _else_at_the_meter(site, unit) for site, unit in pairs):
        rule = "needs a battery at a meter that shows anything else: load, generation, or another control"
        raise ConfigurationError("control='meter'", rule, 'leave it out: control="power" names the same power')
    return tuple(replace(unit, usual=_usual_kwh(site, laid.feed)) if followers(unit) else unit for site, unit in pairs)


def _else_at_the_meter(site: Site, unit: Unit) -> bool:
    return len(unit.flexibles) > 1 or any(entity.columns() for entity in site.entities.values())


def _usual_kwh(site: Site, feed: Feed) -> tuple[float, float]:
    """Return load and generation of a step that are high, but usual in the training part [kWh]."""
    high = {name: np.array([figures.offset + HIGH * figures.scale]) for name, figures in feed.statistics.items()}
    fixed = [power for entity in site.entities.values() if (power := entity.fixed_kw(high)) is not None]
    drawn = made = 0.0
    for power in fixed:
        drawn, made = drawn + max(float(power[0]), 0.0), made + max(-float(power[0]), 0.0)
    return drawn * feed.step_hours, made * feed.step_hours


def usual_load_kw(site: Site, statistics: Mapping[str, Statistics]) -> float:
    """Return a high but usual load of a site [kW], by which its running maxima are scaled."""
    loads = [(entity, statistics[entity.column]) for entity in site.entities.values() if isinstance(entity, Consumer)]
    return sum(entity.scale * (item.offset + item.scale) for entity, item in loads) or 1.0
