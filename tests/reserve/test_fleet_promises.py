"""Fleets of random assets and markets hold all that the suite promises of a scenario."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario
from energy_gym.contracts.fleet import FleetMarket
from energy_gym.objective import Objective
from energy_gym.reserve import ActivationSeries, FullActivation, NoActivation, RandomActivation, Reserve, Trade
from energy_gym.testing import check_scenario

KINDS = (FullActivation(), NoActivation(), RandomActivation(0.3, 2.0), ActivationSeries("called_share"))


def drawn_fleet(random: np.random.Generator) -> Scenario:
    """Return up to three unlike assets and four markets, some of which one of the assets may not sell to."""
    count = int(random.integers(1, 4))
    batteries = {}
    for place in range(count):
        size, low = float(random.uniform(100.0, 400.0)), float(random.uniform(0.0, 0.2))
        batteries[f"b{place}"] = Battery(
            capacity_kwh=size,
            charge_kw=float(random.uniform(0.2, 1.0)) * size,
            discharge_kw=float(random.uniform(0.2, 1.0)) * size,
            efficiency_charge=float(random.uniform(0.85, 1.0)),
            efficiency_discharge=float(random.uniform(0.85, 1.0)),
            soc_min=low,
            soc_initial=float(random.uniform(low, 0.9)),
            self_discharge_per_day=float(random.choice([0.0, 0.1])),
            wear_per_kwh=float(random.choice([0.0, 0.01])),
        )
    markets: list[FleetMarket] = []
    for place in range(int(random.integers(1, 4))):
        powers = random.uniform(20.0, 150.0, count) * (random.random(count) < 0.8)
        powers[int(random.integers(count))] = 100.0
        priced: dict[str, Any] = {"energy_price": "price_per_mwh"} if random.random() < 0.5 else {}
        market = Reserve(
            f"m{place}",
            f"m{place}_per_mw_h",
            str(random.choice(["up", "down"])),
            tuple(powers.tolist()),
            duration_hours=float(random.choice([0.25, 1.0, 2.0])),
            activation=KINDS[int(random.integers(len(KINDS)))],
            penalty_per_mwh=float(random.choice([0.0, 150.0])),
            **priced,
        )
        markets.append(market)
    if random.random() < 0.7:
        markets.append(Trade("spot", "price_per_mwh", tuple(random.uniform(20.0, 150.0, count).tolist())))
    objective = Objective(str(random.choice(["cost", "joint"])), terminal=str(random.choice(["settle", "free"])))
    return Scenario.fleet("drawn", batteries, markets, objective=objective)


def drawn_data(random: np.random.Generator) -> pd.DataFrame:
    index = pd.date_range("2024-05-30", periods=72, freq="h", tz="Europe/Copenhagen")
    columns = {f"m{place}_per_mw_h": random.uniform(-5.0, 60.0, 72) for place in range(3)}
    columns |= {"price_per_mwh": random.normal(50.0, 40.0, 72), "carbon_g_per_kwh": random.uniform(50.0, 500.0, 72)}
    return pd.DataFrame({**columns, "called_share": random.uniform(0.0, 1.0, 72) * (random.random(72) < 0.4)}, index)


# The one of seed 107 has an asset that wears and sells downward only.
@pytest.mark.parametrize("seed", [*range(4), 107])
def test_a_drawn_fleet_keeps_every_promise(seed: int) -> None:
    random = np.random.default_rng(seed)
    report = check_scenario(drawn_fleet(random), drawn_data(random), episodes=1, steps=6, seed=seed)
    assert report.best_random <= 1e-6
