"""Small producers and series for the tests of bidding."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym.contracts import Supply, Trading
from energy_gym.contracts.banded import Banded, PiecewiseLinear
from energy_gym.contracts.deviation import DualPrice, LinearPenalty, SinglePrice
from energy_gym.contracts.market import Ahead, Limits, Market
from energy_gym.entities import Battery, Consumer, PumpedHydro, Solar, Wind
from energy_gym.objective import Objective
from energy_gym.scenario import Scenario

ID = "energy_gym/Bidding-v1"
PENALTIES = {
    "linear": LinearPenalty(120.0, 40.0),
    "single": SinglePrice("imbalance_per_mwh"),
    "dual": DualPrice(),
    "banded": Banded(3_000.0, "imbalance_per_mwh"),
    "convex": PiecewiseLinear((-1000.0, 0.0, 1000.0), (-300.0, -80.0, 20.0, 200.0)),
    "concave": PiecewiseLinear((0.0,), (90.0, -60.0)),
    "steps": PiecewiseLinear((-1000.0, 0.0, 1000.0), (-20.0, -150.0, 70.0, -30.0)),
}


@pytest.fixture(scope="session")
def producers() -> Any:
    """What this file defines."""
    return sys.modules[__name__]


def series(steps: int, seed: int = 0, minutes: int = 60, start: str = "2024-03-01", zone: str = "UTC") -> pd.DataFrame:
    """Return prices of both signs that cross, and powers, each with its own noise."""
    random = np.random.default_rng(seed)
    index = pd.date_range(start, periods=steps, freq=f"{minutes}min", tz=zone)
    price = random.normal(50.0, 40.0, steps)
    columns = {
        "price_per_mwh": price,
        "real_time_per_mwh": price + random.normal(0.0, 30.0, steps),
        "imbalance_per_mwh": price + random.normal(0.0, 60.0, steps),
        "balancing_up_per_mwh": price + random.normal(10.0, 15.0, steps),
        "balancing_down_per_mwh": price - random.normal(10.0, 15.0, steps),
        "carbon_g_per_kwh": random.uniform(50.0, 500.0, steps),
        "load_kw": random.uniform(500.0, 2500.0, steps),
        "pv_kw": random.uniform(0.0, 1500.0, steps),
        "wind_kw": random.uniform(0.0, 3000.0, steps),
    }
    frame = pd.DataFrame(columns, index=index)
    for name in ("load_kw", "pv_kw", "wind_kw"):
        frame[f"forecast_{name}"] = frame[name] * random.uniform(0.8, 1.2, steps)
    return frame


def hourly_market(zone: str = "UTC", **limits: float) -> Market:
    """Return a market that takes a bid each hour for the next one."""
    sizes = Limits(**{"tick_kw": 1000.0, **limits})
    return Market("next_hour", deadline="0 * * * *", zone=zone, delivers=Ahead(60, 1), slot_minutes=60, limits=sizes)


def scenario(penalty: Any, markets: tuple[Market, ...] | None = None, **changes: Any) -> Scenario:
    """Return a producer with a penalty; ``storage``, ``supply``, ``objective`` and fields of `Trading` may be given."""
    storage = changes.pop("storage", Battery(8000.0, 1000.0, 1500.0, 0.9, 0.95, wear_per_kwh=0.001))
    supply = changes.pop("supply", Supply(60.0, 400.0, 2000.0, shortfall_per_mwh=250.0))
    objective = changes.pop("objective", Objective())
    sized = {"sell_kw": 4000.0, "buy_kw": 2000.0, **changes}
    trading = Trading(markets or (hourly_market(),), penalty, **sized)
    entities = {"solar": Solar(), "wind": Wind(), "storage": storage, "consumer": Consumer()}
    return Scenario("test", entities, {"trading": trading, "supply": supply}, objective=objective)


def plant(**levels: float) -> PumpedHydro:
    """Return a lossless plant that moves 1000 kWh an hour."""
    sizes = {"reservoir_kwh": 4000.0, "pump_kw": 1000.0, "turbine_kw": 1000.0, "level_min": 0.0}
    return PumpedHydro(**{**sizes, "efficiency_pump": 1.0, "efficiency_turbine": 1.0, **levels})
