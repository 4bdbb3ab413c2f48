"""The demand charge with a ratchet: published figures, bills reckoned again with pandas, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario, solve
from energy_gym.arrays import Floats
from energy_gym.contracts import Contract, DemandCharge, DemandWindow, RatchetCharge, Tariff
from energy_gym.contracts.periods import edges_of
from energy_gym.entities import Consumer
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, UnknownIdError

WINTER, SUMMER = 10.50, 11.50
BY_MONTH = tuple(SUMMER if 5 <= month <= 10 else WINTER for month in range(1, 13))


def idle(charge: Contract, load_kw: Any, first: str = "2023-01-01", freq: str = "h") -> pd.DataFrame:
    """Return what each step of all the data is billed with a battery that does nothing."""
    index = pd.date_range(first, periods=len(load_kw), freq=freq, tz="UTC")
    scenario = Scenario(
        "site", {"battery": Battery(), "load": Consumer()}, {"supply": Tariff(100.0, 0.0), "demand": charge}
    )
    env = EnergyEnv(scenario=scenario, data=pd.DataFrame({"load_kw": load_kw}, index), episode_steps=None, split="all")
    env.reset(seed=0)
    rows = [env.step(np.zeros(1))[-1] for _ in range(len(index))]
    return pd.DataFrame(rows, index)[["energy_cost", "demand_charge"]]


def test_one_peak_in_january_is_paid_for_all_the_year() -> None:
    """REopt's test of lookback demand charges: 100 kW billed in January, 35 kW in eleven months.

    Five other cold months at 10.50 USD/kW and six warm ones at 11.50.
    """
    load = np.ones(8760)
    load[7] = 100.0
    billed = idle(RatchetCharge(BY_MONTH, share=0.35), load)["demand_charge"]
    assert billed.sum() == pytest.approx(5302.50, abs=1e-9)
    assert billed.sum() == pytest.approx(100.0 * (WINTER + 0.35 * (5 * WINTER + 6 * SUMMER)), abs=1e-9)
    assert billed[billed > 0.0].groupby(billed[billed > 0.0].index.month).sum().round(6).tolist() == [
        100.0 * WINTER,
        *(35.0 * rate for rate in BY_MONTH[1:]),
    ]


@pytest.mark.parametrize("charge", [RatchetCharge(10.0, months=0), DemandCharge((DemandWindow("any", 10.0),))])
def test_a_flat_load_of_ten_mwh_a_year(charge: Contract) -> None:
    bill = idle(charge, np.full(8760, 10_000.0 / 8760.0)).sum()
    assert round(bill["energy_cost"], 2) == 1000.00
    assert round(bill["demand_charge"], 2) == 136.99


@pytest.mark.parametrize("seed", range(12))
def test_random_bills_against_pandas(seed: int) -> None:
    """By days: the billed demand of a month is its maximum, or a share of the largest of the months before."""
    random = np.random.default_rng(seed)
    share, months = float(random.uniform(0.2, 1.0)), int(random.integers(0, 13))
    earlier = tuple(random.uniform(0.0, 9.0, int(random.integers(0, months + 1))).tolist())
    rates = tuple(random.uniform(1.0, 12.0, 12).tolist())
    load = random.gamma(1.0, 2.0, 900)
    charge = RatchetCharge(rates, share, months, earlier_kw=earlier)
    found = idle(charge, load, "2022-03-01", "D")["demand_charge"]
    maxima = pd.Series(load, found.index).groupby(found.index.strftime("%Y-%m")).max()
    before = pd.Series([*earlier[::-1], *maxima], dtype=float)
    wanted = []
    for place, month in enumerate(maxima.index):
        at = place + len(earlier)
        largest = before.iloc[max(at - months, 0) : at].max() if months and at else 0.0
        wanted.append(rates[int(month[5:]) - 1] * max(maxima.iloc[place], share * largest))
    assert found.groupby(found.index.strftime("%Y-%m")).sum().tolist() == pytest.approx(wanted, rel=1e-12)


def test_an_episode_inside_a_month_pays_what_comes_on_top() -> None:
    """60 % of 50 kW are billed already; the load of 20 kW adds nothing, that of 45 kW adds 15 kW."""
    charge = RatchetCharge(10.0, share=0.6, so_far_kw=25.0, earlier_kw=(50.0,))
    assert idle(charge, [20.0, 45.0, 20.0], "2024-01-15")["demand_charge"].tolist() == [0.0, 150.0, 0.0]
    anew = idle(charge, [20.0, 45.0, 20.0], "2024-01-01")["demand_charge"]
    assert anew.tolist() == [300.0, 150.0, 0.0], "with a month begins all of its bill"
    over = RatchetCharge(10.0, share=0.6, so_far_kw=40.0, earlier_kw=(50.0,))
    assert idle(over, [20.0, 45.0, 20.0], "2024-01-15")["demand_charge"].tolist() == [0.0, 50.0, 0.0]


def test_only_hours_that_count_raise_the_maximum_and_exports_never_do() -> None:
    charge = RatchetCharge(1.0, hours=((8, 20),), days="weekday")
    load = np.zeros(72)  # from a Saturday on
    load[12], load[48 + 7], load[48 + 8], load[48 + 20] = 90.0, 80.0, 7.0, 70.0
    assert idle(charge, load, "2024-01-06")["demand_charge"].sum() == 7.0


def test_the_plan_weighs_a_peak_against_the_months_that_follow() -> None:
    """Beside a rate of nothing in March a peak still costs in April, where half of it is billed: it is shaved."""
    index = pd.date_range("2024-03-31 20:00", periods=8, freq="h", tz="UTC")
    load = np.array([1.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    rates = (0.0, 0.0, 0.0, 2.0, *([0.0] * 8))
    battery = Battery(8.0, 4.0, 4.0, 1.0, 1.0, soc_min=0.0, soc_max=1.0, soc_initial=0.5)
    entities = {"battery": battery, "load": Consumer()}
    for share, peak in ((0.0, 1.0), (0.5, 2.5)):
        charge = RatchetCharge(rates, share=share)
        scenario = Scenario("shaved", entities, {"supply": Tariff(100.0, 0.0), "demand": charge})
        env = EnergyEnv(scenario=scenario, data=pd.DataFrame({"load_kw": load}, index), episode_steps=None, split="all")
        env.reset(seed=0)
        solution = solve(env)
        assert solution.exact
        earned = [env.step(action) for action in solution.actions]
        paid = sum(step[-1]["demand_charge"] for step in earned)
        assert paid == pytest.approx(2.0 * peak, abs=1e-6) if share else paid <= 2.0 * peak + 1e-6


def billing_edges(zone: str, period: str, steps: int = 24 * 400) -> tuple[Any, Any, Any]:
    times = pd.date_range("2023-12-30 23:00", periods=steps, freq="h", tz="UTC")
    return times.tz_convert(zone), *edges_of(times, zone, period)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize(("period", "label"), [("day", "%F"), ("week", "%G-%V"), ("month", "%Y-%m"), ("year", "%Y")])
def test_where_periods_begin_and_end_against_pandas(zone: str, period: str, label: str) -> None:
    times, begins, ends = billing_edges(zone, period)
    labels = pd.Series(times.strftime(label))
    assert (begins[1:] > 0.0).tolist() == (labels != labels.shift()).tolist()[1:]
    assert ends[:-1].tolist() == begins[1:].tolist()
    hour = pd.Timedelta(hours=1)
    assert begins[0] == float((times[0] - hour).strftime(label) != labels.iloc[0])
    assert ends[-1] == float((times[-1] + hour).strftime(label) != labels.iloc[-1])


def test_a_month_that_begins_inside_a_step_is_refused() -> None:
    times = pd.date_range("2024-01-31", periods=48, freq="h", tz="UTC")
    with pytest.raises(ConfigurationError, match=r"2024-02-01 00:00:00 \(Asia/Kolkata\)"):
        RatchetCharge(1.0).ledger(times, "Asia/Kolkata", 1.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"months": 13}, r"months=13: must be a whole number from 0 to 12"),
        ({"months": -1}, r"months=-1: must be a whole number from 0 to 12"),
        ({"months": 2.0}, r"months=2.0: must be a whole number"),
        ({"months": True}, r"months=True: must be a whole number"),
        ({"share": 35.0}, r"share=35.0: must lie in \[0, 1\]; write 35 % as 0.35"),
        ({"share": float("nan")}, "share=nan: must be a finite number"),
        ({"rate_per_kw": -1.0}, "one rate or twelve, none below zero"),
        ({"rate_per_kw": (1.0, 2.0)}, "one rate or twelve"),
        ({"rate_per_kw": "dear"}, "rate_per_kw='dear': must be a finite number"),
        ({"so_far_kw": -3.0}, "maxima must not be below zero"),
        ({"earlier_kw": (1.0, -1.0)}, "maxima must not be below zero"),
        ({"earlier_kw": (1.0, 2.0), "months": 1}, "more than the 1 months"),
        ({"earlier_kw": 3.0}, "must be a list"),
        ({"hours": ((25, 3),)}, "from 0 to 24"),
        ({"zone": "Mars"}, "zone='Mars'"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        RatchetCharge(**{"rate_per_kw": 10.0, **given})


def test_unknown_days_suggest_the_nearest() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'weekday'"):
        RatchetCharge(10.0, days="weekdays")


def test_from_yaml_and_back() -> None:
    text = """
    entities: {battery: {}, load: {kind: consumer}}
    contracts:
      supply: {kind: tariff, buy: 120}
      power: {kind: ratchet_charge, rate_per_kw: 12.5, share: 0.8, months: 11, hours: [8, 20], earlier_kw: [40, 55]}
    """
    scenario = Scenario.from_yaml(text)
    assert scenario.contracts["power"] == RatchetCharge(12.5, 0.8, hours=((8, 20),), earlier_kw=(40.0, 55.0))
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
    with pytest.raises(ConfigurationError, match=r"contracts\.power\.months=14"):
        Scenario.from_yaml(text.replace("months: 11", "months: 14"))


def test_the_maxima_are_observed_on_the_scale_of_the_load() -> None:
    index = pd.date_range("2024-01-01", periods=240, freq="h", tz="UTC")
    load: Floats = np.random.default_rng(0).uniform(10.0, 30.0, 240)
    contracts = {"supply": Tariff(100.0, 0.0), "power": RatchetCharge(BY_MONTH, 0.5, 1, earlier_kw=(25.0,))}
    scenario = Scenario("site", {"battery": Battery(), "load": Consumer()}, contracts)
    env = EnergyEnv(scenario=scenario, data=pd.DataFrame({"load_kw": load}, index), episode_steps=24)
    observation, _ = env.reset(seed=0)
    names = [slot.name for slot in env.layout]
    place = names.index("maximum_1_before_kw(power)")
    assert names[place - 1] == "maximum_kw(power)"
    assert 20.0 < env.layout[place].scale < 45.0
    assert observation[place] * env.layout[place].scale == pytest.approx(25.0, rel=1e-6)
