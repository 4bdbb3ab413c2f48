"""Real-time arbitrage in New York, 5 minutes, test year 2019: what foresight earns, what was published, and `sdp`.

One rule: what is told of a controller was earned in the environment, step by step, on prices it could not foresee.

    python benchmarks/realtime.py measure --zone NYC --loss 0.1 --protocol year   # a row of benchmarks/realtime.json
    python benchmarks/realtime.py bound --zone NYC --loss 0.1 --protocol year     # the dual bound, into that row
    python benchmarks/realtime.py penalties            # bounds of 2018 by the share of the penalty that is taken off
    python benchmarks/realtime.py lost                 # where `sdp` loses against foresight in the last quarter of 2018
    python benchmarks/realtime.py page                                            # benchmarks/REALTIME.md of them

The operator's prices are read from the folder ``nyiso-rt`` of ``ENERGY_GYM_DATA``. Local days have 288 steps there, and
are laid on a clock that is never changed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
from kept_rows import read_rows, write_rows

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.evaluation.believed import Believed
from energy_gym.evaluation.blocks import days_left, total_of
from energy_gym.evaluation.bracketing import FITTED_PENALTY, bound_by_day
from energy_gym.evaluation.episode import daily_rewards

HERE = Path(__file__).parent
ROWS = HERE / "realtime.json"
PENALTIES = HERE / "realtime-penalties.json"
LOST = HERE / "realtime-lost.json"
ZONES = ("NYC", "LONGIL", "NORTH", "WEST")
PROTOCOLS = ("days", "year")
STEPS = 288
YEAR = 2019
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
BANDS = (-np.inf, 0.0, 25.0, 40.0, 60.0, 100.0, 200.0, np.inf)
QUARTER, WORST = ("2018-10-01", "2019-01-01"), 10
# USD of the year as they were published: arXiv 2108.06000 and 2211.07797.
PUBLISHED: dict[str, dict[str, dict[str, float]]] = {
    "0.1": {
        "foresight": {"NYC": 12534.48, "LONGIL": 23435.09, "NORTH": 12607.31, "WEST": 24343.90},
        "network": {"NYC": 0.754, "LONGIL": 0.724, "NORTH": 0.751, "WEST": 0.839},
        "dynamic programming": {"NYC": 0.720, "LONGIL": 0.651, "NORTH": 0.746, "WEST": 0.774},
    },
    "0.0": {
        "foresight": {"NYC": 15066.34, "LONGIL": 27662.14, "NORTH": 14035.43, "WEST": 27274.22},
        "network": {"NYC": 0.771, "LONGIL": 0.726, "NORTH": 0.745, "WEST": 0.847},
        "dynamic programming": {"NYC": 0.682, "LONGIL": 0.640, "NORTH": 0.720, "WEST": 0.765},
        "Q-learning": {"NYC": 0.642, "LONGIL": 0.579, "NORTH": 0.628, "WEST": 0.647},
    },
}


def prices(zone: str, first: int) -> pd.DataFrame:
    """Return real-time and day-ahead prices from the start of a year to the end of 2019 [USD/MWh]."""
    from scipy.io import loadmat

    folder = Path(os.environ["ENERGY_GYM_DATA"]) / "nyiso-rt"
    count = int((np.datetime64(f"{YEAR + 1}-01-01") - np.datetime64(f"{first}-01-01")).astype(int))
    columns = {"price_per_mwh": "RTP", "forecast_price_per_mwh": "DAP"}
    files = {name: loadmat(folder / f"{kind}_{zone}_2010_2019.mat")[kind] for name, kind in columns.items()}
    index = pd.date_range(f"{first}-01-01", periods=count * STEPS, freq="5min", tz="Etc/GMT+5")
    # The series end alike but do not begin alike: days are counted from the end.
    return pd.DataFrame({name: table.T[-count:].ravel().astype(float) for name, table in files.items()}, index)


def market(zone: str, loss: float, protocol: str, first: int = 2017, year: int = YEAR, part: Any = None) -> Any:
    """Return the test year of a zone: each day by itself, half full at both ends, or the year with a free end.

    Of another ``part`` (two dates) in its place, what lies before it is learnt from.
    """
    store = Battery(1000.0, 500.0, 500.0, 1.0 - loss, 1.0 - loss, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01)
    single, (begin, end) = protocol == "days", part or (f"{year}-01-01", f"{year + 1}-01-01")
    return gym.make(
        "energy_gym/Arbitrage-v1",
        data=prices(zone, first),
        published={"price_per_mwh": "at-start", "forecast_price_per_mwh": "day-ahead 11:00"},
        splits={"train": (f"{first}-01-01", begin), "test": (begin, end)},
        split="test",
        battery=store,
        terminal="cyclic" if single else "free",
        episode_steps=STEPS if single else None,
        horizon=2,
    )


def measure(zone: str, loss: float, protocol: str, first: int) -> dict[str, Any]:
    """Return what foresight and `sdp` earn [USD], and how long `sdp` took."""
    env = market(zone, loss, protocol, first)
    starts = [env.unwrapped.setup.time(day * STEPS) for day in range(365 if protocol == "days" else 1)]
    began = time.perf_counter()
    agent = make_agent("sdp", env).fit()
    fitted = time.perf_counter() - began
    best = earned = 0.0
    decisions: list[float] = []
    for start in starts:
        observation, info = env.reset(options={"start": start})
        best += energy_gym.solve(env).value
        agent.reset()
        done = False
        while not done:
            asked = time.perf_counter()
            action = agent.act(observation, info)
            decisions.append(time.perf_counter() - asked)
            observation, reward, _, done, info = env.step(action)
            earned += reward
    return {
        "zone": zone,
        "loss": loss,
        "protocol": protocol,
        "trained": f"{first}-{YEAR - 1}",
        "foresight": round(best, 2),
        "sdp": round(earned, 2),
        "fit_seconds": round(fitted, 1),
        "median_ms": round(1e3 * float(np.median(decisions)), 3),
        "mean_ms": round(1e3 * float(np.mean(decisions)), 3),
        "most_ms": round(1e3 * max(decisions), 1),
    }


def bound(zone: str, loss: float, protocol: str, first: int) -> dict[str, Any]:
    """Return the dual bound on what could be attained and the ends of its 95 % interval [USD]."""
    env = market(zone, loss, protocol, first)
    believed, daily = Believed.of(env.unwrapped, make_agent("sdp", env).fit()), list[float]()
    for day in range(365 if protocol == "days" else 1):
        env.reset(options={"start": env.unwrapped.setup.time(day * STEPS)})
        daily += bound_by_day(believed.course(), [FITTED_PENALTY], days_left(env.unwrapped)[1])[0]
    names = ("bound", "bound_low", "bound_high")
    return {name: round(value, 2) for name, value in zip(names, total_of(daily), strict=True)}


def penalties(zone: str, first: int = 2014) -> dict[str, float]:
    """Return the bound of six fortnights of 2018 by share of the penalty [USD], the law fitted on years before."""
    env = market(zone, 0.1, "year", first, 2018)
    believed, total = Believed.of(env.unwrapped, make_agent("sdp", env).fit()), np.zeros(len(SHARES))
    for month in range(1, 13, 2):
        env.reset(options={"start": f"2018-{month:02d}-01", "steps": 14 * STEPS})
        total += np.sum(bound_by_day(believed.course(), SHARES, days_left(env.unwrapped)[1]), axis=1)
    return dict(zip(map(str, SHARES), total.round(1).tolist(), strict=True))


def lost(zone: str, first: int = 2013) -> dict[str, Any]:
    """Return what foresight and `sdp` earn in the validation quarter, and the MWh each gives by band of price."""
    env = market(zone, 0.1, "year", first, part=QUARTER)
    agent = make_agent("sdp", env).fit()
    observation, info = env.reset(seed=0)
    best, price = energy_gym.solve(env), env.unwrapped.setup.price
    agent.reset()
    earned, given = np.zeros(len(price)), np.zeros(len(price))
    for step in range(len(price)):
        observation, earned[step], _, _, info = env.step(agent.act(observation, info))
        given[step] = max(-info["grid_kw"], 0.0) / 12.0
    foreseen = np.maximum(-best.table["grid_kwh"].to_numpy(), 0.0)
    # Days are told apart by what is earned in them, but for the last one's settled end.
    days = np.array(list(daily_rewards(best).values()))
    missed = np.sort(days - np.add.reduceat(earned, np.arange(0, len(price), STEPS)))[::-1]
    band = np.digitize(price, BANDS[1:-1])
    bands = [
        [round(float(part[band == at].sum()) / 1e3, 1) for part in (given, foreseen)] for at in range(len(BANDS) - 1)
    ]
    return {
        "foresight": round(best.value, 1),
        "sdp": round(float(earned.sum()), 1),
        "worst": round(float(missed[:WORST].sum() / missed.sum()), 3),
        "bands_mwh": bands,
    }


def keep(row: dict[str, Any]) -> None:
    """Add a row to those kept; of the same zone, losses, protocol and years what it says anew takes the place."""
    rows = read_rows(ROWS)
    key = ("zone", "loss", "protocol", "trained")
    same = [old for old in rows if all(old[name] == row[name] for name in key)]
    rows = [old for old in rows if old not in same] + [{**(same[0] if same else {}), **row}]
    rows.sort(key=lambda one: (-one["loss"], one["protocol"], one["trained"], ZONES.index(one["zone"])))
    write_rows(ROWS, rows)


def main() -> None:
    """Measure a row, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("command", choices=("measure", "bound", "penalties", "lost", "page"))
    parser.add_argument("--zone", choices=ZONES, default="NYC")
    parser.add_argument("--loss", type=float, choices=(0.0, 0.1), default=0.1)
    parser.add_argument("--protocol", choices=PROTOCOLS, default="year")
    parser.add_argument("--first", type=int, default=2017, help="first year of training, 2013 or later")
    asked = parser.parse_args()
    case = (asked.zone, asked.loss, asked.protocol, asked.first)
    if asked.command == "penalties":
        found = {zone: penalties(zone) for zone in ZONES}
        PENALTIES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    elif asked.command == "lost":
        LOST.write_text(json.dumps({zone: lost(zone) for zone in ZONES}, indent=1) + "\n", encoding="utf-8")
    elif asked.command == "measure":
        keep(measure(*case))
    elif asked.command == "bound":
        names = ("zone", "loss", "protocol", "trained")
        told = dict(zip(names, (*case[:3], f"{asked.first}-{YEAR - 1}"), strict=True))
        keep({**told, **bound(*case)})
    else:
        from realtime_page import page

        (HERE / "REALTIME.md").write_text(page(json.loads(ROWS.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
