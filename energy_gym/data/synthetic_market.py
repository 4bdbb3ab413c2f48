"""Synthetic markets with balancing or real-time prices, on the local clock of a card, with wind, solar and load.

Price, load and generation, with their day-ahead forecasts, are those of `energy_gym.data.synthetic`, moved to the
zone's standard time; the price is rescaled to the mean and the spread of the market it stands for. One rule: no figure
was measured, and every title says so.

The Nordic balancing prices follow Eastern Denmark in 2021: each hour is regulated up (27 %), down (36 %) or not at all,
a Markov chain with the transitions counted there; up-regulation adds a Weibull-distributed amount to the day-ahead
price, down-regulation takes one off, with the mean and the spread found there. The other price of the hour is then the
day-ahead price. India's real-time price is that of `energy_gym.data.iex.with_real_time`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from energy_gym.arrays import Floats
from energy_gym.data.price_law import price_law
from energy_gym.data.synthetic import PRICE_LIMITS_PER_MWH, generate
from energy_gym.errors import ConfigurationError

if TYPE_CHECKING:
    from energy_gym.data.cards import Card


SITE_COLUMNS = ("load_kw", "pv_kw", "wind_kw", "forecast_load_kw", "forecast_pv_kw", "forecast_wind_kw")
"""Columns of a site: loads of mean 100 kW, generators of 100 kW rated power."""
_GENERATED_MEAN, _GENERATED_SPREAD = 88.0, 48.5
"""Mean and standard deviation of the price that `generate` makes in the long run [EUR/MWh]."""
DK2_MEAN, DK2_SPREAD = 87.9, 67.8
"""Mean and standard deviation of the day-ahead price of Eastern Denmark in 2021 [EUR/MWh]."""
INDIA_MEAN, INDIA_SPREAD = 4585.0, 2640.0
"""Mean and standard deviation of the price of India's exchange in 2024 [INR/MWh]."""
INDIA_LIMITS = (0.0, 10_000.0)
HOURLY_TURNS = np.array([[0.777, 0.146, 0.077], [0.140, 0.742, 0.118], [0.075, 0.187, 0.738]])
"""Chance of the next hour being regulated down, not at all, or up, by that of this hour."""
UP, DOWN = (0.72, 27.6), (0.78, 26.1)
"""Shape and scale [EUR/MWh] of the Weibull distributions of what up- and down-regulation add and take off."""
INTRADAY_SEEN, INTRADAY_NOISE = 0.5, 6.0
"""Share of regulation that the price within the day foresees, and the spread of what else moves it [EUR/MWh]."""
LAW_SEED = 11
"""Seed of the series that are drawn from a law."""
_AMOUNT_MEMORY_H = 4.0


def nordic(
    *, seed: int = 0, start: str = "2020-01-01", steps: int = 8760, zone: str = "Europe/Copenhagen"
) -> pd.DataFrame:
    """Generate an hourly Nordic market with a site: day-ahead price, prices of up- and down-regulation, and forecasts.

    Args:
        seed: Any non-negative integer.
        start: First local day.
        steps: Number of hours.
        zone: Zone of the local clock.

    Returns:
        Shape (steps, 11), UTC: the columns of `energy_gym.data.synthetic.COLUMNS` and ``balancing_up_per_mwh``,
        ``balancing_down_per_mwh`` [EUR/MWh].

    Example:
        >>> frame = nordic(seed=1, steps=48)
        >>> prices = frame[["balancing_down_per_mwh", "price_per_mwh", "balancing_up_per_mwh"]].to_numpy()
        >>> bool((np.diff(prices, axis=1) >= 0.0).all()), frame.attrs["synthetic"]
        (True, True)
    """
    frame = _on_local_clock(seed, start, steps, 60, zone)
    frame["price_per_mwh"] = _rescaled(frame["price_per_mwh"], DK2_MEAN, DK2_SPREAD, PRICE_LIMITS_PER_MWH)
    # One more child than `generate` draws its own from: a stream that nothing else uses.
    states, amounts = np.random.SeedSequence((seed, 1)).spawn(2)
    turn = _turns(np.random.default_rng(states), steps)
    up, down = _amounts(np.random.default_rng(amounts), steps)
    frame["balancing_up_per_mwh"] = frame["price_per_mwh"] + np.where(turn == 2, up, 0.0)
    frame["balancing_down_per_mwh"] = frame["price_per_mwh"] - np.where(turn == 0, down, 0.0)
    frame.attrs.update(synthetic=True, title=f"Synthetic Nordic market and site, seed {seed}", currency="EUR")
    return frame


def intraday(
    *, seed: int = 0, start: str = "2020-01-01", steps: int = 8760, zone: str = "Europe/Copenhagen"
) -> pd.DataFrame:
    """Generate the market of `nordic` with a price of trade within the day: what an hour is worth as it comes near.

    Half of what regulation will add to the day-ahead price, or take off, is seen an hour before; the rest is noise.

    Args:
        seed: Any non-negative integer.
        start: First local day.
        steps: Number of hours.
        zone: Zone of the local clock.

    Returns:
        Shape (steps, 12), UTC: the columns of `nordic` and ``intraday_per_mwh`` [EUR/MWh].

    Example:
        >>> frame = intraday(seed=1, steps=48)
        >>> bool(abs(frame["intraday_per_mwh"] - frame["price_per_mwh"]).mean() > 1.0), frame.attrs["title"]
        (True, 'Synthetic Nordic market with trade within the day and site, seed 1')
    """
    frame = nordic(seed=seed, start=start, steps=steps, zone=zone)
    turned = frame["balancing_up_per_mwh"] + frame["balancing_down_per_mwh"] - 2.0 * frame["price_per_mwh"]
    noise = np.random.default_rng(np.random.SeedSequence((seed, 2))).normal(0.0, INTRADAY_NOISE, steps)
    price = frame["price_per_mwh"] + INTRADAY_SEEN * turned + noise
    frame["intraday_per_mwh"] = price.clip(*PRICE_LIMITS_PER_MWH)
    frame.attrs["title"] = f"Synthetic Nordic market with trade within the day and site, seed {seed}"
    return frame


def india(*, seed: int = 0, start: str = "2022-01-01", steps: int = 35040, zone: str = "Asia/Kolkata") -> pd.DataFrame:
    """Generate a quarter-hourly Indian market with a site: day-ahead price, real-time price, and forecasts.

    Args:
        seed: Any non-negative integer.
        start: First local day.
        steps: Number of quarter hours.
        zone: Zone of the local clock.

    Returns:
        Shape (steps, 10), UTC: the columns of `energy_gym.data.synthetic.COLUMNS` and ``real_time_per_mwh`` [INR/MWh].

    Example:
        >>> frame = india(steps=96)
        >>> frame.index[0].isoformat(), frame.attrs["currency"]
        ('2021-12-31T18:30:00+00:00', 'INR')
    """
    from energy_gym.data.iex import with_real_time

    frame = _on_local_clock(seed, start, steps, 15, zone)
    frame["price_per_mwh"] = _rescaled(frame["price_per_mwh"], INDIA_MEAN, INDIA_SPREAD, INDIA_LIMITS)
    frame = with_real_time(frame, seed=seed)
    frame.attrs.update(synthetic=True, title=f"Synthetic Indian market and site, seed {seed}", currency="INR")
    return frame


def with_site(market: pd.DataFrame, zone: str, *, seed: int = 0) -> pd.DataFrame:
    """Return a market's frame with those columns of a synthetic site that it lacks; the title says so.

    Args:
        market: Frame with a regular UTC index.
        zone: Zone of the site's clock.
        seed: Any non-negative integer.

    Example:
        >>> index = pd.date_range("2024-06-01", periods=48, freq="h", tz="UTC")
        >>> frame = with_site(pd.DataFrame({"price_per_mwh": 50.0}, index), "Europe/Brussels")
        >>> list(frame)[:3], frame.attrs["title"]
        (['price_per_mwh', 'load_kw', 'pv_kw'], 'user data, synthetic load, pv, wind')
    """
    minutes = round((market.index[1] - market.index[0]) / pd.Timedelta(minutes=1))
    start = market.index[0].tz_convert("UTC").tz_localize(None) + _standard_offset(zone)
    site = generate(seed=seed, start=str(start), steps=len(market), resolution_minutes=minutes)
    missing = [name for name in SITE_COLUMNS[:3] if name not in market]
    added = [name for name in SITE_COLUMNS if name.removeprefix("forecast_") in missing]
    frame = market.assign(**{name: site[name].to_numpy() for name in added})
    names = ", ".join(name.removesuffix("_kw") for name in missing)
    title = str(market.attrs.get("title", "user data"))
    frame.attrs = {**market.attrs, "title": f"{title}, synthetic {names}" if missing else title}
    return frame


def of_card(card: Card) -> pd.DataFrame:
    """Return the series of a synthetic card: of a law, of a market with balancing or real-time prices, or plain.

    Raises:
        ConfigurationError: Its steps are not those of the market.
    """
    start = str(card.span[0].tz_convert(card.zone).date())
    if card.law is not None:
        return _of_law(card, card.law, start)
    markets = (
        ("intraday_per_mwh", intraday, 60),
        ("balancing_up_per_mwh", nordic, 60),
        ("real_time_per_mwh", india, 15),
    )
    for column, make, minutes in markets:
        if column in card.columns:
            if card.resolution_minutes != minutes:
                found = f"{card.id}: resolution_minutes={card.resolution_minutes}"
                raise ConfigurationError(found, f"this market has steps of {minutes} min", "correct the card")
            return make(start=start, steps=card.steps, zone=card.zone)
    begin = card.span[0].isoformat()
    return generate(seed=0, start=begin, steps=card.steps, resolution_minutes=card.resolution_minutes)


def _of_law(card: Card, name: str, start: str) -> pd.DataFrame:
    law = price_law(name)
    if (card.resolution_minutes, card.zone) != (law.step_minutes, law.zone):
        found = f"{card.id}: resolution_minutes={card.resolution_minutes}, zone={card.zone!r}"
        raise ConfigurationError(found, f"its law has {law.step_minutes} min and {law.zone}", "correct the card")
    return law.draw(days=(card.span[1] - card.span[0]).days, seed=LAW_SEED, start=start)


def _on_local_clock(seed: int, start: str, steps: int, minutes: int, zone: str) -> pd.DataFrame:
    """Generate on the zone's standard time, so that the sun stands highest about noon, and stamp in UTC."""
    begin = pd.Timestamp(start, tz=zone).tz_convert("UTC")
    offset = _standard_offset(zone)
    frame = generate(seed=seed, start=str(begin.tz_localize(None) + offset), steps=steps, resolution_minutes=minutes)
    return frame.set_axis(frame.index - offset, axis=0)


def _standard_offset(zone: str) -> pd.Timedelta:
    """The smaller of the zone's offsets in January and July: its standard time."""
    moments = (pd.Timestamp(f"2023-{month}-01", tz=zone) for month in ("01", "07"))
    return min(pd.Timedelta(moment.utcoffset()) for moment in moments)


def _rescaled(price: pd.Series, mean: float, spread: float, limits: tuple[float, float]) -> pd.Series:
    return (mean + (price - _GENERATED_MEAN) * (spread / _GENERATED_SPREAD)).clip(*limits)


def _turns(random: np.random.Generator, steps: int) -> NDArray[np.int64]:
    """A Markov chain over 0 (down), 1 (not at all), 2 (up)."""
    edges = HOURLY_TURNS.cumsum(axis=1).tolist()
    state, states = 1, np.empty(steps, dtype=np.int64)
    for step, draw in enumerate(random.random(steps).tolist()):
        low, high, _ = edges[state]
        state = 0 if draw < low else (1 if draw < high else 2)
        states[step] = state
    return states


def _amounts(random: np.random.Generator, steps: int) -> tuple[Floats, Floats]:
    """What up- and down-regulation would add and take off in each hour [EUR/MWh], with a memory of some hours."""
    from scipy.special import ndtr

    keep = math.exp(-1.0 / _AMOUNT_MEMORY_H)
    shocks = random.standard_normal(steps)
    shocks[1:] *= math.sqrt(1.0 - keep * keep)
    level, levels = 0.0, np.empty(steps)
    for step, shock in enumerate(shocks.tolist()):
        level = keep * level + shock
        levels[step] = level
    hazard = -np.log1p(-np.minimum(ndtr(levels), 1.0 - 1e-12))
    return tuple(scale * hazard ** (1.0 / shape) for shape, scale in (UP, DOWN))
