"""A panel of an episode's picture, and the marks on it; its one rule: artists are made once, then given new numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.arrays import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import StepPatch
    from matplotlib.text import Text

# Okabe and Ito's palette: told apart by people with any kind of colour vision.
BLUE, ORANGE, GREEN, RED, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8B4A7E"
INK, MUTED, GRID = "#1F2933", "#5F6B7A", "#E4E8EC"
SHADES = (BLUE, RED, GREEN, ORANGE, PURPLE, "#56B4E9", INK, "#8C6D1F")
LEFT, RIGHT = 0.075, 0.968
"""Where panels begin and end, as shares of the picture's width."""
LONG = 1e5
# Share of a panel's width that names may take, and the gap between two of them.
_NAMES_END, _NAMES_GAP = 0.86, 0.009


class Panel:
    """Axes with a heading at the left and the newest value at the right; its artists are made once."""

    def __init__(self, figure: Figure, share: float) -> None:
        """Make the axes; ``share`` is what they take of the height, beside those of the others."""
        from matplotlib.ticker import EngFormatter

        self.share = share
        self.axes = figure.add_axes((LEFT, 0.0, RIGHT - LEFT, 0.1))
        self.axes.spines[["top", "right", "left"]].set_visible(False)
        self.axes.spines["bottom"].set_color(GRID)
        self.axes.tick_params(length=0, pad=6, labelsize=8.5, labelcolor=MUTED)
        self.axes.grid(color=GRID, linewidth=0.8)
        self.axes.set_axisbelow(True)
        self.axes.locator_params(axis="y", nbins=min(max(round(2.0 * share), 2), 4))
        self.usual = self.axes.yaxis.get_major_formatter()
        self.short = EngFormatter(sep="")

    def head(self, label: str, now: str) -> None:
        """Write the heading and the newest value."""
        # A height given by hand keeps matplotlib from measuring every tick label to find one.
        self.axes.set_title(label, loc="left", y=1.0, fontsize=9.5, color=INK, pad=4, parse_math=False)
        self.axes.set_title(now, loc="right", y=1.0, fontsize=9.5, color=MUTED, pad=4, parse_math=False)

    def line(self, colour: str, width: float = 1.6, **style: Any) -> Line2D:
        """Return a line without points."""
        return self.axes.plot([], [], color=colour, linewidth=width, **style)[0]

    def zero(self) -> Line2D:
        """Return a line across at zero."""
        return self.axes.axhline(0.0, color=MUTED, linewidth=0.8)

    def area(self, colour: str, **style: Any) -> StepPatch:
        """Return a filled area of nothing yet."""
        return self.axes.stairs([0.0], [0.0, 1.0], fill=True, color=colour, linewidth=0, **style)

    def fit(self, values: Any, *, zero: bool = False) -> None:
        """Fit the vertical axis to the values, with some air; ``zero`` keeps zero in sight."""
        finite = np.asarray(values, dtype=float)
        finite = finite[np.isfinite(finite)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
        air = 0.08 * (high - low) or (1.0 if zero else max(0.1 * abs(high), 0.5))
        self.reach(low - air, high + air)

    def reach(self, low: float, high: float) -> None:
        """Set the ends of the vertical axis."""
        self.axes.set_ylim(low, high)
        # Long numbers would run out of the margin, and the usual factor above the axis into the heading.
        self.axes.yaxis.set_major_formatter(self.short if max(-low, high) >= LONG else self.usual)


class Names:
    """Words in colours of their own above a panel, from left to right; those that do not fit are counted.

    Widths are measured only where the words change: matplotlib takes longer for that than for drawing them.
    """

    def __init__(self, axes: Any) -> None:
        """Write nothing yet."""
        self._axes = axes
        self._texts: list[Text] = []
        self._told: tuple[tuple[str, str], ...] = ()

    def write(self, words: Sequence[tuple[str, str]]) -> None:
        """Write words, each with its colour."""
        if tuple(words) == self._told:
            return
        self._told = tuple(words)
        for text in self._texts:
            text.remove()
        self._texts = []
        for place, (word, colour) in enumerate(words):
            left = self._end()
            self._add(left, word, colour)
            if self._end() > _NAMES_END:
                self._texts.pop().remove()
                self._add(left, f"and {len(words) - place} more", MUTED)
                break

    def _add(self, left: float, word: str, colour: str) -> None:
        look = {"color": colour, "size": 9.5, "va": "baseline", "parse_math": False}
        self._texts.append(self._axes.annotate(word, (left, 1.0), (0, 4), "axes fraction", "offset points", **look))

    def _end(self) -> float:
        """Return where the next word may begin, as a share of the panel's width."""
        if not self._texts:
            return 0.0
        box = self._texts[-1].get_window_extent().transformed(self._axes.transAxes.inverted())
        return float(box.x1) + _NAMES_GAP


def stairs(edges: Floats, values: Any) -> tuple[Floats, Floats]:
    """Return the corners of a step line; a line is drawn faster than matplotlib's own stairs."""
    return np.repeat(edges, 2)[1:-1], np.repeat(np.asarray(values, dtype=float), 2)


def fill(area: StepPatch, values: Floats, edges: Floats) -> None:
    """Give an area new values; one of zeros alone is hidden."""
    area.set_visible(bool(np.any(values)))
    if area.get_visible():
        area.set_data(values, edges)


def number(value: float, form: str) -> str:
    """Write a number with a real minus sign, and zero without one."""
    text = format(value, form)
    return (
        text.replace("-", "\N{MINUS SIGN}") if any(digit in text for digit in "123456789") else text.replace("-", "+")
    )
