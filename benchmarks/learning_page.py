"""The page and the figure of `learning.py`, from its runs.

One rule: a figure is in a run; here means and least and greatest values alone are worked out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from energy_gym.files import write_atomically
from energy_gym.leaderboard.plots import PALETTE

NAMES = {"sb3": "Stable-Baselines3", "jax": "JAX"}
COLOURS = {"sb3": PALETTE[1], "jax": PALETTE[0]}
HEAD = """# Training: score against time

PPO on `energy_gym/Arbitrage-v1`, three levels, one million steps of the environment, by each engine with its own
settings (`energy_gym/agents/defaults/ppo.yaml`, `ppo-jax.yaml`). Made with `python benchmarks/learning.py`, whose first
lines say how. The score is that of the whole test split: 0 for doing nothing, 1 for the proven optimum. Compilation and
importing the library, are within the seconds; where several runs were made by one process, the first paid for the
import. The machine has two cores that others were using: the load says how many processes wanted one as a run ended,
and processor seconds, which such neighbours stretch less, stand beside those of the wall. A dash: no run was made.

| engine | market | seeds | steps | wall seconds | processor seconds | load | score |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
"""
FIGURE = """
Scores on the validation split as training goes on, against processor seconds; a line is the mean over seeds, the band
reaches from the least to the greatest.

![Score against processor seconds](../docs/figures/training.png)

After as many steps (of the validation split, mean over seeds, least and greatest in brackets):

| market | steps | Stable-Baselines3 | JAX |
| --- | ---: | ---: | ---: |
"""
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)


def page(runs: list[dict[str, Any]]) -> str:
    """Return the page."""
    return HEAD + "".join(_row(alike) for alike in _groups(runs)) + FIGURE + "".join(_compared(runs))


def _groups(runs: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the runs of each market and engine."""
    keys = sorted({(run["market"], run["engine"]) for run in runs})
    return [[run for run in runs if (run["market"], run["engine"]) == key] for key in keys]


def _row(alike: list[dict[str, Any]]) -> str:
    first = alike[0]
    steps = int(first["points"][-1][0])
    spread = " | ".join(_spread([run[name] for run in alike], 1) for name in ("wall", "processor", "busy"))
    score = _spread([run["score"] for run in alike], 3)
    return f"| {NAMES[first['engine']]} | {first['market']} | {len(alike)} | {steps:,} | {spread} | {score} |\n"


def _spread(values: list[float], digits: int) -> str:
    if not values:
        return "-"
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _compared(runs: list[dict[str, Any]]) -> list[str]:
    """Return a row for each market and number of steps."""
    lines = []
    for market in sorted({run["market"] for run in runs}):
        last = min(run["points"][-1][0] for run in runs if run["market"] == market)
        for share in SHARES:
            cells = [_spread(_scores(runs, market, engine, share * last), 3) for engine in NAMES]
            lines.append(f"| {market} | {share * last:,.0f} | {' | '.join(cells)} |\n")
    return lines


def _scores(runs: list[dict[str, Any]], market: str, engine: str, steps: float) -> list[float]:
    """Return the scores of runs after so many steps, between two looks on the straight line between them."""
    alike = [run for run in runs if (run["market"], run["engine"]) == (market, engine)]
    looks = [np.array(run["points"]) for run in alike]
    return [float(np.interp(steps, look[:, 0], look[:, -1])) for look in looks]


def draw(runs: list[dict[str, Any]], path: Path) -> None:
    """Write the figure: score against processor seconds, a panel for each market."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    markets = sorted({run["market"] for run in runs})
    figure = Figure(figsize=(4.4 * len(markets), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(markets), sharex=True, sharey=True, squeeze=False)[0]
    for panel, market in zip(panels, markets, strict=True):
        for alike in _groups([run for run in runs if run["market"] == market]):
            _line(panel, alike)
        panel.set(xscale="log", title=market, xlabel="processor seconds", ylim=(0.0, 1.0))
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25)
    panels[0].set_ylabel("score on the validation split")
    panels[-1].legend(frameon=False, loc="lower right")
    write_atomically(path, lambda target: figure.savefig(target, dpi=130, metadata={"Software": None}))


def _line(panel: Any, alike: list[dict[str, Any]]) -> None:
    """Draw the mean over seeds of runs that looked after the same steps, and how far they reach."""
    looks = np.array([run["points"] for run in alike])
    seconds, scores, engine = looks[:, :, 2].mean(axis=0), looks[:, :, -1], alike[0]["engine"]
    panel.plot(seconds, scores.mean(axis=0), color=COLOURS[engine], label=NAMES[engine], marker=".")
    if len(alike) > 1:
        panel.fill_between(seconds, scores.min(axis=0), scores.max(axis=0), color=COLOURS[engine], alpha=0.2, lw=0)
