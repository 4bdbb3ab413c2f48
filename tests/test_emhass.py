"""A household of EMHASS: bill, optimum and rolling planner of its study, found again by benchmarks/emhass.py."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from benchmark_scripts import benchmark_script

EMHASS = benchmark_script("emhass")


@pytest.fixture(scope="module")
def data(real_data: Path) -> pd.DataFrame:
    frame: pd.DataFrame = EMHASS.series(real_data / "emhass")
    return frame


@pytest.mark.parametrize("day_by_day", [True, False])
def test_the_bill_without_a_battery_and_the_optimum(data: pd.DataFrame, day_by_day: bool) -> None:
    env = EMHASS.make(data)
    assert EMHASS.bill(env, None, day_by_day) == pytest.approx(81.876299, abs=1e-6)
    assert EMHASS.optimum(env, day_by_day) == pytest.approx(79.701690, abs=1e-6)


def test_the_bill_is_that_of_the_file(real_data: Path) -> None:
    """Worked out with pandas alone."""
    table = pd.read_csv(real_data / "emhass" / "household_load.csv", index_col=0)
    load = table["load_w"].set_axis(pd.to_datetime(table.index, utc=True).tz_convert("Europe/Paris"))["2025-02-14":]
    minutes = load.index.hour * 60 + load.index.minute
    dear = ((minutes >= 174) & (minutes < 924)) | ((minutes >= 1044) & (minutes < 1224))
    assert len(load) == 672
    assert (load / 2000.0 * pd.Series(dear, load.index).map({True: 0.1907, False: 0.1419})).sum() == pytest.approx(
        EMHASS.PUBLISHED["no battery"], abs=5e-5
    )


@pytest.mark.parametrize(("forecast", "most"), [("mean", 79.7018), ("yesterday", 79.7138)])
def test_a_rolling_planner_that_acts_sooner_costs_what_theirs_does(
    data: pd.DataFrame, forecast: str, most: float
) -> None:
    env = EMHASS.make(data, forecast)
    assert 79.7016 < EMHASS.bill(env, EMHASS.player("mpc-sooner", env), True) < most


def test_the_page_says_what_was_played(data: pd.DataFrame) -> None:
    rows, wrong = EMHASS.play(data, ["self-consumption", "mpc"], ["perfect"])
    assert [(row.agent, row.forecast) for row in rows] == [("mpc", "perfect")]
    assert rows[0].days == pytest.approx(79.701690, abs=1e-6)
    assert wrong[0].midnight == pytest.approx(0.0)
    page = EMHASS.page(rows, wrong, {"no battery": (81.876299, 81.876299)})
    assert "| mpc | perfect | 79.7017 | 79.7017 |" in page
    assert "not played" in page
