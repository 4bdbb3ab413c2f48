"""What an operator, a forecaster or a meter can get wrong: each is named with its rule, and none becomes a plan."""

from __future__ import annotations

import pandas as pd
import pytest
from serve_plant import Weighs, commercial, cycles

from energy_gym.errors import ConfigurationError, EnergyGymError, UnknownIdError
from energy_gym.serve.settings import Settings, read_settings, read_sites

HOLES = """
entities: {battery: {capacity_kwh: 10}, load: {kind: consumer}, pv: {kind: solar}}
contracts:
  supply:
    kind: tariff
    buy:
      bands:
        - {name: night, price_per_mwh: 100, hours: [0, 6]}
        - {name: day, price_per_mwh: 300, hours: [7, 24]}
clock: {step_minutes: 15, horizon: 24}
"""


def bounds():
    """Yield each setting that has a bound, and a value just beyond it."""
    for name, field in Settings.model_fields.items():
        for bound in field.metadata:
            for kind, beyond in (("ge", -1), ("gt", 0), ("le", 1), ("lt", 0)):
                if (limit := getattr(bound, kind, None)) is not None:
                    yield name, limit + beyond


@pytest.mark.parametrize(("name", "value"), list(bounds()))
def test_each_setting_is_refused_beyond_its_bound(name, value):
    with pytest.raises(ConfigurationError, match=name):
        read_settings(_env_file=None, **{name: value})


def test_each_number_has_a_bound():
    numbers = {name for name, field in Settings.model_fields.items() if field.annotation in (int, float)}
    assert numbers == {name for name, _ in bounds()}


@pytest.mark.parametrize("text", ["LOUD", ""])
def test_each_choice_is_refused_beyond_what_is_known(text):
    for name in ("log_level", "workers"):
        with pytest.raises(ConfigurationError, match=name):
            read_settings(_env_file=None, **{name: text})


def test_a_value_that_is_no_number_is_named_with_what_it_was(monkeypatch):
    monkeypatch.setenv("BATTERY_CAPACITY_KWH", "five hundred")
    with pytest.raises(ConfigurationError, match=r"battery_capacity_kwh='five hundred'.*valid number"):
        read_settings(_env_file=None)


def test_a_tariff_with_holes_is_refused_at_the_start(service, tmp_path):
    path = tmp_path / "holes.yaml"
    path.write_text(HOLES)
    with pytest.raises(EnergyGymError, match=r"supply.*(06|6)"):
        service(scenario=path)


def test_an_unknown_time_zone_is_refused_at_the_start(service, tmp_path):
    path = tmp_path / "sites.yaml"
    path.write_text("sites: [{id: office, zone: Mars/Olympus}]")
    with pytest.raises(ConfigurationError, match="Mars/Olympus"):
        read_sites(path)


@pytest.mark.parametrize("span", [("2017-06-05T06:00", "2017-06-06T06:00"), ("2017-06-06T06:00Z", "2017-06-05T06:00Z")])
def test_a_span_without_offsets_or_that_ends_before_it_begins_is_refused(tmp_path, span):
    path = tmp_path / "sites.yaml"
    path.write_text(f"sites: [{{id: office, span: {{since: '{span[0]}', until: '{span[1]}'}}}}]")
    with pytest.raises(ConfigurationError, match="span"):
        read_sites(path)


def test_a_span_that_is_no_whole_number_of_intervals_is_refused(service):
    with pytest.raises(ConfigurationError, match="starts of intervals"):
        service(span={"since": "2017-06-05T06:05Z", "until": "2017-06-06T06:00Z"})


def test_a_saved_agent_that_sees_something_else_than_the_site_shows_is_refused_with_the_slots(service, tmp_path):
    Weighs(commercial(horizon=12)).save(tmp_path)
    with pytest.raises(ConfigurationError, match=r"layouts differ in load_kw\[\+12\]"):
        service(agent=str(tmp_path))


def test_a_saved_agent_whose_wishes_name_a_power_at_the_meter_is_refused_by_a_site_without(service, tmp_path):
    Weighs(commercial(control="meter")).save(tmp_path)
    with pytest.raises(ConfigurationError, match="control='meter'"):
        service(agent=str(tmp_path))


def test_an_agent_that_nobody_knows_is_refused(service):
    with pytest.raises(UnknownIdError, match="mcp"):
        service(agent="mcp")


def spoilt(plant, how):
    """Let the forecaster of a plant send rows that are not as they should be."""
    told = plant.forecast

    def forecast(column):
        answer = told(column)
        answer["forecast"] = how(answer["forecast"])
        return answer

    plant.forecast = forecast


def scaled(factor, least=0.0):
    """Return what multiplies every power of a forecast."""
    names = ("load_kw", "solar_kw")
    return lambda rows: [
        {key: value * factor + least if key in names else value for key, value in row.items()} for row in rows
    ]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (lambda rows: [*rows[:5], *rows[6:]], "evenly spaced"),
        (lambda rows: [*rows, rows[-1]], "twice"),
        (lambda rows: rows[:1], "evenly spaced"),
        (lambda rows: [], "evenly spaced"),
        (lambda rows: [{**row, "timestamp": row["timestamp"][:19]} for row in rows], "offset"),
        (scaled(1000.0), "looks like watts"),
        (scaled(-1.0), "below zero"),
    ],
)
def test_a_forecast_that_is_none_is_told_and_not_used(plant, service, how, reason):
    served = service(agent="self-consumption")
    cycles(plant, served, 1)
    kept = served.sites["site"].beliefs["load_kw"].values[1:]
    spoilt(plant, how)
    for quality in ("fresh", "late"):
        (plan,) = cycles(plant, served, 1)
        assert reason in plan.reason
        assert (plan.status, served.sites["site"].quality) == ("optimal", quality)
    assert served.sites["site"].beliefs["load_kw"].values[:-2].tolist() == kept[1:].tolist()


def test_rows_in_any_order_are_the_same_forecast(plant, service):
    spoilt(plant, lambda rows: rows[::-1])
    served = service(agent="self-consumption")
    (plan,) = cycles(plant, served, 1)
    assert (plan.status, plan.reason) == ("optimal", "")


def test_a_forecast_of_a_little_less_than_nothing_is_nothing(plant, service):
    spoilt(plant, lambda rows: [{**row, **({"solar_kw": -0.01} if "solar_kw" in row else {})} for row in rows])
    served = service(agent="self-consumption")
    (plan,) = cycles(plant, served, 1)
    assert (plan.status, plan.reason) == ("optimal", "")
    assert served.sites["site"].beliefs["pv_kw"].values.max() == 0.0


def test_a_meter_in_watts_is_told_and_not_used(plant, service):
    served = service(agent="self-consumption")
    cycles(plant, served, 2)
    reading = plant.reading

    def watts():
        answer = reading()
        answer["meter"] = {**answer["meter"], "load_kw": 1000.0 * answer["meter"]["load_kw"]}
        return answer

    plant.reading = watts
    (plan,) = cycles(plant, served, 1)
    assert "looks like watts" in plan.reason
    kept = served.store.intervals("site", plant.now - pd.Timedelta("1h"), plant.now)
    assert kept["load_kw"].dropna().max() < 1000.0
