"""Print how the synthetic market compares with the real ones: the tables of ``docs/synthetic.md``.

Usage: python datasets/build_synthetic_report.py [FOLDER]

FOLDER holds the original files (``green-dcc/data/...``); without it the environment variable ENERGY_GYM_DATA names it,
and without either only the synthetic columns are printed. One rule: a market is measured as it was recorded, year by
year and on its own clock; nothing is filled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from energy_gym.data.synthetic import generate

ZONES = {
    "DE-LU": "Europe/Berlin",
    "US-CAL-CISO": "America/Los_Angeles",
    "US-NY-NYIS": "America/New_York",
    "US-TEX-ERCO": "America/Chicago",
}
MODELS = ("DE-LU", "US-CAL-CISO")
SEEDS = range(8)
CARBON = "Carbon Intensity gCO₂eq/kWh (direct)"


def measure(frame: pd.DataFrame) -> dict[str, float]:
    """Return the figures of one market-year; columns ``price`` and ``carbon``, the index on the local clock."""
    price, carbon, clock = frame["price"], frame["carbon"], frame.index
    usual = price.rolling(720, min_periods=168, center=True).median()
    hourly = price.groupby(clock.hour).mean() / price.mean()
    weekend = price.groupby(clock.day_of_week >= 5).mean()
    days, carbon_days = price.groupby(clock.date), carbon.groupby(clock.date)
    return {
        "mean price [currency/MWh]": price.mean(),
        "standard deviation / mean": price.std() / price.mean(),
        "hours below zero [%]": 100.0 * (price < 0.0).mean(),
        "hours above 3 x the 30-day median [%]": 100.0 * (price > 3.0 * usual).mean(),
        "99.9 % quantile / mean": price.quantile(0.999) / price.mean(),
        "autocorrelation at 1 h, around the 30-day median": (price - usual).autocorr(1),
        "autocorrelation at 24 h, around the 30-day median": (price - usual).autocorr(24),
        "mean daily spread (max - min) / mean": (days.max() - days.min()).mean() / price.mean(),
        "morning peak (05-10) / mean": hourly.loc[5:10].max(),
        "midday valley (10-16) / mean": hourly.loc[10:16].min(),
        "evening peak (16-22) / mean": hourly.loc[16:22].max(),
        "hour of the evening peak": float(hourly.loc[16:22].idxmax()),
        "weekend / weekday": weekend[True] / weekend[False],
        "mean carbon [gCO2/kWh]": carbon.mean(),
        "carbon standard deviation / mean": carbon.std() / carbon.mean(),
        "carbon autocorrelation at 24 h": carbon.autocorr(24),
        "carbon mean daily spread / mean": (carbon_days.max() - carbon_days.min()).mean() / carbon.mean(),
        "rank correlation of price and carbon": price.corr(carbon, method="spearman"),
    }


def synthetic_years() -> Iterator[dict[str, float]]:
    """Measure one synthetic year a seed."""
    for seed in SEEDS:
        frame = generate(seed=seed, start="2021-01-01", steps=8760)
        yield measure(frame.rename(columns={"price_per_mwh": "price", "carbon_g_per_kwh": "carbon"}))


def real_years(folder: Path, market: str) -> Iterator[dict[str, float]]:
    """Measure the years 2021 to 2024 of a market."""
    root = folder / "green-dcc" / "data"
    price = pd.concat(map(pd.read_csv, sorted(root.glob(f"electricity_prices/processed/{market}/*/*.csv"))))
    carbon = pd.concat(map(pd.read_csv, sorted(root.glob(f"carbon_intensity/{market}/*/*.csv"))))
    columns = {
        "price": pd.Series(price.iloc[:, 1].to_numpy(float), _stamps(price["Datetime"], market)),
        "carbon": pd.Series(carbon[CARBON].to_numpy(float), pd.to_datetime(carbon.iloc[:, 0], utc=True)),
    }
    clean = {name: series[series.index.notna() & ~series.index.duplicated()] for name, series in columns.items()}
    frame = pd.DataFrame(clean).dropna().tz_convert(ZONES[market])
    for year in range(2021, 2025):
        yield measure(frame.loc[str(year)])


def _stamps(text: pd.Series, market: str) -> pd.DatetimeIndex:
    if market != "DE-LU":
        return pd.DatetimeIndex(pd.to_datetime(text, utc=True))
    # Local time forced to 24 hours a day: the hours that a change of clocks makes doubtful are left out.
    local = pd.to_datetime(text).dt.tz_localize(ZONES[market], nonexistent="NaT", ambiguous="NaT")
    return pd.DatetimeIndex(local.dt.tz_convert("UTC"))


def forecast_errors() -> pd.DataFrame:
    """Return bias, root mean square error and correlation of each forecast over ten years, by lead time."""
    frame = generate(seed=0, start="2000-01-01", steps=87_672)
    lead_h = frame.index.hour + 12
    rows = {}
    for name in ("carbon_g_per_kwh", "load_kw", "pv_kw", "wind_kw"):
        forecast, actual = frame[f"forecast_{name}"], frame[name]
        by_lead = ((forecast - actual) ** 2).groupby(lead_h).mean() ** 0.5
        corners = {f"RMSE at {lead} h": by_lead[lead] for lead in (12, 18, 24, 30, 35)}
        rows[name] = {"mean": actual.mean(), "bias": (forecast - actual).mean(), **corners}
        rows[name]["correlation"] = forecast.corr(actual)
    return pd.DataFrame(rows).T


def table(folder: Path | None) -> pd.DataFrame:
    """Return lowest to highest year: ours, the two markets taken as models, all four markets."""
    columns = {"synthetic": _range(list(synthetic_years()))}
    if folder is not None:
        years = {market: list(real_years(folder, market)) for market in ZONES}
        columns["DE-LU and CAISO"] = _range([year for market in MODELS for year in years[market]])
        columns["four markets"] = _range([year for market in ZONES for year in years[market]])
    return pd.DataFrame(columns)


def _range(years: list[dict[str, float]]) -> dict[str, str]:
    frame = pd.DataFrame(years)
    return {name: f"{frame[name].min():.2f} to {frame[name].max():.2f}" for name in frame}


def main() -> None:
    """Print both tables as Markdown."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ENERGY_GYM_DATA")
    for title, frame in (("figure", table(Path(named) if named else None)), ("forecast", forecast_errors().round(2))):
        print(f"| {title} | " + " | ".join(frame.columns) + " |")
        print("|---|" + "---:|" * len(frame.columns))
        for name, row in frame.iterrows():
            print(f"| {name} | " + " | ".join(str(value) for value in row) + " |")
        print()


if __name__ == "__main__":
    main()
