"""Paths judged side by side: how far each maker's paths are from what came, and a picture of them as a fan.

One rule: every maker is judged at the same steps, over the same columns, on what it could not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from energy_gym.data.feed import Feed, open_feed
from energy_gym.errors import EnergyGymError, MissingExtraError
from energy_gym.files import write_atomically
from energy_gym.forecast.probabilistic import Scenarios, make_scenarios, scenario_ids
from energy_gym.forecast.probabilistic.maker import own_columns
from energy_gym.forecast.probabilistic.scoring import Scored, score_scenarios

MOST_COLUMNS = 6
"""Columns judged where nobody names them: those of a data set that holds many sites are too many to read."""
FAN = ((2.5, 97.5, 0.18), (10.0, 90.0, 0.24), (25.0, 75.0, 0.32))


@dataclass(frozen=True)
class JudgedPaths:
    """What a maker of paths was found to be worth.

    Args:
        maker: Its name.
        scored: Its figures.
    """

    maker: str
    scored: Scored


def judged_paths(
    dataset: str,
    split: str = "validation",
    names: tuple[str, ...] = (),
    columns: tuple[str, ...] = (),
    horizon: int = 24,
    n: int = 50,
    refused: Callable[[str, EnergyGymError], None] | None = None,
) -> Iterator[JudgedPaths]:
    """Judge makers of paths on a split of a data set.

    Args:
        dataset: Id of a data set.
        split: Which split.
        names: Which makers; all where none is named.
        columns: Which columns; the first six that are not known at all times where none is named.
        horizon: Steps looked ahead.
        n: Paths made at each step.
        refused: Told name and reason where a maker does not suit the data, in place of an error.

    Raises:
        UnknownIdError: An unknown data set, split or maker.
        MissingExtraError: The library of scores is not installed.
    """
    feed = open_feed(dataset, None, split)
    chosen = columns or judged_series(feed)
    for name in names or scenario_ids():
        try:
            maker = make_scenarios(name, feed, columns=chosen)
            yield JudgedPaths(name, score_scenarios(maker, feed, chosen, n, horizon))
        except EnergyGymError as error:
            if refused is None or (isinstance(error, MissingExtraError) and "scoringrules" in str(error)):
                raise
            refused(name, error)


def judged_series(feed: Feed) -> tuple[str, ...]:
    """Return the columns of a feed whose paths are judged: prices, carbon, loads and generation, six at most.

    Example:
        >>> judged_series(open_feed("commercial", None, "test"))
        ('load_kw', 'pv_kw')
    """
    return tuple(name for name in own_columns(feed) if feed.published[name] != "always")[:MOST_COLUMNS]


def draw_fan(maker: Scenarios, feed: Feed, column: str, t: int, path: Path, horizon: int = 48, n: int = 200) -> None:
    """Draw paths of a column as bands of 50, 80 and 95 %, with some of them and what came, into a PNG file.

    Args:
        maker: What makes paths.
        feed: What it is asked about.
        column: The column.
        t: The step at which the paths are made, counted from the beginning of the data.
        path: The file.
        horizon: Steps looked ahead.
        n: Paths.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error

    from energy_gym.data.columns import symbol_of

    drawn = maker.scenarios(t, n, horizon)[column]
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots()
    hours = np.arange(horizon) * feed.step_hours
    for low, high, alpha in FAN:
        band = np.percentile(drawn, [low, high], axis=0)
        axes.fill_between(hours, *band, color="tab:blue", alpha=alpha, linewidth=0, label=f"{high - low:.0f} %")
    for line in drawn[:4]:
        axes.plot(hours, line, color="tab:blue", linewidth=0.7, alpha=0.7)
    axes.plot(hours, feed.values[column][t : t + horizon], color="black", linewidth=1.6, label="came")
    axes.set_xlabel(f"hours from {feed.times[t].tz_convert(feed.zone):%Y-%m-%d %H:%M} ({feed.zone})")
    axes.set_ylabel(f"{column} [{symbol_of(column, feed.currency)}]")
    axes.legend(loc="upper left", ncols=4, frameon=False, fontsize="small")
    axes.margins(x=0.0)
    write_atomically(path, lambda target: figure.savefig(target, dpi=120, format="png", metadata={"Software": None}))
