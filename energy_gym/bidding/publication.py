"""When prices become known to a producer that bids for them; one rule: no price is known before the gate it is bid at.

A day-ahead price is published an hour after its gate (the last of several) unless the data card names a later time; the
price of a market that closes slot by slot is known after its step, and so is that of a deviation. Where nothing is said
of a user's frame, these rules are what its markets say of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from energy_gym.contracts.market import LocalDay, Market
from energy_gym.contracts.trading import Trading
from energy_gym.data.feed import Feed
from energy_gym.errors import ConfigurationError

MINUTES_PER_DAY = 1440
HOUR = 60
AFTER = "after"
MARKETS_USUAL = "day-ahead 13:00"
_DAY_AHEAD = re.compile(r"day-ahead (\d{2}):(\d{2})")


def known_in_time(feed: Feed, trading: Trading, own: bool) -> Feed:
    """Return a feed whose prices are published no earlier than a producer may know them.

    Args:
        feed: The series.
        trading: The markets and the deviation.
        own: Whether it is a user's frame, whose days and publications are those of the markets.

    Raises:
        MissingColumnError: A market, or the deviation, has no prices.
        ConfigurationError: A data set's local days are not those of a market.
    """
    for market in trading.markets:
        feed.require(market.price, f"market {market.name!r}")
    for column in trading.deviation.columns:
        feed.require(column, "settling deviations")
    feed = _on_the_markets_clock(feed, trading, own)
    sold = {market.price for market in trading.markets}
    feed = _by_the_markets_word(feed, sold) if own else feed
    published = {column: _published(feed, column, trading) for column in trading.columns()}
    if own:
        published |= {column: AFTER for column in trading.deviation.columns if column not in sold}
    return replace(feed, published={**feed.published, **published})


def _by_the_markets_word(feed: Feed, sold: Collection[str]) -> Feed:
    """Return a user's feed in which the market's own gates say when a price is known of which the user says nothing."""
    told = dict.fromkeys((name for name in sold if name not in feed.said), MARKETS_USUAL)
    said = (*feed.said, *feed.values)
    return replace(feed, published={**feed.published, **told}, said=said, zone_open=False)


def _published(feed: Feed, column: str, trading: Trading) -> str:
    """Return when a column is published: where markets clear at it, not before the last of their gates."""
    said = feed.published[column]
    markets = [market for market in trading.markets if market.price == column]
    if any(not isinstance(market.delivers, LocalDay) for market in markets):
        return AFTER
    every = [_day_ahead(said, market) for market in markets]
    return max(every, default=said, key=lambda rule: (rule == AFTER, rule))


def _on_the_markets_clock(feed: Feed, trading: Trading, own: bool) -> Feed:
    for market in trading.markets:
        local = feed.times.tz_convert(market.zone).tz_localize(None)
        if not local.equals(feed.times.tz_convert(feed.zone).tz_localize(None)):
            if own:
                return replace(feed, zone=trading.markets[0].zone, zone_open=False)
            found = f"market {market.name!r} in {market.zone} on data in {feed.zone}"
            raise ConfigurationError(found, "must have the same local days", "choose another market, or another set")
    return feed


def _day_ahead(published: str, market: Market) -> str:
    """Return when a day-ahead price is published: as the card says, but an hour after the gate if that is later."""
    minutes, hours, *days = market.deadline.split()
    match = _DAY_AHEAD.fullmatch(published)
    if match is None or not (minutes.isdecimal() and hours.isdecimal() and days == ["*", "*", "*"]):
        return published if published == AFTER else AFTER
    gate, said = int(hours) * HOUR + int(minutes), int(match[1]) * HOUR + int(match[2])
    chosen = said if said >= gate + 1 else min(gate + HOUR, MINUTES_PER_DAY)
    return f"day-ahead {chosen // HOUR:02d}:{chosen % HOUR:02d}"
