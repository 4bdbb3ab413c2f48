"""The presets: markets, contracts and a producer to the scale of a data set.

One rule: what is scaled is scaled by the data card's training split, never by the steps that are played.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from energy_gym.contracts.banded import Banded
from energy_gym.contracts.deviation import Deviation, DualPrice, SinglePrice
from energy_gym.contracts.market import Market
from energy_gym.contracts.market_presets import eu_day_ahead, eu_intraday, india_day_ahead, india_real_time
from energy_gym.contracts.supply import Supply
from energy_gym.contracts.trading import Trading
from energy_gym.data.feed import Feed
from energy_gym.entities import Consumer, Entity, PumpedHydro, Solar, Wind
from energy_gym.errors import MissingColumnError, UnknownIdError
from energy_gym.scenario import Scenario

IMBALANCE, UP, DOWN = "imbalance_per_mwh", "balancing_up_per_mwh", "balancing_down_per_mwh"
SHORT, SURPLUS = "shortage_per_mwh", "surplus_per_mwh"
MEAN_KW = {"pv_kw": 5_500.0, "wind_kw": 30_000.0, "load_kw": 20_000.0}
"""Mean powers of the producer that a data set's series are scaled to [kW]."""
RATED_KW = 150_000.0
"""Rated power of its generators, by which India's deviation settlement measures [kW]."""
DATASETS = {"eu-hourly": "synthetic-dk2", "eu-intraday": "synthetic-intraday", "india-15min": "synthetic-india"}


def preset(name: str, feed: Feed | None = None) -> Scenario:
    """Return the scenario of a preset, for the markets and the scale of a feed where one is given.

    Args:
        name: ``"eu-hourly"``: a day-ahead auction for tomorrow's hours at 12:00, deviations at the balancing prices, or
            at the one imbalance price where the data have it, or at what a shortage paid and a surplus earned where
            they tell it apart from the balancing prices. ``"eu-intraday"``: the same, and trade within the day, in
            which each hour closes an hour before it begins, at ``intraday_per_mwh``. ``"india-15min"``: a day-ahead
            auction for 96 quarter hours with bids from 12:00 to 14:00, a real-time market every half hour, deviations
            band by band.
        feed: The series.

    Raises:
        UnknownIdError: There is no such preset.
        MissingColumnError: The data have no price that a deviation could be settled at.

    Example:
        >>> [market.name for market in preset("india-15min").contracts["trading"].markets]
        ['day_ahead', 'real_time']
    """
    if name not in DATASETS:
        raise UnknownIdError.of("preset", name, DATASETS)
    india = name == "india-15min"
    trading = Trading(MARKETS[name](), _deviation(india, feed))
    supply = Supply(price_per_mwh=4_000.0, shortfall_per_mwh=15_000.0) if india else Supply()
    entities: Mapping[str, Entity] = {
        "solar": Solar(),
        "wind": Wind(),
        "storage": PumpedHydro(),
        "consumer": Consumer(),
    }
    contracts: dict[str, Any] = {"trading": trading, "supply": supply}
    return Scenario("bidding", entities, contracts)


MARKETS: dict[str, Callable[[], tuple[Market, ...]]] = {
    "eu-hourly": lambda: (eu_day_ahead(),),
    "eu-intraday": lambda: (eu_day_ahead(), eu_intraday()),
    "india-15min": lambda: (india_day_ahead(), india_real_time()),
}


def _deviation(india: bool, feed: Feed | None) -> Deviation:
    if india:
        return Banded(RATED_KW, "price_per_mwh")
    if feed is not None and {SHORT, SURPLUS} <= set(feed.values):
        return DualPrice(SHORT, SURPLUS)
    if feed is None or (IMBALANCE not in feed.values and {UP, DOWN} <= set(feed.values)):
        return DualPrice(UP, DOWN)
    if IMBALANCE not in feed.values:
        rule = f"is needed to settle deviations; {feed.title} has {', '.join(feed.values)}"
        raise MissingColumnError(f"column {IMBALANCE!r}", rule, f"add it, or {UP!r} and {DOWN!r}")
    return SinglePrice(IMBALANCE)


def scaled(scenario: Scenario, feed: Feed, own: Collection[str] = ()) -> Scenario:
    """Return the scenario with generators and consumer scaled to the producer's mean powers.

    Args:
        scenario: The scenario.
        feed: The series, whose means are those of the data card.
        own: Columns of a user's frame, which are at the site's scale as they are.

    Example:
        >>> from energy_gym.data.feed import open_feed
        >>> sized = scaled(preset("eu-hourly"), open_feed("synthetic-dk2", None, "train"))
        >>> round(sized.entities["consumer"].scale, 3)
        199.223
    """
    entities = {
        name: replace(entity, scale=MEAN_KW[entity.column] / (feed.statistics[entity.column].mean or 1.0))
        if isinstance(entity, Solar | Wind | Consumer) and entity.column not in own
        else entity
        for name, entity in scenario.entities.items()
    }
    return replace(scenario, entities=entities)
