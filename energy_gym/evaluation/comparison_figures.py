"""The five pictures of a comparison: a schedule, its inputs, the gaps, the times and the costs.

One rule: they show what a `Comparison` holds; nothing is worked out here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.conversions import KWH_PER_MWH
from energy_gym.errors import MissingExtraError
from energy_gym.files import write_atomically

if TYPE_CHECKING:
    from energy_gym.evaluation.comparison import Comparison

# Colours that colour-blind readers can tell apart (Okabe and Ito).
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#555555"


def draw(folder: Path, found: Comparison) -> list[Path]:
    """Write the five pictures into a folder; returns their files.

    Raises:
        MissingExtraError: Matplotlib is not installed.
    """
    pictures: dict[str, Callable[[Any, Comparison], None]] = {
        "schedule": schedule,
        "inputs": inputs,
        "gaps": gaps,
        "times": times,
        "costs": costs,
    }
    folder.mkdir(parents=True, exist_ok=True)
    return [_saved(folder / f"{name}.png", picture, found) for name, picture in pictures.items()]


def _saved(path: Path, picture: Callable[[Any, Comparison], None], found: Comparison) -> Path:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error
    figure = Figure(figsize=(8.0, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    picture(figure, found)
    write_atomically(path, lambda target: figure.savefig(target, dpi=120, format="png", metadata={"Software": None}))
    return path


def telling(found: Comparison) -> int:
    """Return a day whose gap is the median among those on which the battery matters."""
    gain = found.idle_cost - found.optimal_cost
    matters = np.flatnonzero(gain >= np.median(gain))
    return int(matters[np.argsort(found.gaps[matters])[len(matters) // 2]])


def schedule(figure: Any, found: Comparison) -> None:
    """Draw charging and discharging, the meter and what is stored, over a day."""
    upper, lower = figure.subplots(2, 1, sharex=True)
    day, hours = telling(found), found.days.step_hours
    edges = np.arange(found.days.load_kw.shape[1] + 1) * hours
    plan = found.schedule
    upper.bar(edges[:-1], plan.charge_kw[day], hours, align="edge", color=GREEN, label="charges")
    upper.bar(edges[:-1], -plan.discharge_kw[day], hours, align="edge", color=RED, label="discharges")
    upper.stairs(plan.grid_kwh[day] / hours, edges, baseline=None, color=BLUE, linewidth=1.8, label="grid")
    upper.set_ylabel("power [kW]")
    upper.legend(frameon=False, fontsize=9, ncols=3)
    lower.plot(edges, plan.energy_kwh[day], color=GREEN)
    lower.axhline(found.battery.energy_initial_kwh, color=GREY, linestyle=":")
    lower.set(ylabel="stored [kWh]", xlabel="hour of day", ylim=(0.0, found.battery.capacity_kwh))
    figure.suptitle(f"A day: costs {found.cost[day]:.3f}, the optimum {found.optimal_cost[day]:.3f}")


def inputs(figure: Any, found: Comparison) -> None:
    """Draw what the planner is told: load, production and prices of that day, and the middle 80 % of all days."""
    days, day = found.days, telling(found)
    edges = np.arange(days.load_kw.shape[1] + 1) * days.step_hours
    rows = (
        ("power [kW]", ((days.load_kw, RED, "load"), (days.pv_kw, ORANGE, "PV"))),
        (
            "price [currency/kWh]",
            ((days.buy_per_mwh / KWH_PER_MWH, BLUE, "buy"), (days.sell_per_mwh / KWH_PER_MWH, GREEN, "sell")),
        ),
    )
    for axes, (label, series) in zip(figure.subplots(1, 2), rows, strict=True):
        for values, colour, name in series:
            low, high = np.quantile(values, (0.1, 0.9), axis=0)
            axes.fill_between(edges[:-1], low, high, step="post", color=colour, alpha=0.15, linewidth=0)
            axes.stairs(values[day], edges, baseline=None, color=colour, linewidth=1.8, label=name)
        axes.set(xlabel="hour of day", ylabel=label)
        axes.legend(frameon=False, fontsize=9)


def gaps(figure: Any, found: Comparison) -> None:
    """Draw how the gaps are distributed."""
    axes, share = figure.subplots(), 100.0 * found.gaps
    axes.hist(share, bins=40, color=BLUE, alpha=0.8)
    for value, colour, name in ((share.mean(), RED, "mean"), (np.median(share), ORANGE, "median")):
        axes.axvline(value, color=colour, linestyle="--", label=f"{name} {value:.2f} %")
    axes.set(xlabel="cost above the optimum, % of the mean size of a day's cost", ylabel="days")
    axes.legend(frameon=False)


def times(figure: Any, found: Comparison) -> None:
    """Draw the time of a day on a logarithmic scale."""
    axes, count = figure.subplots(), len(found.days)
    values = [1e3 * found.solver_seconds / count, 1e3 * found.agent_seconds / count]
    bars = axes.barh(["solver", "l2o, all days at once"], values, color=[GREY, GREEN])
    axes.bar_label(bars, [f"{value:.3g} ms" for value in values], padding=5)
    axes.set(xscale="log", xlabel=f"wall time per day [ms], one thread ({found.speedup:,.0f} times as fast)")
    axes.set_xlim(min(values) / 3.0, max(values) * 12.0)


def costs(figure: Any, found: Comparison) -> None:
    """Draw the cost of each day against its optimum."""
    axes = figure.subplots()
    ends = [float(found.optimal_cost.min()), float(max(found.idle_cost.max(), found.cost.max()))]
    axes.plot(ends, ends, color="black", linewidth=0.9, label="optimum")
    axes.scatter(found.optimal_cost, found.idle_cost, s=9, color=GREY, alpha=0.5, label="no battery")
    axes.scatter(found.optimal_cost, found.cost, s=11, color=BLUE, alpha=0.75, label="l2o")
    axes.set(xlabel="optimal cost of the day [currency]", ylabel="cost of the day [currency]")
    axes.legend(frameon=False)
