"""Fleets drawn at random: batteries, markets up and down, limits and prices, for a first look and for tests.

One rule: what is drawn follows from the seed and the sizes asked for, and says that it was drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energy_gym.contracts.activation import FullActivation
from energy_gym.contracts.reserve import Reserve
from energy_gym.errors import ConfigurationError, NonPositiveError
from energy_gym.reserve.presets import batteries
from energy_gym.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

START = "2024-01-01"


def drawn_fleet(
    seed: int,
    assets: int = 5,
    markets: int = 4,
    steps: int = 24,
    *,
    prices: tuple[float, float] = (10.0, 100.0),
    shares: tuple[float, float] = (0.0, 1.0),
) -> tuple[Scenario, pd.DataFrame]:
    """Return a fleet whose bids are delivered in full, and hourly prices of its markets, both drawn at random.

    Each market is up or down by an even chance, with at least one of both where there are several. An asset is
    prequalified for a market with a share of its rated power, drawn anew for each.

    Args:
        seed: Seed of all draws.
        assets: Batteries, of sizes that go round; see `energy_gym.reserve.presets.batteries`.
        markets: Markets.
        steps: Hours of prices.
        prices: Lowest and highest price [currency/MW/h].
        shares: Least and largest share of its rated power that an asset is prequalified with, in [0, 1].

    Raises:
        NonPositiveError: Assets, markets or steps that are not at least 1.
        ConfigurationError: Prices or shares that are no range, or shares outside [0, 1].

    Example:
        >>> fleet, frame = drawn_fleet(3, assets=2, markets=3, steps=6)
        >>> [market.direction for market in fleet.contracts.values()], frame.shape
        (['down', 'up', 'up'], (6, 3))
    """
    for name, count in (("assets", assets), ("markets", markets), ("steps", steps)):
        if count < 1:
            raise NonPositiveError(f"{name}={count}", "must be at least 1", f"pass a positive {name}")
    _check_range("prices", prices, (-np.inf, np.inf))
    _check_range("shares", shares, (0.0, 1.0))
    random, fleet = np.random.default_rng(seed), batteries(assets)
    rated = np.array([battery.discharge_kw for battery in fleet.values()])
    ways = _directions(random, markets)
    powers = np.round(random.uniform(*shares, (markets, assets)) * rated, 1)
    powers[~powers.any(axis=1), 0] = rated[0]  # a market that nobody may serve is none
    names = [f"market{place + 1}" for place in range(markets)]
    contracts = [
        Reserve(name, f"{name}_per_mw_h", way, tuple(limits.tolist()), activation=FullActivation())
        for name, way, limits in zip(names, ways, powers, strict=True)
    ]
    drawn = Scenario.fleet(name=f"random {seed}", batteries=fleet, markets=contracts)
    return drawn, _prices(random, names, steps, prices)


def _directions(random: np.random.Generator, markets: int) -> list[str]:
    ways = [str(way) for way in random.choice(["up", "down"], markets)]
    if markets > 1 and len(set(ways)) == 1:
        ways[-1] = "down" if ways[0] == "up" else "up"
    return ways


def _prices(random: np.random.Generator, names: list[str], steps: int, prices: tuple[float, float]) -> pd.DataFrame:
    import pandas as pd

    index = pd.date_range(START, periods=steps, freq="h", tz="UTC", name="time")
    values = np.round(random.uniform(*prices, (steps, len(names))), 2)
    frame = pd.DataFrame(values, index, [f"{name}_per_mw_h" for name in names])
    frame.attrs |= {"synthetic": True, "title": "Prices drawn at random", "currency": "EUR"}
    return frame


def _check_range(name: str, pair: tuple[float, float], within: tuple[float, float]) -> None:
    low, high = pair
    if not within[0] <= low <= high <= within[1] or not np.isfinite(pair).all():
        inside = "finite" if np.isinf(within[0]) else f"within [{within[0]:g}, {within[1]:g}]"
        raise ConfigurationError(f"{name}={low:g} to {high:g}", f"must rise, and be {inside}", "swap or correct them")
