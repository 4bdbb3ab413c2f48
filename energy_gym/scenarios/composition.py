"""Any scenario as a setup: a site with a meter, a producer, a fleet, or several decision units of different kinds.

One rule: which kind a unit is, its contracts say; what several kinds may share is settled here, and refused with the
reason where it cannot be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from energy_gym.bidding.making import make_bidding
from energy_gym.data.feed import Feed
from energy_gym.envs.assembly import Laid, at_the_meter, lay_out_scenario
from energy_gym.envs.held_stores import check_starts
from energy_gym.envs.keywords import Common, call_checked, check_settled, check_step, with_common
from energy_gym.envs.setup import CONTROLS, Kind, Setup, make_setup
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.forecast.past import history_steps
from energy_gym.reserve.fleet import markets_of
from energy_gym.reserve.setup import LaidFleet, known_in_time, laid_fleet, make_fleet_setup
from energy_gym.reserve.tape import FleetTape
from energy_gym.scenario import Scenario
from energy_gym.site import Site
from energy_gym.tape import State

KIND = Kind(decision="mixed", expert="mpc", mark_seconds=0.5)
MAKERS: dict[str, Callable[..., Setup]] = {"meter": make_setup, "producer": make_bidding, "fleet": make_fleet_setup}
"""What makes a setup of units that are all settled by one kind, by `Contract.settled_by`."""


def make_composition(**keywords: Any) -> Setup:
    """Read the keywords of ``gym.make`` by what the scenario is: those of its kind are taken, and no others.

    Raises:
        UnknownIdError: A keyword that this kind of scenario does not take.
        ConfigurationError: Units of kinds that one environment cannot play.

    Example:
        >>> from energy_gym.reserve.presets import get_fleet
        >>> make_composition(scenario=get_fleet("synthetic")).kind.decision
        'fleet'
    """
    scenario = Scenario.read(keywords["scenario"])
    kinds = kinds_of(scenario)
    if len(kinds) == 1:
        return call_checked(MAKERS.get(next(iter(kinds)), make_setup), {**keywords, "scenario": scenario})
    if "producer" in kinds:
        _refuse_beside_producer(scenario)
    return call_checked(make_mixed, {**keywords, "scenario": scenario})


def kinds_of(scenario: Scenario) -> set[str]:
    """Return who settles the units of a scenario; see `Contract.settled_by`.

    Example:
        >>> kinds_of(Scenario())
        {'meter'}
    """
    return {site.settled_by for site in scenario.sites()}


def _refuse_beside_producer(scenario: Scenario) -> None:
    names = {site.settled_by: site.name for site in scenario.sites()}
    other = next(name for kind, name in names.items() if kind != "producer")
    found = f"contracts.{names['producer']} of a producer beside contracts.{other}"
    rule = "bids stand behind gates that an environment keeps for one producer, whose action is theirs alone"
    raise ConfigurationError(found, rule, "give each an environment of its own: what they earn adds up")


@with_common
def make_mixed(
    common: Common, *, dispatch: str = "proportional", activation_seed: int = 0, control: str = "power"
) -> Setup:
    """Return sites with meters beside fleets as one setup.

    ``dispatch`` and ``activation_seed`` are the fleets', ``control`` is the sites'.
    """
    if control not in CONTROLS:
        raise UnknownIdError.of("control", control, CONTROLS)
    chosen = common.with_objective(Scenario.read(common.scenario or Scenario()))
    check_settled(chosen, ("meter", "fleet"))
    fleets = tuple(site for site in chosen.sites() if site.settled_by == "fleet")
    metered = tuple(site for site in chosen.sites() if site.settled_by != "fleet")
    feed = _opened(common, fleets)
    laid = lay_out_scenario(chosen, feed, metered)
    sold = [laid_fleet(chosen, site, laid.feed, dispatch, activation_seed) for site in fleets]
    check_step(chosen.clock, laid.feed)
    columns = tuple(dict.fromkeys((*laid.columns, *(name for fleet in sold for name in fleet.columns))))
    called = tuple(pair for fleet in sold for pair in fleet.called)
    ahead, back = common.ahead(chosen.clock), history_steps(laid.feed, columns, common.history)
    steps, whole = common.length(chosen.clock, laid.feed), common.wanted(chosen.clock) is None
    check_starts(laid.units, steps, whole)
    return Setup(
        scenario=chosen,
        feed=laid.feed,
        tape=FleetTape(
            laid.feed, common.foreseen, ahead, columns, _states(laid, sold), called, history=back, lookahead=common.view
        ),
        sites=(*metered, *fleets),
        units=(*(laid.units if control == "power" else at_the_meter(laid)), *(fleet.unit for fleet in sold)),
        closings=(*laid.closings, *(fleet.closing for fleet in sold)),
        continuation=(*laid.continuation, *(fleet.continuation for fleet in sold)),
        levels=common.levels,
        episode_steps=steps,
        whole=whole,
        kind=KIND,
    )


def _opened(common: Common, fleets: tuple[Site, ...]) -> Feed:
    prices = {name: market.price for site in fleets for name, market in markets_of(site).items()}
    feed = common.within_period(common.opened(prices))
    if common.data is None:
        return feed
    for site in fleets:
        feed = known_in_time(site, feed)
    return feed


def _states(laid: Laid, fleets: list[LaidFleet]) -> tuple[State, ...]:
    """Return the observed states of all units, each named after its entity, at their places among all states."""
    place = sum(len(unit.initial) for unit in laid.units)
    found = [_named(state, [item.name for unit in laid.units for item in unit.flexibles]) for state in laid.states]
    for fleet in fleets:
        assets = [item.name for item in fleet.unit.flexibles]
        found += [_named(state, assets)._replace(place=place + state.place) for state in fleet.states]
        place += len(fleet.unit.initial)
    return tuple(found)


def _named(state: State, entities: list[str]) -> State:
    """Return a state of charge under the name of what is charged, where it is the only one of its unit."""
    name = state.slot.name
    if name != "state_of_charge":
        return state
    return state._replace(slot=state.slot._replace(name=f"{name}({entities[state.place]})"))
