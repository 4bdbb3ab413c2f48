"""The panels of an episode's picture; its one rule: artists are made once and then only given new numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_DAY
from energy_gym.envs.history import Flows, History, Image
from energy_gym.envs.panel import (
    BLUE,
    GREEN,
    INK,
    LEFT,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    RIGHT,
    SHADES,
    Names,
    Panel,
    fill,
    number,
    stairs,
)
from energy_gym.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

SIZE_INCHES, DPI = (9.6, 7.2), 100
_TOP, _BOTTOM, _GAP = 0.875, 0.055, 0.048
# Year, month, day, hour, minute, second; and the same where the next finer unit starts anew.
_FORMATS = ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S"]
_FORMATS_AT_ZERO = ["", "%b %Y", "%d %b", "%d %b", "%H:%M", "%H:%M"]


class Sheet:
    """A figure with one set of panels, used again for every picture."""

    def __init__(self) -> None:
        """Make the figure; the first picture places its panels."""
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError.of("matplotlib", "plot") from error
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white")
        self.canvas: Any = FigureCanvasAgg(figure)
        self.title = figure.text(LEFT, 0.966, "", color=INK, weight="bold", va="center", parse_math=False)
        self.subtitle = figure.text(LEFT, 0.928, "", color=MUTED, size=10, va="center", parse_math=False)
        self.price, self.carbon = _Price(figure, 2.2), _Carbon(figure, 1.2)
        self.site, self.markets = _Site(figure, 2.2), _Markets(figure, 1.8)
        self.soc, self.power, self.reward = _Soc(figure, 1.5), _Power(figure, 1.5), _Reward(figure, 1.2)

    def draw(
        self, history: History, title: str, currency: str, limits: tuple[float, float], power_kw: float, unit: str
    ) -> Image:
        """Draw an episode so far; arguments as in `energy_gym.envs.rendering.draw`."""
        edges = _edges(history)
        self._write_heading(edges, history, title, unit)
        self.price.update(edges, history.price, currency)
        self.carbon.update(edges, history.carbon)
        self.markets.update(edges, history.markets)
        self.soc.update(edges, [history.soc_initial, *history.soc], history.stores, limits)
        self.power.update(edges, history.power_kw, power_kw)
        self.reward.update(edges, history.reward, unit)
        self.site.update(edges, history.flows)
        shown = self._shown(history)
        _stack(shown)
        _write_clock(shown, edges)
        self.canvas.draw()
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()

    def _shown(self, history: History) -> list[Panel]:
        """Return the panels that there is something to show in, from top to bottom, and hide the others."""
        there = {
            self.price: True,
            self.carbon: bool(np.isfinite(history.carbon).any()),
            self.site: bool(history.flows),
            self.markets: bool(history.markets),
            self.soc: True,
            self.power: True,
            self.reward: True,
        }
        for panel, visible in there.items():
            panel.axes.set_visible(visible)
        return [panel for panel, visible in there.items() if visible]

    def _write_heading(self, edges: Floats, history: History, title: str, unit: str) -> None:
        line = _shortened(title)
        self.title.set_text(line)
        self.title.set_fontsize(15 if len(line) <= 64 else 10.5)
        self.subtitle.set_text(_summary(edges, history, unit))


class _Price(Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.origin, self.negative, self.curve = self.zero(), self.area(RED, alpha=0.4), self.line(BLUE)

    def update(self, edges: Floats, price: list[float], currency: str) -> None:
        self.head(f"Price [{currency}/MWh]", number(price[-1], ",.2f") if price else "")
        self.fit(price)
        self.origin.set_visible(bool(price) and min(price) < 0.0)
        fill(self.negative, np.minimum(price, 0.0), edges)
        self.curve.set_data(*stairs(edges, price))


class _Carbon(Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.curve = self.line(GREEN)

    def update(self, edges: Floats, carbon: list[float]) -> None:
        known = bool(carbon) and math.isfinite(carbon[-1])
        self.head("Carbon intensity [gCO2/kWh]", number(carbon[-1], ",.0f") if known else "")
        self.fit(carbon)
        self.curve.set_data(*stairs(edges, carbon))


class _Soc(Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.axes.set_ylim(-0.04, 1.04)
        self.axes.set_yticks([0.0, 0.5, 1.0])
        self.bars = [self.axes.axhline(0.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3))) for _ in range(2)]
        self.curves = _Curves(self)

    def update(
        self, edges: Floats, soc: list[float], stores: dict[str, list[float]], limits: tuple[float, float]
    ) -> None:
        several = len(stores) > 1
        self.head("", number(soc[-1], ".2f") if math.isfinite(soc[-1]) and not several else "")
        for bar, limit in zip(self.bars, limits, strict=True):
            bar.set_ydata([limit, limit])
        if several:
            self.curves.update("State of charge:", {name: (edges, values) for name, values in stores.items()})
        else:
            self.curves.update("State of charge and its limits", {"": (edges, soc)})


class _Markets(Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.zero().set_zorder(3)  # above the markets in which nothing is bid
        self.curves = _Curves(self)

    def update(self, edges: Floats, markets: dict[str, list[float]]) -> None:
        self.head("", "")
        self.fit([value for values in markets.values() for value in values], zero=True)
        lines = {name: stairs(edges, values) for name, values in markets.items()}
        self.curves.update("Markets [kW], what draws energy above zero:", lines)


class _Curves:
    """A line for each name, and the names in their colours beside the panel's heading; one line alone is black."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.names = panel, Names(panel.axes)
        self.lines: list[Line2D] = []

    def update(self, heading: str, found: dict[str, tuple[Any, Any]]) -> None:
        self.lines += [self.panel.line(INK) for _ in range(len(found) - len(self.lines))]
        shades = [INK] if list(found) == [""] else [SHADES[place % len(SHADES)] for place in range(len(found))]
        for place, line in enumerate(self.lines):
            line.set_visible(place < len(found))
        for line, shade, (across, up) in zip(self.lines, shades, found.values(), strict=False):
            line.set_color(shade)
            line.set_data(across, up)
        self.names.write([(heading, INK), *(pair for pair in zip(found, shades, strict=True) if pair[0])])


class _Power(Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.charge, self.discharge = self.area(BLUE), self.area(ORANGE)
        self.zero()

    def update(self, edges: Floats, power: list[float], rated_kw: float) -> None:
        self.head("Power [kW]: charging above zero, discharging below", number(power[-1], "+,.2f") if power else "")
        reach = 1.12 * max(rated_kw, float(np.abs(power).max(initial=0.0))) or 1.0
        self.reach(-reach, reach)
        fill(self.charge, np.maximum(power, 0.0), edges)
        fill(self.discharge, np.minimum(power, 0.0), edges)


class _Site(Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.sun = self.area(ORANGE, alpha=0.35)
        self.zero()
        self.load, self.grid = self.line(INK, 1.2), self.line(BLUE)
        self.peak = self.line(RED, 1.6, linestyle=(0, (4, 2)))
        self.names = Names(self.axes)

    def update(self, edges: Floats, flows: list[Flows]) -> None:
        if not flows:
            return
        load, made, grid, peak = (np.array(column) for column in zip(*flows, strict=True))
        charged = bool(np.isfinite(peak).any())
        names = [("Power of the site [kW]:", INK), ("load", INK), ("generation", "#B07A00"), ("grid", BLUE)]
        self.names.write(names + ([("running maximum", RED)] if charged else []))
        self.head("", f"grid {number(float(grid[-1]), '+,.2f')}")
        self.fit(np.concatenate((load, made, grid)), zero=True)
        fill(self.sun, made, edges)
        for line, values in ((self.load, load), (self.grid, grid), (self.peak, peak)):
            line.set_data(*stairs(edges, values))
        self.peak.set_visible(charged)


class _Reward(Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.zero()
        self.curve = self.line(PURPLE, 1.8)

    def update(self, edges: Floats, reward: list[float], unit: str) -> None:
        total = np.concatenate(([0.0], np.cumsum(reward)))
        self.head(f"Cumulative reward [{unit}]", number(float(total[-1]), "+,.2f") if reward else "")
        self.fit(total, zero=True)
        self.curve.set_data(edges, total)


def _stack(panels: list[Panel]) -> None:
    """Share the height of the sheet among the panels shown, from top to bottom."""
    unit = (_TOP - _BOTTOM - _GAP * (len(panels) - 1)) / math.fsum(panel.share for panel in panels)
    top = _TOP
    for panel in panels:
        panel.axes.set_position((LEFT, top - unit * panel.share, RIGHT - LEFT, unit * panel.share))
        top -= unit * panel.share + _GAP


def _write_clock(panels: list[Panel], edges: Floats) -> None:
    """Give all panels one time axis; only the lowest writes it."""
    dates = _dates()
    ticks, labels = np.zeros(0), []
    if len(edges) > 1:
        locator = dates.AutoDateLocator(minticks=4, maxticks=10)
        ticks = np.asarray(locator.tick_values(*dates.num2date(edges[[0, -1]])))
        ticks = ticks[(ticks >= edges[0]) & (ticks <= edges[-1])]
        writer = dates.ConciseDateFormatter(locator, formats=_FORMATS, zero_formats=_FORMATS_AT_ZERO)
        labels = writer.format_ticks(ticks)
    for panel in panels:
        panel.axes.set_xlim(edges[0], edges[-1] if len(edges) > 1 else edges[0] + 1.0)
        panel.axes.set_xticks(ticks, labels if panel is panels[-1] else [""] * len(ticks))


def _edges(history: History) -> Floats:
    """Return the boundaries of the steps in matplotlib's days, shape (steps + 1,)."""
    count = len(history)
    if count == 0:
        return np.zeros(1)
    first, last = (float(_dates().date2num(moment)) for moment in (history.time[0], history.time[-1]))
    step = history.step_hours / HOURS_PER_DAY if count == 1 else (last - first) / (count - 1)
    return first + step * np.arange(count + 1, dtype=np.float64)


def _dates() -> Any:
    from matplotlib import dates

    return dates


def _shortened(title: str, width: int = 84) -> str:
    """Cut a title to one line, but never cut away that the data are synthetic."""
    line = " ".join(title.split())
    if len(line) <= width:
        return line
    cut = line[: width - 1].rstrip() + "…"
    if "synthetic" in line.lower() and "synthetic" not in cut.lower():
        return "Synthetic: " + line[: width - 12].rstrip() + "…"
    return cut


def _summary(edges: Floats, history: History, unit: str) -> str:
    if len(history) == 0:
        return "The episode has not begun."
    first, last = (f"{moment:%d %b %Y %H:%M}" for moment in _dates().num2date(edges[[0, -1]]))
    count = f"{len(history):,} step" + "s" * (len(history) > 1)
    return f"{first} to {last} UTC  ·  {count}  ·  {number(history.total, '+,.2f')} {unit}"
