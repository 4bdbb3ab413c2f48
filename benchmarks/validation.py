"""What others published beside what this package finds: ``python benchmarks/validation.py`` writes VALIDATION.md.

One rule: a row is a case with complete data, stated in the package's own terms; its figure is looked up nowhere. Each
row is a test (tests/test_validation.py). Rows whose data are not here are left out of the run, and said so.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd

from energy_gym import Battery, Scenario, solve
from energy_gym.contracts import (
    CoincidentPeakCharge,
    Contract,
    DemandCharge,
    DemandWindow,
    RatchetCharge,
    Tariff,
    TimeOfUse,
)
from energy_gym.entities import Consumer, Solar, ThermalUnit
from energy_gym.entities.grid import Grid

PAGE = Path(__file__).resolve().with_name("VALIDATION.md")
REOPT = "NREL, REopt.jl, test/runtests.jl, 4 January 2026"
PYPSA = "PyPSA, test/test_lopf_unit_commitment.py, 19 August 2026"
EPL = "energy-py-linear, tests/assets/test_battery.py, commit 004be5a"
DERVET = "EPRI, DER-VET, test case der_for_bill_reduction"
HOURS = 8760


@dataclass(frozen=True)
class Row:
    """One published figure: what it is of, the figure, how far ours may be from it, who says so, and how ours is found.

    ``folder`` names the folder below ENERGY_GYM_DATA that it needs, if any; ``remark`` says whose definition differs.
    """

    what: str
    theirs: float
    unit: str
    within: float
    source: str
    find: Callable[..., float]
    folder: str = ""
    remark: str = ""

    def ours(self, data: Path | None) -> float:
        """Return our figure; ``data`` is where the folders of real files lie."""
        return self.find(data / self.folder) if self.folder and data is not None else self.find()

    def playable(self, data: Path | None) -> bool:
        """Return whether what it needs is there."""
        return not self.folder or (data is not None and (data / self.folder).is_dir())


def billed(contracts: Mapping[str, Contract], load_kw: Any, first: str = "2023-01-01") -> pd.Series:
    """Return the energy cost and the demand charge of all the data, hour by hour, with a battery that does nothing."""
    index = pd.date_range(first, periods=len(load_kw), freq="h", tz="UTC")
    scenario = Scenario("site", {"battery": Battery(), "load": Consumer()}, dict(contracts))
    data = pd.DataFrame({"load_kw": load_kw}, index)
    env: Any = gym.make("energy_gym/Scenario-v1", scenario=scenario, data=data, split="all", episode_steps=None)
    env.reset(seed=0)
    rows = [env.step(np.zeros(1, np.float32))[-1] for _ in range(len(index))]
    return pd.DataFrame(rows)[["energy_cost", "demand_charge"]].sum()


def flat_bill(part: str) -> float:
    """Return a part of the bill of 10 MWh a year, taken evenly, at 0.10 USD/kWh and 10 USD/kW-month."""
    contracts = {"supply": Tariff(100.0, 0.0), "demand": DemandCharge((DemandWindow("any", 10.0),))}
    return float(billed(contracts, np.full(HOURS, 10_000.0 / HOURS))[part])


def one_peak() -> float:
    """Return the demand charges of 100 kW once in January, with a look back of 11 months at 35 %."""
    load = np.ones(HOURS)
    load[7] = 100.0
    rates = tuple(11.50 if 5 <= month <= 10 else 10.50 for month in range(1, 13))
    return float(
        billed({"supply": Tariff(100.0, 0.0), "demand": RatchetCharge(rates, share=0.35)}, load)["demand_charge"]
    )


def half_a_year_back() -> float:
    """Return the demand charges of four peaks, with a look back of 6 months at 75 %; the year before was the same."""
    load = np.full(HOURS, 100.0)
    load[[21, 2402, 4087, 8332]] = 200.0, 400.0, 500.0, 300.0
    rates = (10.0, 10.0, 20.0, 50.0, 20.0, 10.0, 20.0, 20.0, 20.0, 20.0, 20.0, 5.0)
    earlier = (300.0, 100.0, 100.0, 100.0, 100.0, 100.0)
    charge = RatchetCharge(rates, share=0.75, months=6, earlier_kw=earlier)
    return float(billed({"supply": Tariff(100.0, 0.0), "demand": charge}, load, "2022-01-01")["demand_charge"])


def coincident() -> float:
    """Return the charges of 1 kW at one hour of 10 USD/kW and at one of 5 USD/kW."""
    peaks = {
        "one": CoincidentPeakCharge(10.0, times=("2023-01-01 00:00",)),
        "other": CoincidentPeakCharge(5.0, times=("2023-09-07 23:00",)),
    }
    return float(billed({"supply": Tariff(100.0, 0.0), **peaks}, np.ones(HOURS))["demand_charge"])


def leap_year(year: int, part: str) -> float:
    """Return a part of the bill of 10 kW in the sixteenth hour of day 64: a Sunday in 2023, a Monday in 2024."""
    load = np.zeros(HOURS)
    load[(31 + 29 + 3) * 24 + 15] = 10.0
    energy = TimeOfUse.from_tree(
        {
            "bands": [
                {"name": "day", "price_per_mwh": 360.0, "hours": [7, 20], "days": "weekday"},
                {"name": "night", "price_per_mwh": 280.0, "hours": [[0, 7], [20, 24]], "days": "weekday"},
                {"name": "weekend", "price_per_mwh": 280.0, "days": "weekend"},
            ]
        },
        "contracts.supply.buy",
    )
    windows = (DemandWindow("any", 18.05), DemandWindow("peak", 10.0, hours=((14.0, 20.0),), days="weekday"))
    return float(billed({"supply": Tariff(energy, 0.0), "demand": DemandCharge(windows)}, load, f"{year}-01-01")[part])


def part_load() -> float:
    """Return the least cost of serving 4000, 6000, 5000 and 800 on an island, where coal cannot run as low as that."""
    coal = ThermalUnit(10_000.0, 3000.0, fuel_per_kwh=20.0, initial_kw=4000.0, start_cost=0.0)
    gas = ThermalUnit(1000.0, 100.0, fuel_per_kwh=70.0, start_cost=0.0)
    index = pd.date_range("2023-01-01", periods=4, freq="h", tz="UTC")
    entities = {"coal": coal, "gas": gas, "load": Consumer(), "grid": Grid(0.0, 0.0, 1e6)}
    scenario = Scenario("island", entities, {"supply": Tariff(0.0, 0.0)})
    data = pd.DataFrame({"load_kw": [4000.0, 6000.0, 5000.0, 800.0]}, index)
    keywords: dict[str, Any] = {"split": "all", "episode_steps": None, "terminal": "free"}
    env = gym.make("energy_gym/Scenario-v1", scenario=scenario, data=data, **keywords)
    env.reset(seed=0)
    return -solve(env).value


def traded(prices: Sequence[float], stored_mwh: float) -> float:
    """Return the most that 6 MWh and 4 MW without losses earn at prices per MWh, from what is stored to nothing."""
    return best({"price_per_mwh": list(prices)}, stored_mwh, "cost", "free")


def avoided(intensities: Sequence[float], stored_mwh: float) -> float:
    """Return the most carbon [t] that the same battery avoids at intensities [t/MWh], ending as it began."""
    series = {
        "price_per_mwh": [0.0] * len(intensities),
        "carbon_g_per_kwh": [1000.0 * one for one in intensities],
    }
    return best(series, stored_mwh, "carbon", "cyclic") / 1000.0


def best(series: Mapping[str, Sequence[float]], stored_mwh: float, objective: str, terminal: str) -> float:
    """Return the optimum of a battery of 6 MWh and 4 MW without losses over a few hours."""
    store = Battery(6000.0, 4000.0, 4000.0, 1.0, 1.0, soc_min=0.0, soc_max=1.0, soc_initial=stored_mwh / 6.0)
    data = pd.DataFrame(series, pd.date_range("2023-01-01", periods=len(series["price_per_mwh"]), freq="h", tz="UTC"))
    keywords: dict[str, Any] = {"battery": store, "objective": objective, "terminal": terminal, "zone": "UTC"}
    env = gym.make("energy_gym/Arbitrage-v1", data=data, split="all", episode_steps=None, **keywords)
    env.reset(seed=0)
    return float(solve(env).value)


def commercial(folder: Path, equipped: bool) -> float:
    """Return the year's bill of DER-VET's commercial site: with PV and its battery at its best, or with neither."""
    series, bands = (pd.read_csv(folder / f"{name}.csv").rename(columns=str.strip) for name in ("timeseries", "tariff"))
    index = pd.date_range("2017-01-01", periods=len(series), freq="h", tz="UTC")
    figures = {"price_per_mwh": 1000.0 * _energy_price(bands, index), "load_kw": series["Site Load (kW)"].to_numpy()}
    data = pd.DataFrame({**figures, "pv_kw": 1000.0 * series.iloc[:, 3].to_numpy()}, index)
    store = Battery(9450.0, 1575.0, 1575.0, 0.91, 1.0, soc_min=0.0, soc_max=1.0, soc_initial=0.5)
    supply = Tariff("price_per_mwh", "price_per_mwh")
    contracts = {"supply": supply, "demand": DemandCharge((DemandWindow("month", 7.016),))}
    roof = {"roof": Solar()} if equipped else {}
    scenario = Scenario("commercial", {"battery": store, "load": Consumer(), **roof}, contracts)
    keywords: dict[str, Any] = {
        "split": "all",
        "episode_steps": None,
        "terminal": "cyclic",
        "published": "always",
        "reference": data,
    }
    env: Any = gym.make("energy_gym/Scenario-v1", scenario=scenario, data=data, **keywords)
    env.reset(seed=0)
    if equipped:
        return -solve(env).value
    return -sum(float(env.step(np.zeros(1, np.float32))[1]) for _ in range(len(index)))


def _energy_price(bands: pd.DataFrame, index: pd.DatetimeIndex) -> Any:
    """Return the price of each hour [USD/kWh]; the table's hours are counted by their ends, 1 to 24."""
    price, hour, weekday = np.full(len(index), np.nan), index.hour + 1, index.day_of_week < 5
    for band in bands[bands["Charge"].str.strip() == "Energy"].to_dict("records"):
        inside = (index.month >= band["Start Month"]) & (index.month <= band["End Month"])
        inside &= (hour >= band["Start Time"]) & (hour <= band["End Time"])
        price[inside & (weekday == bool(band["Weekday?"]))] = band["Value"]
    return price


FLAT, CENTS = "flat load of 10 MWh a year", "theirs is a sum of figures rounded to cents"
BEFORE = "looks back beyond January into a year that was the same: `earlier_kw`"
DISPATCH, SITE = "cost of the dispatch that their test states", "dervet-bill"
GROUPS = "theirs takes the largest of a group of hours, ours the mean of each: one hour of each group here"
PLAN = "worth of the plan that their test states"
SPIKE, MORNING = (10, 50, 10, 5000, 10), (0.9, 0.1, 0.2, 0.9)
SUNDAY, MONDAY = partial(leap_year, 2023), partial(leap_year, 2024)
ENERGY, DEMAND = "energy_cost", "demand_charge"

ROWS = (
    Row(f"{FLAT}, energy at 0.10 USD/kWh", 1000.0, "USD", 0.005, REOPT, partial(flat_bill, ENERGY)),
    Row(f"{FLAT}, demand at 10 USD/kW-month", 136.99, "USD", 0.005, REOPT, partial(flat_bill, DEMAND)),
    Row("demand, 100 kW once, looking back 11 months at 35 %", 5302.50, "USD", 1e-6, REOPT, one_peak),
    Row("demand, four peaks, back 6 months at 75 %", 79_375.0, "USD", 1e-6, REOPT, half_a_year_back, remark=BEFORE),
    Row("two coincident peaks of a flat load", 15.0, "USD", 1e-9, REOPT, coincident, remark=GROUPS),
    Row("energy by time of use, a Sunday of 2023", 2.80, "USD", 1e-9, REOPT, partial(SUNDAY, ENERGY)),
    Row("demand on that Sunday", 180.50, "USD", 1e-9, REOPT, partial(SUNDAY, DEMAND)),
    Row("energy, the same hour of 2024: a Monday", 3.60, "USD", 1e-9, REOPT, partial(MONDAY, ENERGY)),
    Row("demand on that Monday, in the peak window too", 280.50, "USD", 1e-9, REOPT, partial(MONDAY, DEMAND)),
    Row("two units, coal held to 30 % of its power", 356_000.0, "EUR", 1e-3, PYPSA, part_load, remark=DISPATCH),
    Row("6 MWh, 4 MW, full, three prices", 100.0, "USD", 1e-6, EPL, partial(traded, (20, 10, 10), 6), remark=PLAN),
    Row("the same, empty, a price of 5000", 20_120.0, "USD", 1e-6, EPL, partial(traded, SPIKE, 0), remark=PLAN),
    Row("carbon, half full, below zero once", 3.4, "t", 1e-9, EPL, partial(avoided, (0.1, 0.8, -0.1), 3), remark=PLAN),
    Row("carbon, full", 3.2, "t", 1e-9, EPL, partial(avoided, MORNING, 6), remark=PLAN),
    Row("carbon, empty", 3.2, "t", 1e-9, EPL, partial(avoided, MORNING, 0), remark=PLAN),
    Row(
        "a commercial site's year", 4_889_067.13, "USD", 0.05, DERVET, partial(commercial, equipped=False), SITE, CENTS
    ),
    Row("the same, PV and battery", 4_422_052.12, "USD", 0.05, DERVET, partial(commercial, equipped=True), SITE, CENTS),
)
HEAD = """\
# Figures of others, found again

Written by `python benchmarks/validation.py`. Each row is a case whose data others published in full, stated in this
package's terms and solved or billed by it; each is a test (`tests/test_validation.py`). What a row needs beyond the
package lies in a folder below `ENERGY_GYM_DATA`.

| case | theirs | ours | difference | unit | source | remark |
| --- | ---: | ---: | ---: | --- | --- | --- |
"""


def page(data: Path | None) -> str:
    """Return the page: a line a row; a row whose data are not here has a dash."""
    return HEAD + "".join(_line(row, row.ours(data) if row.playable(data) else None) for row in ROWS)


def _line(row: Row, ours: float | None) -> str:
    found = "- | -" if ours is None else f"{ours:,.4f} | {ours - row.theirs:.4f}"
    return f"| {row.what} | {row.theirs:,.2f} | {found} | {row.unit} | {row.source} | {row.remark} |\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGE, help="Where the page goes")
    out = parser.parse_args(arguments).out
    place = os.environ.get("ENERGY_GYM_DATA")
    out.write_text(page(Path(place) if place else None), encoding="utf-8")
    print(out)


if __name__ == "__main__":
    main()
