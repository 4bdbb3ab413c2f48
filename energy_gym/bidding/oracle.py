"""The best that the rest of a producer's episode can earn: a mixed-integer linear model, replayed at the `Desk`.

One rule: ``value`` is what the replay earned; where the model cannot say it exactly, the bound does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.bidding.desk import Desk, Figures
from energy_gym.bidding.laws import cleared_kw
from energy_gym.bidding.setup import BiddingSetup
from energy_gym.bidding.statement import Bids, Open, Window, nonconvex, sizes, state_window
from energy_gym.contracts.clearing import trading_arrays
from energy_gym.contracts.supply import Terms
from energy_gym.errors import ResetNeededError
from energy_gym.oracle.model import ArrayModel
from energy_gym.oracle.solution import EXACT, Solution
from energy_gym.oracle.statement import Goal

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.bidding.env import BiddingEnv

Floats = npt.NDArray[np.float64]
DEFAULT_SECONDS = 60.0


@dataclass(frozen=True)
class BidPlan:
    """Actions for each step of a window, shape (steps, controls), and what they come to when played.

    ``steps`` holds the rewards in its last column, as `energy_gym.evaluation` reads them.
    """

    setup: BiddingSetup
    first: int
    stop: int
    actions: Floats
    figures: tuple[Figures, ...]
    stored_kwh: Floats

    @property
    def steps(self) -> Floats:
        """Figures by step, the reward last, shape (steps, figures)."""
        return np.array(self.figures)

    @property
    def value(self) -> float:
        """Return of the plan [reward units]."""
        return float(sum(figures.reward for figures in self.figures))

    @property
    def table(self) -> pd.DataFrame:
        """The plan step by step: price, powers, what is stored, and the parts of the reward."""
        import pandas as pd

        setup, hours = self.setup, self.setup.feed.step_hours
        begin = setup.feed.first
        frame = pd.DataFrame(self.figures, index=setup.feed.times[begin + self.first : begin + self.stop])
        frame.insert(0, "price_per_mwh", setup.price[self.first : self.stop])
        frame.insert(1, "stored_kwh", self.stored_kwh)
        for place, name in ((2, "net"), (3, "committed"), (4, "supplied")):
            frame.insert(place, f"{name}_kw", frame.pop(f"{name}_kwh") / hours)
        return frame


def replay(desk: Desk, actions: Floats) -> BidPlan:
    """Play actions, shape (steps, controls), on from an episode, which is left as it is."""
    at = desk.copy()
    figures, stored = [], []
    for action in actions:
        figures.append(at.play(action))
        stored.append(sum(worth * at.states[place] for place, worth in desk.setup.stored))
    return BidPlan(desk.setup, desk.t, at.t, actions, tuple(figures), np.array(stored))


def optimum(env: BiddingEnv, time_limit: float | None = None) -> Solution:
    """Return the optimum from an environment's state to the end of its episode; `energy_gym.solve` calls it.

    Volumes are multiples of their ticks, and all penalties are stated, convex or not. A market that bids move
    (`LinearImpact`) makes money quadratic: its bound is that of a price that does not move.
    """
    began = time.perf_counter()
    desk = env.desk
    if desk.t >= desk.stop:
        raise ResetNeededError("solve()", "no episode is running", "call env.reset() first")
    window = actual_window(desk)
    limit = DEFAULT_SECONDS if time_limit is None else time_limit
    plans = [replay(desk, np.zeros((desk.stop - desk.t, env.setup.controls)))]
    bound = np.inf
    # Any size first: a good plan and a bound at once; whole ticks then close the gap between them.
    for whole in (False, True):
        model = ArrayModel(len(window.unit), likely=nonconvex(window))
        bids = state_window(model, window, whole)
        answer = model.solve(max(limit - (time.perf_counter() - began), 0.1))
        bound = min(bound, answer.bound)
        plans.append(replay(desk, actions_of(desk, window, bids, answer.columns)))
        best = max(plans, key=lambda plan: plan.value)
        if bound - best.value <= EXACT * max(1.0, abs(best.value)) or not _ticks(env.setup):
            break
    bound = max(bound, best.value)
    proven = bound - best.value <= EXACT * max(1.0, abs(best.value))
    status = f"{'optimal' if proven else 'bracketed'} (MILP)"
    seconds = time.perf_counter() - began
    return Solution(best.value, bound, list(best.actions), status, seconds, best)  # type: ignore[arg-type]  # a plan alike


def _ticks(setup: BiddingSetup) -> bool:
    return any(market.limits.tick_kw for market in setup.trading.markets)


def actual_window(desk: Desk, size: int | None = None) -> Window:
    """Return the rest of an episode, or so many steps of it, as it will be; energy left where it goes on is kept."""
    setup, first = desk.setup, desk.t
    stop = desk.stop if size is None else min(first + size, desk.stop)
    part, trading = slice(first, stop), setup.trading
    terms = Terms(setup.terms.base_kwh[part], setup.terms.more_kwh[part], setup.terms.less_kwh[part])
    closes = setup.closes[part].copy()
    closes[-1] = 1.0
    prices = [setup.column(market.price)[part] for market in trading.markets]
    return Window(
        unit=setup.units[0].window(first, stop),
        terms=terms,
        closes=closes,
        markets=open_markets(desk, stop, prices),
        imbalance={name: setup.column(name)[part] for name in trading.deviation.columns},
        trading=trading,
        supply=setup.supply,
        states=desk.states,
        goal=Goal(setup.weights, setup.closings[0] if stop == desk.stop else setup.keeping[0]),
    )


def open_markets(desk: Desk, stop: int, prices: list[Floats]) -> tuple[Open, ...]:
    """Return what was bid and what is open to bids in each market from now until a step, at some prices."""
    setup, now = desk.setup, desk.t
    found = []
    for place, (book, price) in enumerate(zip(setup.timetable.books, prices, strict=True)):
        size = stop - now
        slot, count = np.full(size, -1, dtype=np.int64), 0
        for gate in np.flatnonzero(book.count[now:stop]) + now:
            begin, end = int(book.first[gate]) - now, int(book.first[gate] + book.count[gate]) - now
            if begin < size:
                kept = np.arange(min(end, size) - begin)
                slot[begin : begin + len(kept)] = count + kept // book.slot_steps
                count = int(slot.max()) + 1
        offered = np.zeros((2, size))
        rows = desk.offered(place, min(size, book.ahead))
        offered[: len(rows), : rows.shape[1]] = rows
        limit = offered[1] if setup.trading.priced else None
        fixed = np.asarray(cleared_kw(setup.trading, book.market, offered[0], limit, price, trading_arrays))
        found.append(Open(book.market, np.where(slot >= 0, 0.0, fixed), slot, price))
    return tuple(found)


def actions_of(desk: Desk, window: Window, bids: Bids, columns: Floats) -> Floats:
    """Return the actions that play a solved window, shape (steps, controls); volumes are rounded to their ticks."""
    setup, size = desk.setup, len(window.unit)
    actions = np.zeros((size, setup.controls))
    for place, flexible in enumerate(window.unit.flexibles):
        flow = _value(bids.stated.drawn[place], columns) - _value(bids.stated.given[place], columns)
        rated = np.where(flow > 0.0, flexible.draw_kwh, flexible.give_kwh)
        actions[:, place] = np.divide(flow, rated, out=np.zeros(size), where=rated > 0.0)
    shift = bids.shift.value(columns)
    room = np.where(shift > 0.0, window.terms.more_kwh, window.terms.less_kwh)
    actions[:, len(window.unit.flexibles)] = np.divide(shift, room, out=np.zeros(size), where=room > 0.0)
    for place, variables in enumerate(bids.volumes):
        _write_bids(desk, window, place, variables, columns, actions)
    return np.clip(actions, -1.0, 1.0)


def _value(expression: Any, columns: Floats) -> Any:
    return expression.value(columns) if hasattr(expression, "value") else expression


def _write_bids(desk: Desk, window: Window, place: int, variables: Any, columns: Floats, actions: Floats) -> None:
    """Write a market's bids into the actions of the steps at whose gates they are due."""
    setup, now, size = desk.setup, desk.t, len(window.unit)
    book, market = setup.timetable.books[place], window.markets[place]
    if variables is None:
        return
    shares = volume_shares(setup, market, variables.value(columns))
    for gate in np.flatnonzero(book.count[now : now + size]):
        begin = int(book.first[now + gate]) - now
        steps = np.arange(begin, min(begin + int(book.count[now + gate]), size), book.slot_steps)
        if len(steps):
            chosen = np.where(market.slot[steps] >= 0, shares[market.slot[steps]], 0.0)
            actions[gate, book.place : book.place + len(steps)] = chosen
            if setup.trading.priced:
                limits = slice(book.place + book.slots, book.place + book.slots + len(steps))
                actions[gate, limits] = np.where(chosen > 0.0, 1.0, -1.0)


def volume_shares(setup: BiddingSetup, market: Open, volumes: Floats) -> Floats:
    """Return volumes [kW], rounded to the tick, as entries of an action."""
    tick, (buy, sell) = market.market.limits.tick_kw, sizes(market.market, setup.trading)
    rounded = np.round(volumes / tick) * tick if tick else volumes
    kept = np.clip(rounded, -sell, buy)
    return np.where(kept > 0.0, kept / setup.trading.buy_kw, kept / setup.trading.sell_kw)
