"""Forecasts as they come: late, short, coarse, unordered, or nonsense."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from energy_gym.errors import ConfigurationError, DataError, DuplicateStampError, IrregularIndexError, NonFiniteError
from energy_gym.serve.beliefs import Announced, believed, check_plausible

NOW = pd.Timestamp("2024-03-01T12:00Z")


def told(periods=48, freq="h", issued=NOW, start=NOW, values=None):
    """Return a forecast that counts up."""
    times = pd.date_range(start, periods=periods, freq=freq)
    return Announced.of(issued, times, np.arange(float(periods)) if values is None else values, "load_kw")


def ahead(start=NOW, periods=96, freq="15min"):
    """Return the coming intervals."""
    return pd.date_range(start, periods=periods, freq=freq)


def test_hours_hold_for_their_quarters_and_quarters_make_hours():
    assert told().over(ahead(periods=8)).tolist() == [0.0] * 4 + [1.0] * 4
    assert told(freq="15min").over(ahead(periods=3, freq="h")).tolist() == [1.5, 5.5, 9.5]


def test_unordered_intervals_are_put_in_order():
    times = pd.date_range(NOW, periods=3, freq="h")[[2, 0, 1]]
    assert Announced.of(NOW, times, [2.0, 0.0, 1.0], "load_kw").values.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("stamps", "values", "error"),
    [
        ([0, 1, 1], [1.0, 2.0, 3.0], DuplicateStampError),
        ([0, 1, 3], [1.0, 2.0, 3.0], IrregularIndexError),
        ([0], [1.0], IrregularIndexError),
        ([0, 1], [1.0, float("nan")], NonFiniteError),
        ([0, 1], [1.0, float("inf")], NonFiniteError),
    ],
)
def test_what_cannot_be_a_forecast_is_refused(stamps, values, error):
    times = pd.DatetimeIndex([NOW + pd.Timedelta(hours=hour) for hour in stamps])
    with pytest.raises(error):
        Announced.of(NOW, times, values, "load_kw")


def test_a_late_forecast_is_shifted_and_goes_on_as_its_last_day():
    later = NOW + pd.Timedelta(hours=30)
    belief = believed(told(), ahead(later, 24, "h"), later, np.full(24, -1.0))
    assert belief.quality == "late"
    assert belief.age_seconds == 30 * 3600.0
    assert belief.values.tolist() == [*np.arange(30.0, 48.0), *np.arange(24.0, 30.0)]


def test_a_forecast_that_has_run_out_gives_way_to_what_the_site_expects():
    later = NOW + pd.Timedelta(hours=47)
    own = np.full(24, 7.0)
    assert believed(told(), ahead(later, 24, "h"), later, own).quality == "own"
    assert believed(None, ahead(), NOW, np.full(96, 7.0)).values.tolist() == [7.0] * 96


def test_watts_are_told_from_kilowatts():
    check_plausible("load_kw", told(), 40.0)
    with pytest.raises(ConfigurationError, match="send kW, not W"):
        check_plausible("load_kw", told(values=np.full(48, 100_000.0)), 400.0)


def test_a_data_error_is_what_a_client_catches():
    assert issubclass(NonFiniteError, DataError)
