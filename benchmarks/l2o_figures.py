"""The pictures of `l2o.py`: a schedule, its inputs, the gaps, the times and the costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from energy_gym.data.homes import DayBatch
from energy_gym.files import write_atomically
from energy_gym.leaderboard.plots import PALETTE

BLUE, ORANGE, GREEN, PINK, RED = PALETTE[:5]
GREY = "#555555"


def draw(folder: Path, days: DayBatch, found: Any) -> None:
    """Write the five pictures into a folder."""
    day = telling(found)
    for name, picture in (
        ("schedule", lambda figure: schedule(figure, days, found, day)),
        ("inputs", lambda figure: inputs(figure, days, day)),
        ("gaps", lambda figure: gaps(figure, found)),
        ("times", lambda figure: times(figure, found)),
        ("costs", lambda figure: costs(figure, found)),
    ):
        save(folder / f"{name}.png", picture)


def telling(found: Any) -> int:
    """Return a day whose gap is the median and on which the battery matters."""
    gap, gain = found.learnt - found.optimum, found.idle - found.optimum
    matters = np.flatnonzero(gain >= np.median(gain))
    return int(matters[np.argsort(gap[matters])[len(matters) // 2]])


def save(path: Path, picture: Any) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    picture(figure)
    for axes in figure.axes:
        axes.spines["top"].set_visible(False)
        axes.tick_params(labelsize=9)
    write_atomically(path, lambda target: figure.savefig(target, dpi=130, metadata={"Software": None}))


def schedule(figure: Any, days: DayBatch, found: Any, day: int) -> None:
    """Draw power at the terminals and at the meter, and the energy stored, over a day."""
    figure.set_size_inches(8.0, 6.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    hours, power = np.arange(24), found.plan.wishes[day] * 3.0
    colours = np.where(power >= 0.0, GREEN, RED)
    upper.bar(hours, power, width=1.0, align="edge", color=colours, alpha=0.75)
    net = days.load_kw[day] - days.pv_kw[day]
    for values, colour, label in ((net, GREY, "home: load less PV"), (found.plan.grid_kwh[day], BLUE, "grid")):
        upper.stairs(values, np.arange(25), baseline=None, color=colour, linewidth=1.8, label=label)
    upper.bar([0], [0], color=GREEN, alpha=0.75, label="battery charges")
    upper.bar([0], [0], color=RED, alpha=0.75, label="battery discharges")
    upper.axhline(0.0, color="black", linewidth=0.8)
    upper.set_ylabel("power [kW]")
    upper.grid(alpha=0.25, axis="y")
    upper.legend(frameon=False, fontsize=9, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    cost, best = found.learnt[day], found.optimum[day]
    figure.suptitle(
        f"A schedule: costs {cost:.3f}, the optimum {best:.3f}, no battery {found.idle[day]:.3f}", fontsize=12
    )
    lower.plot(np.arange(25), found.plan.energy_kwh[day], color=GREEN, marker="o", markersize=3, label="energy stored")
    lower.axhline(5.0, color=GREY, linestyle=":", linewidth=1.0)
    lower.set(ylim=(-0.4, 10.4), xlim=(0, 24), xticks=range(0, 25, 3), xlabel="hour of day", ylabel="stored [kWh]")
    lower.grid(alpha=0.25)
    price = lower.twinx()
    price.stairs(days.buy_per_mwh[day] / 1000.0, np.arange(25), baseline=None, color=ORANGE, linewidth=1.8)
    price.set_ylabel("price [currency/kWh]", color=ORANGE)
    price.set_ylim(0.0, None)


def inputs(figure: Any, days: DayBatch, day: int) -> None:
    """Draw what the network is told: load, PV and prices, of that day and over all test days."""
    left, right = figure.subplots(1, 2)
    middle = np.arange(24) + 0.5
    for axes, series in (
        (left, ((days.load_kw, RED, "load"), (days.pv_kw, ORANGE, "PV"))),
        (right, ((days.buy_per_mwh / 1000.0, BLUE, "buy"), (days.sell_per_mwh / 1000.0, GREEN, "sell"))),
    ):
        for values, colour, label in series:
            low, high = np.quantile(values, (0.1, 0.9), axis=0)
            axes.fill_between(middle, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.stairs(values[day], np.arange(25), baseline=None, color=colour, linewidth=1.8, label=label)
        axes.set(xlim=(0, 24), xticks=range(0, 25, 6), xlabel="hour of day")
        axes.set_ylim(0.0, None)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=9)
        axes.spines["right"].set_visible(False)
    left.set_ylabel("power [kW]")
    right.set_ylabel("price [currency/kWh]")
    figure.suptitle("Inputs: one day (lines), and the middle 80 % of the test days (bands)", fontsize=12)


def gaps(figure: Any, found: Any) -> None:
    """Draw how the differences of cost are distributed."""
    axes = figure.subplots()
    scale = np.abs(found.optimum).mean()
    share = 100.0 * (found.learnt - found.optimum) / scale
    top = max(float(np.quantile(share, 0.99)), 0.1)
    beyond = int((share > top).sum())
    axes.hist(np.minimum(share, top), bins=50, range=(0.0, top), color=BLUE, alpha=0.8)
    for value, colour, label in (
        (share.mean(), RED, f"mean {share.mean():.2f} %"),
        (np.median(share), ORANGE, f"median {np.median(share):.2f} %"),
        (np.quantile(share, 0.95), GREY, f"95th percentile {np.quantile(share, 0.95):.2f} %"),
    ):
        axes.axvline(value, color=colour, linewidth=1.8, linestyle="--", label=label)
    axes.set(xlabel="cost above the optimum, % of the mean size of a day's cost", ylabel="days", xlim=(0.0, top))
    axes.legend(frameon=False)
    axes.grid(alpha=0.25, axis="y")
    axes.spines["right"].set_visible(False)
    axes.set_title(
        f"Gap to the optimum on {len(share)} unseen days ({beyond} beyond the right edge, in the last bar)", fontsize=12
    )


def times(figure: Any, found: Any) -> None:
    """Draw the times per day on a logarithmic scale."""
    axes = figure.subplots()
    names = {
        "pyomo": "MILP through Pyomo",
        "arrays": "array oracle",
        "l2o": "l2o, batch",
        "floor": "l2o, products alone",
    }
    values = [found.times[name] * 1e6 for name in names]
    bars = axes.barh(list(names.values()), values, color=[GREY, BLUE, GREEN, PINK], height=0.6)
    own = found.times["l2o"] * 1e6
    labels = [f"{value:,.0f} µs  ({value / own:,.0f}x)" if value >= own else f"{value:,.0f} µs" for value in values]
    axes.bar_label(bars, labels, padding=5, fontsize=10)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 3.0, max(values) * 12.0)
    axes.invert_yaxis()
    axes.set_xlabel("processor time per day [µs], one thread")
    axes.grid(alpha=0.25, axis="x")
    axes.spines["right"].set_visible(False)
    axes.set_title("Solving a day", fontsize=12)


def costs(figure: Any, found: Any) -> None:
    """Draw the cost of each day against its optimum."""
    figure.set_size_inches(6.4, 6.0)
    axes = figure.subplots()
    ends = [min(found.optimum.min(), found.learnt.min()) - 0.2, max(found.idle.max(), found.learnt.max()) + 0.2]
    axes.plot(ends, ends, color="black", linewidth=0.9, label="optimum")
    axes.scatter(found.optimum, found.idle, s=9, color=GREY, alpha=0.45, linewidth=0, label="no battery")
    axes.scatter(found.optimum, found.learnt, s=11, color=BLUE, alpha=0.75, linewidth=0, label="l2o")
    axes.set(xlabel="optimal cost of the day [currency]", ylabel="cost of the day [currency]", xlim=ends, ylim=ends)
    axes.set_aspect("equal")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, loc="upper left")
    axes.spines["right"].set_visible(False)
    axes.set_title(f"{len(found.optimum)} unseen days", fontsize=12)
