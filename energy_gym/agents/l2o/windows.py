"""What a schedule is made for: windows of net load and prices, the energy stored, and the steps left.

One rule: no optimum and no label is ever looked at; windows are all that training sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.homes import DayBatch
from energy_gym.errors import ConfigurationError


class Windows(NamedTuple):
    """B windows of T steps, as arrays or tensors; steps past the last of a window hold zeros.

    Args:
        net_kw: Load less production, shape (B, T) [kW].
        buy: Price of import, shape (B, T), as a multiple of the source's mean price.
        sell: Price of export, likewise.
        energy_kwh: Energy stored at the start, shape (B,) [kWh].
        left: Steps that each window has, from 1 to T, shape (B,).
    """

    net_kw: Any
    buy: Any
    sell: Any
    energy_kwh: Any
    left: Any

    def tensors(self) -> Windows:
        """Return arrays as tensors of float32, to learn from."""
        import torch

        net, buy, sell, energy = (torch.as_tensor(part, dtype=torch.float32) for part in self[:4])
        return Windows(net, buy, sell, energy, torch.as_tensor(self.left))


@dataclass(frozen=True)
class Source:
    """Where windows are drawn from.

    Args:
        net_kw: Load less production, shape (N, T) [kW].
        buy: Price of import, shape (N, T) [currency/MWh].
        sell: Price of export.
        price: Mean price of import, by which prices are divided: a fixed figure.
        cyclic: Whether a row is a day, so that a window may begin at any of its steps and go on from its first.
    """

    net_kw: Floats
    buy: Floats
    sell: Floats
    price: float
    cyclic: bool

    def __len__(self) -> int:
        return len(self.net_kw)

    @classmethod
    def of_days(cls, days: DayBatch, price: float | None = None) -> Source:
        """Return independent days as a source.

        Example:
            >>> from energy_gym.data.homes import synthetic_days
            >>> Source.of_days(synthetic_days(3, seed=0)).net_kw.shape
            (3, 24)
        """
        mean = mean_price(days.buy_per_mwh) if price is None else price
        return cls(days.load_kw - days.pv_kw, days.buy_per_mwh, days.sell_per_mwh, mean, True)

    @classmethod
    def of_series(cls, net_kw: Floats, buy: Floats, sell: Floats, steps: int) -> Source:
        """Return all windows of ``steps`` steps of a series, shape (S,), as a source.

        Raises:
            ConfigurationError: The series is shorter than a window.
        """
        if len(net_kw) < steps:
            raise ConfigurationError(
                f"{len(net_kw)} steps to learn from", f"must be at least the {steps} of a window", "use a longer split"
            )
        net, bought, sold = (np.lib.stride_tricks.sliding_window_view(part, steps) for part in (net_kw, buy, sell))
        return cls(net, bought, sold, mean_price(buy), False)


def mean_price(buy: Floats) -> float:
    """Return the mean size of a price, 1 where all are zero.

    Example:
        >>> import numpy as np
        >>> mean_price(np.array([30.0, -10.0]))
        20.0
    """
    return float(np.abs(buy).mean()) or 1.0


@dataclass(frozen=True)
class Draw:
    """Draws batches of windows.

    Args:
        sources: Where from, each with its share of the batch.
        initial_kwh: Energy stored at the start of an episode, to which every window returns.
        span_kwh: Least and most that may be stored.
        receding: Share of the windows that begin at any step of a day and with any energy stored; the others begin
            with the day and with ``initial_kwh``.
        short: Share of these that end within the look-ahead.
    """

    sources: Sequence[tuple[Source, float]]
    initial_kwh: float
    span_kwh: tuple[float, float]
    receding: float
    short: float

    def __call__(self, random: np.random.Generator, size: int) -> Windows:
        """Return ``size`` windows as tensors."""
        counts = self._counts(size)
        parts = [self._rows(source, random, count) for (source, _), count in zip(self.sources, counts, strict=True)]
        net, buy, sell, free = (np.concatenate(column) for column in zip(*parts, strict=True))
        low, high = self.span_kwh
        energy = np.where(free, random.uniform(low, high, size), self.initial_kwh)
        steps = net.shape[1]
        ends = free & (random.random(size) < self.short)
        left = np.where(ends, random.integers(1, steps + 1, size), steps)
        return padded(net, buy, sell, energy, left).tensors()

    def _counts(self, size: int) -> list[int]:
        shares = np.array([share for _, share in self.sources])
        edges = np.round(np.cumsum(shares / shares.sum()) * size).astype(int)
        return [int(count) for count in np.diff(edges, prepend=0)]

    def _rows(self, source: Source, random: np.random.Generator, size: int) -> tuple[Any, ...]:
        """Return net load and scaled prices, each of shape (size, T), and whether a window begins anywhere."""
        steps = source.net_kw.shape[1]
        rows = random.integers(0, len(source), size)
        free = random.random(size) < self.receding
        shift = np.where(free & source.cyclic, random.integers(0, steps, size), 0)
        hours = (shift[:, None] + np.arange(steps)) % steps
        net, buy, sell = (part[rows[:, None], hours] for part in (source.net_kw, source.buy, source.sell))
        return net, buy / source.price, sell / source.price, free


def padded(net_kw: Floats, buy: Floats, sell: Floats, energy_kwh: Floats, left: Any) -> Windows:
    """Return windows as arrays of float64, with zeros past the steps that each has left.

    Args:
        net_kw: Net load, shape (B, T) [kW].
        buy: Scaled price of import.
        sell: Scaled price of export.
        energy_kwh: Energy stored, shape (B,).
        left: Steps left, shape (B,).
    """
    inside = np.arange(net_kw.shape[1]) < np.asarray(left)[:, None]
    net, bought, sold = (np.where(inside, part, 0.0).astype(np.float64) for part in (net_kw, buy, sell))
    return Windows(net, bought, sold, np.asarray(energy_kwh, dtype=np.float64), np.asarray(left))
