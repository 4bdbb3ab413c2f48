"""Lines with bends: what a power that is converted comes to, and what a state of charge leaves of rated power.

One rule: only ``+ - * /`` and ``abs``, so that floats, arrays and tensors give the same bits.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from energy_gym.errors import ConfigurationError
from energy_gym.trees import number, sequence

Points = tuple[tuple[float, float], ...]


class Line(NamedTuple):
    """A straight line ``offset + slope * x``."""

    offset: float
    slope: float

    def at(self, x: Any) -> Any:
        """Return its value, of a number or of a solver's expression."""
        return self.slope * x + self.offset


class Bent(NamedTuple):
    """A rising line through the origin that bends: ``slope * x``, and beyond each bend its change of slope more.

    Args:
        slope: Slope up to the first bend.
        bends: Where it bends, and by how much the slope changes there.

    Example:
        >>> line = Bent.through(((2.0, 1.8), (4.0, 3.4)))
        >>> [round(line.at(x), 6) for x in (1.0, 2.0, 3.0)]
        [0.9, 1.8, 2.6]
        >>> round(line.inverse().at(2.6), 6)
        3.0
    """

    slope: float
    bends: tuple[tuple[float, float], ...] = ()

    @classmethod
    def through(cls, points: Points) -> Bent:
        """Return the line from the origin through some points, in rising order."""
        slopes = [(high[1] - low[1]) / (high[0] - low[0]) for low, high in pairwise(((0.0, 0.0), *points))]
        changes = [after - before for before, after in pairwise(slopes)]
        return cls(slopes[0], tuple(zip((point[0] for point in points[:-1]), changes, strict=True)))

    def at(self, x: Any) -> Any:
        """Return its value."""
        value = self.slope * x
        for begin, change in self.bends:
            value = value + change * (((x - begin) + abs(x - begin)) * 0.5)
        return value

    def pieces(self, end: float) -> list[tuple[float, float]]:
        """Return length and slope of each straight piece from the origin to ``end``."""
        starts = [0.0, *(begin for begin, _ in self.bends), end]
        slopes = [self.slope]
        for _, change in self.bends:
            slopes.append(slopes[-1] + change)
        return [(high - low, slope) for (low, high), slope in zip(pairwise(starts), slopes, strict=True)]

    def inverse(self) -> Bent:
        """Return the line that gives back ``x`` for its value."""
        if not self.bends:
            return Bent(1.0 / self.slope)
        ends = [begin for begin, _ in self.bends]
        last = 2.0 * ends[-1]
        return Bent.through(tuple((float(self.at(x)), x) for x in (*ends, last)))


def points_of(name: str, value: Any, rule: str) -> Points:
    """Return pairs of numbers whose first ones rise.

    Args:
        name: What the messages call them.
        value: A list of pairs.
        rule: What they must be, for the messages.

    Raises:
        ConfigurationError: They are no pairs of numbers, or do not rise.

    Example:
        >>> points_of("charge_taper", [[0.8, 1], [1, 0.2]], "pairs of state of charge and share of rated power")
        ((0.8, 1.0), (1.0, 0.2))
    """
    rows = [sequence(f"{name}[{place}]", row) for place, row in enumerate(sequence(name, value))]
    if any(len(row) != 2 for row in rows):
        raise ConfigurationError(f"{name}={value!r}", f"must be {rule}", "pass a list such as [[0.8, 1.0], [1.0, 0.2]]")
    points = tuple((number(name, row[0], "numbers"), number(name, row[1], "numbers")) for row in rows)
    if any(high[0] <= low[0] for low, high in pairwise(points)):
        raise ConfigurationError(f"{name}={points}", f"must be {rule}, the first of each pair rising", "sort them")
    return points


def taper(name: str, points: Points) -> tuple[Line, ...]:
    """Return the lines of which the least says what share of rated power a state of charge allows.

    Raises:
        ConfigurationError: The shares are outside [0, 1], bend upwards, or leave nothing at some state of charge.

    Source:
        The least of lines is a concave function of the state of charge: by definition.

    Example:
        >>> [round(line.at(0.9), 6) for line in taper("charge_taper", ((0.8, 1.0), (1.0, 0.2)))]
        [0.6]
    """
    rule = "must be pairs of state of charge and share of rated power in [0, 1] whose slope never rises"
    slopes = [(high[1] - low[1]) / (high[0] - low[0]) for low, high in pairwise(points)]
    falling = all(after <= before + 1e-12 for before, after in pairwise(slopes))
    inside = all(0.0 <= soc <= 1.0 and 0.0 <= share <= 1.0 for soc, share in points)
    if not (falling and inside and (len(points) != 1)):
        raise ConfigurationError(f"{name}={points}", rule, "give points where the power bends, such as 0.8: 1, 1: 0.2")
    lines = tuple(Line(low[1] - slope * low[0], slope) for low, slope in zip(points, slopes, strict=False))
    if any(min(line.at(0.0), line.at(1.0)) < -1e-12 for line in lines):
        raise ConfigurationError(f"{name}={points}", "its lines leave less than nothing at 0 or 1", "add a point there")
    return lines


def converted(name: str, points: Points, rated_kwh: float, inward: bool) -> Bent:
    """Return what energy at the terminals comes to in the store, with an efficiency that depends on the power.

    Args:
        name: What the messages call the efficiencies.
        points: Shares of rated power and the efficiency there; between them the energy converted is a straight line.
        rated_kwh: Rated energy of a step at the terminals [kWh].
        inward: Whether energy is stored; if not, it is taken from the store.

    Raises:
        ConfigurationError: Shares do not end at 1, an efficiency is outside (0, 1], or less power would convert more.

    Example:
        >>> converted("charge_efficiency", ((0.5, 0.96), (1.0, 0.9)), 10.0, inward=True).at(5.0)
        4.8
    """
    if not points or points[-1][0] != 1.0 or points[0][0] <= 0.0:
        raise ConfigurationError(f"{name}={points}", "shares of rated power lie above 0 and end at 1", "add 1.0")
    if not all(0.0 < efficiency <= 1.0 for _, efficiency in points):
        raise ConfigurationError(f"{name}={points}", "an efficiency lies in (0, 1]", "pass fractions, not percent")
    energies = tuple(
        (share * rated_kwh, share * rated_kwh * (efficiency if inward else 1.0 / efficiency))
        for share, efficiency in points
    )
    line = Bent.through(energies)
    if any(slope <= 0.0 for _, slope in line.pieces(rated_kwh)):
        raise ConfigurationError(
            f"{name}={points}", "more power must convert more energy", "let efficiencies fall less"
        )
    return line
