"""The figure of the transfer matrix: a square for each pair of markets, a panel for each number of local days.

One rule: it draws rows that were measured; a pair that was not is left white.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from energy_gym.files import write_atomically

DARK = 0.45
"""Below this score the figure in a square is white, above it black."""


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the figure as PNG: mean scores over seeds, sources down, targets across.

    Args:
        rows: Rows of `transfer.py`.
        path: Where to.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    frame = pd.DataFrame(rows)
    sources, targets = (list(dict.fromkeys(frame[name])) for name in ("source", "target"))
    panels = sorted(set(frame["days"]))
    figure = Figure(figsize=(1.2 + 3.1 * len(panels), 1.2 + 0.62 * len(sources)), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, days in zip(np.atleast_1d(figure.subplots(1, len(panels), sharey=True)), panels, strict=True):
        means = frame[frame["days"] == days].groupby(["source", "target"])["score"].mean().unstack()
        picture = _panel(axes, means.reindex(index=sources, columns=targets))
        axes.set_title("without local data" if not days else f"after {days} local days", fontsize=11)
    figure.colorbar(picture, ax=figure.axes, label="score on the test split", shrink=0.9)
    figure.supxlabel("played on", fontsize=10)
    figure.axes[0].set_ylabel("learnt first on")
    write_atomically(path, lambda target: figure.savefig(target, dpi=130, metadata={"Software": None}))


def _panel(axes: Any, scores: pd.DataFrame) -> Any:
    """Draw a matrix with its figures; return what the colour bar belongs to."""
    picture = axes.imshow(scores.to_numpy(), vmin=0.0, vmax=1.0, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(scores.columns)), scores.columns, rotation=30, ha="right", fontsize=9)
    axes.set_yticks(range(len(scores.index)), scores.index, fontsize=9)
    for (row, column), value in np.ndenumerate(scores.to_numpy()):
        if not np.isnan(value):
            colour = "white" if value < DARK else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=9)
    return picture
