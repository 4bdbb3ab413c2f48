"""The bids of one episode of a producer: what stands offered, and how an action becomes wishes and offers.

One rule: what a step is played with comes from here for the environment, the oracle's replay and every plan alike.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from energy_gym.arrays import Flags, Floats
from energy_gym.bidding.choices import Choices
from energy_gym.bidding.laws import cleared_kw, limit_per_mwh, volume_kw
from energy_gym.bidding.setup import BiddingSetup
from energy_gym.bidding.timetable import MarketGates
from energy_gym.contracts.clearing import trading_arrays, trading_scalars
from energy_gym.envs.gates import Observations
from energy_gym.errors import ActionError


class ProducerGates:
    """A producer's bids; see `energy_gym.envs.gates.Gates`.

    Args:
        setup: What it is played on.

    Attributes:
        t: The step that is next, counted from the start of the split.
        first: First step of the episode.
        stop: The step after its last.
        choices: What discrete actions mean; None where actions are continuous.
    """

    def __init__(self, setup: BiddingSetup) -> None:
        self.setup = setup
        self.t = self.first = self.stop = 0
        self.offers: list[Floats] = []
        self._rejected = 0
        self.choices = Choices.of(setup)
        self._prepare()

    def _prepare(self) -> None:
        setup, table = self.setup, self.setup.timetable
        self._signals, self._books = setup.signals, table.books
        self._controls, self._priced = len(setup.flexibles), setup.trading.priced
        self._mask, self._masks = table.mask.tolist(), list(table.masks)
        self._anything = (table.mask != table.mask[-1]).tolist()
        # Places of the volumes that are not due, by mask: what stands there comes too early or too late.
        self._closed = [np.flatnonzero(~row) for row in setup.volumes_due]
        self._shown = setup.bid_tape.shown

    def __getstate__(self) -> dict[str, Any]:
        kept = ("setup", "t", "first", "stop", "offers", "choices", "_rejected")
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def restart(self, first: int, stop: int) -> None:
        """See `Gates.restart`."""
        self.t = self.first = first
        self.stop = stop
        width = stop - first + self.setup.timetable.ahead
        self.offers = [np.zeros((2 if self._priced else 1, width)) for _ in self._books]
        self._rejected = 0

    def copy(self) -> ProducerGates:
        """See `Gates.copy`."""
        other = copy.copy(self)
        other.offers = [offer.copy() for offer in self.offers]
        return other

    @property
    def due(self) -> Flags:
        """Which entries of the coming action count, shape (controls,)."""
        return self._masks[self._mask[self.t]]

    def offered(self, place: int, count: int) -> Floats:
        """Return what is offered in a market for the coming steps, shape (1 or 2, count): volumes [kW], limits."""
        begin = self.t - self.first
        return self.offers[place][:, begin : begin + count]

    def ahead(self) -> list[Floats]:
        """Return the volumes offered in each market for the running and the coming steps, each of (ahead,) [kW]."""
        return [self.offered(place, book.ahead)[0] for place, book in enumerate(self._books)]

    def taken(self, step: int) -> dict[str, float]:
        """Return what each market takes of what is offered for a step of the episode [kW], positive buys."""
        trading, here, found = self.setup.trading, step - self.first, {}
        for book, offer, prices in zip(self._books, self.offers, self.setup.unit.prices, strict=True):
            bid = (*_bid(offer, here), prices.item(step))
            found[book.market.name] = float(cleared_kw(trading, book.market, *bid, trading_scalars))
        return found

    def chosen(self, entries: Floats) -> Any:
        """Return the action that plays entries of shape (controls,), or the choice that comes nearest to them."""
        return entries if self.choices is None else self.choices.nearest(entries, self.t, self.ahead())

    def entries_of(self, action: Any) -> Floats:
        """Return what an action means now: its entries, float64, shape (controls,)."""
        if self.choices is None:
            return self._numbers(action)
        offered = [part[None] for part in self.ahead()]
        meant: Floats = self.choices.entries(self.choices.checked(action, 1), np.array([self.t]), offered)[0]
        return meant

    def take(self, action: Any) -> tuple[list[float], float, Any]:
        """See `Gates.take`."""
        return self.enter(self.entries_of(action))

    def enter(self, entries: Floats) -> tuple[list[float], float, Any]:
        """Take entries, float64, shape (controls,), as `take` takes an action; they are left as they are."""
        t = self.t
        wishes, excess = self._read(t, entries)
        self._rejected = int(np.count_nonzero(entries.take(self._closed[self._mask[t]])))
        if self._anything[t]:
            self._bid(t, entries)
        own, _, _, terms = self._signals[t]
        here = t - self.first
        volumes = [offer.item(0, here) for offer in self.offers]
        limits = [offer.item(1, here) for offer in self.offers] if self._priced else ()
        self.t = t + 1
        return wishes, excess, (own, volumes, limits, terms)

    def show(self, observation: Observations) -> None:
        """See `Gates.show`."""
        here = self.t - self.first
        for shown in self._shown:
            begin, end = shown.begin, shown.end
            observation[begin:end] = shown.scaled(self.offers[shown.place][shown.row, here : here + end - begin])

    def tell(self, info: dict[str, Any], owed: float, fined: float) -> None:
        """See `Gates.tell`."""
        info["unmatched_cost"] += fined
        info["closing_cost"] = owed
        info["rejected"] = float(self._rejected)

    def announce(self) -> dict[str, Any]:
        """See `Gates.announce`."""
        return {"due": self.due.copy()}

    def _numbers(self, action: Any) -> Floats:
        size = self.setup.controls
        rule = f"pass an array of shape ({size},)"
        try:
            given = np.asarray(action)
            numbers = given.astype(np.float64) if given.dtype.kind != "c" else None
        except (TypeError, ValueError) as error:
            raise ActionError(f"action={action!r}", "must be numbers", rule) from error
        if numbers is None:
            raise ActionError(f"action={action!r}", "must be real numbers", rule)
        if numbers.size != size or numbers.shape[-1] != size:
            found = f"action of {numbers.size} numbers in shape {numbers.shape}"
            raise ActionError(found, f"must be {size}", "pass one for each of env.unwrapped.entries")
        return numbers.ravel()

    def _read(self, t: int, entries: Floats) -> tuple[list[float], float]:
        """Return the shares of the controls and the supply, cut to [-1, 1], and the energy that a cut refuses [kWh]."""
        wishes, excess = entries[: self._controls + 1].tolist(), 0.0
        for place, wish in enumerate(wishes):
            if not -1.0 <= wish <= 1.0:
                if not math.isfinite(wish):
                    name = self.setup.entries[place]
                    raise ActionError(f"action[{place}]={wish} ({name})", "must be finite", "pass numbers in [-1, 1]")
                if place < self._controls:
                    draw, give = self.setup.flexibles[place].rated(t)
                    excess += (abs(wish) - 1.0) * float(draw if wish > 0.0 else give)
                wishes[place] = min(max(wish, -1.0), 1.0)
        return wishes, excess

    def _bid(self, t: int, entries: Floats) -> None:
        """Take the bids that are due."""
        self._check(t, entries)
        for offer, book in zip(self.offers, self._books, strict=True):
            count = int(book.count[t])
            if count:
                self._write(offer, book, int(book.first[t]) - self.first, count, entries)

    def _write(self, offer: Floats, book: MarketGates, begin: int, count: int, entries: Floats) -> None:
        asked = np.minimum(np.maximum(entries[book.entries], -1.0), 1.0)
        volume = volume_kw(asked, book.market.limits, self.setup.trading, trading_arrays)
        slots = -(-count // book.slot_steps)
        self._rejected += int(np.count_nonzero((volume[:slots] == 0.0) & (asked[:slots] != 0.0)))
        kept = max(min(count, offer.shape[1] - begin), 0)
        offer[0, begin : begin + kept] = np.repeat(volume, book.slot_steps)[:kept]
        if self._priced:
            limit = limit_per_mwh(np.minimum(np.maximum(entries[book.limits()], -1.0), 1.0), book.market.limits)
            offer[1, begin : begin + kept] = np.repeat(limit, book.slot_steps)[:kept]

    def _check(self, t: int, entries: Floats) -> None:
        bad = np.flatnonzero(self._masks[self._mask[t]] & ~np.isfinite(entries))
        if len(bad):
            entry, when = self.setup.entries[bad[0]], self.setup.time(t).isoformat()
            found = f"action[{bad[0]}]={entries[bad[0]]} ({entry}) at {when}"
            raise ActionError(found, "a bid that is due must be finite", "pass numbers in [-1, 1]")


def _bid(offer: Floats, here: int) -> tuple[float, float | None]:
    """Return volume and limit price of the bid for a step; None: it has no limit price."""
    return offer.item(0, here), offer.item(1, here) if len(offer) > 1 else None
