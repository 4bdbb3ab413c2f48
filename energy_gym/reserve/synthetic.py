"""Reserve prices made up for the default environment; its one rule: they say that they are synthetic.

Shapes follow what reserve markets show: upward reserve is dear in the evening and when energy is dear, downward reserve
at night and when energy is cheap, both with slow swings of scarcity and rare spikes. The same year for everybody.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from energy_gym.data.cards import Statistics
from energy_gym.data.feed import SPLITS, Feed
from energy_gym.errors import UnknownIdError

if TYPE_CHECKING:
    import pandas as pd

YEAR = 8760
BOUNDS = {"train": (0, 5832), "validation": (5832, 7296), "test": (7296, YEAR), "all": (0, YEAR)}
SEED = 2023
Floats = npt.NDArray[np.float64]


def synthetic_frame(steps: int = YEAR, seed: int = SEED) -> pd.DataFrame:
    """Return an hourly frame with energy, balancing, carbon and four reserve prices, 2023 in UTC.

    Args:
        steps: Hours, from 1 January on.
        seed: Seed of the noise.

    Example:
        >>> frame = synthetic_frame(48)
        >>> sorted(name for name in frame if name.endswith("_per_mw_h"))
        ['fast_down_per_mw_h', 'fast_up_per_mw_h', 'slow_down_per_mw_h', 'slow_up_per_mw_h']
        >>> bool((frame["fast_up_per_mw_h"] >= 0.0).all()), frame.attrs["synthetic"]
        (True, True)
    """
    import pandas as pd

    random = np.random.default_rng(seed)
    hour = np.arange(steps)
    day = hour / 24.0 * 2.0 * np.pi
    evening, noon = np.cos(day - 19.0 / 12.0 * np.pi), np.cos(day - 13.0 / 12.0 * np.pi)
    season = np.cos(hour / YEAR * 2.0 * np.pi)
    weekend = ((hour // 24 + 6) % 7 >= 5).astype(np.float64)
    slow, fast = _swings(random, steps, 0.985), _swings(random, steps, 0.7)
    price = 70.0 + 18.0 * evening - 12.0 * noon + 15.0 * season - 12.0 * weekend + 22.0 * slow + 6.0 * fast
    tight = np.exp(0.5 * _swings(random, steps, 0.97))
    spikes = np.where(random.random(steps) < 0.01, random.exponential(90.0, steps), 0.0)
    columns = {
        "price_per_mwh": price,
        "balancing_per_mwh": price + 25.0 * _swings(random, steps, 0.6),
        "carbon_g_per_kwh": np.clip(180.0 + 1.6 * (price - 70.0) + 30.0 * fast, 5.0, None),
        "fast_up_per_mw_h": tight * np.clip(12.0 + 5.0 * evening + 0.08 * (price - 70.0), 1.0, None) + spikes,
        "slow_up_per_mw_h": tight * np.clip(7.0 + 5.0 * evening + 0.06 * (price - 70.0), 0.0, None) + 0.5 * spikes,
        "fast_down_per_mw_h": np.clip(9.0 - 4.0 * evening - 0.07 * (price - 70.0), 0.5, None) / tight,
        "slow_down_per_mw_h": np.clip(6.0 - 5.0 * evening - 0.06 * (price - 70.0), 0.0, None) / tight,
    }
    index = pd.date_range("2023-01-01", periods=steps, freq="h", tz="UTC", name="time")
    frame = pd.DataFrame({name: np.round(values, 2) for name, values in columns.items()}, index=index)
    frame.attrs |= {"synthetic": True, "title": "Synthetic reserve prices, one year", "currency": "EUR"}
    return frame


def _swings(random: np.random.Generator, steps: int, memory: float) -> Floats:
    """Return noise of unit variance that forgets a share 1 - memory of itself in a step."""
    from scipy.signal import lfilter

    return np.asarray(lfilter([np.sqrt(1.0 - memory**2)], [1.0, -memory], random.normal(size=steps)))


def synthetic_feed(split: str) -> Feed:
    """Return the synthetic year as a feed; scaling and settlement come from its training split alone.

    Raises:
        UnknownIdError: There is no such split.
    """
    if split not in SPLITS:
        raise UnknownIdError.of("split", split, SPLITS)
    frame, (first, stop) = _year(), BOUNDS[split]
    train = slice(*BOUNDS["train"])
    values = {str(name): np.ascontiguousarray(frame[name].to_numpy(dtype=np.float64)) for name in frame.columns}
    return Feed(
        title=str(frame.attrs["title"]),
        zone="UTC",
        currency=str(frame.attrs["currency"]),
        times=frame.index,
        values=values,
        published={name: _published(name) for name in values},
        statistics={name: Statistics.of(series[train]) for name, series in values.items()},
        first=first,
        stop=stop,
        filled=np.zeros(len(frame), dtype=bool),
    )


@functools.cache
def _year() -> pd.DataFrame:
    return synthetic_frame()


def _published(column: str) -> str:
    if column.endswith("_per_mw_h"):
        return "day-ahead 24:00"
    return "day-ahead 13:00" if column == "price_per_mwh" else "after"
