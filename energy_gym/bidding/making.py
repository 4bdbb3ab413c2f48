"""Bidding environments from the keywords of ``gym.make``: read, checked, and laid out on a feed.

One rule: keywords are read here, once, for a single environment and for a batch; physics, windows and forecasts are
those of the suite.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from energy_gym.bidding.batch_gates import ProducerBatchGates
from energy_gym.bidding.gates import ProducerGates
from energy_gym.bidding.oracle import best_bids, state_rest
from energy_gym.bidding.presets import DATASETS, scaled
from energy_gym.bidding.presets import preset as preset_scenario
from energy_gym.bidding.publication import known_in_time
from energy_gym.bidding.setup import OFFERS, BiddingSetup
from energy_gym.bidding.site import at_no_price, demand_kwh
from energy_gym.bidding.tape import BidTape
from energy_gym.bidding.timetable import timetable
from energy_gym.bidding.unit import ProducerUnit, producer_step, unmatched_at_end
from energy_gym.contracts.supply import Supply, SupplyTerms
from energy_gym.contracts.trading import Trading
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.data.feed import Feed
from energy_gym.entities import Battery, Consumer, Entity, Grid, PumpedHydro
from energy_gym.envs.assembly import lay_out_scenario, refuse_refusal_price
from energy_gym.envs.brought_back import refuse_cyclic
from energy_gym.envs.held_stores import refuse_targets
from energy_gym.envs.keywords import Common, check_settled, check_step, with_common
from energy_gym.envs.meters import check_fit
from energy_gym.envs.setup import Kind
from energy_gym.errors import ConfigurationError
from energy_gym.forecast.past import history_steps
from energy_gym.scenario import Scenario
from energy_gym.tape import Slot, State
from energy_gym.units import MONEY, Unit, UnitLaws

LAWS = UnitLaws(step=producer_step, fined=unmatched_at_end)
KIND = Kind(
    decision="bids",
    gates=ProducerGates,
    batch_gates=ProducerBatchGates,
    figures={"closing_cost": MONEY, "rejected": "1", "due": "1"},
    best=best_bids,
    state=state_rest,
)


@with_common
def make_bidding(
    common: Common,
    *,
    preset: str | None = None,
    storage: Battery | PumpedHydro | None = None,
    bids: str | None = None,
) -> BiddingSetup:
    """Read and check the keywords of ``gym.make``; `BiddingEnv` says what each means."""
    if preset is not None and common.scenario is not None:
        raise ConfigurationError(f"preset={preset!r} and scenario=", "exclude each other", "pass one of them")
    name, made, own = preset or "eu-hourly", common.scenario is None, common.data is not None
    chosen = preset_scenario(name) if common.scenario is None else Scenario.read(common.scenario)
    contracts = _contracts(chosen)
    check_settled(chosen, ("producer",))
    feed = common.opened({market.name: market.price for market in contracts[0].markets}, DATASETS.get(name))
    chosen = preset_scenario(name, feed) if made else chosen
    given = tuple(feed.values) if own else ()
    feed = with_site(feed)
    chosen = scaled(chosen, feed, given) if made else chosen
    feed = known_in_time(feed, _contracts(chosen)[0], own)
    setup = _laid_out(common.with_objective(_with(chosen, storage, bids)), common.within_period(feed), common)
    if common.levels is None:
        return setup
    each = len(OFFERS) ** len(setup.timetable.books)
    return replace(setup, levels=tuple(np.repeat(common.levels, each).tolist()))


def with_site(feed: Feed) -> Feed:
    """Return a feed with the load and generation that it lacks, synthetic, and saying so in its title."""
    import pandas as pd

    from energy_gym.data import load
    from energy_gym.data.synthetic_market import SITE_COLUMNS, with_site

    frame = pd.DataFrame(dict(feed.values), index=feed.times)
    frame.attrs["title"] = feed.title
    full = with_site(frame, feed.zone)
    added = [name for name in full if name not in feed.values]
    if not added:
        return feed
    site = load("synthetic").card.columns
    new = {name: site[name] for name in added if name in SITE_COLUMNS}
    return replace(
        feed,
        title=str(full.attrs["title"]),
        values={**feed.values, **{name: full[name].to_numpy(dtype=np.float64) for name in new}},
        published={**feed.published, **{name: column.published for name, column in new.items()}},
        statistics={**feed.statistics, **{name: column.statistics for name, column in new.items()}},
    )


def _with(scenario: Scenario, storage: Any, bids: str | None) -> Scenario:
    """Return the scenario with another storage, or another kind of bids."""
    if storage is not None:
        names = [name for name, item in scenario.entities.items() if isinstance(item, Battery | PumpedHydro)]
        if len(names) != 1 or not isinstance(storage, Battery | PumpedHydro):
            found = f"storage={storage!r} for a scenario with {len(names)} storages"
            raise ConfigurationError(found, "must be a Battery or a PumpedHydro in place of its one", "pass a scenario")
        scenario = replace(scenario, entities={**scenario.entities, names[0]: storage})
    if bids is None:
        return scenario
    contracts = {
        name: replace(item, bids=bids) if isinstance(item, Trading) else item
        for name, item in scenario.contracts.items()
    }
    return replace(scenario, contracts=contracts)


def _laid_out(scenario: Scenario, feed: Feed, common: Common) -> BiddingSetup:
    refuse_cyclic(scenario, "a producer", "its storage makes good what its bids owe, which is not known beforehand")
    refuse_refusal_price(scenario, "a producer")
    refuse_targets(
        scenario.entities, "a producer", "its storage makes good what its bids owe, whatever it is asked to hold"
    )
    (trading, supply), clock = _contracts(scenario), scenario.clock
    check_step(clock, feed)
    laid = lay_out_scenario(scenario, feed)
    _check_served(laid.units[0])
    feed = laid.feed
    unit = _producer(laid.units[0], laid.sites[0].entities, trading, supply, feed)
    table = timetable(trading.markets, feed, len(unit.flexibles) + 1, trading.priced)
    columns = tuple(dict.fromkeys((*trading.columns(), *laid.columns)))
    states = (*laid.states, _balance_state(unit.balance, supply))
    ahead = common.ahead(clock, table.ahead)
    back = history_steps(feed, columns, common.history)
    tape = BidTape(
        feed,
        common.foreseen,
        ahead,
        columns,
        states,
        timetable=table,
        trading=trading,
        history=back,
        lookahead=common.view,
    )
    return BiddingSetup(
        scenario=scenario,
        feed=feed,
        tape=tape,
        sites=laid.sites,
        units=(unit,),
        closings=laid.closings,
        continuation=laid.continuation,
        levels=None,
        episode_steps=common.length(clock, feed),
        whole=common.wanted(clock) is None,
        timetable=table,
        kind=KIND,
    )


def _check_served(site: Unit) -> None:
    if site.sheds:
        rule = "a producer's supply contract says what it owes its consumer, and none of that may be left unserved"
        raise ConfigurationError(
            "grid value_of_lost_load_per_mwh", rule, "leave it out, and let import_kw hold all load"
        )
    if site.backup is not None:
        rule = "starts for load that is not served, and a producer serves all that its supply contract says"
        raise ConfigurationError("a backup generator of a producer", rule, "leave it out, or take a thermal_unit")
    if site.varies:
        rule = "change with time, and a producer's plans and bids know one limit for all steps"
        raise ConfigurationError("grid import_kw, export_kw", rule, "pass a number of kW, or None")


def _producer(site: Unit, entities: Any, trading: Trading, supply: Supply, feed: Feed) -> ProducerUnit:
    """Return a producer over the split of a feed."""
    window = slice(feed.first, feed.stop)
    values = {name: series[window] for name, series in feed.values.items()}
    demand = demand_kwh(entities, values, feed.step_hours)
    terms: SupplyTerms = supply.terms(demand, feed.step_hours)
    supplied = at_no_price(site, demand, terms)
    # The least that the contract supplies, wanted or not, must fit as well as what is wanted.
    check_fit(supplied, feed.times[window])
    return ProducerUnit(
        **{**vars(supplied), "laws": LAWS},
        trading=trading,
        supply=supply,
        terms=terms,
        closes=supply.closes(feed.span(feed.first, feed.stop + 1), feed.zone),
        prices=tuple(values[market.price] for market in trading.markets),
        imbalance=tuple(values[name] for name in trading.deviation.columns),
    )


def _contracts(scenario: Scenario) -> tuple[Trading, Supply]:
    kinds = (Trading, Supply)
    found: list[list[Any]] = [
        [item for item in scenario.contracts.values() if isinstance(item, kind)] for kind in kinds
    ]
    consumers: list[Any] = [item for item in scenario.entities.values() if isinstance(item, Consumer)]
    if [len(part) for part in (*found, consumers, list(scenario.sites()))] != [1, 1, 1, 1]:
        rule = "must have one trading and one supply contract, one consumer and one meter"
        raise ConfigurationError(f"scenario {scenario.name!r}", rule, "see energy_gym.bidding.presets.preset")
    for name, entity in scenario.entities.items():
        if type(entity).calendar is not Entity.calendar and not isinstance(entity, Grid):
            rule = "counts by the calendar, which a producer's forecasts do not hold"
            raise ConfigurationError(f"entities.{name} (kind {entity.kind!r})", rule, "pass a Battery or a PumpedHydro")
    return found[0][0], found[1][0]


def _balance_state(place: int, supply: Supply) -> State:
    """The balance of the contract in units of a day at the largest supply: 1 is balanced, 0 and 2 are cut."""
    scale = max(supply.max_kw, 1.0) * HOURS_PER_DAY
    return State(place, Slot("supply_balance_kwh", "kWh", -scale, scale), -scale, scale, 2.0)
