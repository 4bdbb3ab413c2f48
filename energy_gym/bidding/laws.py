"""What a step of a producer comes to: commitments, supply and deviation as money; floats, arrays and tensors alike.

One rule: energy that crosses the meter earns nothing by itself. Sales and purchases are paid as committed, each at its
market's clearing price; the consumer pays for what it is supplied; what was committed and not delivered is a deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from energy_gym.contracts.clearing import ClearingNamespace as TradingNamespace
from energy_gym.contracts.clearing import PriceTaker, cut, market_order
from energy_gym.contracts.market import Limits, Market
from energy_gym.contracts.spot import energy_cost
from energy_gym.contracts.supply import Supply, unmatched_cost
from energy_gym.contracts.trading import Trading


class ProducerTerms(NamedTuple):
    """What a step is settled on, in the order in which `trade` takes it."""

    base_kwh: Any
    more_kwh: Any
    less_kwh: Any
    closes: Any
    prices: tuple[Any, ...]
    imbalance: tuple[Any, ...]


class Money(NamedTuple):
    """What a step came to: energies [kWh, import positive], and costs [currency].

    Args:
        net_kwh: Energy metered at the producer's connection, what is shifted to or from the consumer included.
        committed_kwh: Energy committed in all markets.
        supplied_kwh: Energy supplied to the consumer.
        balance_kwh: Supplied less wanted since the matching period began, 0 where it ends with the step.
        market: Cost of what was committed; negative where it was sold.
        supply: What the consumer pays, as a cost: negative.
        deviation: Cost of committed less delivered energy.
        unmatched: Penalty of a matching period that ends with the step.
    """

    net_kwh: Any
    committed_kwh: Any
    supplied_kwh: Any
    balance_kwh: Any
    market: Any
    supply: Any
    deviation: Any
    unmatched: Any


Trade = Callable[..., Money]


def volume_kw(share: Any, limits: Limits, trading: Trading, xp: TradingNamespace) -> Any:
    """Volume of a bid [kW] for an entry of the action in [-1, 1]: +1 buys ``buy_kw``, -1 sells ``sell_kw``.

    Example:
        >>> from energy_gym.contracts.clearing import trading_scalars
        >>> volume_kw(-0.5, Limits(tick_kw=100.0, minimum_kw=100.0), Trading(sell_kw=1050.0), trading_scalars)
        -500.0
    """
    up = xp.positive(share)
    return cut(up * trading.buy_kw - (up - share) * trading.sell_kw, limits, xp)


def limit_per_mwh(share: Any, limits: Limits) -> Any:
    """Limit price of a bid for an entry of the action in [-1, 1]: -1 is the market's floor, +1 its cap.

    Example:
        >>> limit_per_mwh(1.0, Limits()), limit_per_mwh(0.0, Limits())
        (4000.0, 1750.0)
    """
    middle, half = (limits.cap_per_mwh + limits.floor_per_mwh) / 2.0, (limits.cap_per_mwh - limits.floor_per_mwh) / 2.0
    return middle + share * half


def compose_trade(trading: Trading, supply: Supply, hours: float, xp: TradingNamespace) -> Trade:
    """Return the settlement of a step: ``(net_kwh, extra_kwh, balance_kwh, volumes_kw, limits_per_mwh, terms)``.

    ``net_kwh`` is what crosses the meter, ``extra_kwh`` what of it the supply was shifted by; ``volumes_kw`` and
    ``limits_per_mwh`` hold a value for each market, what was bid for this step (``limits_per_mwh`` is empty for bids of
    volume alone).

    Example:
        >>> from energy_gym.contracts.clearing import trading_scalars
        >>> trade = compose_trade(Trading(), Supply(price_per_mwh=60.0), 1.0, trading_scalars)
        >>> terms = ProducerTerms(100.0, 50.0, 50.0, 0.0, (40.0,), (70.0, 10.0))
        >>> money = trade(-900.0, 0.0, 0.0, (-1000.0,), (), terms)
        >>> money.market, money.supply, money.deviation
        (-40.0, -6.0, 7.0)
    """
    markets, impact, deviation = trading.markets, trading.impact, trading.deviation
    taker, columns = isinstance(impact, PriceTaker) and not trading.priced, deviation.columns

    def taken(volumes: Any, limits: Any, prices: Any) -> Iterator[tuple[Any, Any]]:
        for place, (volume, price) in enumerate(zip(volumes, prices, strict=True)):
            limit = limits[place] if limits else market_order(volume, markets[place].limits, xp)
            yield impact.taken(volume, limit, price, xp)

    def trade(net: Any, extra: Any, balance: Any, volumes: Any, limits: Any, terms: Any) -> Money:
        base, _, _, closes, prices, imbalance = terms
        supplied, balance = base + extra, balance + extra
        committed, cost = 0.0, 0.0
        for volume, price in zip(volumes, prices, strict=True) if taker else taken(volumes, limits, prices):
            energy = volume * hours
            committed, cost = committed + energy, cost + energy_cost(energy, price)
        owed = deviation.cost(committed - net, dict(zip(columns, imbalance, strict=True)), hours, xp)
        unmatched = closes * unmatched_cost(balance, supply, xp)
        income = energy_cost(0.0 - supplied, supply.price_per_mwh)
        return Money(net, committed, supplied, balance * (1.0 - closes), cost, income, owed, unmatched)

    return trade


def cleared_kw(trading: Trading, market: Market, volume: Any, limit: Any, price: Any, xp: TradingNamespace) -> Any:
    """Volume of a bid that its market takes [kW], at a clearing price."""
    if isinstance(trading.impact, PriceTaker) and not trading.priced:
        return volume
    at = market_order(volume, market.limits, xp) if limit is None else limit
    return trading.impact.taken(volume, at, price, xp)[0]


def names(books: Sequence[Any], controls: Sequence[str], priced: bool) -> tuple[str, ...]:
    """Return the names of the entries of an action: controls, supply, then the bids of each market."""
    found = [*controls, "supply"]
    for book in books:
        kinds = ("volume", "limit") if priced else ("volume",)
        found += [f"{book.market.name}.{kind}[{slot}]" for kind in kinds for slot in range(book.slots)]
    return tuple(found)
