"""Parts of a site's settings: its limits, what is looked at, who is told, and where a column comes from.

One rule: each says in one place what it holds; what is made of it is made elsewhere.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

WARN, CLAMP, STOP = "warn", "clamp", "stop"
LIMITS = ("charge_kw", "discharge_kw", "change_kw", "soc_min", "soc_max", "daily_kwh", "temperature_c")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Part):
    """The time over which a site is accounted for: what is stored at its end is settled then, as in an environment.

    Args:
        since: Its first moment, with an offset.
        until: The moment after its last.
    """

    since: AwareDatetime
    until: AwareDatetime

    @model_validator(mode="after")
    def _holds(self) -> Self:
        if self.until <= self.since:
            raise ValueError("until must be after since")
        return self


class Limits(_Part):
    """Limits of the site, whatever an agent says; None: no limit but the battery's own.

    Args:
        charge_kw: The highest power of charging.
        discharge_kw: The highest power of discharging.
        change_kw: How much a command may differ from the one before.
        soc_min: State of charge below which it is not discharged, a share.
        soc_max: State of charge above which it is not charged, a share.
        daily_kwh: Energy through the battery, both ways, in a local day.
        temperature_c: Temperature above which the battery rests, where its controller tells one.
        actions: By the name of a limit what is done where a command breaks it: ``"clamp"`` cuts the command (the
            default), ``"warn"`` lets it go and tells, ``"stop"`` lets the battery rest until somebody releases it.
    """

    charge_kw: float | None = Field(default=None, ge=0.0)
    discharge_kw: float | None = Field(default=None, ge=0.0)
    change_kw: float | None = Field(default=None, gt=0.0)
    soc_min: float | None = Field(default=None, ge=0.0, le=1.0)
    soc_max: float | None = Field(default=None, ge=0.0, le=1.0)
    daily_kwh: float | None = Field(default=None, ge=0.0)
    temperature_c: float | None = None
    actions: dict[
        Literal["charge_kw", "discharge_kw", "change_kw", "soc_min", "soc_max", "daily_kwh", "temperature_c"],
        Literal["warn", "clamp", "stop"],
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name in self.actions:
            if getattr(self, name) is None:
                raise ValueError(f"actions names {name}, which has no limit")
        if self.soc_min is not None and self.soc_max is not None and self.soc_min >= self.soc_max:
            raise ValueError("soc_min must be below soc_max")
        return self


class WatchSettings(_Part):
    """A table that is looked at: where the answer to a query changes, the site is planned for again.

    Args:
        database_url: As SQLAlchemy takes it.
        query: Such as ``select max(updated) from forecasts``.
    """

    database_url: str
    query: str


class CallbackSettings(_Part):
    """Who is told of plans, commands and intervals.

    Args:
        kind: ``webhook`` posts JSON to ``url``; ``mqtt`` publishes under ``topic`` at ``host``; ``table`` writes rows
            into ``table`` of ``database_url``; ``python`` is an object made by ``of``, ``module:factory``.
        url: Of a webhook.
        host: Of an MQTT broker.
        port: Its port.
        topic: First part of the topics.
        database_url: Of a table.
        table: Name of the table.
        of: ``module:factory`` of an object with ``planned``, ``commanded`` and ``passed``, or some of them.
    """

    kind: Literal["webhook", "mqtt", "table", "python"]
    url: str | None = None
    host: str | None = None
    port: int = Field(default=1883, ge=1, le=65535)
    topic: str = "energy-gym"
    database_url: str | None = None
    table: str = Field(default="energy_gym", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")
    of: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        needed = {"webhook": "url", "mqtt": "host", "table": "database_url", "python": "of"}[self.kind]
        if getattr(self, needed) is None:
            raise ValueError(f"a callback of kind {self.kind} needs {needed}")
        return self


class ColumnSettings(_Part):
    """Where a column comes from, in place of the forecasting service: one of three.

    Args:
        url: An address that answers as the forecasting service does, with the column's own name.
        database_url: A database that is asked ``query``.
        query: SQL whose rows are a stamp with an offset and a value, evenly spaced; ``:since`` is the moment a day ago.
        python: ``module:function`` that is called with the moment [UTC] and returns a pandas Series, by UTC stamps.
    """

    url: str | None = None
    database_url: str | None = None
    query: str | None = None
    python: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if sum(told is not None for told in (self.url, self.database_url, self.python)) != 1:
            raise ValueError("give one of url, database_url (with query) and python")
        if (self.database_url is None) != (self.query is None):
            raise ValueError("database_url and query go together")
        return self
