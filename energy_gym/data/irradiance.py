"""Irradiance on panels from that on a horizontal plane: where the sun stands, and what a tilted plane sees of it.

One rule: nothing is worked out here; pvlib knows it, and is asked only when a column is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from energy_gym.errors import ConfigurationError, MissingExtraError

RANGES = {"latitude": (-90.0, 90.0), "longitude": (-180.0, 180.0), "tilt": (0.0, 90.0), "azimuth": (0.0, 360.0)}


def on_panels(
    horizontal: pd.Series, latitude: float, longitude: float, *, tilt: float = 30.0, azimuth: float = 180.0
) -> pd.Series:
    """Return the irradiance on tilted panels, for the column that `energy_gym.entities.SolarArray` reads.

    Args:
        horizontal: Global irradiance on a horizontal plane, the mean of each step [W/m2], at times with a zone.
        latitude: Of the place [degrees north].
        longitude: Of the place [degrees east].
        tilt: Of the panels from the horizontal [degrees].
        azimuth: Where they face [degrees from north by east: 180 is south].

    Returns:
        Series ``poa_w_per_m2`` on the same times [W/m2].

    Raises:
        MissingExtraError: pvlib is not installed.
        ConfigurationError: An angle is out of its range, or the times have no zone.

    Source:
        pvlib: position of the sun (NREL's algorithm) in the middle of each step; share of diffuse light by Erbs et al.,
        Solar Energy 28(4), 1982; sky of one brightness, and ground that reflects a quarter.

    Example:
        >>> noon = pd.date_range("2024-03-20 10:00", periods=3, freq="h", tz="UTC")
        >>> on_panels(pd.Series([500.0, 550.0, 500.0], noon), 48.0, 11.0).iloc[1] > 600.0  # doctest: +SKIP
        True
    """
    angles = {"latitude": latitude, "longitude": longitude, "tilt": tilt, "azimuth": azimuth}
    for name, (low, high) in RANGES.items():
        if not low <= angles[name] <= high:
            found = f"on_panels {name}={angles[name]}"
            raise ConfigurationError(found, f"lies in [{low:g}, {high:g}] degrees", f"correct {name}")
    if getattr(horizontal.index, "tz", None) is None:
        raise ConfigurationError("on_panels: times without a zone", "the sun needs to know them", "use tz_localize")
    if len(horizontal) < 2:
        raise ConfigurationError(f"on_panels: {len(horizontal)} steps", "the length of a step is theirs", "pass two")
    total = _total(horizontal, latitude, longitude, tilt, azimuth)
    return pd.Series(np.maximum(total, 0.0), horizontal.index, name="poa_w_per_m2")


def _total(horizontal: pd.Series, latitude: float, longitude: float, tilt: float, azimuth: float) -> Any:
    """Return the irradiance on panels as pvlib gives it, shape (steps,) [W/m2]."""
    pvlib, level = _pvlib(), horizontal.to_numpy(dtype=float)
    middle = horizontal.index + (horizontal.index[1] - horizontal.index[0]) / 2
    sun = pvlib.solarposition.get_solarposition(middle, latitude, longitude)
    parts = pvlib.irradiance.erbs(level, sun["zenith"].to_numpy(), middle.day_of_year.to_numpy())
    zenith, facing = sun["apparent_zenith"].to_numpy(), sun["azimuth"].to_numpy()
    seen = pvlib.irradiance.get_total_irradiance(tilt, azimuth, zenith, facing, parts["dni"], level, parts["dhi"])
    return np.asarray(seen["poa_global"])


def _pvlib() -> Any:
    try:
        import pvlib
    except ImportError as error:
        raise MissingExtraError.of("pvlib", "weather") from error
    return pvlib
