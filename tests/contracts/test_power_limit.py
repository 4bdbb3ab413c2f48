"""Limits of power by time: by hand, from columns and from the calendar, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario, solve
from energy_gym.contracts import PowerLimit, Tariff
from energy_gym.entities import Consumer, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, MissingColumnError, UnknownIdError


def environment(limit: PowerLimit, data: pd.DataFrame, **more: Any) -> EnergyEnv:
    entities = {"battery": Battery(12.0, 6.0, 6.0, 1.0, 1.0), "pv": Solar(), "load": Consumer()}
    scenario = Scenario("site", entities, {"supply": Tariff(200.0, 50.0), "order": limit})
    env = EnergyEnv(scenario=scenario, data=data, episode_steps=None, split="all", **more)
    env.reset(seed=0)
    return env


def two_days(minutes: int = 60) -> pd.DataFrame:
    random, steps = np.random.default_rng(1), 2 * 24 * 60 // minutes
    index = pd.date_range("2024-05-03", periods=steps, freq=f"{minutes}min", tz="Europe/Berlin")  # a Friday
    columns = {"load_kw": random.uniform(0.0, 6.0, steps), "pv_kw": random.uniform(0.0, 6.0, steps)}
    return pd.DataFrame({**columns, "most_in_kw": random.uniform(0.0, 4.0, steps)}, index).assign(most_out_kw=1.5)


@pytest.mark.parametrize("minutes", [60, 15])
def test_columns_against_pandas(minutes: int) -> None:
    data = two_days(minutes)
    env = environment(PowerLimit(2000.0, "most_in_kw", "most_out_kw"), data)
    found = [env.step(np.zeros(1))[-1]["penalty"] for _ in range(len(data))]
    net = data["load_kw"] - data["pv_kw"]
    beyond = (net - data["most_in_kw"]).clip(lower=0.0) + (-net - 1.5).clip(lower=0.0)
    assert found == pytest.approx((beyond * minutes / 60.0 * 2.0).tolist(), abs=1e-12)


def test_a_table_of_the_calendar_against_pandas() -> None:
    data = two_days()
    limit = PowerLimit(1000.0, import_kw=2.0, hours=(17, 20), days="weekday", months=(5, 6))
    env = environment(limit, data)
    found = [env.step(np.zeros(1))[-1]["penalty"] for _ in range(len(data))]
    holds = data.index.hour.isin([17, 18, 19]) & (data.index.day_of_week < 5)
    assert found == pytest.approx(((data["load_kw"] - data["pv_kw"] - 2.0).clip(lower=0.0) * holds).tolist())
    assert "order.limit_share[+0]" in [slot.name for slot in env.layout]


def test_a_plan_keeps_an_order_that_it_can_keep() -> None:
    """5 kW of sun beside an order of 2 kW from ten to two: the battery stores the rest."""
    data = two_days().iloc[:24].assign(pv_kw=0.0, load_kw=1.0)
    data.loc[data.index.hour.isin([10, 11, 12, 13]), "pv_kw"] = 5.0
    env = environment(PowerLimit(2000.0, export_kw=2.0, hours=(10, 14)), data)
    idle = sum(env.step(np.zeros(1))[-1]["penalty"] for _ in range(24))
    env.reset(seed=0)
    solution = solve(env)
    assert solution.exact
    assert sum(env.step(action)[-1]["penalty"] for action in solution.actions) == pytest.approx(0.0, abs=1e-6)
    assert idle == pytest.approx(4 * 2.0 * 2.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "limit nothing"),
        ({"import_kw": -1.0}, "import_kw=-1.0: must not be below zero"),
        ({"export_kw": ""}, "export_kw='': must be a finite number"),
        ({"import_kw": 1.0, "penalty_per_mwh": -5.0}, "penalty_per_mwh=-5.0: must not be below zero"),
        ({"import_kw": 1.0, "penalty_per_mwh": "dear"}, "penalty_per_mwh='dear': must be a finite number"),
        ({"import_kw": 1.0, "hours": (25, 3)}, "from 0 to 24"),
        ({"import_kw": 1.0, "months": (13,)}, "from 1 to 12"),
        ({"import_kw": 1.0, "zone": "Mars"}, "zone='Mars'"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        PowerLimit(**{"penalty_per_mwh": 100.0, **given})


def test_unknown_days_suggest_the_nearest_and_a_missing_column_is_named() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'weekend'"):
        PowerLimit(100.0, 1.0, days="weekends")
    with pytest.raises(MissingColumnError, match=r"order_kw.*contract 'order'"):
        environment(PowerLimit(100.0, "order_kw"), two_days())


def test_from_yaml_and_back() -> None:
    text = """
    entities: {battery: {}}
    contracts:
      spot: {}
      order: {kind: power_limit, penalty_per_mwh: 3000, import_kw: 4.2, export_kw: order_kw, hours: [17, 20]}
    """
    scenario = Scenario.from_yaml(text)
    assert scenario.contracts["order"] == PowerLimit(3000.0, 4.2, "order_kw", ((17, 20),))
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
