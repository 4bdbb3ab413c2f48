"""Banded penalties: the further from what was committed, the worse the rate; one rule: bands are charged one by one.

India's deviation settlement is the case in point; the other contract takes any line with kinks that a user draws.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from energy_gym.backends import Namespace
from energy_gym.contracts.deviation import Pieces, Prices
from energy_gym.contracts.spot import KWH_PER_MWH
from energy_gym.errors import ConfigurationError, NonPositiveError
from energy_gym.trees import sequence


class DeviationBand(NamedTuple):
    """A range of deviations, and what energy in it costs and earns.

    Args:
        up_to: Where it ends, as a fraction of the capacity; infinity in the last one.
        short_factor: What a MWh short costs, in multiples of the rate.
        surplus_factor: What a MWh too much earns, in multiples of the rate.
    """

    up_to: float
    short_factor: float
    surplus_factor: float


INDIA_BANDS = (
    DeviationBand(0.15, 1.0, 1.0),
    DeviationBand(0.25, 1.1, 0.9),
    DeviationBand(0.35, 1.2, 0.8),
    DeviationBand(math.inf, 1.3, 0.7),
)
"""Wind and solar, CERC Deviation Settlement Mechanism, second amendment of 2015: errors as a share of the capacity."""


@dataclass(frozen=True, slots=True)
class Banded:
    """Deviations are settled band by band, each at its own multiple of a rate.

    A shortage of 20 % of the capacity pays 15 % at the first band's factor and 5 % at the second's.

    Args:
        capacity_kw: What the bands are fractions of [kW].
        rate: Rate in currency/MWh, or the column of the data that holds it.
        bands: Bands from 0 outwards.

    Raises:
        NonPositiveError: The capacity is not positive.
        ConfigurationError: Bands do not rise, the last one ends, or a figure is not a number.

    Source:
        CERC (Deviation Settlement Mechanism and related matters) Regulations, India, second amendment of 2015;
        EnCortex, section 5.3.2, has it as the DSM penalty.

    Example:
        >>> from energy_gym.backends import scalars
        >>> contract = Banded(capacity_kw=1000.0, rate=5000.0)
        >>> contract.convex, round(contract.pieces({}, 0.25).cost(-50.0, scalars), 9)
        (True, 256.25)
    """

    capacity_kw: float
    rate: float | str
    bands: tuple[DeviationBand, ...] = INDIA_BANDS

    def __post_init__(self) -> None:
        if not _is_number(self.capacity_kw) or not 0.0 < self.capacity_kw < math.inf:
            raise NonPositiveError(f"capacity_kw={self.capacity_kw!r}", "must be above 0 kW", "pass the rated power")
        if not (isinstance(self.rate, str) and self.rate) and not (_is_number(self.rate) and _is_finite(self.rate)):
            found = f"rate={self.rate!r}"
            raise ConfigurationError(found, "must be currency/MWh, or name a column", "pass a number or a name")
        object.__setattr__(self, "bands", tuple(_band(band) for band in sequence("bands", self.bands)))
        self._check_bands()

    def _check_bands(self) -> None:
        ends = [0.0, *(band.up_to for band in self.bands)]
        rising = all(one < other for one, other in itertools.pairwise(ends))
        if len(ends) < 2 or not rising or ends[-1] != math.inf:
            rule = "bands must rise from 0, the last one without end"
            raise ConfigurationError(f"bands up to {ends[1:]}", rule, "sort them; end with infinity")
        for band in self.bands:
            if not (_is_finite(band.short_factor) and _is_finite(band.surplus_factor)):
                raise ConfigurationError(f"{band}", "factors must be finite", "correct the band")

    @property
    def columns(self) -> tuple[str, ...]:
        """The rate, where it is a column."""
        return (self.rate,) if isinstance(self.rate, str) else ()

    @property
    def convex(self) -> bool:
        """True where the rate is fixed and the bands make the cost convex; a rate from data may be negative."""
        return not isinstance(self.rate, str) and self.pieces({}, 1.0).convex

    def pieces(self, prices: Prices, step_hours: float) -> Pieces:
        """Return the bands' ends on both sides of 0, and 0 itself."""
        rate = prices[self.rate] if isinstance(self.rate, str) else self.rate
        ends = [band.up_to * self.capacity_kw * step_hours for band in self.bands[:-1]]
        kinks = (*(-end for end in reversed(ends)), 0.0, *ends)
        short = (-band.short_factor * rate for band in reversed(self.bands))
        return Pieces(kinks, (*short, *(-band.surplus_factor * rate for band in self.bands)))

    def cost(self, surplus_kwh: Any, prices: Prices, step_hours: float, xp: Namespace) -> Any:
        """Return the sum over the bands: the first factor on everything, each later one's change beyond its start."""
        rate = prices[self.rate] if isinstance(self.rate, str) else self.rate
        short, over = xp.positive(-surplus_kwh), xp.positive(surplus_kwh)
        units = short * self.bands[0].short_factor - over * self.bands[0].surplus_factor
        for inner, outer in itertools.pairwise(self.bands):
            start = inner.up_to * self.capacity_kw * step_hours
            units = units + xp.positive(short - start) * (outer.short_factor - inner.short_factor)
            units = units - xp.positive(over - start) * (outer.surplus_factor - inner.surplus_factor)
        return units * rate / KWH_PER_MWH


@dataclass(frozen=True, slots=True)
class PiecewiseLinear:
    """A penalty of the user's own: any line with kinks through zero.

    Args:
        kinks_kwh: Rising surpluses of a step where the slope changes [kWh].
        slopes_per_mwh: Change of the cost with the surplus [currency/MWh], one more than kinks.

    Raises:
        ConfigurationError: Kinks do not rise, or the numbers do not fit.

    Source:
        EnCortex, section 3.1.2 and equation 15: a penalty function of the user's own.

    Example:
        >>> free = PiecewiseLinear((-5.0, 5.0), (-100.0, 0.0, 100.0))
        >>> free.convex, PiecewiseLinear((0.0,), (50.0, -50.0)).convex
        (True, False)
    """

    kinks_kwh: tuple[float, ...]
    slopes_per_mwh: tuple[float, ...]
    _pieces: Pieces = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("kinks_kwh", "slopes_per_mwh"):
            values = sequence(name, getattr(self, name))
            if not all(_is_number(value) and _is_finite(value) for value in values):
                raise ConfigurationError(f"{name}={values!r}", "must be finite numbers", f"correct {name}")
            object.__setattr__(self, name, tuple(float(value) for value in values))
        object.__setattr__(self, "_pieces", Pieces(self.kinks_kwh, self.slopes_per_mwh))

    @property
    def columns(self) -> tuple[str, ...]:
        """No prices are needed."""
        return ()

    @property
    def convex(self) -> bool:
        """True where no slope falls from left to right."""
        return self._pieces.convex

    def pieces(self, prices: Prices, step_hours: float) -> Pieces:
        """Return the line as it was drawn."""
        return self._pieces

    def cost(self, surplus_kwh: Any, prices: Prices, step_hours: float, xp: Namespace) -> Any:
        """Return the line's value."""
        return self._pieces.cost(surplus_kwh, xp)


def _band(figures: Any) -> DeviationBand:
    """Return a band from its three figures, the end of the last one infinite."""
    found = sequence("bands: a band", figures)
    if len(found) != len(DeviationBand._fields) or not all(_is_number(figure) for figure in found):
        names = ", ".join(DeviationBand._fields)
        raise ConfigurationError(f"bands: {figures!r}", f"a band is three numbers: {names}", "correct the band")
    return DeviationBand(*found)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
