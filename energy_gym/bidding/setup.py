"""What a single bidding environment and a batch share: everything fixed before the first reset.

One rule: keywords are read and checked here, once, for both; physics, windows and forecasts are those of the suite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.bidding import laws
from energy_gym.bidding.presets import DATASETS, scaled
from energy_gym.bidding.presets import preset as preset_scenario
from energy_gym.bidding.publication import known_in_time
from energy_gym.bidding.tape import BidTape
from energy_gym.bidding.timetable import Timetable, timetable
from energy_gym.contracts.clearing import Trading as TradingNamespace
from energy_gym.contracts.supply import Supply, Terms
from energy_gym.contracts.trading import Trading
from energy_gym.data.feed import Feed
from energy_gym.entities import Battery, Consumer, PumpedHydro
from energy_gym.envs.assembly import lay_out_scenario, scaled_to_site
from energy_gym.envs.keywords import Common, check_settled, check_step, with_common
from energy_gym.envs.setup import Setup
from energy_gym.errors import ConfigurationError
from energy_gym.scenario import Scenario
from energy_gym.tape import Slot, State
from energy_gym.units import Unit

if TYPE_CHECKING:
    from energy_gym.bidding.choices import Choices

Floats = npt.NDArray[np.float64]
HOURS_PER_DAY = 24.0
OFFERS = (0.0, 0.5, 1.0, 1.25)
"""Shares of the expected surplus that discrete actions offer; the first is nothing."""


@dataclass(frozen=True)
class BiddingSetup(Setup):
    """A producer on a feed.

    Besides the fields of `Setup`: its contracts; the timetable of its markets; ``terms``, what the consumer takes by
    step; ``closes``, 1.0 where a matching period ends. Of discrete actions ``levels`` has the share of storage power of
    each.
    """

    trading: Trading
    supply: Supply
    timetable: Timetable
    terms: Terms
    closes: Floats

    @property
    def price(self) -> Floats:
        """Price of the first market, shape (steps,) [currency/MWh]."""
        return self.column(self.trading.markets[0].price)

    @property
    def undifferentiable(self) -> str | None:
        """See `Setup.undifferentiable`."""
        return "bids count at gate closures and are settled later; a rollout settles each wish in its own step"

    @property
    def controls(self) -> int:
        """Number of entries of an action: controls, the supply, and the bids."""
        return int(self.timetable.masks.shape[1])

    @cached_property
    def choices(self) -> Choices:
        """What discrete actions mean."""
        from energy_gym.bidding.choices import Choices

        return Choices(self, tuple(dict.fromkeys(self.levels or (0.0,))))

    @property
    def bid_tape(self) -> BidTape:
        """The look-ahead, with what is offered."""
        tape = self.tape
        if not isinstance(tape, BidTape):
            raise ConfigurationError(f"tape {type(tape).__name__}", "must be a BidTape", "make it with make_bidding")
        return tape

    @cached_property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of an action."""
        return laws.names(self.timetable.books, [item.name for item in self.flexibles], self.trading.priced)

    def column(self, name: str) -> Floats:
        """Return a column of the data over the split, shape (steps,)."""
        return self.feed.values[name][self.feed.first : self.feed.stop]

    @cached_property
    def settled(self) -> Floats:
        """What each step is settled on, shape (steps + 1, terms): base, more, less, closes, prices, imbalance."""
        markets = [self.column(market.price) for market in self.trading.markets]
        imbalance = [self.column(name) for name in self.trading.deviation.columns]
        terms = self.terms
        columns = [terms.base_kwh, terms.more_kwh, terms.less_kwh, self.closes, *markets, *imbalance]
        return np.concatenate([np.column_stack(columns), np.zeros((1, len(columns)))])

    def terms_of(self, row: Any) -> laws.Terms:
        """Return the terms of a step of `settled` (floats, or arrays with a value per environment)."""
        last = 4 + len(self.trading.markets)
        return laws.Terms(row[0], row[1], row[2], row[3], tuple(row[4:last]), tuple(row[last:]))

    @cached_property
    def step_terms(self) -> list[laws.Terms]:
        """The terms of every step, on floats."""
        return [self.terms_of(row) for row in self.settled.tolist()]

    def trade(self, xp: TradingNamespace) -> laws.Trade:
        """Return the settlement of a step."""
        return laws.compose_trade(self.trading, self.supply, self.feed.step_hours, xp)

    def own_idle_return(self, first: int, stop: int, states: Any) -> float:
        """Return what doing nothing earns from given states, with nothing committed [reward units]."""
        from energy_gym.bidding.desk import Desk

        desk = Desk(self)
        desk.restart(first, stop)
        desk.states = tuple(states)
        nothing = np.zeros(self.controls)
        return float(sum(desk.play(nothing).reward for _ in range(first, stop)))


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
    feed = with_site(scaled_to_site(feed, chosen) if own and common.reference is None else feed)
    chosen = scaled(chosen, feed, given) if made else chosen
    feed = known_in_time(feed, _contracts(chosen)[0], own)
    setup = _laid_out(common.aimed(_with(chosen, storage, bids)), common.narrowed(feed), common)
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
    (trading, supply), clock = _contracts(scenario), scenario.clock
    check_step(clock, feed)
    laid = lay_out_scenario(scenario, feed)
    feed, window = laid.feed, slice(feed.first, feed.stop)
    unit, site = laid.units[0], laid.sites[0]
    demand = demand_kwh(site.entities, {name: series[window] for name, series in feed.values.items()}, feed.step_hours)
    terms = supply.terms(demand, feed.step_hours)
    table = timetable(trading.markets, feed, len(unit.flexibles) + 1, trading.priced)
    columns = tuple(dict.fromkeys((*trading.columns(), *laid.columns)))
    states = (*laid.states, _balance_state(len(unit.initial), supply))
    ahead = common.ahead(clock, table.ahead)
    tape = BidTape(feed, common.foreseen, ahead, columns, states, timetable=table, trading=trading)
    return BiddingSetup(
        scenario=scenario,
        feed=feed,
        tape=tape,
        sites=laid.sites,
        units=(at_no_price(unit, demand, terms),),
        closings=laid.closings,
        keeping=laid.keeping,
        levels=None,
        episode_steps=common.length(clock, feed),
        whole=common.wanted(clock) is None,
        trading=trading,
        supply=supply,
        timetable=table,
        terms=terms,
        closes=supply.closes(feed.span(feed.first, feed.stop + 1), feed.zone),
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
    return found[0][0], found[1][0]


def demand_kwh(entities: Mapping[str, Any], values: Mapping[str, Floats], hours: float) -> Floats:
    """Return the demand of the consumer by step [kWh]."""
    consumer = next(item for item in entities.values() if isinstance(item, Consumer))
    fixed: Floats = consumer.fixed_kw(values) * hours
    return fixed


def at_no_price(unit: Unit, demand: Floats, terms: Terms) -> Unit:
    """Return a unit whose consumer takes what its contract says, and whose energy is worth what contracts say of it."""
    nothing = np.zeros(len(unit))
    return replace(unit, buy=nothing, sell=nothing, fixed_kwh=unit.fixed_kwh - demand + terms.base_kwh)


def _balance_state(place: int, supply: Supply) -> State:
    """The balance of the contract in units of a day at the largest supply: 1 is balanced, 0 and 2 are cut."""
    scale = max(supply.max_kw, 1.0) * HOURS_PER_DAY
    return State(place, Slot("supply_balance_kwh", "kWh", -scale, scale), -scale, scale, 2.0)
