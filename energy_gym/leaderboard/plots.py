"""The leaderboard as pictures: regret by day and by cause, and learning curves; a small panel for each task.

One rule: an agent has one colour in every picture, given by its place in the results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.errors import MissingExtraError
from energy_gym.files import write_atomically
from energy_gym.leaderboard.summary import decomposition, overall
from energy_gym.leaderboard.tables import fixed

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.leaderboard.results import Results

# Colours that colour-blind readers can tell apart (Okabe and Ito), then darker ones.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#555555", "#8C6D1F", "#5E3C99", "#1B5E20")
# Of agents beyond the palette: the same colours once more, darker and then lighter.
SHADES = (("#000000", 0.0), ("#000000", 0.5), ("#FFFFFF", 0.5))
# An axis that reaches this far is labelled in thousands and millions.
LONG = 1e5
SCORE = "score"
COLUMNS = 3
FEW_DAYS = 4
DATES = 4
INK = "#333333"
# What the forecast costs, and what the controller costs.
PARTS = {"forecast": "#56B4E9", "controller": "#D55E00"}
TOLD = {
    "forecast": "forecast: lost by the best plan on it (mpc)",
    "controller": "controller: the rest; hatched where it is won back",
}


def colours(agents: Sequence[str]) -> dict[str, str]:
    """Return a colour per agent, of its own as long as there are 30 of them.

    Example:
        >>> colours(["mpc", "idle"])
        {'mpc': '#0072B2', 'idle': '#E69F00'}
        >>> colours([str(place) for place in range(11)])["10"]
        '#003959'
    """
    return {agent: _colour(place) for place, agent in enumerate(agents)}


def _colour(place: int) -> str:
    base = PALETTE[place % len(PALETTE)]
    towards, share = SHADES[place // len(PALETTE) % len(SHADES)]
    mixed = [(1.0 - share) * int(base[at : at + 2], 16) + share * int(towards[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{math.floor(part):02X}" for part in mixed)


def check_plots() -> None:
    """Raise MissingExtraError unless the extra ``plot`` is installed."""
    for package in ("matplotlib", "plotly"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtraError.of(package, "plot") from error


def cumulative(daily: pd.DataFrame) -> pd.DataFrame:
    """Return regret added up over days, mean over seeds: columns task, agent, day, regret, in the order of days."""
    mean = daily.groupby(["task", "agent", "day"], sort=False)["regret"].mean().reset_index()
    mean = mean.sort_values(["task", "agent", "day"], ignore_index=True)
    return mean.assign(regret=mean.groupby(["task", "agent"])["regret"].cumsum())


def learning(curves: pd.DataFrame, figure: str = SCORE) -> pd.DataFrame:
    """Return mean, lowest and highest of a figure over seeds: columns task, agent, steps, mean, min, max."""
    rows = curves[curves["figure"] == figure]
    return rows.groupby(["task", "agent", "steps"])["value"].agg(["mean", "min", "max"]).reset_index()


def write_regret(path: Path, results: Results) -> bool:
    """Draw cumulative regret over the days of each task; return whether there was anything to draw."""
    import pandas as pd

    table = cumulative(results.daily)
    units = dict(zip(results.frame["task"], results.frame["unit"], strict=True))

    def draw(axes: Any, task: str, agent: str, colour: str) -> None:
        rows = table[(table["task"] == task) & (table["agent"] == agent)]
        mark = "o" if len(rows) < FEW_DAYS else ""
        days = pd.to_datetime(rows["day"]).to_numpy()
        axes.plot(days, rows["regret"].to_numpy(), color=colour, label=agent, marker=mark)
        axes.set_ylabel(f"regret so far [{units[task]}]")

    return _panels(path, results, table, draw, "Regret by day, added up (mean over seeds; lower is better)", dates=True)


def write_curves(path: Path, results: Results) -> bool:
    """Draw score against steps of learning, mean and range over seeds; return whether an agent learns."""
    table = learning(results.curves)

    def draw(axes: Any, task: str, agent: str, colour: str) -> None:
        rows = table[(table["task"] == task) & (table["agent"] == agent)]
        steps = np.maximum(rows["steps"].to_numpy(dtype=float), 1.0)
        axes.plot(steps, rows["mean"].to_numpy(), color=colour, label=agent, marker="o", markersize=2.5)
        axes.fill_between(steps, rows["min"].to_numpy(), rows["max"].to_numpy(), color=colour, alpha=0.18, linewidth=0)
        axes.set_ylabel("validation score")
        axes.set_xscale("log")  # cloning counts thousands of batches, playing hundreds of thousands of steps
        axes.set_xlabel("steps of learning")

    return _panels(path, results, table, draw, "Learning curves (mean and range over seeds; 1 is the proven optimum)")


def _panels(
    path: Path,
    results: Results,
    table: pd.DataFrame,
    draw: Callable[[Any, str, str, str], None],
    title: str,
    dates: bool = False,
) -> bool:
    """Draw a panel per task with a line per agent, and one legend."""
    tasks = _tasks(results, table)
    agents = [agent for agent in overall(results.frame).index if agent in set(table["agent"])]
    if not tasks:
        return False
    figure, grid = _figure(len(tasks), 2.9)
    shades = colours(list(overall(results.frame).index))
    for axes, task in zip(grid, tasks, strict=False):
        for agent in agents:
            draw(axes, task, agent, shades[agent])
        _style(axes, task, dates)
    lines = dict(zip(agents, grid[0].get_lines(), strict=True))
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=min(6, len(agents)), frameon=False)
    _save(path, figure, title)
    return True


def write_parts(path: Path, results: Results) -> bool:
    """Draw what forecast and controller cost each agent on each task; return whether mpc played, so that it is known.

    Bars are stacked: the forecast's part, then the controller's, back towards zero where it is negative; the dark
    line is the regret.
    """
    from matplotlib.patches import Patch

    table = decomposition(results.frame)
    tasks = _tasks(results, table)
    if not tasks:
        return False
    figure, grid = _figure(len(tasks), 0.9 + 0.28 * table["agent"].nunique())
    for axes, task in zip(grid, tasks, strict=False):
        rows = table[table["task"] == task].iloc[::-1]
        _bars(axes, rows)
        _style(axes, task, dates=False)
        _shorten(axes.xaxis)
        axes.set_xlabel(f"regret [{rows['unit'].iloc[0]}]: forecast + controller")
    keys = [Patch(color=PARTS[part], label=TOLD[part]) for part in PARTS]
    figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), frameon=False, fontsize=8)
    _save(path, figure, "Where regret comes from (mean over seeds; shorter is better)")
    return True


def _bars(axes: Any, rows: pd.DataFrame) -> None:
    """Draw an agent's parts as stacked bars, the figures behind them."""
    forecast, controller = (rows[part].to_numpy(dtype=float) for part in PARTS)
    places, regret = np.arange(len(rows)), rows["regret"].to_numpy(dtype=float)
    axes.barh(places, forecast, color=PARTS["forecast"], height=0.7)
    lost = controller > 0.0
    axes.barh(places[lost], controller[lost], left=forecast[lost], color=PARTS["controller"], height=0.7)
    back, look = ~lost, {"color": "white", "edgecolor": PARTS["controller"], "hatch": "////", "linewidth": 0.6}
    axes.barh(places[back], -controller[back], left=regret[back], height=0.7, **look)
    axes.vlines(regret, places - 0.4, places + 0.4, color=INK, linewidth=1.4)
    longest = max(float(np.maximum(forecast, regret).max()), np.finfo(float).tiny)
    digits = min(max(2 - math.floor(math.log10(longest)), 0), 6)
    for place, one, other, end in zip(places, forecast, controller, np.maximum(forecast, regret), strict=True):
        sign = "+" if other >= 0.0 else "-"
        text = f"{grouped(one, digits)} {sign} {grouped(abs(other), digits)}"
        axes.text(end + 0.02 * longest, place, text, va="center", fontsize=7, color=INK)
    axes.set_xlim(min(0.0, float(regret.min())), 1.45 * longest)
    axes.set_axisbelow(True)
    axes.set_yticks(places, labels=rows["agent"].tolist())


def _tasks(results: Results, table: pd.DataFrame) -> list[str]:
    """Return the tasks of a table in the order of the suite."""
    return [task.name for task in results.suite.tasks if task.name in set(table["task"])]


def _figure(panels: int, height: float) -> tuple[Any, Any]:
    """Return a figure, and as many axes of a height [inches] as it has panels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wide = min(COLUMNS, panels)
    high = math.ceil(panels / wide)
    figure = Figure(figsize=(max(7.0, 4.4 * wide), 1.3 + height * high), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(high, wide, squeeze=False).ravel()
    for axes in grid[panels:]:
        axes.set_axis_off()
    return figure, grid[:panels]


def _save(path: Path, figure: Any, title: str) -> None:
    figure.suptitle(title, fontsize=12, color=INK)
    write_atomically(path, lambda target: figure.savefig(target, dpi=130, metadata={"Software": None}))


def _style(axes: Any, task: str, dates: bool) -> None:
    axes.set_title(task, fontsize=10, color=INK, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.tick_params(labelsize=8)
    axes.yaxis.label.set_size(8)
    axes.xaxis.label.set_size(8)
    _shorten(axes.yaxis)
    if dates:
        days = np.unique(np.concatenate([line.get_xdata() for line in axes.get_lines()]))  # some did not play the task
        ticks = np.unique(np.linspace(0, len(days) - 1, DATES).round().astype(int))
        axes.set_xticks(days[ticks], labels=[str(day)[:10] for day in days[ticks]])


def _shorten(axis: Any) -> None:
    """Label a long axis in thousands and millions, without a power of ten at its end; agents' names are no figures."""
    from matplotlib.ticker import EngFormatter, ScalarFormatter

    if isinstance(axis.get_major_formatter(), ScalarFormatter) and max(map(abs, axis.get_view_interval())) >= LONG:
        axis.set_major_formatter(EngFormatter(sep=" "))


def grouped(value: float, digits: int) -> str:
    """Return `fixed` with a thin space between thousands.

    Example:
        >>> grouped(6628008.4, 0).split("\u2009"), grouped(12.345, 2)
        (['6', '628', '008'], '12.35')
    """
    return "-" if math.isnan(value) else f"{float(fixed(value, digits)):,.{digits}f}".replace(",", "\u2009")
