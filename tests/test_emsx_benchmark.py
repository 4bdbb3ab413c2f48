"""EMSx: the bills of four published weeks, and a site written here in the published format, by benchmarks/emsx.py."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from benchmark_scripts import FOLDER, benchmark_script

from energy_gym.data.loading import forget

NOTHING = {1: 3597.51, 8: 4276.77, 9: 4793.61, 11: 3449.42}
"""Bills of site 1 without a battery, by week [EUR]."""
SITE = 1
LAST = 10
"""Of the synthetic site: weeks 1 to 10."""


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """The script as a module; it lies outside the package, beside the one that writes its page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield benchmark_script("emsx")


@pytest.fixture(scope="module")
def weeks(script: ModuleType, real_data: Path) -> list[Any]:
    return list(script.published_weeks(real_data / "emsx-published"))


def test_four_weeks_cost_what_was_published(script: ModuleType, weeks: list[Any]) -> None:
    bills = {week.number: script.bill(script.make([week], "yesterday"), None) for week in weeks}
    assert bills == pytest.approx(NOTHING, abs=0.005)
    assert script.bill(script.make(weeks, "yesterday"), None) == pytest.approx(sum(NOTHING.values()), abs=0.02)


def test_foresight_begins_empty_and_carries_what_it_may(script: ModuleType, weeks: list[Any]) -> None:
    single = [script.foresight([week]) for week in weeks[:2]]
    assert all(best < script.bill(script.make([week], "mean"), None) for best, week in zip(single, weeks, strict=False))
    assert script.foresight(weeks[:2]) <= sum(single) + 1e-6
    env = script.make(weeks[:1], "perfect")
    env.reset()
    assert env.unwrapped.states[0] == 0.0


def test_demand_before_a_week_is_the_day_before_it(script: ModuleType, weeks: list[Any]) -> None:
    """Rows of load and PV lie a day and a step behind the net energies, which is how the day before is known."""
    week = weeks[0]
    assert len(week.before) == 97
    own = week.demand["load_kw"] - week.demand["pv_kw"]
    table = pd.read_csv(Path(script.os.environ["ENERGY_GYM_DATA"]) / "emsx-published" / "site1_weeks.csv")
    rows = table[table["period"] == week.number]
    later = 4.0 * (rows["load"] - rows["pv"]).iloc[97:].to_numpy()
    np.testing.assert_allclose(own.iloc[: len(later)], later, atol=0.05)


def synthetic() -> bytes:
    """A site's file as EMSx publishes it: load by the clock, PV at noon, forecasts a little wrong."""
    random = np.random.default_rng(1)
    stamps = pd.date_range("2014-07-28", periods=LAST * 672 + 1, freq="15min")
    hours = stamps.hour + stamps.minute / 60.0
    load = 30.0 + 10.0 * np.sin((hours - 9) * np.pi / 12.0) + random.uniform(0.0, 4.0, len(stamps))
    sun = 35.0 * np.clip(np.sin((hours - 6) * np.pi / 12.0), 0.0, None)
    table = pd.DataFrame({"timestamp": stamps.strftime("%Y-%m-%dT%H:%M:%S+02:00"), "site_id": SITE})
    table["period_id"] = 1 + np.arange(len(stamps)) // 672
    table["actual_consumption"], table["actual_pv"] = load, sun
    ahead = {}
    for name, series in (("load", load), ("pv", sun)):
        for step in range(96):
            ahead[f"{name}_{step:02d}"] = np.roll(series, -1 - step) + (name == "load")
    text = pd.concat([table, pd.DataFrame(ahead)], axis=1).round(3).to_csv(index=False)
    return gzip.compress(text.encode(), compresslevel=1, mtime=0)


@pytest.fixture
def mirror(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "emsx"
    folder.mkdir()
    for name in ("edf_prices.csv", "metadata.csv", "test_periods.csv"):
        (folder / name).write_bytes((real_data / "emsx" / name).read_bytes())
    body = synthetic()
    (folder / f"{SITE}.csv.gz").write_bytes(body)
    stated = [{"key": f"{SITE}.csv.gz", "checksum": f"md5:{hashlib.md5(body).hexdigest()}"}]
    (folder / "5510400.json").write_text(json.dumps({"id": 5510400, "files": stated}))
    monkeypatch.setenv("ENERGY_GYM_DATA", str(tmp_path))
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path / "cache"))
    forget()
    yield tmp_path
    forget()


def test_a_site_in_the_published_format(
    script: ModuleType, mirror: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script.emsx, "test_weeks", lambda site: (1, 8, 9))
    own, what = script.sites_here(None)
    assert list(own) == [SITE]
    assert "sites whose series are here: 1" in what
    first, second, _ = own[SITE]
    assert (first.number, second.number) == (1, 8)
    assert len(second.before) == (LAST - 3) * 672 + 96
    assert list(second.demand.iloc[-1][["load_kw", "pv_kw"]]) == list(second.demand.iloc[-2][["load_kw", "pv_kw"]])
    env = script.make([second], "issued").unwrapped
    env.reset()
    seen = env.outlook()["load_kw"]
    np.testing.assert_allclose(seen, 4.0 + second.demand["load_kw"].iloc[:96], atol=0.01)
    monkeypatch.setattr(script, "WEEK", 672)
    out = mirror / "page.md"
    script.main(
        [
            "--agents",
            "self-consumption",
            "nobody",
            "--forecasts",
            "issued",
            "persists",
            "--weeks",
            "2",
            "--out",
            str(out),
        ]
    )
    text = out.read_text()
    assert "| self-consumption, issued | self-consumption, persists |" in text
    assert "2 weeks, carried" in text
    assert "nobody" in capsys.readouterr().out


def test_what_persists_is_what_was_known_last(script: ModuleType, weeks: list[Any]) -> None:
    env = script.make(weeks[:1], "persists").unwrapped
    env.reset()
    assert set(env.outlook()["load_kw"]) == {weeks[0].before["load_kw"].iloc[-1]}
    assert set(env.outlook()["buy_per_mwh"]) == {130.0, 170.0}


def test_a_week_learns_from_the_others_and_not_from_itself(script: ModuleType, weeks: list[Any]) -> None:
    first, second = script.from_others(weeks[:2])
    assert len(first.before) == len(second.before) == 672
    own = second.demand[["load_kw", "pv_kw"]]
    np.testing.assert_array_equal(first.before.iloc[:-97], own.iloc[:-97])
    np.testing.assert_array_equal(first.before.iloc[-97:], weeks[0].before)


def test_weeks_that_bring_nothing_to_learn_from_are_taught_by_the_others_on_the_page(
    script: ModuleType, weeks: list[Any], tmp_path: Path
) -> None:
    out, rule = tmp_path / "page.md", "self-consumption"
    words = ["--forecasts", "persists", "--learners", rule, "--learners-believe", "mean", "--weeks", "2"]
    script.main(["--agents", rule, *words, "--out", str(out)])
    _, taught = out.read_text().split("## Learnt from the other weeks")
    assert "| self-consumption, mean |" in taught
    assert "| 1 | week 8 | 4,276.77 |" in taught
