"""What a producer expects: its surplus, what stands offered, and bids written into an action.

One rule: nothing but the environment's own forecast, its calendar and its own bids is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.bidding.env import ProducerEnv
from energy_gym.bidding.expected import expected_unit
from energy_gym.bidding.setup import BiddingSetup
from energy_gym.bidding.statement import BidWindow
from energy_gym.bidding.volumes import OpenSlots
from energy_gym.bidding.windows import open_markets
from energy_gym.contracts.deviation import DualPrice
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.oracle.statement import Goal

_SHORT, _SURPLUS = "short", "surplus"


def surplus_kw(env: ProducerEnv) -> Floats:
    """Return what is expected to be left of generation once the consumer is served, shape (horizon,) [kW].

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Bidding-v1").unwrapped
        >>> observation, info = env.reset(seed=0)
        >>> surplus_kw(env).shape
        (37,)
    """
    unit, _ = expected_unit(env.setup, env.outlook())
    surplus: Floats = 0.0 - unit.fixed_kwh / env.setup.feed.step_hours
    return surplus


def offered_kw(env: ProducerEnv) -> Floats:
    """Return what stands offered in all markets over the look-ahead [kW], positive buys, shape (horizon,)."""
    total = np.zeros(env.setup.tape.horizon)
    for volumes in env.gates.ahead():
        count = min(len(volumes), len(total))
        total[:count] += volumes[:count]
    return total


def due_slots(env: ProducerEnv, place: int) -> tuple[npt.NDArray[np.int64], int]:
    """Return the steps from now at which the slots start that a market's gate now commits, and the steps of a slot.

    The array is empty where no gate of the market is due.
    """
    book, (now, _) = env.setup.timetable.books[place], env.steps_left
    first, count = int(book.first[now]) - now, int(book.count[now])
    return np.arange(first, first + count, book.slot_steps) if count else np.zeros(0, dtype=np.int64), book.slot_steps


def write_bids(env: ProducerEnv, place: int, volumes_kw: Floats, action: Floats) -> None:
    """Write volumes for a market's due slots into an action.

    Args:
        env: The environment.
        place: Number of the market.
        volumes_kw: Volumes by step of the look-ahead [kW], positive buys; a slot takes the mean of its steps.
        action: The action, which is changed.
    """
    starts, size = due_slots(env, place)
    if not len(starts):
        return
    book, trading = env.setup.timetable.books[place], env.setup.trading
    steps = np.minimum(starts[:, None] + np.arange(size), len(volumes_kw) - 1)
    volumes = volumes_kw[steps].mean(axis=1)
    shares = np.where(volumes > 0.0, volumes / trading.buy_kw, volumes / trading.sell_kw)
    action[book.place : book.place + len(starts)] = np.clip(shares, -1.0, 1.0)
    if trading.priced:
        limits = slice(book.place + book.slots, book.place + book.slots + len(starts))
        action[limits] = np.where(volumes > 0.0, 1.0, -1.0)


def surplus_price(setup: BiddingSetup, outlook: Mapping[str, Floats]) -> Floats:
    """Return what a MWh too much is expected to earn as a deviation, shape (horizon,) [currency/MWh]."""
    deviation = setup.trading.deviation
    prices = {name: outlook[name] for name in deviation.columns}
    pieces = deviation.pieces(prices, setup.feed.step_hours)
    slope = pieces.slopes_per_mwh[sum(kink <= 0.0 for kink in pieces.kinks_kwh)]
    return np.broadcast_to(0.0 - np.asarray(slope, dtype=np.float64), (setup.tape.horizon,))


def past_errors(env: ProducerEnv, size: int, count: int) -> list[dict[str, Floats]]:
    """Return by how much the forecasts of the last days erred that were made at this time of day.

    Args:
        env: The environment.
        size: Number of steps that each error covers.
        count: How many days at most, the latest first; only those whose every value is known by now.

    Returns:
        For each day actual values less forecast by column, each of shape (size,); fewer where the split began late.
    """
    setup, now = env.setup, env.steps_left[0]
    day = round(HOURS_PER_DAY / setup.feed.step_hours)
    found = []
    for back in range(-(-size // day), -(-size // day) + count):
        made = now - back * day
        if made >= 0:
            tables = setup.tape.ahead.items()
            found.append({name: setup.column(name)[made : made + size] - rows[made, :size] for name, rows in tables})
    return found


def hedged_window(env: ProducerEnv, premium_per_mwh: float, errors: Mapping[str, Floats] | None = None) -> BidWindow:
    """Return the rest of the episode, as far as the look-ahead goes, as a producer expects it that does not speculate.

    Each market, and the deviation, is expected at the first market's forecast price; a deviation costs a premium either
    way, and a step is open to bids in the first market only that still takes some for it. What yesterday's balancing or
    real-time prices would promise is noise for the most part, and a plan that trusts it loses more than it earns.

    Args:
        env: The environment.
        premium_per_mwh: What a MWh short costs above the price, and a MWh too much earns below it [currency/MWh].
        errors: What is added to the forecast by column, each of shape (steps of the window,); None: nothing.
    """
    setup, (now, stop) = env.setup, env.steps_left
    size = planned_steps(env)
    forecast = {name: row[:size] for name, row in env.outlook().items()}
    forecast |= {name: forecast[name] + error for name, error in (errors or {}).items()}
    unit, terms = expected_unit(setup, forecast)
    closes = setup.closes[now : now + size].copy()
    closes[-1] = 1.0
    trading = replace(setup.trading, deviation=DualPrice(_SHORT, _SURPLUS))
    price = forecast[trading.markets[0].price]
    return BidWindow(
        unit=unit,
        terms=terms,
        closes=closes,
        markets=_one_each(open_markets(env.gates, now + size, [price] * len(trading.markets))),
        imbalance={_SHORT: price + premium_per_mwh, _SURPLUS: price - premium_per_mwh},
        trading=trading,
        supply=setup.supply,
        states=env.states[: setup.unit.balance + 1],
        goal=Goal(setup.weights, setup.closings[0] if now + size == stop else setup.continuation[0]),
    )


def planned_steps(env: ProducerEnv) -> int:
    """Return how far a plan reaches: the look-ahead, or the rest of the episode."""
    now, stop = env.steps_left
    return min(env.setup.tape.horizon, stop - now)


def _one_each(markets: tuple[OpenSlots, ...]) -> tuple[OpenSlots, ...]:
    """Leave each step open in the first market only that takes bids for it."""
    taken = np.zeros(len(markets[0].slot), dtype=bool)
    found = []
    for market in markets:
        found.append(market._replace(slot=np.where(taken, -1, market.slot)))
        taken |= market.slot >= 0
    return tuple(found)
