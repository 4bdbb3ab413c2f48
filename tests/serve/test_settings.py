"""What the service is told: each value that is refused is named, with its rule."""

from __future__ import annotations

import pytest

from energy_gym.errors import ConfigurationError, DataError, MissingColumnError
from energy_gym.serve.settings import Settings, SiteSettings, read_settings, read_sites


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"battery_capacity_kwh": 0}, "battery_capacity_kwh"),
        ({"battery_capacity_kwh": float("nan")}, "battery_capacity_kwh"),
        ({"battery_efficiency_roundtrip": 1.2}, "battery_efficiency_roundtrip"),
        ({"battery_soc_min": 0.9, "battery_soc_max": 0.1}, "BATTERY_SOC_MIN must be below"),
        ({"mpc_time_step_minutes": 7, "mpc_interval_minutes": 7}, "must divide a day"),
        ({"mpc_horizon_hours": 1, "mpc_time_step_minutes": 96, "mpc_interval_minutes": 96}, "whole number"),
        ({"mpc_interval_minutes": 30}, "must be MPC_TIME_STEP_MINUTES"),
        ({"reporter_base_url": "localhost"}, "must be an address"),
        ({"service_host": "0.0.0.0"}, "needs API_KEYS"),
        ({"service_port": 0}, "service_port"),
    ],
)
def test_a_setting_out_of_range_is_named(values, told):
    with pytest.raises(ConfigurationError, match=told):
        read_settings(_env_file=None, **values)


def test_settings_are_read_from_the_environment_and_a_file(tmp_path, monkeypatch):
    file = tmp_path / "settings"
    file.write_text("MPC_HORIZON_HOURS=24\nBATTERY_POWER_MAX_KW=100\n")
    monkeypatch.setenv("BATTERY_POWER_MAX_KW", "125")
    found = Settings(_env_file=file)
    assert (found.horizon, found.battery_power_max_kw) == (96, 125.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sites: []", "list of sites"),
        ("sites: [{id: office, agnet: mpc}]", "agnet"),
        ("sites: [{id: Office}]", r"sites\[0\]: id"),
        ("sites: [{id: office}, {id: office}]", "stands twice"),
        ("sites: [{limits: {charge_kw: -1}}]", "limits.charge_kw"),
        ("sites: [{control: meter, limits: {charge_kw: 20}}]", "leaves the power to the controller"),
        ("sites: [{schedule: '61 * * * *'}]", "no cron expression"),
        ("sites: [{limits: {actions: {charge_kw: stop}}}]", "which has no limit"),
        ("sites: [{callbacks: [{kind: mqtt}]}]", "needs host"),
        ("sites: [", "cannot be read"),
    ],
)
def test_a_file_of_sites_is_checked(tmp_path, text, told):
    path = tmp_path / "sites.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=told):
        read_sites(path)


@pytest.mark.parametrize(
    ("site", "error"),
    [
        ({"agent": "npc"}, ConfigurationError),
        ({"agent": "dqn"}, ConfigurationError),
        ({"data": "nowhere"}, ConfigurationError),
        ({"data": "none.csv"}, DataError),
    ],
)
def test_a_site_that_cannot_be_planned_for_is_refused_at_the_start(service, site, error):
    with pytest.raises(error):
        service(**site)


def test_a_scenario_that_needs_more_than_is_forecast_is_refused(service, tmp_path):
    path = tmp_path / "market.yaml"
    path.write_text("entities: {battery: {capacity_kwh: 10}}\ncontracts: {spot: {}}\n")
    with pytest.raises(ConfigurationError, match=r"price_per_mwh.*no service forecasts it"):
        service(scenario=path)


def test_a_history_without_the_series_of_the_site_is_refused(service, tmp_path):
    path = tmp_path / "load.csv"
    rows = "\n".join(f"2024-01-{1 + k // 96:02d}T{k // 4 % 24:02d}:{15 * (k % 4):02d}Z,100" for k in range(960))
    path.write_text(f"time,load_kw\n{rows}\n")
    with pytest.raises(MissingColumnError, match="pv_kw"):
        service(data=str(path), zone="America/Costa_Rica")


def test_names_of_sites_are_told_by_default():
    assert [site.id for site in read_sites(None)] == ["site"] == [SiteSettings().id]
