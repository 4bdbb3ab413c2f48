"""What a single fleet and a batch of them share: everything fixed before the first reset.

One rule: keywords are read and checked here, once, for both; the calls of reserves are drawn here, once for all steps
of the data, so that they are data like the prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.contracts.activation import ActivationSeries, RandomActivation
from energy_gym.contracts.reserve import Reserve
from energy_gym.contracts.spot import Spot
from energy_gym.data.feed import Feed
from energy_gym.dynamics import Closing
from energy_gym.entities import Flexible
from energy_gym.entities.base import Laws
from energy_gym.envs.keywords import aimed, check_step, narrowed, open_priced
from energy_gym.envs.setup import DEFAULT_HORIZON, Setup, action_levels, check_count, episode_length
from energy_gym.errors import ConfigurationError
from energy_gym.forecast import Forecast, get_forecast
from energy_gym.reserve.dispatch import DISPATCHES, Dispatch, get_dispatch
from energy_gym.reserve.fleet import Fleet, Leg
from energy_gym.reserve.oracle import best_of_fleet
from energy_gym.reserve.presets import get_fleet, usual_fleet
from energy_gym.reserve.step import FleetStep
from energy_gym.reserve.synthetic import synthetic_feed
from energy_gym.reserve.unit import FleetUnit, expected_fleet
from energy_gym.scenario import Site
from energy_gym.tape import Slot, State, Tape
from energy_gym.units import UnitLaws

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
LAWS = UnitLaws(step=FleetStep, best=best_of_fleet, expected=expected_fleet)
TERMINAL_HINT = 'pass terminal="free", or another energy_price in the fleet'


@dataclass(frozen=True)
class FleetTape(Tape):
    """The look-ahead of a fleet, with the calls of the step before as last slots.

    Args:
        called: Name and share called by reserve that may be called, each share of shape (steps of the data,).
    """

    called: tuple[tuple[str, Floats], ...] = ()

    @cached_property
    def layout(self) -> tuple[Slot, ...]:
        """See `Tape.layout`."""
        return (*super().layout, *(Slot(f"called({name})", "1", 0.0, 1.0) for name, _ in self.called))

    @cached_property
    def bounds(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """See `Tape.bounds`."""
        low, high = super().bounds
        extra = np.zeros(len(self.called), dtype=np.float32)
        return np.concatenate([low, extra]), np.concatenate([high, extra + 1.0])

    @cached_property
    def rows(self) -> npt.NDArray[np.float32]:
        """See `Tape.rows`."""
        usual = super().rows
        rows = np.zeros((len(usual), len(self.layout)), dtype=np.float32)
        rows[:, : usual.shape[1]] = usual[:, : usual.shape[1]]
        for place, (_, shares) in enumerate(self.called):
            before = np.concatenate([[0.0], shares])
            rows[:, len(self.layout) - len(self.called) + place] = before[self.feed.first : self.feed.stop + 1]
        rows.flags.writeable = False
        return rows


@dataclass(frozen=True)
class FleetSetup(Setup):
    """A fleet on a feed; ``scenario`` holds the `Fleet`."""

    @property
    def unit(self) -> FleetUnit:
        """The fleet over the steps of the split."""
        found = self.units[0]
        if not isinstance(found, FleetUnit):
            raise ConfigurationError(f"unit {found.name!r}", "must be a fleet", "make it with make_fleet_setup")
        return found

    @property
    def undifferentiable(self) -> str | None:
        """See `Setup.undifferentiable`."""
        if self.unit.dispatch.name == "optimal":
            return "dispatch='optimal' is a solver's and has no gradient; dispatch='proportional' has one"
        return None

    def physical(self) -> FleetSetup:
        """See `Setup.physical`: a bid for each asset and market."""
        unit = replace(self.unit, dispatch=DISPATCHES["direct"])
        return replace(self, units=(unit,), levels=None)

    @cached_property
    def flexibles(self) -> tuple[Flexible, ...]:
        """What can be decided: the bids, in the order of the action."""
        return tuple(_bids(self.unit))


def _bids(unit: FleetUnit) -> list[Flexible]:
    nothing = Laws(*[_no_law] * 4)
    found = []
    by_asset = unit.controls > len(unit.fleet.markets)
    for market in unit.fleet.markets:
        powers = market.prequalified_kw if by_asset else (market.maximum_kw,)
        names = [f"{market.name}/{asset}" for asset in unit.fleet.batteries] if by_asset else [market.name]
        for name, power in zip(names, powers, strict=True):
            most = power * unit.hours
            found.append(Flexible(name, nothing, None, 0.0, None, most, most, worth=0.0))
    return found


def _no_law(*_: Any) -> Any:
    raise ConfigurationError("a bid", "has no law of its own", "play the fleet's step, which plays all of them")


def make_fleet_setup(
    *,
    fleet: Fleet | str | Path | None = None,
    dispatch: str = "proportional",
    activation_seed: int = 0,
    dataset: str | None = None,
    data: pd.DataFrame | None = None,
    split: str = "train",
    period: tuple[str, str] | None = None,
    forecast: str | Forecast = "published",
    horizon: int | None = None,
    actions: str = "continuous",
    objective: str | None = None,
    carbon_price: float | None = None,
    terminal: str | None = None,
    episode_steps: int | str | None = "default",
    scenario: Fleet | str | Path | None = None,
    reference: pd.DataFrame | None = None,
) -> FleetSetup:
    """Read and check the keywords of ``gym.make``; `FleetReserveEnv` says what each means."""
    chosen = _fleet(fleet, scenario, dataset, data)
    chosen = replace(chosen, objective=aimed(chosen.objective, objective, carbon_price, terminal))
    synthetic = dataset is None and data is None and reference is None
    feed = synthetic_feed(split) if synthetic else open_priced(chosen.markets, dataset, data, split, reference)
    feed, clock = narrowed(feed, period), chosen.clock
    _check_columns(chosen, feed)
    feed = feed if data is None else _known_in_time(chosen, feed)
    check_step(clock, feed)
    _check_seed(activation_seed)
    unit, called = _laid(chosen, feed, get_dispatch(dispatch), activation_seed)
    wanted = clock.episode_steps or "week" if episode_steps == "default" else episode_steps
    ahead = check_count("horizon", (clock.horizon or DEFAULT_HORIZON) if horizon is None else horizon)
    closing = _mean_value(chosen, feed)
    return FleetSetup(
        scenario=chosen,  # type: ignore[arg-type]  # a fleet stands where other environments have a scenario
        feed=feed,
        tape=FleetTape(feed, get_forecast(forecast), ahead, _seen(chosen), _states(chosen), called),
        sites=(Site(chosen.name, chosen.batteries, {"energy": Spot(chosen.energy_price, chosen.carbon)}),),
        units=(unit,),
        closings=(_closing(chosen, feed, closing),),
        keeping=(closing,),
        levels=action_levels(actions),
        episode_steps=episode_length(wanted, feed.stop - feed.first, feed),
        whole=wanted is None,
    )


def _fleet(fleet: Any, scenario: Any, dataset: str | None, data: Any) -> Fleet:
    if fleet is not None and scenario is not None:
        raise ConfigurationError("fleet= and scenario=", "mean the same thing here", "pass one of them")
    given = fleet if fleet is not None else scenario
    if given is None and data is not None:
        raise ConfigurationError("data= without fleet=", "says prices, not what sells at them", "pass fleet= as well")
    return get_fleet(usual_fleet(dataset) if given is None else given)


def _known_in_time(fleet: Fleet, feed: Feed) -> Feed:
    """Return a user's feed in which the price of called energy is known after its step, unless it is traded at too."""
    sold = {market.price for market in fleet.markets}
    called = {name for market in fleet.markets if isinstance(market, Reserve) and (name := market.energy_price)}
    return replace(feed, published={**feed.published, **dict.fromkeys(called - sold, "after")})


def _check_seed(seed: Any) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ConfigurationError(f"activation_seed={seed!r}", "must be a whole number of at least 0", "pass 0")


def _check_columns(fleet: Fleet, feed: Feed) -> None:
    """Raise MissingColumnError, naming the market, where a price is not in the data."""
    for market in fleet.markets:
        feed.require(market.price, f"market {market.name!r}")
    for column in fleet.columns():
        feed.require(column, f"fleet {fleet.name!r}")
    if fleet.objective.needs_carbon:
        feed.require(fleet.carbon, f"objective={fleet.objective.kind!r}")
    if fleet.objective.terminal != "free" and fleet.objective.kind != "carbon":
        feed.require(fleet.energy_price, f"terminal={fleet.objective.terminal!r} ({TERMINAL_HINT})")


def _laid(fleet: Fleet, feed: Feed, dispatch: Dispatch, seed: int) -> tuple[FleetUnit, tuple[tuple[str, Floats], ...]]:
    """Return the fleet over the split, and name and share of every reserve that may be called, over all data."""
    hours, window = feed.step_hours, slice(feed.first, feed.stop)
    steps = feed.stop - feed.first
    legs = fleet.legs(hours)
    shares = [_shares(leg, place, feed, seed) for place, leg in enumerate(legs)]
    zeros = np.zeros(steps)
    price = feed.values[fleet.energy_price][window] if fleet.energy_price in feed.values else zeros
    energy = [leg.product.energy_price for leg in legs]
    unit = FleetUnit(
        name=fleet.name,
        flexibles=tuple(battery.flexible(name, hours, {}) for name, battery in fleet.batteries.items()),
        fixed_kwh=zeros,
        curtailable_kwh=None,
        import_kwh=np.inf,
        export_kwh=np.inf,
        buy=price,
        sell=price,
        carbon=feed.values[fleet.carbon][window] if fleet.carbon in feed.values else zeros,
        rates=np.zeros(0),
        active=np.zeros((0, steps)),
        fresh=np.zeros((0, steps)),
        hours=hours,
        fleet=fleet,
        dispatch=dispatch,
        held_prices=np.stack([feed.values[leg.product.price][window] * leg.product.price_share for leg in legs]),
        energy_prices=np.stack([zeros if name is None else feed.values[name][window] for name in energy]),
        shares=np.stack([part[window] for part in shares]),
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


def _seen(fleet: Fleet) -> tuple[str, ...]:
    """Return the columns an agent must see: those that its reward depends on."""
    carbon = (fleet.carbon,) if fleet.objective.needs_carbon else ()
    return tuple(dict.fromkeys((*fleet.columns(), *carbon)))


def _states(fleet: Fleet) -> tuple[State, ...]:
    several = len(fleet.batteries) > 1
    return tuple(
        State(place, Slot(f"state_of_charge({name})" if several else "state_of_charge", "1", 0.0, 1.0), 0.0, size, 1.0)
        for place, (name, size) in enumerate((name, item.capacity_kwh) for name, item in fleet.batteries.items())
    )


def _mean_value(fleet: Fleet, feed: Feed) -> Closing:
    """Return the mean price and carbon intensity, for energy missing as for energy left."""
    price = feed.statistics[fleet.energy_price].mean if fleet.energy_price in feed.values else 0.0
    carbon = feed.statistics[fleet.carbon].mean if fleet.carbon in feed.values else 0.0
    return Closing(price, price, carbon, carbon)


def _closing(fleet: Fleet, feed: Feed, mean: Closing) -> Closing:
    """Return what energy missing or left over costs when an episode ends."""
    if fleet.objective.terminal == "free":
        return Closing()
    if fleet.objective.terminal == "cyclic":
        highest = float(feed.values[fleet.energy_price].max()) if fleet.energy_price in feed.values else 0.0
        return Closing(max(highest, 0.0), 0.0, mean.missing_carbon, 0.0)
    return mean


def reset_columns(unit: FleetUnit) -> Mapping[str, int]:
    """Return the names of the figures in a fleet's state, and their places."""
    assets, legs = list(unit.fleet.batteries), [leg.name for leg in unit.legs]
    held = [f"held_kw/{leg}/{asset}" for leg in legs for asset in assets]
    names = [f"energy_kwh/{asset}" for asset in assets]
    names += [*held, *(f"called_kwh/{leg}" for leg in legs), *(f"delivered_kwh/{leg}" for leg in legs), "availability"]
    return {name: place for place, name in enumerate(names)}
