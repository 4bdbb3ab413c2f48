"""The page and the figure of `learning.py`, from its runs.

One rule: a figure is in a run; here means and intervals alone are worked out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from energy_gym.evaluation.statistics import estimate, mean
from energy_gym.files import write_atomically
from energy_gym.leaderboard.plots import PALETTE

Run = dict[str, Any]
NAMES = {"sb3": "Stable-Baselines3", "jax": "JAX"}
COLOURS = {"sb3": PALETTE[1], "jax": PALETTE[0]}
HEAD = """# Training: score against time

`ppo` and `dqn` on `energy_gym/Arbitrage-v1`, three levels, by each engine with its own settings and budget
(`energy_gym/agents/defaults`). Made with `python benchmarks/learning.py`, whose first lines say how. The score is that
of the whole test split, 0 for doing nothing, 1 for the proven optimum: a mean over seeds with its bootstrap interval of
95 %. Wall seconds are those of runs that had the machine's two cores to themselves; a dash: no run was made so. Then
processor seconds are those of runs beside others, which stretches them; Stable-Baselines3 keeps one core busy, so that
they are its wall seconds at most. Brackets say of how many runs they are the mean; imports of the library and
compilation are within them.

| method | engine | market | steps | wall seconds | processor seconds | score on test | seeds |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |
"""
FIGURE = """
## Score against wall time

PPO, scores on the validation split as training goes on; a line is the mean over seeds, the band its interval. Seconds
are the wall's of the runs made alone, or the processor's where none was.

![Score against wall seconds](../docs/figures/training.png)

After as many steps, on the validation split (mean over seeds, interval in brackets):

| market | steps | Stable-Baselines3 | JAX |
| --- | ---: | ---: | ---: |
"""
TOGETHER = """
## Many seeds in one call

`learning_curve("ppo", env, seeds=5)` against `seeds=1`, wall seconds:

| market | one | several | seeds | ratio |
| --- | ---: | ---: | ---: | ---: |
"""
COMPACT = """
## Compact look-ahead

PPO in JAX with `lookahead="compact"` beside the full one:

| market | look-ahead | validation, kept actor | test | seeds |
| --- | --- | ---: | ---: | ---: |
"""
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)


def page(rows: list[Run]) -> str:
    """Return the page."""
    runs = [row for row in rows if row["task"] == "train"]
    full = [run for run in runs if run["lookahead"] == "full"]
    several = _together([row for row in rows if row["task"] == "together"])
    table, curves = "".join(map(_row, _groups(full))), "".join(_compared(_of(full, agent="ppo")))
    return HEAD + table + FIGURE + curves + TOGETHER + "".join(several) + COMPACT + "".join(_compact(runs))


def _of(runs: list[Run], **wanted: Any) -> list[Run]:
    return [run for run in runs if all(run[name] == value for name, value in wanted.items())]


def _groups(runs: list[Run]) -> list[list[Run]]:
    """Return the runs that differ in their seed alone."""
    names = ("agent", "market", "engine", "lookahead")
    keys = sorted({tuple(run[name] for name in names) for run in runs})
    return [_of(runs, **dict(zip(names, key, strict=True))) for key in keys]


def _row(alike: list[Run]) -> str:
    first, alone = alike[0], _of(alike, alone=True)
    seconds = [_seconds([run["wall"] for run in alone]), _seconds([run["processor"] for run in alone or alike])]
    cells = [first["agent"], NAMES[first["engine"]], first["market"], f"{int(first['points'][-1][0]):,}", *seconds]
    return f"| {' | '.join(cells)} | {_interval([run['score'] for run in alike])} | {len(alike)} |\n"


def _seconds(found: list[float]) -> str:
    return f"{np.mean(found):.1f} ({len(found)})" if found else "-"


def _interval(scores: list[float]) -> str:
    if not scores:
        return "-"
    found = estimate(mean, {"task": scores})
    return f"{found.value:.3f}" + (f" ({found.low:.3f} to {found.high:.3f})" if len(scores) > 1 else "")


def _compared(runs: list[Run]) -> list[str]:
    """Return a row for each market and number of steps."""
    lines = []
    for market in sorted({run["market"] for run in runs}):
        here = _of(runs, market=market)
        last = min(run["points"][-1][0] for run in here)
        for share in SHARES:
            cells = [_interval(_scores(_of(here, engine=engine), share * last)) for engine in NAMES]
            lines.append(f"| {market} | {share * last:,.0f} | {' | '.join(cells)} |\n")
    return lines


def _scores(runs: list[Run], steps: float) -> list[float]:
    """Return the scores of runs after so many steps, between two looks on the straight line between them."""
    looks = [np.array(run["points"], dtype=float) for run in runs]
    return [float(np.interp(steps, look[:, 0], look[:, -1])) for look in looks]


def _together(rows: list[Run]) -> list[str]:
    """Return a row for each market in which several seeds and one were timed alone."""
    lines = []
    for market in sorted({row["market"] for row in rows}):
        timed = sorted(_of(rows, market=market, alone=True), key=lambda row: int(row["seed"]))
        if len(timed) > 1:
            one, most = timed[0], timed[-1]
            cells = f"{one['wall']:.1f} | {most['wall']:.1f} | {most['seed']} | {most['wall'] / one['wall']:.2f}"
            lines.append(f"| {market} | {cells} |\n")
    return lines


def _compact(runs: list[Run]) -> list[str]:
    """Return a row for each market and look-ahead of PPO in JAX."""
    lines = []
    for alike in _groups(_of(runs, agent="ppo", engine="jax")):
        kept = _interval([max(point[-1] for point in run["points"]) for run in alike])
        test = _interval([run["score"] for run in alike])
        lines.append(f"| {alike[0]['market']} | {alike[0]['lookahead']} | {kept} | {test} | {len(alike)} |\n")
    return lines


def draw(rows: list[Run], path: Path) -> None:
    """Write the figure: score against wall seconds, a panel for each market."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    runs = _of(rows, task="train", agent="ppo", lookahead="full")
    markets = sorted({run["market"] for run in runs})
    figure = Figure(figsize=(4.4 * len(markets), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(markets), sharex=True, sharey=True, squeeze=False)[0]
    for panel, market in zip(panels, markets, strict=True):
        for alike in _groups(_of(runs, market=market)):
            _line(panel, alike)
        panel.set(xscale="log", title=market, xlabel="seconds", ylim=(0.0, 1.0))
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25, which="both")
        panel.legend(frameon=False, loc="lower right")
    panels[0].set_ylabel("score on the validation split")
    write_atomically(path, lambda target: figure.savefig(target, dpi=130, metadata={"Software": None}))


def _line(panel: Any, alike: list[Run]) -> None:
    """Draw the mean over seeds of runs that looked after the same steps, and its interval."""
    alone = _of(alike, alone=True)
    column, clock = (1, "wall") if alone else (2, "processor")
    seconds = np.array([[point[column] for point in run["points"]] for run in alone or alike], dtype=float).mean(axis=0)
    looks = np.array([[point[-1] for point in run["points"]] for run in alike]).T
    found, engine = [estimate(mean, {"task": list(look)}) for look in looks], alike[0]["engine"]
    label = f"{NAMES[engine]}, {len(alike)} seeds ({clock})"
    panel.plot(seconds, [one.value for one in found], color=COLOURS[engine], label=label, marker=".")
    low, high = [one.low for one in found], [one.high for one in found]
    panel.fill_between(seconds, low, high, color=COLOURS[engine], alpha=0.2, lw=0)
