"""The panels of an episode's picture; its one rule: artists are made once and then only given new numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from energy_gym.envs.history import Flows, History, Image
from energy_gym.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import StepPatch

Values = NDArray[np.float64]

# Okabe and Ito's palette: told apart by people with any kind of colour vision.
_BLUE, _ORANGE, _GREEN, _RED, _PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8B4A7E"
_INK, _MUTED, _GRID = "#1F2933", "#5F6B7A", "#E4E8EC"
SIZE_INCHES, DPI = (9.6, 7.2), 100
_LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 0.075, 0.968, 0.875, 0.055, 0.048
_LONG = 1e5
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
        self.title = figure.text(_LEFT, 0.966, "", color=_INK, weight="bold", va="center", parse_math=False)
        self.subtitle = figure.text(_LEFT, 0.928, "", color=_MUTED, size=10, va="center", parse_math=False)
        self.price, self.carbon = _Price(figure, 2.2), _Carbon(figure, 1.2)
        self.site = _Site(figure, 2.2)
        self.soc, self.power, self.reward = _Soc(figure, 1.5), _Power(figure, 1.5), _Reward(figure, 1.2)

    def draw(
        self, history: History, title: str, currency: str, limits: tuple[float, float], power_kw: float, unit: str
    ) -> Image:
        """Draw an episode so far; arguments as in `energy_gym.envs.rendering.draw`."""
        edges = _edges(history)
        self._write_heading(edges, history, title, unit)
        self.price.update(edges, history.price, currency)
        self.carbon.update(edges, history.carbon)
        self.soc.update(edges, [history.soc_initial, *history.soc], limits)
        self.power.update(edges, history.power_kw, power_kw)
        self.reward.update(edges, history.reward, unit)
        self.site.update(edges, history.flows)
        shown = [self.price, self.carbon, self.site, self.soc, self.power, self.reward]
        for panel, there in ((self.carbon, np.isfinite(history.carbon).any()), (self.site, len(history.flows) > 0)):
            panel.axes.set_visible(bool(there))
            if not there:
                shown.remove(panel)
        _stack(shown)
        _write_clock(shown, edges)
        self.canvas.draw()
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()

    def _write_heading(self, edges: Values, history: History, title: str, unit: str) -> None:
        line = _shortened(title)
        self.title.set_text(line)
        self.title.set_fontsize(15 if len(line) <= 64 else 10.5)
        self.subtitle.set_text(_summary(edges, history, unit))


class _Panel:
    """Axes with a heading at the left and the newest value at the right; its artists are made once."""

    def __init__(self, figure: Figure, share: float) -> None:
        from matplotlib.ticker import EngFormatter

        self.share = share
        self.axes = figure.add_axes((0.0, 0.0, 1.0, share))
        self.axes.spines[["top", "right", "left"]].set_visible(False)
        self.axes.spines["bottom"].set_color(_GRID)
        self.axes.tick_params(length=0, pad=6, labelsize=8.5, labelcolor=_MUTED)
        self.axes.grid(color=_GRID, linewidth=0.8)
        self.axes.set_axisbelow(True)
        self.axes.locator_params(axis="y", nbins=4)
        self.usual = self.axes.yaxis.get_major_formatter()
        self.short = EngFormatter(sep="")

    def head(self, label: str, now: str) -> None:
        # A height given by hand keeps matplotlib from measuring every tick label to find one.
        self.axes.set_title(label, loc="left", y=1.0, fontsize=9.5, color=_INK, pad=4, parse_math=False)
        self.axes.set_title(now, loc="right", y=1.0, fontsize=9.5, color=_MUTED, pad=4, parse_math=False)

    def line(self, colour: str, width: float = 1.6, **style: Any) -> Line2D:
        return self.axes.plot([], [], color=colour, linewidth=width, **style)[0]

    def zero(self) -> Line2D:
        return self.axes.axhline(0.0, color=_MUTED, linewidth=0.8)

    def area(self, colour: str, **style: Any) -> StepPatch:
        return self.axes.stairs([0.0], [0.0, 1.0], fill=True, color=colour, linewidth=0, **style)

    def fit(self, values: Any, *, zero: bool = False) -> None:
        """Fit the vertical axis to the values, with some air; ``zero`` keeps zero in sight."""
        finite = np.asarray(values, dtype=float)
        finite = finite[np.isfinite(finite)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
        air = 0.08 * (high - low) or (1.0 if zero else max(0.1 * abs(high), 0.5))
        self.axes.set_ylim(low - air, high + air)
        # Long numbers would run out of the margin, and the usual factor above the axis into the heading.
        self.axes.yaxis.set_major_formatter(self.short if max(-low, high) >= _LONG else self.usual)


class _Price(_Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.origin, self.negative, self.curve = self.zero(), self.area(_RED, alpha=0.4), self.line(_BLUE)

    def update(self, edges: Values, price: list[float], currency: str) -> None:
        self.head(f"Price [{currency}/MWh]", _number(price[-1], ",.2f") if price else "")
        self.fit(price)
        self.origin.set_visible(bool(price) and min(price) < 0.0)
        _fill(self.negative, np.minimum(price, 0.0), edges)
        self.curve.set_data(*_stairs(edges, price))


class _Carbon(_Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.curve = self.line(_GREEN)

    def update(self, edges: Values, carbon: list[float]) -> None:
        known = bool(carbon) and math.isfinite(carbon[-1])
        self.head("Carbon intensity [gCO2/kWh]", _number(carbon[-1], ",.0f") if known else "")
        self.fit(carbon)
        self.curve.set_data(*_stairs(edges, carbon))


class _Soc(_Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.axes.set_ylim(-0.04, 1.04)
        self.axes.set_yticks([0.0, 0.5, 1.0])
        self.bars = [self.axes.axhline(0.0, color=_MUTED, linewidth=1.0, linestyle=(0, (4, 3))) for _ in range(2)]
        self.curve = self.line(_INK)

    def update(self, edges: Values, soc: list[float], limits: tuple[float, float]) -> None:
        self.head("State of charge and its limits", _number(soc[-1], ".2f") if math.isfinite(soc[-1]) else "")
        for bar, limit in zip(self.bars, limits, strict=True):
            bar.set_ydata([limit, limit])
        self.curve.set_data(edges, soc)


class _Power(_Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.charge, self.discharge = self.area(_BLUE), self.area(_ORANGE)
        self.zero()

    def update(self, edges: Values, power: list[float], rated_kw: float) -> None:
        self.head("Power [kW]: charging above zero, discharging below", _number(power[-1], "+,.2f") if power else "")
        reach = 1.12 * max(rated_kw, float(np.abs(power).max(initial=0.0))) or 1.0
        self.axes.set_ylim(-reach, reach)
        _fill(self.charge, np.maximum(power, 0.0), edges)
        _fill(self.discharge, np.minimum(power, 0.0), edges)


class _Site(_Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.sun = self.area(_ORANGE, alpha=0.35)
        self.zero()
        self.load, self.grid = self.line(_INK, 1.2), self.line(_BLUE)
        self.peak = self.line(_RED, 1.4, linestyle=(0, (4, 2)))
        self.keys = [
            self.axes.text(0.0, 1.0, "", color=colour, size=9.5, va="bottom", transform=self.axes.transAxes)
            for colour in (_INK, _INK, "#B07A00", _BLUE, _RED)
        ]

    def update(self, edges: Values, flows: list[Flows]) -> None:
        if not flows:
            return
        load, made, grid, peak = (np.array(column) for column in zip(*flows, strict=True))
        names = ("Power of the site [kW]:", "load,", "generation,", "grid", "running maximum")
        charged = bool(np.isfinite(peak).any())
        for key, name, place in zip(self.keys, names, (0.0, 0.178, 0.221, 0.318, 0.356), strict=True):
            key.set_text(name if charged or key is not self.keys[-1] else "")
            key.set_position((place, 1.022))
        self.head("", f"grid {_number(float(grid[-1]), '+,.2f')}")
        self.fit(np.concatenate((load, made, grid)), zero=True)
        _fill(self.sun, made, edges)
        for line, values in ((self.load, load), (self.grid, grid), (self.peak, peak)):
            line.set_data(*_stairs(edges, values))
        self.peak.set_visible(charged)


class _Reward(_Panel):
    def __init__(self, figure: Figure, share: float) -> None:
        super().__init__(figure, share)
        self.zero()
        self.curve = self.line(_PURPLE, 1.8)

    def update(self, edges: Values, reward: list[float], unit: str) -> None:
        total = np.concatenate(([0.0], np.cumsum(reward)))
        self.head(f"Cumulative reward [{unit}]", _number(float(total[-1]), "+,.2f") if reward else "")
        self.fit(total, zero=True)
        self.curve.set_data(edges, total)


def _stack(panels: list[_Panel]) -> None:
    """Share the height of the sheet among the panels shown, from top to bottom."""
    unit = (_TOP - _BOTTOM - _GAP * (len(panels) - 1)) / math.fsum(panel.share for panel in panels)
    top = _TOP
    for panel in panels:
        panel.axes.set_position((_LEFT, top - unit * panel.share, _RIGHT - _LEFT, unit * panel.share))
        top -= unit * panel.share + _GAP


def _write_clock(panels: list[_Panel], edges: Values) -> None:
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


def _edges(history: History) -> Values:
    """Return the boundaries of the steps in matplotlib's days, shape (steps + 1,)."""
    count = len(history)
    if count == 0:
        return np.zeros(1)
    first, last = (float(_dates().date2num(moment)) for moment in (history.time[0], history.time[-1]))
    step = history.step_hours / 24.0 if count == 1 else (last - first) / (count - 1)
    return first + step * np.arange(count + 1, dtype=np.float64)


def _dates() -> Any:
    from matplotlib import dates

    return dates


def _stairs(edges: Values, values: Any) -> tuple[Values, Values]:
    """Return the corners of a step line; a line is drawn faster than matplotlib's own stairs."""
    return np.repeat(edges, 2)[1:-1], np.repeat(np.asarray(values, dtype=float), 2)


def _fill(area: StepPatch, values: Values, edges: Values) -> None:
    area.set_visible(bool(np.any(values)))
    if area.get_visible():
        area.set_data(values, edges)


def _number(value: float, form: str) -> str:
    """Write a number with a real minus sign, and zero without one."""
    text = format(value, form)
    return (
        text.replace("-", "\N{MINUS SIGN}") if any(digit in text for digit in "123456789") else text.replace("-", "+")
    )


def _shortened(title: str, width: int = 84) -> str:
    """Cut a title to one line, but never cut away that the data are synthetic."""
    line = " ".join(title.split())
    if len(line) <= width:
        return line
    cut = line[: width - 1].rstrip() + "…"
    if "synthetic" in line.lower() and "synthetic" not in cut.lower():
        return "Synthetic: " + line[: width - 12].rstrip() + "…"
    return cut


def _summary(edges: Values, history: History, unit: str) -> str:
    if len(history) == 0:
        return "The episode has not begun."
    first, last = (f"{moment:%d %b %Y %H:%M}" for moment in _dates().num2date(edges[[0, -1]]))
    count = f"{len(history):,} step" + "s" * (len(history) > 1)
    return f"{first} to {last} UTC  ·  {count}  ·  {_number(history.total, '+,.2f')} {unit}"
