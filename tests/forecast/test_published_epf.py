"""The benchmark's forecasts: nothing that comes later is seen, neither of the prices nor of the forecasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from energy_gym.data import card
from energy_gym.data.feed import open_feed
from energy_gym.forecast import published_epf
from energy_gym.forecast.published_epf import PublishedEPF, epf_forecasts

PRICE = "price_per_mwh"
# From ten days into the test split on: the days before a change of the clock, and before one back.
BEGINS = {"epf-de": ("2016-03-25", "2016-10-28"), "epf-np": ("2017-03-24", "2018-10-26")}


def release(stamp: pd.Timestamp, zone: str, hour: int) -> pd.Timestamp:
    day = stamp.tz_convert(zone).date() - timedelta(days=1)
    return pd.Timestamp(year=day.year, month=day.month, day=day.day, hour=hour, tz=ZoneInfo(zone))


def hidden(times: pd.DatetimeIndex, now: pd.Timestamp, zone: str, hour: int) -> np.ndarray:
    """Return which steps are not public at ``now``; those far from it are told by the side they lie on."""
    near = np.abs(times - now) < pd.Timedelta(days=4)
    found = np.asarray(times > now)
    found[near] = [release(stamp, zone, hour) > now for stamp in times[near]]
    return found


@pytest.mark.parametrize("use_published", [True, False])
@pytest.mark.parametrize(("dataset", "begin"), [(name, day) for name, days in BEGINS.items() for day in days])
def test_nothing_that_comes_later_is_seen(
    dataset: str, begin: str, use_published: bool, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, forecast = open_feed(dataset, None, "test"), PublishedEPF("dnn", use_published)
    issued, zone = epf_forecasts(card(dataset), "dnn"), feed.zone
    first = int(feed.times.searchsorted(pd.Timestamp(begin, tz=zone)))
    seen = forecast.rows(feed, PRICE, first, first + 100, 36)
    for moment in (0, 1, 10, 11, 12, 13, 14, 23, 24, 35, 47, 48, 60, 61, 72):
        now = feed.times[first + moment]
        prices = feed.values[PRICE].copy()
        prices[hidden(feed.times, now, zone, 13) if use_published else np.asarray(feed.times >= now)] = 9e4
        later = issued.mask(hidden(feed.times, now, zone, 11) & issued.notna().to_numpy(), -7e4)
        monkeypatch.setattr(published_epf, "epf_forecasts", lambda *_, told=later: told)
        changed = replace(feed, values={**feed.values, PRICE: prices})
        rows = forecast.rows(changed, PRICE, first, first + 100, 36)
        np.testing.assert_array_equal(rows[: moment + 1], seen[: moment + 1], str(moment))
        assert (rows[-1] != seen[-1]).any(), "the test can fail"
