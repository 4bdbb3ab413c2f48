"""Reader of the price-forecasting benchmark's markets, and of the price forecasts published with it.

One rule: the files have 24 rows every local day, so all of their series go through `from_wall_clock`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from energy_gym.data.cards import Card, RawFile
from energy_gym.errors import UnknownIdError

if TYPE_CHECKING:
    from energy_gym.data.readers.table import Raw

KW_PER_MW = 1000.0
_PRICE = "price_per_mwh"
_TITLES = {
    "OT": (_PRICE, 1.0),
    "Wind power forecast": ("forecast_wind_kw", KW_PER_MW),
    "Ampirion zonal load forecast": ("forecast_load_kw", KW_PER_MW),
    "System load forecast": ("forecast_load_kw", KW_PER_MW),
    "Grid load forecast": ("forecast_load_kw", KW_PER_MW),
    "Generation forecast": ("forecast_generation_kw", KW_PER_MW),
}
_TOOLBOX = "https://raw.githubusercontent.com/jeslago/epftoolbox/{commit}/{path}"
_FORECASTS = {
    "epf-de": (
        "forecasts/Forecasts_DE_DNN_LEAR_ensembles.csv",
        "6404365fe3650f366f6aeb3616c623e8f8270b4a",
        "1577f8ae0851fb536e654b69608c94840a9813aa5776d04691dd5ec1a2a3ea13",
    ),
    "epf-np": (
        "forecasts/Forecasts_NP_DNN_LEAR_ensembles.csv",
        "27fabcc116bec161be3670b4ebac74baa4e03539",
        "683fd04acca5b0593eaf5afeb06b6d9bfae1f9efb8d4ac7555c1182382674849",
    ),
}
MODELS = {"dnn": "DNN Ensemble", "lear": "LEAR Ensemble"}


def epf(card: Card, paths: Mapping[str, Path]) -> Raw:
    """Read the market of a card: prices, and the two forecasts that were known before the auction."""
    from energy_gym.data.readers.table import Raw, from_wall_clock

    table = pd.concat([pd.read_csv(path, skipinitialspace=True) for path in paths.values()])
    wall = pd.DatetimeIndex(pd.to_datetime(table["date"], format="%Y/%m/%d %H:%M"))
    series, stand_in, skipped = {}, {}, 0
    for title, (name, factor) in _TITLES.items():
        if title in table:
            series[name], stand_in[name], skipped = from_wall_clock(table[title] * factor, wall, card.zone)
    note = f"{skipped} rows at hours that the clock change skips were dropped"
    return Raw({name: series[name].rename(name) for name in card.columns}, stand_in, (note,))


def epf_forecasts(card: Card, model: str) -> pd.Series:
    """Return the published forecast of a market's price over its test split, in UTC [EUR/MWh].

    Args:
        card: Card ``epf-de`` or ``epf-np``.
        model: ``"dnn"`` or ``"lear"``: the mean of the four networks, or of the four regressions.

    Raises:
        UnknownIdError: No forecast of this market was published, or there is no such model.
        ChecksumError: The file does not have its hash.
        DownloadError: The file could not be had.
    """
    from energy_gym.data.fetching import fetch_file
    from energy_gym.data.loading import on_grid
    from energy_gym.data.readers.table import from_wall_clock

    if card.id not in _FORECASTS:
        raise UnknownIdError.of("market with published price forecasts", card.id, _FORECASTS)
    if model not in MODELS:
        raise UnknownIdError.of("model", model, MODELS)
    path, commit, sha256 = _FORECASTS[card.id]
    file = RawFile(path, _TOOLBOX.format(commit=commit, path=path), sha256, "epf")
    table = pd.read_csv(fetch_file(card, file), index_col=0)
    wall = pd.DatetimeIndex(pd.to_datetime(table.index))
    return on_grid(card, from_wall_clock(table[MODELS[model]], wall, card.zone)[0])
