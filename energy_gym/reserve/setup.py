"""What a single fleet and a batch of them share: everything fixed before the first reset.

One rule: keywords are read and checked here, once, for both; the calls of reserves are drawn here, once for all steps
of the data, so that they are data like the prices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.closing import Closing
from energy_gym.contracts.activation import ActivationSeries, RandomActivation
from energy_gym.contracts.fleet import Leg
from energy_gym.contracts.reserve import Reserve
from energy_gym.data.feed import Feed
from energy_gym.data.validation import is_whole
from energy_gym.envs.assembly import refuse_refusal_price, table_names
from energy_gym.envs.brought_back import refuse_cyclic
from energy_gym.envs.held_stores import refuse_targets
from energy_gym.envs.keywords import Common, check_settled, check_step, with_common
from energy_gym.envs.setup import Kind, Setup
from energy_gym.errors import ConfigurationError
from energy_gym.forecast.past import history_steps
from energy_gym.reserve.dispatch import DISPATCHES, get_dispatch
from energy_gym.reserve.fleet import columns_of, emptied_of, fleet_of, legs_of, markets_of
from energy_gym.reserve.oracle import best_of_fleet
from energy_gym.reserve.plans import levels_of, plans_of
from energy_gym.reserve.presets import get_fleet, usual_fleet
from energy_gym.reserve.statement import state_fleet
from energy_gym.reserve.step import FleetStep
from energy_gym.reserve.synthetic import synthetic_feed
from energy_gym.reserve.tape import FleetTape
from energy_gym.reserve.unit import Dispatch, FleetUnit, expected_fleet
from energy_gym.scenario import Scenario
from energy_gym.site import Site
from energy_gym.tape import Slot, State
from energy_gym.units import UnitLaws

KIND = Kind(decision="fleet", expert="follow", mark_seconds=0.5)
LAWS = UnitLaws(step=FleetStep, best=best_of_fleet, expected=expected_fleet, state=state_fleet)
TERMINAL_HINT = 'pass terminal="free", or an EnergyValue with another price'


@dataclass(frozen=True)
class FleetSetup(Setup):
    """A fleet on a feed: one site, and one unit that plays it."""

    @property
    def unit(self) -> FleetUnit:
        """The fleet over the steps of the split."""
        found = self.units[0]
        if not isinstance(found, FleetUnit):
            raise ConfigurationError(f"unit {found.name!r}", "must be a fleet", "make it with make_fleet_setup")
        return found

    @property
    def choices(self) -> Floats | None:
        """See `Setup.choices`: the plans of `energy_gym.reserve.plans`."""
        return None if self.levels is None else self.unit.plans

    def chosen(self, wishes: Floats) -> list[Any]:
        """See `Setup.chosen`."""
        choices = self.choices
        if choices is None:
            return super().chosen(wishes)
        return [int(np.argmin(np.abs(choices - wish).sum(axis=1))) for wish in wishes]


@with_common
def make_fleet_setup(
    common: Common,
    *,
    fleet: Scenario | str | Path | None = None,
    dispatch: str = "proportional",
    activation_seed: int = 0,
) -> FleetSetup:
    """Read and check the keywords of ``gym.make``; `FleetReserveEnv` says what each means."""
    chosen = common.with_objective(_fleet(fleet, common))
    check_settled(chosen, ("fleet",))
    site, clock = fleet_of(chosen), chosen.clock
    feed = common.within_period(_opened(site, common))
    feed = feed if common.data is None else known_in_time(site, feed)
    check_step(clock, feed)
    laid = laid_fleet(chosen, site, feed, dispatch, activation_seed)
    plans = None if common.levels is None else plans_of(laid.unit, common.levels)
    unit = replace(laid.unit, plans=plans)
    ahead, back = common.ahead(clock), history_steps(feed, laid.columns, common.history)
    return FleetSetup(
        scenario=chosen,
        feed=feed,
        tape=FleetTape(
            feed, common.foreseen, ahead, laid.columns, laid.states, laid.called, history=back, lookahead=common.view
        ),
        sites=(site,),
        units=(unit,),
        closings=(laid.closing,),
        continuation=(laid.continuation,),
        levels=None if plans is None else levels_of(unit, plans),
        episode_steps=common.length(clock, feed),
        whole=common.wanted(clock) is None,
        kind=KIND,
    )


def _fleet(fleet: Any, common: Common) -> Scenario:
    if fleet is not None and common.scenario is not None:
        raise ConfigurationError("fleet= and scenario=", "mean the same thing here", "pass one of them")
    given = fleet if fleet is not None else common.scenario
    if given is None and common.data is not None:
        raise ConfigurationError("data= without fleet=", "says prices, not what sells at them", "pass fleet= as well")
    return get_fleet(usual_fleet(common.dataset) if given is None else given)


def _opened(site: Site, common: Common) -> Feed:
    if common.dataset is None and common.data is None and common.reference is None and not common.told.said:
        return synthetic_feed(common.split or "train")
    return common.opened({name: market.price for name, market in markets_of(site).items()})


def known_in_time(site: Site, feed: Feed) -> Feed:
    """Return a user's feed in which the price of called energy is known after its step, unless it is traded at too."""
    markets = markets_of(site).values()
    sold = {market.price for market in markets}
    called = {name for market in markets if isinstance(market, Reserve) and (name := market.energy_price)}
    published = {**feed.published, **dict.fromkeys(called - sold, "after")}
    return replace(feed, published=published, said=(*feed.said, *(called - sold)))


def _check_columns(scenario: Scenario, site: Site, feed: Feed) -> None:
    """Raise MissingColumnError, naming the market, where a price is not in the data."""
    objective = scenario.objective
    for name, market in markets_of(site).items():
        for column in market.columns():
            feed.require(column, f"market {name!r}")
    if objective.needs_carbon:
        feed.require(site.energy.carbon, f"objective={objective.kind!r}")
    if objective.terminal != "free" and objective.kind != "carbon":
        feed.require(_worth(site), f"terminal={objective.terminal!r} ({TERMINAL_HINT})")


class LaidFleet(NamedTuple):
    """A fleet on a feed: its unit, and what a setup holds beside it; see `Setup` and `FleetTape`."""

    unit: FleetUnit
    called: tuple[tuple[str, Floats], ...]
    columns: tuple[str, ...]
    states: tuple[State, ...]
    closing: Closing
    continuation: Closing


def laid_fleet(scenario: Scenario, site: Site, feed: Feed, dispatch: str = "proportional", seed: int = 0) -> LaidFleet:
    """Return a fleet of a scenario over the split of a feed.

    Args:
        scenario: The scenario, whose objective says what is seen and how an episode is closed.
        site: The fleet.
        feed: The data.
        dispatch: Name of how bids become power by asset.
        seed: Seed of the calls.

    Raises:
        MissingColumnError: The data lack a price.
        UnknownIdError: There is no such dispatch.
        ConfigurationError: The seed is no whole number of at least 0.
    """
    refuse_cyclic(scenario, "a fleet", "what the markets call of its batteries is not known beforehand")
    refuse_refusal_price(scenario, "a fleet")
    refuse_targets(site.entities, "a fleet", "what the markets call of its batteries is not known beforehand")
    _check_columns(scenario, site, feed)
    if not is_whole(seed) or seed < 0:
        raise ConfigurationError(f"activation_seed={seed!r}", "must be a whole number of at least 0", "pass 0")
    unit, called = lay_out_fleet(site, feed, get_dispatch(dispatch), seed)
    _check_told(unit)
    mean = _mean_value(site, feed)
    columns, closing = _seen(scenario, site), _closing(scenario, site, feed, mean)
    return LaidFleet(unit, called, columns, _states(unit), closing, _usual_value(site, feed))


def _check_told(unit: FleetUnit) -> None:
    """Raise ConfigurationError where names of markets and assets make one name of two figures in ``info``."""
    names = [told.name for told in unit.told]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        rule = "is the name of two figures of `info`, so the markets and assets it joins must be called otherwise"
        raise ConfigurationError(repr(twice), rule, "rename one of them, without a dot")


def lay_out_fleet(
    site: Site, feed: Feed, dispatch: Dispatch, seed: int
) -> tuple[FleetUnit, tuple[tuple[str, Floats], ...]]:
    """Return a fleet over the split, and name and share of every reserve that may be called, over all data.

    Args:
        site: Batteries, and the contracts that a fleet settles.
        feed: The data.
        dispatch: How bids become power by asset.
        seed: Seed of the calls.
    """
    hours, window = feed.step_hours, slice(feed.first, feed.stop)
    steps = feed.stop - feed.first
    legs = legs_of(site, hours)
    shares = [_shares(leg, place, feed, seed) for place, leg in enumerate(legs)]
    zeros, emptied = np.zeros(steps), emptied_of(site, feed)
    price, carbon = (feed.values.get(column) for column in (_worth(site), site.energy.carbon))
    price = zeros if price is None else price[window]
    energy = [leg.product.energy_price for leg in legs]
    unit = FleetUnit(
        name=site.name,
        flexibles=tuple(found for name, item in site.entities.items() if (found := item.flexible(name, hours, {}))),
        fixed_kwh=zeros,
        curtailable_kwh=None,
        import_kwh=np.inf,
        export_kwh=np.inf,
        buy=price,
        sell=price,
        carbon=zeros if carbon is None else carbon[window],
        rates=np.zeros(0),
        active=np.zeros((0, steps)),
        fresh=np.zeros((0, steps)),
        hours=hours,
        site=site,
        dispatch=dispatch,
        by_asset=DISPATCHES["direct"],
        held_prices=np.stack([feed.values[leg.product.price][window] * leg.product.price_share for leg in legs]),
        energy_prices=np.stack([zeros if name is None else feed.values[name][window] for name in energy]),
        shares=np.stack([part[window] for part in shares]),
        emptied=None if emptied is None else emptied[window],
        typical=tuple(_typical(leg) for leg in legs),
        laws=LAWS,
    )
    called = [(leg.name, part) for leg, part in zip(legs, shares, strict=True) if _by_chance(leg)]
    return unit, tuple(called)


def _by_chance(leg: Leg) -> bool:
    return isinstance(leg.product.activation, RandomActivation | ActivationSeries)


def _shares(leg: Leg, place: int, feed: Feed, seed: int) -> Floats:
    """Return the share called at every step of the data; each leg has its own source of chance."""
    process = leg.product.activation
    if isinstance(process, ActivationSeries):
        try:
            return process.checked(feed.values[process.column])
        except ConfigurationError as error:
            raise ConfigurationError(f"market {leg.name!r}: {error.value}", error.rule, error.remedy) from error
    return process.shares(np.random.default_rng([seed, place]), len(feed), feed.step_hours)


def _typical(leg: Leg) -> float | str:
    """Return the mean share called, or the column that a forecast is asked for."""
    process = leg.product.activation
    if isinstance(process, ActivationSeries):
        return process.column
    if isinstance(process, RandomActivation):
        return process.probability * (process.lowest + process.highest) / 2.0
    return float(process.shares(np.random.default_rng(0), 1, 1.0)[0])


def _seen(scenario: Scenario, site: Site) -> tuple[str, ...]:
    """Return the columns an agent must see: those that its reward depends on."""
    carbon = (site.energy.carbon,) if scenario.objective.needs_carbon else ()
    return tuple(dict.fromkeys((*columns_of(site), *carbon)))


def _states(unit: FleetUnit) -> tuple[State, ...]:
    several = len(unit.batteries) > 1
    return tuple(
        State(place, Slot(f"state_of_charge({name})" if several else "state_of_charge", "1", 0.0, 1.0), 0.0, size, 1.0)
        for place, (name, size) in enumerate((name, item.capacity_kwh) for name, item in unit.batteries.items())
    )


def _worth(site: Site) -> str:
    """Return the column of the price at which energy missing or left at the end is settled."""
    return table_names(site)[0]


def _usual_value(site: Site, feed: Feed) -> Closing:
    """Return the same over the training part: what a plan that ends before the episode may know."""
    worth, carbon = _worth(site), site.energy.carbon
    price = feed.usual_value(worth) if worth in feed.values else 0.0
    grams = feed.usual_value(carbon) if carbon in feed.values else 0.0
    return Closing(price, price, grams, grams)


def _mean_value(site: Site, feed: Feed) -> Closing:
    """Return the mean price and carbon intensity, for energy missing as for energy left."""
    price, carbon = (
        feed.statistics[column].mean if column in feed.values else 0.0 for column in (_worth(site), site.energy.carbon)
    )
    return Closing(price, price, carbon, carbon)


def _closing(scenario: Scenario, site: Site, feed: Feed, mean: Closing) -> Closing:
    """Return what energy missing or left over costs when an episode ends."""
    terminal, price = scenario.objective.terminal, feed.values.get(_worth(site))
    if terminal == "free":
        return Closing()
    if terminal == "buyback":
        highest = 0.0 if price is None else float(price.max())
        return Closing(max(highest, 0.0), 0.0, mean.missing_carbon, 0.0)
    return mean
