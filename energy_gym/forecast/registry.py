"""The forecasts by name: what ``forecast=`` takes.

One rule: a forecast is made when it is asked for; what needs an extra is imported only then.
"""

from __future__ import annotations

import importlib

from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.forecast.rows import Forecast

FORECASTS = {
    "lightgbm": "energy_gym.forecast.lightgbm:LightGBM",
    "mean": "energy_gym.forecast.simple:Mean",
    "nbeats": "energy_gym.forecast.nbeats:NBeats",
    "noise": "energy_gym.forecast.simple:Noise",
    "perfect": "energy_gym.forecast.rows:Perfect",
    "published": "energy_gym.forecast.rows:Published",
    "published-epf": "energy_gym.forecast.published_epf:PublishedEPF",
    "yesterday": "energy_gym.forecast.rows:Yesterday",
}


def forecast_ids() -> tuple[str, ...]:
    """Return the names that ``forecast=`` takes.

    Example:
        >>> {"mean", "perfect", "published", "yesterday"} <= set(forecast_ids())
        True
    """
    return tuple(sorted(FORECASTS))


def get_forecast(forecast: str | Forecast) -> Forecast:
    """Return the forecast of a name with its default settings, or the object itself if it follows the protocol.

    Raises:
        UnknownIdError: An unknown name.
        ConfigurationError: An object without a method ``rows``.
        MissingExtraError: The forecast needs an extra that is not installed.

    Example:
        >>> get_forecast("mean")
        Mean(days=10)
    """
    if isinstance(forecast, str):
        if forecast not in FORECASTS:
            raise UnknownIdError.of("forecast", forecast, FORECASTS)
        module, _, name = FORECASTS[forecast].partition(":")
        made: Forecast = getattr(importlib.import_module(module), name)()
        return made
    if not isinstance(forecast, Forecast):
        raise ConfigurationError(f"forecast={forecast!r}", "must have a method rows()", "pass a name or such an object")
    return forecast
