"""One episode of a producer on floats: what it stores, owes its consumer and has offered, and the step that moves it.

One rule: the single environment, the oracle's replay and the idle return all play through this one class.
"""

from __future__ import annotations

import copy
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.backends import scalars
from energy_gym.bidding.laws import limit_per_mwh, volume_kw
from energy_gym.bidding.setup import BiddingSetup
from energy_gym.bidding.timetable import Book
from energy_gym.contracts.clearing import trading_arrays, trading_scalars
from energy_gym.contracts.spot import carbon_kg
from energy_gym.contracts.supply import unmatched_cost
from energy_gym.dynamics import compose, reward, settlement
from energy_gym.errors import ActionError

Floats = npt.NDArray[np.float64]


class Figures(NamedTuple):
    """What a step came to; money [currency], energies [kWh, import positive]."""

    net_kwh: float
    committed_kwh: float
    supplied_kwh: float
    market: float
    supply: float
    deviation: float
    unmatched: float
    closing: float
    carbon_kg: float
    wear: float
    refused_kwh: float
    rejected: int
    reward: float


class Desk:
    """A producer's episode.

    Args:
        setup: What it is played on.

    Attributes:
        states: States now: of the controlled entities, then the balance of supply and demand [kWh].
        t: The step that is next, counted from the start of the split.
    """

    def __init__(self, setup: BiddingSetup) -> None:
        self.setup = setup
        self.states: tuple[float, ...] = (*setup.units[0].initial, 0.0)
        self.t = self.first = self.stop = 0
        self.offers: list[Floats] = []
        self._rejected = 0
        self._prepare()

    def _prepare(self) -> None:
        setup = self.setup
        self._advance, self._trade = compose(setup.units, scalars), setup.trade(trading_scalars)
        self._signals, self._terms = setup.signals, setup.step_terms
        self._controls, self._books = len(setup.flexibles), setup.timetable.books
        self._carbon = setup.carbon.tolist() if setup.carbon.any() else None
        self._due = (setup.timetable.mask != setup.timetable.mask[-1]).tolist()
        self._priced, self._hours = setup.trading.priced, setup.feed.step_hours
        self._weights = setup.weights
        self._markets = len(self._books)
        bids = setup.timetable.masks.copy()
        bids[:, : self._controls + 1] = True
        for book in self._books if self._priced else ():
            bids[:, book.limits()] = True
        # Places of the volumes that are not due, by mask: what stands there comes too early or too late.
        self._closed = [np.flatnonzero(~row) for row in bids]
        self._mask = setup.timetable.mask.tolist()

    def __getstate__(self) -> dict[str, Any]:
        kept = ("setup", "states", "t", "first", "stop", "offers", "_rejected")
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def restart(self, first: int, stop: int) -> None:
        """Start an episode over the steps ``first`` to ``stop``, with nothing committed."""
        self.states = (*self.setup.units[0].initial, 0.0)
        self.t = self.first = first
        self.stop = stop
        width = stop - first + max(book.ahead for book in self._books)
        self.offers = [np.zeros((2 if self._priced else 1, width)) for _ in self._books]
        self._rejected = 0

    def copy(self) -> Desk:
        """Return the same episode, to be played on without changing this one."""
        other = copy.copy(self)
        other.offers = [offer.copy() for offer in self.offers]
        return other

    def offered(self, place: int, count: int) -> Floats:
        """Return what is offered in a market for the coming steps, shape (1 or 2, count): volumes [kW], limits."""
        begin = self.t - self.first
        return self.offers[place][:, begin : begin + count]

    def play(self, action: Floats) -> Figures:
        """Play one step.

        Args:
            action: Entries of the action, float64, shape (controls,); it is left as it is.

        Raises:
            ActionError: An entry that counts is not a finite number.
        """
        t, count = self.t, self._controls
        wishes, excess = self._read(action)
        self._rejected = int(np.count_nonzero(action.take(self._closed[self._mask[t]])))
        if self._due[t]:
            self._bid(t, action)
        *stored, balance = self.states
        moved, net, _, _, wear, _, _, refused, _ = self._advance(stored, wishes[:count], self._signals[t])
        here = t - self.first
        volumes = [offer.item(0, here) for offer in self.offers]
        limits = [offer.item(1, here) for offer in self.offers] if self._priced else ()
        money = self._trade(net, wishes[count], balance, volumes, limits, self._terms[t])
        self.states = (*moved, money.balance_kwh)
        self.t = t + 1
        return self._figures(t, money, wear, refused + excess)

    def _figures(self, t: int, money: Any, wear: float, refused: float) -> Figures:
        net, committed, supplied, balance, market, supply, deviation, unmatched = money
        carbon = 0.0 if self._carbon is None else carbon_kg(net, self._carbon[t])
        closing = 0.0
        if t + 1 == self.stop:
            closing, owed_kg, _ = settlement(self.setup.units, self.setup.closings, self.states, scalars)
            carbon += owed_kg
            unmatched += unmatched_cost(balance, self.setup.supply, scalars)
        gain = reward(market + supply + closing, carbon, wear, deviation + unmatched, 0.0, self._weights)
        return Figures(
            net, committed, supplied, market, supply, deviation, unmatched, closing, carbon, wear, refused,
            self._rejected, gain,
        )  # fmt: skip

    def _read(self, action: Floats) -> tuple[list[float], float]:
        """Return the shares of the controls and the supply, cut to [-1, 1], and the energy that a cut refuses [kWh]."""
        wishes, excess = action[: self._controls + 1].tolist(), 0.0
        for place, wish in enumerate(wishes):
            if not -1.0 <= wish <= 1.0:
                if not math.isfinite(wish):
                    name = self.setup.entries[place]
                    raise ActionError(f"action[{place}]={wish} ({name})", "must be finite", "pass numbers in [-1, 1]")
                if place < self._controls:
                    draw, give = self.setup.flexibles[place].rated(self.t)
                    excess += (abs(wish) - 1.0) * float(draw if wish > 0.0 else give)
                wishes[place] = min(max(wish, -1.0), 1.0)
        return wishes, excess

    def _bid(self, t: int, action: Floats) -> None:
        """Take the bids that are due."""
        self._check(t, action)
        for offer, book in zip(self.offers, self._books, strict=True):
            count = int(book.count[t])
            if count:
                self._take(offer, book, int(book.first[t]) - self.first, count, action)

    def _take(self, offer: Floats, book: Book, begin: int, count: int, action: Floats) -> None:
        asked = np.minimum(np.maximum(action[book.entries], -1.0), 1.0)
        volume = volume_kw(asked, book.market.limits, self.setup.trading, trading_arrays)
        slots = -(-count // book.slot_steps)
        self._rejected += int(np.count_nonzero((volume[:slots] == 0.0) & (asked[:slots] != 0.0)))
        kept = max(min(count, offer.shape[1] - begin), 0)
        offer[0, begin : begin + kept] = np.repeat(volume, book.slot_steps)[:kept]
        if self._priced:
            limit = limit_per_mwh(np.minimum(np.maximum(action[book.limits()], -1.0), 1.0), book.market.limits)
            offer[1, begin : begin + kept] = np.repeat(limit, book.slot_steps)[:kept]

    def _check(self, t: int, action: Floats) -> None:
        bad = np.flatnonzero(self.setup.timetable.masks[self._mask[t]] & ~np.isfinite(action))
        if len(bad):
            entry, when = self.setup.entries[bad[0]], self.setup.time(t).isoformat()
            found = f"action[{bad[0]}]={action[bad[0]]} ({entry}) at {when}"
            raise ActionError(found, "a bid that is due must be finite", "pass numbers in [-1, 1]")
