"""The price forecasts that were published with the price-forecasting benchmark: a DNN's and a LEAR model's.

One rule: the forecast of a day is known from 11:00 of the day before, and only where the auction's result is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from energy_gym.data.cards import Card, RawFile
from energy_gym.data.feed import PRICE, Feed
from energy_gym.data.fetching import fetch_file
from energy_gym.data.raw import from_wall_clock, on_grid
from energy_gym.errors import UnknownIdError, WindowError
from energy_gym.forecast.fitted import card_of
from energy_gym.forecast.publication import known_until
from energy_gym.forecast.rows import Published, Yesterday

Floats = npt.NDArray[np.float64]
KNOWN_FROM = "day-ahead 11:00"
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


@dataclass(frozen=True)
class PublishedEPF:
    """The published forecast of the price in the test split of ``epf-de`` or ``epf-np``; else what `Published` says.

    Args:
        model: ``"dnn"`` (mean of four networks) or ``"lear"`` (mean of four sparse regressions).
        use_published: False treats prices as known only after their hour, so that the forecast counts all day.

    Raises:
        UnknownIdError: There is no such model.

    Source: Lago et al., Forecasting day-ahead electricity prices: a review of state-of-the-art algorithms, best
    practices and an open-access benchmark, Applied Energy 293 (2021).

    Example:
        >>> PublishedEPF("lear").model
        'lear'
    """

    model: str = "dnn"
    use_published: bool = True

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise UnknownIdError.of("model", self.model, MODELS)

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `Forecast.rows`.

        Raises:
            UnknownIdError: The data are not one of the two markets.
            WindowError: The rows reach outside the test split.
        """
        rows = (Published() if self.use_published else Yesterday()).rows(feed, column, first, stop, horizon)
        if column != PRICE:
            return rows
        issued = self._issued(feed)
        known = known_until(feed.published[column] if self.use_published else "after", feed, first, stop)
        announced = np.minimum(known_until(KNOWN_FROM, feed, first, stop), len(feed))
        ahead = np.arange(first, stop)[:, None] + np.arange(horizon)
        use = (ahead >= known[:, None]) & (ahead < announced[:, None])
        rows[use] = issued[ahead[use]]
        if not np.isfinite(rows).all():
            begin = feed.times[int(np.flatnonzero(np.isfinite(issued))[0])]
            raise WindowError(
                f"published-epf rows from {feed.times[first]}", f"forecasts begin at {begin}", 'use split="test"'
            )
        return rows

    def _issued(self, feed: Feed) -> Floats:
        its = card_of(feed)
        if its is None:
            raise UnknownIdError.of("market with published price forecasts", feed.title, ("epf-de", "epf-np"))
        return epf_forecasts(its, self.model).to_numpy(dtype=np.float64)


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
    if card.id not in _FORECASTS:
        raise UnknownIdError.of("market with published price forecasts", card.id, _FORECASTS)
    if model not in MODELS:
        raise UnknownIdError.of("model", model, MODELS)
    path, commit, sha256 = _FORECASTS[card.id]
    file = RawFile(path, _TOOLBOX.format(commit=commit, path=path), sha256, "epf")
    table = pd.read_csv(fetch_file(card, file), index_col=0)
    wall = pd.DatetimeIndex(pd.to_datetime(table.index))
    return on_grid(card, from_wall_clock(table[MODELS[model]], wall, card.zone)[0])
