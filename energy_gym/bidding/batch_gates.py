"""The bids of many producers' episodes at once, as arrays of shape (num_envs,).

One rule: environment i does bit for bit what `ProducerGates` does for a single one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from energy_gym.arrays import Flags, Floats, Ints
from energy_gym.bidding.choices import Choices
from energy_gym.bidding.laws import limit_per_mwh, volume_kw
from energy_gym.bidding.offers import Offers
from energy_gym.bidding.setup import BiddingSetup
from energy_gym.bidding.timetable import MarketGates
from energy_gym.contracts.clearing import trading_arrays
from energy_gym.envs.batched import cut_shares, real_numbers
from energy_gym.errors import ActionError
from energy_gym.machine import Elements, Laid


class ProducerBatchGates:
    """The bids of ``num_envs`` producers; see `energy_gym.envs.gates.BatchGates`.

    Args:
        setup: What they are played on.
        num_envs: Number of environments.
    """

    def __init__(self, setup: BiddingSetup, num_envs: int) -> None:
        self.setup, self.num_envs = setup, num_envs
        self._unit, self._table = setup.unit, setup.timetable
        self._controls, self._choices = len(setup.flexibles), Choices.of(setup)
        self._anything = self._table.mask != self._table.mask[-1]
        self._offers = Offers(setup, num_envs)
        self._closed = np.asarray(~setup.volumes_due)
        self._ones = np.ones(self._closed.shape[1], dtype=np.float32)
        self._rejected: Floats = np.zeros(num_envs)
        self._gather = self._unit.gather()
        self.compile(False)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_gather", "_volumes")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._gather = self._unit.gather()
        self.compile(False)

    def compile(self, compiled: bool) -> None:
        """See `BatchGates.compile`."""
        trading, limits = self.setup.trading, [book.market.limits for book in self._table.books]
        laws = [partial(volume_kw, limits=each, trading=trading) for each in limits]
        self._volumes: list[Callable[[Floats], Floats]] = [
            Elements(law) if compiled else partial(law, xp=trading_arrays) for law in laws
        ]

    def due(self, steps: Ints) -> Flags:
        """Return which entries of the coming actions count, shape (num_envs, controls)."""
        return self._table.masks.take(self._table.mask.take(steps), axis=0)

    def place(self, which: Ints) -> None:
        """See `BatchGates.place`."""
        self._offers.clear(which)

    def take(self, steps: Ints, actions: Any, waiting: Flags | None) -> tuple[tuple[Any, ...], Any, tuple[Floats, ...]]:
        """See `BatchGates.take`."""
        given, mask = self._numbers(steps, actions), self._table.mask.take(steps)
        self._rejected = self._too_soon(given, mask)
        if self._anything.take(steps).any():
            self._bid(steps, given, mask, waiting)
        wishes, excess = self._shares(steps, given)
        volumes, limits = self._offers.now
        self._offers.move_on()
        return wishes, excess, (*volumes, *limits)

    def signals(self, steps: Ints, committed: tuple[Floats, ...]) -> Any:
        """See `BatchGates.signals`."""
        markets = len(self._table.books)
        own, _, _, terms = self._gather(steps)
        return own, committed[:markets], committed[markets:], terms

    def laid(self) -> Sequence[Laid]:
        """See `BatchGates.laid`."""
        return self._offers.laid()

    def tell(self, figures: dict[str, Any], done: Flags, closed: tuple[Any, Any] | None, waiting: Flags | None) -> None:
        """See `BatchGates.tell`."""
        owed, fined = (0.0, 0.0) if closed is None else (np.where(done, part, 0.0) for part in closed)
        figures["unmatched_cost"] = figures["unmatched_cost"] + fined
        figures["closing_cost"] = owed
        figures["rejected"] = self._rejected if waiting is None else np.where(waiting, 0.0, self._rejected)

    def announce(self, steps: Ints) -> dict[str, Floats | Flags]:
        """See `BatchGates.announce`."""
        return {"due": self.due(steps)}

    def _numbers(self, steps: Ints, actions: Any) -> Any:
        choices = self._choices
        if choices is None:
            return real_numbers(actions, self.num_envs, self.setup.controls)
        return choices.entries(choices.checked(actions, self.num_envs), steps, self._offers.ahead)

    def _too_soon(self, given: Any, mask: Any) -> Floats:
        """Count the volumes that stand where no bid is due."""
        bids = given != 0.0
        bids &= self._closed.take(mask, axis=0)
        # A product with ones counts several times as fast as NumPy's own counting along short rows, and is as exact.
        return np.asarray(bids.astype(np.float32) @ self._ones, dtype=np.float64)

    def _shares(self, steps: Ints, given: Any) -> tuple[tuple[Any, ...], Any]:
        """Return the shares of controls and supply, cut to [-1, 1], and the energy that a cut refuses [kWh]."""
        wishes = given.T[: self._controls + 1].astype(np.float64, order="C")
        if wishes.item(wishes.argmin()) >= -1.0 and wishes.item(wishes.argmax()) <= 1.0:
            return tuple(wishes), None
        if not np.isfinite(wishes).all():
            env, entry = np.argwhere(~np.isfinite(wishes.T))[0]
            found = f"actions[{env}, {entry}]={wishes[entry, env]} ({self.setup.entries[entry]})"
            raise ActionError(found, "must be finite", "pass numbers in [-1, 1]")
        return cut_shares(wishes, self.setup.flexibles, np.minimum(steps, self.setup.steps - 1))

    def _bid(self, steps: Ints, given: Any, mask: Any, waiting: Flags | None) -> None:
        """Take the bids that are due, of all environments that are not waiting for a reset."""
        for place, book in enumerate(self._table.books):
            due = book.count.take(steps) > 0
            which = np.flatnonzero(due if waiting is None else due & ~waiting)
            if len(which):
                own = given.take(which, axis=0)
                self._check(which, steps, own, mask)
                self._write(place, book, which, steps[which], own)

    def _write(self, place: int, book: MarketGates, which: Ints, steps: Ints, given: Any) -> None:
        asked = np.minimum(np.maximum(given[:, book.entries].astype(np.float64), -1.0), 1.0)
        volume = self._volumes[place](asked)
        rows, slots = np.nonzero((volume == 0.0) & (asked != 0.0))
        if len(rows):
            used = slots < -(-book.count[steps[rows]] // book.slot_steps)
            np.add.at(self._rejected, which[rows[used]], 1.0)
        figures: tuple[Floats, ...] = (volume,)
        if self.setup.trading.priced:
            shares = np.minimum(np.maximum(given[:, book.limits()].astype(np.float64), -1.0), 1.0)
            figures = (volume, limit_per_mwh(shares, book.market.limits))
        self._offers.commit(place, book, which, steps, figures)

    def _check(self, which: Ints, steps: Ints, given: Any, mask: Any) -> None:
        finite = np.isfinite(given)
        if finite.all():
            return
        bad = ~finite & self._table.masks[mask[which]]
        if bad.any():
            row, entry = np.argwhere(bad)[0]
            env = int(which[row])
            when = self.setup.time(int(steps[env])).isoformat()
            found = f"actions[{env}, {entry}]={given[row, entry]} ({self.setup.entries[entry]}) at {when}"
            raise ActionError(found, "a bid that is due must be finite", "pass numbers in [-1, 1]")
