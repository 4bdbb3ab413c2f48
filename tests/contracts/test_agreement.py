"""Purchase agreements: take or pay, most energy of a week, a wind park that sells; by hand and with pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario, solve
from energy_gym.contracts import PurchaseAgreement
from energy_gym.entities import Consumer, Wind
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, UnknownIdError

LABELS = {"day": "%F", "week": "%G-%V", "month": "%Y-%m", "year": "%Y"}


def environment(agreement: PurchaseAgreement, net_kw: Any, first: str, freq: str = "h", zone: str = "UTC") -> EnergyEnv:
    index = pd.date_range(first, periods=len(net_kw), freq=freq, tz=zone)
    net = np.asarray(net_kw, dtype=float)
    data = pd.DataFrame({"load_kw": net.clip(min=0.0), "wind_kw": (-net).clip(min=0.0)}, index)
    entities = {"battery": Battery(), "wind": Wind(), "load": Consumer()}
    scenario = Scenario("site", entities, {"agreed": agreement})
    env = EnergyEnv(scenario=scenario, data=data, episode_steps=None, split="all")
    env.reset(seed=0)
    return env


def settled(agreement: PurchaseAgreement, net_kw: Any, first: str, **more: str) -> pd.DataFrame:
    """Return the parts of each step with a battery that does nothing."""
    env = environment(agreement, net_kw, first, **more)
    rows = [env.step(np.zeros(1))[-1] for _ in range(len(net_kw))]
    return pd.DataFrame(rows)[["energy_cost", "penalty"]]


def test_take_or_pay_by_hand() -> None:
    """Of 50 kWh a day 48 and 24 are taken at 0.08: the 2 and the 26 missing are paid for as if they had been."""
    agreed = PurchaseAgreement(price_per_mwh=80.0, min_kwh=50.0, period="day")
    found = settled(agreed, [2.0] * 24 + [1.0] * 24, "2024-05-01")
    assert found["energy_cost"].sum() == pytest.approx(72.0 * 0.08)
    assert found["penalty"].tolist() == pytest.approx([0.0] * 23 + [0.16] + [0.0] * 23 + [2.08])


def test_a_week_with_too_much_pays_as_it_flows() -> None:
    agreed = PurchaseAgreement(max_kwh=100.0, excess_per_mwh=50.0, period="week")
    found = settled(agreed, [30.0] * 5, "2024-05-01")
    assert found["penalty"].tolist() == pytest.approx([0.0, 0.0, 0.0, 1.0, 1.5])


def test_a_wind_park_that_sells_owes_nothing_unless_it_says_so() -> None:
    sold: dict[str, Any] = {"direction": "export", "price_per_mwh": 60.0, "other_per_mwh": 200.0, "min_kwh": 100.0}
    net = [-3.0] * 12 + [1.0] * 12
    free = settled(PurchaseAgreement(**sold, period="day"), net, "2024-05-01")
    assert free["energy_cost"].sum() == pytest.approx(-36.0 * 0.06 + 12.0 * 0.2)
    assert free["penalty"].sum() == 0.0
    bound = settled(PurchaseAgreement(**sold, shortfall_per_mwh=30.0, period="day"), net, "2024-05-01")
    assert bound["penalty"].sum() == pytest.approx(64.0 * 0.03)


def test_what_was_taken_before_counts_and_an_unfinished_period_is_not_settled() -> None:
    agreed = PurchaseAgreement(price_per_mwh=80.0, min_kwh=50.0, so_far_kwh=40.0, period="day")
    assert settled(agreed, [1.0] * 4, "2024-05-01 20:00")["penalty"].sum() == pytest.approx(6.0 * 0.08)
    assert settled(agreed, [1.0] * 4, "2024-05-01 02:00")["penalty"].sum() == 0.0
    assert settled(agreed, [1.0] * 24, "2024-05-01")["penalty"].sum() == pytest.approx(26.0 * 0.08), "a day begins anew"


@pytest.mark.parametrize("period", LABELS)
@pytest.mark.parametrize("seed", range(6))
def test_random_periods_against_pandas(seed: int, period: str) -> None:
    random = np.random.default_rng(seed)
    direction, zone = ["import", "export"][seed % 2], ["UTC", "America/New_York", "Europe/Berlin"][seed % 3]
    net = random.normal(0.5 if seed % 2 == 0 else -0.5, 2.0, 24 * 70)
    least = float(random.uniform(0.0, 60.0))
    agreed = PurchaseAgreement(
        direction, 70.0, 20.0, least, least + 20.0, 90.0, 40.0, period, float(random.uniform(0.0, 30.0))
    )
    index = pd.date_range("2023-11-07 06:00", periods=len(net), freq="h", tz=zone)
    found = settled(agreed, net, "2023-11-07 06:00", zone=zone)
    taken = pd.Series((net if direction == "import" else -net).clip(min=0.0))
    label = pd.Series(index.strftime(LABELS[period]))
    total = taken.groupby(label).sum()
    total[label[0]] += agreed.so_far_kwh
    after = index[-1] + pd.Timedelta(hours=1)
    ended = total.drop(label.iloc[-1]) if after.strftime(LABELS[period]) == label.iloc[-1] else total
    over = (total - least - 20.0).clip(lower=0.0).sum() - max(agreed.so_far_kwh - least - 20.0, 0.0)
    wanted = ((least - ended).clip(lower=0.0).sum() * 90.0 + over * 40.0) / 1000.0
    assert found["penalty"].sum() == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_a_plan_takes_what_it_would_pay_for_anyway() -> None:
    """Of 40 kWh to take by midnight 36 are used: the battery stores the rest, to be used the day after."""
    agreed = PurchaseAgreement(price_per_mwh=80.0, min_kwh=40.0, period="day")
    env = environment(agreed, [1.5] * 24 + [1.5] * 12, "2024-05-01")
    solution = solve(env)
    assert solution.exact
    first = [env.step(action)[-1] for action in solution.actions[:24]]
    assert sum(info["grid_kw"] for info in first) >= 36.0
    assert sum(info["penalty"] for info in first) < 4.0 * 0.08


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"min_kwh": 50.0, "max_kwh": 50.0}, "must satisfy 0 <= min_kwh < max_kwh"),
        ({"min_kwh": -1.0}, "must satisfy 0 <= min_kwh"),
        ({"shortfall_per_mwh": -1.0}, "shortfall_per_mwh=-1.0: must not be below zero"),
        ({"excess_per_mwh": -1.0}, "excess_per_mwh=-1.0: must not be below zero"),
        ({"so_far_kwh": -1.0}, "so_far_kwh=-1.0"),
        ({"price_per_mwh": -20.0}, "shortfall_per_mwh=-20.0: must not be below zero"),
        ({"price_per_mwh": "price_per_mwh", "min_kwh": 5.0}, "has no one price to take or pay"),
        ({"max_kwh": float("inf")}, "must be a finite number"),
        ({"price_per_mwh": None}, "must be a finite number"),
        ({"zone": "Mars"}, "zone='Mars'"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        PurchaseAgreement(**given)


def test_unknown_words_suggest_the_nearest() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'import'"):
        PurchaseAgreement("imports")
    with pytest.raises(UnknownIdError, match="did you mean 'week'"):
        PurchaseAgreement(period="weeks")


def test_from_yaml_and_back() -> None:
    text = """
    entities: {battery: {}, wind: {}}
    contracts: {sold: {kind: purchase_agreement, direction: export, price_per_mwh: 55, min_kwh: 4000, period: week}}
    """
    scenario = Scenario.from_yaml(text)
    assert scenario.contracts["sold"] == PurchaseAgreement("export", 55.0, min_kwh=4000.0, period="week")
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
