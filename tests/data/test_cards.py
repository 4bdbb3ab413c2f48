"""Cards: every one that ships is exact, and one that is not is refused with the field and the rule."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from energy_gym.data import Statistics, card, card_ids, load
from energy_gym.data.card_files import parse_card, read_card
from energy_gym.errors import CardError, UnknownIdError
from energy_gym.paths import resource

MARKETS = (
    "belgium",
    "dk2-2021",
    "dk2-2024",
    "dk2-2024-generation",
    "nem-nsw1",
    "nem-qld1",
    "nem-sa1",
    "nem-tas1",
    "nem-vic1",
)
REAL_TIME = tuple(f"nyiso-{part}{zone}" for part in ("rt-", "") for zone in ("longil", "north", "nyc", "west"))
ALL = (
    "ausgrid-12",
    "caiso",
    "california-homes-2016",
    "commercial",
    "de-lu",
    "encortex-caiso",
    "encortex-uk",
    "epf-de",
    "epf-fr",
    "epf-np",
    "ercot",
    "ercot-2021-2022",
    "nyiso",
    *REAL_TIME,
    "synthetic",
    "synthetic-dk2",
    "synthetic-india",
    "synthetic-intraday",
    "synthetic-real-time",
)
OFFLINE = ("california-homes-2016", "commercial", "ercot-2021-2022", "synthetic", "synthetic-dk2", "synthetic-india")
OFFLINE += ("synthetic-intraday", "synthetic-real-time")


@pytest.fixture
def content() -> dict[str, Any]:
    text = resource("datasets", "de-lu.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return copy.deepcopy(loaded)


def refused(content: dict[str, Any]) -> str:
    with pytest.raises(CardError) as caught:
        parse_card("mine", content)
    assert caught.value.rule
    assert caught.value.remedy
    assert str(caught.value).startswith("mine.yaml: ")
    return str(caught.value)


def test_all_sets_are_there() -> None:
    assert card_ids() == tuple(sorted((*ALL, *MARKETS)))


@pytest.mark.parametrize("dataset_id", [*ALL, *MARKETS])
def test_card_is_complete(dataset_id: str) -> None:
    its = card(dataset_id)
    assert its.id == dataset_id
    assert its.steps * its.resolution_minutes == (its.span[1] - its.span[0]) / pd.Timedelta(minutes=1)
    assert "price_per_mwh" in its.columns or dataset_id in ("ausgrid-12", "commercial")
    assert its.synthetic or its.files
    assert all(column.unit and column.title for column in its.columns.values())
    assert all(file.url.startswith("https://") != its.offline for file in its.files)
    assert its.synthetic == its.title.startswith("Synthetic")


@pytest.mark.parametrize("dataset_id", ALL)
def test_splits_are_whole_local_days(dataset_id: str) -> None:
    its = card(dataset_id)
    for first, stop in its.splits.values():
        for moment in (first, stop):
            local = moment.tz_convert(its.zone)
            assert local == local.normalize()
            assert str(moment.tz) == "UTC"


def test_splits_of_a_market() -> None:
    train, test = (card("de-lu").splits[name] for name in ("train", "test"))
    assert train[0] == pd.Timestamp("2020-12-31T23:00Z")
    assert test == (pd.Timestamp("2023-12-31T23:00Z"), pd.Timestamp("2024-12-31T23:00Z"))


def test_publication_in_minutes() -> None:
    assert card("ercot").columns["price_per_mwh"].day_ahead_minute == 13 * 60 + 30
    assert card("nyiso").columns["price_per_mwh"].day_ahead_minute == 11 * 60
    assert card("ercot").columns["carbon_g_per_kwh"].day_ahead_minute is None
    assert card("encortex-uk").columns["forecast_price_per_mwh"].day_ahead_minute == 24 * 60
    assert card("california-homes-2016").columns["price_per_mwh"].published == "always"


def test_kinds() -> None:
    kinds = {
        dataset_id: card(dataset_id).kind for dataset_id in ("commercial", "ercot-2021-2022", "synthetic", "ercot")
    }
    assert list(kinds.values()) == ["derived", "embedded", "synthetic", "fetched"]
    assert [card(dataset_id).offline for dataset_id in kinds] == [True, True, True, False]


def test_a_file_may_lie_elsewhere_at_its_publisher(content: dict[str, Any]) -> None:
    content["files"] = {"a.csv": {"sha256": "0" * 64, "at": "deep/b.csv"}}
    (file,) = parse_card("mine", content).files
    assert file.url == content["base_url"] + "deep/b.csv"
    assert file.mirrored == "green-dcc/a.csv"
    content["files"]["a.csv"]["sha265"] = content["files"]["a.csv"].pop("sha256")
    assert "did you mean 'sha256'?" in refused(content)


def test_unknown_id_suggests() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'ercot'"):
        card("ercto")


def assert_statistics(dataset_id: str) -> None:
    dataset = load(dataset_id)
    first, stop = dataset.bounds("train")
    for name, column in dataset.card.columns.items():
        values = dataset.frame[name].to_numpy()[first:stop]
        low, high = np.percentile(values, [5, 95])
        expected = (values.mean(), np.median(values), (high - low) / 2 or 1.0)
        figures = (column.statistics.mean, column.statistics.offset, column.statistics.scale)
        assert figures == pytest.approx(expected, rel=1e-5, abs=1e-9), (dataset_id, name)


@pytest.mark.parametrize("dataset_id", OFFLINE)
def test_statistics_are_those_of_the_training_split(dataset_id: str) -> None:
    assert_statistics(dataset_id)


@pytest.mark.parametrize("dataset_id", sorted(set(ALL) - set(OFFLINE)))
def test_statistics_of_fetched_sets(dataset_id: str, real_data: Path) -> None:
    assert_statistics(dataset_id)


def test_unknown_key_names_the_nearest(content: dict[str, Any]) -> None:
    content["licens"] = content.pop("licence")
    message = refused(content)
    assert "unknown key 'licens'; did you mean 'licence'?" in message


def test_missing_key(content: dict[str, Any]) -> None:
    del content["attribution"]
    assert "key 'attribution' is missing" in refused(content)


def test_unknown_key_of_a_column(content: dict[str, Any]) -> None:
    content["columns"]["price_per_mwh"]["publisehd"] = "after"
    message = refused(content)
    assert "columns.price_per_mwh" in message
    assert "did you mean 'published'?" in message


@pytest.mark.parametrize("text", ["day-ahead 25:00", "day-ahead", "tomorrow", "day-ahead 9:00"])
def test_publication_is_strict(content: dict[str, Any], text: str) -> None:
    content["columns"]["price_per_mwh"]["published"] = text
    assert "price_per_mwh.published" in refused(content)


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("zone", "Europe/Berln", "IANA"),
        ("currency", "Euro", "ISO 4217"),
        ("resolution_minutes", 7, "divide a day"),
        ("resolution_minutes", 60.5, "whole number"),
        ("resolution_minutes", True, "whole number"),
        ("reader", "green-dcc", "must be one of"),
        ("span", ["2021-01-01"], "two dates"),
        ("span", [2021, 2022], "two dates"),
        ("splits", {"test": 1}, "'train' is missing"),
        ("defects", "none", "must be a list"),
        ("title", 3, "must be text"),
        ("base_url", "", "must be text"),
        ("longitude_deg", 181, "within -180 and 180"),
        ("columns", [], "must be a mapping"),
        ("files", {"a.csv": "12ab"}, "64 lower-case"),
        ("files", {"../a.csv": "0" * 64}, "below the base URL"),
        ("expected", [{"column": "price_per_mwh", "finding": "gasp", "steps": 1, "reason": "x"}], "must be one of"),
        ("expected", [{"column": "price_per_mwh", "finding": "gap", "steps": 0, "reason": "x"}], "positive"),
        ("expected", [{"column": "prise", "finding": "gap", "steps": 1, "reason": "x"}], "must be a column"),
    ],
)
def test_bad_values_are_refused(content: dict[str, Any], key: str, value: object, part: str) -> None:
    content[key] = value
    assert part in refused(content)


def test_overlapping_splits(content: dict[str, Any]) -> None:
    content["splits"]["validation"][0] = content["splits"]["train"][0]
    assert "without overlap" in refused(content)


def test_split_outside_the_span(content: dict[str, Any]) -> None:
    content["splits"]["test"][1] = content["splits"]["test"][1].replace(year=2026)
    assert "inside the span" in refused(content)


def test_statistics_of_every_column(content: dict[str, Any]) -> None:
    del content["statistics"]["carbon_g_per_kwh"]
    assert "'carbon_g_per_kwh' is missing" in refused(content)


@pytest.mark.parametrize(("scale", "mean"), [(0.0, 1.0), (-1.0, 1.0), (1.0, float("nan")), (float("inf"), 0.0)])
def test_statistics_are_finite_and_the_scale_positive(scale: float, mean: float) -> None:
    with pytest.raises(CardError):
        Statistics(mean=mean, offset=0.0, scale=scale)


def test_file_that_is_not_yaml(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("title: [", encoding="utf-8")
    with pytest.raises(CardError, match="not YAML"):
        read_card(path)
    path.write_text("- a list", encoding="utf-8")
    with pytest.raises(CardError, match="must be a mapping"):
        read_card(path)


def test_a_card_with_a_publication_that_is_none_is_told_the_nearest(content: dict[str, Any]) -> None:
    for said, meant in {"at_start": "at-start", "day ahead 12:45": "day-ahead 12:45", "afterwards": "after"}.items():
        content["columns"]["price_per_mwh"]["published"] = said
        assert f"did you mean {meant!r}" in refused(content)


def test_a_card_may_have_years_before_and_after_its_parts(content: dict[str, Any]) -> None:
    content["splits"] = {"earlier": content["splits"]["train"]} | {
        name: content["splits"][other] for name, other in (("train", "validation"), ("later", "test"))
    }
    assert list(parse_card("mine", content).splits) == ["earlier", "train", "later"]
    content["splits"]["latter"] = content["splits"].pop("later")
    assert "did you mean 'later'" in refused(content)
