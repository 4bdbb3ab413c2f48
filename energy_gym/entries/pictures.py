"""The pictures of an entry's page as SVG: they take their colours from the page, so they are right in light and dark.

One rule: a picture is text without scripts; what its lines and colours mean stands beside it in words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

# Units of the picture: as wide as a telephone, so that its letters can be read there.
WIDE, LEFT, RIGHT, TOP, FOOT = 440, 52, 8, 10, 24
SHADES = 8
LONG = 1e4
Numbers = Sequence[float]


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return round figures that lie between two.

    Example:
        >>> ticks(-3.0, 12.0), ticks(0.0, 0.0)
        ([0.0, 5.0, 10.0], [0.0])
    """
    span = high - low
    if span <= 0.0:
        return [low]
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * part for part in (1.0, 2.0, 5.0, 10.0) if power * part >= rough)
    first = math.ceil(low / step)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]


def short(value: float) -> str:
    """Return a figure for an axis.

    Example:
        >>> short(0.30000000000000004), short(-2_500_000.0), short(12_000.0)
        ('0.3', '-2.5M', '12k')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size and abs(value) >= LONG:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


class Panel:
    """A plot with a scale to the left: x in [0, 1], y in figures.

    Args:
        low: Lowest figure.
        high: Highest figure.
        top: Where it begins.
        height: How high it is.
    """

    def __init__(self, low: float, high: float, top: float = TOP, height: float = 190.0) -> None:
        spread = (high - low) or max(abs(high), 1.0)
        self.low, self.high = low - 0.04 * spread, high + 0.04 * spread
        self.top, self.height = top, height
        self.parts: list[str] = [self._grid(value) for value in ticks(self.low, self.high)]

    def across(self, share: float) -> float:
        """Return where a share of the width lies."""
        return round(LEFT + share * (WIDE - LEFT - RIGHT), 1)

    def up(self, value: float) -> float:
        """Return where a figure lies."""
        return round(self.top + (self.high - value) / (self.high - self.low) * self.height, 1)

    def line(self, values: Numbers, kind: str, steps: bool = False) -> None:
        """Add a line through figures at equal distances; of steps, each as wide as its interval."""
        count = len(values)
        if steps:
            ends = [(self.across(at / count), self.across((at + 1) / count), self.up(v)) for at, v in enumerate(values)]
            points = [f"{x},{y} {end},{y}" for x, end, y in ends]
        else:
            points = [f"{self.across(at / max(count - 1, 1))},{self.up(value)}" for at, value in enumerate(values)]
        self.parts.append(f'<polyline class="{kind}" points="{" ".join(points)}"/>')

    def bars(self, values: Numbers, kind: str, told: Sequence[str] = ()) -> None:
        """Add bars from zero."""
        count, zero = len(values), self.up(min(max(0.0, self.low), self.high))
        wide = max(self.across(1.0 / count) - self.across(0.0) - (0.6 if count < 120 else 0.0), 0.4)
        for at, value in enumerate(values):
            y = self.up(value)
            title = f"<title>{escape(told[at])}</title>" if told else ""
            box = f'x="{self.across(at / count)}" y="{min(y, zero)}" width="{wide:.1f}" height="{abs(y - zero):.1f}"'
            self.parts.append(f'<rect class="{kind}" {box}>{title}</rect>')

    def _grid(self, value: float) -> str:
        y = self.up(value)
        kind = "zero" if value == 0.0 else "grid"
        line = f'<line class="{kind}" x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y}" y2="{y}"/>'
        return line + f'<text x="{LEFT - 5}" y="{y + 3.5}" text-anchor="end">{short(value)}</text>'


def money(days: Sequence[str], earned: Numbers, best: Numbers, unit: str) -> str:
    """Return money added up over the days, beside that of the best plan."""
    own, ideal = ([0.0, *np.cumsum(values).tolist()] for values in (earned, best))
    panel = Panel(min(*own, *ideal), max(*own, *ideal))
    panel.line(ideal, "best")
    panel.line(own, "own")
    told = f"Money added up: {own[-1]:.6g} {unit} at the end, of {ideal[-1]:.6g} {unit} at best"
    return _picture([panel], _dates(days), told)


def regret(days: Sequence[str], lost: Numbers, unit: str) -> str:
    """Return what was lost each day."""
    panel = Panel(min(0.0, *lost), max(0.0, *lost))
    panel.bars(lost, "lost", [f"{day}: {value:.6g} {unit}" for day, value in zip(days, lost, strict=True)])
    return _picture([panel], _dates(days), f"Regret by day, {sum(lost):.6g} {unit} in all")


def heat(table: Mapping[str, Any], unit: str) -> str:
    """Return what was lost by hour of the day and by day, deeper where it is more."""
    rows = np.asarray(table["rows"], dtype=float)
    most = float(np.abs(rows).max()) or 1.0
    wide, high = (WIDE - LEFT - RIGHT) / rows.shape[1], 190.0 / len(rows)
    # The root brings out what is small.
    depth = np.ceil(np.sqrt(np.abs(rows) / most) * SHADES).astype(int)
    parts = []
    for kind, side in (("lost", rows > 0.0), ("won", rows < 0.0)):
        for shade in range(1, SHADES + 1):
            hours, days = np.nonzero(side & (depth == shade))
            boxes = "".join(
                f"M{LEFT + day * wide:.1f} {TOP + hour * high:.1f}h{wide:.2f}v{high:.2f}h-{wide:.2f}z"
                for hour, day in zip(hours.tolist(), days.tolist(), strict=True)
            )
            if boxes:
                parts.append(f'<path class="{kind}" fill-opacity="{shade / SHADES:.3g}" d="{boxes}"/>')
    for hour in (0, 6, 12, 18):
        parts.append(
            f'<text x="{LEFT - 5}" y="{TOP + (hour + 0.5) * high + 3.5:.1f}" text-anchor="end">{hour} h</text>'
        )
    dates = np.datetime64(table["first"]) + np.arange(rows.shape[1]) * int(table["days"])
    told = f"Regret by hour of the day and {'day' if table['days'] == 1 else 'week'}, at most {most:.4g} {unit}"
    return _framed(parts + _dates([str(date) for date in dates]), TOP + 190.0 + FOOT, told)


def day(one: Mapping[str, Any], currency: str) -> str:
    """Return prices, power at the meter and energy stored over a day, beside those of the best plan."""
    top, panels = float(TOP + 12), []
    rows = (
        (f"price [{currency}/MWh]", (("price", "price", True),), False),
        ("power at the meter [kW]", (("best_grid_kw", "best", True), ("grid_kw", "own", True)), True),
        ("energy stored [kWh]", (("best_energy_kwh", "best", False), ("energy_kwh", "own", False)), True),
    )
    for title, lines, zero in rows:
        values = [value for name, _, _ in lines for value in one[name]] + ([0.0] if zero else [])
        panel = Panel(min(values), max(values), top, 78.0)
        panel.parts.append(f'<text class="title" x="{LEFT}" y="{top - 4}">{escape(title)}</text>')
        for name, kind, steps in lines:
            panel.line(one[name], kind, steps)
        panels.append(panel)
        top += 78.0 + 24.0
    hours = len(one["price"]) * float(one["step_hours"])
    marks = [(hour / hours, f"{hour} h") for hour in range(0, math.floor(hours) + 1, 6)]
    return _picture(
        panels, [_mark(share, text, top - 24.0 + 14.0) for share, text in marks], f"{one['day']}: {rows[1][0]}"
    )


def _dates(days: Sequence[str], count: int = 4) -> list[str]:
    """Return dates below a picture, as many as there is room for."""
    places = np.unique(np.linspace(0, len(days) - 1, min(count, len(days))).round().astype(int))
    shares = [place / max(len(days) - 1, 1) for place in places.tolist()]
    marked = zip(places.tolist(), shares, strict=True)
    return [_mark(share, days[place], TOP + 190.0 + 16.0) for place, share in marked]


def _mark(share: float, text: str, y: float) -> str:
    x = LEFT + share * (WIDE - LEFT - RIGHT)
    anchor = "start" if share < 0.1 else "end" if share > 0.9 else "middle"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _picture(panels: Sequence[Panel], marks: Sequence[str], told: str) -> str:
    bottom = max(panel.top + panel.height for panel in panels)
    return _framed([part for panel in panels for part in panel.parts] + list(marks), bottom + FOOT, told)


def _framed(parts: Sequence[str], height: float, told: str) -> str:
    label = escape(told, quote=True)
    return f'<svg viewBox="0 0 {WIDE} {height:g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
