"""The coincident peak charge: by hand, from times and from a column, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario, solve
from energy_gym.contracts import CoincidentPeakCharge, Tariff
from energy_gym.entities import Consumer
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, MissingColumnError


def environment(charge: CoincidentPeakCharge, data: pd.DataFrame, **more: Any) -> EnergyEnv:
    battery = Battery(8.0, 4.0, 4.0, 1.0, 1.0, soc_min=0.0, soc_max=1.0, soc_initial=0.5)
    contracts = {"supply": Tariff(100.0, 100.0), "peaks": charge}
    scenario = Scenario("site", {"battery": battery, "load": Consumer()}, contracts)
    env = EnergyEnv(scenario=scenario, data=data, episode_steps=None, split="all", **more)
    env.reset(seed=0)
    return env


def a_day(minutes: int = 60, zone: str = "America/Chicago") -> pd.DataFrame:
    index = pd.date_range("2024-07-19", periods=24 * 60 // minutes, freq=f"{minutes}min", tz=zone)
    return pd.DataFrame({"load_kw": np.random.default_rng(0).uniform(1.0, 9.0, len(index))}, index)


def billed(env: EnergyEnv) -> pd.Series:
    steps = [env.step(np.zeros(1))[-1]["demand_charge"] for _ in range(*env.steps_left)]
    return pd.Series(steps, env.keywords["data"].index)


@pytest.mark.parametrize("minutes", [60, 15])
def test_the_mean_of_each_peak_is_charged(minutes: int) -> None:
    data = a_day(minutes)
    charge = CoincidentPeakCharge(15.0, times=("2024-07-19 17:00", "2024-07-19T18:00"), peak_minutes=60)
    costs, hour = billed(environment(charge, data)), data["load_kw"].resample("h").mean()
    assert costs.resample("h").sum()[hour.index.hour == 17].item() == pytest.approx(15.0 * hour.iloc[17])
    assert costs.sum() == pytest.approx(15.0 * (hour.iloc[17] + hour.iloc[18]))


@pytest.mark.parametrize("times", [("2024-07-19 17:00", "2024-07-19 18:00"), ("2024-07-19 18:00", "2024-07-19 17:00")])
def test_peaks_that_overlap_are_no_peaks(times: tuple[str, ...]) -> None:
    """Each would be charged on its own mean, so that a step of both would count twice: which nobody may have meant."""
    with pytest.raises(ConfigurationError, match="overlaps another peak of 120 min; give one start"):
        environment(CoincidentPeakCharge(15.0, times=times, peak_minutes=120), a_day())


def test_a_peak_longer_than_the_data_lasts_to_their_end() -> None:
    charge = CoincidentPeakCharge(15.0, times="2024-07-19 17:00", peak_minutes=6e300)
    assert np.flatnonzero(billed(environment(charge, a_day()))).tolist() == list(range(17, 24))


def test_a_column_flags_what_times_would() -> None:
    data = a_day()
    flags = (data.index.hour == 17).astype(float)
    by_time = billed(environment(CoincidentPeakCharge(15.0, times="2024-07-19 17:00"), data))
    by_column = billed(environment(CoincidentPeakCharge(15.0, column="peak_share"), data.assign(peak_share=flags)))
    assert by_time.tolist() == by_column.tolist()


def test_of_an_hour_that_comes_twice_the_first_is_meant_and_other_years_do_nothing() -> None:
    index = pd.date_range("2024-11-03", periods=6, freq="h", tz="America/Chicago")
    data = pd.DataFrame({"load_kw": np.arange(1.0, 7.0)}, index)
    charge = CoincidentPeakCharge(1.0, times=("2024-11-03 01:00", "2023-07-19 17:00"))
    assert billed(environment(charge, data)).tolist() == [0.0, 2.0, 0.0, 0.0, 0.0, 0.0]


def test_exports_in_a_peak_earn_nothing_and_the_plan_knows_it() -> None:
    data = a_day().assign(load_kw=3.0)
    env = environment(CoincidentPeakCharge(15.0, times=("2024-07-19 17:00",)), data)
    solution = solve(env)
    assert solution.exact
    grid = [env.step(action)[-1]["grid_kw"] for action in solution.actions]
    assert grid[17] <= 1e-6
    assert solution.value == pytest.approx(-24 * 3.0 * 0.1, abs=1e-6)


def test_what_is_flagged_is_seen_and_a_column_only_when_it_is_known() -> None:
    data = a_day()
    env = environment(CoincidentPeakCharge(15.0, times=("2024-07-19 17:00",)), data, horizon=4)
    assert "peaks.peak_share[+3]" in [slot.name for slot in env.layout]
    data = data.assign(peak_share=(data.index.hour == 2).astype(float))
    for published, known in (("always", True), ("after", False)):
        charge = CoincidentPeakCharge(15.0, column="peak_share")
        env = environment(charge, data, horizon=4, published={"peak_share": published})
        assert bool(env.outlook()["peak_share"][2] == 1.0) is known


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rate_per_kw": -1.0, "column": "a"}, "rate_per_kw=-1.0: must not be below zero"),
        ({}, "must be one of the two"),
        ({"times": ("2024-07-19 17:00",), "column": "a"}, "must be one of the two"),
        ({"times": ("noon",)}, "times: 'noon': must be a local time without a zone"),
        ({"times": ("2024-07-19T17:00Z",)}, "must be a local time without a zone"),
        ({"times": ("2024-07-19 17:00", "2024-07-19T17:00")}, "names one twice"),
        ({"column": "a", "peak_minutes": 0.0}, "peak_minutes=0.0: must be above 0"),
        ({"column": ""}, "must be a text"),
        ({"column": "a", "zone": "Mars"}, "zone='Mars'"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        CoincidentPeakCharge(**{"rate_per_kw": 10.0, **given})


def test_what_does_not_fit_the_data_is_refused() -> None:
    for charge, words in (
        (CoincidentPeakCharge(1.0, times=("2024-07-19 17:30",)), "is no start of a step in America/Chicago"),
        (CoincidentPeakCharge(1.0, times=("2024-07-19 17:00",), peak_minutes=90), "must be whole steps of 60 min"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            environment(charge, a_day())
    with pytest.raises(MissingColumnError, match="contract 'peaks'"):
        environment(CoincidentPeakCharge(1.0, column="peak_share"), a_day())


def test_from_yaml_and_back() -> None:
    text = """
    entities: {battery: {}}
    contracts:
      spot: {}
      peaks: {kind: coincident_peak_charge, rate_per_kw: 15, times: [2024-07-19 17:00:00, "2024-08-20 17:00"]}
    """
    scenario = Scenario.from_yaml(text)
    assert scenario.contracts["peaks"].times == ("2024-07-19 17:00:00", "2024-08-20 17:00")
    assert Scenario.from_yaml(scenario.to_yaml()) == scenario
