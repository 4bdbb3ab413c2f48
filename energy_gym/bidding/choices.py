"""Hierarchical choices of a producer: a level of storage power, and for each market what part of the surplus to offer.

One rule: a choice is read the same way by a single environment, a batch and the wrapper; what a bid does is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.bidding.expected import expected_surplus_kw
from energy_gym.bidding.setup import OFFERS, BiddingSetup
from energy_gym.bidding.timetable import MarketGates
from energy_gym.errors import ActionError, ConfigurationError

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Choices:
    """What a number means: a level of storage power, and one share of the expected surplus for each market.

    Where a market's gate is due, its share of the surplus that is forecast for a slot and not yet offered is bid for
    every slot of the gate; elsewhere it has no effect. The consumer is served as it demands.

    Args:
        setup: What is played.
        storage: Levels of storage power, as shares of rated power.
        offers: Shares of the surplus.

    Raises:
        ConfigurationError: There is no share, or one is not finite.

    Example:
        >>> from energy_gym.bidding.making import make_bidding
        >>> choices = Choices(make_bidding(), (-1.0, 0.0, 1.0))
        >>> choices.count, choices.meaning(7)
        (12, (0.0, (1.25,)))
    """

    setup: BiddingSetup
    storage: tuple[float, ...]
    offers: tuple[float, ...] = OFFERS

    @classmethod
    def of(cls, setup: BiddingSetup) -> Choices | None:
        """Return what the discrete actions of a setup mean; None where its actions are continuous."""
        return None if setup.levels is None else cls(setup, tuple(dict.fromkeys(setup.levels)))

    def __post_init__(self) -> None:
        if not self.offers or not all(np.isfinite(self.offers)):
            raise ConfigurationError(f"offers={self.offers!r}", "must be shares of the surplus", "pass (0.0, 0.5, 1.0)")

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Number of levels of storage power, then of shares for each market."""
        return len(self.storage), *(len(self.offers),) * len(self.setup.timetable.books)

    @property
    def count(self) -> int:
        """Number of choices."""
        return int(np.prod(self.sizes))

    @property
    def idle(self) -> int:
        """The choice that leaves the storage alone and offers the least."""
        lines = [int(np.argmin(np.abs(self.storage))), *[int(np.argmin(np.abs(self.offers)))] * (len(self.sizes) - 1)]
        return int(np.ravel_multi_index(lines, self.sizes))

    def meaning(self, number: int) -> tuple[float, tuple[float, ...]]:
        """Return the share of storage power, and the share of the surplus for each market, that a number means."""
        level, *shares = np.unravel_index(number, self.sizes)
        return self.storage[int(level)], tuple(self.offers[int(share)] for share in shares)

    def checked(self, numbers: Any, count: int) -> Numbers:
        """Return ``count`` numbers as an array, or raise ActionError."""
        found = np.asarray(numbers)
        if found.size != count or found.dtype.kind not in "iu" or found.min() < 0 or found.max() >= self.count:
            rule = f"must be {'one' if count == 1 else count} of 0 to {self.count - 1}"
            raise ActionError(f"action={numbers!r}", rule, "pass whole numbers of that range")
        return found.reshape(count).astype(np.int64)

    def entries(self, numbers: Numbers, steps: Numbers, offered_kw: Sequence[Floats]) -> Floats:
        """Return what numbers mean as actions of the environment, shape (n, controls).

        Args:
            numbers: Choices, shape (n,).
            steps: Steps of the split at which they are made, shape (n,).
            offered_kw: What is offered in each market for the running and the coming steps, shape (n, ahead).
        """
        level, *chosen = np.unravel_index(numbers, self.sizes)
        entries = np.zeros((len(numbers), self.setup.controls))
        entries[:, 0] = np.array(self.storage)[level]
        shares = np.array(self.offers)
        for book, share in zip(self.setup.timetable.books, chosen, strict=True):
            which = np.flatnonzero(book.count[steps] > 0)
            if len(which):
                left = self._left(which, steps, offered_kw)
                self._write(book, which, steps[which], shares[share[which], None] * left, entries)
        return entries

    def nearest(self, entries: Floats, step: int, offered_kw: Sequence[Floats]) -> int:
        """Return the choice that comes nearest to an action, of shape (controls,), at a step."""
        chosen = [int(np.argmin(np.abs(np.array(self.storage) - entries[0])))]
        numbers, now = np.arange(len(self.offers)), np.full(len(self.offers), step)
        offered = [np.broadcast_to(part, (len(numbers), part.shape[-1])) for part in offered_kw]
        for place, book in enumerate(self.setup.timetable.books):
            lines = [np.zeros_like(numbers)] * len(self.sizes)
            lines[place + 1] = numbers
            meant = self.entries(np.ravel_multi_index(lines, self.sizes), now, offered)
            missed = np.abs(meant[:, book.entries] - entries[book.entries]).sum(axis=1)
            chosen.append(int(np.argmin(missed)) if book.count[step] else 0)
        return int(np.ravel_multi_index(chosen, self.sizes))

    @cached_property
    def _surplus(self) -> tuple[Floats, Numbers]:
        """The expected surplus at all steps with a gate, shape (gates, horizon), and the row of each step."""
        due = np.flatnonzero(np.any([book.count[:-1] > 0 for book in self.setup.timetable.books], axis=0))
        rows = np.full(self.setup.steps + 1, -1)
        rows[due] = np.arange(len(due))
        return expected_surplus_kw(self.setup, due), rows

    def _left(self, which: Numbers, steps: Numbers, offered_kw: Sequence[Floats]) -> Floats:
        """Return the surplus that is not offered yet, as purchases (negative sells), shape (n, horizon) [kW]."""
        surplus, rows = self._surplus
        left = 0.0 - surplus[rows[steps[which]]]
        for offered in offered_kw:
            ahead = min(offered.shape[1], left.shape[1])
            left[:, :ahead] -= offered[which, :ahead]
        return left

    def _write(self, book: MarketGates, which: Numbers, steps: Numbers, volumes_kw: Floats, entries: Floats) -> None:
        """Write a market's bids: a slot takes the mean volume of its steps; nothing beyond the gate's last slot."""
        trading, size = self.setup.trading, book.slot_steps
        lead, count = (book.first[steps] - steps)[:, None], book.count[steps][:, None]
        slot = np.arange(book.slots)
        at = lead[..., None] + slot[:, None] * size + np.arange(size)
        volume = np.take_along_axis(
            volumes_kw[:, None, :].repeat(book.slots, axis=1), np.minimum(at, volumes_kw.shape[1] - 1), axis=2
        ).mean(axis=2)
        share = np.where(volume > 0.0, volume / trading.buy_kw, volume / trading.sell_kw)
        valid = slot * size < count
        entries[which, book.entries] = np.where(valid, np.clip(share, -1.0, 1.0), 0.0)
        if trading.priced:
            entries[which, book.limits()] = np.where(valid, np.where(volume > 0.0, 1.0, -1.0), 0.0)
