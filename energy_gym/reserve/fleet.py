"""What a fleet sells, read from its decision unit: its markets, their legs and the columns that they need.

One rule: nothing is kept here; the scenario's contracts say it all.
"""

from __future__ import annotations

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.contracts.emptied import EmptyAt
from energy_gym.contracts.fleet import FleetMarket, Leg
from energy_gym.data.feed import Feed
from energy_gym.errors import ConfigurationError
from energy_gym.scenario import Scenario
from energy_gym.site import Site


def fleet_of(scenario: Scenario) -> Site:
    """Return the decision unit of a scenario that is one fleet.

    Raises:
        ConfigurationError: It has several.

    Example:
        >>> from energy_gym.reserve.presets import get_fleet
        >>> list(fleet_of(get_fleet("dk2")).entities)
        ['asset1', 'asset2', 'asset3', 'asset4', 'asset5']
    """
    fleets = scenario.sites()
    if len(fleets) > 1:
        found = f"contracts.{fleets[1].name}"
        rule = f"is of another fleet than {fleets[0].name!r}, and one is played"
        raise ConfigurationError(found, rule, "give all markets the same parties, or make an environment for each")
    return fleets[0]


def markets_of(fleet: Site) -> dict[str, FleetMarket]:
    """Return what a fleet sells to by name, in the order of the controls."""
    return {name: contract for name, contract in fleet.contracts.items() if isinstance(contract, FleetMarket)}


def legs_of(fleet: Site, hours: float) -> tuple[Leg, ...]:
    """Return the directions of all markets, in the order in which an asset serves them.

    Args:
        fleet: The fleet.
        hours: Length of a step [h]: as long as a trade lasts.

    Example:
        >>> from energy_gym.reserve.presets import get_fleet
        >>> [leg.name for leg in legs_of(fleet_of(get_fleet("synthetic")), 1.0)][-2:]
        ['spot.buy', 'spot.sell']
    """
    assets, markets = tuple(fleet.entities), markets_of(fleet).values()
    return tuple(leg for place, item in enumerate(markets) for leg in item.legs(place, assets, hours))


def emptied_of(fleet: Site, feed: Feed) -> Floats | None:
    """Return the charge for what is stored at each step's end, shape (steps of the data,) [currency/kWh], if any."""
    due = [
        item.due(feed.times, feed.zone, feed.step_hours)
        for item in fleet.contracts.values()
        if isinstance(item, EmptyAt)
    ]
    return np.sum(due, axis=0) if due else None


def columns_of(fleet: Site) -> tuple[str, ...]:
    """Return the columns of the data that its markets need, each once: prices first."""
    markets = markets_of(fleet).values()
    more = (column for market in markets for column in market.columns())
    return tuple(dict.fromkeys((*(market.price for market in markets), *more)))
