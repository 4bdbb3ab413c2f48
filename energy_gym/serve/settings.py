"""What the service is told: by the environment or a file ``.env``, and by a YAML file of sites.

One rule: everything is read and checked at the start; a value that is refused is named with its rule.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from energy_gym.contracts import demand, tariff
from energy_gym.data.zones import checked_zone
from energy_gym.entities import Battery, Consumer, Grid, Solar
from energy_gym.errors import ConfigurationError, EnergyGymError
from energy_gym.objective import Clock
from energy_gym.scenario import Scenario
from energy_gym.serve.schedule import Cron
from energy_gym.serve.site_parts import CallbackSettings, ColumnSettings, Limits, Span, WatchSettings

MINUTES_PER_HOUR, MINUTES_PER_DAY = 60, 24 * 60
# Limits that a service cannot hold which commands a power at the meter.
METER_LEAVES = ("charge_kw", "discharge_kw", "change_kw", "soc_min", "soc_max", "daily_kwh")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SiteSettings(BaseModel):
    """A site: its scenario, what its series are usually like, who decides, and where forecasts and battery are asked.

    Args:
        id: Short name, used in addresses.
        scenario: Path of a scenario's YAML file; None: the battery and tariff of the environment's settings.
        data: A data set's id, or a file of load and generation: what is usual there, until the meter has shown it.
        zone: Time zone of the site; None: that of the data.
        control: What an agent's wish names: a ``power`` of the battery, or one at the ``meter``, which the battery's
            controller then holds through the interval.
        agent: Name of an agent, or the folder of a saved one.
        fallback: Agent that decides where the first cannot.
        reporter_url: Where forecasts are asked; None: that of the settings.
        bms_url: Where the battery is asked and commanded; None: that of the settings.
        controller: ``module:factory`` of an object that is asked and commanded in place of an address: it is called
            with the site's name, and has ``reading`` and ``dispatch`` as `BatteryController` has.
        span: The time over which it is accounted for; None: without an end, month after month.
        limits: Limits of every command.
        schedule: When it is planned for, a cron expression in the site's zone; None: at the start of each interval.
        review: When the day before is reviewed, likewise; None: never.
        watches: Tables whose change lets it be planned for at once.
        columns: Where a column comes from in place of the forecasting service, by its name.
        callbacks: Who else is told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(default="site", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    scenario: Path | None = None
    data: str = "commercial"
    zone: str | None = None
    control: Literal["power", "meter"] = "power"
    agent: str = "mpc"
    fallback: str = "idle"
    reporter_url: str | None = None
    bms_url: str | None = None
    controller: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    span: Span | None = None
    limits: Limits = Limits()
    schedule: str | None = None
    review: str | None = "20 1 * * *"
    watches: tuple[WatchSettings, ...] = ()
    columns: dict[str, ColumnSettings] = Field(default_factory=dict)
    callbacks: tuple[CallbackSettings, ...] = ()

    @model_validator(mode="after")
    def _holds(self) -> Self:
        bound = [name for name in METER_LEAVES if getattr(self.limits, name) is not None]
        if self.control == "meter" and bound:
            raise ValueError(f"control: meter leaves the power to the controller, which must hold {', '.join(bound)}")
        return self

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, value: str | None) -> str | None:
        try:
            return None if value is None else checked_zone(value)
        except EnergyGymError as error:
            raise ValueError(error.rule) from error

    @field_validator("schedule", "review")
    @classmethod
    def _is_cron(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                Cron(value)
            except ConfigurationError as error:
                raise ValueError(error.rule) from error
        return value


class Settings(BaseSettings):
    """Settings of the service, by their names in the environment or in a file ``.env``.

    Powers are kW, energies kWh, states of charge shares of the capacity.

    Example:
        >>> Settings(mpc_horizon_hours=24).horizon
        96
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    service_host: str = "127.0.0.1"
    service_port: int = Field(default=8001, ge=1, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    reporter_base_url: str = "http://localhost:8000"
    bms_base_url: str = "http://localhost:8002"
    mpc_interval_minutes: int = Field(default=15, ge=1, le=MINUTES_PER_DAY)
    mpc_horizon_hours: int = Field(default=48, ge=1, le=168)
    mpc_time_step_minutes: int = Field(default=15, ge=1, le=MINUTES_PER_DAY)
    battery_capacity_kwh: float = Field(default=500.0, gt=0.0, allow_inf_nan=False)
    battery_power_max_kw: float = Field(default=250.0, gt=0.0, allow_inf_nan=False)
    battery_efficiency_roundtrip: float = Field(default=0.90, gt=0.0, le=1.0)
    battery_soc_min: float = Field(default=0.10, ge=0.0, le=1.0)
    battery_soc_max: float = Field(default=0.90, ge=0.0, le=1.0)
    database_url: str = "sqlite:///energy-gym.db"
    request_timeout_seconds: float = Field(default=5.0, gt=0.0, le=60.0)
    request_attempts: int = Field(default=3, ge=1, le=10)
    solve_timeout_seconds: float = Field(default=30.0, gt=0.0)
    workers: Literal["threads", "processes"] = "threads"
    track: Literal["mlflow", "wandb"] | None = None
    rate_limit_per_minute: int = Field(default=6000, ge=1)
    api_keys: dict[str, Literal["read", "trigger", "admin"]] = Field(
        default_factory=dict, description="Roles by the SHA-256 of each key, as JSON; energy-gym serve --new-key ROLE"
    )

    @field_validator("reporter_base_url", "bms_base_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("must be an address such as http://localhost:8000")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.battery_soc_min >= self.battery_soc_max:
            raise ValueError("BATTERY_SOC_MIN must be below BATTERY_SOC_MAX")
        if MINUTES_PER_DAY % self.mpc_time_step_minutes:
            raise ValueError("MPC_TIME_STEP_MINUTES must divide a day")
        if self.mpc_horizon_hours * MINUTES_PER_HOUR % self.mpc_time_step_minutes:
            raise ValueError("MPC_HORIZON_HOURS must be a whole number of MPC_TIME_STEP_MINUTES")
        if self.mpc_interval_minutes != self.mpc_time_step_minutes:
            raise ValueError("MPC_INTERVAL_MINUTES must be MPC_TIME_STEP_MINUTES: each interval is commanded once")
        if self.workers == "processes" and self.database_url == "sqlite://":
            raise ValueError("WORKERS=processes needs a DATABASE_URL that processes share, such as sqlite:///file.db")
        if not self.api_keys and self.service_host not in LOOPBACK:
            raise ValueError(
                f"SERVICE_HOST={self.service_host} needs API_KEYS: without keys only this machine may ask; "
                "make one with energy-gym serve --new-key admin"
            )
        return self

    @property
    def horizon(self) -> int:
        """Intervals that a plan looks ahead."""
        return self.mpc_horizon_hours * MINUTES_PER_HOUR // self.mpc_time_step_minutes

    @property
    def battery(self) -> Battery:
        """The battery; its round trip is split evenly."""
        one_way = math.sqrt(self.battery_efficiency_roundtrip)
        return Battery(
            self.battery_capacity_kwh,
            self.battery_power_max_kw,
            self.battery_power_max_kw,
            one_way,
            one_way,
            soc_min=self.battery_soc_min,
            soc_max=self.battery_soc_max,
        )

    def scenario(self) -> Scenario:
        """Return the site that the settings describe: a commercial customer of Costa Rica who exports nothing."""
        return Scenario(
            name="site",
            entities={
                "grid": Grid(export_kw=0.0),
                "battery": self.battery,
                "pv": Solar(curtailment="limit"),
                "load": Consumer(),
            },
            contracts={"tariff": tariff.costa_rica(), "demand": demand.costa_rica()},
            clock=Clock(step_minutes=self.mpc_time_step_minutes, horizon=self.horizon),
        )


def read_settings(**values: Any) -> Settings:
    """Return the settings of the environment, with some values given.

    Raises:
        ConfigurationError: A value is refused.
    """
    try:
        return Settings(**values)
    except ValidationError as error:
        raise _refused("settings", error) from error


def read_sites(path: Path | None) -> tuple[SiteSettings, ...]:
    """Return the sites of a YAML file, or the one that the settings describe.

    Raises:
        ConfigurationError: The file cannot be read, a value is refused, or two sites share a name.
    """
    if path is None:
        return (SiteSettings(),)
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}", f"cannot be read ({error})", "check the path and the file") from error
    rows = tree.get("sites") if isinstance(tree, dict) else None
    if not isinstance(rows, list) or not rows:
        raise ConfigurationError(f"{path}", "must have a list of sites", 'write "sites:" and below it "- id: office"')
    sites = tuple(_site(path, place, row) for place, row in enumerate(rows))
    names = [site.id for site in sites]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(f"{path}: id {twice!r}", "stands twice", "give each site a name of its own")
    return sites


def _site(path: Path, place: int, row: Any) -> SiteSettings:
    try:
        site = SiteSettings.model_validate(row)
    except ValidationError as error:
        raise _refused(f"{path}: sites[{place}]", error) from error
    if site.scenario is not None and not site.scenario.is_absolute():
        return site.model_copy(update={"scenario": path.parent / site.scenario})
    return site


def _refused(where: str, error: ValidationError) -> ConfigurationError:
    first = error.errors(include_url=False, include_context=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    found = f"{where}: {name}={first['input']!r}" if name else where
    return ConfigurationError(found, first["msg"].removeprefix("Value error, "), "correct it and start again")
