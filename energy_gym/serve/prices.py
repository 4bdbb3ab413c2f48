"""What energy costs at a site's meter in any interval: by the clock, or as it was settled and is believed.

One rule: where a price comes with the data, an interval that has passed shows what was paid, a coming one what is
believed of it now, and one of which nothing is known shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from energy_gym.arrays import Floats
from energy_gym.serve.answers import Prices
from energy_gym.serve.site import LiveSite


def prices_over(site: LiveSite, times: pd.DatetimeIndex) -> Prices:
    """Return the prices of intervals.

    Args:
        site: The site.
        times: Starts of the intervals [UTC], one or more.
    """
    energy = site.scenario.sites()[0].energy
    values = known_of(site, energy.columns(), times)
    known = np.logical_and.reduce([np.isfinite(series) for series in values.values()], initial=True)
    known = np.broadcast_to(known, len(times))
    found = [np.full(len(times), np.nan) for _ in range(2)]
    if known.any():
        told = {name: series[known] for name, series in values.items()}
        for series, priced in zip(found, energy.prices(told, times[known], site.history.zone), strict=True):
            series[known] = priced
    buy, sell = (_plain(series) for series in found)
    stamps = [stamp.to_pydatetime() for stamp in times]
    return Prices(times=stamps, buy_per_mwh=buy, sell_per_mwh=sell, unit=f"{site.history.currency}/MWh")


def known_of(site: LiveSite, columns: Sequence[str], times: pd.DatetimeIndex) -> dict[str, Floats]:
    """Return what is known of columns in intervals, by name: what was settled, else what is believed, else NaN."""
    if not columns:
        return {}
    step, last = site.step, site.last or site.store.plan(site.site.id)
    found = site.store.intervals(site.site.id, times[0], times[-1] + step).reindex(columns=list(columns))
    if last is not None:
        for row in site.store.believed(site.site.id, last.time, last.time + step).values():
            ahead = pd.date_range(last.time, periods=site.settings.horizon, freq=step)
            coming = pd.DataFrame({name: row.get(name, np.nan) for name in columns}, index=ahead)
            found = coming if found.empty else found.combine_first(coming)
    laid = found.reindex(times)
    return {name: laid[name].to_numpy(dtype=np.float64) for name in columns}


def _plain(values: Floats) -> list[Any]:
    return [value if value == value else None for value in values.tolist()]
