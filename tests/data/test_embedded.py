"""The embedded sets: real time on days of clock change, the sun where it belongs, sums that add up."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from energy_gym.data import card, load
from energy_gym.paths import resource


@pytest.mark.parametrize("dataset_id", ["ercot-2021-2022", "california-homes-2016", "commercial"])
def test_needs_neither_mirror_nor_cache(dataset_id: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from energy_gym.data.loading import forget

    monkeypatch.setenv("ENERGY_GYM_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path / "cache"))
    forget()
    assert len(load(dataset_id).frame)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("dataset_id", ["ercot-2021-2022", "california-homes-2016"])
def test_files_have_the_hash_of_the_card_and_are_small(dataset_id: str) -> None:
    (file,) = card(dataset_id).files
    content = resource("datasets", file.path).read_bytes()
    assert hashlib.sha256(content).hexdigest() == file.sha256
    assert len(content) < 2_000_000
    assert card(dataset_id).origin


def test_ercot_days_have_their_real_number_of_hours() -> None:
    price = load("ercot-2021-2022").frame["price_per_mwh"]
    hours = price.groupby(price.index.tz_convert("America/Chicago").date).size()
    odd = {str(day): int(count) for day, count in hours.items() if count != 24}
    assert odd == {"2021-03-14": 23, "2021-11-07": 25, "2022-03-13": 23, "2022-11-06": 25}
    assert price["2021-01-01T06:00Z"] == 18.26
    assert price.max() == pytest.approx(8995.59, abs=20)


def test_ercot_equals_the_other_source_to_the_cent(real_data: Path) -> None:
    ours = load("ercot-2021-2022").frame["price_per_mwh"]
    other = load("ercot").frame["price_per_mwh"].reindex(ours.index)
    assert np.abs(ours - other).max() < 0.005


@pytest.fixture(scope="module")
def homes() -> pd.DataFrame:
    return load("california-homes-2016").frame


def test_sums_of_homes_add_up(homes: pd.DataFrame) -> None:
    for kind in ("load_kw", "pv_kw"):
        parts = [name for name in homes if name.startswith("home_") and name.endswith(kind)]
        assert len(parts) == 17
        assert np.abs(homes[parts].sum(axis=1) - homes[kind]).max() < 1e-3
    assert (homes.drop(columns="price_per_mwh") >= 0).all().all()


def test_tariff_peaks_from_four_to_nine_on_the_wall_clock(homes: pd.DataFrame) -> None:
    local = homes.tz_convert("America/Los_Angeles")
    winter = local.loc["2017-01-10", "price_per_mwh"]
    assert sorted(winter.index.hour[winter == winter.max()]) == [16, 17, 18, 19, 20]
    summer = local.loc["2017-06-20", "price_per_mwh"]
    assert sorted(summer.index.hour[summer == summer.max()]) == [16, 17, 18, 19, 20]
    assert set(homes["price_per_mwh"]) == {210.0, 220.0, 400.0, 500.0, 540.0}


@pytest.mark.parametrize(
    ("sunrise", "sunset"),
    [("2016-11-05T14:08Z", "2016-11-06T00:54Z"), ("2017-03-12T14:02Z", "2017-03-13T01:58Z")],
)
def test_pv_lies_between_sunrise_and_sunset(homes: pd.DataFrame, sunrise: str, sunset: str) -> None:
    rise, down = pd.Timestamp(sunrise), pd.Timestamp(sunset)
    day = homes["pv_kw"][rise - pd.Timedelta("6h") : down + pd.Timedelta("4h")]
    produced = day[day > 0.5]
    assert produced.index[0] == rise.floor("h")
    assert produced.index[-1] == down.floor("h")


def test_pv_centres_on_solar_noon_on_both_sides_of_the_clock_change(homes: pd.DataFrame) -> None:
    hour = homes.index.hour + 0.5
    pv = homes["pv_kw"].where((hour > 10) | (hour < 4), 0.0)
    turned = np.where(hour < 10, hour + 24, hour)
    centre = (pv * turned).resample("14D").sum() / pv.resample("14D").sum()
    noon = 12 + 117.4 / 15
    assert np.abs(centre - noon - 0.3).max() < 0.75


def test_repeated_hour_is_marked_and_nothing_else() -> None:
    filled = load("california-homes-2016").filled
    marked = filled.index[filled.any(axis=1)]
    assert [str(m) for m in marked.tz_convert("America/Los_Angeles")] == [
        "2016-11-06 01:00:00-07:00",
        "2016-11-06 01:00:00-08:00",
    ]
    assert not load("ercot-2021-2022").filled.to_numpy().any()


def test_homes_equal_the_newer_publication(homes: pd.DataFrame, real_data: Path) -> None:
    folder = real_data / "citylearn-2022"
    if not folder.is_dir():
        pytest.skip("the mirror holds no citylearn-2022")
    before_change = homes.loc[: pd.Timestamp("2016-11-06T07:00Z")]
    table = pd.read_csv(folder / "Building_4.csv").iloc[: len(before_change)]
    assert np.abs(before_change["home_04_load_kw"].to_numpy() - table["non_shiftable_load"]).max() < 1e-4
    assert np.abs(before_change["home_04_pv_kw"].to_numpy() - table["solar_generation"] * 5 / 1000).max() < 1e-4
    carbon = pd.read_csv(folder / "carbon_intensity.csv")["carbon_intensity"].iloc[: len(before_change)]
    assert np.abs(before_change["carbon_g_per_kwh"].to_numpy() - carbon * 1000).max() < 1e-3
    last = pd.read_csv(folder / "Building_4.csv").iloc[-24:]
    assert np.abs(homes["home_04_load_kw"].to_numpy()[-24:] - last["non_shiftable_load"]).max() < 1e-4
